// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a responder does with a request. Pure: called from any context. IBTA
 * volume 1, sections 9.7.4 (RC) and 9.8.2.2 (UC).
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

/* A SEND is all that is carried out; IETH would invalidate a region. */
static bool is_known(u16 flags)
{
	return flags & SIB_OPF_SEND && !(flags & SIB_OPF_IETH);
}

/* All packets but the last are full; an Only may be empty, a Last may not. */
static bool length_is_good(const struct sib_resp *resp,
			   const struct sib_hdr *hdr, u16 flags)
{
	if (!(flags & SIB_OPF_LAST))
		return hdr->plen == resp->mtu;
	return hdr->plen <= resp->mtu &&
	       (hdr->plen || flags & SIB_OPF_FIRST);
}

/**
 * sib_rc_judge() - a request on a reliable connection
 * @resp: what the responder remembers
 * @hdr: the request
 *
 * PSNs up to 2^23 behind the expected one are duplicates, the others come too
 * early.
 *
 * Context: Any.
 * Return: what to do.
 */
enum sib_resp_verdict sib_rc_judge(const struct sib_resp *resp,
				   const struct sib_hdr *hdr)
{
	u16 flags = sib_opcode(hdr->opcode)->flags;
	s32 ahead = sib_psn_diff(hdr->psn, resp->epsn);

	if (ahead)
		return ahead < 0 ? SIB_RESP_DUPLICATE : SIB_RESP_GAP;
	if (!is_known(flags) || resp->midway == !!(flags & SIB_OPF_FIRST) ||
	    !length_is_good(resp, hdr, flags))
		return SIB_RESP_INVALID;
	return SIB_RESP_EXECUTE;
}

/**
 * sib_uc_judge() - a request on an unreliable connection
 * @resp: what the responder remembers
 * @hdr: the request
 *
 * The first packet of a message is always welcome: what came before it and did
 * not end is lost.
 *
 * Context: Any.
 * Return: SIB_RESP_EXECUTE or SIB_RESP_DROP.
 */
enum sib_resp_verdict sib_uc_judge(const struct sib_resp *resp,
				   const struct sib_hdr *hdr)
{
	u16 flags = sib_opcode(hdr->opcode)->flags;
	bool follows = resp->midway && hdr->psn == resp->epsn;

	if (!is_known(flags) || !length_is_good(resp, hdr, flags))
		return SIB_RESP_DROP;
	return flags & SIB_OPF_FIRST || follows ? SIB_RESP_EXECUTE :
						  SIB_RESP_DROP;
}
