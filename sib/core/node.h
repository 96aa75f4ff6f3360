/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a subnet manager sees of a node, a channel adapter or a switch: the
 * state behind its SMPs, in host order. Owned by the shell, which serialises
 * all access to it; the agents of sma*.c and pma.c read and change it.
 */
#ifndef SIB_CORE_NODE_H
#define SIB_CORE_NODE_H

#include <linux/types.h>

#define SIB_NODE_CA		1
#define SIB_NODE_SWITCH		2

#define SIB_DESC_LEN		64
#define SIB_PKEY_BLOCK		32
#define SIB_GUID_BLOCK		8
#define SIB_LFT_BLOCK		64
#define SIB_MFT_BLOCK		32
#define SIB_MFT_PORTS		16

/* LFT entries: every unicast LID. */
#define SIB_LFT_ENTRIES		0xc000
#define SIB_LFT_DISCARD		255
/* MFT entries; OpenSM hands out MLIDs up to the least of all switches. */
#define SIB_MFT_ENTRIES		4096
/* External ports of a switch: a mask of them and port 0 fits in 64 bits. */
#define SIB_SWITCH_PORTS_MAX	63

/* PortInfo.PortState */
#define SIB_PORT_NOP		0
#define SIB_PORT_DOWN		1
#define SIB_PORT_INIT		2
#define SIB_PORT_ARMED		3
#define SIB_PORT_ACTIVE		4

/* PortInfo.PortPhysicalState */
#define SIB_PHYS_NOP		0
#define SIB_PHYS_SLEEP		1
#define SIB_PHYS_POLLING	2
#define SIB_PHYS_DISABLED	3
#define SIB_PHYS_TRAINING	4
#define SIB_PHYS_LINKUP		5

/* PortInfo.CapabilityMask */
#define SIB_CAP_SM		BIT(1)
#define SIB_CAP_SM_DISABLED	BIT(10)
#define SIB_CAP_TRAP		BIT(3)
#define SIB_CAP_SYS_GUID	BIT(11)
#define SIB_CAP_CM		BIT(16)
#define SIB_CAP_REREGISTER	BIT(25)
#define SIB_CAP_OTHER_LOCAL	BIT(26)
#define SIB_CAP_CAPMASK_NOTICE	BIT(22)

/**
 * struct sib_portinfo - PortInfo of one port
 * @mkey: M_Key
 * @gid_prefix: subnet prefix
 * @cap_mask: SIB_CAP_*
 * @lid: base LID, 0 before the SM gave one
 * @sm_lid: LID of the master SM
 * @mkey_lease: seconds, 0 for ever
 * @mkey_violations: SMPs with a wrong M_Key
 * @pkey_violations: packets with a wrong P_Key
 * @qkey_violations: packets with a wrong Q_Key
 * @diag_code: always 0
 * @width_supported: bits, 1 is 1X, 2 is 4X, 4 is 8X, 8 is 12X
 * @width_enabled: bits
 * @width_active: one of the bits
 * @speed_supported: bits, 1 is 2.5, 2 is 5, 4 is 10 Gb/s a lane
 * @speed_enabled: bits
 * @speed_active: one of the bits
 * @state: SIB_PORT_*
 * @phys_state: SIB_PHYS_*
 * @down_default: 1 sleep, 2 polling
 * @mkey_protect: 0 to 3
 * @lmc: LID mask control, 0 to 7
 * @mtu_cap: IB MTU code that the cable can carry
 * @neighbor_mtu: IB MTU code in use
 * @sm_sl: SL towards the SM
 * @vl_cap: code of the data VLs
 * @op_vls: code of the VLs in use
 * @vl_high_limit: stored, no meaning here
 * @vl_stall: stored
 * @hoq_life: stored
 * @enforcement: partition enforcement and raw filter bits, stored
 * @subnet_timeout: 4.096 us times two to this
 * @thresholds: local physical and overrun error thresholds, stored
 */
struct sib_portinfo {
	u64 mkey;
	u64 gid_prefix;
	u32 cap_mask;
	u16 lid;
	u16 sm_lid;
	u16 mkey_lease;
	u16 mkey_violations;
	u16 pkey_violations;
	u16 qkey_violations;
	u16 diag_code;
	u8 width_supported;
	u8 width_enabled;
	u8 width_active;
	u8 speed_supported;
	u8 speed_enabled;
	u8 speed_active;
	u8 state;
	u8 phys_state;
	u8 down_default;
	u8 mkey_protect;
	u8 lmc;
	u8 mtu_cap;
	u8 neighbor_mtu;
	u8 sm_sl;
	u8 vl_cap;
	u8 op_vls;
	u8 vl_high_limit;
	u8 vl_stall;
	u8 hoq_life;
	u8 enforcement;
	u8 subnet_timeout;
	u8 thresholds;
};

/**
 * struct sib_switchinfo - SwitchInfo and the tables behind it
 * @lft: SIB_LFT_ENTRIES egress ports by LID
 * @mft: SIB_MFT_ENTRIES masks of egress ports by MLID, bit 0 is port 0
 * @lft_top: highest LID that @lft is valid for
 * @mft_top: stored
 * @default_port: stored
 * @mcast_primary: default multicast primary port
 * @mcast_not_primary: default multicast not-primary port
 * @life_time: LifeTimeValue
 * @state_change: a port changed its state since the SM last cleared this
 */
struct sib_switchinfo {
	u8 *lft;
	u64 *mft;
	u16 lft_top;
	u16 mft_top;
	u8 default_port;
	u8 mcast_primary;
	u8 mcast_not_primary;
	u8 life_time;
	bool state_change;
};

/**
 * struct sib_node - a node as its subnet management agent sees it
 * @type: SIB_NODE_CA or SIB_NODE_SWITCH
 * @num_ports: external ports
 * @num_pkeys: entries of each P_Key table
 * @num_guids: entries of each GUID table, entry 0 the port's own
 * @vendor_id: OUI
 * @device_id: of NodeInfo
 * @revision: of NodeInfo
 * @guid: NodeGUID
 * @sys_guid: SystemImageGUID
 * @desc: NodeDescription, NUL-padded
 * @port: @num_ports + 1 of them; entry 0 is a switch's own port and unused
 *	on a channel adapter
 * @pkeys: @num_pkeys for each entry of @port
 * @guids: @num_guids for each entry of @port
 * @sw: switches only
 */
struct sib_node {
	u8 type;
	u8 num_ports;
	u16 num_pkeys;
	u16 num_guids;
	u32 vendor_id;
	u16 device_id;
	u32 revision;
	u64 guid;
	u64 sys_guid;
	u8 desc[SIB_DESC_LEN];
	struct sib_portinfo *port;
	u16 *pkeys;
	u64 *guids;
	struct sib_switchinfo sw;
};

static inline u16 *sib_node_pkeys(const struct sib_node *node, u8 port)
{
	return node->pkeys + port * node->num_pkeys;
}

static inline u64 *sib_node_guids(const struct sib_node *node, u8 port)
{
	return node->guids + port * node->num_guids;
}

/* The port whose LID, M_Key and prefix count for what came in on @ingress. */
static inline u8 sib_node_agent_port(const struct sib_node *node, u8 ingress)
{
	return node->type == SIB_NODE_SWITCH ? 0 : ingress;
}

bool sib_node_owns_lid(const struct sib_node *node, u8 port, u16 lid);
void sib_node_init_port(struct sib_node *node, u8 port, u64 guid,
			u8 mtu_cap);
void sib_node_link_up(struct sib_node *node, u8 port, u8 mtu_cap);
bool sib_node_link_down(struct sib_node *node, u8 port, u8 phys_state);

#endif
