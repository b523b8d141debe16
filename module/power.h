/* SPDX-License-Identifier: GPL-2.0-only */
/* power: no lease lives on when the machine shuts down or sleeps. */
#ifndef FG_POWER_H
#define FG_POWER_H

int fg_power_init(void);
void fg_power_exit(void);

#endif /* FG_POWER_H */
