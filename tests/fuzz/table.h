/* SPDX-License-Identifier: GPL-2.0-only */
/* table: the protocol as data, for making messages and for judging answers. Made from the spec. */
#ifndef FUZZ_TABLE_H
#define FUZZ_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum fuzz_kind { FUZZ_U32, FUZZ_U64, FUZZ_S32, FUZZ_STRING, FUZZ_FLAG, FUZZ_NEST, FUZZ_PAD };

struct fuzz_set;

struct fuzz_attr {
	const char *name;
	uint16_t type;
	enum fuzz_kind kind;
	bool multi;
	int64_t min;
	uint64_t max;
	unsigned int max_len;		/* of a string, without its NUL; 0: any */
	const struct fuzz_set *nested;
};

struct fuzz_set {
	const char *name;
	const struct fuzz_attr *attrs;	/* the type of the first is 1, and so on */
	unsigned int n;
};

#define FUZZ_ERRORS_MAX	16

struct fuzz_op {
	const char *name;
	uint8_t cmd;
	bool dump;			/* can be dumped, too */
	const struct fuzz_set *set;
	uint64_t request, reply;	/* bit n: attribute n may be in it */
	int errors[FUZZ_ERRORS_MAX];	/* documented, ended by 0 */
};

extern const struct fuzz_op fuzz_ops[];
extern const unsigned int fuzz_n_ops;

const struct fuzz_op *fuzz_op(uint8_t cmd);
bool fuzz_op_documents(const struct fuzz_op *op, int error);

#endif
