// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A node and all that an SM, or somebody who plays one, can send to it. Input:
 * what sort of node, then steps: a link or an SM comes or goes, or an
 * SMP comes in.
 *
 * After every step the node is one that may exist; an SMP changed what it
 * asked for and nothing else, and who must be told is told; a reply is the
 * request but for method, status, M_Key and data; what was set is read back.
 */
#include <asm/byteorder.h>

#include "fuzz.h"
#include "sma_state.h"

#include "tests/unit/node.h"

#define STEPS	24

/* The effects that show in the node itself, and all others. */
#define FX_STATE (SIB_FX_LID | SIB_FX_SM | SIB_FX_PREFIX | SIB_FX_GUIDS | \
		  SIB_FX_PKEYS | SIB_FX_ACTIVE)
#define FX_OTHER (SIB_FX_REREGISTER | SIB_FX_RETRAIN | SIB_FX_DISABLE | \
		  SIB_FX_ENABLE | SIB_FX_BAD_MKEY | SIB_FX_GOOD_MKEY | \
		  SIB_FX_TRAP_REPRESS)

/**
 * struct exchange - one SMP and what became of it
 * @in: the SMP
 * @out: its reply
 * @ingress: port that it came in on
 * @local: asked by the machine itself
 * @status: of the reply, the direction taken off
 */
struct exchange {
	struct sib_smp in;
	struct sib_smp out;
	u8 ingress;
	bool local;
	u16 status;
	enum sib_sma_verdict verdict;
	struct sib_sma_fx fx;
};

static struct sib_node *make(struct feed *f)
{
	u8 kind = feed_u8(f), ports, pkeys, guids;

	if (kind == 0)
		return node_ca();
	ports = 1 + feed_below(f, kind & 1 ? SIB_SWITCH_PORTS_MAX : 3);
	pkeys = 1 + feed_below(f, 70);
	guids = 1 + feed_below(f, 20);
	return node_make(kind & 1 ? SIB_NODE_SWITCH : SIB_NODE_CA, ports,
			 pkeys, guids);
}

static void ask(struct sib_node *node, struct exchange *x)
{
	struct sib_smp *in = fuzz_exact(&x->in, sizeof(x->in));
	struct sib_smp *out = fuzz_exact(&x->in, sizeof(x->in));

	memset(out, 0xee, sizeof(*out));
	memset(&x->fx, 0xee, sizeof(x->fx));
	x->verdict = sib_sma_handle(node, x->ingress, in, out, x->local,
				    &x->fx);
	must(!memcmp(in, &x->in, sizeof(*in)));
	x->out = *out;
	x->status = be16_to_cpu(out->status) & 0x7fff;
	free(in);
	free(out);
}

static u64 key_of(const struct sib_node *node, u8 ingress)
{
	return node->port[sib_node_agent_port(node, ingress)].mkey;
}

/* 0 is a raw SMP, else the fields that matter one by one. */
static void feed_smp(struct feed *f, struct sib_smp *smp, u64 key)
{
	static const u8 attrs[] = {
		SIB_ATTR_NODE_DESC, SIB_ATTR_NODE_INFO, SIB_ATTR_SWITCH_INFO,
		SIB_ATTR_GUID_INFO, SIB_ATTR_PORT_INFO, SIB_ATTR_PKEY_TABLE,
		SIB_ATTR_LFT, SIB_ATTR_MFT, SIB_ATTR_SM_INFO, SIB_ATTR_NOTICE,
	};
	u8 how = feed_u8(f);

	if (!how) {
		feed_bytes(f, smp, sizeof(*smp));
		return;
	}
	memset(smp, 0, sizeof(*smp));
	smp->base_version = 1;
	smp->class_version = 1;
	smp->mgmt_class = how & 1 ? SIB_CLASS_SM_DR : SIB_CLASS_SM_LID;
	smp->method = how & 2 ? SIB_METHOD_SET : SIB_METHOD_GET;
	smp->mkey = cpu_to_be64(how & 4 ? feed_u64(f) : key);
	smp->attr_id = cpu_to_be16(attrs[feed_below(f, ARRAY_SIZE(attrs))]);
	smp->attr_mod = cpu_to_be32(feed_u32(f));
}

/* A PortInfo is what holds with a few octets changed, else no Set is good. */
static void feed_data(struct feed *f, struct sib_node *node,
		      struct exchange *x)
{
	struct exchange now = *x;
	u8 n, at;

	if (x->in.attr_id != cpu_to_be16(SIB_ATTR_PORT_INFO)) {
		feed_bytes(f, x->in.data, sizeof(x->in.data));
		return;
	}
	now.in.method = SIB_METHOD_GET;
	now.local = true;
	ask(node, &now);
	memcpy(x->in.data, now.out.data, sizeof(x->in.data));
	x->in.data[32] &= 0xf0;
	x->in.data[33] &= 0x0f;
	for (n = feed_below(f, 16); n; n--) {
		at = feed_below(f, sizeof(x->in.data));
		x->in.data[at] = feed_u8(f);
	}
}

static bool is_request(const struct exchange *x)
{
	return x->in.method == SIB_METHOD_GET ||
	       x->in.method == SIB_METHOD_SET ||
	       x->in.method == SIB_METHOD_TRAP_REPRESS;
}

static bool is_attr(const struct exchange *x, u16 attr)
{
	return be16_to_cpu(x->in.attr_id) == attr;
}

/* A key is looked at once version, method and attribute are ours. */
static bool is_locked_out(const struct exchange *x,
			  const struct sib_portinfo *pi)
{
	if (x->local || !is_request(x) ||
	    x->in.base_version != 1 || x->in.class_version != 1)
		return false;
	if (is_attr(x, SIB_ATTR_SM_INFO) &&
	    x->in.method != SIB_METHOD_TRAP_REPRESS)
		return false;
	if (!pi->mkey || be64_to_cpu(x->in.mkey) == pi->mkey)
		return false;
	return x->in.method != SIB_METHOD_GET || pi->mkey_protect >= 2;
}

/* The other end port that a PortInfo is about, 0 if there is none. */
static u8 other_port(const struct sib_node *node, const struct exchange *x)
{
	u32 port = be32_to_cpu(x->in.attr_mod) & 0x7fffffff;

	return node->type == SIB_NODE_CA && is_attr(x, SIB_ATTR_PORT_INFO) &&
	       x->in.method != SIB_METHOD_TRAP_REPRESS &&
	       port <= node->num_ports && port != x->ingress ? port : 0;
}

/* Whose key kept the SMP out; NULL if none did. */
static struct sib_portinfo *locked_by(struct sib_node *node,
				      const struct exchange *x)
{
	struct sib_portinfo *pi =
		&node->port[sib_node_agent_port(node, x->ingress)];
	u8 other = other_port(node, x);

	if (is_locked_out(x, pi))
		return pi;
	pi = &node->port[other];
	return other && is_locked_out(x, pi) ? pi : NULL;
}

static void check_reply(const struct exchange *x)
{
	struct sib_smp want = x->in;

	want.method = SIB_METHOD_GET_RESP;
	want.mkey = 0;
	want.status = cpu_to_be16(x->status |
				  (want.mgmt_class == SIB_CLASS_SM_DR ?
				   SIB_STATUS_D : 0));
	memcpy(want.data, x->out.data, sizeof(want.data));
	must(!memcmp(&want, &x->out, sizeof(want)));
}

/* A Set that was not refused as a whole. */
static bool is_taken(const struct sib_node *node, const struct exchange *x)
{
	u32 port = be32_to_cpu(x->in.attr_mod) & 0x7fffffff;

	if (x->verdict != SIB_SMA_REPLY || x->in.method != SIB_METHOD_SET)
		return false;
	return x->status == SIB_STATUS_OK ||
	       (x->status == SIB_STATUS_VALUE &&
		is_attr(x, SIB_ATTR_PORT_INFO) && port <= node->num_ports);
}

/* Blocks, positions and ports that do not exist; PortInfo has more to say. */
static bool is_out_of_range(const struct sib_node *node,
			    const struct exchange *x)
{
	u32 mod = be32_to_cpu(x->in.attr_mod);

	switch (be16_to_cpu(x->in.attr_id)) {
	case SIB_ATTR_PORT_INFO:
		return (mod & 0x7fffffff) > node->num_ports;
	case SIB_ATTR_PKEY_TABLE:
		return (u64)mod * SIB_PKEY_BLOCK >= node->num_pkeys;
	case SIB_ATTR_GUID_INFO:
		return (u64)mod * SIB_GUID_BLOCK >= node->num_guids;
	case SIB_ATTR_LFT:
		return (u64)mod * SIB_LFT_BLOCK >= SIB_LFT_ENTRIES;
	case SIB_ATTR_MFT:
		return (mod & 0x1ff) * SIB_MFT_BLOCK >= SIB_MFT_ENTRIES ||
		       (mod >> 28) * SIB_MFT_PORTS > node->num_ports;
	}
	return false;
}

static bool has_attr(const struct sib_node *node, const struct exchange *x)
{
	bool get = x->in.method == SIB_METHOD_GET;
	bool sw = node->type == SIB_NODE_SWITCH;

	switch (be16_to_cpu(x->in.attr_id)) {
	case SIB_ATTR_NODE_DESC:
	case SIB_ATTR_NODE_INFO:
		return get;
	case SIB_ATTR_SWITCH_INFO:
	case SIB_ATTR_LFT:
	case SIB_ATTR_MFT:
		return sw;
	case SIB_ATTR_PORT_INFO:
	case SIB_ATTR_PKEY_TABLE:
	case SIB_ATTR_GUID_INFO:
		return true;
	}
	return false;
}

static void check_status(const struct sib_node *node, const struct exchange *x)
{
	if (x->in.base_version != 1 || x->in.class_version != 1)
		must(x->status == SIB_STATUS_VERSION);
	else if (is_attr(x, SIB_ATTR_SM_INFO))
		must(x->status == SIB_STATUS_METHOD_ATTR);
	else if (!is_request(x))
		must(x->status == SIB_STATUS_METHOD);
	else if (!has_attr(node, x))
		must(x->status == SIB_STATUS_METHOD_ATTR);
	else if (is_out_of_range(node, x))
		must(x->status == SIB_STATUS_VALUE);
	else
		must(x->status == SIB_STATUS_OK ||
		     (x->status == SIB_STATUS_VALUE && is_taken(node, x)));
}

/* Traps, reports and responses are for others; a repress is never answered. */
static enum sib_sma_verdict want_verdict(const struct exchange *x, u32 caps,
					 bool locked_out)
{
	bool version = x->in.base_version == 1 && x->in.class_version == 1;
	u8 method = x->in.method;

	if (method & 0x80 || method == SIB_METHOD_TRAP ||
	    method == SIB_METHOD_REPORT)
		return SIB_SMA_PASS;
	if (locked_out)
		return SIB_SMA_DROP;
	if (version && is_attr(x, SIB_ATTR_SM_INFO) &&
	    method != SIB_METHOD_TRAP_REPRESS)
		return caps & SIB_CAP_SM ? SIB_SMA_PASS :
		       caps & SIB_CAP_SM_DISABLED ? SIB_SMA_CONSUMED :
						    SIB_SMA_REPLY;
	if (method != SIB_METHOD_TRAP_REPRESS)
		return SIB_SMA_REPLY;
	return version ? SIB_SMA_CONSUMED : SIB_SMA_DROP;
}

static void check_effects(const struct sib_node *was,
			  const struct sib_node *now, const struct exchange *x)
{
	u32 fx = x->fx.events;
	unsigned int port;

	must(!(fx & ~(FX_STATE | FX_OTHER)));
	must(x->fx.port <= now->num_ports);
	for (port = 0; port <= now->num_ports; port++)
		must(state_effects(was, now, port) ==
		     (port == x->fx.port ? fx & FX_STATE : 0));
	if (x->in.method == SIB_METHOD_GET)
		must(!(fx & ~(SIB_FX_BAD_MKEY | SIB_FX_GOOD_MKEY)));
	must(!(fx & SIB_FX_REREGISTER) || x->in.data[51] & 0x80);
	if (fx & (SIB_FX_RETRAIN | SIB_FX_DISABLE | SIB_FX_ENABLE))
		must(is_attr(x, SIB_ATTR_PORT_INFO) && is_taken(now, x));
}

/* Who looks finds the node that he asked, through the port that he asked. */
static void check_data(const struct sib_node *node, const struct exchange *x)
{
	const u8 *p = x->out.data;
	u32 port = be32_to_cpu(x->in.attr_mod) & 0x7fffffff;

	if (is_attr(x, SIB_ATTR_NODE_INFO)) {
		must(p[2] == node->type && p[3] == node->num_ports);
		must(fuzz_bits(p, 96, 64) == node->guid);
		must(p[36] == x->ingress);
	}
	if (!is_attr(x, SIB_ATTR_PORT_INFO))
		return;
	if (node->type == SIB_NODE_CA && !port)
		port = x->ingress;
	must(p[28] == x->ingress);
	must(fuzz_bits(p, 128, 16) == node->port[port].lid);
	must(fuzz_bits(p, 160, 32) == node->port[port].cap_mask);
	must(fuzz_bits(p, 260, 4) == node->port[port].state);
	must(fuzz_bits(p, 264, 4) == node->port[port].phys_state);
	must(fuzz_bits(p, 288, 4) == node->port[port].neighbor_mtu);
	if (x->in.method == SIB_METHOD_GET && node->port[port].mkey_protect &&
	    be64_to_cpu(x->in.mkey) != node->port[port].mkey)
		must(!fuzz_bits(p, 0, 64));
	else
		must(fuzz_bits(p, 0, 64) == node->port[port].mkey);
}

/* What was set is what a Get shows, and a Get shows it twice the same. */
static void check_read_back(struct sib_node *node, const struct exchange *x)
{
	u32 port = be32_to_cpu(x->in.attr_mod) & 0x7fffffff;
	struct exchange again = *x;

	if (node->type == SIB_NODE_CA && !port)
		port = x->ingress;
	again.in.method = SIB_METHOD_GET;
	again.local = true;
	if (port <= node->num_ports)
		again.in.mkey = cpu_to_be64(node->port[port].mkey);
	ask(node, &again);
	/* Who is asked to re-register says so once, and has it not stored. */
	if (x->fx.events & SIB_FX_REREGISTER)
		again.out.data[51] |= 0x80;
	must(again.verdict == SIB_SMA_REPLY);
	must(!memcmp(again.out.data, x->out.data, sizeof(x->out.data)));
}

static void check(struct sib_node *node, struct sib_node *was,
		  struct exchange *x)
{
	struct sib_portinfo *pi =
		&was->port[sib_node_agent_port(node, x->ingress)];
	struct sib_portinfo *lock = locked_by(was, x);

	must(!!lock == !!(x->fx.events & SIB_FX_BAD_MKEY));
	must(x->verdict == want_verdict(x, pi->cap_mask, lock));
	if (lock) {
		must(lock == &was->port[x->fx.port]);
		lock->mkey_violations += lock->mkey_violations != 0xffff;
	}
	if (x->verdict == SIB_SMA_REPLY) {
		check_reply(x);
		check_status(node, x);
	}
	state_check_change(was, node, x->ingress, &x->in, is_taken(node, x));
	if (is_taken(node, x) && x->status == SIB_STATUS_OK &&
	    is_attr(x, SIB_ATTR_PORT_INFO))
		state_check_taken(node, x->ingress, &x->in);
	check_effects(was, node, x);
	if (x->verdict == SIB_SMA_REPLY && x->status == SIB_STATUS_OK)
		check_data(node, x);
	if (is_taken(node, x))
		check_read_back(node, x);
}

static void smp_comes(struct feed *f, struct sib_node *node)
{
	struct exchange x = {};
	struct sib_node *was;
	u8 how = feed_u8(f);

	x.ingress = node->type == SIB_NODE_SWITCH ?
		    (how >> 1) % (node->num_ports + 1) :
		    1 + (how >> 1) % node->num_ports;
	x.local = how & 1;
	feed_smp(f, &x.in, key_of(node, x.ingress));
	if (x.in.method == SIB_METHOD_SET)
		feed_data(f, node, &x);
	was = state_copy(node);
	ask(node, &x);
	check(node, was, &x);
	node_free(was);
}

static void link_changes(struct feed *f, struct sib_node *node)
{
	u8 port = 1 + feed_below(f, node->num_ports), how = feed_u8(f);
	bool was_up = node->port[port].state != SIB_PORT_DOWN;

	if (how & 1)
		sib_node_link_up(node, port, 1 + (how >> 1) % 5);
	else
		must(sib_node_link_down(node, port, 1 + (how >> 1) % 4) ==
		     was_up);
}

/* An SM on this machine comes, goes, or is disabled. */
static void sm_changes(struct feed *f, struct sib_node *node,
		       struct sib_node *born)
{
	static const u32 caps[] = { 0, SIB_CAP_SM, SIB_CAP_SM_DISABLED };
	u8 port = sib_node_agent_port(node, 1);
	u32 *now = &node->port[port].cap_mask;

	*now &= ~(SIB_CAP_SM | SIB_CAP_SM_DISABLED);
	*now |= caps[feed_below(f, ARRAY_SIZE(caps))];
	born->port[port].cap_mask = *now;
}

static void something_happens(struct feed *f, struct sib_node *node,
			      struct sib_node *born)
{
	switch (feed_below(f, 16)) {
	case 0:
		return link_changes(f, node);
	case 2:
		return sm_changes(f, node, born);
	default:
		return smp_comes(f, node);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct sib_node *node = make(&f), *born = state_copy(node);
	unsigned int steps;

	for (steps = 0; f.left && steps < STEPS; steps++) {
		something_happens(&f, node, born);
		state_check(node, born);
	}
	node_free(born);
	node_free(node);
	return 0;
}
