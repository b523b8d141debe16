/* SPDX-License-Identifier: GPL-2.0-only */
/* log: lines for the system's log */
#ifndef FREEZEGUARD_BASE_LOG_H
#define FREEZEGUARD_BASE_LOG_H

#include <syslog.h>

int log_line(const char *socket_path, int priority, const char *text);

#endif
