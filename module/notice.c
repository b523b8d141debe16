// SPDX-License-Identifier: GPL-2.0-only
/*
 * notice: reports to BPF programs that hold no reference to the module.
 *
 * A program that is attached to a function or a tracepoint of the module keeps the module loaded
 * for as long as the program's link is pinned. So the module calls a function of the kernel that
 * does nothing and serves only as a place to attach to: it calls a notifier chain on which nobody
 * is.
 *
 * The module calls its chain as a robust blocking one, because little else in the kernel does:
 * only the loading of modules and suspends. The function of raw chains runs at every tick, and
 * that of ordinary blocking chains at every munmap() up to 5.16. On an empty chain the function
 * takes no lock; but it may sleep, and its callers may, too.
 */
#include <linux/build_bug.h>
#include <linux/notifier.h>

#include "notice.h"

/* No padding, which would show programs what the memory had before. */
static_assert(sizeof(struct freezeguard_notice) == 128);

static BLOCKING_NOTIFIER_HEAD(fg_notice_chain);

/**
 * fg_notice_send() - report to every attached program
 * @notice: the report
 *
 * Context: any.
 */
void fg_notice_send(struct freezeguard_notice *notice)
{
	blocking_notifier_call_chain_robust(&fg_notice_chain, FREEZEGUARD_NOTICE, 0, notice);
}
