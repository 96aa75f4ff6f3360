// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Paths and the SA. A packet that needs a path says so under the interface's
 * lock; the work asks, so many queries at a time; the SA client calls back from
 * a workqueue of its own and leaves the answer to the work, which makes the
 * address handle and lets the packets go.
 *
 * A query may outlive its path: then it belongs to nobody and its answer is
 * thrown away. ipoib_path_exit() waits for the last; a cancelled one comes back
 * at once.
 *
 * The work, and whoever drops paths, hold ctl.
 */
#include <linux/random.h>
#include <linux/slab.h>

#include "compat/ib.h"
#include "ipoib/core/path_fsm.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/main.h"
#include "ipoib/path.h"
#include "ipoib/trace.h"

/* How long the SA may take, milliseconds, and how often it is asked. */
#define QUERY_TIMEOUT	1000
#define QUERY_TRIES	3
/* After a failure: 1, 2, 4, 8, 8 seconds. */
#define BACKOFF_MAX	3
/* Spread what all nodes ask when an SM has come back, milliseconds. */
#define DOUBT_SPREAD	500
/* A peer's word is not taken more often than this; about a failure, sooner. */
#define ANNOUNCE_LIMIT	(10 * HZ)
#define ANNOUNCE_FAILED	HZ
/* What works goes on in spite of so many refusals. */
#define REFUSALS_BORNE	2

/**
 * struct ipoib_query - a question to the SA
 * @ipd: who asks
 * @path: what about; NULL if nobody wants to know any more. Interface's lock
 * @id: for ib_sa_cancel_query()
 * @sa: likewise
 * @done: the SA client has called back; interface's lock
 * @status: 0 or a negative error
 * @rec: the answer
 * @entry: on ipd->paths.answers
 */
struct ipoib_query {
	struct ipoib_dev *ipd;
	struct ipoib_path *path;
	int id;
	struct ib_sa_query *sa;
	bool done;
	int status;
	struct sa_path_rec rec;
	struct list_head entry;
};

static struct ipoib_path *find_locked(struct ipoib_dev *ipd, const u8 *gid)
{
	struct rb_node *n = ipd->paths.tree.rb_node;

	lockdep_assert_held(&ipd->lock);
	while (n) {
		struct ipoib_path *path = rb_entry(n, struct ipoib_path, node);
		int cmp = memcmp(gid, path->gid, IPOIB_GID_LEN);

		if (!cmp)
			return path;
		n = cmp < 0 ? n->rb_left : n->rb_right;
	}
	return NULL;
}

static void insert_locked(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	struct rb_node **n = &ipd->paths.tree.rb_node, *parent = NULL;

	lockdep_assert_held(&ipd->lock);
	while (*n) {
		parent = *n;
		n = memcmp(path->gid, rb_entry(parent, struct ipoib_path,
					       node)->gid, IPOIB_GID_LEN) < 0 ?
		    &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&path->node, parent, n);
	rb_insert_color(&path->node, &ipd->paths.tree);
	ipd->paths.count++;
}

/**
 * ipoib_path_get_locked() - find a path, or begin one
 * @ipd: the interface; its lock is held
 * @gid: 16 octets
 *
 * Context: Softirq.
 * Return: the path; NULL without memory or above the limit, counted.
 */
struct ipoib_path *ipoib_path_get_locked(struct ipoib_dev *ipd, const u8 *gid)
{
	struct ipoib_path *path = find_locked(ipd, gid);

	if (path)
		return path;
	if (ipd->paths.count >= IPOIB_PATHS_MAX) {
		ipoib_count(ipd, TX_PATH_LIMIT);
		return NULL;
	}
	path = kzalloc(sizeof(*path), GFP_ATOMIC);
	if (!path) {
		ipoib_count(ipd, TX_NO_MEMORY);
		return NULL;
	}
	memcpy(path->gid, gid, IPOIB_GID_LEN);
	path->state = IPOIB_PATH_NONE;
	path->retry_at = jiffies;
	path->announced = jiffies - ANNOUNCE_LIMIT;
	path->used = jiffies;
	INIT_LIST_HEAD(&path->entry);
	INIT_LIST_HEAD(&path->neighs);
	insert_locked(ipd, path);
	return path;
}

static u8 step_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
		      enum ipoib_path_event event)
{
	struct ipoib_path_step step = ipoib_path_next(path->state, event);

	lockdep_assert_held(&ipd->lock);
	if (step.next != path->state)
		ipoib_dbg(ipd, "path %pI6: %s, %s -> %s\n", path->gid,
			  ipoib_path_event_name(event),
			  ipoib_path_state_name(path->state),
			  ipoib_path_state_name(step.next));
	path->state = step.next;
	if (step.actions & IPOIB_PATH_ASK && list_empty(&path->entry)) {
		list_add_tail(&path->entry, &ipd->paths.ask);
		queue_work(ipd->wq, &ipd->paths.work);
	}
	return step.actions;
}

/**
 * ipoib_path_use_locked() - a packet wants to go
 * @ipd: the interface; its lock is held
 * @path: where
 *
 * Context: Softirq.
 * Return: false if it must be dropped: there is no path, and it is too early
 * to ask again.
 */
bool ipoib_path_use_locked(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	bool early = time_before(jiffies, path->retry_at);
	u8 actions = step_locked(ipd, path, early ? IPOIB_PATH_USE :
						    IPOIB_PATH_RETRY);

	return !(actions & IPOIB_PATH_PURGE);
}

static void doubt_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			 unsigned int spread_ms)
{
	trace_ipoib_path_doubt(ipd, path->gid);
	step_locked(ipd, path, IPOIB_PATH_DOUBT);
	path->retry_at = jiffies;
	if (spread_ms)
		path->retry_at +=
			msecs_to_jiffies(get_random_u32_below(spread_ms));
	path->failures = 0;
	if (path->ah)
		WRITE_ONCE(path->ah->doubtful, true);
	ipoib_count(ipd, PATH_DOUBTS);
}

/*
 * A peer says once where he is, so his word is not forgotten when it comes too
 * soon after the last one: the SA is asked when the time has come.
 */
static void contradict_locked(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	unsigned long wait = path->announced + ANNOUNCE_LIMIT - jiffies;

	doubt_locked(ipd, path, 0);
	if (wait <= ANNOUNCE_LIMIT)
		path->retry_at += wait;
	path->announced = path->retry_at;
}

/* For good, or for the moment. */
static bool has_failed(const struct ipoib_path *path)
{
	return path->state == IPOIB_PATH_FAILED ||
	       (path->state == IPOIB_PATH_STALE && path->failures);
}

/**
 * ipoib_path_announced() - a peer has told us his GID
 * @ipd: the interface
 * @gid: 16 octets
 * @slid: where his packet came from
 *
 * If that is not where we send to, the SA is asked again: his LID has changed,
 * and nothing else says so.
 *
 * Context: Softirq.
 */
void ipoib_path_announced(struct ipoib_dev *ipd, const u8 *gid, u32 slid)
{
	struct ipoib_path *path;

	spin_lock(&ipd->lock);
	path = find_locked(ipd, gid);
	if (path && has_failed(path) &&
	    time_after(jiffies, path->failed_at + ANNOUNCE_FAILED))
		doubt_locked(ipd, path, 0);
	else if (path && path->state == IPOIB_PATH_READY &&
		 be32_to_cpu(sa_path_get_dlid(&path->rec)) != slid)
		contradict_locked(ipd, path);
	spin_unlock(&ipd->lock);
}

/**
 * ipoib_path_doubt_all() - what the SA said may be outdated
 * @ipd: the interface
 *
 * Paths are used on, and asked for again with their next packets.
 *
 * Context: Process.
 */
void ipoib_path_doubt_all(struct ipoib_dev *ipd)
{
	struct rb_node *n;

	spin_lock_bh(&ipd->lock);
	for (n = rb_first(&ipd->paths.tree); n; n = rb_next(n))
		doubt_locked(ipd, rb_entry(n, struct ipoib_path, node),
			     DOUBT_SPREAD);
	spin_unlock_bh(&ipd->lock);
}

static void query_done(int status, struct sa_path_rec *rec,
		       compat_num_prs num, void *context)
{
	struct ipoib_query *query = context;
	struct ipoib_dev *ipd = query->ipd;

	query->status = status;
	if (!status)
		query->rec = *rec;
	spin_lock_bh(&ipd->lock);
	query->done = true;
	list_add_tail(&query->entry, &ipd->paths.answers);
	/* Under the lock: once the work has seen it, @ipd may go. */
	queue_work(ipd->wq, &ipd->paths.work);
	spin_unlock_bh(&ipd->lock);
}

static ib_sa_comp_mask build_rec(struct ipoib_dev *ipd, const u8 *gid,
				 struct sa_path_rec *rec)
{
	const struct ipoib_mcast *broadcast = ipd->mcast.broadcast;

	memset(rec, 0, sizeof(*rec));
	rec->rec_type = rdma_cap_opa_ah(ipd->ib, ipd->port) ?
			SA_PATH_REC_TYPE_OPA : SA_PATH_REC_TYPE_IB;
	memcpy(rec->dgid.raw, gid, IPOIB_GID_LEN);
	rec->sgid = ipd->gid;
	rec->numb_path = 1;
	rec->pkey = cpu_to_be16(ipd->pkey);
	rec->traffic_class = broadcast ? broadcast->rec.traffic_class : 0;
	return IB_SA_PATH_REC_DGID | IB_SA_PATH_REC_SGID |
	       IB_SA_PATH_REC_NUMB_PATH | IB_SA_PATH_REC_TRAFFIC_CLASS |
	       IB_SA_PATH_REC_PKEY;
}

static struct ipoib_path *next_to_ask(struct ipoib_dev *ipd)
{
	struct ipoib_path *path;

	spin_lock_bh(&ipd->lock);
	path = list_first_entry_or_null(&ipd->paths.ask, struct ipoib_path,
					entry);
	if (path)
		list_del_init(&path->entry);
	spin_unlock_bh(&ipd->lock);
	return path;
}

static void backoff_locked(struct ipoib_path *path)
{
	unsigned long delay = HZ << min_t(u8, path->failures, BACKOFF_MAX);

	if (path->failures < BACKOFF_MAX)
		path->failures++;
	path->failed_at = jiffies;
	path->retry_at = jiffies + delay + get_random_u32_below(delay / 8);
}

static void purge_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			 struct sk_buff_head *dropped)
{
	struct ipoib_neigh *neigh;

	lockdep_assert_held(&ipd->lock);
	list_for_each_entry(neigh, &path->neighs, entry)
		ipoib_neigh_unqueue_locked(ipd, &neigh->queue, dropped);
}

/* As if the SA were silent. */
static void no_memory_to_ask(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	struct sk_buff_head dropped;

	__skb_queue_head_init(&dropped);
	spin_lock_bh(&ipd->lock);
	backoff_locked(path);
	if (step_locked(ipd, path, IPOIB_PATH_SILENT) & IPOIB_PATH_PURGE)
		purge_locked(ipd, path, &dropped);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_NO_MEMORY);
}

/* Context: the work, with ctl: nobody frees @path. */
static void ask(struct ipoib_dev *ipd, struct ipoib_path *path)
{
	struct ipoib_query *query = kzalloc(sizeof(*query), GFP_KERNEL);
	ib_sa_comp_mask mask;
	int id;

	if (!query) {
		no_memory_to_ask(ipd, path);
		return;
	}
	mask = build_rec(ipd, path->gid, &query->rec);
	query->ipd = ipd;
	query->path = path;
	path->query = query;
	atomic_inc(&ipd->paths.in_flight);
	ipoib_count(ipd, PATH_QUERIES);
	trace_ipoib_path_lookup(ipd, path->gid);
	id = ib_sa_path_rec_get(&ipoib_sa_client, ipd->ib, ipd->port,
				&query->rec, mask, QUERY_TIMEOUT, GFP_KERNEL,
				query_done, query, &query->sa);
	if (id < 0)
		query_done(id, NULL, 0, query);
	else
		query->id = id;
}

/* A good answer has a destination that packets can be sent to. */
static bool rec_ok(const struct sa_path_rec *rec)
{
	u32 dlid = be32_to_cpu(sa_path_get_dlid((struct sa_path_rec *)rec));

	if (sa_path_is_opa((struct sa_path_rec *)rec))
		return dlid;
	return dlid && dlid < be16_to_cpu(IB_MULTICAST_LID_BASE);
}

static struct ipoib_ah *make_ah(struct ipoib_dev *ipd,
				struct ipoib_query *query)
{
	struct rdma_ah_attr attr;
	int err;

	if (query->status)
		return ERR_PTR(query->status);
	if (!rec_ok(&query->rec))
		return ERR_PTR(-EINVAL);
	err = ib_init_ah_attr_from_path(ipd->ib, ipd->port, &query->rec, &attr,
					NULL);
	return err ? ERR_PTR(err) : ipoib_ah_create(ipd, &attr);
}

static enum ipoib_path_event event_of(const struct ipoib_ah *ah)
{
	if (!IS_ERR(ah))
		return IPOIB_PATH_ANSWER;
	/* What ib_sa makes of an SA's own error status. */
	return PTR_ERR(ah) == -EINVAL ? IPOIB_PATH_REFUSED :
					IPOIB_PATH_SILENT;
}

static void install_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			   struct ipoib_ah *ah, struct sk_buff_head *ready)
{
	struct ipoib_neigh *neigh;
	struct ipoib_ah *old = path->ah;

	lockdep_assert_held(&ipd->lock);
	path->ah = ah;
	list_for_each_entry(neigh, &path->neighs, entry) {
		ipoib_neigh_install(neigh, ah);
		if (ah)
			ipoib_neigh_unqueue_locked(ipd, &neigh->queue, ready);
	}
	ipoib_ah_put(old);
}

/* The SA may have been busy: a question is asked again before it has failed. */
static bool ask_again_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			     enum ipoib_path_event event)
{
	if (event != IPOIB_PATH_SILENT || ++path->tries >= QUERY_TRIES)
		return false;
	list_add_tail(&path->entry, &ipd->paths.ask);
	return true;
}

/*
 * An SM that has just begun, or been told of other partitions, refuses what it
 * grants a moment later.
 */
static bool is_borne(const struct ipoib_path *path, enum ipoib_path_event event)
{
	return event == IPOIB_PATH_REFUSED &&
	       path->state == IPOIB_PATH_REFRESHING &&
	       path->failures < REFUSALS_BORNE;
}

static void answered_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			    struct ipoib_query *query, struct ipoib_ah *ah,
			    struct sk_buff_head *ready,
			    struct sk_buff_head *dropped)
{
	enum ipoib_path_event event = event_of(ah);
	u8 actions;

	path->query = NULL;
	if (ask_again_locked(ipd, path, event))
		return;
	path->tries = 0;
	if (is_borne(path, event))
		event = IPOIB_PATH_SILENT;
	if (event == IPOIB_PATH_ANSWER) {
		path->failures = 0;
		path->retry_at = jiffies;
	} else {
		backoff_locked(path);
		ipoib_count(ipd, PATH_FAILURES);
	}
	actions = step_locked(ipd, path, event);
	if (actions & IPOIB_PATH_UNINSTALL)
		install_locked(ipd, path, NULL, ready);
	if (actions & IPOIB_PATH_INSTALL) {
		ipoib_cm_path_changed_locked(ipd, path, &query->rec);
		path->rec = query->rec;
		install_locked(ipd, path, ah, ready);
	} else if (!IS_ERR(ah)) {
		ipoib_ah_put(ah);
	}
	if (actions & IPOIB_PATH_PURGE)
		purge_locked(ipd, path, dropped);
}

/* Context: the work, with ctl. */
static void take_answer(struct ipoib_dev *ipd, struct ipoib_query *query)
{
	struct sk_buff_head ready, dropped;
	struct ipoib_ah *ah;

	__skb_queue_head_init(&ready);
	__skb_queue_head_init(&dropped);
	if (query->path) {
		ah = make_ah(ipd, query);
		trace_ipoib_path_answer(ipd, query->path->gid,
					PTR_ERR_OR_ZERO(ah), &query->rec);
		spin_lock_bh(&ipd->lock);
		answered_locked(ipd, query->path, query, ah, &ready, &dropped);
		spin_unlock_bh(&ipd->lock);
	}
	ipoib_neigh_send_queued(&ready);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_PATH_FAILED);
	kfree(query);
	if (atomic_dec_and_test(&ipd->paths.in_flight))
		wake_up(&ipd->paths.none_in_flight);
}

static struct ipoib_query *next_answer(struct ipoib_dev *ipd)
{
	struct ipoib_query *query;

	spin_lock_bh(&ipd->lock);
	query = list_first_entry_or_null(&ipd->paths.answers,
					 struct ipoib_query, entry);
	if (query)
		list_del(&query->entry);
	spin_unlock_bh(&ipd->lock);
	return query;
}

static void path_work(struct work_struct *work)
{
	struct ipoib_dev *ipd = container_of(work, struct ipoib_dev,
					     paths.work);
	struct ipoib_query *query;
	struct ipoib_path *path;

	mutex_lock(&ipd->ctl);
	if (READ_ONCE(ipd->paths.pressed))
		ipoib_path_evict(ipd);
	while ((query = next_answer(ipd)))
		take_answer(ipd, query);
	while (atomic_read(&ipd->paths.in_flight) < IPOIB_QUERIES_MAX &&
	       (path = next_to_ask(ipd)))
		ask(ipd, path);
	mutex_unlock(&ipd->ctl);
}

/**
 * ipoib_path_free_locked() - forget a path and its destinations
 * @ipd: the interface; ctl and its lock are held
 * @path: the path; its query, if there is one, comes back to nobody
 * @dropped: gets the packets that waited; drop them without the lock
 */
void ipoib_path_free_locked(struct ipoib_dev *ipd, struct ipoib_path *path,
			    struct sk_buff_head *dropped)
{
	struct ipoib_neigh *neigh, *next;

	lockdep_assert_held(&ipd->ctl);
	lockdep_assert_held(&ipd->lock);
	trace_ipoib_path_expire(ipd, path->gid);
	step_locked(ipd, path, IPOIB_PATH_DROP);
	list_for_each_entry_safe(neigh, next, &path->neighs, entry)
		ipoib_neigh_free_locked(ipd, neigh, dropped);
	if (path->query) {
		path->query->path = NULL;
		/* Once it is done, its id and address may be another's. */
		if (!path->query->done)
			ib_sa_cancel_query(path->query->id, path->query->sa);
	}
	list_del(&path->entry);
	rb_erase(&path->node, &ipd->paths.tree);
	ipd->paths.count--;
	ipoib_ah_put(path->ah);
	kfree(path);
}

/**
 * ipoib_path_drop_all() - forget all paths and their destinations
 * @ipd: the interface; ctl is held
 *
 * Context: Process.
 */
void ipoib_path_drop_all(struct ipoib_dev *ipd)
{
	struct sk_buff_head dropped;
	struct rb_node *n;

	__skb_queue_head_init(&dropped);
	spin_lock_bh(&ipd->lock);
	while ((n = rb_first(&ipd->paths.tree)))
		ipoib_path_free_locked(ipd, rb_entry(n, struct ipoib_path,
						     node), &dropped);
	spin_unlock_bh(&ipd->lock);
	ipoib_neigh_drop(ipd, &dropped, IPOIB_CNT_TX_FLUSHED);
}

/**
 * ipoib_path_init() - no paths yet
 * @ipd: the interface
 */
void ipoib_path_init(struct ipoib_dev *ipd)
{
	ipd->paths.tree = RB_ROOT;
	INIT_LIST_HEAD(&ipd->paths.ask);
	INIT_LIST_HEAD(&ipd->paths.answers);
	ipd->paths.evicted = jiffies;
	INIT_WORK(&ipd->paths.work, path_work);
	init_waitqueue_head(&ipd->paths.none_in_flight);
}

/**
 * ipoib_path_exit() - wait until no query is under way
 * @ipd: the interface, all its paths dropped
 *
 * They were cancelled, so it does not take long.
 *
 * Context: Process, without ctl and not in the workqueue.
 */
void ipoib_path_exit(struct ipoib_dev *ipd)
{
	wait_event(ipd->paths.none_in_flight,
		   !atomic_read(&ipd->paths.in_flight));
	cancel_work_sync(&ipd->paths.work);
}
