// SPDX-License-Identifier: GPL-2.0-only
/* Since 6.6 (880b9577855e) a freeze has a holder. */
#include <linux/fs.h>

enum freeze_holder probe = FREEZE_HOLDER_USERSPACE;
