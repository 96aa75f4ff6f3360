/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The connected transports at work. Requests are carried out in the softirq
 * that brings them; everything that is sent, responses too, is sent by the
 * QP's task, which also looks at the responses that came.
 */
#ifndef SIB_TRANSPORT_CONN_H
#define SIB_TRANSPORT_CONN_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <rdma/ib_verbs.h>

#include "sib/core/hdr.h"

struct sib_port;
struct sib_qpc;
struct sib_swqe;

/* conn.c: the task */
void sib_conn_run(struct sib_qpc *qpc);
void sib_conn_event(struct sib_qpc *qpc, unsigned int event);

/* conn_rx.c: packets that come */
void sib_conn_rx(struct sib_qpc *qpc, struct sib_port *port,
		 struct sk_buff *skb, const struct sib_hdr *hdr);
bool sib_conn_unpark_locked(struct sib_qpc *qpc, struct sk_buff *skb,
			    const struct sib_hdr *hdr);
unsigned int sib_conn_park_ms(const struct sib_qpc *qpc);

/* conn_packet.c: packets that go */
u32 sib_conn_size(const struct sib_qpc *qpc, u16 plen);
u8 *sib_conn_put(struct sib_qpc *qpc, struct sk_buff *skb,
		 struct sib_hdr *hdr, u16 plen);
void sib_conn_launch(struct sib_qpc *qpc, struct sk_buff *skb);

/* conn_send.c: requests */
bool sib_conn_send(struct sib_qpc *qpc, bool draining);
bool sib_conn_drained(const struct sib_qpc *qpc);
void sib_conn_fail(struct sib_qpc *qpc, enum ib_wc_status status);
void sib_conn_stop(struct sib_qpc *qpc, u8 state);

/* rc_ack.c: responses that come, and those that do not */
void sib_rc_responses(struct sib_qpc *qpc);
void sib_rc_deadline(struct sib_qpc *qpc);
void sib_rc_expect(struct sib_qpc *qpc);

/* conn_resp.c: requests that come */
enum sib_conn_taken {
	SIB_TAKEN,		/* and no more to do with it */
	SIB_TAKEN_NO_WQE,	/* not: there is no WR for it */
};

enum sib_conn_taken sib_conn_take_locked(struct sib_qpc *qpc,
					 struct sk_buff *skb,
					 const struct sib_hdr *hdr);
void sib_conn_not_ready_locked(struct sib_qpc *qpc);
void sib_conn_flush_recv_locked(struct sib_qpc *qpc);
bool sib_rc_reply(struct sib_qpc *qpc);

#endif
