// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The maker of nodes. Every port has just been powered up: IB MTU 4 (2048),
 * no link.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/node.h"

static void *zeroed(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

/**
 * node_make() - a node at power-up
 * @type: SIB_NODE_*
 * @ports: external ports
 * @num_pkeys: entries of each P_Key table
 * @num_guids: entries of each GUID table
 *
 * Port p of a channel adapter has NODE_PORT_GUID + p; all of a switch is
 * NODE_GUID.
 *
 * Return: the node; node_free() it.
 */
struct sib_node *node_make(u8 type, u8 ports, u16 num_pkeys, u16 num_guids)
{
	struct sib_node *node = zeroed(sizeof(*node));
	bool sw = type == SIB_NODE_SWITCH;
	u8 port;

	node->type = type;
	node->num_ports = ports;
	node->num_pkeys = num_pkeys;
	node->num_guids = num_guids;
	node->vendor_id = 0x123456;
	node->device_id = 0x789a;
	node->revision = 0xbcdef012;
	node->guid = NODE_GUID;
	node->sys_guid = NODE_SYS_GUID;
	memcpy(node->desc, "test node", 9);
	node->port = zeroed((ports + 1) * sizeof(*node->port));
	node->pkeys = zeroed((ports + 1) * num_pkeys * sizeof(u16));
	node->guids = zeroed((ports + 1) * num_guids * sizeof(u64));
	if (sw) {
		node->sw.lft = zeroed(SIB_LFT_ENTRIES);
		node->sw.mft = zeroed(SIB_MFT_ENTRIES * sizeof(u64));
		memset(node->sw.lft, SIB_LFT_DISCARD, SIB_LFT_ENTRIES);
	}
	for (port = !sw; port <= ports; port++)
		sib_node_init_port(node, port,
				   sw ? NODE_GUID : NODE_PORT_GUID + port, 4);
	return node;
}

/* A channel adapter as ours are: one port, 128 P_Keys, 8 GUIDs; link is up. */
struct sib_node *node_ca(void)
{
	struct sib_node *node = node_make(SIB_NODE_CA, 1, 128, 8);

	sib_node_link_up(node, 1, 4);
	return node;
}

/* A switch as ours are, all links up. */
struct sib_node *node_switch(u8 ports)
{
	struct sib_node *node = node_make(SIB_NODE_SWITCH, ports, 32, 1);
	u8 port;

	for (port = 1; port <= ports; port++)
		sib_node_link_up(node, port, 4);
	return node;
}

void node_free(struct sib_node *node)
{
	free(node->sw.lft);
	free(node->sw.mft);
	free(node->port);
	free(node->pkeys);
	free(node->guids);
	free(node);
}
