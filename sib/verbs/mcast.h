/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Multicast groups of an HCA: which QPs are attached to which. IBTA volume 1,
 * section 10.5.
 */
#ifndef SIB_VERBS_MCAST_H
#define SIB_VERBS_MCAST_H

#include <linux/types.h>
#include <rdma/ib_verbs.h>

struct sib_hca_port;
struct sib_qpc;

int sib_attach_mcast(struct ib_qp *ib, union ib_gid *gid, u16 lid);
int sib_detach_mcast(struct ib_qp *ib, union ib_gid *gid, u16 lid);
void sib_mcast_drop(struct sib_qpc *qpc);
unsigned int sib_mcast_for_each(struct sib_hca_port *port, const u8 *mgid,
				u16 mlid,
				void (*fn)(struct sib_qpc *qpc, void *data),
				void *data);
bool sib_mcast_wanted(struct sib_hca_port *port, const u8 *mgid, u16 mlid,
		      const struct sib_qpc *sender);

#endif
