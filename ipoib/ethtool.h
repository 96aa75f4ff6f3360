/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * ethtool.
 */
#ifndef IPOIB_ETHTOOL_H
#define IPOIB_ETHTOOL_H

#include <linux/ethtool.h>

extern const struct ethtool_ops ipoib_ethtool_ops;

#endif
