/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * findings: what a command found out, each with an exit code. A command goes on looking after the
 * first thing that is wrong, prints everything, and exits with the code that matters most.
 */
#ifndef FREEZEGUARD_BASE_FINDINGS_H
#define FREEZEGUARD_BASE_FINDINGS_H

#include <stddef.h>

/**
 * enum exit_code - the exit codes of freezectl; from 201 on those of Amazon Data Lifecycle Manager
 * @EXIT_CODE_DONE: done; as the code of a finding: a warning, which doesn't count
 * @EXIT_CODE_USAGE: usage or permission error, nothing was touched
 * @EXIT_CODE_SYSTEM: system error that none of the others describes
 * @EXIT_CODE_FREEZE_FAILED: the freeze failed and was rolled back
 * @EXIT_CODE_THAW_FAILED: the thaw failed
 * @EXIT_CODE_EXPIRED: the deadline thawed before the thaw request came
 * @EXIT_CODE_ALREADY_FROZEN: asked to freeze what is already frozen
 * @EXIT_CODE_NOT_FROZEN: asked to thaw what is not frozen
 * @EXIT_CODE_NOT_READY: not ready
 */
enum exit_code {
	EXIT_CODE_DONE			= 0,
	EXIT_CODE_USAGE			= 1,
	EXIT_CODE_SYSTEM		= 2,
	EXIT_CODE_FREEZE_FAILED		= 201,
	EXIT_CODE_THAW_FAILED		= 202,
	EXIT_CODE_EXPIRED		= 203,
	EXIT_CODE_ALREADY_FROZEN	= 204,
	EXIT_CODE_NOT_FROZEN		= 205,
	EXIT_CODE_NOT_READY		= 206,
};

/**
 * struct finding - one thing that a command found out
 * @code: an &enum exit_code; 0 is a warning
 * @target: what it is about (a path, a lease's id), or NULL
 * @message: one line, without a newline: what was tried, why it failed, what can be done
 */
struct finding {
	int code;
	char *target;
	char *message;
};

/**
 * struct findings - all that a command found out, in the order of finding it; {} is an empty one
 * @v: the findings
 * @n: how many
 * @lost_code: the code that matters most of those that there was no memory to keep
 */
struct findings {
	struct finding *v;
	size_t n;
	int lost_code;
};

/**
 * findings_add() - keep a finding
 * @f: where to
 * @code: an &enum exit_code
 * @target: what it is about, or NULL
 * @fmt: printf format of the message
 *
 * Never fails: without memory for the texts the code still counts.
 */
void findings_add(struct findings *f, int code, const char *target, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * findings_exit_code() - the exit code of a command that found this
 * @f: what it found
 *
 * Return: the first of these that is present: 1 (nothing was touched, so nothing else can be true),
 * 206, 204, 201, 202, 203, 205, any other code, 2. 0 if there are none but warnings.
 */
int findings_exit_code(const struct findings *f);

/**
 * findings_free() - forget all findings
 * @f: what to free; empty and usable again afterwards
 */
void findings_free(struct findings *f);

#endif
