/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Management datagrams: the header that all have, that of SMPs, and where a
 * directed-route SMP goes next. IBTA volume 1, sections 13.4 and 14.2.
 */
#ifndef SIB_CORE_SMP_H
#define SIB_CORE_SMP_H

#include <linux/types.h>

#define SIB_MAD_LEN		256
#define SIB_SMP_PATH_MAX	64

#define SIB_CLASS_SM_LID	0x01
#define SIB_CLASS_PERF		0x04
#define SIB_CLASS_SM_DR		0x81

#define SIB_METHOD_GET		0x01
#define SIB_METHOD_SET		0x02
#define SIB_METHOD_TRAP		0x05
#define SIB_METHOD_REPORT	0x06
#define SIB_METHOD_TRAP_REPRESS	0x07
#define SIB_METHOD_GET_RESP	0x81
#define SIB_METHOD_RESPONSE	0x80

#define SIB_STATUS_D		0x8000
#define SIB_STATUS_OK		0x0000
#define SIB_STATUS_VERSION	0x0004
#define SIB_STATUS_METHOD	0x0008
#define SIB_STATUS_METHOD_ATTR	0x000c
#define SIB_STATUS_VALUE	0x001c

#define SIB_QKEY_GSI		0x80010000

/**
 * struct sib_smp - a subnet management packet as it stands on the wire
 * @base_version: 1
 * @mgmt_class: SIB_CLASS_SM_LID or SIB_CLASS_SM_DR
 * @class_version: 1
 * @method: SIB_METHOD_*
 * @status: of responses; bit 15 is the direction of a directed route
 * @hop_ptr: directed route only
 * @hop_cnt: directed route only, at most 63
 * @tid: transaction, echoed
 * @attr_id: which attribute
 * @resv: zero
 * @attr_mod: attribute modifier
 * @mkey: M_Key
 * @dr_slid: LID of the end where the directed route starts, or permissive
 * @dr_dlid: LID of the end behind the directed route, or permissive
 * @reserved: zero
 * @data: the attribute
 * @initial_path: egress ports, entry 0 unused
 * @return_path: ingress ports, entry 0 unused
 */
struct sib_smp {
	u8 base_version;
	u8 mgmt_class;
	u8 class_version;
	u8 method;
	__be16 status;
	u8 hop_ptr;
	u8 hop_cnt;
	__be64 tid;
	__be16 attr_id;
	__be16 resv;
	__be32 attr_mod;
	__be64 mkey;
	__be16 dr_slid;
	__be16 dr_dlid;
	u8 reserved[28];
	u8 data[64];
	u8 initial_path[SIB_SMP_PATH_MAX];
	u8 return_path[SIB_SMP_PATH_MAX];
} __packed;

/**
 * enum sib_smp_way - where a directed-route SMP goes from here
 * @SIB_SMP_DISCARD: nowhere
 * @SIB_SMP_LOCAL: to the agent of this node
 * @SIB_SMP_OUT: out of a port, LIDs permissive
 * @SIB_SMP_BY_LID: the directed part is over, on by LID
 */
enum sib_smp_way {
	SIB_SMP_DISCARD,
	SIB_SMP_LOCAL,
	SIB_SMP_OUT,
	SIB_SMP_BY_LID,
};

enum sib_smp_way sib_smp_route(struct sib_smp *smp, u8 ingress, u8 nports,
			       u8 *egress, u16 *dlid);

#endif
