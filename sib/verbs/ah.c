// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Address handles. Any context: ib_core makes them in softirq too.
 */
#include "sib/core/hdr.h"
#include "sib/verbs/ah.h"
#include "sib/verbs/hca.h"

/**
 * sib_av_from_attr() - what packets need of an address
 * @av: filled
 * @attr: the address
 * @num_guids: length of the GID table
 *
 * Context: Any.
 * Return: 0, -EINVAL for an address that no packet can have.
 */
int sib_av_from_attr(struct sib_av *av, const struct rdma_ah_attr *attr,
		     unsigned int num_guids)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);
	u16 dlid = rdma_ah_get_dlid(attr);

	memset(av, 0, sizeof(*av));
	av->has_grh = rdma_ah_get_ah_flags(attr) & IB_AH_GRH;
	/* The permissive LID is good: answers to directed routes have it. So
	 * is none: ib_sa has nothing better for an SM that is not there yet.
	 */
	if (rdma_ah_get_sl(attr) > 15)
		return -EINVAL;
	if (sib_lid_is_mcast(dlid) && !av->has_grh)
		return -EINVAL;
	av->dlid = dlid;
	av->path_bits = rdma_ah_get_path_bits(attr);
	av->sl = rdma_ah_get_sl(attr);
	av->port_num = rdma_ah_get_port_num(attr);
	if (!av->has_grh)
		return 0;
	if (grh->sgid_index >= num_guids)
		return -EINVAL;
	av->sgid_index = grh->sgid_index;
	av->tclass = grh->traffic_class;
	av->hop_limit = grh->hop_limit;
	av->flow = grh->flow_label & 0xfffff;
	memcpy(av->dgid, grh->dgid.raw, sizeof(av->dgid));
	return 0;
}

/**
 * sib_create_ah() - an address handle
 * @ib: zeroed memory of a struct sib_ah
 * @init: the address
 * @udata: not looked at
 *
 * Context: Any.
 * Return: 0 or -EINVAL.
 */
int sib_create_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata)
{
	struct sib_ah *ah = to_ah(ib);
	int err;

	err = sib_av_from_attr(&ah->av, init->ah_attr,
			       to_hca(ib->device)->agent.node.num_guids);
	if (err)
		return err;
	ah->attr = *init->ah_attr;
	/* The reference is ib_core's. */
	ah->attr.grh.sgid_attr = NULL;
	return 0;
}

/**
 * sib_query_ah() - the address that a handle was made from
 * @ib: the handle
 * @attr: filled
 *
 * Context: Any.
 * Return: 0.
 */
int sib_query_ah(struct ib_ah *ib, struct rdma_ah_attr *attr)
{
	*attr = to_ah(ib)->attr;
	return 0;
}

/**
 * sib_destroy_ah() - nothing to do
 * @ib: the handle
 * @flags: not looked at
 *
 * Context: Any.
 * Return: 0.
 */
int sib_destroy_ah(struct ib_ah *ib, u32 flags)
{
	return 0;
}
