/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The 4-octet header before every datagram, and what a received one is. RFC
 * 4391 section 6.
 */
#ifndef IPOIB_CORE_ENCAP_H
#define IPOIB_CORE_ENCAP_H

#include <linux/types.h>

#include "ipoib/core/hwaddr.h"

#define IPOIB_ENCAP_LEN		4
/* The room that verbs leave before a datagram, whether it has a GRH or not. */
#define IPOIB_GRH_LEN		40
/* GIDs in a GRH. */
#define IPOIB_GRH_SGID		8
#define IPOIB_GRH_DGID		24

/* On its way to the driver a packet has its destination in front. */
#define IPOIB_PSEUDO_LEN	IPOIB_ALEN
#define IPOIB_HARD_LEN		(IPOIB_PSEUDO_LEN + IPOIB_ENCAP_LEN)

/* Datagrams that are sent; RFC 4391 section 6, and TIPC as Linux has it. */
#define IPOIB_TYPE_IPV4		0x0800
#define IPOIB_TYPE_ARP		0x0806
#define IPOIB_TYPE_RARP		0x8035
#define IPOIB_TYPE_IPV6		0x86dd
#define IPOIB_TYPE_TIPC		0x88ca

/* What is below is no EtherType but a length, IEEE 802.3 section 3.2.6. */
#define IPOIB_TYPE_MIN		0x0600

/**
 * enum ipoib_rx_kind - what a received datagram is
 * @IPOIB_RX_HOST: for this host alone
 * @IPOIB_RX_MULTICAST: for a group
 * @IPOIB_RX_BROADCAST: for all
 * @IPOIB_RX_ECHO: our own, which the HCA reflected
 * @IPOIB_RX_RUNT: shorter than its header
 */
enum ipoib_rx_kind {
	IPOIB_RX_HOST,
	IPOIB_RX_MULTICAST,
	IPOIB_RX_BROADCAST,
	IPOIB_RX_ECHO,
	IPOIB_RX_RUNT,
};

/**
 * struct ipoib_rx_info - what a completion says of a datagram
 * @len: octets received, the room for a GRH included
 * @has_grh: there is a GRH in the room
 * @own_source: source LID and QPN are ours
 */
struct ipoib_rx_info {
	u32 len;
	bool has_grh;
	bool own_source;
};

/**
 * ipoib_type_is_sent() - is this a kind of datagram that we send?
 * @type: of the encapsulation header, host order
 *
 * Return: true if so.
 */
static inline bool ipoib_type_is_sent(u16 type)
{
	switch (type) {
	case IPOIB_TYPE_IPV4:
	case IPOIB_TYPE_IPV6:
	case IPOIB_TYPE_ARP:
	case IPOIB_TYPE_RARP:
	case IPOIB_TYPE_TIPC:
		return true;
	}
	return false;
}

/**
 * ipoib_type_is_taken() - is this a kind of datagram that is handed up?
 * @type: of the encapsulation header, host order
 *
 * Type is an EtherType, RFC 4391 section 6. Others than those of the RFC are
 * for whoever asked the stack for them. But below the range of EtherTypes the
 * kernel has protocols of its own, made for other link types: no peer may
 * address those.
 *
 * Return: true if so.
 */
static inline bool ipoib_type_is_taken(u16 type)
{
	return type >= IPOIB_TYPE_MIN;
}

enum ipoib_rx_kind ipoib_rx_classify(const struct ipoib_rx_info *info,
				     const u8 *grh, const u8 *hw,
				     const u8 *broadcast);
const u8 *ipoib_rx_announced_gid(u16 type, const u8 *data, u32 len,
				 const u8 *grh);

#endif
