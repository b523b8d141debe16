// SPDX-License-Identifier: GPL-2.0-only
/*
 * load: puts the observer's programs into the kernel and takes them away again.
 *
 * A load makes a whole set in OBSERVER_NEW_DIR, next to one that may be there already. A set's programs
 * do nothing until the map "gate", which the sets share, has the set's number. When all are attached, the
 * old set is renamed to OBSERVER_OLD_DIR, the new one to OBSERVER_DIR, the gate changes over, and the old
 * one is removed. So whoever is killed leaves one set that is at work, and what else is left is removed
 * by the next one. "about" says whether what was frozen before has been looked for as well.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <freezeguard.h>

#include "observer.skel.h"
#include "observer/before.h"
#include "observer/keep.h"
#include "observer/load.h"
#include "observer/pins.h"
#include "observer/programs.h"
#include "observer/refusal.h"

struct loader {
	struct observer_machine machine;
	struct observer_load_result *result;
	struct findings *f;
	struct observer_bpf *skel;
	struct btf *kernel;
	struct bpf_link *find;
	struct observer_about about, old;
	bool has_old, old_complete;
};

/* ---- what libbpf says ---- */

static FILE *log_file;

static int keep_log(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_DEBUG || !log_file)
		return 0;
	return vfprintf(log_file, format, args);
}

static void refused(struct loader *loader, int error, const char *what)
{
	if (log_file)
		fflush(log_file);
	observer_refused(&loader->machine, error, what, loader->result->log, loader->f);
}

/* ---- a new set ---- */

static int attach(struct loader *loader, struct bpf_program *program, struct bpf_link **link)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};

	if (!observer_program_is_iterator(program)) {
		*link = bpf_program__attach(program);
	} else {
		if (!strcmp(observer_program_target(program), "bpf_map_elem")) {
			info.map.map_fd = (__u32)bpf_map__fd(loader->skel->maps.frozen);
			opts.link_info = &info;
			opts.link_info_len = sizeof(info);
		}
		*link = bpf_program__attach_iter(program, &opts);
	}
	return *link ? 0 : -errno;
}

static int attach_and_pin(struct loader *loader, struct bpf_program *program)
{
	char path[OBSERVER_PATH_MAX], what[OBSERVER_PATH_MAX + 32];
	struct bpf_link *link;
	int r;

	r = attach(loader, program, &link);
	if (r) {
		snprintf(what, sizeof(what), "to attach %s to %s", bpf_program__name(program),
			 observer_program_target(program));
		refused(loader, r, what);
		return r;
	}
	observer_program_pin(path, OBSERVER_NEW_DIR, program);
	if (bpf_obj_pin(bpf_link__fd(link), path)) {
		r = -errno;
		snprintf(what, sizeof(what), "to pin a program as %s", path);
		refused(loader, r, what);
	} else if (observer_program_is_probe(program)) {
		/* Or libbpf disables the perf event. Its descriptor is closed when this process ends. */
		bpf_link__disconnect(link);
		close(bpf_link__fd(link));
	}
	bpf_link__destroy(link);
	return r;
}

static int pin_maps(struct loader *loader)
{
	char path[OBSERVER_PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, loader->skel->obj) {
		if (bpf_map__is_internal(map))	/* the programs' constants */
			continue;
		observer_pin_path(path, OBSERVER_NEW_DIR, bpf_map__name(map));
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return -errno;
	}
	return observer_set_note(OBSERVER_NEW_DIR, &loader->about);
}

static int make_set(struct loader *loader)
{
	struct bpf_program *program;
	int r;

	if (mkdir(OBSERVER_NEW_DIR, 0700) || mkdir(OBSERVER_NEW_DIR "/links", 0700)) {
		r = -errno;
		refused(loader, r, "to make the folder " OBSERVER_NEW_DIR);
		return r;
	}
	r = pin_maps(loader);
	if (r) {
		refused(loader, r, "to pin a map in " OBSERVER_NEW_DIR);
		return r;
	}
	bpf_object__for_each_program(program, loader->skel->obj) {
		if (!bpf_program__autoload(program) || !observer_program_stays(program))
			continue;
		r = attach_and_pin(loader, program);
		if (r)
			return r;
	}
	r = attach(loader, loader->skel->progs.find_frozen, &loader->find);
	if (r)
		refused(loader, r, "to attach find_frozen, which looks for what is frozen already");
	return r;
}

/*
 * One write lets the new set take over. A freeze that runs just then into the few instructions between
 * the two sets' programs on one function is seen by neither; settle() finds it.
 */
static int change_over(struct loader *loader)
{
	int r;

	if ((loader->has_old && rename(OBSERVER_DIR, OBSERVER_OLD_DIR)) ||
	    rename(OBSERVER_NEW_DIR, OBSERVER_DIR)) {
		r = -errno;
		refused(loader, r, "to rename a folder of " BPFFS_DIR);
		return r;
	}
	r = observer_set_open_gate(OBSERVER_DIR, &loader->about);
	if (r) {
		refused(loader, r, "to write to the map " OBSERVER_DIR "/gate");
		return r;
	}
	loader->result->replaced = loader->has_old;
	return 0;
}

/* The programs are at work; whatever goes wrong here, they stay. */
static void settle(struct loader *loader)
{
	int r;

	r = observer_set_remove(OBSERVER_OLD_DIR);
	if (r)
		refused(loader, r, "to remove " OBSERVER_OLD_DIR);
	if (loader->has_old)
		observer_keep_writers(bpf_map__fd(loader->skel->maps.writers),
				      loader->about.number);
	r = observer_before(bpf_link__fd(loader->find), bpf_map__fd(loader->skel->maps.frozen),
			    &loader->result->n_frozen, loader->f);
	if (r)
		findings_add(loader->f, EXIT_CODE_DONE, NULL,
			     "what was frozen before the observer was loaded is unknown: %s",
			     strerror(-r));
	loader->about.settled = 1;
	r = observer_set_note(OBSERVER_DIR, &loader->about);
	if (r)
		refused(loader, r, "to write to the map " OBSERVER_DIR "/about");
}

/* ---- load ---- */

static bool is_complete(const struct loader *loader)
{
	struct bpf_program *program;
	char path[OBSERVER_PATH_MAX];
	struct bpf_map *map;
	struct stat st;

	bpf_object__for_each_map(map, loader->skel->obj)
		if (!bpf_map__is_internal(map) &&
		    !observer_pin_exists(OBSERVER_DIR, bpf_map__name(map)))
			return false;
	bpf_object__for_each_program(program, loader->skel->obj) {
		if (!bpf_program__autoload(program) || !observer_program_stays(program))
			continue;
		observer_program_pin(path, OBSERVER_DIR, program);
		if (lstat(path, &st))
			return false;
	}
	return true;
}

/* As far as it is needed to know what is loaded, and to load. */
static int prepare(struct loader *loader)
{
	struct observer_about *about = &loader->about;
	int r;

	loader->skel = observer_programs_open();
	if (!loader->skel) {
		r = -errno;
		refused(loader, r, "to read the programs that are built into freezectl");
		return r;
	}
	loader->kernel = btf__load_vmlinux_btf();
	if (!loader->kernel) {
		r = -errno;
		findings_add(loader->f, EXIT_CODE_NOT_READY, "/sys/kernel/btf/vmlinux",
			     "the kernel's description of its types cannot be read: %s",
			     strerror(-r));
		return r;
	}
	r = observer_programs_fit(loader->skel, loader->kernel, loader->f);
	if (r)
		return r;
	snprintf(about->version, sizeof(about->version), "%s", FREEZEGUARD_VERSION);
	about->build = observer_programs_build();
	about->number = freezeguard_now_ns();
	loader->skel->rodata->fw_set = about->number;
	loader->has_old = observer_set_exists(OBSERVER_DIR);
	if (!observer_set_about(OBSERVER_DIR, &loader->old)) {
		about->counting_ns = loader->old.counting_ns;
		loader->old_complete = is_complete(loader);
	}
	return 0;
}

static int load_and_attach(struct loader *loader)
{
	bool counters = false;
	int r;

	if (loader->has_old) {
		r = observer_keep_maps(loader->skel, loader->old_complete, &loader->result->maps,
				       &counters);
		if (r) {
			refused(loader, r, "to take a map over from " OBSERVER_DIR);
			return r;
		}
	}
	if (!counters)
		loader->about.counting_ns = loader->about.number;
	r = observer_bpf__load(loader->skel);
	if (r) {
		refused(loader, r, "to load the observer's programs");
		return r;
	}
	r = make_set(loader);
	r = r ? r : change_over(loader);
	if (!r)
		settle(loader);
	return r;
}

static int load_locked(struct loader *loader, bool replace)
{
	int r;

	r = observer_sets_tidy();
	if (r) {
		refused(loader, r, "to remove what is left of another load, " OBSERVER_NEW_DIR
			" or " OBSERVER_OLD_DIR);
		return r;
	}
	r = prepare(loader);
	if (r)
		return r;
	if (loader->old_complete && loader->old.settled &&
	    loader->old.build == loader->about.build && !replace) {
		loader->result->already = true;
		return 0;
	}
	r = load_and_attach(loader);
	if (r)
		observer_sets_tidy();
	return r;
}

static int load(struct loader *loader, bool replace)
{
	int lock, r;

	lock = observer_sets_lock(loader->f);
	if (lock < 0) {
		if (lock != -EBUSY && lock != -EPERM)
			refused(loader, lock, "to make the folder " OBSERVER_LOCK_DIR);
		return lock;
	}
	r = load_locked(loader, replace);
	observer_sets_unlock(lock);
	bpf_link__destroy(loader->find);
	btf__free(loader->kernel);
	observer_bpf__destroy(loader->skel);
	return r;
}

/* One that is interrupted would leave a mess, though a harmless one. */
static void hold_signals(sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, before);
}

bool observer_load(bool replace, struct observer_load_result *result, struct findings *f)
{
	struct loader loader = { .result = result, .f = f };
	sigset_t signals;
	mode_t mask;
	size_t size;
	int r;

	*result = (struct observer_load_result) {};
	observer_machine_look(&loader.machine);
	if (!observer_machine_check(&loader.machine, f))
		return false;
	log_file = open_memstream(&result->log, &size);
	libbpf_set_print(keep_log);
	hold_signals(&signals);
	mask = umask(077);
	r = load(&loader, replace);
	umask(mask);
	sigprocmask(SIG_SETMASK, &signals, NULL);
	libbpf_set_print(NULL);
	if (log_file)
		fclose(log_file);
	log_file = NULL;
	return !r;
}

void observer_load_result_clear(struct observer_load_result *result)
{
	free(result->log);
	*result = (struct observer_load_result) {};
}

/* ---- unload ---- */

static int remove_all(void)
{
	int r;

	r = observer_set_remove(OBSERVER_DIR);
	r = r ? r : observer_set_remove(OBSERVER_NEW_DIR);
	return r ? r : observer_set_remove(OBSERVER_OLD_DIR);
}

bool observer_unload(bool *was_loaded, struct findings *f)
{
	struct observer_machine machine;
	int lock, r;

	*was_loaded = false;
	libbpf_set_print(NULL);
	observer_machine_look(&machine);
	if (!machine.bpffs)
		return true;
	machine.kernel_btf = true;	/* not needed for this */
	if (!observer_machine_check(&machine, f))
		return false;
	lock = observer_sets_lock(f);
	if (lock < 0) {
		if (lock != -EBUSY && lock != -EPERM)
			observer_refused(&machine, lock, "to make the folder " OBSERVER_LOCK_DIR,
					 NULL, f);
		return false;
	}
	*was_loaded = observer_set_exists(OBSERVER_DIR) || observer_set_exists(OBSERVER_OLD_DIR);
	r = remove_all();
	observer_sets_unlock(lock);
	if (r)
		observer_refused(&machine, r, "to remove what is pinned in " OBSERVER_DIR, NULL, f);
	return !r;
}
