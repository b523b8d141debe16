// SPDX-License-Identifier: GPL-2.0-only
/* 6.13: hrtimer_setup() takes the callback; hrtimer_init() went away in 6.15. */
#include <linux/hrtimer.h>
void probe(struct hrtimer *timer, enum hrtimer_restart (*callback)(struct hrtimer *));
void probe(struct hrtimer *timer, enum hrtimer_restart (*callback)(struct hrtimer *))
{
	hrtimer_setup(timer, callback, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
}
