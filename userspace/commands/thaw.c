// SPDX-License-Identifier: GPL-2.0-only
/* freezectl thaw: end leases, by id, by the filesystems they hold, or all of them */
#include <stdlib.h>

#include "apps/history.h"
#include "base/util.h"
#include "commands/commands.h"
#include "lease/thaw.h"

enum { OPT_ID = OPT_FIRST, OPT_ALL, OPT_FORCE, OPT_WAIT };

static const struct option_help options[] = {
	{ "id", OPT_ID, "ID", "the newest lease of that name" },
	{ "all", OPT_ALL, NULL,
	  "every live lease on this machine, whichever process made it; needs --force" },
	{ "force", OPT_FORCE, NULL, "confirms --all" },
	{ "wait", OPT_WAIT, "DURATION",
	  "how long to wait for the release; default 10s. The kernel keeps trying after that" },
	{ 0 }
};

/* The leases that are to be ended, each once. */
struct thaws {
	struct thaw *v;
	size_t n;
};

static void add(struct freezectl *ctl, struct thaws *thaws, uint64_t number, const char *id)
{
	struct thaw *thaw;
	size_t i;

	for (i = 0; number && i < thaws->n; i++)
		if (thaws->v[i].number == number)
			return;
	thaw = APPEND(thaws->v, thaws->n);
	if (!thaw) {
		findings_add(&ctl->findings, EXIT_CODE_THAW_FAILED, id, "out of memory");
		return;
	}
	*thaw = (struct thaw) { .number = number, .id = number ? NULL : id };
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

static void add_path(struct freezectl *ctl, struct thaws *thaws, const char *path,
		     uint64_t wait_ms)
{
	struct freezeguard_fs fs;

	if (!freezectl_fs(ctl, path, EXIT_CODE_THAW_FAILED, &fs))
		return;
	if (fs.lease_number)
		add(ctl, thaws, fs.lease_number, NULL);
	else
		path_not_held(ctl, path, &fs, wait_ms);
}

static void add_live(struct freezectl *ctl, struct thaws *thaws)
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
	else if (!thaws->n && !findings_exit_code(&ctl->findings))
		fputs("no lease is live; nothing is frozen by freezeguard\n", ctl->out.text);
}

/* All are ended before the first wait, so that the waits run in parallel. */
static void end_all(struct freezectl *ctl, struct thaws *thaws, uint64_t wait_ms)
{
	uint64_t until = freezectl_in_ms(wait_ms);
	struct json_object *array = ctl->out.json ? json_object_new_array() : NULL;
	const struct paths paths = { .mounts = &ctl->mounts };
	size_t i;

	for (i = 0; i < thaws->n; i++)
		thaw_request(ctl, &thaws->v[i]);
	for (i = 0; i < thaws->n; i++) {
		if (!thaws->v[i].requested)
			continue;
		thaw_finish(ctl, &thaws->v[i], until, wait_ms);
		if (array)
			json_object_array_add(array, thaw_json(&thaws->v[i], &paths));
	}
	/* When all are released: it may wait for one of them. */
	for (i = 0; i < thaws->n; i++)
		if (thaws->v[i].requested)
			history_keep(ctl, &thaws->v[i].lease);
	output_json_add(ctl->out.doc, "leases", array);
}

static void run(struct freezectl *ctl, int argc, char **argv)
{
	uint32_t wait_ms = DEFAULT_WAIT_MS;
	bool all = false, force = false;
	struct thaws thaws = { 0 };
	const char *id = NULL;
	size_t i;
	int c;

	while ((c = options_next(options, argc, argv, &ctl->findings)) != -1) {
		switch (c) {
		case OPT_ID:
			id = optarg;
			freezectl_id(ctl, optarg);
			break;
		case OPT_ALL:
			all = true;
			break;
		case OPT_FORCE:
			force = true;
			break;
		case OPT_WAIT:
			freezectl_duration(ctl, "--wait", optarg, &wait_ms);
			break;
		}
	}
	if (!!id + all + (optind < argc) > 1)
		freezectl_usage(ctl, "--id, --all and paths exclude each other");
	else if (!id && !all && optind == argc)
		freezectl_usage(ctl, "nothing to thaw is named: give --id, paths, or --all --force");
	else if (all && !force)
		freezectl_usage(ctl,
				"--all ends every lease on this machine, also those of other processes; to confirm, add --force");
	else if (force && !all)
		freezectl_usage(ctl, "--force belongs to --all");
	if (findings_exit_code(&ctl->findings))
		return;
	if (!freezectl_connect(ctl))
		return;

	if (id)
		add(ctl, &thaws, 0, id);
	if (all)
		add_live(ctl, &thaws);
	for (; optind < argc; optind++)
		add_path(ctl, &thaws, argv[optind], wait_ms);
	/* 1 says that nothing was touched. */
	if (findings_exit_code(&ctl->findings) != EXIT_CODE_USAGE)
		end_all(ctl, &thaws, wait_ms);

	for (i = 0; i < thaws.n; i++)
		freezeguard_lease_clear(&thaws.v[i].lease);
	free(thaws.v);
}

const struct subcommand cmd_thaw = {
	.name = "thaw",
	.arguments = "[--wait DURATION] {--id ID | PATH ... | --all --force}",
	.summary = "end leases, report whether they were frozen without a gap",
	.help =
	"Only what freezeguard froze is thawed.",
	.options = options,
	.run = run,
};
