/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a connected QP has besides what every QP has: its peer, and what
 * requester and responder remember. IBTA volume 1, sections 9.7 and 9.8.2.
 */
#ifndef SIB_VERBS_CONN_H
#define SIB_VERBS_CONN_H

#include <linux/skbuff.h>
#include <linux/timer.h>
#include <rdma/ib_verbs.h>

#include "sib/core/rc.h"
#include "sib/verbs/ah.h"

struct sib_qpc;
struct sib_rwqe;

/* READs and ATOMICs outstanding that an attribute may ask for. */
#define SIB_MAX_RD_ATOMIC	16

/* Events that the QP's task tells the consumer of, bits of @events. */
enum sib_conn_event {
	SIB_CONN_COMM_EST,
	SIB_CONN_REQ_ERR,
	SIB_CONN_ACCESS_ERR,
};

/* What a responder has to say, the latest of which is enough. */
enum sib_conn_reply {
	SIB_REPLY_NONE,
	SIB_REPLY_ACK,
	SIB_REPLY_RNR,
	SIB_REPLY_NAK,
};

/**
 * struct sib_requester - the sending side; the QP's task's alone
 * @send: the WR of which the next packet is
 * @offset: octets of it before that packet
 * @fresh: the first WR of which no packet was ever sent
 * @base: the WR that is message 1
 * @psn: of the next packet
 * @una: oldest PSN that is not acknowledged; @psn without any
 * @top: PSN after the newest that was ever sent
 * @msn: messages that the responder has completed
 * @credits: code of the receive WRs that it has
 * @retry: attempts left
 * @rnr_retry: attempts left that find the responder not ready
 * @waiting: until @deadline, for it was not ready
 * @armed: @deadline holds
 * @late: half of the time for a response has passed
 * @deadline: when half of the time, or all of it, has passed, jiffies
 * @timer: kicks the task at @deadline or before
 * @acks: responses that the task has not seen; has its own lock
 */
struct sib_requester {
	u32 send;
	u32 offset;
	u32 fresh;
	u32 base;
	u32 psn;
	u32 una;
	u32 top;
	u32 msn;
	u8 credits;
	u8 retry;
	u8 rnr_retry;
	bool waiting;
	bool armed;
	bool late;
	unsigned long deadline;
	struct timer_list timer;
	struct sk_buff_head acks;
};

/**
 * struct sib_responder - the receiving side; under the receive queue's lock
 * @pure: what decisions are made from
 * @wqe: the WR that the message at hand goes to, NULL without one
 * @shared: room for one of an SRQ, where it would not keep its place
 * @offset: octets of the message that have come
 * @msn: messages completed
 * @reply: enum sib_conn_reply, what is to be said to the requester
 * @code: of a NAK
 * @told: that a packet is missing or that there was no WR
 * @established: the consumer knows that a packet came before RTS
 * @failed: the connection ends as soon as that is said
 * @last_wqe: the consumer knows that no WR of the SRQ will be used any more
 */
struct sib_responder {
	struct sib_resp pure;
	struct sib_rwqe *wqe;
	struct sib_rwqe *shared;
	u32 offset;
	u32 msn;
	u8 reply;
	u8 code;
	bool told;
	bool established;
	bool failed;
	bool last_wqe;
};

/**
 * struct sib_conn - the connected part of a QP
 * @qpc: whose it is
 * @ah: address of the peer as the consumer gave it, without references
 * @av: the same as packets need it
 * @dqpn: the peer's QPN
 * @path_mtu: enum ib_mtu
 * @sq_psn: first PSN of the requester
 * @rq_psn: first PSN of the responder
 * @access: enum ib_access_flags; kept for the consumer
 * @timeout: code of the acknowledge timeout
 * @retry_cnt: attempts without a response
 * @rnr_retry: attempts at a responder that is not ready
 * @min_rnr_timer: code of the time that a requester is told to wait
 * @rd_atomic: kept for the consumer: READs and ATOMICs as requester
 * @dest_rd_atomic: likewise, as responder
 * @events: enum sib_conn_event, not told yet; atomic
 * @req: the sending side
 * @resp: the receiving side
 */
struct sib_conn {
	struct sib_qpc *qpc;
	struct rdma_ah_attr ah;
	struct sib_av av;
	u32 dqpn;
	enum ib_mtu path_mtu;
	u32 sq_psn;
	u32 rq_psn;
	int access;
	u8 timeout;
	u8 retry_cnt;
	u8 rnr_retry;
	u8 min_rnr_timer;
	u8 rd_atomic;
	u8 dest_rd_atomic;
	unsigned long events;
	struct sib_requester req;
	struct sib_responder resp;
};

static inline bool sib_is_connected(enum ib_qp_type type)
{
	return type == IB_QPT_RC || type == IB_QPT_UC;
}

int sib_conn_create(struct sib_qpc *qpc);
void sib_conn_free(struct sib_conn *conn);
int sib_conn_check_attr(const struct sib_qpc *qpc,
			const struct ib_qp_attr *attr, int mask);
void sib_conn_set_attr(struct sib_qpc *qpc, const struct ib_qp_attr *attr,
		       int mask);
void sib_conn_query(const struct sib_qpc *qpc, struct ib_qp_attr *attr);
void sib_conn_reset_locked(struct sib_qpc *qpc, struct sk_buff_head *gone);
void sib_conn_kill(struct sib_qpc *qpc);

#endif
