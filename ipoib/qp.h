/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The QPs of an interface, up and down.
 */
#ifndef IPOIB_QP_H
#define IPOIB_QP_H

#include <linux/jiffies.h>
#include <linux/types.h>

struct ib_cq;
struct ib_qp;
struct ipoib_dev;
struct work_struct;

/* How long an HCA may take to empty its queues, jiffies. */
#define IPOIB_FLUSH_LIMIT	(HZ / 2)

int ipoib_qp_create(struct ipoib_dev *ipd);
void ipoib_qp_destroy(struct ipoib_dev *ipd);
struct ib_qp *ipoib_qp_create_send(struct ipoib_dev *ipd, struct ib_cq *cq,
				   unsigned int size);
int ipoib_qp_bring_up(struct ipoib_dev *ipd, struct ib_qp *qp);
bool ipoib_qp_reset(struct ipoib_dev *ipd, struct ib_qp *qp);
bool ipoib_qp_end(struct ipoib_dev *ipd, struct ib_qp *qp);
int ipoib_qp_up(struct ipoib_dev *ipd);
void ipoib_qp_up_again(struct ipoib_dev *ipd);
void ipoib_qp_down(struct ipoib_dev *ipd);
void ipoib_qp_restart(struct ipoib_dev *ipd);
void ipoib_qp_set_qkey(struct ipoib_dev *ipd, u32 qkey);
void ipoib_qp_recover(struct ipoib_dev *ipd);
void ipoib_qp_recover_work(struct work_struct *work);

#endif
