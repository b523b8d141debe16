/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session: the record of the applications of one freeze, in run_dir. The supervisor writes it;
 * whoever wants to know reads it, also when the supervisor is gone.
 */
#ifndef FREEZEGUARD_SESSION_H
#define FREEZEGUARD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <freezeguard.h>

#include "apps/hook_call.h"
#include "apps/hooks.h"

/* How many records are kept. */
#define SESSION_HISTORY	32
#define SESSION_WHY_MAX	31

enum session_state {
	SESSION_QUIESCING,
	SESSION_QUIET,
	SESSION_RELEASING,
	SESSION_RELEASED,
};

/**
 * enum session_app_state - how an application is
 * @SESSION_APP_WAITING: its hook was not called yet
 * @SESSION_APP_FREEZING: its hook was called
 * @SESSION_APP_QUIET: it is quiet
 * @SESSION_APP_NOT_READY: it said that it is not ready
 * @SESSION_APP_FAILED: it could not be made quiet
 * @SESSION_APP_LOST: it went on before it was told to
 * @SESSION_APP_THAWING: it is told to go on
 * @SESSION_APP_RELEASED: it goes on
 * @SESSION_APP_THAW_FAILED: its hook failed at the thaw
 */
enum session_app_state {
	SESSION_APP_WAITING,
	SESSION_APP_FREEZING,
	SESSION_APP_QUIET,
	SESSION_APP_NOT_READY,
	SESSION_APP_FAILED,
	SESSION_APP_LOST,
	SESSION_APP_THAWING,
	SESSION_APP_RELEASED,
	SESSION_APP_THAW_FAILED,
};

/**
 * struct session_app - one application
 * @name: its hook's name
 * @path: its hook's file
 * @session: its hook is a session hook
 * @state: how it is
 * @begun: its hook was called with freeze, so that it has to be called with thaw
 * @lost: it went on before it was told to
 * @timed_out: its hook took too long
 * @exit_status: its hook's last exit status, as a shell has it; -1
 * @begin_ns: when its hook was called; CLOCK_BOOTTIME, 0 if it was not, like all times here
 * @quiet_ns: since when it is, or was, quiet
 * @ended_ns: since when it goes on
 * @output: what its hook printed at the freeze, and until the thaw; or NULL
 * @thaw_output: what its hook printed after that; or NULL
 * @notes: what its hook noted
 */
struct session_app {
	char name[HOOK_NAME_MAX + 1];
	char *path;
	bool session;
	enum session_app_state state;
	bool begun, lost, timed_out;
	int exit_status;
	uint64_t begin_ns, quiet_ns, ended_ns;
	char *output, *thaw_output;
	char *notes[HOOKRUN_NOTES_MAX];
	size_t n_notes;
};

/**
 * struct session - the record
 * @id: the lease's id
 * @pid: the supervisor's process
 * @state: how far it is
 * @why: why it ended; empty while it has not
 * @has_lease: there is a lease; else the supervisor keeps the deadline
 * @lease_number: the lease's number; 0: it has not been taken
 * @lease_begin_ns: its begin, so that it is not taken for another one after a reload
 * @begin_ns: when the supervisor began
 * @quiet_ns: since when all are quiet
 * @deadline_ns: when it ends by itself, at the latest
 * @ended_ns: when its end was decided
 * @released_ns: when all had been told
 * @kept: the one who asked for it knows that all are quiet
 */
struct session {
	char id[FREEZEGUARD_ID_MAX + 1];
	pid_t pid;
	enum session_state state;
	char why[SESSION_WHY_MAX + 1];
	bool has_lease, kept;
	uint64_t lease_number, lease_begin_ns;
	uint64_t begin_ns, quiet_ns, deadline_ns, ended_ns, released_ns;
	struct session_app *apps;
	size_t n_apps;
};

/** struct session_list - the records that there are, the newest first */
struct session_list {
	struct session *v;
	size_t n;
};

const char *session_state_name(enum session_state state);
const char *session_app_state_name(enum session_app_state state);
int session_directory(const char *run_dir);
int session_save(const char *run_dir, const struct session *session);
int session_load(const char *run_dir, const char *id, struct session *session);
int session_list(const char *run_dir, struct session_list *list);
void session_forget_old(const char *run_dir);
int session_address(const char *run_dir, const char *id, struct sockaddr_un *address);
void session_free(struct session *session);
void session_list_free(struct session_list *list);

#endif
