// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * One end of a cable, and somebody at the other who sends what he likes.
 * Input: events, among them link messages as octets.
 *
 * Whatever comes, the port goes up and down in turn, knows a peer exactly
 * while it hears one, and never says goodbye in a session that is over; once
 * the cable has an honest other end, both come up within a few ticks.
 */
#include "fuzz.h"

#include "sib/core/lsm.h"
#include "sib/core/shim.h"

#define STEPS		200
#define SETTLE_TICKS	24

/**
 * struct end - one end of a cable, as the shell keeps it
 * @is_up: the port is
 * @hello: what it said last
 * @said: it said something that the other has not heard
 */
struct end {
	enum sib_lsm_state state;
	u32 session;
	struct sib_lsm_peer peer;
	u8 mac[6];
	bool is_up;
	struct sib_hello hello;
	bool said;
};

static u32 last_session;

static void say(struct end *e, u8 type)
{
	e->hello = (struct sib_hello){
		.type = type, .mtu_cap = 4, .session = e->session,
		.echo = e->peer.session,
	};
	e->said = true;
}

static void learn(struct end *e, const struct sib_hello *hello, const u8 *mac)
{
	must(hello && hello->type == SIB_MSG_HELLO);
	memcpy(e->peer.mac, mac, 6);
	e->peer.session = hello->session;
}

static void perform(struct end *e, u8 actions, const struct sib_hello *hello,
		    const u8 *mac)
{
	if (actions & SIB_LSM_SAY_BYE) {
		must(e->peer.session);
		say(e, SIB_MSG_BYE);
	}
	if (actions & SIB_LSM_GO_DOWN) {
		must(e->is_up);
		e->is_up = false;
	}
	if (actions & SIB_LSM_NEW_SESSION)
		e->session = ++last_session;
	if (actions & SIB_LSM_FORGET_PEER)
		memset(&e->peer, 0, sizeof(e->peer));
	if (actions & SIB_LSM_LEARN_PEER)
		learn(e, hello, mac);
	if (actions & SIB_LSM_GO_UP) {
		must(!e->is_up);
		e->is_up = true;
	}
	if (actions & SIB_LSM_SAY_HELLO)
		say(e, SIB_MSG_HELLO);
}

static void step(struct end *e, enum sib_lsm_event event,
		 const struct sib_hello *hello, const u8 *mac)
{
	struct sib_lsm_step s = sib_lsm_next(e->state, event);
	bool knows;

	must(s.next < SIB_LSM_STATES && !(s.actions & 0x80));
	if (s.actions & SIB_LSM_GO_UP)
		must(hello && hello->echo == e->session);
	perform(e, s.actions, hello, mac);
	e->state = s.next;
	knows = e->state == SIB_LSM_CONFIG || e->state == SIB_LSM_UP;
	must(e->is_up == (e->state == SIB_LSM_UP));
	must(!!e->peer.session == knows);
}

static void hear(struct end *e, const struct sib_hello *hello, const u8 *mac)
{
	bool from_peer = e->peer.session && !memcmp(e->peer.mac, mac, 6);
	bool was_up = e->is_up;
	int event = sib_lsm_classify(e->state, e->session, &e->peer, hello,
				     mac);

	must(event == -1 ||
	     (event >= SIB_LSM_HELLO && event <= SIB_LSM_BYE));
	if (event < 0)
		return;
	must((event == SIB_LSM_BYE) == (hello->type == SIB_MSG_BYE));
	step(e, event, hello, mac);
	/* Nobody but the peer takes a link down. */
	must(!was_up || e->is_up || from_peer);
}

/* From the peer, its session and ours as they are, or anything. */
static void message_comes(struct feed *f, struct end *e)
{
	u8 how = feed_u8(f), octets[SIB_HELLO_LEN], mac[6] = { 2 };
	struct sib_hello hello;

	feed_bytes(f, octets, how & 1 ? SIB_HELLO_LEN : 8);
	if (!(how & 1))
		memset(octets + 8, 0, sizeof(octets) - 8);
	if (!sib_hello_parse(&hello, octets, sizeof(octets)))
		return;
	if (how & 2)
		hello.echo = e->session;
	if (how & 4 && e->peer.session)
		hello.session = e->peer.session;
	mac[5] = how >> 3 & 3;
	hear(e, &hello, mac);
}

static void something_happens(struct feed *f, struct end *e)
{
	static const u8 events[] = {
		SIB_LSM_CARRIER_ON, SIB_LSM_CARRIER_OFF, SIB_LSM_DISABLE,
		SIB_LSM_ENABLE, SIB_LSM_RETRAIN, SIB_LSM_TICK,
		SIB_LSM_SILENCE, SIB_LSM_UNPLUG,
	};
	u8 which = feed_below(f, 16);

	if (which < ARRAY_SIZE(events))
		step(e, events[which], NULL, NULL);
	else
		message_comes(f, e);
}

/* What one has said the other hears, until both are quiet. */
static void talk(struct end *a, struct end *b)
{
	unsigned int n;

	for (n = 0; a->said || b->said; n++) {
		struct end *who = a->said ? a : b, *other = a->said ? b : a;

		must(n < 64);
		who->said = false;
		hear(other, &who->hello, who->mac);
	}
}

static void settle(struct end *a)
{
	struct end b = { .mac = { 2, 0, 0, 0, 0, 9 } };
	unsigned int silent = 0, n;

	b.session = ++last_session;
	step(a, SIB_LSM_ENABLE, NULL, NULL);
	step(a, SIB_LSM_CARRIER_ON, NULL, NULL);
	step(&b, SIB_LSM_CARRIER_ON, NULL, NULL);
	for (n = 0; !a->is_up || a->peer.session != b.session || !b.is_up;
	     n++) {
		must(n < SETTLE_TICKS);
		talk(a, &b);
		/* A stray is no sign of life of the peer that went. */
		if (a->is_up && a->peer.session != b.session && ++silent > 3)
			step(a, SIB_LSM_SILENCE, NULL, NULL);
		else
			step(a, SIB_LSM_TICK, NULL, NULL);
		step(&b, SIB_LSM_TICK, NULL, NULL);
	}
	must(b.peer.session == a->session);
	talk(a, &b);
	must(a->is_up && b.is_up);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct end e = { .mac = { 2, 0, 0, 0, 0, 8 } };
	unsigned int steps;

	last_session = 0x10000;
	e.session = ++last_session;
	for (steps = 0; f.left && steps < STEPS; steps++)
		something_happens(&f, &e);
	settle(&e);
	return 0;
}
