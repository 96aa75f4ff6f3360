// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Membership: asking the SA, attaching the receive QP, making the handle, and
 * undoing all of it. RFC 4391 sections 5 and 10. Everything goes through
 * ib_core's table of groups, for RDMA CM looks there.
 *
 * Process context with ctl, but for the SA client's callback: that runs in a
 * workqueue of ib_core and only notes down what it was told. Ending a
 * membership waits for a callback that is running, and for nothing else; so
 * the callback takes no lock but the interface's spinlock.
 */
#include <linux/random.h>

#include "ipoib/core/mcast_fsm.h"
#include "ipoib/core/pace.h"
#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/leave.h"
#include "ipoib/link.h"
#include "ipoib/main.h"
#include "ipoib/mcast.h"
#include "ipoib/sa.h"
#include "ipoib/trace.h"

/* Failed joins of a group that are logged. */
#define COMPLAINTS_MAX	20
/* Attempts to join a group before the packets that wait for it are dropped. */
#define JOIN_TRIES	2
/* Spread what all nodes do when an SM has forgotten them, milliseconds. */
#define SPREAD_BROADCAST	50
#define SPREAD_OTHERS		300

/* And when an event has it begin again, soon after the last: 250 ms to 4 s. */
static const struct ipoib_pace_rule rejoin_rule = {
	.first = 250,
	.max = 4000,
};

#define JOIN_MASK	(IB_SA_MCMEMBER_REC_MGID |			\
			 IB_SA_MCMEMBER_REC_PORT_GID |			\
			 IB_SA_MCMEMBER_REC_PKEY |			\
			 IB_SA_MCMEMBER_REC_JOIN_STATE)

/* With these an SA may make the group if there is none. */
#define CREATE_MASK	(JOIN_MASK |					\
			 IB_SA_MCMEMBER_REC_QKEY |			\
			 IB_SA_MCMEMBER_REC_MTU_SELECTOR |		\
			 IB_SA_MCMEMBER_REC_MTU |			\
			 IB_SA_MCMEMBER_REC_TRAFFIC_CLASS |		\
			 IB_SA_MCMEMBER_REC_RATE_SELECTOR |		\
			 IB_SA_MCMEMBER_REC_RATE |			\
			 IB_SA_MCMEMBER_REC_SL |			\
			 IB_SA_MCMEMBER_REC_FLOW_LABEL |		\
			 IB_SA_MCMEMBER_REC_HOP_LIMIT)

/* JoinState of an MCMemberRecord. */
#define JOIN_FULL		1
#define JOIN_SENDONLY		4
#define JOIN_SENDONLY_FULL	8

static void note_down(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
		      int status, const struct ib_sa_multicast *sa)
{
	spin_lock_bh(&ipd->lock);
	if (status == -ENETRESET) {
		mcast->reset = true;
	} else {
		mcast->answered = true;
		mcast->status = status;
		if (!status)
			mcast->answer = sa->rec;
	}
	if (list_empty(&mcast->entry))
		list_add_tail(&mcast->entry, &ipd->mcast.answers);
	ipoib_mcast_kick(ipd);
	spin_unlock_bh(&ipd->lock);
}

static int join_done(int status, struct ib_sa_multicast *sa)
{
	struct ipoib_member *member = sa->context;

	spin_lock_bh(&member->lock);
	if (member->mcast)
		note_down(member->ipd, member->mcast, status, sa);
	spin_unlock_bh(&member->lock);
	/* The membership is ours to end, not the SA client's. */
	return 0;
}

static u8 join_state(struct ipoib_dev *ipd, const struct ipoib_mcast *mcast)
{
	if (mcast->full)
		return JOIN_FULL;
	return ipoib_sa_has_sendonly_full(ipd) ? JOIN_SENDONLY_FULL :
						 JOIN_SENDONLY;
}

/*
 * What to ask for. The broadcast group must be there, RFC 4391 section 5: it
 * is never made by us. Other groups are made like it, section 10.
 */
static ib_sa_comp_mask build_rec(struct ipoib_dev *ipd,
				 const struct ipoib_mcast *mcast,
				 struct ib_sa_mcmember_rec *rec)
{
	const struct ipoib_mcast *broadcast = ipd->mcast.broadcast;

	memset(rec, 0, sizeof(*rec));
	memcpy(rec->mgid.raw, mcast->mgid, IPOIB_GID_LEN);
	rec->port_gid = ipd->gid;
	rec->pkey = cpu_to_be16(ipd->pkey);
	rec->join_state = join_state(ipd, mcast);
	if (mcast->broadcast || rec->join_state == JOIN_SENDONLY)
		return JOIN_MASK;
	rec->qkey = broadcast->rec.qkey;
	rec->mtu_selector = IB_SA_EQ;
	rec->mtu = broadcast->rec.mtu;
	rec->traffic_class = broadcast->rec.traffic_class;
	rec->rate_selector = IB_SA_EQ;
	rec->rate = broadcast->rec.rate;
	rec->sl = broadcast->rec.sl;
	rec->flow_label = broadcast->rec.flow_label;
	rec->hop_limit = broadcast->rec.hop_limit;
	return CREATE_MASK;
}

static void answered(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	if (mcast->in_flight)
		ipd->mcast.joining--;
	mcast->in_flight = false;
}

static int ask_to_join(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	struct ib_sa_mcmember_rec rec;
	ib_sa_comp_mask mask = build_rec(ipd, mcast, &rec);
	struct ipoib_member *member = ipoib_member_create(ipd, mcast);
	struct ib_sa_multicast *sa;

	if (!member)
		return -ENOMEM;
	ipoib_dbg_mcast(ipd, "joining %pI6, state %u\n", mcast->mgid,
			rec.join_state);
	trace_ipoib_mcast_join(ipd, mcast->mgid, rec.join_state);
	sa = ib_sa_join_multicast(&ipoib_sa_client, ipd->ib, ipd->port, &rec,
				  mask, GFP_KERNEL, join_done, member);
	if (IS_ERR(sa)) {
		ipoib_member_end(member);
		return PTR_ERR(sa);
	}
	member->sa = sa;
	mcast->member = member;
	return 0;
}

static void join(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	int err;

	mcast->in_flight = true;
	ipd->mcast.joining++;
	ipoib_count(ipd, MCAST_JOINS);
	err = ask_to_join(ipd, mcast);
	if (!err)
		return;
	answered(ipd, mcast);
	trace_ipoib_mcast_joined(ipd, mcast, err);
	ipoib_join_event(ipd, mcast, IPOIB_MCAST_SILENT);
}

/*
 * After this nobody calls back for the group. Only one that we go from is left;
 * in other cases the SA does not know us, or has forgotten us.
 */
static void end_membership(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
			   bool leave)
{
	/* Who has no link any more says so first. */
	if (leave && !mcast->broadcast)
		ipoib_member_leave(mcast->member, ipoib_leaver(ipd));
	else
		ipoib_member_end(mcast->member);
	mcast->member = NULL;
	answered(ipd, mcast);
	spin_lock_bh(&ipd->lock);
	mcast->answered = false;
	mcast->reset = false;
	list_del_init(&mcast->entry);
	spin_unlock_bh(&ipd->lock);
}

static void detach(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	union ib_gid mgid;

	if (!mcast->attached)
		return;
	memcpy(mgid.raw, mcast->mgid, IPOIB_GID_LEN);
	if (ib_detach_mcast(ipd->rx.qp, &mgid, mcast->mlid))
		ipoib_dbg_mcast(ipd, "cannot detach from %pI6\n",
				mcast->mgid);
	mcast->attached = false;
}

/* Only full members receive; RFC 4391 section 10, 4392 section 4.2.1. */
static int attach(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	u16 mlid = be16_to_cpu(mcast->answer.mlid);
	union ib_gid mgid;
	int err;

	if (!mcast->full || (mcast->attached && mcast->mlid == mlid))
		return 0;
	memcpy(mgid.raw, mcast->mgid, IPOIB_GID_LEN);
	err = ib_attach_mcast(ipd->rx.qp, &mgid, mlid);
	if (err) {
		ipoib_warn(ipd, "couldn't attach QP to multicast group %pI6\n",
			   mcast->mgid);
		return err;
	}
	/* The SM may have given the group another MLID. */
	detach(ipd, mcast);
	mcast->attached = true;
	mcast->mlid = mlid;
	return 0;
}

static struct ipoib_ah *make_ah(struct ipoib_dev *ipd,
				struct ib_sa_mcmember_rec *rec)
{
	struct rdma_ah_attr attr;
	int err;

	if (be16_to_cpu(rec->mlid) < be16_to_cpu(IB_MULTICAST_LID_BASE))
		return ERR_PTR(-EINVAL);
	err = ib_init_ah_from_mcmember(ipd->ib, ipd->port, rec, NULL,
				       IB_GID_TYPE_IB, &attr);
	return err ? ERR_PTR(err) : ipoib_ah_create(ipd, &attr);
}

/* What the SA's record asks of us; the answer stands in mcast->answer. */
static struct ipoib_ah *prepare(struct ipoib_dev *ipd,
				struct ipoib_mcast *mcast)
{
	struct ipoib_ah *ah;
	int err = 0;

	if (mcast->broadcast)
		err = ipoib_link_check(ipd, &mcast->answer);
	if (!err)
		err = attach(ipd, mcast);
	if (err)
		return ERR_PTR(err);
	ah = make_ah(ipd, &mcast->answer);
	if (IS_ERR(ah) && mcast->state == IPOIB_MCAST_JOINING)
		detach(ipd, mcast);
	return ah;
}

static void unbind(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	trace_ipoib_mcast_leave(ipd, mcast->mgid);
	if (mcast->broadcast)
		ipoib_link_lost(ipd);
	ipoib_mcast_install(ipd, mcast, NULL);
	detach(ipd, mcast);
}

/* Milliseconds. The broadcast group first: the others are made like it. */
static u32 spread(struct ipoib_mcast *mcast)
{
	u32 delay = mcast->broadcast ?
		    get_random_u32_below(SPREAD_BROADCAST) :
		    SPREAD_BROADCAST + get_random_u32_below(SPREAD_OTHERS);

	return max(delay, ipoib_pace_left(&mcast->rejoins, ipoib_now()));
}

static void start_later(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
			bool failed)
{
	unsigned long delay;
	bool hopeless;

	if (failed) {
		if (mcast->failures < 255)
			mcast->failures++;
		delay = ipoib_mcast_backoff(mcast->failures) * HZ;
		ipoib_count(ipd, MCAST_FAILURES);
	} else {
		delay = msecs_to_jiffies(spread(mcast));
	}
	/*
	 * Packets must not wait for ever: they hold on to their sockets, and to
	 * the namespaces of those. Who is only sent to is tried again when
	 * there is something to send; but while there is a handle, packets go
	 * and say nothing.
	 */
	hopeless = failed && !mcast->ah && mcast->failures >= JOIN_TRIES;
	spin_lock_bh(&ipd->lock);
	mcast->start_at = jiffies + delay;
	mcast->waiting = mcast->full || !hopeless;
	spin_unlock_bh(&ipd->lock);
	if (hopeless)
		ipoib_mcast_purge(ipd, mcast);
	ipoib_mcast_kick(ipd);
}

/**
 * ipoib_join_event() - one step of a membership
 * @ipd: the interface; ctl is held
 * @mcast: the group
 * @event: enum ipoib_mcast_event; IPOIB_MCAST_OK comes from
 *	ipoib_join_answered() only
 *
 * Context: Process.
 */
void ipoib_join_event(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
		      unsigned int event)
{
	struct ipoib_mcast_step step = ipoib_mcast_next(mcast->state, event);

	lockdep_assert_held(&ipd->ctl);
	if (step.next != mcast->state)
		ipoib_dbg_mcast(ipd, "%pI6: %s, %s -> %s\n", mcast->mgid,
				ipoib_mcast_event_name(event),
				ipoib_mcast_state_name(mcast->state),
				ipoib_mcast_state_name(step.next));
	spin_lock_bh(&ipd->lock);
	mcast->state = step.next;
	/* With the state: a packet in between would have it wait once more. */
	if (event == IPOIB_MCAST_START)
		mcast->waiting = false;
	spin_unlock_bh(&ipd->lock);
	if (step.actions & IPOIB_MCAST_UNBIND)
		unbind(ipd, mcast);
	if (step.actions & IPOIB_MCAST_FREE)
		end_membership(ipd, mcast, event == IPOIB_MCAST_STOP);
	if (step.actions & IPOIB_MCAST_PURGE)
		ipoib_mcast_purge(ipd, mcast);
	if (step.actions & (IPOIB_MCAST_LATER | IPOIB_MCAST_SOON))
		start_later(ipd, mcast, step.actions & IPOIB_MCAST_LATER);
	if (step.actions & IPOIB_MCAST_JOIN) {
		ipoib_pace_mark(&mcast->rejoins, &rejoin_rule, ipoib_now());
		join(ipd, mcast);
	}
}

/* Where a person may have to act: the SM does not want us. */
static void complain(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
		     int status)
{
	if (status == -ETIMEDOUT || status == -EAGAIN)
		return;
	if ((!mcast->full && status == -EINVAL) ||
	    mcast->complaints >= COMPLAINTS_MAX)
		return;
	mcast->complaints++;
	ipoib_warn(ipd, "%smulticast join failed for %pI6, status %d\n",
		   mcast->full ? "" : "sendonly ", mcast->mgid, status);
}

static enum ipoib_mcast_event event_of(int status)
{
	if (!status)
		return IPOIB_MCAST_OK;
	return status == -ETIMEDOUT || status == -EAGAIN ||
	       status == -EINTR ? IPOIB_MCAST_SILENT : IPOIB_MCAST_REFUSED;
}

/* We are in: let packets go. With the broadcast group the link is there. */
static void joined(struct ipoib_dev *ipd, struct ipoib_mcast *mcast,
		   struct ipoib_ah *ah)
{
	if (mcast->state != IPOIB_MCAST_JOINING &&
	    mcast->state != IPOIB_MCAST_REJOINING) {
		ipoib_ah_put(ah);
		return;
	}
	mcast->rec = mcast->answer;
	mcast->failures = 0;
	ipoib_join_event(ipd, mcast, IPOIB_MCAST_OK);
	ipoib_mcast_install(ipd, mcast, ah);
	if (mcast->broadcast)
		ipoib_link_joined(ipd, &mcast->rec);
}

/**
 * ipoib_join_answered() - the SA client has called back
 * @ipd: the interface; ctl is held
 * @mcast: the group
 *
 * Context: Process.
 */
void ipoib_join_answered(struct ipoib_dev *ipd, struct ipoib_mcast *mcast)
{
	struct ipoib_ah *ah = NULL;
	bool has_answer, reset;
	int status;

	spin_lock_bh(&ipd->lock);
	has_answer = mcast->answered;
	reset = mcast->reset;
	status = mcast->status;
	mcast->answered = false;
	mcast->reset = false;
	spin_unlock_bh(&ipd->lock);
	if (has_answer) {
		answered(ipd, mcast);
		if (!status) {
			ah = prepare(ipd, mcast);
			status = PTR_ERR_OR_ZERO(ah);
		}
		trace_ipoib_mcast_joined(ipd, mcast, status);
		if (!status) {
			joined(ipd, mcast, ah);
		} else {
			complain(ipd, mcast, status);
			ipoib_join_event(ipd, mcast, event_of(status));
		}
	}
	if (reset)
		ipoib_join_event(ipd, mcast, IPOIB_MCAST_RESET);
}
