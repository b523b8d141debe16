// SPDX-License-Identifier: GPL-2.0-only
/*
 * history: an entry is a lease as everywhere in JSON, with its applications, and a key that no other
 * lease has: numbers begin again with the module, and times since the boot with the machine.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "show/history.h"
#include "show/lease.h"
#include "show/table.h"

#define BOOT_ID	"/proc/sys/kernel/random/boot_id"
#define MS_PER_S	1000

/**
 * show_history_json() - the entry of a lease that has ended
 * @lease: the lease
 * @applications: an array; freed with the entry
 * @paths: for the paths of its filesystems
 *
 * Return: the object; NULL (JSON's null) if there is no memory.
 */
struct json_object *show_history_json(const struct freezeguard_lease *lease,
				      struct json_object *applications, const struct paths *paths)
{
	struct clocks clocks = timefmt_now();
	struct json_object *entry = show_lease_json(lease, paths, &clocks);
	char *boot = text_read(AT_FDCWD, BOOT_ID), key[128];

	snprintf(key, sizeof(key), "%.40s:%llu:%llu", boot ? boot : "?",
		 (unsigned long long)lease->number, (unsigned long long)lease->begin_ns);
	output_json_add(entry, "key", output_json_string(key));
	output_json_add(entry, "applications", applications);
	free(boot);
	return entry;
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static uint64_t number_of(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

/** show_history_key() - what no other entry has; "" if it has none */
const char *show_history_key(struct json_object *entry)
{
	return text_of(entry, "key");
}

/** show_history_ended_ms() - when an entry's lease ended, milliseconds of CLOCK_REALTIME; 0: unknown */
uint64_t show_history_ended_ms(struct json_object *entry)
{
	struct tm tm = { 0 };
	const char *end = strptime(text_of(entry, "ended_time"), "%Y-%m-%dT%H:%M:%S", &tm);
	unsigned int ms = 0;
	char sign = '+';
	int h = 0, m = 0;

	if (!end || sscanf(end, ".%3u%c%2d%2d", &ms, &sign, &h, &m) != 4)
		return 0;
	return (uint64_t)(timegm(&tm) - (sign == '-' ? -1 : 1) * (h * 3600 + m * 60)) * MS_PER_S + ms;
}

/* "mysql released, web lost"; "-" */
static const char *applications_text(struct json_object *entry, char *buf, size_t size)
{
	struct json_object *apps = json_object_object_get(entry, "applications");
	size_t i, used = 0;

	snprintf(buf, size, "-");
	for (i = 0; json_object_is_type(apps, json_type_array) && used < size &&
	     i < json_object_array_length(apps); i++) {
		struct json_object *app = json_object_array_get_idx(apps, i);

		used += (size_t)snprintf(buf + used, size - used, "%s%s %s", i ? ", " : "",
					 text_of(app, "name"), text_of(app, "state"));
	}
	return buf;
}

/* "/data, /my logs"; of a filesystem without a path its name */
static const char *filesystems_text(struct json_object *entry, char *buf, size_t size)
{
	struct json_object *holds = json_object_object_get(entry, "filesystems");
	char clean[1024];
	size_t i, used = 0;

	snprintf(buf, size, "-");
	for (i = 0; json_object_is_type(holds, json_type_array) && used < size &&
	     i < json_object_array_length(holds); i++) {
		struct json_object *hold = json_object_array_get_idx(holds, i);
		const char *path = text_of(hold, "path");

		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
					 output_clean(*path ? path : text_of(hold, "name"), clean,
						      sizeof(clean)));
	}
	return buf;
}

static const char *frozen_text(struct json_object *entry, char buf[TIMEFMT_TEXT_MAX])
{
	if (!number_of(entry, "frozen_ns"))
		return strcpy(buf, "-");
	return timefmt_span(number_of(entry, "frozen_ns"), number_of(entry, "ended_ns"), buf);
}

/** show_history_is_fine() - was it ended by a request, frozen without a gap, with nothing lost? */
bool show_history_is_fine(struct json_object *entry)
{
	struct json_object *apps = json_object_object_get(entry, "applications");
	size_t i;

	for (i = 0; json_object_is_type(apps, json_type_array) &&
	     i < json_object_array_length(apps); i++) {
		const char *state = text_of(json_object_array_get_idx(apps, i), "state");

		if (strcmp(state, "released") && strcmp(state, "stopped"))
			return false;
	}
	return !strcmp(text_of(entry, "cause"), "request") &&
	       strcmp(text_of(entry, "continuity"), "broken");
}

/** show_history_line() - an entry as a line of the log, for free(); NULL without memory */
char *show_history_line(struct json_object *entry)
{
	char apps[1024], filesystems[1024], span[TIMEFMT_TEXT_MAX];
	const char *continuity = text_of(entry, "continuity"), *error = text_of(entry, "error_name");

	return text_format("lease %s (number %llu) ended at %s by %s%s%s; frozen for %s; continuity %s; filesystems: %s; applications: %s",
			   text_of(entry, "id"), (unsigned long long)number_of(entry, "number"),
			   text_of(entry, "ended_time"), text_of(entry, "cause"),
			   *error ? ", " : "", error, frozen_text(entry, span),
			   *continuity ? continuity : "-",
			   filesystems_text(entry, filesystems, sizeof(filesystems)),
			   applications_text(entry, apps, sizeof(apps)));
}

/**
 * show_history_table() - entries as a text table
 * @out: where to
 * @entries: an array of them
 */
void show_history_table(struct output *out, struct json_object *entries)
{
	static const char *const headers[] = { "ENDED", "LEASE", "ENDED BY", "FROZEN FOR",
					       "CONTINUITY", "FILESYSTEMS", "APPLICATIONS", NULL };
	char apps[1024], filesystems[1024], span[TIMEFMT_TEXT_MAX], ended[32];
	struct table *table = table_new(headers);
	size_t i;

	for (i = 0; i < json_object_array_length(entries); i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i);
		time_t s = (time_t)(show_history_ended_ms(entry) / MS_PER_S);
		const char *continuity = text_of(entry, "continuity");
		struct tm tm = { 0 };

		localtime_r(&s, &tm);
		strftime(ended, sizeof(ended), "%Y-%m-%d %H:%M:%S", &tm);
		table_row(table, (const char *[]) {
			ended, text_of(entry, "id"), text_of(entry, "cause"),
			frozen_text(entry, span), *continuity ? continuity : "-",
			filesystems_text(entry, filesystems, sizeof(filesystems)),
			applications_text(entry, apps, sizeof(apps)) });
	}
	table_print(table, out->text);
}
