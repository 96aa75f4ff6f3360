// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ClassPortInfo, PortCounters and PortCountersExtended. Counters only ever
 * grow; clearing one remembers where it stood. Pure; the caller serialises.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"
#include "sib/core/pma.h"

/* Where the attribute begins in a PerfMgt MAD. */
#define PMA_DATA		64

/* ClassPortInfo.CapabilityMask */
#define PMA_CAP_ALL_PORTS	BIT(8)
#define PMA_CAP_EXT_WIDTH	BIT(9)
#define PMA_CAP_XMIT_WAIT	BIT(12)

/**
 * struct field - one counter of an attribute
 * @counter: which
 * @at: offset in the attribute, octets
 * @bits: width; 4 is the high nibble of the octet, 3 the low one
 * @select: its bit in CounterSelect
 */
struct field {
	u8 counter;
	u8 at;
	u8 bits;
	u8 select;
};

#define LOW_NIBBLE	3
#define HIGH_NIBBLE	4

static const struct field classic_fields[] = {
	{ SIB_CNT_SYMBOL_ERRORS, 4, 16, 0 },
	{ SIB_CNT_LINK_RECOVERY, 6, 8, 1 },
	{ SIB_CNT_LINK_DOWNED, 7, 8, 2 },
	{ SIB_CNT_RCV_ERRORS, 8, 16, 3 },
	{ SIB_CNT_RCV_REMOTE_PHYS, 10, 16, 4 },
	{ SIB_CNT_RELAY_ERRORS, 12, 16, 5 },
	{ SIB_CNT_XMIT_DISCARDS, 14, 16, 6 },
	{ SIB_CNT_XMIT_CONSTRAINT, 16, 8, 7 },
	{ SIB_CNT_RCV_CONSTRAINT, 17, 8, 8 },
	{ SIB_CNT_LINK_INTEGRITY, 19, HIGH_NIBBLE, 9 },
	{ SIB_CNT_BUFFER_OVERRUN, 19, LOW_NIBBLE, 10 },
	{ SIB_CNT_VL15_DROPPED, 22, 16, 11 },
	{ SIB_CNT_XMIT_DATA, 24, 32, 12 },
	{ SIB_CNT_RCV_DATA, 28, 32, 13 },
	{ SIB_CNT_XMIT_PKTS, 32, 32, 14 },
	{ SIB_CNT_RCV_PKTS, 36, 32, 15 },
	/* CounterSelect2 bit 0, see select_mask(). */
	{ SIB_CNT_XMIT_WAIT, 40, 32, 16 },
};

static const struct field extended_fields[] = {
	{ SIB_CNT_XMIT_DATA, 8, 64, 0 },
	{ SIB_CNT_RCV_DATA, 16, 64, 1 },
	{ SIB_CNT_XMIT_PKTS, 24, 64, 2 },
	{ SIB_CNT_RCV_PKTS, 32, 64, 3 },
	{ SIB_CNT_UCAST_XMIT, 40, 64, 4 },
	{ SIB_CNT_UCAST_RCV, 48, 64, 5 },
	{ SIB_CNT_MCAST_XMIT, 56, 64, 6 },
	{ SIB_CNT_MCAST_RCV, 64, 64, 7 },
};

/**
 * struct attribute - PortCounters or PortCountersExtended
 * @fields: its counters
 * @count: how many
 * @extended: which base counts
 */
struct attribute {
	const struct field *fields;
	u8 count;
	bool extended;
};

static const struct attribute classic = {
	.fields = classic_fields,
	.count = sizeof(classic_fields) / sizeof(classic_fields[0]),
};

static const struct attribute extended = {
	.fields = extended_fields,
	.count = sizeof(extended_fields) / sizeof(extended_fields[0]),
	.extended = true,
};

static u64 *base_of(const struct sib_pma *pma, u8 port, bool ext)
{
	return ext ? pma->base[port].extended : pma->base[port].classic;
}

/* Narrow counters stick at their highest value, 64-bit ones wrap. */
static void put_field(u8 *attr, const struct field *f, u64 value)
{
	u8 *p = attr + f->at;

	switch (f->bits) {
	case LOW_NIBBLE:
		*p |= min_t(u64, value, 15);
		break;
	case HIGH_NIBBLE:
		*p |= min_t(u64, value, 15) << 4;
		break;
	case 8:
		*p = min_t(u64, value, 0xff);
		break;
	case 16:
		put_unaligned_be16(min_t(u64, value, 0xffff), p);
		break;
	case 32:
		put_unaligned_be32(min_t(u64, value, 0xffffffff), p);
		break;
	default:
		put_unaligned_be64(value, p);
	}
}

static void add_port(const struct sib_pma *pma, u8 port, bool ext, u64 *sum)
{
	const u64 *base = base_of(pma, port, ext);
	u64 now[SIB_CNT_MAX];
	unsigned int i;

	pma->read(pma->context, port, now);
	for (i = 0; i < SIB_CNT_MAX; i++)
		sum[i] += now[i] - base[i];
}

/* A Set clears what it selects, whatever values it carries. */
static void clear_port(const struct sib_pma *pma, u8 port,
		       const struct attribute *a, u32 select)
{
	u64 *base = base_of(pma, port, a->extended);
	u64 now[SIB_CNT_MAX];
	unsigned int i;

	pma->read(pma->context, port, now);
	for (i = 0; i < a->count; i++) {
		const struct field *f = &a->fields[i];

		if (select & BIT(f->select))
			base[f->counter] = now[f->counter];
	}
}

/* CounterSelect, and above it CounterSelect2, which only PortCounters has. */
static u32 select_mask(const struct attribute *a, const u8 *attr)
{
	u32 mask = get_unaligned_be16(attr + 2);

	return a->extended ? mask : mask | (u32)attr[18] << 16;
}

static u16 counters(const struct sib_pma *pma, const struct attribute *a,
		    bool set, const u8 *in, u8 *out)
{
	u8 first = in[1], last = in[1], port;
	u64 sum[SIB_CNT_MAX] = {};
	unsigned int i;

	if (in[1] == SIB_PMA_ALL_PORTS) {
		first = pma->first_port;
		last = pma->num_ports;
	} else if (in[1] < pma->first_port || in[1] > pma->num_ports) {
		return SIB_STATUS_VALUE;
	}
	for (port = first; port <= last; port++) {
		if (set)
			clear_port(pma, port, a, select_mask(a, in));
		add_port(pma, port, a->extended, sum);
	}
	out[1] = in[1];
	out[2] = in[2];
	out[3] = in[3];
	for (i = 0; i < a->count; i++)
		put_field(out, &a->fields[i], sum[a->fields[i].counter]);
	return SIB_STATUS_OK;
}

static u16 class_port_info(u8 *out)
{
	out[0] = 1;
	out[1] = 1;
	put_unaligned_be16(PMA_CAP_ALL_PORTS | PMA_CAP_EXT_WIDTH |
			   PMA_CAP_XMIT_WAIT, out + 2);
	/* RespTimeValue: 4.096 us times two to the 8th. */
	out[7] = 8;
	return SIB_STATUS_OK;
}

static u16 get_or_set(const struct sib_pma *pma, const u8 *in, u8 *out)
{
	bool set = in[3] == SIB_METHOD_SET;
	u16 attr = get_unaligned_be16(in + 16);

	if (in[2] != 1)
		return SIB_STATUS_VERSION;
	if (in[3] != SIB_METHOD_GET && !set)
		return SIB_STATUS_METHOD;
	in += PMA_DATA;
	out += PMA_DATA;
	switch (attr) {
	case SIB_PMA_CLASS_PORT_INFO:
		return set ? SIB_STATUS_METHOD_ATTR : class_port_info(out);
	case SIB_PMA_PORT_COUNTERS:
		return counters(pma, &classic, set, in, out);
	case SIB_PMA_PORT_EXT:
		return counters(pma, &extended, set, in, out);
	}
	return SIB_STATUS_METHOD_ATTR;
}

/**
 * sib_pma_handle() - answer one PerfMgt MAD
 * @pma: the agent
 * @in: SIB_MAD_LEN octets
 * @out: as many, filled if there is an answer; must not be @in
 *
 * Context: Any; the caller serialises.
 * Return: true if @out is to be sent; false for what is not a request.
 */
bool sib_pma_handle(const struct sib_pma *pma, const u8 *in,
		    u8 *out)
{
	u16 status;

	if (in[3] & SIB_METHOD_RESPONSE || in[3] == SIB_METHOD_TRAP ||
	    in[3] == SIB_METHOD_REPORT || in[3] == SIB_METHOD_TRAP_REPRESS)
		return false;
	memcpy(out, in, SIB_MAD_LEN);
	memset(out + PMA_DATA, 0, SIB_MAD_LEN - PMA_DATA);
	status = get_or_set(pma, in, out);
	out[3] = SIB_METHOD_GET_RESP;
	put_unaligned_be16(status, out + 4);
	return true;
}
