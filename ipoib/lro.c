// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Large receive: TCP packets that follow each other are handed up as one, with
 * the later ones' buffers as fragments of the first one's skb. The kernel's
 * library for it is gone, and GRO does more for all but the last instruction;
 * this is for who asks for it. Nothing is held back longer than one poll.
 * Softirq, the receive side's NAPI.
 */
#include <linux/netdevice.h>

#include "ipoib/dev.h"
#include "ipoib/lro.h"

static void hand_up(struct ipoib_dev *ipd, struct ipoib_lro_slot *slot)
{
	struct sk_buff *skb = slot->skb;

	slot->skb = NULL;
	if (slot->piece.count > 1) {
		ipoib_lro_finish(&slot->piece, skb->data);
		/* Without a type: it must not be sent on as it is. */
		skb_shinfo(skb)->gso_size = slot->piece.mss;
		skb_shinfo(skb)->gso_segs = slot->piece.count;
		ipoib_count(ipd, RX_LRO_PIECES);
		ipoib_count_many(ipd, RX_LRO_PACKETS, slot->piece.count);
	}
	/* The same way as all others, or they would overtake each other. */
	napi_gro_receive(&ipd->rx.napi, skb);
}

static struct ipoib_lro_slot *find(struct ipoib_lro_table *lro,
				   const struct ipoib_lro_pkt *pkt)
{
	unsigned int i;

	for (i = 0; i < IPOIB_LRO_SLOTS; i++)
		if (lro->slot[i].skb &&
		    ipoib_lro_same_flow(&lro->slot[i].piece, pkt))
			return &lro->slot[i];
	return NULL;
}

/* A place for one more piece, which may be somebody else's. */
static struct ipoib_lro_slot *take_place(struct ipoib_dev *ipd)
{
	struct ipoib_lro_table *lro = &ipd->rx.lro;
	struct ipoib_lro_slot *slot;
	unsigned int i;

	lro->used = true;
	for (i = 0; i < IPOIB_LRO_SLOTS; i++)
		if (!lro->slot[i].skb)
			return &lro->slot[i];
	slot = &lro->slot[lro->next++ % IPOIB_LRO_SLOTS];
	hand_up(ipd, slot);
	return slot;
}

static bool add(struct ipoib_dev *ipd, struct ipoib_lro_slot *slot,
		const struct ipoib_lro_pkt *pkt, void *data,
		unsigned int offset)
{
	struct sk_buff *skb = slot->skb;
	unsigned int frags = skb_shinfo(skb)->nr_frags;
	struct page *page = virt_to_head_page(data);

	if (frags == MAX_SKB_FRAGS || !ipoib_lro_add(&slot->piece, pkt))
		return false;
	skb_add_rx_frag(skb, frags, page,
			data + offset + pkt->hlen - page_address(page),
			pkt->len, ipd->rx.truesize);
	return true;
}

/**
 * ipoib_lro_take() - is a packet part of a piece?
 * @ipd: the interface
 * @data: its buffer
 * @offset: octet of the buffer where its IPv4 header is
 * @len: octets from there on; its checksums are right
 * @where: filled if a piece begins with it: its skb belongs into this slot,
 *	instead of being handed up; else NULL
 *
 * What came before of the same connection, and does not go with it, is handed
 * up.
 *
 * Return: true if it was taken, and @data with it.
 */
bool ipoib_lro_take(struct ipoib_dev *ipd, void *data, unsigned int offset,
		    unsigned int len, struct ipoib_lro_slot **where)
{
	struct ipoib_lro_slot *slot;
	struct ipoib_lro_pkt pkt;
	enum ipoib_lro_kind kind;

	kind = ipoib_lro_parse(&pkt, data + offset, len);
	if (kind == IPOIB_LRO_OTHER)
		return false;
	slot = find(&ipd->rx.lro, &pkt);
	if (slot) {
		if (kind == IPOIB_LRO_DATA &&
		    add(ipd, slot, &pkt, data, offset))
			return true;
		hand_up(ipd, slot);
	}
	if (kind != IPOIB_LRO_DATA)
		return false;
	if (!slot)
		slot = take_place(ipd);
	ipoib_lro_begin(&slot->piece, &pkt);
	*where = slot;
	return false;
}

/**
 * ipoib_lro_flush() - hand up all pieces
 * @ipd: the interface
 */
void ipoib_lro_flush(struct ipoib_dev *ipd)
{
	struct ipoib_lro_table *lro = &ipd->rx.lro;
	unsigned int i;

	if (likely(!lro->used))
		return;
	for (i = 0; i < IPOIB_LRO_SLOTS; i++)
		if (lro->slot[i].skb)
			hand_up(ipd, &lro->slot[i]);
	lro->used = false;
}
