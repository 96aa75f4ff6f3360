/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The QPs of an interface, up and down.
 */
#ifndef IPOIB_QP_H
#define IPOIB_QP_H

#include <linux/types.h>

struct ipoib_dev;
struct work_struct;

int ipoib_qp_create(struct ipoib_dev *ipd);
void ipoib_qp_destroy(struct ipoib_dev *ipd);
int ipoib_qp_up(struct ipoib_dev *ipd);
void ipoib_qp_up_again(struct ipoib_dev *ipd);
void ipoib_qp_down(struct ipoib_dev *ipd);
void ipoib_qp_restart(struct ipoib_dev *ipd);
void ipoib_qp_set_qkey(struct ipoib_dev *ipd, u32 qkey);
void ipoib_qp_recover(struct ipoib_dev *ipd);
void ipoib_qp_recover_work(struct work_struct *work);

#endif
