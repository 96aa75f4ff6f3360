// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Forwarding by LFT and MFT. Pure. Reads the tables entry by entry without a
 * lock: an SM that rewrites them accepts that packets of that moment go the
 * old way, the new way or nowhere.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "sib/core/fwd.h"

/**
 * sib_fwd_admits() - does a port take a packet in, as far as its state goes?
 * @node: the node
 * @port: ingress port
 * @vl: virtual lane of the packet
 *
 * IBTA volume 1, section 7.2.7: management passes from Init on, data is
 * received from Armed on.
 *
 * Context: Any.
 * Return: true if so.
 */
bool sib_fwd_admits(const struct sib_node *node, u8 port, u8 vl)
{
	u8 state = READ_ONCE(node->port[port].state);

	return state >= (vl == SIB_VL_SM ? SIB_PORT_INIT : SIB_PORT_ARMED);
}

/* Sending needs Active, but for management. */
static bool emits(const struct sib_node *node, u8 port, u8 vl)
{
	u8 state = READ_ONCE(node->port[port].state);

	return state >= (vl == SIB_VL_SM ? SIB_PORT_INIT : SIB_PORT_ACTIVE);
}

static bool fits(const struct sib_node *node, u8 port, u16 len)
{
	u8 mtu = READ_ONCE(node->port[port].neighbor_mtu);

	return len <= (128U << mtu) + SIB_OVERHEAD - SIB_VCRC_LEN;
}

static struct sib_fwd discard(u8 egress)
{
	return (struct sib_fwd){ .way = SIB_FWD_DISCARD, .egress = egress };
}

static struct sib_fwd out(u64 ports)
{
	return (struct sib_fwd){ .way = SIB_FWD_OUT, .ports = ports };
}

static struct sib_fwd unicast(const struct sib_node *node, u8 ingress,
			      const struct sib_hdr *hdr)
{
	struct sib_fwd relay_error = { .way = SIB_FWD_RELAY_ERROR };
	u8 egress;

	if (sib_node_owns_lid(node, 0, hdr->dlid))
		return out(BIT_ULL(0));
	if (hdr->dlid > READ_ONCE(node->sw.lft_top) || !hdr->dlid)
		return relay_error;
	egress = READ_ONCE(node->sw.lft[hdr->dlid]);
	if (!egress || egress > node->num_ports || egress == ingress)
		return relay_error;
	if (!emits(node, egress, hdr->vl) || !fits(node, egress, hdr->len))
		return discard(egress);
	return out(BIT_ULL(egress));
}

static struct sib_fwd multicast(const struct sib_node *node, u8 ingress,
				const struct sib_hdr *hdr)
{
	u16 index = hdr->dlid - SIB_LID_MCAST_BASE;
	u64 wanted, ports = 0;
	u8 port;

	if (index >= SIB_MFT_ENTRIES)
		return (struct sib_fwd){ .way = SIB_FWD_IGNORE };
	wanted = READ_ONCE(node->sw.mft[index]) & ~BIT_ULL(ingress);
	for (port = 1; port <= node->num_ports; port++)
		if (wanted & BIT_ULL(port) && emits(node, port, hdr->vl) &&
		    fits(node, port, hdr->len))
			ports |= BIT_ULL(port);
	ports |= wanted & BIT_ULL(0);
	if (!ports)
		return (struct sib_fwd){ .way = SIB_FWD_IGNORE };
	return out(ports);
}

/**
 * sib_fwd_decide() - where a packet with LIDs goes
 * @node: a switch
 * @ingress: the port it came in on, 0 if the switch itself sent it
 * @hdr: its headers, from sib_lrh_parse() at least
 *
 * Directed routes are sib_smp_route()'s, not this function's.
 *
 * Context: Any.
 * Return: the decision.
 */
struct sib_fwd sib_fwd_decide(const struct sib_node *node, u8 ingress,
			      const struct sib_hdr *hdr)
{
	if (hdr->dlid == SIB_LID_PERMISSIVE)
		return (struct sib_fwd){ .way = SIB_FWD_RELAY_ERROR };
	if (sib_lid_is_mcast(hdr->dlid))
		return multicast(node, ingress, hdr);
	return unicast(node, ingress, hdr);
}
