/* SPDX-License-Identifier: GPL-2.0-only */
/* process: who made, ended or froze something, as JSON; null if that isn't known */
#ifndef FREEZEGUARD_SHOW_PROCESS_H
#define FREEZEGUARD_SHOW_PROCESS_H

#include <stdint.h>

#include <json-c/json.h>

#include "observer_maps.h"

struct json_object *show_process_json(uint32_t pid, const char *comm);
struct json_object *show_task_json(const struct fw_process *by);

#endif
