// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A node's state at power-up and when a link comes and goes. Pure; the caller
 * holds the lock of the node.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/node.h"

/* fe80::/64, what a port has until an SM tells it another. */
#define GID_PREFIX_DEFAULT	0xfe80000000000000ULL

/**
 * sib_node_owns_lid() - is a unicast LID one of a port's own?
 * @node: the node
 * @port: the port, 0 on a switch
 * @lid: destination of a packet
 *
 * Context: Any. Reads two fields that change together only while the port is
 * being renumbered, when packets are lost anyway.
 * Return: true if so.
 */
bool sib_node_owns_lid(const struct sib_node *node, u8 port, u16 lid)
{
	u16 base = READ_ONCE(node->port[port].lid);
	u16 span = 1U << READ_ONCE(node->port[port].lmc);

	return base && sib_lid_is_unicast(lid) && lid >= base &&
	       lid - base < span;
}

/**
 * sib_node_init_port() - a port at power-up
 * @node: the node; its tables must be allocated and zero
 * @port: which port
 * @guid: its GUID
 * @mtu_cap: IB MTU code
 */
void sib_node_init_port(struct sib_node *node, u8 port, u64 guid, u8 mtu_cap)
{
	struct sib_portinfo *pi = &node->port[port];
	bool own = node->type == SIB_NODE_CA || port == 0;

	pi->width_supported = BIT(1);
	pi->width_enabled = BIT(1);
	pi->width_active = BIT(1);
	pi->speed_supported = BIT(2) | BIT(1) | BIT(0);
	pi->speed_enabled = pi->speed_supported;
	pi->speed_active = BIT(2);
	pi->down_default = SIB_PHYS_POLLING;
	pi->mtu_cap = mtu_cap;
	pi->neighbor_mtu = mtu_cap;
	pi->vl_cap = 1;
	pi->op_vls = 1;
	pi->state = SIB_PORT_DOWN;
	pi->phys_state = SIB_PHYS_POLLING;
	if (node->type == SIB_NODE_SWITCH && port == 0) {
		pi->state = SIB_PORT_ACTIVE;
		pi->phys_state = SIB_PHYS_LINKUP;
	}
	if (!own)
		return;
	pi->gid_prefix = GID_PREFIX_DEFAULT;
	pi->subnet_timeout = 18;
	pi->cap_mask = SIB_CAP_TRAP | SIB_CAP_SYS_GUID;
	if (node->type == SIB_NODE_CA)
		pi->cap_mask |= SIB_CAP_REREGISTER | SIB_CAP_CAPMASK_NOTICE |
				SIB_CAP_OTHER_LOCAL;
	sib_node_pkeys(node, port)[0] = SIB_PKEY_DEFAULT;
	sib_node_guids(node, port)[0] = guid;
}

/**
 * sib_node_link_up() - a link has trained
 * @node: the node
 * @port: which port
 * @mtu_cap: IB MTU code that the cable carries now
 *
 * NeighborMTU starts at what the cable can do, and the VLs at what the port
 * can, so that an SM finds nothing to change and need not reset the link.
 * The LID stays: the SM may know the port by it.
 */
void sib_node_link_up(struct sib_node *node, u8 port, u8 mtu_cap)
{
	struct sib_portinfo *pi = &node->port[port];

	pi->mtu_cap = mtu_cap;
	pi->neighbor_mtu = mtu_cap;
	pi->op_vls = pi->vl_cap;
	pi->phys_state = SIB_PHYS_LINKUP;
	WRITE_ONCE(pi->state, SIB_PORT_INIT);
	node->sw.state_change = true;
}

/**
 * sib_node_link_down() - a link is gone
 * @node: the node
 * @port: which port
 * @phys_state: SIB_PHYS_* that it goes to
 *
 * Return: true if the port was not Down before.
 */
bool sib_node_link_down(struct sib_node *node, u8 port, u8 phys_state)
{
	struct sib_portinfo *pi = &node->port[port];
	bool was_up = pi->state != SIB_PORT_DOWN;

	pi->phys_state = phys_state;
	WRITE_ONCE(pi->state, SIB_PORT_DOWN);
	if (was_up)
		node->sw.state_change = true;
	return was_up;
}
