// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Lanes and their speeds. Pure.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include "ipoib/core/speed.h"

static int lane_speed(u16 speed)
{
	switch (speed) {
	case 1: /* SDR */
		return 2500;
	case 2: /* DDR */
		return 5000;
	case 4: /* QDR */
	case 8: /* FDR10 */
		return 10000;
	case 16: /* FDR */
		return 14000;
	case 32: /* EDR */
		return 25000;
	case 64: /* HDR */
		return 50000;
	case 128: /* NDR */
		return 100000;
	case 256: /* XDR */
		return 200000;
	}
	return -EINVAL;
}

static int lanes(u8 width)
{
	switch (width) {
	case 1:
		return 1;
	case 2:
		return 4;
	case 4:
		return 8;
	case 8:
		return 12;
	case 16:
		return 2;
	}
	return -EINVAL;
}

/**
 * ipoib_speed() - lane speed times width
 * @speed: active speed as a port tells it
 * @width: active width likewise
 *
 * Return: Mb/s, -EINVAL for what is not known.
 */
int ipoib_speed(u16 speed, u8 width)
{
	int lane = lane_speed(speed), n = lanes(width);

	return lane < 0 || n < 0 ? -EINVAL : lane * n;
}
