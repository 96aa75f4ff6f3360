/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Trace events, group "ipoib": what the control path does, one event for each
 * thing that happens to a path, a destination, a group, a connection, a queue
 * or a port.
 * docs/admin.md lists them. They are not in the way of a packet that has a
 * handle to go with, and cost a no-op each while they are off.
 *
 * Each begins with the interface, its channel adapter and port: names of
 * interfaces repeat in other namespaces.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ipoib

#if !defined(IPOIB_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IPOIB_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

#include "compat/trace.h"
#include "ipoib/core/event.h"
#include "ipoib/core/hwaddr.h"

struct ipoib_conn;
struct ipoib_dev;
struct ipoib_mcast;
struct sa_path_rec;

#define ipoib_trace_fields						\
	__string(dev, ipd->netdev->name)				\
	__string(hca, dev_name(&ipd->ib->dev))				\
	__field(u32, port)

#define ipoib_trace_assign						\
	do {								\
		compat_assign_str(dev, ipd->netdev->name);		\
		compat_assign_str(hca, dev_name(&ipd->ib->dev));	\
		__entry->port = ipd->port;				\
	} while (0)

#define ipoib_trace_print(fmt, ...)					\
	TP_printk("%s %s/%u: " fmt, __get_str(dev), __get_str(hca),	\
		  __entry->port, ##__VA_ARGS__)

DECLARE_EVENT_CLASS(ipoib_path,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid),
	TP_ARGS(ipd, gid),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, gid, IPOIB_GID_LEN)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->gid, gid, IPOIB_GID_LEN);
	),
	ipoib_trace_print("gid %pI6", __entry->gid)
);

/* The SA is asked for a path. */
DEFINE_EVENT(ipoib_path, ipoib_path_lookup,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid),
	TP_ARGS(ipd, gid)
);

/* What the SA said may be outdated. */
DEFINE_EVENT(ipoib_path, ipoib_path_doubt,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid),
	TP_ARGS(ipd, gid)
);

/* Not used for long, or the link is gone. */
DEFINE_EVENT(ipoib_path, ipoib_path_expire,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid),
	TP_ARGS(ipd, gid)
);

/* What came of a lookup: 0 and a record, or a negative error. */
TRACE_EVENT(ipoib_path_answer,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid, int status,
		 struct sa_path_rec *rec),
	TP_ARGS(ipd, gid, status, rec),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, gid, IPOIB_GID_LEN)
		__field(int, status)
		__field(u32, dlid)
		__field(u8, sl)
		__field(u8, rate)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->gid, gid, IPOIB_GID_LEN);
		__entry->status = status;
		__entry->dlid = status ? 0 : be32_to_cpu(sa_path_get_dlid(rec));
		__entry->sl = status ? 0 : rec->sl;
		__entry->rate = status ? 0 : rec->rate;
	),
	ipoib_trace_print("gid %pI6 status %d dlid 0x%04x sl %u rate %u",
			  __entry->gid, __entry->status, __entry->dlid,
			  __entry->sl, __entry->rate)
);

DECLARE_EVENT_CLASS(ipoib_neigh,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *hw),
	TP_ARGS(ipd, hw),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__field(u32, qpn)
		__array(u8, gid, IPOIB_GID_LEN)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		__entry->qpn = ipoib_hw_qpn(hw);
		memcpy(__entry->gid, ipoib_hw_gid(hw), IPOIB_GID_LEN);
	),
	ipoib_trace_print("qpn 0x%06x gid %pI6", __entry->qpn, __entry->gid)
);

/* A first packet to a destination. */
DEFINE_EVENT(ipoib_neigh, ipoib_neigh_create,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *hw),
	TP_ARGS(ipd, hw)
);

/* No packet for long, or its path or group is gone. */
DEFINE_EVENT(ipoib_neigh, ipoib_neigh_delete,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *hw),
	TP_ARGS(ipd, hw)
);

/* The SA is asked to let us in. */
TRACE_EVENT(ipoib_mcast_join,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *mgid, u8 join_state),
	TP_ARGS(ipd, mgid, join_state),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, mgid, IPOIB_GID_LEN)
		__field(u8, join_state)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->mgid, mgid, IPOIB_GID_LEN);
		__entry->join_state = join_state;
	),
	ipoib_trace_print("mgid %pI6 join_state %u", __entry->mgid,
			  __entry->join_state)
);

/* What came of it: 0 and a LID, or a negative error. */
TRACE_EVENT(ipoib_mcast_joined,
	TP_PROTO(const struct ipoib_dev *ipd, const struct ipoib_mcast *mcast,
		 int status),
	TP_ARGS(ipd, mcast, status),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, mgid, IPOIB_GID_LEN)
		__field(int, status)
		__field(u16, mlid)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->mgid, mcast->mgid, IPOIB_GID_LEN);
		__entry->status = status;
		__entry->mlid = status ? 0 : be16_to_cpu(mcast->answer.mlid);
	),
	ipoib_trace_print("mgid %pI6 status %d mlid 0x%04x", __entry->mgid,
			  __entry->status, __entry->mlid)
);

/* Nothing goes to the group or comes from it any more. */
TRACE_EVENT(ipoib_mcast_leave,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *mgid),
	TP_ARGS(ipd, mgid),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, mgid, IPOIB_GID_LEN)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->mgid, mgid, IPOIB_GID_LEN);
	),
	ipoib_trace_print("mgid %pI6", __entry->mgid)
);

/* One that we ask for, from a state to another; names of core/conn_fsm.h. */
TRACE_EVENT(ipoib_conn_state,
	TP_PROTO(const struct ipoib_dev *ipd, const struct ipoib_conn *c,
		 const char *event, const char *from, const char *to),
	TP_ARGS(ipd, c, event, from, to),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, gid, IPOIB_GID_LEN)
		__field(u32, qpn)
		__field(bool, uc)
		__string(event, event)
		__string(from, from)
		__string(to, to)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->gid, c->gid, IPOIB_GID_LEN);
		__entry->qpn = c->qpn;
		__entry->uc = c->uc;
		compat_assign_str(event, event);
		compat_assign_str(from, from);
		compat_assign_str(to, to);
	),
	ipoib_trace_print("gid %pI6 qpn 0x%06x %s %s: %s -> %s",
			  __entry->gid, __entry->qpn,
			  __entry->uc ? "UC" : "RC", __get_str(event),
			  __get_str(from), __get_str(to))
);

DECLARE_EVENT_CLASS(ipoib_conn,
	TP_PROTO(const struct ipoib_dev *ipd, const struct ipoib_conn *c),
	TP_ARGS(ipd, c),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, gid, IPOIB_GID_LEN)
		__field(u32, qpn)
		__field(bool, uc)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->gid, c->gid, IPOIB_GID_LEN);
		__entry->qpn = c->qpn;
		__entry->uc = c->uc;
	),
	ipoib_trace_print("gid %pI6 qpn 0x%06x %s", __entry->gid, __entry->qpn,
			  __entry->uc ? "UC" : "RC")
);

/* One that a peer has asked for is there. */
DEFINE_EVENT(ipoib_conn, ipoib_conn_accept,
	TP_PROTO(const struct ipoib_dev *ipd, const struct ipoib_conn *c),
	TP_ARGS(ipd, c)
);

/* It will be taken down. */
DEFINE_EVENT(ipoib_conn, ipoib_conn_end,
	TP_PROTO(const struct ipoib_dev *ipd, const struct ipoib_conn *c),
	TP_ARGS(ipd, c)
);

/* A peer's REQ is refused. */
TRACE_EVENT(ipoib_conn_refuse,
	TP_PROTO(const struct ipoib_dev *ipd, const u8 *gid,
		 unsigned int reason),
	TP_ARGS(ipd, gid, reason),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__array(u8, gid, IPOIB_GID_LEN)
		__field(unsigned int, reason)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		memcpy(__entry->gid, gid, IPOIB_GID_LEN);
		__entry->reason = reason;
	),
	ipoib_trace_print("gid %pI6 reason %u", __entry->gid, __entry->reason)
);

DECLARE_EVENT_CLASS(ipoib_queue,
	TP_PROTO(const struct ipoib_dev *ipd, unsigned int index,
		 u32 tx_head, u32 tx_tail),
	TP_ARGS(ipd, index, tx_head, tx_tail),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__field(unsigned int, index)
		__field(u32, tx_head)
		__field(u32, tx_tail)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		__entry->index = index;
		__entry->tx_head = tx_head;
		__entry->tx_tail = tx_tail;
	),
	ipoib_trace_print("queue %u tx_head %u tx_tail %u", __entry->index,
			  __entry->tx_head, __entry->tx_tail)
);

/* The ring is full. */
DEFINE_EVENT(ipoib_queue, ipoib_queue_stop,
	TP_PROTO(const struct ipoib_dev *ipd, unsigned int index,
		 u32 tx_head, u32 tx_tail),
	TP_ARGS(ipd, index, tx_head, tx_tail)
);

/* There is room again. */
DEFINE_EVENT(ipoib_queue, ipoib_queue_wake,
	TP_PROTO(const struct ipoib_dev *ipd, unsigned int index,
		 u32 tx_head, u32 tx_tail),
	TP_ARGS(ipd, index, tx_head, tx_tail)
);

/* What happened to the port since the last time. */
TRACE_EVENT(ipoib_event,
	TP_PROTO(const struct ipoib_dev *ipd, u32 events),
	TP_ARGS(ipd, events),
	TP_STRUCT__entry(
		ipoib_trace_fields
		__field(u32, events)
	),
	TP_fast_assign(
		ipoib_trace_assign;
		__entry->events = events;
	),
	ipoib_trace_print("%s",
			  __print_flags(__entry->events, "|",
					{ IPOIB_EV_ACTIVE, "port_active" },
					{ IPOIB_EV_ERROR, "port_error" },
					{ IPOIB_EV_LID, "lid_change" },
					{ IPOIB_EV_PKEY, "pkey_change" },
					{ IPOIB_EV_GID, "gid_change" },
					{ IPOIB_EV_REREGISTER, "reregister" },
					{ IPOIB_EV_SM, "sm_change" },
					{ IPOIB_EV_STUCK, "queue_stuck" }))
);

#endif

/* Outside the guard: define_trace.h reads this file several times. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH ipoib
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
