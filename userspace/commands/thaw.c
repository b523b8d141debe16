// SPDX-License-Identifier: GPL-2.0-only
/* freezectl thaw: end leases with their applications, by id, by their filesystems, or all of them */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/around.h"
#include "apps/history.h"
#include "apps/live.h"
#include "apps/show.h"
#include "apps/supervisor_job.h"
#include "base/util.h"
#include "commands/commands.h"

enum { OPT_FORCE = FREEZE_OPT_NEXT, OPT_WAIT, OPT_REQUIRE_CONTINUITY, OPT_ABORT };

static const struct option_help options[] = {
	{ "id", FREEZE_OPT_ID, "ID",
	  "the newest lease of that name, or the applications that are quiesced under it "
	  "without a lease" },
	{ "all", FREEZE_OPT_ALL, NULL,
	  "every live lease on this machine, whichever process made it, and all applications "
	  "that are quiesced without a lease; needs --force" },
	{ "force", OPT_FORCE, NULL, "confirms --all" },
	{ "wait", OPT_WAIT, "DURATION",
	  "how long to wait for the release; default 10s. The kernel keeps trying after that" },
	{ "require-continuity", OPT_REQUIRE_CONTINUITY, NULL,
	  "fail if nothing could have seen a thaw and a freeze by other processes" },
	{ "app", FREEZE_OPT_APP, "NAME",
	  "fail if this application was not kept quiet, or nothing is known of that; repeatable" },
	{ "apps", FREEZE_OPT_APPS, NULL, "the same for all applications whose hooks are enabled" },
	{ "no-apps", FREEZE_OPT_NO_APPS, NULL, "expect no applications, whatever the profile says" },
	{ "profile", FREEZE_OPT_PROFILE, "NAME",
	  "expect the applications of the section [profile NAME]" },
	{ "abort", OPT_ABORT, NULL,
	  "the backup failed: release the applications, and do not report a success to their hooks" },
	{ 0 }
};

/**
 * struct thaws - the leases that are to be ended, each once
 * @v: each
 * @n: how many
 * @config: what is in force
 * @choice: which applications have to have been quiet
 * @word: who ends them, as their supervisors are told; NULL: an administrator, who does not wait for them
 * @wait_ms: how long their release is waited for
 * @require_continuity: not to know whether there was a gap is as bad as one
 */
struct thaws {
	struct around_end *v;
	size_t n;
	const struct config *config;
	struct freeze_choice choice;
	const char *word;
	uint32_t wait_ms;
	bool require_continuity;
};

static void add(struct freezectl *ctl, struct thaws *thaws, uint64_t number, const char *id)
{
	struct around_end *end;
	size_t i;

	for (i = 0; number && i < thaws->n; i++)
		if (thaws->v[i].thaw.number == number)
			return;
	end = APPEND(thaws->v, thaws->n);
	if (!end) {
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, id, "out of memory");
		return;
	}
	*end = (struct around_end) {
		.thaw.number = number, .thaw.id = number ? NULL : id, .apps.fd = -ENOENT,
		.thaw.require_continuity = thaws->require_continuity,
	};
}

static bool holds_fs(const struct freezeguard_lease *lease, const struct freezeguard_fs *fs)
{
	size_t i;

	for (i = 0; i < lease->n_holds; i++)
		if (lease->holds[i].major == fs->major && lease->holds[i].minor == fs->minor)
			return true;
	return false;
}

/* Not frozen, or not by us: the last lease that held it, if the history has one, says why. */
static void path_not_held(struct freezectl *ctl, const char *path, const struct freezeguard_fs *fs,
			  uint64_t wait_ms)
{
	struct freezeguard_lease_list leases = { 0 };
	const struct freezeguard_lease *last = NULL;
	struct observer *observer = freezectl_observer(ctl);
	struct clocks clocks = timefmt_now();
	char others[OBSERVED_TEXT_MAX];
	size_t i;

	if (fs->state != FREEZEGUARD_FS_STATE_UNFROZEN) {
		findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, path,
			     "is frozen by %s, and stays frozen; thaw it with the program that froze it%s",
			     observed_others(observer, fs->major, fs->minor, &clocks, others),
			     observed_hint(observer));
		return;
	}
	if (freezeguard_lease_dump(ctl->fg, &leases))
		freezectl_refused(ctl, path, EXIT_CODE_THAW_FAILED);
	for (i = 0; i < leases.n; i++)
		if (holds_fs(&leases.v[i], fs))
			last = &leases.v[i];
	findings_add(&ctl->findings, EXIT_CODE_NOT_FROZEN, path, "is not frozen%s%s",
		     last ? "; the last lease that held it was " : "", last ? last->id : "");
	if (last)
		thaw_late(ctl, last, wait_ms);
	freezeguard_lease_list_clear(&leases);
}

static void add_path(struct freezectl *ctl, struct thaws *thaws, const char *path)
{
	struct freezeguard_fs fs;

	if (!freezectl_fs(ctl, path, EXIT_CODE_THAW_FAILED, &fs))
		return;
	if (fs.lease_number)
		add(ctl, thaws, fs.lease_number, NULL);
	else
		path_not_held(ctl, path, &fs, thaws->wait_ms);
}

static void add_live(struct freezectl *ctl, struct thaws *thaws, size_t n_sessions)
{
	struct freezeguard_lease_list leases = { 0 };
	size_t i;

	if (freezeguard_lease_dump(ctl->fg, &leases))
		freezectl_refused(ctl, NULL, EXIT_CODE_THAW_FAILED);
	for (i = 0; i < leases.n; i++)
		if (freezeguard_lease_is_live(&leases.v[i]))
			add(ctl, thaws, leases.v[i].number, NULL);
	freezeguard_lease_list_clear(&leases);
	if (!freezectl_sees_all())
		findings_add(&ctl->findings, thaws->n ? EXIT_CODE_SYSTEM : EXIT_CODE_USAGE, "--all",
			     "only leases on filesystems that this process may freeze are seen and ended, so others may still be live; root of the machine, with CAP_SYS_ADMIN and outside of user namespaces, can end all");
	else if (!thaws->n && !n_sessions && !findings_exit_code(&ctl->findings))
		fputs("no lease is live; nothing is frozen by freezeguard, and no application is kept quiet\n",
		      ctl->out.text);
}

/* Applications that no lease ends: those of an id, or all. */
static void end_sessions(struct freezectl *ctl, const struct thaws *thaws, const char *id,
			 struct live_ends *sessions)
{
	bool owned = id && thaws->word && live_owned(thaws->config, id);
	struct record_list list = { 0 };
	size_t i;

	if (id)
		live_end(ctl, thaws->config, id, owned ? thaws->word : SUPERVISOR_END, sessions);
	else
		live_list(ctl, thaws->config, &list);
	for (i = 0; i < list.n; i++)
		live_end(ctl, thaws->config, list.v[i].id, SUPERVISOR_END, sessions);
	record_list_free(&list);
}

/* Tell the supervisor, if there is one, who is about to end its lease. */
static void begin_apps(struct freezectl *ctl, const struct thaws *thaws, struct around_end *end)
{
	struct freezeguard_lease lease = { 0 };
	const char *id = end->thaw.id;
	int r;

	if (!id && !freezeguard_lease_get(ctl->fg, end->thaw.number, NULL, &lease))
		id = lease.id;
	if (id && live_owned(thaws->config, id)) {
		r = apps_end_begin(thaws->config->run_dir, id, thaws->word, &end->apps);
		if (r)
			apps_end_unreadable(ctl, thaws->config, id, r);
	}
	freezeguard_lease_clear(&lease);
}

/* What had to have been quiet, and nothing is known of that. */
static void check_apps(struct freezectl *ctl, const struct thaws *thaws,
		       const struct around_end *end)
{
	const struct text_list *names = thaws->choice.all ? NULL : &thaws->choice.names;
	bool told;

	if (end->thaw.asked == VERDICT_WON && !end->recorded &&
	    around_called(&thaws->choice, thaws->config, &told))
		apps_end_missing(ctl, thaws->config, names, end->thaw.lease.id);
	else if (end->recorded)
		apps_end_unnamed(ctl, thaws->config, &end->apps.record, &thaws->choice.names);
}

/*
 * All are ended before the first wait, so that the waits run in parallel. Returns with --json the
 * records of applications.
 */
static struct json_object *end_all(struct freezectl *ctl, struct thaws *thaws, bool sessions)
{
	uint64_t until = freezectl_in_ms(thaws->wait_ms);
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL;
	struct json_object *records = ctl->out.json ? json_object_new_array() : NULL;
	const struct paths paths = { .mounts = &ctl->mounts };
	struct around_end *end;
	struct clocks clocks;

	for (end = thaws->v; end < thaws->v + thaws->n; end++) {
		if (thaws->word && !sessions)
			begin_apps(ctl, thaws, end);
		if (around_end_lease(ctl, thaws->config, end, until) && thaws->word && !sessions)
			check_apps(ctl, thaws, end);
	}
	for (end = thaws->v; end < thaws->v + thaws->n; end++) {
		if (!end->thaw.requested)
			continue;
		thaw_finish(ctl, &end->thaw, until, thaws->wait_ms);
		if (array)
			json_object_array_add(array, thaw_json(&end->thaw, &paths));
	}
	for (end = thaws->v; end < thaws->v + thaws->n; end++) {
		around_end_wait(ctl, thaws->config, end, until);
		clocks = timefmt_now();
		if (end->recorded && records)
			json_object_array_add(records, apps_record_json(thaws->config->run_dir,
									&end->apps.record,
									&clocks));
		else if (end->recorded)
			apps_show_record(ctl, &end->apps.record, true);
		/* When all are released: it may wait for one of them. */
		if (end->thaw.requested)
			history_keep(ctl, &end->thaw.lease);
	}
	output_json_add(ctl->out.doc, "leases", array);
	return records;
}

/* What is named is ended. */
static void thaw(struct freezectl *ctl, struct thaws *thaws, const char *id, bool all, char **paths,
		 size_t n_paths)
{
	struct json_object *records = NULL;
	struct live_ends sessions = { 0 };
	bool leases;
	size_t i;

	if (id || all)
		end_sessions(ctl, thaws, id, &sessions);
	/* Applications may be quiet without a lease, and without the module. */
	leases = !(id && sessions.n && !sessions.v[0].record.has_lease) && freezectl_connect(ctl);
	if (leases && id)
		add(ctl, thaws, 0, id);
	if (leases && all)
		add_live(ctl, thaws, sessions.n);
	for (i = 0; leases && i < n_paths; i++)
		add_path(ctl, thaws, paths[i]);
	/* 1 says that nothing was touched. */
	if (leases && findings_exit_code(&ctl->findings) != EXIT_CODE_USAGE)
		records = end_all(ctl, thaws, sessions.n);
	else if (ctl->out.json)
		records = json_object_new_array();
	live_finish(ctl, thaws->config, &sessions, records, freezectl_in_ms(thaws->wait_ms));

	for (i = 0; i < thaws->n; i++) {
		freezeguard_lease_clear(&thaws->v[i].thaw.lease);
		apps_end_free(&thaws->v[i].apps);
	}
	free(thaws->v);
}

/* What the command line says; the paths are what is left. */
struct arguments {
	const char *id, *profile;
	bool all, force, abort;
};

static void read_arguments(struct freezectl *ctl, int argc, char **argv, struct arguments *a,
			   struct thaws *thaws)
{
	struct freeze_request request = { 0 };
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_FORCE:
			a->force = true;
			break;
		case OPT_WAIT:
			freezectl_duration(ctl, "--wait", optarg, &thaws->wait_ms);
			break;
		case OPT_REQUIRE_CONTINUITY:
			thaws->require_continuity = true;
			break;
		case OPT_ABORT:
			a->abort = true;
			break;
		case FREEZE_OPT_PROFILE:
			a->profile = optarg;
			break;
		default:
			freeze_option(ctl, c, &request);
			break;
		}
	}
	a->id = request.id;
	a->all = request.all;
	thaws->choice = request.choice;
	freeze_check_choice(ctl, &request.choice);
	if (!!a->id + a->all + (optind < argc) > 1)
		freezectl_usage(ctl, "--id, --all and paths exclude each other");
	else if (!a->id && !a->all && optind == argc)
		freezectl_usage(ctl, "nothing to thaw is named: give --id, paths, or --all --force");
	else if (a->all && !a->force)
		freezectl_usage(ctl,
				"--all ends every lease on this machine, also those of other processes; to confirm, add --force");
	else if (a->force && !a->all)
		freezectl_usage(ctl, "--force belongs to --all");
	if ((a->all || a->abort) &&
	    (request.choice.names.n || request.choice.all || request.choice.none || a->profile))
		freezectl_usage(ctl,
				"--all and --abort are no success to any application: leave out --app, --apps, --no-apps and --profile");
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	struct thaws thaws = { .wait_ms = DEFAULT_WAIT_MS };
	struct arguments a = { 0 };

	read_arguments(ctl, argc, argv, &a, &thaws);
	if (!findings_exit_code(&ctl->findings)) {
		thaws.config = a.profile ? freezectl_config(ctl, a.profile, NULL) :
			       live_config(ctl, NULL);
		if (!a.all)
			thaws.word = a.abort ? SUPERVISOR_END : thaws.require_continuity ?
				     SUPERVISOR_STRICT : SUPERVISOR_POST_SCRIPT;
		if (thaws.config)
			thaw(ctl, &thaws, a.id, a.all, argv + optind, (size_t)(argc - optind));
	}
	text_list_free(&thaws.choice.names);
}

const struct subcommand cmd_thaw = {
	.name = "thaw",
	.arguments = "[--wait DURATION] [--require-continuity] [--app NAME | --apps | --no-apps] "
		     "[--profile NAME] [--abort] {--id ID | PATH ... | --all --force}",
	.summary = "end leases, report whether they were frozen without a gap",
	.help =
	"Only what freezeguard froze is thawed. The applications that freezectl freeze had quiesced "
	"are released as after a good backup, unless --all or --abort is given.",
	.options = options,
	.run = run,
};
