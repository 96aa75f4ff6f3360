/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Large receive: which TCP packets are one piece, and what the headers of the
 * piece are.
 */
#ifndef IPOIB_CORE_LRO_H
#define IPOIB_CORE_LRO_H

#include <linux/types.h>

/* What an IPv4 header can say. */
#define IPOIB_LRO_MAX	65535

/**
 * enum ipoib_lro_kind - what a packet is to us
 * @IPOIB_LRO_OTHER: nothing
 * @IPOIB_LRO_FLOW: of a TCP connection, but must stay alone
 * @IPOIB_LRO_DATA: likewise, and may be part of a piece
 */
enum ipoib_lro_kind {
	IPOIB_LRO_OTHER,
	IPOIB_LRO_FLOW,
	IPOIB_LRO_DATA,
};

/**
 * struct ipoib_lro_pkt - what there is to know of a packet
 * @saddr: source address, as it stands in the packet
 * @daddr: destination address, likewise
 * @ports: both ports, likewise
 * @seq: sequence number of the first octet
 * @ack: acknowledgment number
 * @tsval: its timestamp, if it has one
 * @tsecr: the one that it echoes
 * @hlen: octets of headers
 * @len: octets of data
 * @window: as it stands in the packet, in host order
 * @tos: type of service
 * @ttl: time to live
 * @has_ts: there are timestamps
 * @pushed: the sender has no more at hand
 */
struct ipoib_lro_pkt {
	u32 saddr;
	u32 daddr;
	u32 ports;
	u32 seq;
	u32 ack;
	u32 tsval;
	u32 tsecr;
	u16 hlen;
	u16 len;
	u16 window;
	u8 tos;
	u8 ttl;
	bool has_ts;
	bool pushed;
};

/**
 * struct ipoib_lro - a piece that is being made
 * @last: the last packet of it
 * @len: octets of data
 * @mss: of the longest packet of it
 * @count: packets
 */
struct ipoib_lro {
	struct ipoib_lro_pkt last;
	u32 len;
	u16 mss;
	unsigned int count;
};

enum ipoib_lro_kind ipoib_lro_parse(struct ipoib_lro_pkt *pkt, const u8 *ip,
				    u32 len);
bool ipoib_lro_same_flow(const struct ipoib_lro *lro,
			 const struct ipoib_lro_pkt *pkt);
void ipoib_lro_begin(struct ipoib_lro *lro, const struct ipoib_lro_pkt *pkt);
bool ipoib_lro_add(struct ipoib_lro *lro, const struct ipoib_lro_pkt *pkt);
void ipoib_lro_finish(const struct ipoib_lro *lro, u8 *ip);

#endif
