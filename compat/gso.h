/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * skb_gso_validate_network_len(): it has a header of its own since 6.5.
 */
#ifndef COMPAT_GSO_H
#define COMPAT_GSO_H

#include <linux/skbuff.h>
#ifdef COMPAT_NET_GSO
#include <net/gso.h>
#endif

#endif
