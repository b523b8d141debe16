/* SPDX-License-Identifier: GPL-2.0-only */
/* installed: where freezeguard was installed */
#ifndef FREEZEGUARD_BASE_INSTALLED_H
#define FREEZEGUARD_BASE_INSTALLED_H

const char *installed_hooks(char buf[4096]);

#endif
