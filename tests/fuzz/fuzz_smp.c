// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A directed-route SMP on its way through switches that are cabled at random.
 * Input: the cables, where it starts, the SMP.
 *
 * It ends after a bounded number of steps; no step writes to it but where the
 * standard says; a reply to one that started at a switch goes the same way
 * back.
 */
#include <asm/byteorder.h>

#include "fuzz.h"

#include "sib/core/smp.h"

#define SWITCHES	4
#define PORTS		5
#define STEPS		130

/**
 * struct place - a port of a switch
 * @sw: the switch
 * @port: 0 is its own
 */
struct place {
	u8 sw;
	u8 port;
};

/**
 * struct walk - an SMP under way
 * @far: the other end of each cable; a port without one is its own
 * @in: where the SMP came in last
 * @seen: where it came in at each step
 * @steps: how many
 */
struct walk {
	struct place far[SWITCHES][PORTS + 1];
	struct place in;
	struct place seen[STEPS + 1];
	unsigned int steps;
};

static void plug(struct walk *w, struct feed *f)
{
	u8 sw, port, n = feed_below(f, 16);
	struct place a, b;

	for (sw = 0; sw < SWITCHES; sw++)
		for (port = 0; port <= PORTS; port++)
			w->far[sw][port] = (struct place){ sw, port };
	while (n--) {
		a.sw = feed_below(f, SWITCHES);
		a.port = 1 + feed_below(f, PORTS);
		b.sw = feed_below(f, SWITCHES);
		b.port = 1 + feed_below(f, PORTS);
		if (w->far[a.sw][a.port].sw != a.sw ||
		    w->far[b.sw][b.port].sw != b.sw)
			continue;
		w->far[a.sw][a.port] = b;
		w->far[b.sw][b.port] = a;
	}
}

/* All is as before, but the pointer and one entry of the return path. */
static void check_untouched(const struct sib_smp *was,
			    const struct sib_smp *now, u8 ingress)
{
	bool returning = was->status & cpu_to_be16(SIB_STATUS_D);
	struct sib_smp same = *now;

	same.hop_ptr = was->hop_ptr;
	if (!returning && was->hop_ptr && was->hop_ptr <= was->hop_cnt &&
	    was->hop_cnt < SIB_SMP_PATH_MAX) {
		u8 *entry = &same.return_path[was->hop_ptr];

		must(*entry == ingress || now->hop_ptr == was->hop_ptr);
		*entry = was->return_path[was->hop_ptr];
	}
	must(!memcmp(&same, was, sizeof(same)));
}

static void check_pointer(const struct sib_smp *was, const struct sib_smp *now,
			  enum sib_smp_way way)
{
	bool returning = was->status & cpu_to_be16(SIB_STATUS_D);
	int moved = now->hop_ptr - was->hop_ptr;

	must(now->hop_ptr <= SIB_SMP_PATH_MAX || way == SIB_SMP_DISCARD);
	must(moved == 0 || moved == (returning ? -1 : 1));
	if (way == SIB_SMP_OUT || way == SIB_SMP_BY_LID)
		must(moved);
}

static enum sib_smp_way step(struct walk *w, struct sib_smp *smp)
{
	struct sib_smp *now = fuzz_exact(smp, sizeof(*smp));
	u8 egress = 0xee;
	u16 dlid = 0xeeee;
	enum sib_smp_way way;

	way = sib_smp_route(now, w->in.port, PORTS, &egress, &dlid);
	check_untouched(smp, now, w->in.port);
	check_pointer(smp, now, way);
	if (way == SIB_SMP_OUT) {
		must(egress <= PORTS);
		w->in = w->far[w->in.sw][egress];
	}
	if (way == SIB_SMP_BY_LID)
		must(dlid >= 1 && dlid <= 0xbfff && dlid ==
		     be16_to_cpu(smp->status & cpu_to_be16(SIB_STATUS_D) ?
				 smp->dr_slid : smp->dr_dlid));
	*smp = *now;
	free(now);
	return way;
}

static enum sib_smp_way walk(struct walk *w, struct sib_smp *smp)
{
	enum sib_smp_way way;

	for (w->steps = 0;; w->steps++) {
		must(w->steps < STEPS);
		w->seen[w->steps] = w->in;
		way = step(w, smp);
		if (way != SIB_SMP_OUT)
			return way;
	}
}

/* The agent's reply leaves where the request came in, switch by switch. */
static void check_way_back(struct walk *out, struct sib_smp *smp)
{
	struct walk back = *out;
	unsigned int i;

	smp->status |= cpu_to_be16(SIB_STATUS_D);
	must(walk(&back, smp) == SIB_SMP_LOCAL);
	must(smp->hop_ptr == 0 && back.steps == out->steps);
	for (i = 0; i <= back.steps; i++)
		must(back.seen[i].sw == out->seen[out->steps - i].sw);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct sib_smp smp;
	struct walk w = {};
	bool from_here;

	plug(&w, &f);
	w.in.sw = feed_below(&f, SWITCHES);
	w.in.port = feed_below(&f, PORTS + 1);
	feed_bytes(&f, &smp, sizeof(smp));
	from_here = smp.hop_ptr == 0 && w.in.port == 0 &&
		    !(smp.status & cpu_to_be16(SIB_STATUS_D));
	smp.dr_slid |= from_here ? 0xffff : 0;
	if (walk(&w, &smp) == SIB_SMP_LOCAL && from_here)
		check_way_back(&w, &smp);
	return 0;
}
