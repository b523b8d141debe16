/* SPDX-License-Identifier: GPL-2.0-only */
/* observer_pins: where the observer's parts are pinned; for those who load and who read it */
#ifndef FREEZEGUARD_OBSERVER_PINS_H
#define FREEZEGUARD_OBSERVER_PINS_H

#include "observer.h"

#define BPFFS_DIR		"/sys/fs/bpf"
/* Being loaded; the one before, while they change over; held by who loads or unloads. */
#define OBSERVER_NEW_DIR	OBSERVER_DIR "-new"
#define OBSERVER_OLD_DIR	OBSERVER_DIR "-old"
#define OBSERVER_LOCK_DIR	OBSERVER_DIR "-lock"

#endif
