// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Prints a state machine from its table, for docs/: as a Markdown page with a
 * row for each event, or as a drawing for Graphviz. What states, events and
 * actions mean is what the comments in the header say.
 *
 *	draw_fsm list
 *	draw_fsm MACHINE md|dot
 */
#include <linux/bits.h>
#include <linux/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipoib/core/conn_fsm.h"
#include "ipoib/core/mcast_fsm.h"
#include "ipoib/core/path_fsm.h"
#include "sib/core/lsm.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define LINE		256
/* In two parts, lest it be taken for the licence of this file. */
#define LICENCE	"SPDX-License" "-Identifier: GPL-2.0 OR BSD-2-Clause"

struct step {
	u8 next;
	u8 actions;
};

/**
 * struct machine - a state machine, as far as it is drawn
 * @name: of the files
 * @source: where it is in the code, without .c and .h
 * @prefix: of its two enums
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
	const char *source;
	const char *prefix;
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
FUNCTIONS(ipoib_conn)

static const struct machine machines[] = {
	{
		"sib-link", "sib/core/lsm", "sib_lsm",
		"The link state machine",
		SIB_LSM_STATES, SIB_LSM_EVENTS,
		sib_lsm_step, sib_lsm_state, sib_lsm_event,
		{ "say bye", "go down", "new session", "forget peer",
		  "learn peer", "go up", "say hello" },
	}, {
		"ipoib-path", "ipoib/core/path_fsm", "ipoib_path",
		"The state machine of a path",
		IPOIB_PATH_STATES, IPOIB_PATH_EVENTS,
		ipoib_path_step, ipoib_path_state, ipoib_path_event,
		{ "cancel", "uninstall", "install", "purge", "ask" },
	}, {
		"ipoib-mcast", "ipoib/core/mcast_fsm", "ipoib_mcast",
		"The state machine of a group's membership",
		IPOIB_MCAST_STATES, IPOIB_MCAST_EVENTS,
		ipoib_mcast_step, ipoib_mcast_state, ipoib_mcast_event,
		{ "unbind", "free", "bind", "purge", "later", "soon", "join" },
	}, {
		"ipoib-conn", "ipoib/core/conn_fsm", "ipoib_conn",
		"The state machine of a connection that we ask for",
		IPOIB_CONN_STATES, IPOIB_CONN_EVENTS,
		ipoib_conn_step, ipoib_conn_state, ipoib_conn_event,
		{ "open", "shut", "forget", "back off", "fall back", "reap" },
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

/* The next line of a header that begins so; false at its end. */
static bool find_line(FILE *f, const char *start, const char *has, char *line)
{
	while (fgets(line, LINE, f))
		if (!strncmp(line, start, strlen(start)) && strstr(line, has))
			return true;
	return false;
}

/* "- NAME: the comment behind it", or just the name. */
static void print_note(const char *mark, const char *name, const char *line)
{
	const char *text = strstr(line, "/* "), *end = strstr(line, " */");

	printf("- %s%s%s", mark, name, mark);
	if (text && end)
		printf(": %.*s", (int)(end - text - 3), text + 3);
	printf("\n");
}

static FILE *open_header(const struct machine *m)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.h", UNIT_ROOT, m->source);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static void print_enum(const struct machine *m, const char *which,
		       const char *mark, unsigned int count,
		       const char *(*name)(unsigned int i))
{
	FILE *f = open_header(m);
	char line[LINE], start[64];
	unsigned int i;

	snprintf(start, sizeof(start), "enum %s_%s {", m->prefix, which);
	if (find_line(f, start, "", line))
		for (i = 0; i < count && find_line(f, "\t", "_", line); i++)
			print_note(mark, name(i), line);
	fclose(f);
}

static void print_action_notes(const struct machine *m)
{
	FILE *f = open_header(m);
	char line[LINE];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m->actions) && m->actions[i]; i++)
		if (find_line(f, "#define", "BIT(", line))
			print_note("", m->actions[i], line);
	fclose(f);
}

static void print_table(const struct machine *m)
{
	unsigned int s, e;

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

static void print_markdown(const struct machine *m)
{
	printf("<!-- %s -->\n# %s\n\n", LICENCE, m->title);
	printf("Made by `make -C tests/unit fsm-docs OUT=docs/fsm` from\n");
	printf("`%s.c` and its header, and to be changed\n", m->source);
	printf("there. [%s.dot](%s.dot) is the drawing.\n", m->name, m->name);
	printf("\n## States\n\n");
	print_enum(m, "state", "**", m->states, m->state_name);
	printf("\n## Events\n\n");
	print_enum(m, "event", "*", m->events, m->event_name);
	printf("\n## Actions\n\n");
	print_action_notes(m);
	printf("\n## Steps\n\n");
	printf("A column is a state, a row is an event. A bold name is the\n");
	printf("next state; without one the state stays. What else stands in\n");
	printf("a cell is done on the way, in this order. In an empty cell\n");
	printf("nothing happens.\n\n");
	print_table(m);
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

	printf("// %s\n", LICENCE);
	printf("// %s. Made by make -C tests/unit fsm-docs OUT=docs/fsm.\n",
	       m->title);
	printf("digraph \"%s\" {\n", m->name);
	printf("\tnode [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
	printf("\tedge [fontname=\"sans-serif\", fontsize=9];\n");
	/* A machine is made in its first state. */
	for (from = 0; from < m->states; from++)
		printf("\t\"%s\"%s;\n", m->state_name(from),
		       from ? "" : " [style=\"rounded,bold\"]");
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
