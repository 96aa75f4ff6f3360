/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The link: what makes an interface have carrier.
 */
#ifndef IPOIB_LINK_H
#define IPOIB_LINK_H

#include <linux/types.h>

struct ib_sa_mcmember_rec;
struct ipoib_dev;
struct work_struct;

/* What ipoib_identity() found changed. */
#define IPOIB_ID_PKEY	BIT(0)
#define IPOIB_ID_GID	BIT(1)

u32 ipoib_identity(struct ipoib_dev *ipd);
bool ipoib_identity_look(struct ipoib_dev *ipd);
void ipoib_identity_set(struct ipoib_dev *ipd, const u8 *guid);
void ipoib_identity_take(struct ipoib_dev *ipd, const u8 *guid);
void ipoib_identity_show(struct ipoib_dev *ipd);
void ipoib_link_start(struct ipoib_dev *ipd);
void ipoib_link_stop(struct ipoib_dev *ipd);
int ipoib_link_check(struct ipoib_dev *ipd,
		     const struct ib_sa_mcmember_rec *rec);
void ipoib_link_joined(struct ipoib_dev *ipd,
		       const struct ib_sa_mcmember_rec *rec);
void ipoib_link_lost(struct ipoib_dev *ipd);
void ipoib_link_work(struct work_struct *work);

#endif
