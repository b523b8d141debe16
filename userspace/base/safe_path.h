/* SPDX-License-Identifier: GPL-2.0-only */
/* safe_path: whether only root decides what a path leads to */
#ifndef FREEZEGUARD_BASE_SAFE_PATH_H
#define FREEZEGUARD_BASE_SAFE_PATH_H

#define SAFE_PATH_TEXT_MAX	1024

int safe_path(const char *path, char why[SAFE_PATH_TEXT_MAX]);

#endif
