/* SPDX-License-Identifier: GPL-2.0-only */
/* supervisor_process: the process of a supervisor, and what happens around it */
#ifndef FREEZEGUARD_APPS_SUPERVISOR_PROCESS_H
#define FREEZEGUARD_APPS_SUPERVISOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "apps/hook_call.h"
#include "apps/record.h"
#include "apps/supervisor_job.h"

/* Those who wait for its end; more are turned away. */
#define N_CLIENTS	8

/**
 * struct client - one that waits for the end
 * @fd: its connection; -1
 * @post_script: it says that it is the post-script, or another owner's thaw, and is still there
 * @strict: to it, a lease that may have been broken is no success
 */
struct client {
	int fd;
	bool post_script, strict;
};

/**
 * struct process - the supervisor
 * @hooks: of each application of the record
 * @runs: its call: the session, or the last one
 * @release_until_ns: until when its release is waited for, process_awake_ns()
 * @abort: let all go, the caller says or is gone
 * @end: let all go, a client says; only without a lease
 * @killed: a signal to end came
 * @oom_score_adj: what hooks get, since the supervisor is spared
 * @orphan: the caller is gone
 * @deaf: nothing more is heard of the caller: it is too late
 * @broken: something was not frozen until the end of its lease, or must be taken to be so
 * @unknown: whether that is so cannot be known
 * @unsaved: why the record is not on the disk as it should be; 0: it is
 */
struct process {
	const struct supervisor_job *job;
	struct record record;
	const struct hook **hooks;
	struct hook_call *runs;
	uint64_t *release_until_ns;
	int control, listener, signals, events;
	struct client clients[N_CLIENTS];
	bool abort, end, killed, orphan, deaf, broken, unknown;
	char oom_score_adj[16];
	int unsaved;
};

uint64_t process_awake_ns(void);
void process_save(struct process *p);
void process_say(struct process *p, enum supervisor_word word, const char *text);
void process_take_output(struct record_app *app, struct hook_call *run, bool thaw);
void process_note_losses(struct process *p);
void process_accept_clients(struct process *p);
void process_last_words(struct process *p);
void process_turn(struct process *p, uint64_t until_ns);
bool process_wait_for_end(struct process *p, struct hook_call *run, uint64_t until_ns,
			  uint32_t kill_after_ms);

#endif
