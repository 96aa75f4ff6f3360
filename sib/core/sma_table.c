// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Attributes that are blocks of a table: P_KeyTable, GUIDInfo, and the linear
 * and multicast forwarding tables. IBTA volume 1, sections 14.2.5.5, 14.2.5.7,
 * 14.2.5.10 and 14.2.5.12. Pure; the caller holds the lock of the node. The
 * data path reads the tables without it, an entry at a time.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "compat/unaligned.h"
#include "sib/core/sma.h"

static bool is_set(const struct sib_smp *in)
{
	return in->method == SIB_METHOD_SET;
}

static bool set_pkeys(u16 *table, unsigned int count, const u8 *p)
{
	bool changed = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		u16 pkey = get_unaligned_be16(p + 2 * i);

		changed |= pkey != table[i];
		WRITE_ONCE(table[i], pkey);
	}
	return changed;
}

/**
 * sib_sma_pkey_table() - Get or Set(P_KeyTable)
 * @node: the node
 * @ingress: the port that the SMP came in on
 * @in: the request
 * @out: its data is filled with what holds afterwards
 * @fx: SIB_FX_PKEYS if an entry changed
 *
 * Return: a MAD status.
 */
u16 sib_sma_pkey_table(struct sib_node *node, u8 ingress,
		       const struct sib_smp *in, struct sib_smp *out,
		       struct sib_sma_fx *fx)
{
	u32 mod = be32_to_cpu(in->attr_mod);
	unsigned int first = (mod & 0xffff) * SIB_PKEY_BLOCK, count, i;
	u8 port = sib_node_agent_port(node, ingress);
	u16 *table = sib_node_pkeys(node, port) + first;

	/* Outer ports of a switch enforce nothing and have no table. */
	if (mod >> 16 || first >= node->num_pkeys)
		return SIB_STATUS_VALUE;
	count = min_t(unsigned int, node->num_pkeys - first, SIB_PKEY_BLOCK);
	if (is_set(in) && set_pkeys(table, count, in->data)) {
		fx->events |= SIB_FX_PKEYS;
		fx->port = port;
	}
	for (i = 0; i < count; i++)
		put_unaligned_be16(table[i], out->data + 2 * i);
	return SIB_STATUS_OK;
}

/**
 * sib_sma_guid_info() - Get or Set(GUIDInfo)
 * @node: the node
 * @ingress: the port that the SMP came in on
 * @in: the request
 * @out: its data is filled with what holds afterwards
 * @fx: SIB_FX_GUIDS if an entry changed
 *
 * Return: a MAD status.
 */
u16 sib_sma_guid_info(struct sib_node *node, u8 ingress,
		      const struct sib_smp *in, struct sib_smp *out,
		      struct sib_sma_fx *fx)
{
	u32 block = be32_to_cpu(in->attr_mod);
	unsigned int first, last, i;
	u8 port = sib_node_agent_port(node, ingress);
	u64 *table = sib_node_guids(node, port);

	if (block >= DIV_ROUND_UP(node->num_guids, SIB_GUID_BLOCK))
		return SIB_STATUS_VALUE;
	first = block * SIB_GUID_BLOCK;
	last = min_t(unsigned int, node->num_guids, first + SIB_GUID_BLOCK);
	for (i = first; i < last; i++) {
		u64 guid = get_unaligned_be64(in->data + 8 * (i - first));

		/* Entry 0 is burnt in. */
		if (is_set(in) && i && guid != table[i]) {
			WRITE_ONCE(table[i], guid);
			fx->events |= SIB_FX_GUIDS;
			fx->port = port;
		}
		put_unaligned_be64(table[i], out->data + 8 * (i - first));
	}
	return SIB_STATUS_OK;
}

/**
 * sib_sma_lft() - Get or Set(LinearForwardingTable)
 * @node: a switch
 * @in: the request
 * @out: its data is filled with what holds afterwards
 *
 * Return: a MAD status.
 */
u16 sib_sma_lft(struct sib_node *node, const struct sib_smp *in,
		struct sib_smp *out)
{
	u32 block = be32_to_cpu(in->attr_mod);
	unsigned int i;
	u8 *table;

	if (block >= SIB_LFT_ENTRIES / SIB_LFT_BLOCK)
		return SIB_STATUS_VALUE;
	table = node->sw.lft + block * SIB_LFT_BLOCK;
	for (i = 0; i < SIB_LFT_BLOCK; i++) {
		if (is_set(in))
			WRITE_ONCE(table[i], in->data[i]);
		out->data[i] = table[i];
	}
	return SIB_STATUS_OK;
}

/**
 * sib_sma_mft() - Get or Set(MulticastForwardingTable)
 * @node: a switch
 * @in: the request: bits 8-0 of the modifier are the block of 32 MLIDs, bits
 *	31-28 which 16 ports
 * @out: its data is filled with what holds afterwards
 *
 * Return: a MAD status.
 */
u16 sib_sma_mft(struct sib_node *node, const struct sib_smp *in,
		struct sib_smp *out)
{
	u32 mod = be32_to_cpu(in->attr_mod);
	u32 block = mod & 0x1ff, shift = (mod >> 28) * SIB_MFT_PORTS;
	unsigned int i;
	u64 *table;

	if (block >= SIB_MFT_ENTRIES / SIB_MFT_BLOCK ||
	    shift > node->num_ports)
		return SIB_STATUS_VALUE;
	table = node->sw.mft + block * SIB_MFT_BLOCK;
	for (i = 0; i < SIB_MFT_BLOCK; i++) {
		u64 mask = table[i];

		if (is_set(in)) {
			mask &= ~((u64)0xffff << shift);
			mask |= (u64)get_unaligned_be16(in->data + 2 * i)
				<< shift;
			WRITE_ONCE(table[i], mask);
		}
		put_unaligned_be16(mask >> shift, out->data + 2 * i);
	}
	return SIB_STATUS_OK;
}
