/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Fabric events.
 */
#ifndef IPOIB_EVENT_H
#define IPOIB_EVENT_H

#include <linux/types.h>
#include <rdma/ib_verbs.h>

struct ipoib_dev;
struct work_struct;

u32 ipoib_event_bit(enum ib_event_type event);
void ipoib_event_post(struct ipoib_dev *ipd, u32 events);
void ipoib_event_work(struct work_struct *work);

#endif
