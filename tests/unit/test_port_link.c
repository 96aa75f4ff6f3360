// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The link state machine and PortInfo together: the SM orders, the cable and
 * the peer do what they like, and every pair of states that can be reached is
 * reached here. PortState and PortPhysicalState must tell the truth about the
 * link in all of them.
 */
#include "unit.h"
#include "node.h"
#include "smps.h"

#include "sib/core/lsm.h"

#define PORT		1
#define VISITS_MAX	64

/**
 * struct visit - what can be seen of a port
 * @lsm: its link
 * @state: PortState
 * @phys: PortPhysicalState
 */
struct visit {
	u8 lsm;
	u8 state;
	u8 phys;
};

/**
 * struct walk - what has been seen
 * @node: its port PORT is walked
 * @lsm: where the link is
 * @seen: every pair, in the order in which they were found
 * @count: how many
 */
struct walk {
	struct sib_node *node;
	enum sib_lsm_state lsm;
	struct visit seen[VISITS_MAX];
	unsigned int count;
};

/* What fabric/link.c shows of a link. */
static u8 phys_of(enum sib_lsm_state lsm)
{
	static const u8 phys[] = {
		[SIB_LSM_OFF] = SIB_PHYS_POLLING,
		[SIB_LSM_DISABLED] = SIB_PHYS_DISABLED,
		[SIB_LSM_POLLING] = SIB_PHYS_POLLING,
		[SIB_LSM_CONFIG] = SIB_PHYS_TRAINING,
		[SIB_LSM_UP] = SIB_PHYS_LINKUP,
	};

	return phys[lsm];
}

static struct sib_portinfo *portinfo(struct walk *w)
{
	return &w->node->port[PORT];
}

static void link_event(struct walk *w, enum sib_lsm_event event)
{
	struct sib_lsm_step step = sib_lsm_next(w->lsm, event);

	if (step.actions & SIB_LSM_GO_DOWN)
		assert_true(sib_node_link_down(w->node, PORT,
					       phys_of(step.next)));
	if (step.actions & SIB_LSM_GO_UP)
		sib_node_link_up(w->node, PORT, 4);
	w->lsm = step.next;
	portinfo(w)->phys_state = phys_of(w->lsm);
}

/* The SM orders; what the agent wants done of the link is done. */
static struct answer order(struct walk *w, u8 state, u8 phys)
{
	struct answer a;
	u8 data[64];

	smps_port_info(w->node, PORT, PORT, data);
	data[32] = state;
	data[33] = phys << 4;
	a = smps_set(w->node, PORT, SIB_ATTR_PORT_INFO, PORT, data);
	if (a.fx.events & SIB_FX_RETRAIN)
		link_event(w, SIB_LSM_RETRAIN);
	if (a.fx.events & SIB_FX_DISABLE)
		link_event(w, SIB_LSM_DISABLE);
	if (a.fx.events & SIB_FX_ENABLE)
		link_event(w, SIB_LSM_ENABLE);
	return a;
}

static struct visit look(struct walk *w)
{
	return (struct visit){ w->lsm, portinfo(w)->state,
			       portinfo(w)->phys_state };
}

static void go_to(struct walk *w, struct visit v)
{
	w->lsm = v.lsm;
	portinfo(w)->state = v.state;
	portinfo(w)->phys_state = v.phys;
}

static void remember(struct walk *w)
{
	struct visit v = look(w);
	unsigned int i;

	for (i = 0; i < w->count; i++)
		if (!memcmp(&w->seen[i], &v, sizeof(v)))
			return;
	assert_in_range(w->count, 0, VISITS_MAX - 1);
	w->seen[w->count++] = v;
}

static void expand(struct walk *w, struct visit from)
{
	unsigned int event, state, phys;

	for (event = 0; event < SIB_LSM_EVENTS; event++) {
		go_to(w, from);
		link_event(w, event);
		remember(w);
	}
	for (state = 0; state < 16; state++) {
		for (phys = 0; phys < 16; phys++) {
			go_to(w, from);
			order(w, state, phys);
			remember(w);
		}
	}
}

/* Everything that can be reached from power-up. */
static void walk(struct walk *w, struct sib_node *node)
{
	unsigned int i;

	memset(w, 0, sizeof(*w));
	w->node = node;
	w->lsm = SIB_LSM_OFF;
	remember(w);
	for (i = 0; i < w->count; i++)
		expand(w, w->seen[i]);
}

static struct walk ca, sw;

static int walk_nodes(void **context)
{
	walk(&ca, node_make(SIB_NODE_CA, 1, 128, 8));
	walk(&sw, node_make(SIB_NODE_SWITCH, 4, 32, 1));
	return 0;
}

static int free_nodes(void **context)
{
	node_free(ca.node);
	node_free(sw.node);
	return 0;
}

static void from_everywhere(void (*rule)(struct walk *w, struct visit from))
{
	struct walk *walks[] = { &ca, &sw };
	unsigned int i, n;

	for (n = 0; n < ARRAY_SIZE(walks); n++) {
		for (i = 0; i < walks[n]->count; i++) {
			go_to(walks[n], walks[n]->seen[i]);
			rule(walks[n], walks[n]->seen[i]);
		}
	}
}

static void rule_truth(struct walk *w, struct visit at)
{
	check((at.state == SIB_PORT_DOWN) == (at.lsm != SIB_LSM_UP),
	      "%s: state %u", sib_lsm_state_name(at.lsm), at.state);
	check(at.phys == phys_of(at.lsm), "%s: physical state %u",
	      sib_lsm_state_name(at.lsm), at.phys);
}

static void a_port_tells_the_truth_about_its_link(void **context)
{
	from_everywhere(rule_truth);
}

/* Four without a link; and with one Init, Armed and Active. */
static void there_are_seven_states_and_all_can_be_reached(void **context)
{
	assert_int_equal(ca.count, 7);
	assert_int_equal(sw.count, 7);
}

static void rule_up(struct walk *w, struct visit from)
{
	struct answer a;

	order(w, SIB_PORT_DOWN, SIB_PHYS_DISABLED);
	order(w, SIB_PORT_DOWN, SIB_PHYS_POLLING);
	link_event(w, SIB_LSM_CARRIER_ON);
	link_event(w, SIB_LSM_HELLO_ECHO);
	check(portinfo(w)->state == SIB_PORT_INIT, "from %s, %u: not Init",
	      sib_lsm_state_name(from.lsm), from.state);
	a = order(w, SIB_PORT_ARMED, 0);
	assert_int_equal(a.status, SIB_STATUS_OK);
	assert_int_equal(a.fx.events, 0);
	a = order(w, SIB_PORT_ACTIVE, 0);
	assert_int_equal(a.status, SIB_STATUS_OK);
	assert_int_equal(a.fx.events, SIB_FX_ACTIVE);
}

static void from_every_state_an_sm_can_make_a_port_active(void **context)
{
	from_everywhere(rule_up);
}

static void rule_disable(struct walk *w, struct visit from)
{
	unsigned int event;

	order(w, SIB_PORT_DOWN, SIB_PHYS_DISABLED);
	for (event = 0; event < SIB_LSM_EVENTS; event++)
		if (event != SIB_LSM_ENABLE)
			link_event(w, event);
	order(w, SIB_PORT_DOWN, 0);
	order(w, SIB_PORT_DOWN, SIB_PHYS_SLEEP);
	order(w, SIB_PORT_ARMED, 0);
	check(w->lsm == SIB_LSM_DISABLED, "from %s, %u: now %s",
	      sib_lsm_state_name(from.lsm), from.state,
	      sib_lsm_state_name(w->lsm));
	assert_int_equal(portinfo(w)->state, SIB_PORT_DOWN);
}

static void from_every_state_a_port_can_be_disabled_for_good(void **context)
{
	from_everywhere(rule_disable);
}

/* Any order that is refused leaves link and port as they are. */
static void rule_refused(struct walk *w, struct visit from)
{
	unsigned int state, phys;

	for (state = 0; state < 16; state++) {
		for (phys = 0; phys < 16; phys++) {
			struct answer a;
			struct visit now;

			go_to(w, from);
			a = order(w, state, phys);
			now = look(w);
			if (a.status == SIB_STATUS_OK)
				continue;
			check(!memcmp(&now, &from, sizeof(now)),
			      "%s, %u: order %u, %u",
			      sib_lsm_state_name(from.lsm), from.state,
			      state, phys);
		}
	}
}

static void an_order_that_is_refused_changes_nothing(void **context)
{
	from_everywhere(rule_refused);
}

static void rule_cable(struct walk *w, struct visit from)
{
	link_event(w, SIB_LSM_CARRIER_OFF);
	assert_int_equal(portinfo(w)->state, SIB_PORT_DOWN);
	assert_int_equal(w->lsm, from.lsm == SIB_LSM_DISABLED ?
				 SIB_LSM_DISABLED : SIB_LSM_OFF);
}

static void without_a_cable_a_port_is_down(void **context)
{
	from_everywhere(rule_cable);
}

#define WALK_CASE(name) \
	cmocka_unit_test_setup_teardown(name, walk_nodes, free_nodes)

UNIT_MAIN(
	WALK_CASE(a_port_tells_the_truth_about_its_link),
	WALK_CASE(there_are_seven_states_and_all_can_be_reached),
	WALK_CASE(from_every_state_an_sm_can_make_a_port_active),
	WALK_CASE(from_every_state_a_port_can_be_disabled_for_good),
	WALK_CASE(an_order_that_is_refused_changes_nothing),
	WALK_CASE(without_a_cable_a_port_is_down),
)
