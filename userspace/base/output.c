// SPDX-License-Identifier: GPL-2.0-only
/*
 * output: texts, JSON documents (json-c), and the writing of both. The only file that knows the
 * library's printing; text and JSON are made from the same leases, plans and findings.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"

/**
 * output_open() - begin to collect
 * @out: all of it is overwritten
 * @json: a JSON document is wanted
 * @command: its name, as the document says it
 *
 * Return: 0 or -ENOMEM.
 */
int output_open(struct output *out, bool json, const char *command)
{
	memset(out, 0, sizeof(*out));
	out->json = json;
	out->text_fd = STDOUT_FILENO;
	out->text = open_memstream(&out->buffer, &out->size);
	if (!out->text)
		return -ENOMEM;
	if (!json)
		return 0;
	out->doc = json_object_new_object();
	if (!out->doc) {
		output_close(out);
		return -ENOMEM;
	}
	output_json_add(out->doc, "command", output_json_string(command));
	return 0;
}

/** output_exit_code() - the code that freezectl exits with if nothing more is found */
int output_exit_code(const struct output *out, const struct findings *findings)
{
	int code = findings_exit_code(findings);

	return code ? code : out->passed_on;
}

/** output_close() - free what was collected; what was not printed is lost */
void output_close(struct output *out)
{
	if (out->text)
		fclose(out->text);
	free(out->buffer);
	json_object_put(out->doc);
	memset(out, 0, sizeof(*out));
}

/*
 * A pipe or terminal that is ready takes PIPE_BUF bytes without blocking, whatever O_NONBLOCK says
 * (it belongs to whoever else has the file open, and is not changed). SIGPIPE is ignored.
 */
static int write_all(int fd, const char *data, size_t size, uint64_t deadline_ns)
{
	while (size) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };
		uint64_t now = freezeguard_now_ns();
		int wait = deadline_ns > now ? (int)((deadline_ns - now) / NS_PER_MS) + 1 : 0;
		ssize_t n;
		int r;

		r = poll(&pfd, 1, wait);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return -ETIMEDOUT;
		n = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The length of the UTF-8 character at @s, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 :
		   *s >= 0xe0 && *s < 0xf0 ? 3 : *s >= 0xf0 && *s < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/**
 * output_clean() - a text that shows and does nothing on a terminal
 * @text: any bytes: a path, a process name
 * @buf: where to; control characters become \x1b and the like, and so does what is not UTF-8. Those from
 *	U+0080 to U+009F are control characters too.
 * @size: its size; what does not fit is cut off
 *
 * Return: @buf.
 */
const char *output_clean(const char *text, char *buf, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0, n;

	while (*s && used + 5 <= size) {
		n = utf8_length(s);
		if (!n || *s < ' ' || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0)) {
			used += (size_t)snprintf(buf + used, size - used, "\\x%02x", *s++);
		} else {
			memcpy(buf + used, s, n);
			used += n;
			s += n;
		}
	}
	buf[used] = '\0';
	return buf;
}

/* As output_clean(), of any length: an argument that is quoted must not push out what is wrong. */
static void print_clean(FILE *file, const char *text)
{
	char piece[5], clean[16];
	size_t n;

	for (; *text; text += n) {
		n = utf8_length((const unsigned char *)text) ?: 1;
		memcpy(piece, text, n);
		piece[n] = '\0';
		fputs(output_clean(piece, clean, sizeof(clean)), file);
	}
}

static void print_finding(FILE *file, const struct finding *finding)
{
	fputs("freezectl: ", file);
	if (finding->code)
		fprintf(file, "%d: ", finding->code);
	else
		fputs("warning: ", file);
	if (finding->target) {
		print_clean(file, finding->target);
		fputs(": ", file);
	}
	print_clean(file, finding->message);
	fputc('\n', file);
}

static struct json_object *json_findings(const struct findings *findings)
{
	struct json_object *array = json_object_new_array(), *object;
	size_t i;

	for (i = 0; i < findings->n; i++) {
		object = json_object_new_object();
		output_json_add(object, "code", json_object_new_int(findings->v[i].code));
		output_json_add(object, "target", findings->v[i].target ?
				output_json_string(findings->v[i].target) : NULL);
		output_json_add(object, "message", output_json_string(findings->v[i].message));
		json_object_array_add(array, object);
	}
	return array;
}

static int print_errors(struct output *out, const struct findings *findings, uint64_t deadline_ns)
{
	char *buffer = NULL;
	size_t size = 0;
	FILE *file;
	int r;

	if (out->n_findings >= findings->n)
		return 0;
	file = open_memstream(&buffer, &size);
	if (!file)
		return -ENOMEM;
	for (; out->n_findings < findings->n; out->n_findings++)
		print_finding(file, &findings->v[out->n_findings]);
	r = fclose(file) ? -ENOMEM : write_all(STDERR_FILENO, buffer, size, deadline_ns);
	free(buffer);
	return r;
}

/**
 * output_print() - write what has been collected, and all findings
 * @out: what; text that was printed is not printed again
 * @findings: to standard error as text, or in the JSON document. Those that are found after the
 *	document was printed go to standard error, and all if it could not be printed.
 * @deadline_ns: when to give up, CLOCK_BOOTTIME
 *
 * Return: 0; -ETIMEDOUT nobody read it; -EPIPE, -ENOSPC, another errno of writing; -ENOMEM.
 */
int output_print(struct output *out, const struct findings *findings, uint64_t deadline_ns)
{
	int r = 0, style = out->lines ? JSON_C_TO_STRING_PLAIN :
			   JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	const char *text;
	size_t length;

	if (out->lines && !findings->n)
		return 0;
	if (out->json && !out->document_printed) {
		output_json_add(out->doc, "code",
				json_object_new_int(output_exit_code(out, findings)));
		output_json_add(out->doc, "findings", json_findings(findings));
		text = json_object_to_json_string_length(
			out->doc, style | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
		if (!text)
			return -ENOMEM;
		out->document_printed = true;
		r = write_all(STDOUT_FILENO, text, length, deadline_ns);
		r = r ? r : write_all(STDOUT_FILENO, "\n", 1, deadline_ns);
		if (!r)
			out->n_findings = findings->n;
		return r;
	}
	if (!out->json) {
		if (fflush(out->text) || ferror(out->text))
			return -ENOMEM;
		r = write_all(out->text_fd, out->buffer, out->size, deadline_ns);
		rewind(out->text);
		if (fflush(out->text))
			r = r ? r : -ENOMEM;
	}
	return print_errors(out, findings, deadline_ns) ?: r;
}

/** output_error() - the text of what output_print() or output_print_line() returned */
const char *output_error(int r)
{
	return r == -ETIMEDOUT ? "nobody read it in time" : strerror(-r);
}

/**
 * output_print_line() - write one line at once: what was collected as text, or @line
 * @out: what
 * @line: the JSON object; it is freed. NULL without JSON.
 * @deadline_ns: when to give up, CLOCK_BOOTTIME
 *
 * Return: as output_print().
 */
int output_print_line(struct output *out, struct json_object *line, uint64_t deadline_ns)
{
	const char *text;
	size_t length;
	int r;

	if (!out->json)
		return output_print(out, &(struct findings) { 0 }, deadline_ns);
	text = json_object_to_json_string_length(line, JSON_C_TO_STRING_PLAIN |
						 JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	r = text ? write_all(STDOUT_FILENO, text, length, deadline_ns) : -ENOMEM;
	if (!r)
		r = write_all(STDOUT_FILENO, "\n", 1, deadline_ns);
	json_object_put(line);
	return r;
}

/**
 * output_json_string() - a JSON string of any bytes
 * @text: a path may be anything; what is not UTF-8 becomes U+FFFD, since JSON has only that
 *
 * Return: the object, NULL (JSON's null) if there is no memory.
 */
struct json_object *output_json_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	struct json_object *object;
	char *valid = malloc(3 * strlen(text) + 1), *to = valid;
	size_t n;

	if (!valid)
		return NULL;
	while (*s) {
		n = utf8_length(s);
		if (n) {
			to = mempcpy(to, s, n);
			s += n;
		} else {
			to = mempcpy(to, "\xef\xbf\xbd", 3);
			s++;
		}
	}
	*to = '\0';
	object = json_object_new_string(valid);
	free(valid);
	return object;
}

/** output_json_add() - set a key; without an object, @value is freed */
void output_json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || json_object_object_add(object, key, value))
		json_object_put(value);
}

/** output_json_time() - set "begin_ns" and "begin_time"; null if @ns is 0: it has not happened */
void output_json_time(struct json_object *object, const char *what, uint64_t ns,
		      const struct clocks *clocks)
{
	char key[32], text[TIMEFMT_TEXT_MAX];

	snprintf(key, sizeof(key), "%s_ns", what);
	output_json_add(object, key, ns ? json_object_new_uint64(ns) : NULL);
	snprintf(key, sizeof(key), "%s_time", what);
	output_json_add(object, key, ns ? output_json_string(timefmt_iso(clocks, ns, text)) : NULL);
}

static void add_error(struct json_object *object, uint32_t error)
{
	const char *name = error ? strerrorname_np((int)error) : NULL;

	output_json_add(object, "error", error ? json_object_new_int64(error) : NULL);
	output_json_add(object, "error_name", name ? output_json_string(name) : NULL);
}

static struct json_object *json_process(uint32_t pid, const char *comm)
{
	struct json_object *object;

	if (!pid)
		return NULL;
	object = json_object_new_object();
	output_json_add(object, "pid", json_object_new_int64(pid));
	output_json_add(object, "comm", output_json_string(comm));
	return object;
}

static struct json_object *json_hold(const struct freezeguard_hold *hold,
				     const struct paths *paths, const struct clocks *clocks)
{
	const char *path = paths_path(paths, hold->major, hold->minor);
	struct json_object *object = json_object_new_object();

	output_json_add(object, "path", path ? output_json_string(path) : NULL);
	output_json_add(object, "major", json_object_new_int64(hold->major));
	output_json_add(object, "minor", json_object_new_int64(hold->minor));
	output_json_add(object, "fstype", output_json_string(hold->fstype));
	output_json_add(object, "name", output_json_string(hold->name));
	output_json_add(object, "level", json_object_new_int64(hold->level));
	output_json_add(object, "state",
			output_json_string(freezeguard_hold_state_name(hold->state)));
	add_error(object, hold->error);
	output_json_add(object, "thaw_failures", json_object_new_int64(hold->thaw_failures));
	output_json_add(object, "continuity",
			output_json_string(freezeguard_continuity_name(hold->continuity)));
	output_json_add(object, "still_frozen", json_object_new_boolean(hold->still_frozen));
	output_json_add(object, "turned_read_only",
			json_object_new_boolean(hold->turned_read_only));
	output_json_time(object, "freeze_begin", hold->freeze_begin_ns, clocks);
	output_json_time(object, "frozen", hold->frozen_ns, clocks);
	output_json_time(object, "released", hold->released_ns, clocks);
	return object;
}

/**
 * output_json_lease() - a lease as a JSON object
 * @lease: the lease
 * @paths: for the paths of its filesystems
 * @clocks: now
 *
 * Return: the object; NULL (JSON's null) if there is no memory.
 */
struct json_object *output_json_lease(const struct freezeguard_lease *lease,
				      const struct paths *paths, const struct clocks *clocks)
{
	struct json_object *object = json_object_new_object(), *holds = json_object_new_array();
	size_t i;

	output_json_add(object, "id", output_json_string(lease->id));
	output_json_add(object, "number", json_object_new_uint64(lease->number));
	output_json_add(object, "state",
			output_json_string(freezeguard_lease_state_name(lease->state)));
	output_json_add(object, "live",
			json_object_new_boolean(freezeguard_lease_is_live(lease)));
	output_json_add(object, "cause", output_json_string(freezeguard_cause_name(lease->cause)));
	add_error(object, lease->error);
	output_json_add(object, "bound", json_object_new_boolean(lease->bound));
	output_json_add(object, "continuity",
			output_json_string(freezeguard_continuity_name(lease->continuity)));
	output_json_time(object, "begin", lease->begin_ns, clocks);
	output_json_time(object, "frozen", lease->frozen_ns, clocks);
	output_json_time(object, "deadline", lease->deadline_ns, clocks);
	output_json_time(object, "ended", lease->ended_ns, clocks);
	output_json_time(object, "released", lease->released_ns, clocks);
	output_json_add(object, "owner", json_process(lease->owner_pid, lease->owner_comm));
	output_json_add(object, "ender", json_process(lease->ender_pid, lease->ender_comm));
	output_json_add(object, "n_filesystems", json_object_new_int64(lease->n_superblocks));
	output_json_add(object, "n_live", json_object_new_int64(lease->n_live));
	for (i = 0; holds && i < lease->n_holds; i++)
		json_object_array_add(holds, json_hold(&lease->holds[i], paths, clocks));
	output_json_add(object, "filesystems", holds);
	return object;
}

/**
 * output_json_leases() - put a lease into the document, as the only one of "leases"
 * @out: the output; without JSON nothing is done
 * @lease: the lease
 * @paths: for the paths of its filesystems
 * @clocks: now
 */
void output_json_leases(struct output *out, const struct freezeguard_lease *lease,
			const struct paths *paths, const struct clocks *clocks)
{
	struct json_object *array;

	if (!out->json)
		return;
	array = json_object_new_array();
	if (array)
		json_object_array_add(array, output_json_lease(lease, paths, clocks));
	output_json_add(out->doc, "leases", array);
}

/**
 * output_json_plan() - a plan as a JSON array
 * @plan: the plan
 *
 * Return: the array; NULL (JSON's null) if there is no memory.
 */
struct json_object *output_json_plan(const struct plan *plan)
{
	struct json_object *array = json_object_new_array(), *object, *mountpoints;
	size_t i, k;

	for (i = 0; array && i < plan->n; i++) {
		const struct plan_target *t = &plan->v[i];

		object = json_object_new_object();
		mountpoints = json_object_new_array();
		output_json_add(object, "path", output_json_string(t->path));
		output_json_add(object, "major", json_object_new_int64(t->major));
		output_json_add(object, "minor", json_object_new_int64(t->minor));
		output_json_add(object, "fstype", output_json_string(t->fstype));
		output_json_add(object, "source", output_json_string(t->source));
		for (k = 0; mountpoints && k < t->n_mountpoints; k++)
			json_object_array_add(mountpoints, output_json_string(t->mountpoints[k]));
		output_json_add(object, "mountpoints", mountpoints);
		output_json_add(object, "named", json_object_new_boolean(t->named));
		output_json_add(object, "read_only", json_object_new_boolean(t->read_only));
		output_json_add(object, "freeze", json_object_new_boolean(!t->skip));
		output_json_add(object, "level",
				t->skip ? NULL : json_object_new_int64(t->level));
		output_json_add(object, "why_not", t->skip ? output_json_string(t->skip) : NULL);
		json_object_array_add(array, object);
	}
	return array;
}

/**
 * output_holds() - the filesystems of a lease as a text table
 * @out: where to
 * @lease: the lease
 * @paths: for their paths
 */
void output_holds(struct output *out, const struct freezeguard_lease *lease,
		  const struct paths *paths)
{
	static const char *const headers[] = { "FILESYSTEM", "TYPE", "DEVICE", "LEVEL", "STATE",
					       "CONTINUITY", "ERROR", NULL };
	struct table *table = table_new(headers);
	char place[PATHS_TEXT_MAX], device[32], level[16], error[64];
	size_t i;

	for (i = 0; i < lease->n_holds; i++) {
		const struct freezeguard_hold *hold = &lease->holds[i];
		const char *name = hold->error ? strerrorname_np((int)hold->error) : NULL;

		snprintf(device, sizeof(device), "%u:%u", hold->major, hold->minor);
		snprintf(level, sizeof(level), "%u", hold->level);
		if (hold->thaw_failures)
			snprintf(error, sizeof(error), "%s, %u failed thaws", name ? name : "?",
				 hold->thaw_failures);
		else
			snprintf(error, sizeof(error), "%s", name ? name : "-");
		table_row(table, (const char *[]) {
			paths_hold(paths, hold, place), hold->fstype, device, level,
			hold->still_frozen ? "released, frozen by others" :
			hold->turned_read_only ? "released, read-only now" :
			freezeguard_hold_state_name(hold->state),
			freezeguard_continuity_name(hold->continuity), error });
	}
	table_print(table, out->text);
}

/**
 * output_rehearse() - go once through everything that will be printed about a plan, to nowhere
 * @plan: the plan
 * @json: whether it will be JSON
 *
 * What the libraries load or allocate on their first use (character set conversion, the time zone)
 * is loaded then, before anything is frozen.
 */
void output_rehearse(const struct plan *plan, bool json)
{
	const struct paths paths = { .plan = plan };
	struct clocks clocks = timefmt_now();
	struct freezeguard_lease lease = {
		.id = "rehearsal", .begin_ns = clocks.now_ns, .frozen_ns = clocks.now_ns,
		.deadline_ns = clocks.now_ns,
	};
	struct findings findings = { 0 };
	struct json_object *object;
	struct output out;
	char *text = NULL;
	size_t i, size;
	FILE *file;

	if (output_open(&out, true, "rehearsal"))
		return;
	lease.holds = calloc(plan->n + 1, sizeof(*lease.holds));
	for (i = 0; lease.holds && i < plan->n; i++) {
		lease.holds[i].major = plan->v[i].major;
		lease.holds[i].minor = plan->v[i].minor;
		lease.holds[i].error = EIO;
	}
	lease.n_holds = lease.holds ? plan->n : 0;
	if (json) {
		object = output_json_lease(&lease, &paths, &clocks);
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY);
		json_object_put(object);
	} else {
		output_holds(&out, &lease, &paths);
	}
	findings_add(&findings, EXIT_CODE_DONE, "rehearsal", "%s: %s", strerror(EIO), "rehearsal");
	file = open_memstream(&text, &size);
	if (file) {
		for (i = 0; i < findings.n; i++)
			print_finding(file, &findings.v[i]);
		fclose(file);
	}
	free(text);
	findings_free(&findings);
	freezeguard_lease_clear(&lease);
	output_close(&out);
}
