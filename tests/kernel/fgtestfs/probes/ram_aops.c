// SPDX-License-Identifier: GPL-2.0-only
/* Since 5.14 (0af573780b0b) libfs has the address space operations of a filesystem in memory. */
#include <linux/fs.h>

const struct address_space_operations *probe = &ram_aops;
