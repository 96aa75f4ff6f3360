// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The performance agent against a naive twin, which counts up and down what
 * the agent derives from what there was. Input: ports, then steps: something
 * is counted, or a MAD comes in.
 */
#include "fuzz.h"

#include "sib/core/pma.h"

#define PORTS	6
#define STEPS	32

/* Counters as IBTA's tables list them: offset and width, bits. */
static const struct place {
	u8 counter;
	u16 bit;
	u8 width;
} classic[] = {
	{ SIB_CNT_SYMBOL_ERRORS, 32, 16 }, { SIB_CNT_LINK_RECOVERY, 48, 8 },
	{ SIB_CNT_LINK_DOWNED, 56, 8 }, { SIB_CNT_RCV_ERRORS, 64, 16 },
	{ SIB_CNT_RCV_REMOTE_PHYS, 80, 16 }, { SIB_CNT_RELAY_ERRORS, 96, 16 },
	{ SIB_CNT_XMIT_DISCARDS, 112, 16 }, { SIB_CNT_XMIT_CONSTRAINT, 128, 8 },
	{ SIB_CNT_RCV_CONSTRAINT, 136, 8 }, { SIB_CNT_LINK_INTEGRITY, 152, 4 },
	{ SIB_CNT_BUFFER_OVERRUN, 156, 4 }, { SIB_CNT_VL15_DROPPED, 176, 16 },
	{ SIB_CNT_XMIT_DATA, 192, 32 }, { SIB_CNT_RCV_DATA, 224, 32 },
	{ SIB_CNT_XMIT_PKTS, 256, 32 }, { SIB_CNT_RCV_PKTS, 288, 32 },
	{ SIB_CNT_XMIT_WAIT, 320, 32 },
}, wide[] = {
	{ SIB_CNT_XMIT_DATA, 64, 64 }, { SIB_CNT_RCV_DATA, 128, 64 },
	{ SIB_CNT_XMIT_PKTS, 192, 64 }, { SIB_CNT_RCV_PKTS, 256, 64 },
	{ SIB_CNT_UCAST_XMIT, 320, 64 }, { SIB_CNT_UCAST_RCV, 384, 64 },
	{ SIB_CNT_MCAST_XMIT, 448, 64 }, { SIB_CNT_MCAST_RCV, 512, 64 },
};

/**
 * struct ports - what the ports of a node have counted
 * @now: since they were made
 * @since: since they were cleared, for PortCounters and for the wide ones
 */
struct ports {
	struct sib_pma pma;
	u64 now[PORTS][SIB_CNT_MAX];
	u64 since[2][PORTS][SIB_CNT_MAX];
};

static void read_port(void *context, u8 port, u64 *counters)
{
	struct ports *p = context;

	must(port >= p->pma.first_port && port <= p->pma.num_ports);
	memcpy(counters, p->now[port], sizeof(p->now[port]));
}

static void count(struct feed *f, struct ports *p)
{
	u8 port = feed_below(f, PORTS), counter = feed_below(f, SIB_CNT_MAX);
	u64 more = feed_be(f, 1 + feed_below(f, 8));

	p->now[port][counter] += more;
	p->since[0][port][counter] += more;
	p->since[1][port][counter] += more;
}

static bool is_selected(const struct ports *p, u8 select, u8 port)
{
	return port >= p->pma.first_port && port <= p->pma.num_ports &&
	       (select == 255 || select == port);
}

static void clear(struct ports *p, bool ext, const u8 *attr)
{
	const struct place *places = ext ? wide : classic;
	unsigned int i, n = ext ? ARRAY_SIZE(wide) : ARRAY_SIZE(classic);
	u8 port;

	for (port = 0; port < PORTS; port++) {
		if (!is_selected(p, attr[1], port))
			continue;
		/* The 17th bit is CounterSelect2's first. */
		for (i = 0; i < n; i++)
			if (i == 16 ? attr[18] & 1 :
				      fuzz_bits(attr, 31 - i, 1))
				p->since[ext][port][places[i].counter] = 0;
	}
}

static void check_counters(const struct ports *p, bool ext, const u8 *attr)
{
	const struct place *places = ext ? wide : classic;
	unsigned int i, n = ext ? ARRAY_SIZE(wide) : ARRAY_SIZE(classic);
	u8 port;

	for (i = 0; i < n; i++) {
		u64 sum = 0, most = ~0ULL >> (64 - places[i].width);

		for (port = 0; port < PORTS; port++)
			if (is_selected(p, attr[1], port))
				sum += p->since[ext][port][places[i].counter];
		must(fuzz_bits(attr, places[i].bit, places[i].width) ==
		     (sum < most ? sum : most));
	}
}

static u16 want_status(const struct ports *p, const u8 *in)
{
	u16 attr = fuzz_bits(in, 128, 16);

	if (in[2] != 1)
		return 0x04;
	if (in[3] != 1 && in[3] != 2)
		return 0x08;
	if (attr == 0x01)
		return in[3] == 1 ? 0 : 0x0c;
	if (attr != 0x12 && attr != 0x1d)
		return 0x0c;
	return in[65] == 255 || is_selected(p, in[65], in[65]) ? 0 : 0x1c;
}

static bool is_answered(u8 method)
{
	return !(method & 0x80) && method != 5 && method != 6 && method != 7;
}

static void check_reply(struct ports *p, const u8 *in, const u8 *out)
{
	u16 attr = fuzz_bits(in, 128, 16), status = want_status(p, in);

	must(!memcmp(out, in, 3) && out[3] == 0x81);
	must(fuzz_bits(out, 32, 16) == status);
	must(!memcmp(out + 6, in + 6, 58));
	if (status) {
		must(fuzz_is_zero(out + 64, 192));
	} else if (attr != 0x01) {
		must(!memcmp(out + 65, in + 65, 3));
		if (in[3] == 2)
			clear(p, attr == 0x1d, in + 64);
		check_counters(p, attr == 0x1d, out + 64);
		must(fuzz_is_zero(out + 64 + 72, 192 - 72));
	} else {
		must(out[64] == 1 && out[65] == 1);
		must(fuzz_is_zero(out + 72, 184));
	}
}

static void feed_mad(struct feed *f, u8 *mad)
{
	static const u16 attrs[] = { 0x12, 0x1d, 0x12, 0x01 };
	u8 how = feed_u8(f);

	if (!how) {
		feed_bytes(f, mad, SIB_MAD_LEN);
		return;
	}
	memset(mad, 0, SIB_MAD_LEN);
	mad[0] = 1;
	mad[1] = 4;
	mad[2] = 1;
	mad[3] = 1 + (how & 1);
	mad[17] = attrs[how >> 1 & 3];
	feed_bytes(f, mad + 65, 3);
	mad[64 + 18] = feed_u8(f);
	mad[65] = how & 8 ? 255 : mad[65] % PORTS;
}

static void mad_comes(struct feed *f, struct ports *p)
{
	u8 mad[SIB_MAD_LEN], *in, *out;

	feed_mad(f, mad);
	in = fuzz_exact(mad, SIB_MAD_LEN);
	out = malloc(SIB_MAD_LEN);
	must(out);
	memset(out, 0xee, SIB_MAD_LEN);
	must(sib_pma_handle(&p->pma, in, out) == is_answered(mad[3]));
	must(!memcmp(in, mad, SIB_MAD_LEN));
	if (is_answered(mad[3]))
		check_reply(p, in, out);
	free(in);
	free(out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct ports p = { .pma = { .read = read_port, .context = &p } };
	unsigned int steps;

	p.pma.first_port = feed_u8(&f) & 1;
	p.pma.num_ports = 1 + feed_below(&f, PORTS - 1);
	p.pma.base = calloc(p.pma.num_ports + 1, sizeof(*p.pma.base));
	must(p.pma.base);
	for (steps = 0; f.left && steps < STEPS; steps++) {
		if (feed_u8(&f) & 1)
			mad_comes(&f, &p);
		else
			count(&f, &p);
	}
	free(p.pma.base);
	return 0;
}
