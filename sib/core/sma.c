// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The subnet management agent's front door: version, method and M_Key, then
 * one function for each attribute. Pure; the caller holds the lock of the
 * node and performs the effects.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "sib/core/node.h"
#include "sib/core/sma.h"

/* IBTA 14.2.4.2: may this SMP read, or write, with the key that it carries? */
static bool mkey_allows(const struct sib_portinfo *pi,
			const struct sib_smp *smp)
{
	if (!pi->mkey || be64_to_cpu(smp->mkey) == pi->mkey)
		return true;
	return smp->method == SIB_METHOD_GET && pi->mkey_protect < 2;
}

static bool check_mkey(struct sib_node *node, u8 port,
		       const struct sib_smp *in, struct sib_sma_fx *fx)
{
	struct sib_portinfo *pi = &node->port[port];

	if (!mkey_allows(pi, in)) {
		if (pi->mkey_violations != 0xffff)
			pi->mkey_violations++;
		fx->events = SIB_FX_BAD_MKEY;
		fx->port = port;
		fx->keys = BIT_ULL(port);
		return false;
	}
	if (pi->mkey && be64_to_cpu(in->mkey) == pi->mkey) {
		fx->events |= SIB_FX_GOOD_MKEY;
		fx->port = port;
		fx->keys |= BIT_ULL(port);
	}
	return true;
}

/* The port that an SMP is about, if it is another end port than it came to. */
static u8 other_port(const struct sib_node *node, u8 ingress,
		     const struct sib_smp *in)
{
	u32 port = be32_to_cpu(in->attr_mod) & SIB_PORT_INFO_PORT;

	if (node->type != SIB_NODE_CA || port == ingress ||
	    port > node->num_ports)
		return 0;
	return be16_to_cpu(in->attr_id) == SIB_ATTR_PORT_INFO ? port : 0;
}

/*
 * The key is that of the port that received the SMP, IBTA 14.2.4.2. That is
 * enough where a node is one port's. The ports of a channel adapter may be in
 * two subnets, whose SMs know nothing of each other, and PortInfo can name
 * another port than the one that it came to: then that one's key must fit as
 * well, or else the SM of one subnet could take a port, and its key, from the
 * SM of the other. TrapRepress is about no port but the one it came to.
 */
static bool check_mkeys(struct sib_node *node, u8 ingress,
			const struct sib_smp *in, struct sib_sma_fx *fx)
{
	u8 other = in->method == SIB_METHOD_TRAP_REPRESS ?
		   0 : other_port(node, ingress, in);

	return check_mkey(node, sib_node_agent_port(node, ingress), in, fx) &&
	       (!other || check_mkey(node, other, in, fx));
}

static u16 get_or_set(struct sib_node *node, u8 ingress,
		      const struct sib_smp *in, struct sib_smp *out,
		      struct sib_sma_fx *fx)
{
	bool get = in->method == SIB_METHOD_GET;
	bool sw = node->type == SIB_NODE_SWITCH;

	memset(out->data, 0, sizeof(out->data));
	switch (be16_to_cpu(in->attr_id)) {
	case SIB_ATTR_NODE_DESC:
		if (get)
			return sib_sma_node_desc(node, ingress, out);
		break;
	case SIB_ATTR_NODE_INFO:
		if (get)
			return sib_sma_node_info(node, ingress, out);
		break;
	case SIB_ATTR_SWITCH_INFO:
		if (sw)
			return sib_sma_switch_info(node, in, out);
		break;
	case SIB_ATTR_PORT_INFO:
		return sib_sma_port_info(node, ingress, in, out, fx);
	case SIB_ATTR_PKEY_TABLE:
		return sib_sma_pkey_table(node, ingress, in, out, fx);
	case SIB_ATTR_GUID_INFO:
		return sib_sma_guid_info(node, ingress, in, out, fx);
	case SIB_ATTR_LFT:
		if (sw)
			return sib_sma_lft(node, in, out);
		break;
	case SIB_ATTR_MFT:
		if (sw)
			return sib_sma_mft(node, in, out);
		break;
	}
	return SIB_STATUS_METHOD_ATTR;
}

static enum sib_sma_verdict reply(struct sib_smp *out, u16 status)
{
	out->method = SIB_METHOD_GET_RESP;
	if (out->mgmt_class == SIB_CLASS_SM_DR)
		status |= SIB_STATUS_D;
	out->status = cpu_to_be16(status);
	out->mkey = 0;
	return SIB_SMA_REPLY;
}

/* What is not the agent's to answer, and nobody's mistake either. */
static bool is_for_others(const struct sib_smp *in)
{
	return in->method & SIB_METHOD_RESPONSE ||
	       in->method == SIB_METHOD_TRAP || in->method == SIB_METHOD_REPORT;
}

/*
 * Somebody above may be the SM; only it answers SMInfo. One that is disabled
 * does not answer, and nobody answers for it.
 */
static enum sib_sma_verdict sm_info(const struct sib_node *node, u8 ingress,
				    struct sib_smp *out)
{
	u32 caps = node->port[sib_node_agent_port(node, ingress)].cap_mask;

	if (caps & SIB_CAP_SM)
		return SIB_SMA_PASS;
	if (caps & SIB_CAP_SM_DISABLED)
		return SIB_SMA_CONSUMED;
	return reply(out, SIB_STATUS_METHOD_ATTR);
}

static enum sib_sma_verdict bad_version(const struct sib_smp *in,
					struct sib_smp *out)
{
	if (in->method == SIB_METHOD_TRAP_REPRESS)
		return SIB_SMA_DROP;
	return reply(out, SIB_STATUS_VERSION);
}

/**
 * sib_sma_handle() - answer one SMP
 * @node: the node
 * @ingress: port that the SMP came in on; 0 only at a switch that sent it
 *	itself
 * @in: the SMP
 * @out: filled with the reply if there is one; must not be @in
 * @ignore_mkey: the question is asked by this machine itself
 * @fx: filled with what else must happen
 *
 * Context: Any; the caller holds the lock of @node.
 * Return: whether @out is to be sent.
 */
enum sib_sma_verdict sib_sma_handle(struct sib_node *node, u8 ingress,
				    const struct sib_smp *in,
				    struct sib_smp *out, bool ignore_mkey,
				    struct sib_sma_fx *fx)
{
	memset(fx, 0, sizeof(*fx));
	if (is_for_others(in))
		return SIB_SMA_PASS;
	*out = *in;
	if (in->base_version != 1 || in->class_version != 1)
		return bad_version(in, out);
	if (be16_to_cpu(in->attr_id) == SIB_ATTR_SM_INFO &&
	    in->method != SIB_METHOD_TRAP_REPRESS)
		return sm_info(node, ingress, out);
	if (in->method != SIB_METHOD_GET && in->method != SIB_METHOD_SET &&
	    in->method != SIB_METHOD_TRAP_REPRESS)
		return reply(out, SIB_STATUS_METHOD);
	if (!ignore_mkey && !check_mkeys(node, ingress, in, fx))
		return SIB_SMA_DROP;
	if (in->method == SIB_METHOD_TRAP_REPRESS) {
		fx->events |= SIB_FX_TRAP_REPRESS;
		fx->port = sib_node_agent_port(node, ingress);
		return SIB_SMA_CONSUMED;
	}
	return reply(out, get_or_set(node, ingress, in, out, fx));
}
