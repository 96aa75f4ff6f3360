// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Attributes of a whole node: NodeDescription, NodeInfo, SwitchInfo. IBTA
 * volume 1, sections 14.2.5.2 to 14.2.5.4. Pure; the caller holds the lock of
 * the node.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"
#include "sib/core/sma.h"

/**
 * sib_sma_node_desc() - Get(NodeDescription)
 * @node: the node
 * @ingress: not looked at
 * @out: its data is filled
 *
 * Return: a MAD status.
 */
u16 sib_sma_node_desc(struct sib_node *node, u8 ingress, struct sib_smp *out)
{
	memcpy(out->data, node->desc, SIB_DESC_LEN);
	return SIB_STATUS_OK;
}

/**
 * sib_sma_node_info() - Get(NodeInfo)
 * @node: the node
 * @ingress: becomes LocalPortNum
 * @out: its data is filled
 *
 * Return: a MAD status.
 */
u16 sib_sma_node_info(struct sib_node *node, u8 ingress, struct sib_smp *out)
{
	u8 *p = out->data;
	u8 port = sib_node_agent_port(node, ingress);

	p[0] = 1;
	p[1] = 1;
	p[2] = node->type;
	p[3] = node->num_ports;
	put_unaligned_be64(node->sys_guid, p + 4);
	put_unaligned_be64(node->guid, p + 12);
	put_unaligned_be64(sib_node_guids(node, port)[0], p + 20);
	put_unaligned_be16(node->num_pkeys, p + 28);
	put_unaligned_be16(node->device_id, p + 30);
	put_unaligned_be32(node->revision, p + 32);
	put_unaligned_be32((u32)ingress << 24 | (node->vendor_id & 0xffffff),
			   p + 36);
	return SIB_STATUS_OK;
}

static void set_switch_info(struct sib_switchinfo *sw, const u8 *p)
{
	u16 top = get_unaligned_be16(p + 6);

	WRITE_ONCE(sw->lft_top, top < SIB_LFT_ENTRIES ? top :
							SIB_LFT_ENTRIES - 1);
	sw->default_port = p[8];
	sw->mcast_primary = p[9];
	sw->mcast_not_primary = p[10];
	sw->life_time = p[11] >> 3;
	/* Written as one it is cleared, as zero it stays. */
	if (p[11] & BIT(2))
		sw->state_change = false;
	sw->mft_top = get_unaligned_be16(p + 18);
}

/**
 * sib_sma_switch_info() - Get or Set(SwitchInfo)
 * @node: a switch
 * @in: the request
 * @out: its data is filled with what holds afterwards
 *
 * Return: a MAD status.
 */
u16 sib_sma_switch_info(struct sib_node *node, const struct sib_smp *in,
			struct sib_smp *out)
{
	struct sib_switchinfo *sw = &node->sw;
	u8 *p = out->data;

	if (in->method == SIB_METHOD_SET)
		set_switch_info(sw, in->data);
	put_unaligned_be16(SIB_LFT_ENTRIES, p);
	put_unaligned_be16(SIB_MFT_ENTRIES, p + 4);
	put_unaligned_be16(sw->lft_top, p + 6);
	p[8] = sw->default_port;
	p[9] = sw->mcast_primary;
	p[10] = sw->mcast_not_primary;
	p[11] = sw->life_time << 3 | sw->state_change << 2;
	put_unaligned_be16(sw->mft_top, p + 18);
	return SIB_STATUS_OK;
}
