/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A consumer of kernel verbs that does what a test tells it: makes endpoints
 * (a QP with its CQs and buffers), connects them, posts, and reports what
 * completed. Tests talk to it through a file in debugfs; see command.c.
 */
#ifndef TESTS_ULP_VERBTEST_H
#define TESTS_ULP_VERBTEST_H

#include <linux/seq_buf.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#define VT_ENDPOINTS	64
#define VT_DONE_MAX	1024
/* In front of the pattern of a message. */
#define VT_HEAD		8
#define VT_PERIOD	251

/* A work request and its buffer. */
struct vt_wr {
	struct ib_cqe cqe;
	struct vt_ep *ep;
	void *buf;
	u64 dma;
	bool busy;
};

/* A completion, for whoever asks. */
struct vt_done {
	bool recv;
	u8 status;
	bool imm;
	bool good;
	u32 imm_data;
	u32 len;
	u32 seq;
};

/* Counts of a stream. */
struct vt_stream {
	bool on;
	bool imm;
	bool lossy;
	u32 count;
	u32 min;
	u32 max;
	u32 sent;
	u32 received;
	u32 lost;
	u32 wrong;
	u32 behind;
	u32 next;
	u64 octets;
	u8 send_status;
	u8 recv_status;
};

struct vt_ep {
	struct ib_device *dev;
	struct ib_pd *pd;
	struct ib_cq *send_cq;
	struct ib_cq *recv_cq;
	struct ib_srq *srq;
	struct ib_qp *qp;
	struct rdma_cm_id *id;
	enum ib_qp_type type;
	u8 port;
	u32 depth;
	u32 size;
	u32 sges;
	u32 next_seq;
	struct vt_wr *tx;
	struct vt_wr *rx;
	/* Protects all that follows; taken in any context. */
	spinlock_t lock;
	wait_queue_head_t wait;
	struct vt_done done[VT_DONE_MAX];
	u32 head;
	u32 tail;
	unsigned long events;
	u32 last_wqe;
	u32 srq_limit;
	struct vt_stream stream;
};

/* The options of a command: "name=value ...". */
u32 vt_opt(const char *args, const char *name, u32 otherwise);
bool vt_opt_text(const char *args, const char *name, char *to, size_t len);

/* endpoint.c */
int vt_ep_open(struct vt_ep **pep, struct ib_device *dev, const char *args);
void vt_ep_close(struct vt_ep *ep);
int vt_ep_qp(struct vt_ep *ep, struct rdma_cm_id *id, const char *args);
int vt_ep_connect(struct vt_ep *a, struct vt_ep *b, const char *args);
int vt_ep_state(struct vt_ep *ep, const char *args);
int vt_ep_recv(struct vt_ep *ep, struct vt_wr *wr);
int vt_ep_send(struct vt_ep *ep, u32 len, bool imm, const char *args);
struct vt_wr *vt_free_wr(struct vt_wr *wrs, u32 n);
u32 vt_ep_port_lid(struct vt_ep *ep);

/* stream.c */
void vt_stream_init(void);
void vt_fill(void *buf, u32 seq, u32 len);
bool vt_good(const void *buf, u32 len, u32 *seq);
void vt_stream_sent(struct vt_ep *ep, const struct ib_wc *wc);
void vt_stream_received(struct vt_ep *ep, const struct ib_wc *wc,
			struct vt_wr *wr);
int vt_stream(struct vt_ep *a, struct vt_ep *b, const char *args,
	      struct seq_buf *out);

/* cm.c */
int vt_cm(struct vt_ep **pa, struct vt_ep **pb, const char *args);
void vt_cm_close(struct vt_ep *ep);

#endif
