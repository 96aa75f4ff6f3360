/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The module: its parameters, and the channel adapters with their interfaces.
 */
#ifndef IPOIB_MAIN_H
#define IPOIB_MAIN_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <rdma/ib_sa.h>
#include <rdma/ib_verbs.h>

#include "ipoib/leave.h"
#include "ipoib/sa.h"

/**
 * struct ipoib_port - a port and its SA
 * @sa: what the SA can do
 * @leaver: ends memberships
 */
struct ipoib_port {
	struct ipoib_sa sa;
	struct ipoib_leaver leaver;
};

extern int ipoib_send_queue_size;
extern int ipoib_recv_queue_size;
extern struct ib_client ipoib_client;
extern struct ib_sa_client ipoib_sa_client;

/**
 * struct ipoib_hca - a channel adapter
 * @ib: what ib_core knows of it
 * @lock: protects @devs; any context but hard interrupts
 * @devs: its interfaces, struct ipoib_dev
 * @handler: hears of events
 * @ports: by port number less one
 */
struct ipoib_hca {
	struct ib_device *ib;
	spinlock_t lock;
	struct list_head devs;
	struct ib_event_handler handler;
	struct ipoib_port ports[];
};

#endif
