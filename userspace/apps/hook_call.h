/* SPDX-License-Identifier: GPL-2.0-only */
/* hook_call: one call of one hook, as a process */
#ifndef FREEZEGUARD_APPS_HOOK_CALL_H
#define FREEZEGUARD_APPS_HOOK_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "apps/hooks.h"

/* Of what a hook prints the last is kept. */
#define HOOK_CALL_OUTPUT_MAX	8192
#define HOOK_CALL_LINE_MAX	8192
#define HOOK_CALL_NOTES_MAX	32
#define HOOK_CALL_PATHS_MAX	256
/* EX_TEMPFAIL of sysexits.h */
#define HOOK_CALL_NOT_READY	75
/* From SIGTERM to SIGKILL. */
#define HOOK_CALL_KILL_AFTER_MS	500

/**
 * struct hook_call_args - what all hooks of a freeze are told
 * @id: the lease's id
 * @timeout_ms: how long this call may take, if that is less than the hook's own; or 0
 * @limit_ms: how long, from now, a session can last at most
 * @paths: what is going to be frozen, one a line
 * @notes: what the hook has noted, one a line; or NULL
 * @keep: where hooks keep what a restore needs, without their name
 * @oom_score_adj: how the OOM killer is to treat it; NULL or "": as the caller
 */
struct hook_call_args {
	const char *id;
	uint32_t timeout_ms;
	uint64_t limit_ms;
	const char *paths;
	const char *notes;
	const char *keep;
	const char *oom_score_adj;
};

/**
 * struct hook_call - a call; zero it before use
 * @pid: its process, which leads a process group; 0: there is none, or it was reaped
 * @in: a session's standard input; -1
 * @out: what it prints; -1
 * @ready: it said READY
 * @lost: it said LOST, after READY
 * @stopped: it said STOPPED: its server does not run
 * @wants_complete: it said that it is to be called when all copies are done
 * @ended: it was reaped
 * @status: as waitpid() tells it
 * @begin_ns: when it was started, CLOCK_BOOTTIME
 * @output: what it printed, without READY and notes
 * @notes: what it noted, as key=value
 * @paths: where it says that its application's files are
 */
struct hook_call {
	pid_t pid;
	int in, out;
	bool ready;
	bool lost;
	bool stopped;
	bool wants_complete;
	bool ended;
	int status;
	uint64_t begin_ns;
	char output[HOOK_CALL_OUTPUT_MAX];
	size_t n_output;
	char *notes[HOOK_CALL_NOTES_MAX];
	size_t n_notes;
	struct text_list paths;
	char line[HOOK_CALL_LINE_MAX];
	size_t n_line;
};

int hook_call_start(struct hook_call *run, const struct hook *hook, const char *verb,
		    const struct hook_call_args *call);
void hook_call_read(struct hook_call *run);
bool hook_call_reap(struct hook_call *run);
void hook_call_signal(const struct hook_call *run, int signal);
void hook_call_let_go(struct hook_call *run, const char *why);
int hook_call_exit_status(const struct hook_call *run);
void hook_call_close(struct hook_call *run);
bool hook_call_whole(struct hook_call *run, const struct hook *hook, const char *verb,
		     const struct hook_call_args *call, uint64_t until_ns);

#endif
