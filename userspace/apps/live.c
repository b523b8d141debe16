// SPDX-License-Identifier: GPL-2.0-only
/* live: applications that are kept quiet now, for the commands of an emergency */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/live.h"
#include "apps/show.h"
#include "apps/supervisor_job.h"
#include "base/util.h"
#include "show/table.h"

/**
 * live_config() - the configuration, whatever is wrong with it
 * @ctl: gets what is wrong as warnings: in an emergency nothing may depend on it
 * @profile: whose section is in force, or NULL
 *
 * Return: what is in force: of a file that is wrong what was read, and the defaults.
 */
const struct config *live_config(struct freezectl *ctl, const char *profile)
{
	struct findings wrong = { 0 };
	size_t i;

	config_free(&ctl->config);
	config_read(&ctl->config, freezectl_config_file(), profile, false, &wrong);
	for (i = 0; i < wrong.n; i++)
		findings_add(&ctl->findings, EXIT_CODE_DONE, wrong.v[i].target,
			     "%s; applications are searched for in %s", wrong.v[i].message,
			     ctl->config.run_dir);
	findings_free(&wrong);
	return &ctl->config;
}

/**
 * live_alone() - are its applications kept quiet, or were they left so, without a lease that ends it?
 * @config: what is in force
 * @record: a record
 */
bool live_alone(const struct config *config, const struct record *record)
{
	return record->n_apps && record->state != RECORD_RELEASED &&
	       (!record->has_lease || !apps_alive(config->run_dir, record));
}

/**
 * live_list() - the records of applications that are kept quiet
 * @ctl: gets a warning if they cannot be read
 * @config: what is in force
 * @list: all of it is overwritten; record_list_free() it
 */
void live_list(struct freezectl *ctl, const struct config *config, struct record_list *list)
{
	int r = record_list(config->run_dir, list);
	size_t i, n = 0;

	if (r)
		findings_add(&ctl->findings, EXIT_CODE_DONE, config->run_dir,
			     "cannot be read, so applications that are kept quiet are not shown: %s",
			     strerror(-r));
	for (i = 0; i < list->n; i++) {
		if (list->v[i].state == RECORD_RELEASED || !list->v[i].n_apps)
			record_free(&list->v[i]);
		else
			list->v[n++] = list->v[i];
	}
	list->n = n;
}

/* "web, db" */
static const char *names(const struct record *record, char *buf, size_t size)
{
	size_t i, used = 0;

	buf[0] = '\0';
	for (i = 0; i < record->n_apps && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
					 record->apps[i].name);
	return buf;
}

static void show_row(struct table *table, const struct record *record, bool alive,
		     const struct clocks *clocks)
{
	char since[TIMEFMT_TEXT_MAX], until[TIMEFMT_TEXT_MAX], supervisor[40], apps[512];

	snprintf(supervisor, sizeof(supervisor), "%d%s", record->pid, alive ? "" : " (dead)");
	table_row(table, (const char *[]) {
		record->id, names(record, apps, sizeof(apps)), record_state_name(record->state),
		timefmt_clock(clocks, record->begin_ns, since),
		!alive ? "-" : record->has_lease ? "with its lease" :
		timefmt_text(clocks, record->deadline_ns, until), supervisor });
}

/**
 * live_show() - put the applications that are kept quiet into the output of status
 * @ctl: gets a warning for those that no lease ends, with the command that does
 */
void live_show(struct freezectl *ctl)
{
	static const char *const headers[] = { "QUIET FOR", "APPLICATIONS", "STATE", "SINCE",
					       "RELEASED BY ITSELF", "SUPERVISOR", NULL };
	const struct config *config = live_config(ctl, NULL);
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL;
	struct clocks clocks = timefmt_now();
	struct table *table = table_new(headers);
	struct record_list list;
	char apps[512];
	size_t i;

	live_list(ctl, config, &list);
	for (i = 0; i < list.n; i++) {
		bool alive = apps_alive(config->run_dir, &list.v[i]);

		show_row(table, &list.v[i], alive, &clocks);
		if (array)
			json_object_array_add(array, apps_record_json(config->run_dir, &list.v[i],
								      &clocks));
		if (live_alone(config, &list.v[i]))
			findings_add(&ctl->findings, EXIT_CODE_DONE, list.v[i].id,
				     "keeps applications quiet without a lease: %s%s. To release them now: freezectl thaw --id %s",
				     names(&list.v[i], apps, sizeof(apps)),
				     alive ? "" : ", and its supervisor is dead", list.v[i].id);
	}
	output_json_add(ctl->out.doc, "sessions", array);
	if (list.n)
		table_print(table, ctl->out.text);
	else
		table_free(table);
	record_list_free(&list);
}

/**
 * live_warn_of_limit() - a lease was extended: do the sessions of its applications last as long?
 * @ctl: gets a warning if not
 * @lease: with its new deadline
 */
void live_warn_of_limit(struct freezectl *ctl, const struct freezeguard_lease *lease)
{
	const struct config *config = live_config(ctl, NULL);
	struct clocks clocks = timefmt_now();
	char limit[TIMEFMT_TEXT_MAX];
	struct record record;
	size_t i;

	if (record_load(config->run_dir, lease->id, &record))
		return;
	for (i = 0; i < record.n_apps; i++)
		if (record.apps[i].session && record.apps[i].state == RECORD_APP_QUIET &&
		    record.lease_number == lease->number && lease->deadline_ns > record.limit_ns)
			findings_add(&ctl->findings, EXIT_CODE_DONE, record.apps[i].name,
				     "its session ends at %s, which extend does not change: the application resumes then, and a post-script after that exits with 203",
				     timefmt_text(&clocks, record.limit_ns, limit));
	record_free(&record);
}

/**
 * live_owned() - may a thaw end this freeze as a success?
 * @config: what is in force
 * @id: the lease's id
 *
 * A post-script ends what its pre-script began, and freezectl run what it began itself.
 */
bool live_owned(const struct config *config, const char *id)
{
	struct record record;
	bool owned;

	if (record_load(config->run_dir, id, &record))
		return false;
	owned = !strcmp(record.by, RECORD_BY_FREEZE);
	record_free(&record);
	return owned;
}

/**
 * live_end() - request the release of applications that no lease ends
 * @ctl: gets a finding if there is no memory
 * @config: what is in force
 * @id: whose
 * @word: who does that, as for apps_end_begin(); an owner is told, too, of those released before
 * @ends: gets one more; live_finish() waits
 *
 * Return: whether there are such applications.
 */
bool live_end(struct freezectl *ctl, const struct config *config, const char *id,
	      const char *word, struct live_ends *ends)
{
	struct record record;
	struct apps_end *end;
	bool alone;

	if (record_load(config->run_dir, id, &record))
		return false;
	alone = live_alone(config, &record) ||
		(strcmp(word, SUPERVISOR_END) && record.n_apps && !record.has_lease);
	record_free(&record);
	if (!alone)
		return false;
	end = APPEND(ends->v, ends->n);
	if (!end)
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, id, "out of memory");
	else if (apps_end_begin(config->run_dir, id, word, end))
		ends->n--;
	return true;
}

/**
 * live_finish() - wait for the applications that are being released, and report how that went
 * @ctl: gets findings of code 202, 203 and 205, and the applications in its output
 * @config: what is in force
 * @ends: freed
 * @array: with --json, the records of applications that were released with their lease; or NULL
 * @until_ns: how long to wait, CLOCK_BOOTTIME
 */
void live_finish(struct freezectl *ctl, const struct config *config, struct live_ends *ends,
		 struct json_object *array, uint64_t until_ns)
{
	struct clocks clocks;
	size_t i;

	for (i = 0; i < ends->n; i++) {
		struct apps_end *end = &ends->v[i];

		if (apps_end_wait(ctl, config, end, until_ns))
			apps_end_verdict(ctl, end, 0);
		clocks = timefmt_now();
		if (array)
			json_object_array_add(array, apps_record_json(config->run_dir,
								      &end->record, &clocks));
		else
			apps_show_record(ctl, &end->record, true);
		apps_end_free(end);
	}
	output_json_add(ctl->out.doc, "sessions", array);
	free(ends->v);
	*ends = (struct live_ends){ 0 };
}
