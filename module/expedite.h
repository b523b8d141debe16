/* SPDX-License-Identifier: GPL-2.0-only */
/* expedite: short RCU grace periods while leases freeze. */
#ifndef FG_EXPEDITE_H
#define FG_EXPEDITE_H

#include <linux/types.h>

extern int fg_expedite_enabled;

void fg_expedite_init(void);
void fg_expedite_begin(void);
void fg_expedite_end(void);
void fg_expedite_exit(void);

#endif /* FG_EXPEDITE_H */
