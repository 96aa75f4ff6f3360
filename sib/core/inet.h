/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What an HCA knows of IP: where the checksums of a packet of IP over
 * InfiniBand are, and what they should be. RFC 1071, RFC 4391 section 6.
 */
#ifndef SIB_CORE_INET_H
#define SIB_CORE_INET_H

#include <linux/types.h>

/* Encapsulation header, IPv6, TCP: octets that must be at hand. */
#define SIB_INET_HEAD	(4 + 40 + 20)

/**
 * struct sib_inet - where things are in a payload
 * @v6: IPv6; else IPv4
 * @protocol: of the transport, TCP or UDP
 * @l3: octet where the IP header begins
 * @l4: likewise, the transport's
 * @end: octet behind the IP packet
 * @field: octet of the transport's checksum
 */
struct sib_inet {
	bool v6;
	u8 protocol;
	u16 l3;
	u16 l4;
	u16 end;
	u16 field;
};

#define SIB_INET_TCP	6
#define SIB_INET_UDP	17

bool sib_inet_parse(struct sib_inet *inet, const u8 *p, size_t avail,
		    size_t len);
bool sib_inet_is_right(const struct sib_inet *inet, const u8 *p, u16 sum);
void sib_inet_fill(const struct sib_inet *inet, u8 *p, u16 sum);

#endif
