/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Nodes for tests and fuzzers: tables on the heap, each exactly as large as
 * the code may assume, so that ASan sees every step beyond.
 */
#ifndef TESTS_UNIT_NODE_H
#define TESTS_UNIT_NODE_H

#include "sib/core/node.h"

#define NODE_GUID	0x0002c90300001000ULL
#define NODE_SYS_GUID	0x0002c903000010ffULL
#define NODE_PORT_GUID	0x0002c90300001038ULL

struct sib_node *node_make(u8 type, u8 ports, u16 num_pkeys, u16 num_guids);
struct sib_node *node_ca(void);
struct sib_node *node_switch(u8 ports);
void node_free(struct sib_node *node);

#endif
