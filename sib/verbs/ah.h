/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Address handles. A send WR takes a copy of the address vector, so a handle
 * can go at any moment and nobody counts references.
 */
#ifndef SIB_VERBS_AH_H
#define SIB_VERBS_AH_H

#include <rdma/ib_verbs.h>

/**
 * struct sib_av - address vector, where a packet goes
 * @dlid: destination LID
 * @path_bits: low bits of the source LID
 * @sl: service level
 * @port_num: port to leave from
 * @has_grh: the packet has a GRH
 * @sgid_index: source GID, with a GRH
 * @tclass: with a GRH
 * @hop_limit: with a GRH
 * @flow: flow label, with a GRH
 * @dgid: destination GID, with a GRH
 */
struct sib_av {
	u16 dlid;
	u8 path_bits;
	u8 sl;
	u8 port_num;
	bool has_grh;
	u8 sgid_index;
	u8 tclass;
	u8 hop_limit;
	u32 flow;
	u8 dgid[16];
};

/**
 * struct sib_ah - an address handle
 * @ib: what ib_core knows of it
 * @av: what a send WR copies
 * @attr: what it was made from, without references
 */
struct sib_ah {
	struct ib_ah ib;
	struct sib_av av;
	struct rdma_ah_attr attr;
};

static inline struct sib_ah *to_ah(struct ib_ah *ib)
{
	return container_of(ib, struct sib_ah, ib);
}

int sib_av_from_attr(struct sib_av *av, const struct rdma_ah_attr *attr,
		     unsigned int num_guids);
int sib_create_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init,
		  struct ib_udata *udata);
int sib_query_ah(struct ib_ah *ib, struct rdma_ah_attr *attr);
int sib_destroy_ah(struct ib_ah *ib, u32 flags);

#endif
