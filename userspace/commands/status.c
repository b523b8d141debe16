// SPDX-License-Identifier: GPL-2.0-only
/*
 * freezectl status: leases, whatever else is frozen, and who waits for it. It only reads, and never
 * from a filesystem: opening a directory and asking the kernel module works on a frozen one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/live.h"
#include "apps/show.h"
#include "commands/commands.h"
#include "plan/plan.h"
#include "show/foreign.h"
#include "show/lease.h"
#include "show/metrics.h"
#include "show/table.h"

enum { OPT_ID = OPT_FIRST, OPT_HISTORY, OPT_PROMETHEUS, OPT_QUIET };

/* Exit statuses of --quiet that no finding has. */
enum { QUIET_NOT_HELD = 3, QUIET_FOREIGN = 4 };

static const struct option_help options[] = {
	{ "id", OPT_ID, "ID", "everything about the newest lease of that name" },
	{ "history", OPT_HISTORY, NULL, "show ended leases too" },
	{ "prometheus", OPT_PROMETHEUS, NULL,
	  "print metrics for the textfile collector of Prometheus' node_exporter" },
	{ "quiet", OPT_QUIET, NULL,
	  "print nothing, and exit with 0 if a live lease holds something, or applications are kept "
	  "quiet without one (with ID: by that name, with paths: if a lease holds one of their "
	  "filesystems), with 3 if not, with 4 if not and a path is frozen otherwise" },
	{ 0 }
};

/**
 * struct status - what is shown
 * @paths: for paths
 * @clocks: now
 * @fs_table: text: the filesystems
 * @fs_array: JSON: the filesystems
 * @of: the superblocks it is about, and what is known of them
 */
struct status {
	struct paths paths;
	struct clocks clocks;
	struct table *fs_table;
	struct json_object *fs_array;
	struct foreign_of of;
};

static void add_lease_row(struct table *table, const struct freezeguard_lease *lease,
			  const struct clocks *clocks)
{
	char number[24], n[16], since[TIMEFMT_TEXT_MAX], until[TIMEFMT_TEXT_MAX], owner[48];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)lease->number);
	snprintf(n, sizeof(n), "%u", lease->n_superblocks);
	snprintf(owner, sizeof(owner), "%u (%s)", lease->owner_pid, lease->owner_comm);
	table_row(table, (const char *[]) {
		lease->id, number, freezeguard_lease_state_name(lease->state), n,
		timefmt_clock(clocks, lease->begin_ns, since),
		lease->ended_ns ? "ended" : timefmt_text(clocks, lease->deadline_ns, until),
		freezeguard_cause_name(lease->cause), owner });
}

/* Who may not end a lease does not see it. @code: of the finding */
static void not_all_seen(struct freezectl *ctl, int code)
{
	if (!freezectl_sees_all())
		findings_add(&ctl->findings, code, NULL,
			     "leases on filesystems that this process may not freeze are not shown; root of the machine, with CAP_SYS_ADMIN and outside of user namespaces, sees all");
}

static void show_leases(struct freezectl *ctl, struct status *status,
			const struct freezeguard_lease_list *leases, bool history)
{
	static const char *const headers[] = { "LEASE", "NUMBER", "STATE", "FILESYSTEMS", "SINCE",
					       "THAWS BY ITSELF", "ENDED BY", "OWNER", NULL };
	struct table *table = table_new(headers);
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL;
	size_t i, n = 0;

	for (i = 0; i < leases->n; i++) {
		const struct freezeguard_lease *lease = &leases->v[i];

		if (freezeguard_lease_is_live(lease))
			status->of.something_frozen = true;
		else if (!history)
			continue;
		n++;
		add_lease_row(table, lease, &status->clocks);
		if (array)
			json_object_array_add(array, show_lease_json(lease, &status->paths,
								     &status->clocks));
	}
	output_json_add(ctl->out.doc, "leases", array);
	if (n)
		table_print(table, ctl->out.text);
	else
		table_free(table);
	if (!n)
		fprintf(ctl->out.text, "no lease is live%s\n",
			history ? ", and none has ended" : "");
	not_all_seen(ctl, EXIT_CODE_DONE);
	if (leases->interrupted)
		findings_add(&ctl->findings, EXIT_CODE_DONE, NULL,
			     "leases came and went while they were listed; some may be missing");
}

/* There is no such lease. Returns whether applications are kept quiet under that id. */
static bool show_session(struct freezectl *ctl, const char *id)
{
	const struct config *config = live_config(ctl, NULL);
	struct clocks clocks = timefmt_now();
	char text[TIMEFMT_TEXT_MAX];
	struct json_object *array;
	struct record record;

	if (record_load(config->run_dir, id, &record))
		return false;
	if (!live_alone(config, &record)) {
		record_free(&record);
		return false;
	}
	fprintf(ctl->out.text,
		"%s: keeps applications quiet without a lease, until %s. To release them now: freezectl thaw --id %s\n",
		id, timefmt_text(&clocks, record.deadline_ns, text), id);
	apps_show_record(ctl, &record, false);
	if (ctl->out.json) {
		array = json_object_new_array();
		json_object_array_add(array, apps_record_json(config->run_dir, &record, &clocks));
		output_json_add(ctl->out.doc, "sessions", array);
	}
	record_free(&record);
	return true;
}

static void show_one_lease(struct freezectl *ctl, struct status *status, const char *id)
{
	char owner[48], ender[48], text[5][TIMEFMT_TEXT_MAX];
	struct freezeguard_lease lease = { 0 };
	FILE *file = ctl->out.text;
	const char *continuity;
	size_t i;
	int r;

	r = freezeguard_lease_get(ctl->fg, 0, id, &lease);
	if (r == -ENOENT && show_session(ctl, id))
		return;
	if (r == -ENOENT) {
		findings_add(&ctl->findings, EXIT_CODE_USAGE, id,
			     "no lease has that id, neither a live one nor one in the history; freezectl status --history lists all");
		return;
	}
	if (r) {
		freezectl_refused(ctl, id, EXIT_CODE_SYSTEM);
		return;
	}
	status->of.something_frozen = freezeguard_lease_is_live(&lease);
	for (i = 0; i < lease.n_holds; i++)
		foreign_of_add(&status->of, lease.holds[i].major, lease.holds[i].minor);
	show_lease_document(&ctl->out, &lease, &status->paths, &status->clocks);
	snprintf(owner, sizeof(owner), "%u (%s)", lease.owner_pid, lease.owner_comm);
	snprintf(ender, sizeof(ender), "%u (%s)", lease.ender_pid, lease.ender_comm);
	fprintf(file, "lease:       %s (number %llu)\nstate:       %s%s\n", lease.id,
		(unsigned long long)lease.number, freezeguard_lease_state_name(lease.state),
		lease.bound ? ", bound to its owner" : "");
	fprintf(file, "owner:       %s\nbegun:       %s\n",
		output_clean(owner, text[0], TIMEFMT_TEXT_MAX),
		timefmt_text(&status->clocks, lease.begin_ns, text[1]));
	if (lease.frozen_ns)
		fprintf(file, "frozen:      %s\n",
			timefmt_text(&status->clocks, lease.frozen_ns, text[0]));
	fprintf(file, "deadline:    %s\n", timefmt_text(&status->clocks, lease.deadline_ns, text[0]));
	if (lease.ended_ns)
		fprintf(file, "ended:       %s, by %s%s%s\n",
			timefmt_text(&status->clocks, lease.ended_ns, text[0]),
			freezeguard_cause_name(lease.cause), lease.ender_pid ? " of process " : "",
			lease.ender_pid ? output_clean(ender, text[1], TIMEFMT_TEXT_MAX) : "");
	if (lease.released_ns)
		fprintf(file, "released:    %s, %s after its end\n",
			timefmt_text(&status->clocks, lease.released_ns, text[0]),
			timefmt_span(lease.ended_ns, lease.released_ns, text[1]));
	if (lease.error)
		fprintf(file, "error:       %s\n", strerror((int)lease.error));
	continuity = show_continuity(lease.continuity, freezeguard_lease_is_live(&lease));
	fprintf(file, "continuity:  %s\n", continuity ? continuity : "-");
	show_lease_table(&ctl->out, &lease, &status->paths);
	freezeguard_lease_clear(&lease);
}

static void frozen_by(const struct freezeguard_fs *fs, char *buf, size_t size)
{
	if (fs->lease_number)
		snprintf(buf, size, "lease %s", fs->lease_id);
	else if (fs->state == FREEZEGUARD_FS_STATE_UNFROZEN)
		snprintf(buf, size, "-");
	else if (fs->has_holders)
		snprintf(buf, size, "not freezeguard (%u userspace, %u kernel holders)",
			 fs->user_holders, fs->kernel_holders);
	else
		snprintf(buf, size, "not freezeguard");
}

static void add_fs(struct status *status, const char *path, const struct freezeguard_fs *fs)
{
	struct json_object *object;
	char device[32], by[128];

	foreign_of_add(&status->of, fs->major, fs->minor);
	if (fs->state != FREEZEGUARD_FS_STATE_UNFROZEN) {
		status->of.something_frozen = true;
		status->of.foreign = status->of.foreign || !fs->lease_number;
	}
	snprintf(device, sizeof(device), "%u:%u", fs->major, fs->minor);
	frozen_by(fs, by, sizeof(by));
	table_row(status->fs_table, (const char *[]) {
		path, fs->fstype, device,
		fs->state == FREEZEGUARD_FS_STATE_COMPLETE ? "frozen" :
		fs->state == FREEZEGUARD_FS_STATE_UNFROZEN ? "not frozen" : "being frozen",
		by, fs->freezable ? fs->read_only ? "read-only" : "-" : "cannot freeze" });
	if (!status->fs_array)
		return;
	object = json_object_new_object();
	output_json_add(object, "path", output_json_string(path));
	output_json_add(object, "major", json_object_new_int64(fs->major));
	output_json_add(object, "minor", json_object_new_int64(fs->minor));
	output_json_add(object, "fstype", output_json_string(fs->fstype));
	output_json_add(object, "name", output_json_string(fs->name));
	output_json_add(object, "state", output_json_string(freezeguard_fs_state_name(fs->state)));
	output_json_add(object, "freezable", json_object_new_boolean(fs->freezable));
	output_json_add(object, "read_only", json_object_new_boolean(fs->read_only));
	output_json_add(object, "kernel_holders",
			fs->has_holders ? json_object_new_int64(fs->kernel_holders) : NULL);
	output_json_add(object, "user_holders",
			fs->has_holders ? json_object_new_int64(fs->user_holders) : NULL);
	output_json_add(object, "lease_number",
			fs->lease_number ? json_object_new_uint64(fs->lease_number) : NULL);
	output_json_add(object, "lease_id",
			fs->lease_number ? output_json_string(fs->lease_id) : NULL);
	output_json_add(object, "suspend",
			output_json_string(freezeguard_suspend_name(fs->suspend)));
	json_object_array_add(status->fs_array, object);
}

/* Every block-device filesystem that is frozen, by whomever. Returns how many there are. */
static size_t add_frozen(struct freezectl *ctl, struct status *status)
{
	const struct plan_request request = { .survey = true };
	struct findings findings = { 0 };
	struct plan plan = { 0 };
	struct freezeguard_fs fs;
	size_t i, n = 0;

	plan_make(&plan, &request, &findings);
	/* A filesystem that cannot be queried is left out, with a warning. */
	for (i = 0; i < findings.n; i++)
		findings_add(&ctl->findings, EXIT_CODE_DONE, findings.v[i].target, "%s",
			     findings.v[i].message);
	for (i = 0; i < plan.n; i++) {
		if (plan.v[i].fd < 0)
			continue;
		if (freezeguard_fs_get(ctl->fg, plan.v[i].fd, &fs)) {
			freezectl_refused(ctl, plan.v[i].path, EXIT_CODE_SYSTEM);
		} else if (fs.state != FREEZEGUARD_FS_STATE_UNFROZEN || fs.lease_number) {
			add_fs(status, plan.v[i].path, &fs);
			n++;
		}
	}
	findings_free(&findings);
	plan_free(&plan);
	return n;
}

static void begin_filesystems(struct freezectl *ctl, struct status *status)
{
	static const char *const headers[] = { "FILESYSTEM", "TYPE", "DEVICE", "STATE", "FROZEN BY",
					       "NOTE", NULL };

	status->fs_table = table_new(headers);
	status->fs_array = ctl->out.json ? json_object_new_array() : NULL;
}

static void show_filesystems(struct freezectl *ctl, struct status *status, bool some)
{
	output_json_add(ctl->out.doc, "filesystems", status->fs_array);
	if (some)
		table_print(status->fs_table, ctl->out.text);
	else
		table_free(status->fs_table);
	status->fs_table = NULL;
	status->fs_array = NULL;
}

/* The leases, and what is frozen and mounted here. */
static void show_all(struct freezectl *ctl, struct status *status, bool history)
{
	struct freezeguard_lease_list leases = { 0 };

	if (freezeguard_lease_dump(ctl->fg, &leases))
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
	else
		show_leases(ctl, status, &leases, history);
	freezeguard_lease_list_clear(&leases);
	begin_filesystems(ctl, status);
	show_filesystems(ctl, status, add_frozen(ctl, status));
	status->of.all = true;
}

static void show_paths(struct freezectl *ctl, struct status *status, char **paths)
{
	struct freezeguard_fs fs;

	begin_filesystems(ctl, status);
	for (; *paths; paths++)
		if (freezectl_fs(ctl, *paths, EXIT_CODE_SYSTEM, &fs))
			add_fs(status, *paths, &fs);
	show_filesystems(ctl, status, true);
}

static int quiet_lease(struct freezectl *ctl, const char *id)
{
	struct freezeguard_lease lease = { 0 };
	int r = freezeguard_lease_get(ctl->fg, 0, id, &lease);
	bool live = !r && freezeguard_lease_is_live(&lease);

	if (r && r != -ENOENT)
		freezectl_refused(ctl, id, EXIT_CODE_SYSTEM);
	freezeguard_lease_clear(&lease);
	return live ? EXIT_CODE_DONE : QUIET_NOT_HELD;
}

static int quiet_all(struct freezectl *ctl)
{
	struct freezeguard_lease_list leases = { 0 };
	int status = QUIET_NOT_HELD;
	size_t i;

	if (freezeguard_lease_dump(ctl->fg, &leases))
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
	for (i = 0; i < leases.n; i++)
		if (freezeguard_lease_is_live(&leases.v[i]))
			status = EXIT_CODE_DONE;
	freezeguard_lease_list_clear(&leases);
	return status;
}

static int quiet_paths(struct freezectl *ctl, char **paths)
{
	int status = QUIET_NOT_HELD;
	struct freezeguard_fs fs;

	for (; *paths; paths++) {
		if (!freezectl_fs(ctl, *paths, EXIT_CODE_SYSTEM, &fs))
			continue;
		if (fs.lease_number)
			status = EXIT_CODE_DONE;
		else if (fs.state != FREEZEGUARD_FS_STATE_UNFROZEN && status == QUIET_NOT_HELD)
			status = QUIET_FOREIGN;
	}
	return status;
}

/* Are applications kept quiet without a lease: under that id, or at all? */
static bool quiet_apps(struct freezectl *ctl, const char *id)
{
	const struct config *config = live_config(ctl, NULL);
	struct record_list list;
	bool found = false;
	size_t i;

	live_list(ctl, config, &list);
	for (i = 0; i < list.n; i++)
		if ((!id || !strcmp(list.v[i].id, id)) && live_alone(config, &list.v[i]))
			found = true;
	record_list_free(&list);
	return found;
}

/* What goes wrong is reported, and decides the exit status. */
static void quiet(struct freezectl *ctl, const char *id, char **paths)
{
	int status;

	/* They need no module. */
	if (!*paths && quiet_apps(ctl, id)) {
		ctl->out.passed_on = EXIT_CODE_DONE;
		return;
	}
	if (!freezectl_connect(ctl))
		return;
	status = id ? quiet_lease(ctl, id) : *paths ? quiet_paths(ctl, paths) : quiet_all(ctl);
	if (status == QUIET_NOT_HELD && !*paths)
		not_all_seen(ctl, EXIT_CODE_USAGE);
	ctl->out.passed_on = status;
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	bool history = false, prometheus = false, is_quiet = false;
	struct status status = { 0 };
	const char *id = NULL;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		case OPT_HISTORY:
			history = true;
			break;
		case OPT_PROMETHEUS:
			prometheus = true;
			break;
		case OPT_QUIET:
			is_quiet = true;
			break;
		}
	}
	if (!!id + history + prometheus + (optind < argc) > 1)
		freezectl_usage(ctl, "--id, --history, --prometheus and paths exclude each other");
	if (prometheus && ctl->out.json)
		freezectl_usage(ctl, "--prometheus and --json exclude each other");
	if (is_quiet && (history || prometheus || ctl->out.json))
		freezectl_usage(ctl, "--quiet excludes --history, --prometheus and --json");
	if (findings_exit_code(&ctl->findings))
		return;
	if (is_quiet) {
		quiet(ctl, id, argv + optind);
		return;
	}
	if (prometheus) {
		metrics(ctl);
		return;
	}
	status.paths.mounts = &ctl->mounts;
	status.clocks = timefmt_now();
	if (freezectl_connect(ctl)) {
		if (id)
			show_one_lease(ctl, &status, id);
		else if (optind < argc)
			show_paths(ctl, &status, argv + optind);
		else
			show_all(ctl, &status, history);
	} else if (id || optind < argc) {
		return;
	} else {
		/* The observer knows what others froze without the module, too. */
		status.of.all = true;
	}
	if (status.of.all)
		live_show(ctl);
	foreign_show(ctl, &status.paths, &status.clocks, &status.of);
	free(status.of.v);
}

const struct subcommand cmd_status = {
	.name = "status",
	.arguments = "[--quiet] [--id ID | --history | --prometheus | PATH ...]",
	.summary = "show leases, other freezes, and the tasks that wait for a thaw",
	.options = options,
	.run = run,
};
