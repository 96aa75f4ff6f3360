// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A node and all that an SM, or somebody who plays one, can send to it. Input:
 * what sort of node, then steps: a link comes or goes, or an SMP comes in.
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
	u8 n;

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
	for (n = feed_below(f, 16); n; n--)
		x->in.data[feed_u8(f) & 63] = feed_u8(f);
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
	if (x->local || !is_request(x) || is_attr(x, SIB_ATTR_SM_INFO) ||
	    x->in.base_version != 1 || x->in.class_version != 1)
		return false;
	if (!pi->mkey || be64_to_cpu(x->in.mkey) == pi->mkey)
		return false;
	return x->in.method != SIB_METHOD_GET || pi->mkey_protect >= 2;
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
	must(x->status == SIB_STATUS_OK || x->status == SIB_STATUS_VERSION ||
	     x->status == SIB_STATUS_METHOD || x->status == SIB_STATUS_VALUE ||
	     x->status == SIB_STATUS_METHOD_ATTR);
	if (x->in.method & SIB_METHOD_RESPONSE ||
	    x->in.method == SIB_METHOD_TRAP_REPRESS)
		must(!"answered what is never answered");
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
	bool locked_out = is_locked_out(x, pi);

	must(locked_out == !!(x->fx.events & SIB_FX_BAD_MKEY));
	if (locked_out) {
		must(x->verdict == SIB_SMA_DROP);
		pi->mkey_violations += pi->mkey_violations != 0xffff;
	}
	if (x->verdict == SIB_SMA_REPLY)
		check_reply(x);
	else
		must(x->verdict == SIB_SMA_DROP || x->in.method != 2 ||
		     is_attr(x, SIB_ATTR_SM_INFO));
	state_check_change(was, node, x->ingress, &x->in, is_taken(node, x));
	check_effects(was, node, x);
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

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct sib_node *node = make(&f), *born = state_copy(node);
	unsigned int steps;

	for (steps = 0; f.left && steps < STEPS; steps++) {
		if (feed_below(&f, 8))
			smp_comes(&f, node);
		else
			link_changes(&f, node);
		state_check(node, born);
	}
	node_free(born);
	node_free(node);
	return 0;
}
