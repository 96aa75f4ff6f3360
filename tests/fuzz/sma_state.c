// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Copies of nodes, and the comparison of what was and what is.
 */
#include <asm/byteorder.h>

#include "fuzz.h"
#include "sma_state.h"

#include "tests/unit/node.h"

#define PORTS(node)	((node)->num_ports + 1U)

static size_t ports_size(const struct sib_node *n)
{
	return PORTS(n) * sizeof(*n->port);
}

static size_t pkeys_size(const struct sib_node *n)
{
	return PORTS(n) * n->num_pkeys * sizeof(u16);
}

static size_t guids_size(const struct sib_node *n)
{
	return PORTS(n) * n->num_guids * sizeof(u64);
}

#define LFT_SIZE	SIB_LFT_ENTRIES
#define MFT_SIZE	(SIB_MFT_ENTRIES * sizeof(u64))

/* A node like another; node_free() it. */
struct sib_node *state_copy(const struct sib_node *node)
{
	struct sib_node *copy = fuzz_exact(node, sizeof(*node));

	copy->port = fuzz_exact(node->port, ports_size(node));
	copy->pkeys = fuzz_exact(node->pkeys, pkeys_size(node));
	copy->guids = fuzz_exact(node->guids, guids_size(node));
	if (node->type == SIB_NODE_SWITCH) {
		copy->sw.lft = fuzz_exact(node->sw.lft, LFT_SIZE);
		copy->sw.mft = fuzz_exact(node->sw.mft, MFT_SIZE);
	}
	return copy;
}

static void check_link(const struct sib_portinfo *pi)
{
	must(pi->state >= SIB_PORT_DOWN && pi->state <= SIB_PORT_ACTIVE);
	must((pi->state == SIB_PORT_DOWN) ==
	     (pi->phys_state != SIB_PHYS_LINKUP));
	must(pi->mtu_cap >= 1 && pi->mtu_cap <= 5);
	must(pi->neighbor_mtu >= 1 && pi->neighbor_mtu <= pi->mtu_cap);
	must(pi->op_vls >= 1 && pi->op_vls <= pi->vl_cap);
	must(pi->width_enabled && !(pi->width_enabled & ~pi->width_supported));
	must(pi->speed_enabled && !(pi->speed_enabled & ~pi->speed_supported));
	must(pi->down_default == 1 || pi->down_default == 2);
	must(pi->vl_stall <= 7 && pi->hoq_life <= 31);
	must(pi->enforcement <= 15);
}

static void check_end(const struct sib_portinfo *pi)
{
	must(pi->lid < 0xc000 && pi->sm_lid < 0xc000);
	must(pi->lmc <= 7 && pi->sm_sl <= 15);
	must(pi->mkey_protect <= 3 && pi->subnet_timeout <= 31);
}

static void check_outer(const struct sib_portinfo *pi)
{
	must(!pi->mkey && !pi->gid_prefix && !pi->lid && !pi->sm_lid);
	must(!pi->cap_mask && !pi->lmc && !pi->sm_sl && !pi->mkey_protect);
	must(!pi->subnet_timeout && !pi->mkey_lease);
}

/* What nobody on the wire may write. */
static void check_burnt_in(const struct sib_portinfo *pi,
			   const struct sib_portinfo *born)
{
	must(pi->cap_mask == born->cap_mask && pi->vl_cap == born->vl_cap);
	must(pi->width_supported == born->width_supported);
	must(pi->speed_supported == born->speed_supported);
	must(pi->diag_code == born->diag_code);
}

static bool is_end_port(const struct sib_node *node, unsigned int port)
{
	return node->type == SIB_NODE_CA ? port != 0 : port == 0;
}

/**
 * state_check() - what holds of a node at any time
 * @node: the node
 * @born: as it was when it was made
 */
void state_check(const struct sib_node *node, const struct sib_node *born)
{
	unsigned int port;

	must(node->type == born->type && node->num_ports == born->num_ports);
	must(node->num_pkeys == born->num_pkeys);
	must(node->num_guids == born->num_guids);
	must(node->guid == born->guid && node->sys_guid == born->sys_guid);
	must(!memcmp(node->desc, born->desc, sizeof(node->desc)));
	for (port = node->type == SIB_NODE_CA; port < PORTS(node); port++) {
		check_link(&node->port[port]);
		check_burnt_in(&node->port[port], &born->port[port]);
		if (is_end_port(node, port))
			check_end(&node->port[port]);
		else
			check_outer(&node->port[port]);
		must(sib_node_guids(node, port)[0] ==
		     sib_node_guids(born, port)[0]);
	}
	if (node->type != SIB_NODE_SWITCH)
		return;
	must(node->sw.lft_top < SIB_LFT_ENTRIES && node->sw.life_time <= 31);
	must(node->port[0].state == SIB_PORT_ACTIVE);
}

/**
 * state_effects() - what somebody must be told of
 * @was: a node
 * @now: the same, later
 * @port: one of its ports
 *
 * Return: those of SIB_FX_* that can be seen in the node.
 */
u32 state_effects(const struct sib_node *was, const struct sib_node *now,
		  u8 port)
{
	const struct sib_portinfo *a = &was->port[port], *b = &now->port[port];
	u32 fx = 0;

	if (a->lid != b->lid || a->lmc != b->lmc)
		fx |= SIB_FX_LID;
	if (a->sm_lid != b->sm_lid || a->sm_sl != b->sm_sl)
		fx |= SIB_FX_SM;
	if (a->gid_prefix != b->gid_prefix)
		fx |= SIB_FX_PREFIX;
	if (a->state != b->state && b->state == SIB_PORT_ACTIVE)
		fx |= SIB_FX_ACTIVE;
	if (memcmp(sib_node_guids(was, port), sib_node_guids(now, port),
		   now->num_guids * sizeof(u64)))
		fx |= SIB_FX_GUIDS;
	if (memcmp(sib_node_pkeys(was, port), sib_node_pkeys(now, port),
		   now->num_pkeys * sizeof(u16)))
		fx |= SIB_FX_PKEYS;
	return fx;
}

#define OLD_OR(field, at, width) \
	must(b->field == a->field || b->field == fuzz_bits(data, at, width))

/* A field that changes becomes what was asked for; "all" has its own rule. */
static void check_asked(const struct sib_portinfo *a,
			const struct sib_portinfo *b, const u8 *data)
{
	OLD_OR(mkey, 0, 64);
	OLD_OR(gid_prefix, 64, 64);
	OLD_OR(lid, 128, 16);
	OLD_OR(sm_lid, 144, 16);
	OLD_OR(mkey_lease, 208, 16);
	OLD_OR(state, 260, 4);
	OLD_OR(down_default, 268, 4);
	OLD_OR(mkey_protect, 272, 2);
	OLD_OR(lmc, 277, 3);
	OLD_OR(neighbor_mtu, 288, 4);
	OLD_OR(sm_sl, 292, 4);
	OLD_OR(vl_high_limit, 304, 8);
	OLD_OR(vl_stall, 336, 3);
	OLD_OR(hoq_life, 339, 5);
	OLD_OR(op_vls, 344, 4);
	OLD_OR(enforcement, 348, 4);
	OLD_OR(subnet_timeout, 411, 5);
	OLD_OR(thresholds, 424, 8);
	must(b->width_enabled == a->width_enabled ||
	     b->width_enabled == data[29] || data[29] == 0xff);
	must(b->speed_enabled == a->speed_enabled ||
	     b->speed_enabled == (data[35] & 15) || (data[35] & 15) == 15);
	must(b->mkey_violations == (data[44] | data[45] ? a->mkey_violations :
							  0) ||
	     b->mkey_violations == a->mkey_violations);
}

/* Takes over into @was what this attribute may change, and nothing else. */
static void allow_port(struct sib_node *was, const struct sib_node *now,
		       u8 ingress, const struct sib_smp *in)
{
	u32 port = be32_to_cpu(in->attr_mod) & 0x7fffffff;
	struct sib_portinfo *a, pi;

	if (now->type == SIB_NODE_CA && !port)
		port = ingress;
	must(port <= now->num_ports);
	a = &was->port[port];
	pi = now->port[port];
	check_asked(a, &pi, in->data);
	/* These are the cable's to change. */
	pi.phys_state = a->phys_state;
	pi.width_active = a->width_active;
	pi.speed_active = a->speed_active;
	pi.mtu_cap = a->mtu_cap;
	/* A state goes one step up at a time, and down by the cable alone. */
	must(pi.state == a->state || (pi.state == a->state + 1 &&
				      a->state >= SIB_PORT_INIT));
	*a = pi;
}

static void allow_pkeys(struct sib_node *was, u8 ingress, u32 mod,
			const u8 *data)
{
	u16 *table = sib_node_pkeys(was, sib_node_agent_port(was, ingress));
	unsigned int i, at;

	for (i = 0; i < SIB_PKEY_BLOCK; i++) {
		at = mod * SIB_PKEY_BLOCK + i;
		if (at < was->num_pkeys)
			table[at] = fuzz_bits(data + 2 * i, 0, 16);
	}
}

static void allow_guids(struct sib_node *was, u8 ingress, u32 mod,
			const u8 *data)
{
	u64 *table = sib_node_guids(was, sib_node_agent_port(was, ingress));
	unsigned int i, at;

	for (i = 0; i < SIB_GUID_BLOCK; i++) {
		at = mod * SIB_GUID_BLOCK + i;
		if (at && at < was->num_guids)
			table[at] = fuzz_bits(data + 8 * i, 0, 64);
	}
}

static void allow_mft(struct sib_node *was, u32 mod, const u8 *data)
{
	unsigned int i, bit;

	for (i = 0; i < SIB_MFT_BLOCK; i++) {
		u64 *mask = &was->sw.mft[(mod & 0x1ff) * SIB_MFT_BLOCK + i];

		for (bit = 0; bit < 16; bit++) {
			u64 port = BIT_ULL((mod >> 28) * 16 + bit);

			*mask &= ~port;
			if (fuzz_bits(data + 2 * i, 15 - bit, 1))
				*mask |= port;
		}
	}
}

static void allow_switch_info(struct sib_node *was, const u8 *data)
{
	u16 top = fuzz_bits(data, 48, 16);

	was->sw.lft_top = top < 0xc000 ? top : 0xbfff;
	was->sw.default_port = data[8];
	was->sw.mcast_primary = data[9];
	was->sw.mcast_not_primary = data[10];
	was->sw.life_time = fuzz_bits(data, 88, 5);
	was->sw.mft_top = fuzz_bits(data, 144, 16);
	if (data[11] & 4)
		was->sw.state_change = false;
}

static void allow(struct sib_node *was, const struct sib_node *now,
		  u8 ingress, const struct sib_smp *in)
{
	u32 mod = be32_to_cpu(in->attr_mod);

	switch (be16_to_cpu(in->attr_id)) {
	case SIB_ATTR_PORT_INFO:
		return allow_port(was, now, ingress, in);
	case SIB_ATTR_PKEY_TABLE:
		return allow_pkeys(was, ingress, mod, in->data);
	case SIB_ATTR_GUID_INFO:
		return allow_guids(was, ingress, mod, in->data);
	case SIB_ATTR_SWITCH_INFO:
		return allow_switch_info(was, in->data);
	case SIB_ATTR_LFT:
		memcpy(was->sw.lft + mod * SIB_LFT_BLOCK, in->data, 64);
		return;
	case SIB_ATTR_MFT:
		return allow_mft(was, mod, in->data);
	}
	must(!"an attribute that can be set");
}

/**
 * state_check_change() - did an SMP change what it asked for and no more?
 * @was: the node before
 * @now: the node after
 * @ingress: port that the SMP came in on
 * @in: the SMP
 * @taken: it was a Set that was not refused as a whole
 */
void state_check_change(const struct sib_node *was, const struct sib_node *now,
			u8 ingress, const struct sib_smp *in, bool taken)
{
	struct sib_node *want = state_copy(was);
	struct sib_switchinfo a, b;

	if (taken)
		allow(want, now, ingress, in);
	must(!memcmp(want->port, now->port, ports_size(now)));
	must(!memcmp(want->pkeys, now->pkeys, pkeys_size(now)));
	must(!memcmp(want->guids, now->guids, guids_size(now)));
	a = want->sw;
	b = now->sw;
	must(a.lft_top == b.lft_top && a.mft_top == b.mft_top);
	must(a.default_port == b.default_port && a.life_time == b.life_time);
	must(a.mcast_primary == b.mcast_primary);
	must(a.mcast_not_primary == b.mcast_not_primary);
	must(a.state_change == b.state_change);
	if (now->type == SIB_NODE_SWITCH) {
		must(!memcmp(a.lft, b.lft, LFT_SIZE));
		must(!memcmp(a.mft, b.mft, MFT_SIZE));
	}
	node_free(want);
}

#define TAKEN(field, at, width) \
	must(pi->field == fuzz_bits(data, at, width))
#define TAKEN_OR_NONE(field, at, width) \
	must(!fuzz_bits(data, at, width) || \
	     pi->field == fuzz_bits(data, at, width))

static void check_end_taken(const struct sib_portinfo *pi, const u8 *data)
{
	TAKEN(mkey, 0, 64);
	TAKEN(gid_prefix, 64, 64);
	TAKEN(lid, 128, 16);
	TAKEN(sm_lid, 144, 16);
	TAKEN(mkey_lease, 208, 16);
	TAKEN(mkey_protect, 272, 2);
	TAKEN(lmc, 277, 3);
	TAKEN(sm_sl, 292, 4);
	TAKEN(subnet_timeout, 411, 5);
	must(data[44] | data[45] || !pi->mkey_violations);
	must(data[46] | data[47] || !pi->pkey_violations);
	must(data[48] | data[49] || !pi->qkey_violations);
}

static void check_link_taken(const struct sib_portinfo *pi, const u8 *data)
{
	u8 state = fuzz_bits(data, 260, 4);

	TAKEN(neighbor_mtu, 288, 4);
	TAKEN(vl_high_limit, 304, 8);
	TAKEN(vl_stall, 336, 3);
	TAKEN(hoq_life, 339, 5);
	TAKEN_OR_NONE(op_vls, 344, 4);
	TAKEN(enforcement, 348, 4);
	TAKEN(thresholds, 424, 8);
	TAKEN_OR_NONE(down_default, 268, 4);
	/* One step up at a time, and a physical state goes with Down only. */
	must(state <= SIB_PORT_DOWN ||
	     (pi->state == state && state >= SIB_PORT_ARMED));
	must(state <= SIB_PORT_DOWN || !fuzz_bits(data, 264, 4));
	must(fuzz_bits(data, 264, 4) <= SIB_PHYS_DISABLED);
	if (data[29] == 0xff)
		must(pi->width_enabled == pi->width_supported);
	else
		TAKEN_OR_NONE(width_enabled, 232, 8);
	if (fuzz_bits(data, 284, 4) == 15)
		must(pi->speed_enabled == pi->speed_supported);
	else
		TAKEN_OR_NONE(speed_enabled, 284, 4);
}

/**
 * state_check_taken() - a Set(PortInfo) that met no objection holds
 * @node: the node after
 * @ingress: port that the SMP came in on
 * @in: the SMP
 */
void state_check_taken(const struct sib_node *node, u8 ingress,
		       const struct sib_smp *in)
{
	u32 port = be32_to_cpu(in->attr_mod) & 0x7fffffff;

	if (node->type == SIB_NODE_CA && !port)
		port = ingress;
	if (is_end_port(node, port))
		check_end_taken(&node->port[port], in->data);
	if (node->type == SIB_NODE_CA || port)
		check_link_taken(&node->port[port], in->data);
}
