/* SPDX-License-Identifier: GPL-2.0-only */
/* tally: how many leases have ended, and how, in /sys/module/freezeguard/leases_ended/. */
#ifndef FG_TALLY_H
#define FG_TALLY_H

int fg_tally_init(void);
void fg_tally_exit(void);

#endif /* FG_TALLY_H */
