/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What stands between the Ethernet header and the InfiniBand packet on a
 * cable, and the link messages that two ends exchange. Ours, not IBTA's; see
 * docs/fabric.md.
 *
 *	octet	0	version (high nibble), kind (low nibble)
 *		1	flags (low two bits), switches that it has passed
 *		2-3	octets that follow the shim, without Ethernet padding
 *		4-7	session of the receiver, zero in link messages
 */
#ifndef SIB_CORE_SHIM_H
#define SIB_CORE_SHIM_H

#include <linux/types.h>

/* Local experimental EtherType 1 of IEEE 802. */
#define SIB_ETHERTYPE		0x88b5
#define SIB_SHIM_LEN		8
#define SIB_SHIM_VERSION	1

/* What the shim and the largest packet of an IB MTU ask of a cable's MTU. */
#define SIB_CABLE_OVERHEAD	(SIB_SHIM_LEN + 126)

enum sib_shim_kind {
	SIB_SHIM_PACKET = 0,
	SIB_SHIM_LINK = 1,
	SIB_SHIM_BUNDLE = 2,
};

/* The ICRC field holds an ICRC; a VCRC follows it. */
#define SIB_SHIM_ICRC		0x01
#define SIB_SHIM_VCRC		0x02
#define SIB_SHIM_FLAGS		0x03

/* Who has passed more switches than a path may have goes in circles. */
#define SIB_SHIM_HOPS		63

/**
 * struct sib_shim - a shim in host order
 * @kind: enum sib_shim_kind
 * @flags: SIB_SHIM_ICRC, SIB_SHIM_VCRC
 * @hops: switches that it has passed, up to SIB_SHIM_HOPS
 * @len: octets behind the shim
 * @session: which training of the link the frame belongs to
 */
struct sib_shim {
	u8 kind;
	u8 flags;
	u8 hops;
	u16 len;
	u32 session;
};

/* Link messages. */
#define SIB_HELLO_LEN		40
#define SIB_MSG_HELLO		1
#define SIB_MSG_BYE		2

/* Cable ends in one kernel may agree to go without checksums. */
#define SIB_HELLO_NO_CRC	0x01

/**
 * struct sib_hello - a link message in host order
 * @type: SIB_MSG_HELLO or SIB_MSG_BYE
 * @flags: SIB_HELLO_*: what the sender would agree to
 * @mtu_cap: IB MTU code
 * @port: port number of the sender
 * @cable_mtu: octets that its netdev takes, shim included; 0 if it does not say
 * @session: of the sender's current training
 * @echo: the session that the sender last heard from us, 0 if none
 * @kernel: random number of the sender's kernel
 * @guid: of the sender's node
 * @width: enabled link widths
 * @speed: enabled link speeds
 */
struct sib_hello {
	u8 type;
	u8 flags;
	u8 mtu_cap;
	u8 port;
	u16 cable_mtu;
	u32 session;
	u32 echo;
	u64 kernel;
	u64 guid;
	u8 width;
	u8 speed;
};

bool sib_shim_parse(struct sib_shim *shim, const u8 *p, size_t avail);
void sib_shim_build(const struct sib_shim *shim, u8 *p);
bool sib_hello_parse(struct sib_hello *hello, const u8 *p, size_t avail);
void sib_hello_build(const struct sib_hello *hello, u8 *p);
u8 sib_mtu_code(unsigned int cable_mtu);

#endif
