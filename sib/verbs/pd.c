// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Protection domains and memory regions. Process context.
 */
#include <linux/slab.h>

#include "sib/verbs/hca.h"
#include "sib/verbs/pd.h"

/**
 * sib_alloc_pd() - nothing to do
 * @ib: the domain
 * @udata: not looked at
 *
 * Return: 0.
 */
int sib_alloc_pd(struct ib_pd *ib, struct ib_udata *udata)
{
	return 0;
}

/**
 * sib_dealloc_pd() - nothing to do
 * @ib: the domain
 * @udata: not looked at
 *
 * Return: 0.
 */
int sib_dealloc_pd(struct ib_pd *ib, struct ib_udata *udata)
{
	return 0;
}

/**
 * sib_get_dma_mr() - the region that is all memory
 * @ib: the domain
 * @access: not looked at, nothing is remote
 *
 * Return: the region, to be given to sib_dereg_mr(), or -ENOMEM.
 */
struct ib_mr *sib_get_dma_mr(struct ib_pd *ib, int access)
{
	struct ib_mr *mr = kzalloc(sizeof(*mr), GFP_KERNEL);

	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->lkey = SIB_LOCAL_DMA_LKEY;
	return mr;
}

/**
 * sib_reg_user_mr() - user space has no verbs here
 * @ib: the domain
 * @start: not looked at
 * @length: not looked at
 * @virt_addr: not looked at
 * @access: not looked at
 * @udata: not looked at
 *
 * ib_core attaches no kernel client to a device without this operation.
 *
 * Return: -EOPNOTSUPP.
 */
struct ib_mr *sib_reg_user_mr(struct ib_pd *ib, u64 start, u64 length,
			      u64 virt_addr, int access,
			      struct ib_udata *udata)
{
	return ERR_PTR(-EOPNOTSUPP);
}

/**
 * sib_dereg_mr() - give a region back
 * @ib: from sib_get_dma_mr()
 * @udata: not looked at
 *
 * Return: 0.
 */
int sib_dereg_mr(struct ib_mr *ib, struct ib_udata *udata)
{
	kfree(ib);
	return 0;
}
