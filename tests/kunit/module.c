// SPDX-License-Identifier: GPL-2.0-only
/*
 * module: the code under test, which is the module's own sources, compiled once more in one piece.
 * fake_hold.c stands in for what they need of hold.c, writeback.c and compat/rcu.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt	/* as the sources do */

#include "../../module/expedite.c"
#include "../../module/lease.c"
#include "../../module/lease_freeze.c"
#include "../../module/lease_thaw.c"
#include "../../module/lease_rescue.c"
#include "../../module/lease_report.c"
#include "../../module/registry.c"
#include "../../module/thread.c"
#include "../../module/compat/sched.c"
#include "../../module/trace.c"	/* last: it expands the tracepoints that the others use */
