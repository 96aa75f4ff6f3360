/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * struct ib_device_ops: the last argument of create_cq changed its type. All
 * COMPAT_* are probed at build time.
 */
#ifndef COMPAT_IB_H
#define COMPAT_IB_H

#include <rdma/ib_verbs.h>

#ifdef COMPAT_CREATE_CQ_ATTRS
#define compat_create_cq_last	uverbs_attr_bundle
#else
#define compat_create_cq_last	ib_udata
#endif

/* The callback of ib_sa_path_rec_get(): the type of its count changed. */
#ifdef COMPAT_NUM_PRS_UNSIGNED
typedef unsigned int compat_num_prs;
#else
typedef int compat_num_prs;
#endif

#endif
