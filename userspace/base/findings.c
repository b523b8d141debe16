// SPDX-License-Identifier: GPL-2.0-only
/* findings: what a command found out, and the one exit code that it adds up to */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/findings.h"
#include "base/text.h"
#include "base/util.h"

/*
 * What matters most comes first. A usage error means that nothing was touched. 201 and 202 can meet
 * in one command only when a freeze failed and its rollback did too: the freeze came first.
 */
static const int order[] = {
	EXIT_CODE_USAGE,
	EXIT_CODE_NOT_READY,
	EXIT_CODE_ALREADY_FROZEN,
	EXIT_CODE_FREEZE_FAILED,
	EXIT_CODE_THAW_FAILED,
	EXIT_CODE_EXPIRED,
	EXIT_CODE_NOT_FROZEN,
};

#define N_ORDER ARRAY_SIZE(order)

static size_t rank(int code)
{
	size_t i;

	for (i = 0; i < N_ORDER; i++)
		if (order[i] == code)
			return i;
	if (code == EXIT_CODE_DONE)
		return N_ORDER + 2;
	return code == EXIT_CODE_SYSTEM ? N_ORDER + 1 : N_ORDER;
}

static int first_of(int a, int b)
{
	return rank(b) < rank(a) ? b : a;
}

void findings_add(struct findings *f, int code, const char *target, const char *fmt, ...)
{
	struct finding new = { .code = code }, *v;
	va_list args;

	va_start(args, fmt);
	new.message = text_vformat(fmt, args);
	va_end(args);
	if (!new.message)
		goto lost;
	if (target) {
		new.target = strdup(target);
		if (!new.target)
			goto free_message;
	}
	v = APPEND(f->v, f->n);
	if (!v)
		goto free_target;
	*v = new;
	return;

free_target:
	free(new.target);
free_message:
	free(new.message);
lost:
	f->lost_code = first_of(f->lost_code, code);
}

int findings_exit_code(const struct findings *f)
{
	int code = f->lost_code;
	size_t i;

	for (i = 0; i < f->n; i++)
		code = first_of(code, f->v[i].code);
	return code;
}

void findings_free(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->v[i].target);
		free(f->v[i].message);
	}
	free(f->v);
	*f = (struct findings){};
}
