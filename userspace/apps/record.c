// SPDX-License-Identifier: GPL-2.0-only
/* record: reading and writing the records. Each is replaced as a whole, by a rename. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "apps/record.h"
#include "base/text.h"
#include "base/timefmt.h"
#include "base/util.h"
#include "lease/history.h"

#define VERSION		1
#define RECORD		".json"
/* Each byte of an id may become three. */
#define FILE_MAX	(3 * FREEZEGUARD_ID_MAX + 8)

static const char *const states[] = { "quiescing", "quiet", "releasing", "released" };
static const char *const app_states[] = {
	"waiting", "freezing", "quiet", "not-ready", "failed", "lost", "thawing", "released",
	"thaw-failed", "stopped",
};

#define N_STATES	ARRAY_SIZE(states)
#define N_APP_STATES	ARRAY_SIZE(app_states)

/** record_state_name() - a state as the record has it */
const char *record_state_name(enum record_state state)
{
	return states[state];
}

/** record_app_state_name() - an application's state as the record has it */
const char *record_app_state_name(enum record_app_state state)
{
	return app_states[state];
}

/*
 * All that an id may have is kept as it is, so that the address of a socket has room for it; but a dot
 * in front would hide the file, or name a directory. No two ids have one file.
 */
static void file_of(const char *id, const char *suffix, char file[FILE_MAX])
{
	size_t used = 0;

	for (; *id && used < 3 * FREEZEGUARD_ID_MAX; id++) {
		unsigned char c = (unsigned char)*id;

		if (isalnum(c) || strchr("-_:@+", c) || (c == '.' && used))
			file[used++] = (char)c;
		else
			used += (size_t)sprintf(file + used, "%%%02x", c);
	}
	strcpy(file + used, suffix);
}

/* What a record says decides which hooks are called, so nobody else may have written it. */
static int check_directory(const char *run_dir)
{
	struct stat st;

	if (lstat(run_dir, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return (st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IWGRP | S_IWOTH) ?
	       -EPERM : 0;
}

/**
 * record_directory() - make the directory of the records, and see that it is root's alone
 * @run_dir: its path; what it is in has to be there
 *
 * Return: 0; -EPERM it belongs to somebody else or others may write to it; another negative errno.
 */
int record_directory(const char *run_dir)
{
	if (mkdir(run_dir, 0700) && errno != EEXIST)
		return -errno;
	return check_directory(run_dir);
}

static struct json_object *json_number(uint64_t value)
{
	return json_object_new_uint64(value);
}

static struct json_object *json_of_list(const struct text_list *list)
{
	struct json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; array && i < list->n; i++)
		json_object_array_add(array, json_object_new_string(list->v[i]));
	return array;
}

static struct json_object *json_of_app(const struct record_app *app)
{
	struct json_object *object = json_object_new_object(), *notes = json_object_new_array();
	size_t i;

	json_object_object_add(object, "name", json_object_new_string(app->name));
	json_object_object_add(object, "path", json_object_new_string(app->path));
	json_object_object_add(object, "session", json_object_new_boolean(app->session));
	json_object_object_add(object, "state", json_object_new_string(app_states[app->state]));
	json_object_object_add(object, "begun", json_object_new_boolean(app->begun));
	json_object_object_add(object, "lost", json_object_new_boolean(app->lost));
	json_object_object_add(object, "timed_out", json_object_new_boolean(app->timed_out));
	json_object_object_add(object, "stopped", json_object_new_boolean(app->stopped));
	json_object_object_add(object, "exit_status", json_object_new_int(app->exit_status));
	json_object_object_add(object, "begin_ns", json_number(app->begin_ns));
	json_object_object_add(object, "quiet_ns", json_number(app->quiet_ns));
	json_object_object_add(object, "ended_ns", json_number(app->ended_ns));
	json_object_object_add(object, "output",
			       json_object_new_string(app->output ? app->output : ""));
	json_object_object_add(object, "thaw_output",
			       json_object_new_string(app->thaw_output ? app->thaw_output : ""));
	for (i = 0; notes && i < app->n_notes; i++)
		json_object_array_add(notes, json_object_new_string(app->notes[i]));
	json_object_object_add(object, "notes", notes);
	json_object_object_add(object, "paths", json_of_list(&app->paths));
	json_object_object_add(object, "wants_complete",
			       json_object_new_boolean(app->wants_complete));
	json_object_object_add(object, "completed_ns", json_number(app->completed_ns));
	json_object_object_add(object, "complete_output",
			       json_object_new_string(app->complete_output ?
						      app->complete_output : ""));
	return object;
}

static struct json_object *json_of(const struct record *s)
{
	struct json_object *object = json_object_new_object(), *apps = json_object_new_array();
	size_t i;

	json_object_object_add(object, "version", json_object_new_int(VERSION));
	json_object_object_add(object, "id", json_object_new_string(s->id));
	json_object_object_add(object, "by", json_object_new_string(s->by));
	json_object_object_add(object, "pid", json_object_new_int(s->pid));
	json_object_object_add(object, "state", json_object_new_string(states[s->state]));
	json_object_object_add(object, "why", json_object_new_string(s->why));
	json_object_object_add(object, "has_lease", json_object_new_boolean(s->has_lease));
	json_object_object_add(object, "kept", json_object_new_boolean(s->kept));
	json_object_object_add(object, "in_time", json_object_new_boolean(s->in_time));
	json_object_object_add(object, "lease_number", json_number(s->lease_number));
	json_object_object_add(object, "lease_begin_ns", json_number(s->lease_begin_ns));
	json_object_object_add(object, "begin_ns", json_number(s->begin_ns));
	json_object_object_add(object, "quiet_ns", json_number(s->quiet_ns));
	json_object_object_add(object, "deadline_ns", json_number(s->deadline_ns));
	json_object_object_add(object, "limit_ns", json_number(s->limit_ns));
	json_object_object_add(object, "ended_ns", json_number(s->ended_ns));
	json_object_object_add(object, "released_ns", json_number(s->released_ns));
	json_object_object_add(object, "completed_ns", json_number(s->completed_ns));
	for (i = 0; apps && i < s->n_apps; i++)
		json_object_array_add(apps, json_of_app(&s->apps[i]));
	json_object_object_add(object, "apps", apps);
	return object;
}

/**
 * record_save() - write a record
 * @run_dir: where to; record_directory() made it
 * @record: the record
 *
 * Return: 0 or a negative errno; there is the old one or none then.
 */
int record_save(const char *run_dir, const struct record *record)
{
	char file[FILE_MAX], path[4096], temporary[4096];
	struct json_object *object;
	const char *text;
	int fd, r = 0;
	size_t len;

	file_of(record->id, RECORD, file);
	snprintf(path, sizeof(path), "%s/%s", run_dir, file);
	snprintf(temporary, sizeof(temporary), "%s/.%s.%d", run_dir, file, getpid());
	object = json_of(record);
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);
	if (!text) {
		json_object_put(object);
		return -ENOMEM;
	}
	len = strlen(text);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		r = -errno;
		json_object_put(object);
		return r;
	}
	if (write(fd, text, len) != (ssize_t)len)
		r = errno ? -errno : -ENOSPC;
	if (close(fd) && !r)
		r = -errno;
	json_object_put(object);
	if (!r && rename(temporary, path))
		r = -errno;
	if (r)
		unlink(temporary);
	return r;
}

static uint64_t number_of(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

static bool bool_of(struct json_object *object, const char *key)
{
	return json_object_get_boolean(json_object_object_get(object, key));
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static bool index_of(const char *text, const char *const *names, size_t n, unsigned int *at)
{
	for (*at = 0; *at < n; (*at)++)
		if (!strcmp(text, names[*at]))
			return true;
	return false;
}

static int list_of(struct json_object *object, const char *key, struct text_list *list)
{
	struct json_object *array = json_object_object_get(object, key);
	size_t i;
	int r = 0;

	for (i = 0; !r && json_object_is_type(array, json_type_array) &&
	     i < json_object_array_length(array); i++)
		r = text_list_add(list,
				  json_object_get_string(json_object_array_get_idx(array, i)));
	return r;
}

static int app_of(struct json_object *object, struct record_app *app)
{
	struct json_object *notes = json_object_object_get(object, "notes");
	unsigned int state;
	size_t i;

	snprintf(app->name, sizeof(app->name), "%s", text_of(object, "name"));
	if (!app->name[0] || !index_of(text_of(object, "state"), app_states, N_APP_STATES, &state))
		return -EBADMSG;
	app->state = (enum record_app_state)state;
	app->path = text_copy(text_of(object, "path"));
	app->output = text_copy(text_of(object, "output"));
	app->thaw_output = text_copy(text_of(object, "thaw_output"));
	app->session = bool_of(object, "session");
	app->begun = bool_of(object, "begun");
	app->lost = bool_of(object, "lost");
	app->timed_out = bool_of(object, "timed_out");
	app->stopped = bool_of(object, "stopped");
	app->exit_status = json_object_get_int(json_object_object_get(object, "exit_status"));
	app->begin_ns = number_of(object, "begin_ns");
	app->quiet_ns = number_of(object, "quiet_ns");
	app->ended_ns = number_of(object, "ended_ns");
	for (i = 0; json_object_is_type(notes, json_type_array) && i < HOOK_CALL_NOTES_MAX &&
	     i < json_object_array_length(notes); i++) {
		app->notes[i] = text_copy(json_object_get_string(json_object_array_get_idx(notes, i)));
		if (!app->notes[i])
			return -ENOMEM;
		app->n_notes++;
	}
	app->wants_complete = bool_of(object, "wants_complete");
	app->completed_ns = number_of(object, "completed_ns");
	app->complete_output = text_copy(text_of(object, "complete_output"));
	if (list_of(object, "paths", &app->paths))
		return -ENOMEM;
	return app->path && app->output && app->thaw_output && app->complete_output ? 0 : -ENOMEM;
}

static int parse(struct json_object *object, struct record *s)
{
	struct json_object *apps = json_object_object_get(object, "apps");
	unsigned int state;
	size_t i, n;
	int r;

	if (number_of(object, "version") != VERSION || !text_of(object, "id")[0] ||
	    !json_object_is_type(apps, json_type_array) ||
	    !index_of(text_of(object, "state"), states, N_STATES, &state))
		return -EBADMSG;
	snprintf(s->id, sizeof(s->id), "%s", text_of(object, "id"));
	snprintf(s->by, sizeof(s->by), "%s", text_of(object, "by"));
	snprintf(s->why, sizeof(s->why), "%s", text_of(object, "why"));
	s->state = (enum record_state)state;
	s->pid = json_object_get_int(json_object_object_get(object, "pid"));
	s->has_lease = bool_of(object, "has_lease");
	s->kept = bool_of(object, "kept");
	s->in_time = bool_of(object, "in_time");
	s->lease_number = number_of(object, "lease_number");
	s->lease_begin_ns = number_of(object, "lease_begin_ns");
	s->begin_ns = number_of(object, "begin_ns");
	s->quiet_ns = number_of(object, "quiet_ns");
	s->deadline_ns = number_of(object, "deadline_ns");
	s->limit_ns = number_of(object, "limit_ns");
	s->ended_ns = number_of(object, "ended_ns");
	s->released_ns = number_of(object, "released_ns");
	s->completed_ns = number_of(object, "completed_ns");
	n = json_object_array_length(apps);
	s->apps = calloc(n + 1, sizeof(*s->apps));
	if (!s->apps)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		s->n_apps++;
		r = app_of(json_object_array_get_idx(apps, i), &s->apps[i]);
		if (r)
			return r;
	}
	return 0;
}

static int load_file(const char *run_dir, const char *file, struct record *record)
{
	struct json_object *object;
	char path[4096];
	int fd, r;

	*record = (struct record){ 0 };
	snprintf(path, sizeof(path), "%s/%s", run_dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	object = json_object_from_fd(fd);
	close(fd);
	if (!object)
		return -EBADMSG;
	r = parse(object, record);
	json_object_put(object);
	if (r)
		record_free(record);
	return r;
}

/**
 * record_load() - read a record
 * @run_dir: where from
 * @id: the lease's id
 * @record: all of it is overwritten; record_free() it
 *
 * Return: 0; -ENOENT there is none; -EBADMSG it is not one; -EPERM as for record_directory();
 * another negative errno.
 */
int record_load(const char *run_dir, const char *id, struct record *record)
{
	int r = check_directory(run_dir);
	char file[FILE_MAX];

	*record = (struct record){ 0 };
	file_of(id, RECORD, file);
	return r ? r : load_file(run_dir, file, record);
}

static int newest_first(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->begin_ns < y->begin_ns ? 1 : -(x->begin_ns > y->begin_ns);
}

/**
 * record_list() - read all records
 * @run_dir: where from
 * @list: all of it is overwritten; record_list_free() it
 *
 * Files that are no records are passed over.
 *
 * Return: 0, also if there is no such directory; -EPERM as for record_directory(); another negative
 * errno.
 */
int record_list(const char *run_dir, struct record_list *list)
{
	struct record one, *v;
	struct dirent *entry;
	DIR *dir;
	int r = check_directory(run_dir);

	*list = (struct record_list){ 0 };
	if (r)
		return r == -ENOENT ? 0 : r;
	dir = opendir(run_dir);
	if (!dir)
		return -errno;
	while (!r && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len <= strlen(RECORD) ||
		    strcmp(entry->d_name + len - strlen(RECORD), RECORD) ||
		    load_file(run_dir, entry->d_name, &one))
			continue;
		v = APPEND(list->v, list->n);
		if (!v) {
			record_free(&one);
			r = -ENOMEM;
			break;
		}
		*v = one;
	}
	closedir(dir);
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), newest_first);
	if (r)
		record_list_free(list);
	return r;
}

/** record_is_retry() - had its post-script succeeded, so lately that it may run again? */
bool record_is_retry(const struct record *record)
{
	return record->in_time &&
	       freezeguard_now_ns() - record->ended_ns <= RECORD_RETRY_MS * NS_PER_MS;
}

/* Reading all of them takes longer than counting. */
static size_t count(const char *run_dir)
{
	DIR *dir = opendir(run_dir);
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/** record_remove() - remove the record of an id, if there is one */
void record_remove(const char *run_dir, const char *id)
{
	char file[FILE_MAX], path[4096];

	file_of(id, RECORD, file);
	snprintf(path, sizeof(path), "%s/%s", run_dir, file);
	unlink(path);
}

/**
 * record_forget_old() - remove all but the newest records; those that are not over stay
 * @run_dir: the directory of the records
 * @most: nothing is done while it has no more entries than this
 */
void record_forget_old(const char *run_dir, size_t most)
{
	struct record_list list;
	size_t i;

	if (count(run_dir) <= most || record_list(run_dir, &list))
		return;
	for (i = RECORD_HISTORY; i < list.n; i++) {
		if (list.v[i].state == RECORD_RELEASED)
			record_remove(run_dir, list.v[i].id);
	}
	record_list_free(&list);
}

/**
 * record_keep() - where the hooks of a freeze keep what a restore needs
 * @keep_dir: where all of them do, and the history is
 * @id: the lease's id
 *
 * Return: the path, for free(); NULL without memory.
 */
char *record_keep(const char *keep_dir, const char *id)
{
	char file[FILE_MAX];

	file_of(id, "", file);
	/* The history, and what replaces it, are there, too. */
	if (!strncmp(file, HISTORY_FILE, strlen(HISTORY_FILE)))
		return text_format("%s/%%%02x%s", keep_dir, file[0], file + 1);
	return text_format("%s/%s", keep_dir, file);
}

/**
 * record_address() - where the supervisor of a freeze listens
 * @run_dir: the directory of the records
 * @id: the lease's id
 * @address: set to it
 *
 * Return: 0; -ENAMETOOLONG.
 */
int record_address(const char *run_dir, const char *id, struct sockaddr_un *address)
{
	char file[FILE_MAX];
	int n;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	file_of(id, ".sock", file);
	n = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", run_dir, file);
	return n < 0 || (size_t)n >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

/** record_free() - free what a record points to, and zero it */
void record_free(struct record *record)
{
	size_t i, k;

	for (i = 0; i < record->n_apps; i++) {
		free(record->apps[i].path);
		free(record->apps[i].output);
		free(record->apps[i].thaw_output);
		free(record->apps[i].complete_output);
		for (k = 0; k < record->apps[i].n_notes; k++)
			free(record->apps[i].notes[k]);
		text_list_free(&record->apps[i].paths);
	}
	free(record->apps);
	*record = (struct record){ 0 };
}

/** record_list_free() - free a list and all of its records, and zero it */
void record_list_free(struct record_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		record_free(&list->v[i]);
	free(list->v);
	*list = (struct record_list){ 0 };
}
