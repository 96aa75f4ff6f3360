/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The two checksums of a packet: which octets they cover and how. IBTA
 * volume 1, section 7.8.
 */
#ifndef SIB_CORE_ICRC_H
#define SIB_CORE_ICRC_H

#include <linux/types.h>

/* Octets at the head of a packet of which some are masked for the ICRC. */
#define SIB_ICRC_HEAD_GRH	(8 + 40 + 12)
#define SIB_ICRC_HEAD		(8 + 12)

size_t sib_icrc_head(const u8 *pkt, bool has_grh, u8 *head);
u16 sib_vcrc_update(u16 crc, const u8 *data, size_t len);

#define SIB_VCRC_SEED		0xffff

#endif
