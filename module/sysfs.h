/* SPDX-License-Identifier: GPL-2.0-only */
/* sysfs: how many leases have ended, and how, in /sys/module/freezeguard/leases_ended/. */
#ifndef FG_SYSFS_H
#define FG_SYSFS_H

int fg_sysfs_init(void);
void fg_sysfs_exit(void);

#endif /* FG_SYSFS_H */
