// SPDX-License-Identifier: GPL-2.0-only
/* 5.18: enum hk_type instead of flags. */
#include <linux/sched/isolation.h>
bool probe(void);
bool probe(void)
{
	return housekeeping_enabled(HK_TYPE_DOMAIN);
}
