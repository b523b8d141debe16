// SPDX-License-Identifier: GPL-2.0-only
/*
 * output: texts, JSON documents (json-c), and the writing of both by a deadline. The only file that
 * knows the library's printing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <freezeguard.h>

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

/** output_finding() - a finding as a line of text */
void output_finding(FILE *file, const struct finding *finding)
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
		output_finding(file, &findings->v[out->n_findings]);
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
	return r == -ETIMEDOUT ? "its reader did not read it in time" : strerror(-r);
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
