/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.2 (94d095ffa0e1): an ftrace callback reads arguments without a struct pt_regs. */
#include <linux/ftrace.h>
unsigned long probe(struct ftrace_regs *fregs);
unsigned long probe(struct ftrace_regs *fregs)
{
	return ftrace_regs_get_argument(fregs, 0);
}
