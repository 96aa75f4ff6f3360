/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connected mode: what stands in the private data of CM messages, Service-IDs,
 * and what goes over which transport. RFC 4755.
 */
#ifndef IPOIB_CORE_CM_H
#define IPOIB_CORE_CM_H

#include <linux/types.h>

#include "ipoib/core/encap.h"
#include "ipoib/core/mtu.h"

/* Private data of REQ, REP and REJ, RFC 4755 section 6. */
#define IPOIB_CM_PRIVATE_LEN	8
/* The largest message: a packet of the largest MTU behind its header. */
#define IPOIB_CM_MSG_MAX	(IPOIB_MTU_MAX + IPOIB_ENCAP_LEN)
/* What a peer must take: the smallest MTU of IPv6. RFC 4755 section 5. */
#define IPOIB_CM_MSG_MIN	(1280 + IPOIB_ENCAP_LEN)

/* Octet 0 of a Service-ID: what deployed peers use, and what the RFC says. */
#define IPOIB_CM_SERVICE_USUAL	0x10
#define IPOIB_CM_SERVICE_RFC	0x01

/* Octets of IP by which ipoib_cm_resolves() knows: IPv6, and ICMPv6's type. */
#define IPOIB_CM_RESOLVES_LEN	41

/**
 * struct ipoib_cm_private - what a peer says of himself
 * @qpn: of his UD QP
 * @mtu: the largest message that he takes, encapsulation header included
 */
struct ipoib_cm_private {
	u32 qpn;
	u32 mtu;
};

/**
 * enum ipoib_cm_via - what carries a unicast packet
 * @IPOIB_VIA_UD: a datagram
 * @IPOIB_VIA_RC: a reliable connection
 * @IPOIB_VIA_UC: an unreliable one
 */
enum ipoib_cm_via {
	IPOIB_VIA_UD,
	IPOIB_VIA_RC,
	IPOIB_VIA_UC,
};

void ipoib_cm_put_private(u8 *p, u32 qpn, u32 mtu);
bool ipoib_cm_get_private(const u8 *p, u32 len, struct ipoib_cm_private *priv);
u64 ipoib_cm_service_id(u8 block, u32 qpn);
enum ipoib_cm_via ipoib_cm_via(u8 own, u8 peer);
bool ipoib_cm_resolves(u16 type, const u8 *ip, u32 len);
unsigned int ipoib_cm_mtu_max(unsigned int sges, unsigned int page);
u32 ipoib_cm_retry_ms(unsigned int failures);
bool ipoib_cm_is_short(u32 have, u32 max, u32 taken);

#endif
