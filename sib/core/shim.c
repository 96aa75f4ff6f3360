// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The shim and the link messages, from and to octets. Pure: called from any
 * context.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"
#include "sib/core/shim.h"

/**
 * sib_shim_parse() - read a shim
 * @shim: filled
 * @p: the frame behind its Ethernet header
 * @avail: octets at @p
 *
 * Context: Any.
 * Return: false if this is no frame of ours or a damaged one.
 */
bool sib_shim_parse(struct sib_shim *shim, const u8 *p, size_t avail)
{
	if (avail < SIB_SHIM_LEN || p[0] >> 4 != SIB_SHIM_VERSION)
		return false;
	shim->kind = p[0] & 0x0f;
	shim->flags = p[1] & SIB_SHIM_FLAGS;
	shim->hops = p[1] >> 2;
	shim->len = get_unaligned_be16(p + 2);
	shim->session = get_unaligned_be32(p + 4);
	return shim->kind <= SIB_SHIM_BUNDLE &&
	       shim->len <= avail - SIB_SHIM_LEN;
}

/**
 * sib_shim_build() - write a shim
 * @shim: what to write
 * @p: room for SIB_SHIM_LEN octets
 */
void sib_shim_build(const struct sib_shim *shim, u8 *p)
{
	p[0] = SIB_SHIM_VERSION << 4 | shim->kind;
	p[1] = shim->hops << 2 | shim->flags;
	put_unaligned_be16(shim->len, p + 2);
	put_unaligned_be32(shim->session, p + 4);
}

/**
 * sib_hello_parse() - read a link message
 * @hello: filled
 * @p: what follows the shim
 * @avail: octets at @p
 *
 * Context: Any.
 * Return: false if it is damaged or of an unknown type.
 */
bool sib_hello_parse(struct sib_hello *hello, const u8 *p, size_t avail)
{
	if (avail < SIB_HELLO_LEN)
		return false;
	hello->type = p[0];
	hello->flags = p[1];
	hello->mtu_cap = p[2];
	hello->port = p[3];
	hello->session = get_unaligned_be32(p + 4);
	hello->echo = get_unaligned_be32(p + 8);
	hello->width = p[12];
	hello->speed = p[13];
	hello->cable_mtu = get_unaligned_be16(p + 14);
	hello->kernel = get_unaligned_be64(p + 16);
	hello->guid = get_unaligned_be64(p + 24);
	return (hello->type == SIB_MSG_HELLO || hello->type == SIB_MSG_BYE) &&
	       hello->session && hello->mtu_cap >= 1 && hello->mtu_cap <= 5;
}

/**
 * sib_hello_build() - write a link message
 * @hello: what to write
 * @p: room for SIB_HELLO_LEN octets
 */
void sib_hello_build(const struct sib_hello *hello, u8 *p)
{
	memset(p, 0, SIB_HELLO_LEN);
	p[0] = hello->type;
	p[1] = hello->flags;
	p[2] = hello->mtu_cap;
	p[3] = hello->port;
	put_unaligned_be32(hello->session, p + 4);
	put_unaligned_be32(hello->echo, p + 8);
	p[12] = hello->width;
	p[13] = hello->speed;
	put_unaligned_be16(hello->cable_mtu, p + 14);
	put_unaligned_be64(hello->kernel, p + 16);
	put_unaligned_be64(hello->guid, p + 24);
}

/**
 * sib_mtu_code() - the IB MTU that a cable carries
 * @cable_mtu: MTU of the netdev, octets
 *
 * Return: 1 (256 octets) to 5 (4096), 0 if not even 256 fit.
 */
u8 sib_mtu_code(unsigned int cable_mtu)
{
	u8 code = 0;

	while (code < 5 && cable_mtu >= (256U << code) + SIB_CABLE_OVERHEAD)
		code++;
	return code;
}
