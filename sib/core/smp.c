// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Directed routes through a switch. A channel adapter does without: ib_mad
 * walks the route for it. Pure: called from any context.
 */
#include <linux/build_bug.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "sib/core/hdr.h"
#include "sib/core/smp.h"

static_assert(sizeof(struct sib_smp) == SIB_MAD_LEN);

static enum sib_smp_way go_out(u8 port, u8 nports, u8 *egress)
{
	if (port > nports)
		return SIB_SMP_DISCARD;
	*egress = port;
	return SIB_SMP_OUT;
}

/*
 * The directed part is over, here or on by LID. That is the LID of one port:
 * an SMP is nothing that a multicast group should hear.
 */
static enum sib_smp_way go_on(__be16 lid, u16 *dlid)
{
	*dlid = be16_to_cpu(lid);
	if (*dlid == SIB_LID_PERMISSIVE)
		return SIB_SMP_LOCAL;
	return sib_lid_is_unicast(*dlid) ? SIB_SMP_BY_LID : SIB_SMP_DISCARD;
}

/* IBTA 14.2.2.2: outgoing directed routes, clauses C14-9 and following. */
static enum sib_smp_way route_outbound(struct sib_smp *smp, u8 ingress,
				       u8 nports, u8 *egress, u16 *dlid)
{
	u8 ptr = smp->hop_ptr, cnt = smp->hop_cnt;

	if (cnt && !ptr) {
		smp->hop_ptr = 1;
		return go_out(smp->initial_path[1], nports, egress);
	}
	if (ptr && ptr < cnt) {
		smp->return_path[ptr] = ingress;
		smp->hop_ptr = ptr + 1;
		return go_out(smp->initial_path[ptr + 1], nports, egress);
	}
	if (ptr == cnt) {
		if (cnt)
			smp->return_path[ptr] = ingress;
		smp->hop_ptr = ptr + 1;
		return go_on(smp->dr_dlid, dlid);
	}
	return ptr == cnt + 1 ? SIB_SMP_LOCAL : SIB_SMP_DISCARD;
}

/* IBTA 14.2.2.4: returning directed routes, clauses C14-13 and following. */
static enum sib_smp_way route_returning(struct sib_smp *smp, u8 nports,
					u8 *egress, u16 *dlid)
{
	u8 ptr = smp->hop_ptr, cnt = smp->hop_cnt;

	if (cnt && ptr >= 2 && ptr <= cnt + 1) {
		smp->hop_ptr = ptr - 1;
		return go_out(smp->return_path[ptr - 1], nports, egress);
	}
	if (ptr == 1) {
		smp->hop_ptr = 0;
		return go_on(smp->dr_slid, dlid);
	}
	return ptr ? SIB_SMP_DISCARD : SIB_SMP_LOCAL;
}

/**
 * sib_smp_route() - one step of a directed-route SMP at a switch
 * @smp: the SMP; its hop pointer and return path are updated
 * @ingress: port it came in on, 0 if the switch itself sent it
 * @nports: external ports of the switch
 * @egress: filled on SIB_SMP_OUT: port to send it out of; 0 means that it
 *	enters the switch again as if sent by it
 * @dlid: filled on SIB_SMP_BY_LID: where the directed part ends
 *
 * Context: Any.
 * Return: what to do with it.
 */
enum sib_smp_way sib_smp_route(struct sib_smp *smp, u8 ingress, u8 nports,
			       u8 *egress, u16 *dlid)
{
	if (smp->hop_cnt >= SIB_SMP_PATH_MAX ||
	    smp->hop_ptr > SIB_SMP_PATH_MAX)
		return SIB_SMP_DISCARD;
	if (smp->status & cpu_to_be16(SIB_STATUS_D))
		return route_returning(smp, nports, egress, dlid);
	return route_outbound(smp, ingress, nports, egress, dlid);
}
