// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Validation of packets on their way to a connected QP. Pure: called from any
 * context.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "sib/core/conn.h"
#include "sib/core/opcode.h"
#include "sib/core/ud.h"

static bool path_is_good(const struct sib_conn_rules *rules,
			 const struct sib_hdr *hdr)
{
	if (hdr->slid != rules->dlid || !sib_lid_is_unicast(hdr->dlid) ||
	    rules->has_grh != !!hdr->grh)
		return false;
	return !hdr->grh ||
	       (!memcmp(hdr->grh + SIB_GRH_SGID, rules->dgid, 16) &&
		!memcmp(hdr->grh + SIB_GRH_DGID, rules->sgid, 16));
}

/**
 * sib_conn_check() - may a packet go to a connected QP?
 * @rules: what the QP insists on
 * @hdr: the packet's headers
 *
 * Context: Any.
 * Return: SIB_CONN_OK or the first rule that it breaks.
 */
enum sib_conn_verdict sib_conn_check(const struct sib_conn_rules *rules,
				     const struct sib_hdr *hdr)
{
	if (sib_opcode(hdr->opcode)->transport != rules->transport)
		return SIB_CONN_TRANSPORT;
	if (hdr->vl == SIB_VL_SM)
		return SIB_CONN_LANE;
	if (!path_is_good(rules, hdr))
		return SIB_CONN_PATH;
	if (!sib_pkey_match(rules->pkey, hdr->pkey))
		return SIB_CONN_PKEY;
	return SIB_CONN_OK;
}
