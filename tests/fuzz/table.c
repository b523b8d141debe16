// SPDX-License-Identifier: GPL-2.0-only
/* table: the protocol as data. */
#include "table.h"

#include <errno.h>
#include <stddef.h>
#include <linux/freezeguard.h>

#include "spec-table.h"

/** fuzz_op() - what is known of a command; NULL if the family has no such one */
const struct fuzz_op *fuzz_op(uint8_t cmd)
{
	unsigned int i;

	for (i = 0; i < fuzz_n_ops; i++)
		if (fuzz_ops[i].cmd == cmd)
			return &fuzz_ops[i];
	return NULL;
}

/** fuzz_op_documents() - may the command be refused with this positive errno? */
bool fuzz_op_documents(const struct fuzz_op *op, int error)
{
	unsigned int i;

	for (i = 0; i < FUZZ_ERRORS_MAX && op->errors[i]; i++)
		if (op->errors[i] == error)
			return true;
	return false;
}
