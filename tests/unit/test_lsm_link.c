// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Two ends of a cable that run the link state machine against each other. The
 * cable may lose, double and reorder messages for as long as it likes; once it
 * behaves, both ends must come up, agree with each other, and stay up.
 */
#include "unit.h"

#include "sib/core/lsm.h"
#include "sib/core/shim.h"

/* Messages on their way in one direction; more are lost. */
#define LINE_MAX	32
/* Ticks without a word until the peer counts as gone. */
#define SILENT_TICKS	5
/* So many ticks of a good cable must do, after whatever happened before. */
#define SETTLE_TICKS	24
/* So many messages may one of a backlog beget; more would be a storm. */
#define STORM		12

/**
 * struct message - on its way
 * @hello: what it says
 * @mac: who sent it
 */
struct message {
	struct sib_hello hello;
	u8 mac[6];
};

/**
 * struct end - one end of the cable, as the shell around the machine keeps it
 * @ups: how often the port came up
 * @downs: how often it went down
 */
struct end {
	enum sib_lsm_state state;
	u32 session;
	struct sib_lsm_peer peer;
	u8 mac[6];
	unsigned int silent;
	unsigned int ups;
	unsigned int downs;
};

/* Which end hears first what both were told at the same time. */
enum order { FIRST, SECOND, IN_TURN, ORDERS };

/**
 * struct cable - a cable with both its ends
 * @line: messages to each end, oldest first
 * @queued: how many
 * @order: in which a good cable delivers
 * @last_session: sessions are counted, for they need only differ
 */
struct cable {
	struct end end[2];
	struct message line[2][LINE_MAX];
	unsigned int queued[2];
	enum order order;
	u32 last_session;
};

static void say(struct cable *c, int who, u8 type)
{
	struct end *end = &c->end[who];
	struct message *m;

	if (c->queued[!who] == LINE_MAX)
		return;
	m = &c->line[!who][c->queued[!who]++];
	memset(m, 0, sizeof(*m));
	m->hello.type = type;
	m->hello.mtu_cap = 4;
	m->hello.session = end->session;
	m->hello.echo = end->peer.session;
	memcpy(m->mac, end->mac, 6);
}

static void learn(struct end *end, const struct message *m)
{
	assert_non_null(m);
	memcpy(end->peer.mac, m->mac, 6);
	end->peer.session = m->hello.session;
}

static void step(struct cable *c, int who, enum sib_lsm_event event,
		 const struct message *m)
{
	struct end *end = &c->end[who];
	struct sib_lsm_step s = sib_lsm_next(end->state, event);

	if (s.actions & SIB_LSM_SAY_BYE)
		say(c, who, SIB_MSG_BYE);
	if (s.actions & SIB_LSM_GO_DOWN)
		end->downs++;
	if (s.actions & SIB_LSM_NEW_SESSION)
		end->session = ++c->last_session;
	if (s.actions & SIB_LSM_FORGET_PEER)
		memset(&end->peer, 0, sizeof(end->peer));
	if (s.actions & SIB_LSM_LEARN_PEER)
		learn(end, m);
	if (s.actions & SIB_LSM_GO_UP)
		end->ups++;
	if (s.actions & SIB_LSM_SAY_HELLO)
		say(c, who, SIB_MSG_HELLO);
	end->state = s.next;
	assert_int_equal(end->ups - end->downs, end->state == SIB_LSM_UP);
	if (end->state == SIB_LSM_UP)
		assert_int_not_equal(end->peer.session, 0);
}

static void receive(struct cable *c, int who, const struct message *m)
{
	struct end *end = &c->end[who];
	int event = sib_lsm_classify(end->state, end->session, &end->peer,
				     &m->hello, m->mac);

	if (event < 0)
		return;
	end->silent = 0;
	step(c, who, event, m);
}

static struct message take(struct cable *c, int who, unsigned int at)
{
	struct message m = c->line[who][at];

	c->queued[who]--;
	memmove(&c->line[who][at], &c->line[who][at + 1],
		(c->queued[who] - at) * sizeof(m));
	return m;
}

static void deliver(struct cable *c, int who, unsigned int at)
{
	struct message m = take(c, who, at);

	receive(c, who, &m);
}

static void tick(struct cable *c, int who)
{
	struct end *end = &c->end[who];
	bool silence = ++end->silent > SILENT_TICKS;

	if (end->state == SIB_LSM_OFF || end->state == SIB_LSM_DISABLED)
		return;
	if (silence)
		end->silent = 0;
	step(c, who, silence ? SIB_LSM_SILENCE : SIB_LSM_TICK, NULL);
}

static int who_hears(const struct cable *c, unsigned int turn)
{
	int who = c->order == IN_TURN ? turn & 1 : c->order == SECOND;

	return c->queued[who] ? who : !who;
}

/* A cable that behaves delivers all there is, and all that comes of it. */
static void flush(struct cable *c)
{
	unsigned int backlog = c->queued[0] + c->queued[1], turn;

	for (turn = 0; c->queued[0] || c->queued[1]; turn++) {
		if (turn > backlog * STORM)
			fail_msg("%u messages beget a storm", backlog);
		deliver(c, who_hears(c, turn), 0);
	}
}

static void good_tick(struct cable *c)
{
	tick(c, 0);
	tick(c, 1);
	flush(c);
}

static bool agree(const struct cable *c)
{
	return c->end[0].state == SIB_LSM_UP && c->end[1].state == SIB_LSM_UP &&
	       c->end[0].peer.session == c->end[1].session &&
	       c->end[1].peer.session == c->end[0].session;
}

static unsigned int all_downs(const struct cable *c)
{
	return c->end[0].downs + c->end[1].downs;
}

/* From now on the cable is good: both come up and stay so. */
static void assert_settles(struct cable *c)
{
	unsigned int i, downs;

	flush(c);
	for (i = 0; i < SETTLE_TICKS && !agree(c); i++)
		good_tick(c);
	check(agree(c), "%s and %s after %u ticks",
	      sib_lsm_state_name(c->end[0].state),
	      sib_lsm_state_name(c->end[1].state), i);
	downs = all_downs(c);
	for (i = 0; i < 3 * SILENT_TICKS; i++)
		good_tick(c);
	assert_true(agree(c));
	assert_int_equal(all_downs(c), downs);
}

/* A cable plugged in: both ends poll and have said hello once. */
static void plug(struct cable *c)
{
	int who;

	memset(c, 0, sizeof(*c));
	for (who = 0; who < 2; who++) {
		c->end[who].mac[5] = 1 + who;
		c->end[who].session = ++c->last_session;
	}
	step(c, 0, SIB_LSM_CARRIER_ON, NULL);
	step(c, 1, SIB_LSM_CARRIER_ON, NULL);
}

/* Trained, quiet, and counted from here. */
static void train(struct cable *c)
{
	plug(c);
	assert_settles(c);
	c->end[0].ups = 1;
	c->end[1].ups = 1;
	c->end[0].downs = 0;
	c->end[1].downs = 0;
}

static void two_ends_that_poll_come_up(void **context)
{
	struct cable c;

	plug(&c);
	good_tick(&c);
	assert_true(agree(&c));
	assert_settles(&c);
}

static void an_end_that_comes_later_comes_up_too(void **context)
{
	struct cable c;
	unsigned int i;

	plug(&c);
	step(&c, 1, SIB_LSM_CARRIER_OFF, NULL);
	for (i = 0; i < 20; i++)
		good_tick(&c);
	assert_int_not_equal(c.end[0].state, SIB_LSM_UP);
	step(&c, 1, SIB_LSM_CARRIER_ON, NULL);
	assert_settles(&c);
}

static void a_retrain_takes_both_down_and_up(void **context)
{
	struct cable c;
	int who;

	for (who = 0; who < 2; who++) {
		train(&c);
		step(&c, who, SIB_LSM_RETRAIN, NULL);
		good_tick(&c);
		assert_settles(&c);
		assert_int_equal(c.end[0].downs, 1);
		assert_int_equal(c.end[1].downs, 1);
		assert_int_equal(c.end[0].ups, 2);
		assert_int_equal(c.end[1].ups, 2);
	}
}

static void two_retrains_at_once_come_up(void **context)
{
	struct cable c;

	train(&c);
	step(&c, 0, SIB_LSM_RETRAIN, NULL);
	step(&c, 1, SIB_LSM_RETRAIN, NULL);
	assert_settles(&c);
	assert_true(c.end[0].downs && c.end[1].downs);
}

static void an_end_that_is_disabled_takes_the_other_down(void **context)
{
	struct cable c;

	train(&c);
	step(&c, 0, SIB_LSM_DISABLE, NULL);
	good_tick(&c);
	assert_int_equal(c.end[0].state, SIB_LSM_DISABLED);
	assert_int_equal(c.end[1].state, SIB_LSM_POLLING);
	step(&c, 0, SIB_LSM_ENABLE, NULL);
	assert_settles(&c);
}

static void nothing_wakes_a_disabled_end_but_its_owner(void **context)
{
	struct cable c;
	unsigned int i;

	train(&c);
	step(&c, 0, SIB_LSM_DISABLE, NULL);
	for (i = 0; i < 40; i++) {
		good_tick(&c);
		assert_int_equal(c.end[0].state, SIB_LSM_DISABLED);
		assert_int_not_equal(c.end[1].state, SIB_LSM_UP);
	}
}

static void a_peer_that_vanishes_is_noticed(void **context)
{
	struct cable c;
	unsigned int i;

	train(&c);
	c.end[0].state = SIB_LSM_OFF;
	for (i = 0; i <= SILENT_TICKS; i++) {
		tick(&c, 1);
		c.queued[0] = 0;
		c.queued[1] = 0;
	}
	assert_int_equal(c.end[1].state, SIB_LSM_POLLING);
	assert_int_equal(c.end[1].downs, 1);
}

static void lost_byes_do_no_harm(void **context)
{
	struct cable c;

	train(&c);
	step(&c, 0, SIB_LSM_DISABLE, NULL);
	c.queued[1] = 0;
	step(&c, 0, SIB_LSM_ENABLE, NULL);
	assert_settles(&c);
	assert_int_equal(c.end[1].downs, 1);
}

/* A new kernel at one end: it knows nothing, and said no bye. */
static void reboot(struct cable *c, int who)
{
	struct end *end = &c->end[who];

	end->state = SIB_LSM_OFF;
	end->downs = end->ups;
	end->session = ++c->last_session;
	memset(&end->peer, 0, sizeof(end->peer));
	step(c, who, SIB_LSM_CARRIER_ON, NULL);
}

static void an_end_that_reboots_takes_the_other_down_and_up(void **context)
{
	struct cable c;

	train(&c);
	reboot(&c, 0);
	assert_settles(&c);
	assert_int_equal(c.end[1].downs, 1);
	assert_int_equal(c.end[1].ups, 2);
}

static void a_third_talker_does_not_disturb_a_trained_link(void **context)
{
	struct message stray = {
		.hello = { .type = SIB_MSG_HELLO, .mtu_cap = 4,
			   .session = 999 },
		.mac = { 2, 0, 0, 0, 0, 9 },
	};
	struct cable c;
	unsigned int i;

	train(&c);
	for (i = 0; i < 50; i++) {
		stray.hello.echo = i & 1 ? c.end[0].session : 0;
		stray.hello.type = i & 2 ? SIB_MSG_HELLO : SIB_MSG_BYE;
		receive(&c, 0, &stray);
		good_tick(&c);
	}
	assert_true(agree(&c));
	assert_int_equal(all_downs(&c), 0);
}

static void an_idle_link_is_kept_by_one_hello_a_tick_each(void **context)
{
	struct cable c;

	train(&c);
	tick(&c, 0);
	tick(&c, 1);
	assert_int_equal(c.queued[0], 1);
	assert_int_equal(c.queued[1], 1);
	deliver(&c, 0, 0);
	deliver(&c, 1, 0);
	assert_int_equal(c.queued[0] + c.queued[1], 0);
}

/*
 * The adversary. A schedule is a number; each digit is one of ten choices:
 * tick an end; deliver its oldest or its newest message, deliver the oldest
 * twice, or lose it.
 */
#define CHOICES	10

static void choose(struct cable *c, unsigned int choice)
{
	int who = choice & 1;
	struct message m;

	if (choice < 2) {
		tick(c, who);
		return;
	}
	if (!c->queued[who])
		return;
	switch (choice / 2) {
	case 1:
		deliver(c, who, 0);
		break;
	case 2:
		deliver(c, who, c->queued[who] - 1);
		break;
	case 3:
		m = c->line[who][0];
		receive(c, who, &m);
		break;
	case 4:
		take(c, who, 0);
		break;
	}
}

static void every_schedule(unsigned int length,
			   void (*start)(struct cable *c),
			   void (*finish)(struct cable *c))
{
	unsigned int total = 1, i, schedule, rest;
	struct cable begin, c;

	for (i = 0; i < length; i++)
		total *= CHOICES;
	start(&begin);
	for (schedule = 0; schedule < total; schedule++) {
		c = begin;
		c.order = schedule % ORDERS;
		for (i = 0, rest = schedule; i < length; i++) {
			choose(&c, rest % CHOICES);
			rest /= CHOICES;
		}
		finish(&c);
	}
}

static void train_and_retrain(struct cable *c)
{
	train(c);
	step(c, 0, SIB_LSM_RETRAIN, NULL);
}

static void train_and_retrain_both(struct cable *c)
{
	train(c);
	step(c, 0, SIB_LSM_RETRAIN, NULL);
	step(c, 1, SIB_LSM_RETRAIN, NULL);
}

static void train_and_reboot(struct cable *c)
{
	train(c);
	reboot(c, 0);
}

static void both_went_down_and_up(struct cable *c)
{
	assert_settles(c);
	assert_true(c->end[0].downs >= 1 && c->end[1].downs >= 1);
	assert_true(c->end[0].ups >= 2 && c->end[1].ups >= 2);
}

static void every_schedule_lets_polling_ends_come_up(void **context)
{
	every_schedule(5, plug, assert_settles);
}

static void every_schedule_after_a_retrain_takes_both_down(void **context)
{
	every_schedule(5, train_and_retrain, both_went_down_and_up);
}

static void every_schedule_after_two_retrains_comes_up(void **context)
{
	every_schedule(5, train_and_retrain_both, both_went_down_and_up);
}

static void every_schedule_after_a_reboot_comes_up(void **context)
{
	every_schedule(5, train_and_reboot, both_went_down_and_up);
}

static void random_event(struct cable *c, int who)
{
	static const enum sib_lsm_event events[] = {
		SIB_LSM_CARRIER_ON, SIB_LSM_CARRIER_OFF, SIB_LSM_DISABLE,
		SIB_LSM_ENABLE, SIB_LSM_RETRAIN, SIB_LSM_UNPLUG,
	};

	if (unit_once_in(8))
		reboot(c, who);
	else
		step(c, who, events[unit_below(ARRAY_SIZE(events))], NULL);
}

static void after_any_trouble_a_good_cable_settles(void **context)
{
	unsigned int run, i, length;
	struct cable c;

	unit_seed();
	for (run = 0; run < 20000; run++) {
		plug(&c);
		c.order = unit_below(ORDERS);
		length = unit_below(120);
		for (i = 0; i < length; i++) {
			if (unit_once_in(12))
				random_event(&c, unit_below(2));
			else
				choose(&c, unit_below(CHOICES));
		}
		for (i = 0; i < 2; i++) {
			step(&c, i, SIB_LSM_ENABLE, NULL);
			step(&c, i, SIB_LSM_CARRIER_ON, NULL);
		}
		assert_settles(&c);
	}
}

UNIT_MAIN(
	CASE(two_ends_that_poll_come_up),
	CASE(an_end_that_comes_later_comes_up_too),
	CASE(a_retrain_takes_both_down_and_up),
	CASE(two_retrains_at_once_come_up),
	CASE(an_end_that_is_disabled_takes_the_other_down),
	CASE(nothing_wakes_a_disabled_end_but_its_owner),
	CASE(a_peer_that_vanishes_is_noticed),
	CASE(lost_byes_do_no_harm),
	CASE(an_end_that_reboots_takes_the_other_down_and_up),
	CASE(a_third_talker_does_not_disturb_a_trained_link),
	CASE(an_idle_link_is_kept_by_one_hello_a_tick_each),
	CASE(every_schedule_lets_polling_ends_come_up),
	CASE(every_schedule_after_a_retrain_takes_both_down),
	CASE(every_schedule_after_two_retrains_comes_up),
	CASE(every_schedule_after_a_reboot_comes_up),
	CASE(after_any_trouble_a_good_cable_settles),
)
