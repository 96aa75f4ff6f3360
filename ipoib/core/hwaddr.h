/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Hardware addresses of IPoIB: 20 octets, a flags octet, a QPN and a GID. RFC
 * 4391 section 9.1.1, RFC 4755 section 3.1.
 */
#ifndef IPOIB_CORE_HWADDR_H
#define IPOIB_CORE_HWADDR_H

#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"

#define IPOIB_ALEN		20
#define IPOIB_GID_LEN		16
#define IPOIB_GUID_LEN		8

/* Where the parts begin. */
#define IPOIB_HW_FLAGS		0
#define IPOIB_HW_QPN		1
#define IPOIB_HW_GID		4
#define IPOIB_HW_GUID		12

/* Octet 0: which connections are accepted. */
#define IPOIB_HW_RC		0x80
#define IPOIB_HW_UC		0x40

#define IPOIB_QPN_MASK		0xffffff
#define IPOIB_QPN_MCAST		0xffffff
#define IPOIB_PKEY_FULL		0x8000

static inline u32 ipoib_hw_qpn(const u8 *hw)
{
	return get_unaligned_be32(hw) & IPOIB_QPN_MASK;
}

static inline void ipoib_hw_set_qpn(u8 *hw, u32 qpn)
{
	put_unaligned_be32((u32)hw[0] << 24 | (qpn & IPOIB_QPN_MASK), hw);
}

static inline const u8 *ipoib_hw_gid(const u8 *hw)
{
	return hw + IPOIB_HW_GID;
}

static inline bool ipoib_hw_is_mcast(const u8 *hw)
{
	return hw[IPOIB_HW_GID] == 0xff;
}

/* In two words and a half: it is done for each packet. */
static inline bool ipoib_hw_equal(const u8 *a, const u8 *b)
{
	return get_unaligned_be64(a) == get_unaligned_be64(b) &&
	       get_unaligned_be64(a + 8) == get_unaligned_be64(b + 8) &&
	       get_unaligned_be32(a + 16) == get_unaligned_be32(b + 16);
}

/* The P_Key of a multicast address stands in octets 4 and 5 of its MGID. */
static inline u16 ipoib_hw_mcast_pkey(const u8 *hw)
{
	return get_unaligned_be16(hw + 8);
}

static inline void ipoib_hw_set_mcast_pkey(u8 *hw, u16 pkey)
{
	put_unaligned_be16(pkey | IPOIB_PKEY_FULL, hw + 8);
}

void ipoib_hw_broadcast(u8 *hw, u16 pkey);
bool ipoib_hw_joinable(const u8 *hw, const u8 *broadcast);
bool ipoib_hw_is_group_of(const u8 *hw, const u8 *broadcast, u16 type,
			  const u8 *ip, u32 len);
int ipoib_hw_check_change(const u8 *now, const u8 *wanted);

#endif
