/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The place of HCAs in the device tree.
 */
#ifndef SIB_VERBS_BUS_H
#define SIB_VERBS_BUS_H

#include <linux/device.h>

int sib_bus_start(void);
void sib_bus_stop(void);
struct device *sib_bus_add(const char *name, bool dma);
void sib_bus_remove(struct device *dev);

#endif
