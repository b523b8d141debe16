// SPDX-License-Identifier: GPL-2.0-only
/* info: what of the observer is loaded */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/text.h"
#include "base/util.h"
#include "observer.skel.h"
#include "observer/info.h"
#include "observer/pins.h"
#include "observer/programs.h"

/*
 * The kernel's struct bpf_link_info of a kprobe, as far as "missed", which is in it from 6.7 on; the headers
 * that this is compiled with may be older.
 */
struct link_info {
	__u32 type, id, program, reserved;
	__u32 event, reserved2;
	__u64 name;
	__u32 name_size, offset;
	__u64 address, missed;
};

/*
 * Finds the program behind a pinned link, 0: none, and how often its probe was not reached. Up to 6.6 the kernel
 * does not tell that of a probe.
 */
static void read_link(struct observer_point *point, const char *path)
{
	struct link_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length)) {
		point->program = info.program;
		point->has_missed = true;
		if (info.type == BPF_LINK_TYPE_PERF_EVENT) {
			point->has_missed = length == sizeof(info);
			point->missed = info.missed;
		}
	}
	close(fd);
}

static struct observer_point *add_point(struct observer_info *info, const char *name)
{
	struct observer_point *point = APPEND(info->v, info->n);

	if (point)
		snprintf(point->name, sizeof(point->name), "%s", name);
	return point;
}

static void read_counters(struct observer_point *point, bool counted)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(point->program);
	bool told = point->has_missed;

	point->has_missed = false;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length)) {
		point->has_runs = counted;
		point->runs = info.run_cnt;
		point->run_ns = info.run_time_ns;
		point->has_missed = told && length >= offsetof(struct bpf_prog_info, recursion_misses) +
						      sizeof(info.recursion_misses);
		point->missed += info.recursion_misses;
	}
	close(fd);
}

static bool runs_are_counted(void)
{
	unsigned long enabled;

	return text_read_number("/proc/sys/kernel/bpf_stats_enabled", &enabled) && enabled == 1;
}

static int add_our_points(struct observer_info *info, const struct btf *kernel,
			  const struct observer_bpf *skel)
{
	bool counted = runs_are_counted();
	struct observer_point *point;
	struct bpf_program *program;
	const char *section;
	char path[OBSERVER_PATH_MAX];

	bpf_object__for_each_program(program, skel->obj) {
		if (!observer_program_stays(program))
			continue;
		point = add_point(info, bpf_program__name(program));
		if (!point)
			return -ENOMEM;
		section = bpf_program__section_name(program);
		snprintf(point->kind, sizeof(point->kind), "%.*s", (int)strcspn(section, "/"),
			 section);
		snprintf(point->function, sizeof(point->function), "%s",
			 observer_program_target(program));
		point->optional = observer_program_is_optional(program);
		observer_program_pin(path, OBSERVER_DIR, program);
		read_link(point, path);
		if (point->program)
			point->state = OBSERVER_POINT_ATTACHED;
		else if (point->optional && kernel && !observer_program_has_place(program, kernel))
			point->state = OBSERVER_POINT_ABSENT;
		else
			point->state = OBSERVER_POINT_MISSING;
		if (point->program)
			read_counters(point, counted);
	}
	return 0;
}

/* Those that this build doesn't have. */
static int add_other_points(struct observer_info *info)
{
	struct observer_point *point;
	struct dirent *entry;
	char path[OBSERVER_PATH_MAX];
	int r = 0;
	size_t i;
	DIR *d;

	d = opendir(OBSERVER_DIR "/links");
	if (!d)
		return 0;
	while (!r && (entry = readdir(d))) {
		for (i = 0; i < info->n; i++)
			if (!strcmp(info->v[i].name, entry->d_name))
				break;
		if (entry->d_name[0] == '.' || i < info->n)
			continue;
		point = add_point(info, entry->d_name);
		if (!point) {
			r = -ENOMEM;
			break;
		}
		observer_pin_path(path, OBSERVER_DIR "/links", entry->d_name);
		read_link(point, path);
		point->state = OBSERVER_POINT_ATTACHED;
		read_counters(point, runs_are_counted());
	}
	closedir(d);
	return r;
}

static bool at_return(const struct observer_point *point)
{
	return !strcmp(point->kind, "fexit") || !strcmp(point->kind, "kretprobe");
}

static bool same_place(const struct observer_point *a, const struct observer_point *b)
{
	return *a->function && !strcmp(a->function, b->function) && at_return(a) == at_return(b);
}

static bool knows_missed(const struct observer_point *point)
{
	return point->program && point->has_missed;
}

/* What all programs of one place missed is as much as the one missed that missed the least, or less. */
static uint64_t count_skipped(const struct observer_info *info)
{
	const struct observer_point *a, *b, *end = info->v + info->n;
	uint64_t skipped = 0;

	for (a = info->v; a < end; a++) {
		for (b = info->v; b < end; b++)
			if (b != a && knows_missed(b) && same_place(a, b) &&
			    (b->missed < a->missed || (b->missed == a->missed && b < a)))
				break;
		if (knows_missed(a) && b == end)
			skipped += a->missed;
	}
	return skipped;
}

int observer_info_read(struct observer_info *info)
{
	struct observer_about about;
	struct observer_bpf *skel;
	struct btf *kernel;
	struct stat st;
	int r;

	*info = (struct observer_info) {};
	libbpf_set_print(NULL);
	if (stat(OBSERVER_DIR, &st) && errno != ENOENT)
		return errno == EACCES ? -EPERM : -errno;
	info->loaded = observer_set_exists(OBSERVER_DIR);
	info->unfinished = observer_set_exists(OBSERVER_NEW_DIR) ||
			   observer_set_exists(OBSERVER_OLD_DIR);
	if (!info->loaded)
		return 0;
	r = observer_set_about(OBSERVER_DIR, &about);
	if (r && r != -ENOENT && r != -EPROTO)
		return r == -EACCES ? -EPERM : r;
	snprintf(info->version, sizeof(info->version), "%s", about.version);
	info->same_build = about.build == observer_programs_build();
	info->loaded_ns = about.number;
	info->counting_ns = about.counting_ns;
	skel = observer_programs_open();
	if (!skel)
		return -errno;
	kernel = btf__load_vmlinux_btf();
	r = add_our_points(info, kernel, skel);
	r = r ? r : add_other_points(info);
	info->skipped = count_skipped(info);
	btf__free(kernel);
	observer_bpf__destroy(skel);
	return r;
}

void observer_info_clear(struct observer_info *info)
{
	free(info->v);
	*info = (struct observer_info) {};
}
