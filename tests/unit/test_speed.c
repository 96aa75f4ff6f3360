// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The speed of a port: every lane speed with every width.
 */
#include <linux/errno.h>

#include "unit.h"

#include "ipoib/core/speed.h"

static const struct {
	u16 code;
	int mbps;
} speeds[] = {
	{ 1, 2500 },	/* SDR */
	{ 2, 5000 },	/* DDR */
	{ 4, 10000 },	/* QDR */
	{ 8, 10000 },	/* FDR10 */
	{ 16, 14000 },	/* FDR */
	{ 32, 25000 },	/* EDR */
	{ 64, 50000 },	/* HDR */
	{ 128, 100000 },	/* NDR */
	{ 256, 200000 },	/* XDR */
};

static const struct {
	u8 code;
	int lanes;
} widths[] = { { 1, 1 }, { 2, 4 }, { 4, 8 }, { 8, 12 }, { 16, 2 } };

static int lanes_of(unsigned int code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(widths); i++)
		if (widths[i].code == code)
			return widths[i].lanes;
	return 0;
}

static int mbps_of(unsigned int code)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(speeds); i++)
		if (speeds[i].code == code)
			return speeds[i].mbps;
	return 0;
}

static void a_speed_is_that_of_a_lane_times_the_lanes(void **context)
{
	unsigned int s, w;

	for (s = 0; s < ARRAY_SIZE(speeds); s++)
		for (w = 0; w < ARRAY_SIZE(widths); w++)
			assert_int_equal(ipoib_speed(speeds[s].code,
						     widths[w].code),
					 speeds[s].mbps * widths[w].lanes);
}

static void what_is_not_known_has_no_speed(void **context)
{
	unsigned int s, w;

	for (s = 0; s < 0x400; s++)
		for (w = 0; w < 256; w++)
			if (!mbps_of(s) || !lanes_of(w))
				check(ipoib_speed(s, w) == -EINVAL,
				      "speed %u, width %u", s, w);
	assert_int_equal(ipoib_speed(0xffff, 2), -EINVAL);
}

static void qdr_with_four_lanes_is_40_gigabits(void **context)
{
	assert_int_equal(ipoib_speed(4, 2), 40000);
}

UNIT_MAIN(
	CASE(a_speed_is_that_of_a_lane_times_the_lanes),
	CASE(what_is_not_known_has_no_speed),
	CASE(qdr_with_four_lanes_is_40_gigabits),
)
