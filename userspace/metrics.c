// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics: figures for Prometheus. What isn't known has no sample, rather than a 0 that looks like
 * one; only what never falls while its source lives is a counter. Documentation/observing.md has each
 * with its meaning, and a test holds the two together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "blocked.h"
#include "metrics.h"
#include "plan.h"

/* Room for the labels of one filesystem: each byte of a name may become a replacement character. */
#define LABELS_MAX	1024

/* Every second bucket of the observer's is told: each is four times as wide as the one before. */
#define BUCKET_STEP	2

static void family(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void sample(FILE *file, const char *name, uint64_t value)
{
	fprintf(file, "%s %llu\n", name, (unsigned long long)value);
}

static void seconds(FILE *file, uint64_t ns)
{
	fprintf(file, "%llu.%09llu", (unsigned long long)(ns / NS_PER_S),
		(unsigned long long)(ns % NS_PER_S));
}

/* A label's value: valid UTF-8, with the three characters escaped that have to be. */
static void label(FILE *file, const char *name, const char *value)
{
	struct json_object *string = output_json_string(value);
	const char *c = string ? json_object_get_string(string) : "";

	fprintf(file, "%s=\"", name);
	for (; *c; c++) {
		if (*c == '\n')
			fputs("\\n", file);
		else if (*c == '"' || *c == '\\')
			fprintf(file, "\\%c", *c);
		else
			fputc(*c, file);
	}
	fputc('"', file);
	json_object_put(string);
}

/* device="8:1",fstype="ext4",source="/dev/sda1"; cut as the observer cuts, whoever's word it is */
static int fs_labels(char labels[LABELS_MAX], dev_t dev, const char *fstype, const char *source)
{
	FILE *file = fmemopen(labels, LABELS_MAX, "w");
	char type[FW_TYPE_LEN], from[FW_SOURCE_LEN];

	if (!file)
		return -ENOMEM;
	snprintf(type, sizeof(type), "%.*s", FW_TYPE_LEN - 1, fstype);
	snprintf(from, sizeof(from), "%.*s", FW_SOURCE_LEN - 1, source);
	fprintf(file, "device=\"%u:%u\",", major(dev), minor(dev));
	label(file, "fstype", type);
	fputc(',', file);
	label(file, "source", from);
	return fclose(file) ? -ENOMEM : 0;
}

/* ---- leases ---- */

static void live_leases(FILE *file, const struct freezeguard_lease_list *leases)
{
	static const char name[] = "freezeguard_leases";
	uint32_t state;
	size_t i, n;

	family(file, name, "gauge", "Live leases by state.");
	for (state = FREEZEGUARD_LEASE_STATE_FREEZING;
	     state <= FREEZEGUARD_LEASE_STATE_ROLLING_BACK; state++) {
		for (i = n = 0; i < leases->n; i++)
			n += leases->v[i].state == state;
		fprintf(file, "%s{state=\"%s\"} %zu\n", name, freezeguard_lease_state_name(state), n);
	}
}

static bool read_count(const char *dir, const char *name, unsigned long *count)
{
	char path[256];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	good = fscanf(file, "%lu", count) == 1;
	fclose(file);
	return good;
}

static void ended_leases(FILE *file, const char *dir)
{
	static const char name[] = "freezeguard_leases_ended_total";
	unsigned long counts[FREEZEGUARD_LEASE_STATE_FAILED + 1];
	uint32_t state;

	for (state = FREEZEGUARD_LEASE_STATE_THAWED; state <= FREEZEGUARD_LEASE_STATE_FAILED;
	     state++)
		if (!read_count(dir, freezeguard_lease_state_name(state), &counts[state]))
			return;
	family(file, name, "counter", "Leases that have ended, by their last state.");
	for (state = FREEZEGUARD_LEASE_STATE_THAWED; state <= FREEZEGUARD_LEASE_STATE_FAILED;
	     state++)
		fprintf(file, "%s{state=\"%s\"} %lu\n", name, freezeguard_lease_state_name(state),
			counts[state]);
}

/* ---- filesystems ---- */

struct walk {
	FILE *file;
	const struct metrics_source *source;
	const char *name;
	void (*value)(FILE *file, const char *name, const char *labels,
		      const struct fw_filesystem *fs);
};

static void frozen_samples(FILE *file, const char *labels, bool lease, bool other)
{
	fprintf(file, "freezeguard_filesystem_frozen{%s,holder=\"lease\"} %d\n"
		"freezeguard_filesystem_frozen{%s,holder=\"other\"} %d\n",
		labels, lease, labels, other);
}

/* What is mounted here has been told already, with the kernel's word. */
static int frozen_elsewhere(dev_t dev, const struct fw_frozen *frozen, void *data)
{
	const struct walk *walk = data;
	char labels[LABELS_MAX];
	size_t i;

	for (i = 0; i < walk->source->n_filesystems; i++)
		if (walk->source->filesystems[i].major == major(dev) &&
		    walk->source->filesystems[i].minor == minor(dev))
			return 0;
	if (!fs_labels(labels, dev, frozen->filesystem, frozen->source))
		frozen_samples(walk->file, labels, frozen->lease.number, !frozen->lease.number);
	return 0;
}

static int frozen_filesystems(FILE *file, const struct metrics_source *source)
{
	struct walk walk = { .file = file, .source = source };
	char labels[LABELS_MAX];
	size_t i;

	if (!source->leases && !source->observer)
		return 0;
	family(file, "freezeguard_filesystem_frozen", "gauge",
	       "Whether a filesystem is frozen or being frozen, by a lease or by anything else.");
	for (i = 0; i < source->n_filesystems; i++) {
		const struct freezeguard_fs *fs = &source->filesystems[i];
		bool frozen = fs->state != FREEZEGUARD_FS_STATE_UNFROZEN;

		if (!fs_labels(labels, makedev(fs->major, fs->minor), fs->fstype,
			       source->sources[i]))
			frozen_samples(file, labels, frozen && fs->lease_number,
				       frozen && !fs->lease_number);
	}
	return source->observer ?
	       observer_each_frozen(source->observer, frozen_elsewhere, &walk) : 0;
}

/* The cumulative buckets, the sum and the count, with @labels ("" or some) beside le. */
static void histogram(FILE *file, const char *name, const char *labels,
		      const struct fw_stall *stall)
{
	const char *comma = *labels ? "," : "";
	const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < FW_WAIT_BUCKETS; i++) {
		n += stall->histogram[i];
		if (i % BUCKET_STEP != BUCKET_STEP - 1 || i == FW_WAIT_BUCKETS - 1)
			continue;
		fprintf(file, "%s_bucket{%s%sle=\"%.12g\"} %llu\n", name, labels, comma,
			(double)(2ULL << i) / 1e6, (unsigned long long)n);
	}
	/* Not stall->ended: it may have been read a moment apart, and these two must be the same. */
	fprintf(file, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum%s%s%s ", name, labels, comma,
		(unsigned long long)n, name, open, labels, close);
	seconds(file, stall->total_ns);
	fprintf(file, "\n%s_count%s%s%s %llu\n", name, open, labels, close, (unsigned long long)n);
}

static void put_freezes(FILE *file, const char *name, const char *labels,
			const struct fw_filesystem *fs)
{
	fprintf(file, "%s{%s} %llu\n", name, labels, (unsigned long long)fs->freezes);
}

static void put_longest(FILE *file, const char *name, const char *labels,
			const struct fw_filesystem *fs)
{
	fprintf(file, "%s{%s} ", name, labels);
	seconds(file, fs->longest_freeze_ns);
	fputc('\n', file);
}

static void put_stall(FILE *file, const char *name, const char *labels,
		      const struct fw_filesystem *fs)
{
	histogram(file, name, labels, &fs->stall);
}

static const struct {
	const char *name, *type, *help;
	void (*value)(FILE *file, const char *name, const char *labels,
		      const struct fw_filesystem *fs);
} of_filesystems[] = {
	{ "freezeguard_filesystem_freezes_total", "counter",
	  "Freezes of a filesystem that succeeded, since it was mounted.", put_freezes },
	{ "freezeguard_filesystem_longest_freeze_seconds", "gauge",
	  "The longest freeze of a filesystem that is over, since it was mounted.", put_longest },
	{ "freezeguard_filesystem_stall_seconds", "histogram",
	  "How long writers waited for the thaw of a filesystem.", put_stall },
};

static int visit_filesystem(dev_t dev, const struct fw_filesystem *fs, void *data)
{
	const struct walk *walk = data;
	char labels[LABELS_MAX];

	if (!fs_labels(labels, dev, fs->filesystem, fs->source))
		walk->value(walk->file, walk->name, labels, fs);
	return 0;
}

static int visit_blocked(dev_t dev, const struct fw_frozen *frozen, void *data)
{
	const struct walk *walk = data;
	char labels[LABELS_MAX];

	if (!fs_labels(labels, dev, frozen->filesystem, frozen->source))
		fprintf(walk->file, "%s{%s} %llu\n", walk->name, labels,
			(unsigned long long)frozen->blocked);
	return 0;
}

static int count_writer(uint32_t thread, const struct fw_writer *writer, void *data)
{
	uint64_t *n = data;

	(void)thread;
	(void)writer;
	++*n;
	return 0;
}

static int of_observer(FILE *file, struct observer *observer)
{
	struct walk walk = { .file = file };
	uint64_t n_blocked = 0;
	struct fw_totals totals;
	size_t i;
	int r;

	r = observer_totals(observer, &totals);
	r = r ? r : observer_each_writer(observer, count_writer, &n_blocked);
	if (r)
		return r;
	family(file, "freezeguard_freezes_total", "counter", "Freezes that succeeded.");
	sample(file, "freezeguard_freezes_total", totals.freezes);
	family(file, "freezeguard_freeze_failures_total", "counter",
	       "Freezes that failed, other than as refused.");
	sample(file, "freezeguard_freeze_failures_total", totals.failures);
	family(file, "freezeguard_freezes_refused_total", "counter",
	       "Freezes refused because the filesystem was frozen.");
	sample(file, "freezeguard_freezes_refused_total", totals.refused);
	family(file, "freezeguard_thaws_total", "counter",
	       "Thaws after which a filesystem was not frozen any more.");
	sample(file, "freezeguard_thaws_total", totals.thaws);
	family(file, "freezeguard_emergency_thaws_total", "counter", "Emergency thaws, SysRq-j.");
	sample(file, "freezeguard_emergency_thaws_total", totals.emergency_thaws);
	family(file, "freezeguard_unmounted_frozen_total", "counter",
	       "Filesystems that went while they were frozen.");
	sample(file, "freezeguard_unmounted_frozen_total", totals.unmounted_frozen);
	family(file, "freezeguard_observer_lost_total", "counter",
	       "What the observer could not record, by what it was.");
	fprintf(file, "freezeguard_observer_lost_total{what=\"entry\"} %llu\n"
		"freezeguard_observer_lost_total{what=\"event\"} %llu\n",
		(unsigned long long)totals.lost_entries, (unsigned long long)totals.lost_events);
	family(file, "freezeguard_longest_freeze_seconds", "gauge",
	       "The longest freeze that is over, of any filesystem.");
	fputs("freezeguard_longest_freeze_seconds ", file);
	seconds(file, totals.longest_freeze_ns);
	fputc('\n', file);
	family(file, "freezeguard_stall_seconds", "histogram",
	       "How long writers waited for the thaw of any filesystem.");
	histogram(file, "freezeguard_stall_seconds", "", &totals.stall);
	family(file, "freezeguard_blocked_writers", "gauge",
	       "Writers that wait for a frozen filesystem.");
	sample(file, "freezeguard_blocked_writers", n_blocked);

	walk.name = "freezeguard_filesystem_blocked_writers";
	family(file, walk.name, "gauge", "Writers that wait for a filesystem that is frozen.");
	r = observer_each_frozen(observer, visit_blocked, &walk);
	for (i = 0; !r && i < sizeof(of_filesystems) / sizeof(of_filesystems[0]); i++) {
		walk.name = of_filesystems[i].name;
		walk.value = of_filesystems[i].value;
		family(file, walk.name, of_filesystems[i].type, of_filesystems[i].help);
		r = observer_each_filesystem(observer, visit_filesystem, &walk);
	}
	return r;
}

/**
 * metrics_print() - print all figures that there are
 * @file: where to
 * @source: what they are taken from
 *
 * Return: 0, or a negative errno: the observer could not be read.
 */
int metrics_print(FILE *file, const struct metrics_source *source)
{
	int r;

	family(file, "freezeguard_build_info", "gauge", "A constant 1, with freezectl's version.");
	fprintf(file, "freezeguard_build_info{version=\"%s\"} 1\n", FREEZEGUARD_VERSION);
	family(file, "freezeguard_up", "gauge", "Whether the kernel module is loaded and answers.");
	sample(file, "freezeguard_up", !!source->leases);
	family(file, "freezeguard_observer_loaded", "gauge", "Whether the observer is loaded.");
	sample(file, "freezeguard_observer_loaded", !!source->observer);
	if (source->leases) {
		live_leases(file, source->leases);
		ended_leases(file, source->ended_dir);
	}
	r = frozen_filesystems(file, source);
	if (r)
		return r;
	if (source->observer)
		return of_observer(file, source->observer);
	if (source->n_blocked >= 0) {
		family(file, "freezeguard_blocked_writers", "gauge",
		       "Writers that wait for a frozen filesystem.");
		sample(file, "freezeguard_blocked_writers", (uint64_t)source->n_blocked);
	}
	return 0;
}

/* Without the observer: by kernel stacks. To look at every task is worth it only if one may wait. */
static long count_blocked(bool something_frozen)
{
	struct blocked blocked;
	long n = 0;

	if (!something_frozen)
		return 0;
	n = blocked_find(&blocked, "/proc") || !blocked.readable ? -1 : (long)blocked.n;
	blocked_free(&blocked);
	return n;
}

/* Without the module there is nobody to ask for the freeze state of a filesystem. */
static bool survey(struct freezectl *ctl, const struct plan *plan, struct metrics_source *source)
{
	struct freezeguard_fs *filesystems = calloc(plan->n + 1, sizeof(*filesystems));
	const char **sources = calloc(plan->n + 1, sizeof(*sources));
	bool something_frozen = false;
	size_t i;

	source->filesystems = filesystems;
	source->sources = sources;
	for (i = 0; filesystems && sources && i < plan->n; i++) {
		struct freezeguard_fs *fs = &filesystems[source->n_filesystems];

		if (plan->v[i].fd < 0)
			continue;
		if (freezeguard_fs_get(ctl->fg, plan->v[i].fd, fs)) {
			freezectl_refused(ctl, plan->v[i].path, EXIT_CODE_SYSTEM);
			continue;
		}
		something_frozen = something_frozen || fs->state != FREEZEGUARD_FS_STATE_UNFROZEN;
		sources[source->n_filesystems++] = plan->v[i].source;
	}
	return something_frozen;
}

/**
 * metrics() - put all figures into the output
 * @ctl: the call; gets findings. That the module isn't loaded is none: freezeguard_up says so.
 */
void metrics(struct freezectl *ctl)
{
	const struct plan_request request = { .survey = true };
	struct freezeguard_lease_list leases = { 0 };
	struct metrics_source source = { .ended_dir = METRICS_ENDED_DIR, .n_blocked = -1 };
	struct findings unreadable = { 0 };
	struct plan plan = { 0 };
	int r;

	r = freezeguard_open(&ctl->fg);
	if (!r && !(r = freezeguard_lease_dump(ctl->fg, &leases)))
		source.leases = &leases;
	else if (r != -ENOENT && r != -EPROTONOSUPPORT && r != -EAFNOSUPPORT)
		freezectl_refused(ctl, NULL, EXIT_CODE_SYSTEM);
	source.observer = freezectl_observer(ctl);
	if (!source.observer && ctl->observer_error == -EPERM)
		findings_add(&ctl->findings, EXIT_CODE_USAGE, "observer", "%s",
			     observer_why(ctl->observer_error));
	if (source.leases) {
		bool frozen;

		plan_make(&plan, &request, &unreadable);
		frozen = survey(ctl, &plan, &source);
		if (!source.observer)
			source.n_blocked = count_blocked(frozen);
	}
	r = metrics_print(ctl->out.text, &source);
	if (r)
		findings_add(&ctl->findings, EXIT_CODE_SYSTEM, "observer",
			     "what it knows could not be read: %s", strerror(-r));
	free((void *)source.filesystems);
	free((void *)source.sources);
	findings_free(&unreadable);
	plan_free(&plan);
	freezeguard_lease_list_clear(&leases);
}
