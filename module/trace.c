// SPDX-License-Identifier: GPL-2.0-only
/* trace: the tracepoints' own code, which trace.h expands to here and nowhere else. */
#include "lease.h"	/* before the next line, which is for trace.h alone */

#define CREATE_TRACE_POINTS
#include "trace.h"
