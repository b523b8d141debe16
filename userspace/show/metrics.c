// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics: which figures there are for Prometheus. What isn't known has no sample, rather than a 0
 * that looks like one; only what never falls while its source lives is a counter.
 * Documentation/observing.md has each with its meaning, and a test holds the two together.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "base/util.h"
#include "observer/observed.h"
#include "show/metrics.h"
#include "show/prometheus.h"

/* ---- leases ---- */

static void live_leases(FILE *file, const struct freezeguard_lease_list *leases)
{
	static const char name[] = "freezeguard_leases";
	uint32_t state;
	size_t i, n;

	prometheus_family(file, name, "gauge", "Live leases by state.");
	for (state = FREEZEGUARD_LEASE_STATE_FREEZING;
	     state <= FREEZEGUARD_LEASE_STATE_ROLLING_BACK; state++) {
		for (i = n = 0; i < leases->n; i++)
			n += leases->v[i].state == state;
		fprintf(file, "%s{state=\"%s\"} %zu\n", name, freezeguard_lease_state_name(state), n);
	}
}

/* The file has one line, "10,2,0,0,1": a number for each of the last states. */
static void ended_leases(FILE *file, const char *path)
{
	static const char name[] = "freezeguard_leases_ended_total";
	unsigned long n[5];
	char *text = text_read(AT_FDCWD, path);
	bool known = text && sscanf(text, "%lu,%lu,%lu,%lu,%lu", n, n + 1, n + 2, n + 3, n + 4) == 5;
	size_t i;

	free(text);
	if (!known)
		return;
	prometheus_family(file, name, "counter", "Leases that have ended, by their last state.");
	for (i = 0; i < 5; i++)
		fprintf(file, "%s{state=\"%s\"} %lu\n", name,
			freezeguard_lease_state_name(FREEZEGUARD_LEASE_STATE_THAWED + i), n[i]);
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

/* What is mounted here has been printed already, as the kernel reports it. */
static int frozen_elsewhere(dev_t dev, const struct fw_frozen *frozen, void *data)
{
	const struct walk *walk = data;
	char labels[PROMETHEUS_LABELS_MAX];
	size_t i;

	for (i = 0; i < walk->source->n_filesystems; i++)
		if (walk->source->filesystems[i].major == major(dev) &&
		    walk->source->filesystems[i].minor == minor(dev))
			return 0;
	if (!prometheus_labels(labels, dev, frozen->filesystem, frozen->source))
		frozen_samples(walk->file, labels, frozen->lease.number, observed_is_foreign(frozen));
	return 0;
}

static int frozen_filesystems(FILE *file, const struct metrics_source *source)
{
	struct walk walk = { .file = file, .source = source };
	char labels[PROMETHEUS_LABELS_MAX];
	size_t i;

	if (!source->leases && !source->observer)
		return 0;
	prometheus_family(file, "freezeguard_filesystem_frozen", "gauge", "Whether a filesystem is "
			  "frozen or being frozen, by a lease or by anything else.");
	for (i = 0; i < source->n_filesystems; i++) {
		const struct freezeguard_fs *fs = &source->filesystems[i];
		bool frozen = fs->state != FREEZEGUARD_FS_STATE_UNFROZEN;
		/* A lease is one of the holders. */
		bool others = !fs->lease_number || fs->kernel_holders + fs->user_holders > 1;

		if (!prometheus_labels(labels, makedev(fs->major, fs->minor), fs->fstype,
				       source->sources[i]))
			frozen_samples(file, labels, frozen && fs->lease_number,
				       frozen && others);
	}
	return source->observer ?
	       observer_each_frozen(source->observer, frozen_elsewhere, &walk) : 0;
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
	prometheus_seconds(file, fs->longest_freeze_ns);
	fputc('\n', file);
}

static void put_stall(FILE *file, const char *name, const char *labels,
		      const struct fw_filesystem *fs)
{
	prometheus_histogram(file, name, labels, &fs->stall);
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
	char labels[PROMETHEUS_LABELS_MAX];

	if (!prometheus_labels(labels, dev, fs->filesystem, fs->source))
		walk->value(walk->file, walk->name, labels, fs);
	return 0;
}

static int visit_blocked(dev_t dev, const struct fw_frozen *frozen, void *data)
{
	const struct walk *walk = data;
	char labels[PROMETHEUS_LABELS_MAX];

	if (!prometheus_labels(labels, dev, frozen->filesystem, frozen->source))
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

static void blocked_writers(FILE *file, uint64_t n)
{
	prometheus_number(file, "freezeguard_blocked_writers", "gauge",
			  "Writers that wait for a frozen filesystem.", n);
}

static void of_totals(FILE *file, const struct fw_totals *totals)
{
	prometheus_number(file, "freezeguard_freezes_total", "counter", "Freezes that succeeded.",
			  totals->freezes);
	prometheus_number(file, "freezeguard_freeze_failures_total", "counter",
			  "Freezes that failed, other than as refused.", totals->failures);
	prometheus_number(file, "freezeguard_freezes_refused_total", "counter",
			  "Freezes refused because the filesystem was frozen.", totals->refused);
	prometheus_number(file, "freezeguard_thaws_total", "counter",
			  "Thaws after which a filesystem was not frozen any more.",
			  totals->thaws);
	prometheus_number(file, "freezeguard_emergency_thaws_total", "counter",
			  "Emergency thaws, SysRq-j.", totals->emergency_thaws);
	prometheus_number(file, "freezeguard_unmounted_frozen_total", "counter",
			  "Filesystems that went while they were frozen.",
			  totals->unmounted_frozen);
	prometheus_family(file, "freezeguard_observer_lost_total", "counter",
			  "What the observer could not record, by what it was.");
	fprintf(file, "freezeguard_observer_lost_total{what=\"entry\"} %llu\n"
		"freezeguard_observer_lost_total{what=\"event\"} %llu\n",
		(unsigned long long)totals->lost_entries, (unsigned long long)totals->lost_events);
	prometheus_family(file, "freezeguard_longest_freeze_seconds", "gauge",
			  "The longest freeze that is over, of any filesystem.");
	fputs("freezeguard_longest_freeze_seconds ", file);
	prometheus_seconds(file, totals->longest_freeze_ns);
	fputc('\n', file);
	prometheus_family(file, "freezeguard_stall_seconds", "histogram",
			  "How long writers waited for the thaw of any filesystem.");
	prometheus_histogram(file, "freezeguard_stall_seconds", "", &totals->stall);
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
	of_totals(file, &totals);
	blocked_writers(file, n_blocked);
	walk.name = "freezeguard_filesystem_blocked_writers";
	prometheus_family(file, walk.name, "gauge",
			  "Writers that wait for a filesystem that is frozen.");
	r = observer_each_frozen(observer, visit_blocked, &walk);
	for (i = 0; !r && i < ARRAY_SIZE(of_filesystems); i++) {
		walk.name = of_filesystems[i].name;
		walk.value = of_filesystems[i].value;
		prometheus_family(file, walk.name, of_filesystems[i].type, of_filesystems[i].help);
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

	prometheus_family(file, "freezeguard_build_info", "gauge",
			  "A constant 1, with freezectl's version.");
	fprintf(file, "freezeguard_build_info{version=\"%s\"} 1\n", FREEZEGUARD_VERSION);
	prometheus_number(file, "freezeguard_up", "gauge",
			  "Whether the kernel module is loaded and answers.", !!source->leases);
	prometheus_number(file, "freezeguard_observer_loaded", "gauge",
			  "Whether the observer is loaded.", !!source->observer);
	if (source->leases) {
		live_leases(file, source->leases);
		ended_leases(file, source->ended);
	}
	r = frozen_filesystems(file, source);
	if (r)
		return r;
	if (source->observer)
		return of_observer(file, source->observer);
	if (source->n_blocked >= 0)
		blocked_writers(file, (uint64_t)source->n_blocked);
	return 0;
}
