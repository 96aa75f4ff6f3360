// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A requester and a responder that decide by core/, and between them a cable
 * that loses, repeats and holds back as the input says. Input: the first PSN,
 * the MTU, then for each packet what becomes of it.
 *
 * Whatever the cable does, the responder takes each octet of each message once
 * and in order, and the requester is told of no message that the responder has
 * not taken. When the input is used up the cable is good, and all must arrive.
 */
#include "fuzz.h"

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

#define MESSAGES	24
#define WIRE_MAX	64
#define WINDOW		16

/* A packet on the cable. */
struct packet {
	struct sib_hdr hdr;
	u32 message;
	u32 offset;
};

/* One direction. Packets leave it from any place, so they overtake. */
struct wire {
	struct packet p[WIRE_MAX];
	unsigned int n;
};

struct peers {
	u32 length[MESSAGES];
	u32 first_psn[MESSAGES];
	u16 mtu;
	/* Requester. */
	u32 una, psn, top;
	u32 send, offset, fresh;
	u32 told;
	/* Responder. */
	struct sib_resp resp;
	u32 taken, at;
	struct wire there, back;
};

static void put(struct wire *w, const struct packet *p)
{
	if (w->n < WIRE_MAX)
		w->p[w->n++] = *p;
}

static struct packet take(struct wire *w, unsigned int i, bool keep)
{
	struct packet p = w->p[i];

	if (!keep) {
		w->n--;
		memmove(&w->p[i], &w->p[i + 1],
			(w->n - i) * sizeof(w->p[0]));
	}
	return p;
}

static void request(struct peers *c)
{
	struct packet p = {};
	struct sib_seg seg;

	if (c->send == MESSAGES || sib_psn_diff(c->psn, c->una) >= WINDOW)
		return;
	if (!c->offset)
		c->first_psn[c->send] = c->psn;
	sib_seg_cut(&seg, SIB_TRANSPORT_RC, c->length[c->send], c->offset,
		    c->mtu, c->send & 1);
	p.hdr.opcode = seg.opcode;
	p.hdr.psn = c->psn;
	p.hdr.plen = seg.len;
	p.message = c->send;
	p.offset = c->offset;
	put(&c->there, &p);
	if (c->send == c->fresh)
		c->fresh++;
	c->psn = sib_psn_add(c->psn, 1);
	if (sib_psn_diff(c->psn, c->top) > 0)
		c->top = c->psn;
	c->offset = seg.last ? 0 : c->offset + seg.len;
	c->send += seg.last;
}

static u32 last_psn(const struct peers *c, u32 message)
{
	return sib_psn_add(c->first_psn[message],
			   sib_seg_count(c->length[message], c->mtu) - 1);
}

/* From this PSN on again. */
static void go_back(struct peers *c, u32 psn)
{
	c->psn = psn;
	c->offset = 0;
	for (c->send = c->told; c->send < c->fresh; c->send++) {
		if (sib_psn_diff(psn, last_psn(c, c->send)) > 0)
			continue;
		c->offset = sib_psn_diff(psn, c->first_psn[c->send]) * c->mtu;
		return;
	}
}

static void answer(struct peers *c, u8 syndrome, u32 psn)
{
	struct packet p = { .hdr = { .opcode = SIB_OP_RC_ACK, .psn = psn,
				     .syndrome = syndrome } };

	put(&c->back, &p);
}

static void respond(struct peers *c, const struct packet *p, bool ready)
{
	u16 flags = sib_opcode(p->hdr.opcode)->flags;
	u32 last = sib_psn_add(c->resp.epsn, SIB_PSN_MASK);

	switch (sib_rc_judge(&c->resp, &p->hdr)) {
	case SIB_RESP_DUPLICATE:
		answer(c, SIB_AETH_ACK, last);
		return;
	case SIB_RESP_GAP:
		answer(c, SIB_AETH_NAK | SIB_NAK_SEQUENCE, c->resp.epsn);
		return;
	case SIB_RESP_EXECUTE:
		break;
	default:
		/* Nobody sent anything that could be refused. */
		must(false);
	}
	if (flags & SIB_OPF_FIRST && !ready) {
		answer(c, SIB_AETH_RNR | 12, c->resp.epsn);
		return;
	}
	must(p->message == c->taken && p->offset == c->at);
	c->at += p->hdr.plen;
	c->resp.epsn = sib_psn_add(c->resp.epsn, 1);
	c->resp.midway = !(flags & SIB_OPF_LAST);
	if (flags & SIB_OPF_LAST) {
		must(c->at == c->length[c->taken]);
		c->taken++;
		c->at = 0;
	}
	answer(c, SIB_AETH_ACK, p->hdr.psn);
}

static void tell(struct peers *c)
{
	while (c->told < c->fresh &&
	       sib_psn_diff(last_psn(c, c->told), c->una) < 0)
		c->told++;
	must(c->told <= c->taken);
}

static void hear(struct peers *c, const struct packet *p)
{
	u32 una = c->una;
	enum sib_ack_verdict v = sib_ack_judge(&una, c->top, &p->hdr);

	must(sib_psn_diff(una, c->una) >= 0 && sib_psn_diff(c->top, una) >= 0);
	/* Responses that nobody made change nothing. */
	must(v != SIB_ACK_INV_REQUEST && v != SIB_ACK_BAD &&
	     v != SIB_ACK_REM_ACCESS && v != SIB_ACK_REM_OP);
	if (v == SIB_ACK_STALE || v == SIB_ACK_CREDIT)
		must(una == c->una);
	c->una = una;
	tell(c);
	if (sib_psn_diff(c->psn, una) < 0 || v == SIB_ACK_AGAIN ||
	    v == SIB_ACK_NOT_READY)
		go_back(c, una);
}

/* One packet of a direction, as the cable likes; false if there was none. */
static bool deliver(struct peers *c, struct wire *w, u8 how, u8 which,
		    bool ready)
{
	struct packet p;

	if (!w->n)
		return false;
	p = take(w, how % 5 == 3 ? which % w->n : 0, how % 5 == 2);
	if (how % 5 == 1)
		return true;
	if (w == &c->there)
		respond(c, &p, ready);
	else
		hear(c, &p);
	return true;
}

static void start(struct peers *c, struct feed *f)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->psn = feed_u32(f) & SIB_PSN_MASK;
	c->una = c->top = c->resp.epsn = c->psn;
	c->mtu = 256 << feed_u32(f) % 5;
	c->resp.mtu = c->mtu;
	for (i = 0; i < MESSAGES; i++)
		c->length[i] = i * 397 % (5 * c->mtu);
}

static void finish(struct peers *c)
{
	unsigned int turns = 0;

	while (c->told < MESSAGES) {
		must(turns++ < 100000);
		request(c);
		if (deliver(c, &c->there, 0, 0, true) ||
		    deliver(c, &c->back, 0, 0, true))
			continue;
		if (c->una != c->top)
			go_back(c, c->una);
	}
	must(c->taken == MESSAGES);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct peers c;

	start(&c, &f);
	while (f.left) {
		u8 how = feed_u8(&f), which = feed_u8(&f), then = feed_u8(&f);

		request(&c);
		deliver(&c, &c.there, how, which, how % 5 != 4);
		if (then & 1)
			request(&c);
		if (then & 2)
			deliver(&c, &c.back, then >> 2, which, true);
		/* A timeout. */
		if (then > 250 && c.una != c.top)
			go_back(&c, c.una);
	}
	finish(&c);
	return 0;
}
