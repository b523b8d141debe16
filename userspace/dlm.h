/* SPDX-License-Identifier: GPL-2.0-only */
/* dlm: the contract with Amazon Data Lifecycle Manager */
#ifndef FREEZEGUARD_DLM_H
#define FREEZEGUARD_DLM_H

#include <stdbool.h>
#include <stddef.h>

/* DLM's own default is 10 s; the roll-back has to fit between this and that. */
#define DLM_SCRIPT_TIMEOUT_MS	8000

bool dlm_execution_id_valid(const char *text);
const char *dlm_lease_id(const char *execution_id, char *buf, size_t size);

#endif
