// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Prints a state machine from its table, for docs/: as a Markdown table with a
 * row for each event, or as a drawing for Graphviz.
 *
 *	draw_fsm list
 *	draw_fsm MACHINE md|dot
 */
#include <linux/bits.h>
#include <linux/types.h>

#include <stdio.h>
#include <string.h>

#include "ipoib/core/mcast_fsm.h"
#include "ipoib/core/path_fsm.h"
#include "sib/core/lsm.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

struct step {
	u8 next;
	u8 actions;
};

/**
 * struct machine - a state machine, as far as it is drawn
 * @name: of the files
 * @title: for people
 * @states: how many
 * @events: how many
 * @step: an entry of the table
 * @state_name: of a state
 * @event_name: of an event
 * @actions: a name for each bit, in their order
 */
struct machine {
	const char *name;
	const char *title;
	unsigned int states;
	unsigned int events;
	struct step (*step)(unsigned int state, unsigned int event);
	const char *(*state_name)(unsigned int state);
	const char *(*event_name)(unsigned int event);
	const char *actions[8];
};

#define FUNCTIONS(prefix)						\
	static struct step prefix##_step(unsigned int s, unsigned int e)	\
	{								\
		struct prefix##_step step = prefix##_next(s, e);	\
									\
		return (struct step){ step.next, step.actions };	\
	}								\
									\
	static const char *prefix##_state(unsigned int s)		\
	{								\
		return prefix##_state_name(s);				\
	}								\
									\
	static const char *prefix##_event(unsigned int e)		\
	{								\
		return prefix##_event_name(e);				\
	}

FUNCTIONS(sib_lsm)
FUNCTIONS(ipoib_path)
FUNCTIONS(ipoib_mcast)

static const struct machine machines[] = {
	{
		"sib-link", "The link state machine",
		SIB_LSM_STATES, SIB_LSM_EVENTS,
		sib_lsm_step, sib_lsm_state, sib_lsm_event,
		{ "say bye", "go down", "new session", "forget peer",
		  "learn peer", "go up", "say hello" },
	}, {
		"ipoib-path", "The state machine of a path",
		IPOIB_PATH_STATES, IPOIB_PATH_EVENTS,
		ipoib_path_step, ipoib_path_state, ipoib_path_event,
		{ "cancel", "uninstall", "install", "purge", "ask" },
	}, {
		"ipoib-mcast", "The state machine of a group's membership",
		IPOIB_MCAST_STATES, IPOIB_MCAST_EVENTS,
		ipoib_mcast_step, ipoib_mcast_state, ipoib_mcast_event,
		{ "unbind", "free", "bind", "purge", "later", "soon", "join" },
	},
};

static void print_actions(const struct machine *m, u8 actions,
			  const char *before)
{
	unsigned int bit;

	for (bit = 0; bit < 8; bit++) {
		if (!(actions & BIT(bit)))
			continue;
		printf("%s%s", before, m->actions[bit]);
		before = ", ";
	}
}

static void print_cell(const struct machine *m, unsigned int state,
		       struct step step)
{
	if (step.next == state && !step.actions) {
		printf(" |");
		return;
	}
	if (step.next != state)
		printf(" **%s**", m->state_name(step.next));
	print_actions(m, step.actions, step.next == state ? " " : ": ");
	printf(" |");
}

static void print_markdown(const struct machine *m)
{
	unsigned int s, e;

	printf("# %s\n\n", m->title);
	printf("Made by `make -C tests/unit fsm-docs` from the table in the "
	       "code. A bold name is the\nnext state, what follows is done on "
	       "the way, in this order; an empty cell is nothing.\n\n");
	printf("|  |");
	for (s = 0; s < m->states; s++)
		printf(" %s |", m->state_name(s));
	printf("\n|---|");
	for (s = 0; s < m->states; s++)
		printf("---|");
	for (e = 0; e < m->events; e++) {
		printf("\n| *%s* |", m->event_name(e));
		for (s = 0; s < m->states; s++)
			print_cell(m, s, m->step(s, e));
	}
	printf("\n");
}

/* All events that lead from one state to another, in one arrow. */
static void print_arrow(const struct machine *m, unsigned int from,
			unsigned int to)
{
	bool first = true;
	unsigned int e;

	for (e = 0; e < m->events; e++) {
		struct step step = m->step(from, e);

		if (step.next != to || (from == to && !step.actions))
			continue;
		if (first)
			printf("\t\"%s\" -> \"%s\" [label=\"",
			       m->state_name(from), m->state_name(to));
		printf("%s", m->event_name(e));
		print_actions(m, step.actions, " / ");
		printf("\\l");
		first = false;
	}
	if (!first)
		printf("\"];\n");
}

static void print_dot(const struct machine *m)
{
	unsigned int from, to;

	printf("// %s. Made by make -C tests/unit fsm-docs.\n", m->title);
	printf("digraph \"%s\" {\n", m->name);
	printf("\tnode [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
	printf("\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	for (from = 0; from < m->states; from++)
		printf("\t\"%s\";\n", m->state_name(from));
	for (from = 0; from < m->states; from++)
		for (to = 0; to < m->states; to++)
			print_arrow(m, from, to);
	printf("}\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const char *form = argc > 2 ? argv[2] : "";
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		const struct machine *m = &machines[i];

		if (!strcmp(name, "list")) {
			printf("%s\n", m->name);
		} else if (!strcmp(name, m->name) && !strcmp(form, "md")) {
			print_markdown(m);
			return 0;
		} else if (!strcmp(name, m->name) && !strcmp(form, "dot")) {
			print_dot(m);
			return 0;
		}
	}
	if (!strcmp(name, "list"))
		return 0;
	fprintf(stderr, "usage: %s list | MACHINE md|dot\n", argv[0]);
	return 2;
}
