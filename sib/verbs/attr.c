// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What an HCA says about itself and its ports, and the little of it that can
 * be changed. Process context unless said otherwise.
 */
#include <rdma/ib_mad.h>
#include <rdma/ib_verbs.h>

#include "compat/unaligned.h"
#include "sib/core/hdr.h"
#include "sib/verbs/hca.h"

/**
 * sib_query_device() - limits and capabilities
 * @ib: the device
 * @attr: filled; zeroed by ib_core
 * @udata: from user space, not looked at
 *
 * Return: 0.
 */
int sib_query_device(struct ib_device *ib, struct ib_device_attr *attr,
		     struct ib_udata *udata)
{
	struct sib_hca *hca = to_hca(ib);

	attr->kernel_cap_flags = IBK_ALLOW_USER_UNREG | IBK_LOCAL_DMA_LKEY;
	if (hca->caps.block_loopback)
		attr->kernel_cap_flags |= IBK_BLOCK_MULTICAST_LOOPBACK;
	if (hca->caps.lso)
		attr->kernel_cap_flags |= IBK_UD_TSO;
	attr->device_cap_flags = IB_DEVICE_PORT_ACTIVE_EVENT |
				 IB_DEVICE_SYS_IMAGE_GUID |
				 IB_DEVICE_CURR_QP_STATE_MOD |
				 IB_DEVICE_BAD_PKEY_CNTR |
				 IB_DEVICE_BAD_QKEY_CNTR;
	if (hca->caps.csum)
		attr->device_cap_flags |= IB_DEVICE_UD_IP_CSUM;
	if (hca->caps.rc)
		attr->device_cap_flags |= IB_DEVICE_RC_RNR_NAK_GEN;
	if (hca->caps.srq) {
		attr->max_srq = SIB_MAX_QP;
		attr->max_srq_wr = SIB_MAX_WR;
		attr->max_srq_sge = hca->caps.recv_sge;
	}
	attr->fw_ver = 1ULL << 32;
	attr->sys_image_guid = cpu_to_be64(hca->agent.node.sys_guid);
	attr->vendor_id = hca->agent.node.vendor_id;
	attr->vendor_part_id = hca->agent.node.device_id;
	attr->hw_ver = hca->agent.node.revision;
	attr->max_mr_size = ~0ULL;
	attr->page_size_cap = PAGE_SIZE;
	attr->max_qp = SIB_MAX_QP;
	attr->max_qp_wr = SIB_MAX_WR;
	attr->max_send_sge = hca->caps.send_sge;
	attr->max_recv_sge = hca->caps.recv_sge;
	attr->max_sge_rd = 1;
	attr->max_cq = SIB_MAX_QP;
	attr->max_cqe = SIB_MAX_CQE;
	attr->max_mr = SIB_MAX_QP;
	attr->max_pd = SIB_MAX_QP;
	attr->max_ah = INT_MAX;
	attr->max_mcast_grp = 8192;
	attr->max_mcast_qp_attach = 1024;
	attr->max_total_mcast_qp_attach = 8192 * 1024;
	attr->max_pkeys = hca->agent.node.num_pkeys;
	attr->local_ca_ack_delay = 15;
	attr->atomic_cap = IB_ATOMIC_NONE;
	return 0;
}

/**
 * sib_query_port() - state of a port
 * @ib: the device
 * @num: port number, checked by ib_core
 * @attr: filled; zeroed by ib_core
 *
 * Return: 0.
 */
int sib_query_port(struct ib_device *ib, u32 num, struct ib_port_attr *attr)
{
	struct sib_hca *hca = to_hca(ib);
	const struct sib_node *node = &hca->agent.node;
	const struct sib_portinfo *pi = &node->port[num];

	spin_lock_irq(&hca->agent.lock);
	attr->subnet_prefix = pi->gid_prefix;
	attr->state = pi->state;
	attr->phys_state = pi->phys_state;
	attr->max_mtu = pi->mtu_cap;
	attr->active_mtu = pi->neighbor_mtu;
	attr->lid = pi->lid;
	attr->lmc = pi->lmc;
	attr->sm_lid = pi->sm_lid;
	attr->sm_sl = pi->sm_sl;
	attr->port_cap_flags = pi->cap_mask;
	attr->bad_pkey_cntr = pi->pkey_violations;
	attr->qkey_viol_cntr = pi->qkey_violations;
	attr->subnet_timeout = pi->subnet_timeout;
	attr->max_vl_num = pi->vl_cap;
	attr->active_width = pi->width_active;
	attr->active_speed = pi->speed_active;
	spin_unlock_irq(&hca->agent.lock);
	attr->max_msg_sz = 1U << 31;
	attr->gid_tbl_len = node->num_guids;
	attr->pkey_tbl_len = node->num_pkeys;
	return 0;
}

/**
 * sib_port_gid() - one GID of a port
 * @node: the node
 * @num: port number
 * @index: which, below the length of the table
 * @gid: 16 octets, filled; all zero for an empty entry
 *
 * Context: Any.
 */
void sib_port_gid(const struct sib_node *node, u8 num, unsigned int index,
		  u8 *gid)
{
	u64 guid = READ_ONCE(sib_node_guids(node, num)[index]);

	put_unaligned_be64(guid ? READ_ONCE(node->port[num].gid_prefix) : 0,
			   gid);
	put_unaligned_be64(guid, gid + 8);
}

/**
 * sib_port_owns_gid() - is a GID one of a port's own?
 * @node: the node
 * @num: port number
 * @gid: 16 octets
 *
 * Besides the subnet's prefix the link-local one is always good, IBTA volume
 * 1, section 4.1.1.
 *
 * Context: Any.
 * Return: true if so.
 */
bool sib_port_owns_gid(const struct sib_node *node, u8 num, const u8 *gid)
{
	u64 prefix = get_unaligned_be64(gid);
	u64 guid = get_unaligned_be64(gid + 8);
	const u64 *guids = sib_node_guids(node, num);
	unsigned int i;

	if (prefix != READ_ONCE(node->port[num].gid_prefix) &&
	    prefix != 0xfe80000000000000ULL)
		return false;
	for (i = 0; i < node->num_guids; i++)
		if (guid && READ_ONCE(guids[i]) == guid)
			return true;
	return false;
}

/**
 * sib_query_gid() - one GID of a port, for ib_core
 * @ib: the device
 * @num: port number
 * @index: which
 * @gid: filled
 *
 * Return: 0, -EINVAL for an index past the table.
 */
int sib_query_gid(struct ib_device *ib, u32 num, int index, union ib_gid *gid)
{
	const struct sib_node *node = &to_hca(ib)->agent.node;

	if (index < 0 || index >= node->num_guids)
		return -EINVAL;
	sib_port_gid(node, num, index, gid->raw);
	return 0;
}

/**
 * sib_query_pkey() - one P_Key of a port
 * @ib: the device
 * @num: port number
 * @index: which
 * @pkey: filled, 0 for an empty entry
 *
 * Return: 0, -EINVAL for an index past the table.
 */
int sib_query_pkey(struct ib_device *ib, u32 num, u16 index, u16 *pkey)
{
	const struct sib_node *node = &to_hca(ib)->agent.node;

	if (index >= node->num_pkeys)
		return -EINVAL;
	*pkey = READ_ONCE(sib_node_pkeys(node, num)[index]);
	return 0;
}

static void tell_sm(struct sib_hca *hca, u8 num, u16 what)
{
	const struct sib_portinfo *pi = &hca->agent.node.port[num];
	struct sib_notice notice;

	sib_notice_local_change(&notice, pi->lid, pi->cap_mask, what);
	sib_agent_trap(&hca->agent, num, &notice);
}

/**
 * sib_modify_device() - another node description
 * @ib: the device
 * @mask: IB_DEVICE_MODIFY_*
 * @modify: what to
 *
 * Return: 0, -EOPNOTSUPP for anything else.
 */
int sib_modify_device(struct ib_device *ib, int mask,
		      struct ib_device_modify *modify)
{
	struct sib_hca *hca = to_hca(ib);
	u8 num;

	if (mask & ~IB_DEVICE_MODIFY_NODE_DESC)
		return -EOPNOTSUPP;
	spin_lock_irq(&hca->agent.lock);
	memcpy(hca->agent.node.desc, modify->node_desc, SIB_DESC_LEN);
	spin_unlock_irq(&hca->agent.lock);
	memcpy(ib->node_desc, modify->node_desc, IB_DEVICE_NODE_DESC_MAX);
	for (num = 1; num <= hca->agent.node.num_ports; num++)
		tell_sm(hca, num, SIB_CHANGED_NODE_DESC);
	return 0;
}

/**
 * sib_modify_port() - other capabilities
 * @ib: the device
 * @num: port number
 * @mask: enum ib_port_modify_flags
 * @modify: bits of CapabilityMask to set and to clear
 *
 * Return: 0, -EOPNOTSUPP for what is not carried out.
 */
int sib_modify_port(struct ib_device *ib, u32 num, int mask,
		    struct ib_port_modify *modify)
{
	struct sib_hca *hca = to_hca(ib);
	struct sib_portinfo *pi = &hca->agent.node.port[num];
	u32 before, after;

	if (mask & ~(IB_PORT_SHUTDOWN | IB_PORT_INIT_TYPE |
		     IB_PORT_RESET_QKEY_CNTR))
		return -EOPNOTSUPP;
	spin_lock_irq(&hca->agent.lock);
	before = pi->cap_mask;
	pi->cap_mask |= modify->set_port_cap_mask;
	pi->cap_mask &= ~modify->clr_port_cap_mask;
	after = pi->cap_mask;
	if (mask & IB_PORT_RESET_QKEY_CNTR)
		pi->qkey_violations = 0;
	spin_unlock_irq(&hca->agent.lock);
	if (after != before)
		tell_sm(hca, num, 0);
	return 0;
}

/**
 * sib_port_immutable() - what never changes
 * @ib: the device
 * @num: port number
 * @immutable: filled
 *
 * Return: 0.
 */
int sib_port_immutable(struct ib_device *ib, u32 num,
		       struct ib_port_immutable *immutable)
{
	const struct sib_node *node = &to_hca(ib)->agent.node;

	immutable->pkey_tbl_len = node->num_pkeys;
	immutable->gid_tbl_len = node->num_guids;
	immutable->core_cap_flags = RDMA_CORE_PORT_IBA_IB;
	immutable->max_mad_size = IB_MGMT_MAD_SIZE;
	return 0;
}

/**
 * sib_fw_str() - version of the firmware that there is not
 * @ib: the device
 * @str: IB_FW_VERSION_NAME_MAX octets, filled
 *
 * Context: Any.
 */
void sib_fw_str(struct ib_device *ib, char *str)
{
	strscpy(str, "1.0.0", IB_FW_VERSION_NAME_MAX);
}

static struct rdma_stat_desc stat_descs[SIB_STAT_MAX];

/**
 * sib_alloc_hw_stats() - room for the private counters of a port
 * @ib: the device
 * @num: port number
 *
 * Return: the room, which ib_core frees; NULL without memory.
 */
struct rdma_hw_stats *sib_alloc_hw_stats(struct ib_device *ib, u32 num)
{
	unsigned int i;

	for (i = 0; i < SIB_STAT_MAX; i++)
		stat_descs[i].name = sib_stat_names[i];
	return rdma_alloc_hw_stats_struct(stat_descs, SIB_STAT_MAX,
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

/**
 * sib_get_hw_stats() - read the private counters of a port
 * @ib: the device
 * @stats: filled
 * @num: port number, 0 for the device, which has none
 * @index: not looked at; all are read
 *
 * Return: the number of counters, -EINVAL for the device.
 */
int sib_get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats,
		     u32 num, int index)
{
	struct sib_hca *hca = to_hca(ib);
	unsigned int i;

	if (!num)
		return -EINVAL;
	for (i = 0; i < SIB_STAT_MAX; i++)
		stats->value[i] = sib_stats_read(hca->agent.ports[num].stats,
						 i);
	return SIB_STAT_MAX;
}
