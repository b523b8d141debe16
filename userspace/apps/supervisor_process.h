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
 * struct process - the supervisor
 * @hooks: of each application of the record
 * @runs: its call: the session, or the last one
 * @release_until_ns: until when its release is waited for
 * @abort: let all go, the caller says or is gone
 * @end: let all go, a post-script says; only without a lease
 * @killed: a signal to end came
 * @oom_score_adj: what hooks get, since the supervisor is spared
 * @unsaved: why the record is not on the disk as it should be; 0: it is
 */
struct process {
	const struct supervisor_job *job;
	struct record record;
	const struct hook **hooks;
	struct hook_call *runs;
	uint64_t *release_until_ns;
	int control, listener, signals, events;
	int clients[N_CLIENTS];
	bool abort, end, killed, orphan;
	char oom_score_adj[16];
	int unsaved;
};

void process_save(struct process *p);
void process_say(struct process *p, enum supervisor_word word, const char *text);
void process_take_output(struct record_app *app, struct hook_call *run, bool thaw);
void process_note_losses(struct process *p);
void process_accept_client(struct process *p);
void process_turn(struct process *p, uint64_t until_ns);
bool process_wait_for_end(struct process *p, struct hook_call *run, uint64_t until_ns,
			  uint32_t kill_after_ms);

#endif
