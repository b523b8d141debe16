/* SPDX-License-Identifier: GPL-2.0-only */
/* execution_id: the contract with Amazon Data Lifecycle Manager */
#ifndef FREEZEGUARD_COMMANDS_EXECUTION_ID_H
#define FREEZEGUARD_COMMANDS_EXECUTION_ID_H

#include <stdbool.h>
#include <stddef.h>

bool dlm_execution_id_valid(const char *text);
const char *dlm_lease_id(const char *execution_id, char *buf, size_t size);

#endif
