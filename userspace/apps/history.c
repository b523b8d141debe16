// SPDX-License-Identifier: GPL-2.0-only
/*
 * history: whoever knows that a lease has ended adds it to the file, and whoever has added it sends the
 * line to the log. So there is one of each, whether a thaw, a post-script or the supervisor was first.
 * The file may lie on a filesystem that is frozen by now. So it is written by a process of its own,
 * for which nobody waits long.
 */
#include <errno.h>
#include <paths.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apps/history.h"
#include "apps/post_script.h"
#include "base/log.h"
#include "lease/history.h"
#include "show/history.h"

/* How long the writer is waited for. */
#define WAIT_MS	500
/* So long after its end, few others can have been added behind it. */
#define FRESH_MS	5000

static struct json_object *json_of_apps(const struct record *record)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; array && record && i < record->n_apps; i++) {
		struct json_object *app = json_object_new_object();

		output_json_add(app, "name", output_json_string(record->apps[i].name));
		output_json_add(app, "state",
				output_json_string(record_app_state_name(record->apps[i].state)));
		json_object_array_add(array, app);
	}
	return array;
}

/* The entry of a lease; NULL if its supervisor lives, which will add it with its applications. */
static struct json_object *entry_of(const struct config *config,
				    const struct freezeguard_lease *lease,
				    const struct paths *paths)
{
	struct record record;
	bool ours = !record_load(config->run_dir, lease->id, &record) &&
		    record.lease_number == lease->number &&
		    record.lease_begin_ns == lease->begin_ns;
	struct json_object *entry = NULL;

	if (!ours || record.state == RECORD_RELEASED || !apps_alive(config->run_dir, &record))
		entry = show_history_json(lease, json_of_apps(ours ? &record : NULL), paths);
	record_free(&record);
	return entry;
}

/* What was added is left in @entries. @log_anyway: also what could not be. @fresh: see history_add() */
static int add(const char *dir, struct json_object *entries, bool log_anyway, bool fresh, bool *gap)
{
	int r = history_add(dir, entries, fresh, gap);
	size_t i;

	for (i = 0; (!r || log_anyway) && i < json_object_array_length(entries); i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		char *line = show_history_line(entry);

		if (line)
			log_line(_PATH_LOG, show_history_is_fine(entry) ? LOG_NOTICE : LOG_WARNING,
				 line);
		free(line);
	}
	return r;
}

/* Entries of all leases that the module remembers and that have ended. */
static struct json_object *remembered(struct freezectl *ctl, const struct config *config)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	struct json_object *array = json_object_new_array(), *entry;
	struct freezeguard_lease_list leases = { 0 };
	size_t i;

	/* To ask would load the module. */
	if (access("/sys/module/freezeguard", F_OK) || freezeguard_open(&ctl->fg) ||
	    freezeguard_lease_dump(ctl->fg, &leases))
		return array;
	for (i = 0; i < leases.n; i++) {
		if (freezeguard_lease_is_live(&leases.v[i]))
			continue;
		entry = entry_of(config, &leases.v[i], &paths);
		if (entry)
			json_object_array_add(array, entry);
	}
	freezeguard_lease_list_clear(&leases);
	return array;
}

static bool is_fresh(const struct freezeguard_lease *lease)
{
	return lease->ended_ns + FRESH_MS * NS_PER_MS > freezeguard_now_ns();
}

/* The writer's process. @entry: NULL: all that the module remembers; @fresh: see history_add() */
static void __attribute__((noreturn)) work(struct freezectl *ctl, const struct config *config,
					   struct json_object *entry, bool fresh)
{
	struct json_object *entries = json_object_new_array();
	bool gap;
	int r = 0;

	/* Whoever waits for the end of the caller's output or of its lease is not to wait for this. */
	close_range(0, ~0U, 0);
	ctl->fg = NULL;
	if (entry) {
		json_object_array_add(entries, entry);
		r = add(config->keep_dir, entries, true, fresh, &gap);
		/* The caller waits for its own lease, and not for all that others have left out. */
		if (r || !gap || fork())
			_exit(-r);
	}
	entries = remembered(ctl, config);
	if (json_object_array_length(entries))
		r = add(config->keep_dir, entries, false, false, &gap);
	_exit(-r);
}

/* Wait for the writer, but not long. */
static int wait_for(pid_t pid)
{
	struct pollfd fd = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int ready = fd.fd < 0 ? 0 : poll(&fd, 1, WAIT_MS), status;

	if (fd.fd >= 0)
		close(fd.fd);
	if (ready <= 0)
		return -ETIMEDOUT;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/**
 * history_keep() - add a lease to the history and to the log
 * @ctl: the call
 * @lease: the lease; nothing happens if it has not ended. NULL: all that the module remembers
 *
 * Missing leases that ended before are added, too. One with a supervisor that lives is left to it.
 * What can be prepared without writing is prepared here: a process that was forked pays for each page
 * that it changes.
 *
 * Return: 0; -ETIMEDOUT it goes on by itself, and may wait for a frozen filesystem; another
 * negative errno, it could not be added.
 */
int history_keep(struct freezectl *ctl, const struct freezeguard_lease *lease)
{
	const struct paths paths = { .mounts = &ctl->mounts };
	struct findings ignored = { 0 };
	struct config own = { 0 };
	const struct config *config = &ctl->config;
	struct json_object *entry = NULL;
	pid_t pid = 0;
	int r = 0;

	if (lease && (!lease->number || freezeguard_lease_is_live(lease)))
		return 0;
	if (!config->file) {
		/* What is wrong with it is no matter of a lease that has ended. */
		config_read(&own, freezectl_config_file(), NULL, false, &ignored);
		config = &own;
	}
	if (lease)
		entry = entry_of(config, lease, &paths);
	if (entry || !lease) {
		signal(SIGCHLD, SIG_DFL);	/* ignored, it would take the writer's status away */
		pid = fork();
		if (!pid)
			work(ctl, config, entry, lease && is_fresh(lease));
		r = pid < 0 ? -errno : wait_for(pid);
	}
	json_object_put(entry);
	config_free(&own);
	findings_free(&ignored);
	return r;
}

/**
 * history_keep_record() - the same for a supervisor that is done, which may wait
 * @dir: where the history is
 * @record: its record
 * @lease: its lease; NULL: there was none
 */
void history_keep_record(const char *dir, const struct record *record,
			 const struct freezeguard_lease *lease)
{
	struct freezeguard_lease none = {
		.begin_ns = record->begin_ns, .frozen_ns = record->has_lease ? 0 : record->quiet_ns,
		.deadline_ns = record->deadline_ns, .ended_ns = record->ended_ns,
		.released_ns = record->released_ns, .state = FREEZEGUARD_LEASE_STATE_THAWED,
	};
	struct json_object *entries = json_object_new_array(), *entry;
	struct mounts_once mounts = { 0 };
	const struct paths paths = { .mounts = &mounts };
	bool gap;

	memcpy(none.id, record->id, sizeof(none.id));
	entry = show_history_json(lease ? lease : &none, json_of_apps(record), &paths);
	if (!lease) {
		output_json_add(entry, "cause", output_json_string(record->why));
		output_json_add(entry, "continuity", NULL);
	}
	json_object_array_add(entries, entry);
	add(dir, entries, true, true, &gap);
	json_object_put(entries);
	mounts_once_free(&mounts);
}

/**
 * history_merge() - add what only the module remembers
 * @ctl: the call
 * @config: what is in force
 * @entries: of the file
 *
 * Return: 0 or -ENOMEM.
 */
int history_merge(struct freezectl *ctl, const struct config *config, struct json_object *entries)
{
	struct json_object *others = remembered(ctl, config);
	size_t i, k, n = json_object_array_length(entries);

	if (!others)
		return -ENOMEM;
	for (i = 0; i < json_object_array_length(others); i++) {
		struct json_object *entry = json_object_array_get_idx(others, i);

		for (k = 0; k < n; k++)
			if (!strcmp(show_history_key(entry),
				    show_history_key(json_object_array_get_idx(entries, k))))
				break;
		if (k == n)
			json_object_array_add(entries, json_object_get(entry));
	}
	json_object_put(others);
	return 0;
}
