/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Connected mode. A connection carries packets one way: those that we ask for
 * are sent on, those that peers ask for are received on.
 */
#ifndef IPOIB_CM_H
#define IPOIB_CM_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <rdma/ib_cm.h>
#include <rdma/ib_sa.h>
#include <rdma/ib_verbs.h>

#include "ipoib/core/cm.h"
#include "ipoib/core/hwaddr.h"
#include "ipoib/core/ring.h"
#include "ipoib/rx.h"

struct ipoib_dev;
struct ipoib_neigh;
struct ipoib_path;
struct ipoib_txq;

/* Connections of an interface at most, in each direction. */
#define IPOIB_CM_SEND_MAX	4096
#define IPOIB_CM_RECV_MAX	4096
/* What an ACK may take: an exponent of 4.096 us, 67 ms. */
#define IPOIB_CM_ACK_TIMEOUT	14
/* Packets under way in a connection, and those that wait for room there. */
#define IPOIB_CM_RING		64
#define IPOIB_CM_BACKLOG	512
/* Pages of a receive buffer. */
#define IPOIB_CM_PAGES		DIV_ROUND_UP(IPOIB_CM_MSG_MAX, PAGE_SIZE)
/*
 * Receive queues at most; how many buffers one has at first, and may have at
 * least; how many a QP without SRQ has.
 */
#define IPOIB_CM_RXQS		4
#define IPOIB_CM_RXQ_FIRST	16
#define IPOIB_CM_RXQ_BUFS	64
#define IPOIB_CM_QP_BUFS	32
/* Packets that are too large and of which their senders are to be told. */
#define IPOIB_CM_TOO_BIG	64

/**
 * struct ipoib_conn - what connections of either direction have in common
 * @ipd: whose
 * @entry: on a list of ipd->cm; interface's lock
 * @lock: orders changes of @id, @qp and the QP's state
 * @closing: it is being taken down; @lock
 * @id: of the CM, NULL before there is one
 * @qp: sends or receives
 * @uc: unreliable
 * @gid: of the peer
 * @qpn: UD QPN of the peer
 * @created: jiffies
 * @used: when a packet last went, jiffies, to a second
 * @packets: that went
 * @bytes: in them
 */
struct ipoib_conn {
	struct ipoib_dev *ipd;
	struct list_head entry;
	struct mutex lock;
	bool closing;
	struct ib_cm_id *id;
	struct ib_qp *qp;
	bool uc;
	u8 gid[IPOIB_GID_LEN];
	u32 qpn;
	unsigned long created;
	unsigned long used;
	u64 packets;
	u64 bytes;
};

/**
 * struct ipoib_cm_req - a packet in the ring of a connection
 * @cqe: how its completion finds it
 * @skb: the packet; it keeps its owner until the HCA is done with it
 * @mapped: how many of @sge
 * @sge: the packet's parts, the linear one first if there is one
 */
struct ipoib_cm_req {
	struct ib_cqe cqe;
	struct sk_buff *skb;
	unsigned int mapped;
	struct ib_sge sge[MAX_SKB_FRAGS + 1];
};

/**
 * struct ipoib_tx_conn - a connection that we send on
 * @c: as all have
 * @refs: of the interface, and of who is asking for it
 * @state: enum ipoib_conn_state; interface's lock
 * @neigh: whose; NULL if it has none any more. Interface's lock
 * @start: on the list of those to be asked for; interface's lock
 * @rec: the path
 * @cq: of the QP
 * @tx_lock: protects all below; softirq, inside of the interface's lock
 * @up: packets are taken
 * @mtu: the largest message that the peer takes
 * @ring: positions in @req
 * @req: requests
 * @backlog: packets for which there is no room in the ring
 */
struct ipoib_tx_conn {
	struct ipoib_conn c;
	refcount_t refs;
	u8 state;
	struct ipoib_neigh *neigh;
	struct list_head start;
	struct sa_path_rec rec;
	struct ib_cq *cq;
	spinlock_t tx_lock;
	bool up;
	u32 mtu;
	struct ipoib_ring ring;
	struct ipoib_cm_req *req;
	struct sk_buff_head backlog;
};

/**
 * struct ipoib_cm_buf - a receive buffer of whole pages
 * @wr: gives it to the HCA
 * @sge: where the HCA writes
 * @page: the same, of which each NULL has no @sge
 */
struct ipoib_cm_buf {
	struct ib_recv_wr wr;
	struct ib_sge sge[IPOIB_CM_PAGES];
	struct page *page[IPOIB_CM_PAGES];
};

/**
 * struct ipoib_cm_rxq - connections that share a CQ, and an SRQ if there is one
 * @ipd: whose
 * @cq: completions of all of them
 * @srq: where their messages go; NULL if each has buffers of its own
 * @napi: polls @cq; the interface's, on while this is there
 * @buf: of @srq
 * @count: of @buf
 * @filled: how many of them have been posted once; @grow_work
 * @grow_work: fills more
 * @grow_after: there was no memory; not before this, in jiffies
 * @give: buffers to be given back to @srq; NAPI
 * @give_end: where the next one goes; NAPI
 * @num_give: how many, or more; NAPI
 * @passes: how often @cq was found empty
 * @conns: that use it; ipd->cm.rx_lock
 * @own: of these, who have receive buffers of their own; likewise
 * @wc: completions; NAPI
 */
struct ipoib_cm_rxq {
	struct ipoib_dev *ipd;
	struct ib_cq *cq;
	struct ib_srq *srq;
	struct napi_struct *napi;
	struct ipoib_cm_buf *buf;
	u32 count;
	u32 filled;
	struct work_struct grow_work;
	unsigned long grow_after;
	struct ib_recv_wr *give;
	struct ib_recv_wr **give_end;
	u32 num_give;
	unsigned int passes;
	unsigned int conns;
	unsigned int own;
	struct ib_wc wc[IPOIB_RX_POLL];
};

/**
 * struct ipoib_rx_conn - a connection that we receive on
 * @c: as all have
 * @rxq: where its messages come
 * @buf: without SRQ: its buffers
 * @count: of @buf
 * @psn: the first that the peer sends
 * @posted: how many of them the HCA has; NAPI
 * @failed: its QP takes no more; the reaper is told
 * @last_wqe: with SRQ: the HCA says that nothing more comes
 * @dead: to be taken down; interface's lock
 * @rcu: freed after a grace period
 */
struct ipoib_rx_conn {
	struct ipoib_conn c;
	struct ipoib_cm_rxq *rxq;
	struct ipoib_cm_buf *buf;
	u32 count;
	u32 psn;
	u32 posted;
	bool failed;
	bool last_wqe;
	bool dead;
	struct rcu_head rcu;
};

/**
 * struct ipoib_cm_napi - what polls a queue, if there is one
 * @napi: added and deleted with the interface: the list of them is under RTNL,
 *	which who makes and ends connections must not take
 * @rxq: the queue; written while @napi is off
 */
struct ipoib_cm_napi {
	struct napi_struct napi;
	struct ipoib_cm_rxq *rxq;
};

/**
 * struct ipoib_cm - connected mode of an interface
 * @napi: for up to so many queues; disabled while there are none
 * @able: the HCA can do it; does not change while the interface is there
 * @connected: the mode; RTNL, read by the data path
 * @uc: unreliable connections are wanted; RTNL
 * @srq: connections share receive buffers; never changes
 * @pages: of a receive buffer; never changes
 * @mtu_max: that goes with it; never changes
 * @listen: for the usual Service-ID and for the RFC's; ctl
 * @open: connections are taken; interface's lock
 * @send: struct ipoib_tx_conn; interface's lock
 * @recv: struct ipoib_rx_conn; interface's lock
 * @num_send: of @send and those being taken down; interface's lock
 * @num_recv: likewise
 * @num_own: of these, who have receive buffers of their own; interface's lock
 * @start: those to be asked for; interface's lock
 * @start_work: asks for them, with ctl
 * @dead_send: to be taken down; interface's lock
 * @dead_recv: likewise
 * @reap_work: takes them down, in a workqueue of its own
 * @rx_lock: protects @rxq and @num_rxqs; sleeps
 * @rxq: made for the first connection, gone with the last
 * @num_rxqs: how many
 * @too_big: packets whose senders are to be told
 * @too_big_work: tells them
 */
struct ipoib_cm {
	struct ipoib_cm_napi napi[IPOIB_CM_RXQS];
	bool able;
	bool connected;
	bool uc;
	bool srq;
	unsigned int pages;
	unsigned int mtu_max;
	struct ib_cm_id *listen[2];
	bool open;
	struct list_head send;
	struct list_head recv;
	unsigned int num_send;
	unsigned int num_recv;
	unsigned int num_own;
	struct list_head start;
	struct work_struct start_work;
	struct list_head dead_send;
	struct list_head dead_recv;
	struct work_struct reap_work;
	struct mutex rx_lock;
	struct ipoib_cm_rxq *rxq;
	unsigned int num_rxqs;
	struct sk_buff_head too_big;
	struct work_struct too_big_work;
};

extern struct workqueue_struct *ipoib_cm_reaper;
extern int ipoib_max_nonsrq_conn_qp;

/* cm.c */
void ipoib_cm_alloc(struct ipoib_dev *ipd);
void ipoib_cm_init(struct ipoib_dev *ipd);
void ipoib_cm_exit(struct ipoib_dev *ipd);
void ipoib_cm_start(struct ipoib_dev *ipd);
void ipoib_cm_stop(struct ipoib_dev *ipd);
void ipoib_cm_close_all(struct ipoib_dev *ipd);
void ipoib_cm_age(struct ipoib_dev *ipd);
void ipoib_cm_introduce(const struct ipoib_dev *ipd, u8 *data);
u8 ipoib_cm_caps(const struct ipoib_dev *ipd);
void ipoib_cm_set_uc(struct ipoib_dev *ipd, bool uc);
void ipoib_cm_stats(struct ipoib_dev *ipd, struct rtnl_link_stats64 *stats);
void ipoib_conn_init(struct ipoib_conn *c, struct ipoib_dev *ipd,
		     const u8 *gid, u32 qpn, bool uc);
void ipoib_conn_count(struct ipoib_conn *c, unsigned int bytes);

/* cm_tx.c */
void ipoib_cm_want(struct ipoib_dev *ipd, struct ipoib_neigh *neigh, u8 peer);
bool ipoib_cm_wait(struct ipoib_dev *ipd, struct ipoib_neigh *neigh,
		   struct sk_buff *skb);
void ipoib_cm_close_locked(struct ipoib_dev *ipd, struct ipoib_neigh *neigh);
void ipoib_cm_path_changed_locked(struct ipoib_dev *ipd,
				  struct ipoib_path *path,
				  struct sa_path_rec *rec);
void ipoib_tx_conn_event(struct ipoib_tx_conn *conn, unsigned int event);
void ipoib_tx_conn_step_locked(struct ipoib_tx_conn *conn, unsigned int event,
			       struct sk_buff_head *waited);
void ipoib_tx_conn_report(struct ipoib_tx_conn *conn, const struct ib_wc *wc,
			  unsigned int slot);
void ipoib_tx_conn_put(struct ipoib_tx_conn *conn);
void ipoib_cm_start_work(struct work_struct *work);

/* cm_post.c */
int ipoib_cm_post_init(struct ipoib_tx_conn *conn);
void ipoib_cm_post_exit(struct ipoib_tx_conn *conn);
bool ipoib_cm_xmit(struct ipoib_txq *q, struct ipoib_neigh *neigh,
		   struct sk_buff *skb, u8 peer);
bool ipoib_cm_post_done(struct ipoib_tx_conn *conn);

/* cm_rx.c */
int ipoib_cm_listener(struct ib_cm_id *id, const struct ib_cm_event *event);
void ipoib_rx_conn_lost_locked(struct ipoib_rx_conn *conn);
void ipoib_rx_conn_lost(struct ipoib_rx_conn *conn);
bool ipoib_rx_conn_drained(struct ipoib_rx_conn *conn);
void ipoib_rx_conn_free(struct ipoib_rx_conn *conn);

/* cm_rxq.c */
void ipoib_cm_napis_add(struct ipoib_dev *ipd);
void ipoib_cm_napis_del(struct ipoib_dev *ipd);
struct ipoib_cm_rxq *ipoib_cm_rxq_get(struct ipoib_dev *ipd, bool own);
void ipoib_cm_rxqs_pause(struct ipoib_dev *ipd);
void ipoib_cm_rxqs_resume(struct ipoib_dev *ipd);
void ipoib_cm_rxq_put(struct ipoib_cm_rxq *rxq, bool own);
void ipoib_cm_rxq_grow(struct ipoib_cm_rxq *rxq, u32 taken);

/* cm_recv.c */
bool ipoib_cm_buf_fill(struct ipoib_dev *ipd, struct ipoib_cm_buf *buf,
		       u32 index);
struct ipoib_cm_buf *ipoib_cm_bufs_alloc(struct ipoib_dev *ipd, u32 count);
void ipoib_cm_bufs_free(struct ipoib_dev *ipd, struct ipoib_cm_buf *buf,
			u32 count);
int ipoib_cm_post_recv(struct ipoib_rx_conn *conn, u32 index);
int ipoib_cm_poll(struct napi_struct *napi, int budget);

/* cm_mtu.c */
void ipoib_cm_too_big(struct ipoib_dev *ipd, struct sk_buff *skb,
		      unsigned int mtu);
void ipoib_cm_too_big_work(struct work_struct *work);

#endif
