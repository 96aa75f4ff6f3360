// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A switch with any tables, and packets through it. Input: ports, their states
 * and MTUs, table entries, then packets.
 *
 * A copy leaves only through a port that exists, may send it, and is not the
 * one it came in on; where each packet goes is what the rules say, written
 * down once more.
 */
#include "fuzz.h"

#include "sib/core/fwd.h"
#include "tests/unit/node.h"

static void feed_ports(struct feed *f, struct sib_node *node)
{
	unsigned int port;

	for (port = 1; port <= node->num_ports; port++) {
		u8 octet = feed_u8(f);

		node->port[port].state = 1 + octet % 4;
		node->port[port].neighbor_mtu = 1 + (octet >> 4) % 5;
	}
	node->port[0].lid = feed_u16(f) % 0xc000;
	node->port[0].lmc = feed_below(f, 8);
	node->sw.lft_top = feed_u16(f) % SIB_LFT_ENTRIES;
}

static void feed_tables(struct feed *f, struct sib_node *node)
{
	u8 n;

	for (n = feed_below(f, 32); n; n--) {
		u16 lid = feed_u16(f) % SIB_LFT_ENTRIES;

		node->sw.lft[lid] = feed_u8(f);
	}
	for (n = feed_below(f, 16); n; n--) {
		u16 mlid = feed_u16(f) % SIB_MFT_ENTRIES;

		node->sw.mft[mlid] = feed_u64(f);
	}
}

static bool may_send(const struct sib_node *node, u8 port,
		     const struct sib_hdr *hdr)
{
	const struct sib_portinfo *pi = &node->port[port];

	if (port && hdr->len > (128U << pi->neighbor_mtu) + 124)
		return false;
	return hdr->vl == 15 ? pi->state >= 2 : pi->state == 4;
}

static bool is_own(const struct sib_node *node, u16 dlid)
{
	unsigned int base = node->port[0].lid;

	return base && dlid && dlid < 0xc000 && dlid >= base &&
	       dlid < base + (1U << node->port[0].lmc);
}

static struct sib_fwd want_unicast(const struct sib_node *node, u8 ingress,
				   const struct sib_hdr *hdr)
{
	struct sib_fwd fwd = { .way = SIB_FWD_OUT, .ports = 1 };
	u8 egress;

	if (is_own(node, hdr->dlid))
		return fwd;
	fwd = (struct sib_fwd){ .way = SIB_FWD_RELAY_ERROR };
	if (!hdr->dlid || hdr->dlid > node->sw.lft_top)
		return fwd;
	egress = node->sw.lft[hdr->dlid];
	if (egress < 1 || egress > node->num_ports || egress == ingress)
		return fwd;
	if (!may_send(node, egress, hdr))
		return (struct sib_fwd){ SIB_FWD_DISCARD, egress, 0 };
	return (struct sib_fwd){ SIB_FWD_OUT, 0, 1ULL << egress };
}

static struct sib_fwd want_multicast(const struct sib_node *node, u8 ingress,
				     const struct sib_hdr *hdr)
{
	struct sib_fwd fwd = { .way = SIB_FWD_IGNORE };
	u64 mask;
	unsigned int port;

	if (hdr->dlid - 0xc000 >= SIB_MFT_ENTRIES)
		return fwd;
	mask = node->sw.mft[hdr->dlid - 0xc000];
	for (port = 0; port <= node->num_ports; port++)
		if (mask >> port & 1 && port != ingress &&
		    (!port || may_send(node, port, hdr)))
			fwd.ports |= 1ULL << port;
	if (fwd.ports)
		fwd.way = SIB_FWD_OUT;
	return fwd;
}

static void packet_comes(struct feed *f, const struct sib_node *node)
{
	u8 ingress = feed_below(f, node->num_ports + 1);
	struct sib_hdr hdr = {};
	struct sib_fwd fwd, want = { .way = SIB_FWD_RELAY_ERROR };

	hdr.vl = feed_below(f, 16);
	hdr.len = feed_u16(f) % (SIB_PKT_MAX + 1);
	hdr.dlid = feed_u16(f);
	if (hdr.dlid < 0xc000)
		want = want_unicast(node, ingress, &hdr);
	else if (hdr.dlid != 0xffff)
		want = want_multicast(node, ingress, &hdr);
	fwd = sib_fwd_decide(node, ingress, &hdr);
	must(fwd.way == want.way);
	must(fwd.way != SIB_FWD_OUT || fwd.ports == want.ports);
	must(fwd.way != SIB_FWD_DISCARD || fwd.egress == want.egress);
	must(sib_fwd_admits(node, ingress, hdr.vl) ==
	     (node->port[ingress].state >= (hdr.vl == 15 ? 2 : 3)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct sib_node *nodes[SIB_SWITCH_PORTS_MAX + 1];
	struct feed f = { data, size };
	u8 ports = 1 + feed_below(&f, SIB_SWITCH_PORTS_MAX);
	struct sib_node *node;
	unsigned int n;

	/* Tables are large: each switch is made once and wiped. */
	if (!nodes[ports])
		nodes[ports] = node_make(SIB_NODE_SWITCH, ports, 32, 1);
	node = nodes[ports];
	memset(node->sw.lft, SIB_LFT_DISCARD, SIB_LFT_ENTRIES);
	memset(node->sw.mft, 0, SIB_MFT_ENTRIES * sizeof(u64));
	feed_ports(&f, node);
	feed_tables(&f, node);
	for (n = 0; f.left && n < 64; n++)
		packet_comes(&f, node);
	return 0;
}
