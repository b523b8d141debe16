/* SPDX-License-Identifier: GPL-2.0-only */
/* sleepers: tasks that wait for good, of whatever. */
#ifndef SLEEPERS_H
#define SLEEPERS_H

void check_sleepers(unsigned int max_ms);

#endif
