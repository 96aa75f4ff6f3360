/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Protection domains and memory regions: in the kernel there is one region,
 * all memory.
 */
#ifndef SIB_VERBS_PD_H
#define SIB_VERBS_PD_H

#include <rdma/ib_verbs.h>

/**
 * struct sib_pd - a protection domain
 * @ib: what ib_core knows of it
 */
struct sib_pd {
	struct ib_pd ib;
};

int sib_alloc_pd(struct ib_pd *ib, struct ib_udata *udata);
int sib_dealloc_pd(struct ib_pd *ib, struct ib_udata *udata);
struct ib_mr *sib_get_dma_mr(struct ib_pd *ib, int access);
struct ib_mr *sib_reg_user_mr(struct ib_pd *ib, u64 start, u64 length,
			      u64 virt_addr, int access,
			      struct ib_udata *udata);
int sib_dereg_mr(struct ib_mr *ib, struct ib_udata *udata);

#endif
