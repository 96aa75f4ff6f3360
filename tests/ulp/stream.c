// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Streams: many messages one way or both ways, each looked at when it comes.
 * A message begins with its number and its length; a pattern that depends on
 * the number follows, as far as there is room.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "verbtest.h"

#define PATTERN_STEP	4096

static u8 pattern[PATTERN_STEP + VT_PERIOD];

void vt_stream_init(void)
{
	u32 i;

	for (i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % VT_PERIOD;
}

void vt_fill(void *buf, u32 seq, u32 len)
{
	u32 head[2] = { seq, len }, at;

	memcpy(buf, head, min_t(u32, len, VT_HEAD));
	for (at = VT_HEAD; at < len; at += PATTERN_STEP)
		memcpy(buf + at, pattern + (seq + at) % VT_PERIOD,
		       min_t(u32, len - at, PATTERN_STEP));
}

/* A message that is too short for its number has any. */
bool vt_good(const void *buf, u32 len, u32 *seq)
{
	const u32 *head = buf;
	u32 at;

	*seq = 0;
	if (len < VT_HEAD)
		return true;
	*seq = head[0];
	if (head[1] != len)
		return false;
	for (at = VT_HEAD; at < len; at += PATTERN_STEP)
		if (memcmp(buf + at, pattern + (*seq + at) % VT_PERIOD,
			   min_t(u32, len - at, PATTERN_STEP)))
			return false;
	return true;
}

void vt_stream_sent(struct vt_ep *ep, const struct ib_wc *wc)
{
	struct vt_stream *s = &ep->stream;
	unsigned long irq;

	spin_lock_irqsave(&ep->lock, irq);
	if (wc->status == IB_WC_SUCCESS)
		s->sent++;
	else if (!s->send_status)
		s->send_status = wc->status;
	spin_unlock_irqrestore(&ep->lock, irq);
}

static bool imm_is_good(const struct vt_stream *s, const struct ib_wc *wc,
			u32 seq)
{
	bool imm = wc->wc_flags & IB_WC_WITH_IMM;

	return imm == s->imm && (!imm || be32_to_cpu(wc->ex.imm_data) == seq);
}

static void judge(struct vt_ep *ep, const struct ib_wc *wc, struct vt_wr *wr)
{
	struct vt_stream *s = &ep->stream;
	u32 seq;

	ib_dma_sync_single_for_cpu(ep->dev, wr->dma, ep->size,
				   DMA_FROM_DEVICE);
	if (!vt_good(wr->buf, wc->byte_len, &seq) || !imm_is_good(s, wc, seq))
		s->wrong++;
	else if ((s32)(seq - s->next) < 0)
		s->behind++;
	else
		s->lost += seq - s->next;
	s->next = seq + 1;
	s->received++;
	s->octets += wc->byte_len;
}

void vt_stream_received(struct vt_ep *ep, const struct ib_wc *wc,
			struct vt_wr *wr)
{
	struct vt_stream *s = &ep->stream;
	unsigned long irq;

	spin_lock_irqsave(&ep->lock, irq);
	if (wc->status == IB_WC_SUCCESS)
		judge(ep, wc, wr);
	else if (!s->recv_status)
		s->recv_status = wc->status;
	spin_unlock_irqrestore(&ep->lock, irq);
	WRITE_ONCE(wr->busy, false);
	if (wc->status == IB_WC_SUCCESS && vt_ep_recv(ep, wr))
		s->wrong++;
	wake_up(&ep->wait);
}

static int start(struct vt_ep *ep, struct vt_ep *peer, const char *args,
		 u32 count)
{
	struct vt_stream *s = &ep->stream;
	struct vt_wr *wr;
	int err = 0;

	memset(s, 0, sizeof(*s));
	s->imm = vt_opt(args, "imm", 0);
	s->lossy = ep->type == IB_QPT_UC && !vt_opt(args, "whole", 0);
	s->count = count;
	s->max = min(vt_opt(args, "max", ep->size), peer->size);
	s->min = min(max_t(u32, vt_opt(args, "min", s->max), VT_HEAD), s->max);
	s->next = peer->next_seq;
	s->on = true;
	while (!err && (wr = vt_free_wr(ep->rx, ep->depth)))
		err = vt_ep_recv(ep, wr);
	/* Those of an SRQ may be posted for another QP. */
	return err == -ENOMEM ? 0 : err;
}

static bool post_some(struct vt_ep *ep, u32 *posted, int *err)
{
	struct vt_stream *s = &ep->stream;
	bool any = false;

	while (!*err && *posted < s->count) {
		u32 span = s->max - s->min + 1;
		u32 len = s->min + get_random_u32() % span;

		*err = vt_ep_send(ep, len, s->imm, "");
		if (*err == -EBUSY || *err == -ENOMEM) {
			*err = 0;
			break;
		}
		*posted += !*err;
		any = true;
	}
	return any;
}

static bool is_done(const struct vt_ep *a, const struct vt_ep *b)
{
	u32 total = a->stream.count;

	if (a->stream.send_status || b->stream.recv_status)
		return true;
	return READ_ONCE(a->stream.sent) == total &&
	       (a->stream.lossy || READ_ONCE(b->stream.received) >= total);
}

static u32 progress(const struct vt_ep *a, const struct vt_ep *b)
{
	return a->stream.sent + a->stream.received + b->stream.sent +
	       b->stream.received;
}

static void report(struct seq_buf *out, const char *who,
		   const struct vt_stream *s)
{
	seq_buf_printf(out, "%s_sent=%u %s_received=%u %s_lost=%u %s_wrong=%u %s_behind=%u %s_octets=%llu %s_send_status=%u %s_recv_status=%u ",
		       who, s->sent, who, s->received, who, s->lost, who,
		       s->wrong, who, s->behind, who, s->octets, who, s->send_status, who,
		       s->recv_status);
}

static bool both_done(struct vt_ep *a, struct vt_ep *b)
{
	return is_done(a, b) && is_done(b, a);
}

/* Until all is done, or nothing has come for so many milliseconds. */
static int carry_on(struct vt_ep *a, struct vt_ep *b, u32 idle_ms)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(idle_ms);
	u32 posted[2] = {}, last = 0;
	int err = 0;

	while (!err && !both_done(a, b)) {
		bool any = post_some(a, &posted[0], &err);

		any |= a != b && post_some(b, &posted[1], &err);
		if (any || progress(a, b) != last) {
			last = progress(a, b);
			deadline = jiffies + msecs_to_jiffies(idle_ms);
		} else if (time_after(jiffies, deadline)) {
			return -ETIMEDOUT;
		}
		wait_event_timeout(a->wait, progress(a, b) != last ||
				   both_done(a, b), 2);
		if (signal_pending(current))
			return -EINTR;
	}
	return err;
}

int vt_stream(struct vt_ep *a, struct vt_ep *b, const char *args,
	      struct seq_buf *out)
{
	u32 count = vt_opt(args, "count", 100);
	u32 back = vt_opt(args, "both", 0) ? count : 0;
	ktime_t begin;
	int err;

	err = start(a, b, args, count);
	if (!err && a != b)
		err = start(b, a, args, back);
	if (err)
		return err;
	begin = ktime_get();
	err = carry_on(a, b, vt_opt(args, "idle", 20000));
	seq_buf_printf(out, "usec=%lld timed_out=%d ",
		       ktime_us_delta(ktime_get(), begin), err == -ETIMEDOUT);
	a->stream.on = b->stream.on = false;
	report(out, "a", &a->stream);
	report(out, "b", &b->stream);
	return err == -ETIMEDOUT ? 0 : err;
}
