// SPDX-License-Identifier: GPL-2.0
/* The tracepoints themselves; trace.h tells what they are. */
#define CREATE_TRACE_POINTS
#include "trace.h"
