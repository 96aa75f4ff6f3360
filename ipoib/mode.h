/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Settings that both sysfs and rtnetlink have.
 */
#ifndef IPOIB_MODE_H
#define IPOIB_MODE_H

#include <linux/types.h>

struct ipoib_dev;
struct netlink_ext_ack;

int ipoib_mode_set(struct ipoib_dev *ipd, unsigned int mode);
unsigned int ipoib_mode(const struct ipoib_dev *ipd);
int ipoib_mode_check(const struct ipoib_dev *ipd, unsigned int mode,
		     struct netlink_ext_ack *extack);
void ipoib_umcast_set(struct ipoib_dev *ipd, bool on);

#endif
