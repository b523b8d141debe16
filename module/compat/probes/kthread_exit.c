// SPDX-License-Identifier: GPL-2.0-only
/* 5.17: module_put_and_exit() was renamed. */
#include <linux/module.h>
void probe(void);
void probe(void)
{
	module_put_and_kthread_exit(0);
}
