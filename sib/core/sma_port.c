// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * PortInfo, the attribute by which an SM runs a port. IBTA volume 1, section
 * 14.2.5.6 and, for the port state machine, section 7.2.7. Pure; the caller
 * holds the lock of the node.
 *
 * A field with a bad value keeps its old one and the status says so; the
 * other fields are taken all the same. A change of state comes last.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "compat/unaligned.h"
#include "sib/core/hdr.h"
#include "sib/core/sma.h"

/* Is this a port that has a LID, as a switch's outer ports have not? */
static bool is_end_port(const struct sib_node *node, u8 port)
{
	return node->type == SIB_NODE_CA || port == 0;
}

/* Has it a link, as a switch's own port has not? */
static bool has_link(const struct sib_node *node, u8 port)
{
	return node->type == SIB_NODE_CA || port != 0;
}

static void pack_end_port(const struct sib_node *node,
			  const struct sib_portinfo *pi, bool hide_mkey,
			  u8 *p)
{
	put_unaligned_be64(hide_mkey ? 0 : pi->mkey, p);
	put_unaligned_be64(pi->gid_prefix, p + 8);
	put_unaligned_be16(pi->lid, p + 16);
	put_unaligned_be16(pi->sm_lid, p + 18);
	put_unaligned_be32(pi->cap_mask, p + 20);
	put_unaligned_be16(pi->diag_code, p + 24);
	put_unaligned_be16(pi->mkey_lease, p + 26);
	p[34] = pi->mkey_protect << 6 | pi->lmc;
	p[36] |= pi->sm_sl;
	put_unaligned_be16(pi->mkey_violations, p + 44);
	put_unaligned_be16(pi->pkey_violations, p + 46);
	put_unaligned_be16(pi->qkey_violations, p + 48);
	p[50] = node->num_guids;
	p[51] = pi->subnet_timeout;
	/* 4.096 us times two to the 8th: about a millisecond. */
	p[52] = 8;
}

static void pack_link(const struct sib_portinfo *pi, u8 *p)
{
	p[29] = pi->width_enabled;
	p[30] = pi->width_supported;
	p[31] = pi->width_active;
	p[32] = pi->speed_supported << 4 | pi->state;
	p[33] = pi->phys_state << 4 | pi->down_default;
	p[35] = pi->speed_active << 4 | pi->speed_enabled;
	p[36] |= pi->neighbor_mtu << 4;
	p[37] = pi->vl_cap << 4;
	p[38] = pi->vl_high_limit;
	p[41] = pi->mtu_cap;
	p[42] = pi->vl_stall << 5 | pi->hoq_life;
	p[43] = pi->op_vls << 4 | pi->enforcement;
	p[53] = pi->thresholds;
}

static u16 set_lids(struct sib_portinfo *pi, const u8 *p, u32 *events)
{
	u16 lid = get_unaligned_be16(p + 16);
	u16 sm_lid = get_unaligned_be16(p + 18);
	u8 lmc = p[34] & 7, sm_sl = p[36] & 0x0f;
	u16 status = SIB_STATUS_OK;

	if (!sib_lid_is_unicast(lid)) {
		status = SIB_STATUS_VALUE;
	} else if (lid != pi->lid || lmc != pi->lmc) {
		WRITE_ONCE(pi->lid, lid);
		WRITE_ONCE(pi->lmc, lmc);
		*events |= SIB_FX_LID;
	}
	if (!sib_lid_is_unicast(sm_lid)) {
		status = SIB_STATUS_VALUE;
	} else if (sm_lid != pi->sm_lid || sm_sl != pi->sm_sl) {
		pi->sm_lid = sm_lid;
		pi->sm_sl = sm_sl;
		*events |= SIB_FX_SM;
	}
	return status;
}

/* A violation counter is cleared by zero and left alone by all else. */
static void set_violations(u16 *counter, const u8 *p)
{
	if (!get_unaligned_be16(p))
		*counter = 0;
}

static u16 set_end_port(struct sib_portinfo *pi, const u8 *p, u32 *events)
{
	u64 prefix = get_unaligned_be64(p + 8);

	pi->mkey = get_unaligned_be64(p);
	pi->mkey_lease = get_unaligned_be16(p + 26);
	pi->mkey_protect = p[34] >> 6;
	pi->subnet_timeout = p[51] & 0x1f;
	set_violations(&pi->mkey_violations, p + 44);
	set_violations(&pi->pkey_violations, p + 46);
	set_violations(&pi->qkey_violations, p + 48);
	if (prefix != pi->gid_prefix) {
		WRITE_ONCE(pi->gid_prefix, prefix);
		*events |= SIB_FX_PREFIX;
	}
	if (p[51] & 0x80)
		*events |= SIB_FX_REREGISTER;
	return set_lids(pi, p, events);
}

/* Enabled bits: none means no change, all means all that are supported. */
static u16 set_enabled(u8 *enabled, u8 supported, u8 wanted, u8 all)
{
	if (!wanted)
		return SIB_STATUS_OK;
	if (wanted == all) {
		*enabled = supported;
		return SIB_STATUS_OK;
	}
	if (wanted & ~supported)
		return SIB_STATUS_VALUE;
	*enabled = wanted;
	return SIB_STATUS_OK;
}

static u16 set_link(struct sib_portinfo *pi, const u8 *p)
{
	u8 mtu = p[36] >> 4, vls = p[43] >> 4, down = p[33] & 0x0f;
	u16 status;

	status = set_enabled(&pi->width_enabled, pi->width_supported, p[29],
			     0xff);
	status |= set_enabled(&pi->speed_enabled, pi->speed_supported,
			      p[35] & 0x0f, 0x0f);
	if (mtu < 1 || mtu > pi->mtu_cap)
		status |= SIB_STATUS_VALUE;
	else
		WRITE_ONCE(pi->neighbor_mtu, mtu);
	if (vls > pi->vl_cap)
		status |= SIB_STATUS_VALUE;
	else if (vls)
		pi->op_vls = vls;
	if (down > SIB_PHYS_POLLING)
		status |= SIB_STATUS_VALUE;
	else if (down)
		pi->down_default = down;
	pi->vl_high_limit = p[38];
	pi->vl_stall = p[42] >> 5;
	pi->hoq_life = p[42] & 0x1f;
	pi->enforcement = p[43] & 0x0f;
	pi->thresholds = p[53];
	return status;
}

static u16 go_down(const struct sib_portinfo *pi, u8 phys, u32 *events)
{
	switch (phys) {
	case SIB_PHYS_NOP:
	case SIB_PHYS_SLEEP:
		/* A disabled port stays so until told to poll. */
		if (pi->phys_state != SIB_PHYS_DISABLED)
			*events |= SIB_FX_RETRAIN;
		return SIB_STATUS_OK;
	case SIB_PHYS_POLLING:
		/* Be it disabled now, or by an order that is still waiting. */
		*events |= SIB_FX_RETRAIN | SIB_FX_ENABLE;
		return SIB_STATUS_OK;
	case SIB_PHYS_DISABLED:
		*events |= SIB_FX_DISABLE;
		return SIB_STATUS_OK;
	}
	return SIB_STATUS_VALUE;
}

static u16 set_state(struct sib_portinfo *pi, const u8 *p, u32 *events)
{
	u8 state = p[32] & 0x0f, phys = p[33] >> 4;

	if (phys && state > SIB_PORT_DOWN)
		return SIB_STATUS_VALUE;
	switch (state) {
	case SIB_PORT_NOP:
		return phys ? go_down(pi, phys, events) : SIB_STATUS_OK;
	case SIB_PORT_DOWN:
		return go_down(pi, phys, events);
	case SIB_PORT_ARMED:
		if (pi->state != SIB_PORT_INIT)
			return SIB_STATUS_VALUE;
		WRITE_ONCE(pi->state, SIB_PORT_ARMED);
		return SIB_STATUS_OK;
	case SIB_PORT_ACTIVE:
		if (pi->state != SIB_PORT_ARMED)
			return SIB_STATUS_VALUE;
		WRITE_ONCE(pi->state, SIB_PORT_ACTIVE);
		*events |= SIB_FX_ACTIVE;
		return SIB_STATUS_OK;
	}
	return SIB_STATUS_VALUE;
}

static u16 set_port_info(struct sib_node *node, u8 port, const u8 *p,
			 struct sib_sma_fx *fx)
{
	struct sib_portinfo *pi = &node->port[port];
	u16 status = SIB_STATUS_OK;

	if (is_end_port(node, port))
		status |= set_end_port(pi, p, &fx->events);
	if (has_link(node, port)) {
		status |= set_link(pi, p);
		status |= set_state(pi, p, &fx->events);
	}
	fx->port = port;
	return status;
}

/**
 * sib_sma_port_info() - Get or Set(PortInfo)
 * @node: the node
 * @ingress: the port that the SMP came in on
 * @in: the request
 * @out: its data is filled with what holds afterwards
 * @fx: what the Set changed; a link that is to be dropped is still up
 *
 * Return: a MAD status.
 */
u16 sib_sma_port_info(struct sib_node *node, u8 ingress,
		      const struct sib_smp *in, struct sib_smp *out,
		      struct sib_sma_fx *fx)
{
	u32 port = be32_to_cpu(in->attr_mod) & SIB_PORT_INFO_PORT;
	struct sib_portinfo *pi;
	u16 status = SIB_STATUS_OK;
	bool hide_mkey;

	if (node->type == SIB_NODE_CA && !port)
		port = ingress;
	if (port > node->num_ports)
		return SIB_STATUS_VALUE;
	pi = &node->port[port];
	if (in->method == SIB_METHOD_SET)
		status = set_port_info(node, port, in->data, fx);
	/* Who was allowed to set may see what the key is now. */
	hide_mkey = in->method == SIB_METHOD_GET && pi->mkey_protect &&
		    be64_to_cpu(in->mkey) != pi->mkey;
	if (is_end_port(node, port))
		pack_end_port(node, pi, hide_mkey, out->data);
	pack_link(pi, out->data);
	out->data[28] = ingress;
	if (in->method == SIB_METHOD_SET && is_end_port(node, port))
		out->data[51] |= in->data[51] & 0x80;
	return status;
}
