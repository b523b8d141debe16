/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * record: the record of the applications of one freeze, in run_dir. The supervisor writes it;
 * whoever wants to know reads it, also when the supervisor is gone.
 */
#ifndef FREEZEGUARD_APPS_RECORD_H
#define FREEZEGUARD_APPS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <freezeguard.h>

#include "apps/hook_call.h"
#include "apps/hooks.h"

/* How many records are kept, and how many there may be before the older ones are removed. */
#define RECORD_HISTORY	32
#define RECORD_MOST	64
#define RECORD_WHY_MAX	31
#define RECORD_BY_MAX	15
/* Who may end a freeze as a success: the post-script, a thaw, or the command itself. */
#define RECORD_BY_DLM		"dlm"
#define RECORD_BY_FREEZE	"freeze"
#define RECORD_BY_RUN		"run"
/* For how long a post-script that runs again is told that it had succeeded. */
#define RECORD_RETRY_MS	(3600 * 1000)

enum record_state {
	RECORD_QUIESCING,
	RECORD_QUIET,
	RECORD_RELEASING,
	RECORD_RELEASED,
};

/**
 * enum record_app_state - how an application is
 * @RECORD_APP_WAITING: its hook was not called yet
 * @RECORD_APP_FREEZING: its hook was called
 * @RECORD_APP_QUIET: it is quiet
 * @RECORD_APP_NOT_READY: it said that it is not ready
 * @RECORD_APP_FAILED: it could not be made quiet
 * @RECORD_APP_LOST: it went on before it was told to
 * @RECORD_APP_THAWING: it is told to go on
 * @RECORD_APP_RELEASED: it goes on
 * @RECORD_APP_THAW_FAILED: its hook failed at the thaw
 * @RECORD_APP_STOPPED: its server does not run, so that there is nothing to make quiet
 */
enum record_app_state {
	RECORD_APP_WAITING,
	RECORD_APP_FREEZING,
	RECORD_APP_QUIET,
	RECORD_APP_NOT_READY,
	RECORD_APP_FAILED,
	RECORD_APP_LOST,
	RECORD_APP_THAWING,
	RECORD_APP_RELEASED,
	RECORD_APP_THAW_FAILED,
	RECORD_APP_STOPPED,
};

/**
 * struct record_app - one application
 * @name: its hook's name
 * @path: its hook's file
 * @session: its hook is a session hook
 * @state: how it is
 * @begun: its hook was called with freeze, so that it has to be called with thaw
 * @lost: it went on before it was told to
 * @timed_out: its hook took too long
 * @stopped: its hook said that its server does not run
 * @exit_status: its hook's last exit status, as a shell has it; -1
 * @begin_ns: when its hook was called; CLOCK_BOOTTIME, 0 if it was not, like all times here
 * @quiet_ns: since when it is, or was, quiet
 * @ended_ns: since when it goes on
 * @output: what its hook printed at the freeze, and until the thaw; or NULL
 * @thaw_output: what its hook printed after that; or NULL
 * @notes: what its hook noted
 * @paths: where its hook says that its files are
 * @wants_complete: its hook says that it is to be called when all copies are done
 * @completed_ns: when that call succeeded
 * @complete_output: what its hook printed then; or NULL
 */
struct record_app {
	char name[HOOK_NAME_MAX + 1];
	char *path;
	bool session;
	enum record_app_state state;
	bool begun, lost, timed_out, stopped;
	int exit_status;
	uint64_t begin_ns, quiet_ns, ended_ns;
	char *output, *thaw_output;
	char *notes[HOOK_CALL_NOTES_MAX];
	size_t n_notes;
	struct text_list paths;
	bool wants_complete;
	uint64_t completed_ns;
	char *complete_output;
};

/**
 * struct record - the record
 * @id: the lease's id
 * @by: which command made it: RECORD_BY_...
 * @pid: the supervisor's process
 * @state: how far it is
 * @why: why it ended; empty while it has not
 * @has_lease: there is a lease; else the supervisor keeps the deadline
 * @lease_number: the lease's number; 0: it has not been taken
 * @lease_begin_ns: its begin, so that it is not taken for another one after a reload
 * @begin_ns: when the supervisor began
 * @quiet_ns: since when all are quiet
 * @deadline_ns: when it ends by itself, at the latest
 * @limit_ns: when each session ends by itself, whatever the lease's deadline is then
 * @ended_ns: when its end was decided
 * @released_ns: when all had been told
 * @completed_ns: when all that want it had been told that the copies are done
 * @kept: without a lease: the one who asked for it knows that all are quiet
 * @in_time: its post-script ended it, and all was quiet and frozen until then
 */
struct record {
	char id[FREEZEGUARD_ID_MAX + 1];
	char by[RECORD_BY_MAX + 1];
	pid_t pid;
	enum record_state state;
	char why[RECORD_WHY_MAX + 1];
	bool has_lease, kept, in_time;
	uint64_t lease_number, lease_begin_ns;
	uint64_t begin_ns, quiet_ns, deadline_ns, limit_ns, ended_ns, released_ns;
	uint64_t completed_ns;
	struct record_app *apps;
	size_t n_apps;
};

/** struct record_list - the records that there are, the newest first */
struct record_list {
	struct record *v;
	size_t n;
};

const char *record_state_name(enum record_state state);
const char *record_app_state_name(enum record_app_state state);
int record_directory(const char *run_dir);
int record_save(const char *run_dir, const struct record *record);
int record_load(const char *run_dir, const char *id, struct record *record);
int record_list(const char *run_dir, struct record_list *list);
bool record_is_retry(const struct record *record);
void record_remove(const char *run_dir, const char *id);
void record_forget_old(const char *run_dir, size_t most);
char *record_keep(const char *keep_dir, const char *id);
int record_address(const char *run_dir, const char *id, struct sockaddr_un *address);
void record_free(struct record *record);
void record_list_free(struct record_list *list);

#endif
