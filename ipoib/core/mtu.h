/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * MTUs: what the port could, what the group allows, what the administrator
 * wants. RFC 4391 section 7.
 */
#ifndef IPOIB_CORE_MTU_H
#define IPOIB_CORE_MTU_H

#include <linux/types.h>

/* IPv4's least, RFC 791, and the header. */
#define IPOIB_MTU_MIN		72
/* Connected mode's most. */
#define IPOIB_MTU_MAX		65520

/**
 * struct ipoib_mtu - the MTUs of a link, octets of IP
 * @link: what the port's IB MTU allows
 * @group: what the broadcast group allows, @link before it is joined
 * @admin: what was asked for last in datagram mode
 * @connected: the mode; then @conn alone counts
 * @conn: what connections carry
 * @conn_max: the most of it
 */
struct ipoib_mtu {
	unsigned int link;
	unsigned int group;
	unsigned int admin;
	bool connected;
	unsigned int conn;
	unsigned int conn_max;
};

unsigned int ipoib_mtu_of_code(unsigned int code);
void ipoib_mtu_init(struct ipoib_mtu *mtu, unsigned int link);
unsigned int ipoib_mtu_effective(const struct ipoib_mtu *mtu);
int ipoib_mtu_ask(struct ipoib_mtu *mtu, unsigned int wanted);
void ipoib_mtu_switch(struct ipoib_mtu *mtu, bool connected);
int ipoib_mtu_joined(struct ipoib_mtu *mtu, unsigned int code);

#endif
