// SPDX-License-Identifier: GPL-2.0-only
/*
 * layout: one of each type that the observer's maps hold for readers, so that this object's BTF
 * describes them. Never loaded: freezectl has the BTF built in, and compares.
 */
#include <linux/types.h>

#include "observer_maps.h"

struct fw_device device;
struct fw_frozen frozen;
struct fw_filesystem filesystem;
struct fw_totals totals;
struct fw_writer writer;
struct fw_event event;
