/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * supervisor_job: what a supervisor is told to do, what it and its caller say, whom it asks of a
 * lease
 */
#ifndef FREEZEGUARD_APPS_SUPERVISOR_JOB_H
#define FREEZEGUARD_APPS_SUPERVISOR_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/hooks.h"
#include "apps/record.h"

/* For how long after the end of the script timeout its next step is waited for. */
#define SUPERVISOR_PATIENCE_MS	2000
/*
 * What a client of ID.sock may say: it is the post-script, or another owner's thaw; likewise, and whether
 * there was a gap must be known; end it, where there is no lease.
 */
#define SUPERVISOR_POST_SCRIPT	"thaw\n"
#define SUPERVISOR_STRICT	"thaw strict\n"
#define SUPERVISOR_END		"end\n"
/* What a release of the filesystems may take before the applications go on regardless. */
#define SUPERVISOR_RELEASE_MS	1000

/**
 * struct supervisor_lease - what the kernel says of a lease
 * @ended: its end was decided
 * @released: nothing of it is frozen any more
 * @broken: something of it was thawed before its end
 * @unknown: whether that is so cannot be known, or is not decided yet
 * @cause: what ended it, as freezeguard_cause_name() has it
 */
struct supervisor_lease {
	bool ended, released, broken, unknown;
	char cause[RECORD_WHY_MAX + 1];
};

/**
 * struct supervisor_module - who is asked about leases; tests have a made-up one
 * @open: connect; called in the supervisor's process. 0 or a negative errno.
 * @fd: becomes readable when something happened; -1: it has to be asked now and then
 * @drain: forget what made @fd readable
 * @look: how is a lease? 0; -ENOENT there is none; another negative errno
 * @get: all that is known of a lease, for freezeguard_lease_clear(); the result is that of @look
 */
struct supervisor_module {
	int (*open)(void);
	int (*fd)(void);
	void (*drain)(void);
	int (*look)(uint64_t number, struct supervisor_lease *lease);
	int (*get)(uint64_t number, struct freezeguard_lease *lease);
};

extern const struct supervisor_module supervisor_module_real;

/**
 * struct supervisor_job - what a supervisor is to do
 * @id: the lease's id
 * @by: which command is the caller, RECORD_BY_...; NULL: any
 * @run_dir: where the record goes
 * @keep_dir: where hooks keep what a restore needs
 * @history_dir: where the history is
 * @hooks: the hooks; those with a reason to skip them are not called
 * @paths: what is going to be frozen, one a line
 * @timeout_ms: the lease's
 * @quiet_until_ns: when all have to be quiet, CLOCK_BOOTTIME
 * @give_up_ns: when the caller gives up
 * @own_scope: it is to outlive the unit of its caller, where systemd runs
 * @attended: the caller stays until the end, and says itself whether it was a success
 * @lease: there will be a lease; else the supervisor keeps the deadline, from its begin on
 * @require_continuity: a lease that may have been broken is no success
 * @module: who is asked
 * @lock: a file that is kept open until the record says who is kept quiet; 0: none
 */
struct supervisor_job {
	const char *id, *by;
	const char *run_dir, *keep_dir, *history_dir;
	const struct hooks *hooks;
	const char *paths;
	uint32_t timeout_ms;
	uint64_t quiet_until_ns, give_up_ns;
	bool own_scope;
	bool attended;
	bool lease, require_continuity;
	const struct supervisor_module *module;
	int lock;
};

/**
 * enum supervisor_word - what a supervisor and its caller say to each other
 * @SUPERVISOR_LEASE: the lease is taken: number, begin, deadline
 * @SUPERVISOR_CHECK: is all still quiet?
 * @SUPERVISOR_KEEP: the caller succeeded. It is about to exit and there is no lease, which is kept; or
 *	it attended, and is about to thaw
 * @SUPERVISOR_ABORT: let all go
 * @SUPERVISOR_QUIET: all are quiet
 * @SUPERVISOR_FAILED: one could not be made quiet; all were let go
 * @SUPERVISOR_BROKEN: it cannot work at all; no hook was called
 * @SUPERVISOR_STILL: all is still quiet
 * @SUPERVISOR_LOST: something is not; or, with a text, the record cannot be written, and why
 * @SUPERVISOR_OVER: all were let go
 */
enum supervisor_word {
	SUPERVISOR_LEASE,
	SUPERVISOR_CHECK,
	SUPERVISOR_KEEP,
	SUPERVISOR_ABORT,
	SUPERVISOR_QUIET,
	SUPERVISOR_FAILED,
	SUPERVISOR_BROKEN,
	SUPERVISOR_STILL,
	SUPERVISOR_LOST,
	SUPERVISOR_OVER,
};

/** struct supervisor_message - a word, with what belongs to it */
struct supervisor_message {
	enum supervisor_word word;
	uint64_t number, begin_ns, deadline_ns;
	char text[256];
};

#endif
