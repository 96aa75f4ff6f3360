// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The trace events of trace.h become code here, and only here.
 */
#include <rdma/ib_sa.h>

#include "ipoib/dev.h"

#define CREATE_TRACE_POINTS
#include "ipoib/trace.h"
