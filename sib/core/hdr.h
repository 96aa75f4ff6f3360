/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The headers of an InfiniBand packet: LRH, GRH, BTH and the extended
 * headers, from bytes to host-order fields and back. IBTA volume 1, chapters
 * 7 (LRH), 8 (GRH) and 9 (BTH and extended headers).
 */
#ifndef SIB_CORE_HDR_H
#define SIB_CORE_HDR_H

#include <linux/types.h>

/* Octets of each header. */
#define SIB_LRH_LEN		8
#define SIB_GRH_LEN		40
#define SIB_BTH_LEN		12
#define SIB_DETH_LEN		8
#define SIB_AETH_LEN		4
#define SIB_IMM_LEN		4
#define SIB_ICRC_LEN		4
#define SIB_VCRC_LEN		2

/* Most header octets before a payload: LRH, GRH, BTH, AtomicETH or less. */
#define SIB_HDR_MAX	(SIB_LRH_LEN + SIB_GRH_LEN + SIB_BTH_LEN + 28 + 4)

/* What a packet may have around a payload of one MTU, VCRC included. */
#define SIB_OVERHEAD		126

/* LRH.PktLen counts 4-octet words, 11 bits of them. */
#define SIB_PKT_MIN		(6 * 4)
#define SIB_PKT_MAX		(2047 * 4)

#define SIB_LNH_BTH		2
#define SIB_LNH_GRH		3
#define SIB_GRH_NEXT_BTH	0x1b

#define SIB_VL_SM		15
#define SIB_LID_PERMISSIVE	0xffff
#define SIB_LID_MCAST_BASE	0xc000
#define SIB_QPN_MCAST		0xffffff
#define SIB_QPN_MASK		0xffffff
#define SIB_PSN_MASK		0xffffff
#define SIB_MSN_MASK		0xffffff
#define SIB_PKEY_FULL		0x8000
#define SIB_PKEY_DEFAULT	0xffff

/* Places of the fields in a GRH, for those who need just one. */
#define SIB_GRH_SGID		8
#define SIB_GRH_DGID		24

/**
 * struct sib_hdr - the headers of one packet, in host order
 * @len: octets from the LRH through the ICRC
 * @hlen: octets from the LRH to the payload
 * @plen: octets of the payload without its padding
 * @dlid: destination LID
 * @slid: source LID
 * @pkey: P_Key of the BTH
 * @vl: virtual lane
 * @sl: service level
 * @opcode: of the BTH
 * @pad: octets of padding behind the payload, 0 to 3
 * @has_grh: a GRH follows the LRH
 * @has_imm: immediate data stands before the payload
 * @solicited: the solicited event bit
 * @ack_req: the acknowledge request bit
 * @mig: the migration bit
 * @dqpn: destination QPN
 * @psn: packet sequence number
 * @qkey: Q_Key of the DETH, datagrams only
 * @sqpn: source QPN of the DETH, datagrams only
 * @syndrome: of the AETH, responses only
 * @msn: message sequence number of the AETH, responses only
 * @imm: immediate data as it stands in the packet
 * @tclass: of the GRH
 * @hop_limit: of the GRH
 * @flow: flow label of the GRH
 * @grh: octet 0 of the GRH in the packet, NULL without one
 */
struct sib_hdr {
	u16 len;
	u16 hlen;
	u16 plen;
	u16 dlid;
	u16 slid;
	u16 pkey;
	u8 vl;
	u8 sl;
	u8 opcode;
	u8 pad;
	bool has_grh;
	bool has_imm;
	bool solicited;
	bool ack_req;
	bool mig;
	u32 dqpn;
	u32 psn;
	u32 qkey;
	u32 sqpn;
	u8 syndrome;
	u32 msn;
	__be32 imm;
	u8 tclass;
	u8 hop_limit;
	u32 flow;
	const u8 *grh;
};

/**
 * enum sib_hdr_verdict - what is wrong with a packet's headers
 * @SIB_HDR_OK: nothing
 * @SIB_HDR_RUNT: fewer octets than the headers or the length field need
 * @SIB_HDR_LENGTH: LRH.PktLen, GRH.PayLen or the pad count disagree
 * @SIB_HDR_VERSION: unknown LRH, GRH or BTH version
 * @SIB_HDR_RAW: a raw packet, which nothing here carries
 * @SIB_HDR_OPCODE: an opcode that is not assigned
 */
enum sib_hdr_verdict {
	SIB_HDR_OK,
	SIB_HDR_RUNT,
	SIB_HDR_LENGTH,
	SIB_HDR_VERSION,
	SIB_HDR_RAW,
	SIB_HDR_OPCODE,
};

enum sib_hdr_verdict sib_lrh_parse(struct sib_hdr *hdr, const u8 *pkt,
				   size_t avail);
enum sib_hdr_verdict sib_hdr_parse(struct sib_hdr *hdr, const u8 *pkt,
				   size_t linear, size_t avail);
u16 sib_hdr_size(const struct sib_hdr *hdr);
void sib_hdr_build(const struct sib_hdr *hdr, u8 *pkt);

static inline bool sib_lid_is_mcast(u16 lid)
{
	return lid >= SIB_LID_MCAST_BASE && lid != SIB_LID_PERMISSIVE;
}

static inline bool sib_lid_is_unicast(u16 lid)
{
	return lid && lid < SIB_LID_MCAST_BASE;
}

#endif
