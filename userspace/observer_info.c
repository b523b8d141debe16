// SPDX-License-Identifier: GPL-2.0-only
/* observer_info: what of the observer is loaded */
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

#include "freezewatch.skel.h"
#include "observer_info.h"
#include "observer_pins.h"
#include "observer_programs.h"

/* The number of the program behind a pinned link; 0: none. */
static uint32_t program_of_link(const char *path)
{
	struct bpf_link_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_obj_get(path);
	uint32_t id = 0;

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length))
		id = info.prog_id;
	if (fd >= 0)
		close(fd);
	return id;
}

static struct observer_point *add_point(struct observer_info *info, const char *name)
{
	struct observer_point *v = reallocarray(info->v, info->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	info->v = v;
	v += info->n++;
	*v = (struct observer_point) {};
	snprintf(v->name, sizeof(v->name), "%s", name);
	return v;
}

static void read_counters(struct observer_point *point, bool counted)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(point->program);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &length)) {
		point->has_runs = counted;
		point->runs = info.run_cnt;
		point->run_ns = info.run_time_ns;
		point->has_missed = true;
		point->missed = info.recursion_misses;
	}
	close(fd);
}

static bool runs_are_counted(void)
{
	FILE *file = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	bool counted = file && fgetc(file) == '1';

	if (file)
		fclose(file);
	return counted;
}

static int add_our_points(struct observer_info *info, const struct btf *kernel,
			  const struct freezewatch_bpf *skel)
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
		point->program = program_of_link(path);
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
		point->program = program_of_link(path);
		point->state = OBSERVER_POINT_ATTACHED;
		read_counters(point, runs_are_counted());
	}
	closedir(d);
	return r;
}

int observer_info_read(struct observer_info *info)
{
	struct observer_about about;
	struct freezewatch_bpf *skel;
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
	btf__free(kernel);
	freezewatch_bpf__destroy(skel);
	return r;
}

void observer_info_clear(struct observer_info *info)
{
	free(info->v);
	*info = (struct observer_info) {};
}
