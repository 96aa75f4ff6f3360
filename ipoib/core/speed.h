/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The speed of a port, in the unit of network interfaces.
 */
#ifndef IPOIB_CORE_SPEED_H
#define IPOIB_CORE_SPEED_H

#include <linux/types.h>

int ipoib_speed(u16 speed, u8 width);

#endif
