/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Cutting what TCP has in one piece into packets.
 */
#ifndef SIB_CORE_LSO_H
#define SIB_CORE_LSO_H

#include <linux/types.h>

/* Encapsulation header, IPv4 and TCP with all options: octets of headers. */
#define SIB_LSO_HEAD	(4 + 60 + 60)
/* Octets of data in one piece. */
#define SIB_LSO_MAX	(256 * 1024)

/**
 * struct sib_lso - how to cut
 * @hlen: octets of headers, which all packets have
 * @mss: octets of data of each packet but the last
 */
struct sib_lso {
	u16 hlen;
	u16 mss;
};

bool sib_lso_is_good(const struct sib_lso *lso, const u8 *head);
void sib_lso_head(const struct sib_lso *lso, const u8 *head, u8 *to, u32 len,
		  u32 offset);

#endif
