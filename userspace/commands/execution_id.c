// SPDX-License-Identifier: GPL-2.0-only
/*
 * execution_id: the contract with Amazon Data Lifecycle Manager. It runs a pre-script, begins a
 * snapshot, runs a post-script; both get the same execution id. It fails an attempt that takes
 * longer than its script timeout, and may run a failed one again.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "commands/execution_id.h"

/**
 * dlm_execution_id_valid() - does DLM make such ids?
 * @text: the id
 *
 * Return: whether it is "None" (its documents' default) or a UUID.
 */
bool dlm_execution_id_valid(const char *text)
{
	size_t i;

	if (!strcmp(text, "None"))
		return true;
	if (strlen(text) != 36)
		return false;
	for (i = 0; text[i]; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (text[i] != '-')
				return false;
		} else if (!isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return true;
}

/**
 * dlm_lease_id() - the lease of an execution
 * @execution_id: a valid one
 * @buf: where to
 * @size: its size
 *
 * Return: @buf.
 */
const char *dlm_lease_id(const char *execution_id, char *buf, size_t size)
{
	snprintf(buf, size, "dlm-%s", execution_id);
	return buf;
}
