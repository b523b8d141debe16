// SPDX-License-Identifier: GPL-2.0-only
/*
 * observer_load: puts the observer's programs into the kernel and takes them away again.
 *
 * Below /sys/fs/bpf, "freezeguard" is what is loaded: the maps and iterators by name, the other
 * programs' links in "links", and "about". A load makes all of that in "freezeguard-new"; a program
 * does nothing until its set's "gate" opens, and when all are attached the gates change over, the
 * old set is renamed to "freezeguard-old", the new one gets its name, and the old one is removed.
 * So each freeze is seen once during an upgrade, and whoever is killed leaves one set that works;
 * "about" says whether what was frozen before has been looked for as well.
 * "freezeguard-lock" is locked by who does any of this.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <freezeguard.h>

#include "freezewatch.skel.h"
#include "observer_before.h"
#include "observer_layout.h"
#include "observer_load.h"
#include "observer_pins.h"
#include "observer_refusal.h"

#define PATH_SIZE	192
#define MAX_PROGRAMS	128
#define LOCK_TRIES	1500		/* of 20 ms */
#define GONE_TRIES	500		/* of 10 ms */
#define GATE		".data.gate"

/* The functions that every kernel has which the observer works on. Others' programs are left out. */
static const char *const required[] = {
	"freeze_super", "thaw_super_locked", "percpu_rwsem_wait", "percpu_down_write",
	"deactivate_locked_super", "generic_shutdown_super", "emergency_thaw_all",
	"raw_notifier_call_chain",
};

/*
 * Maps that are of no use without another one whose contents were dropped: what is frozen now is one
 * thing, and so are the events and their number, which is in the totals.
 */
static const char *const together[][8] = {
	{ "frozen", "writers", "semaphores", "calls", "means", "leases", "emergency", NULL },
	{ "totals", "events", NULL },
};

/* Map "about", one entry: what is loaded. */
struct about {
	char version[32];
	uint64_t build;
	uint64_t loaded_ns;
	uint64_t counting_ns;
	uint64_t settled;
};

struct loader {
	struct observer_machine machine;
	struct observer_load_result *result;
	struct findings *f;
	struct freezewatch_bpf *skel;
	struct btf *kernel;
	struct bpf_link *find;
	struct about about, old;
	bool has_old, old_complete;
	int lock;
};

static void path_of(char path[PATH_SIZE], const char *dir, const char *name)
{
	snprintf(path, PATH_SIZE, "%.100s/%.80s", dir, name);
}

static bool exists(const char *dir, const char *name)
{
	char path[PATH_SIZE];
	struct stat st;

	path_of(path, dir, name);
	return !lstat(path, &st);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec) { .tv_nsec = ms * 1000000 }, NULL);
}

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

/* ---- programs ---- */

/* "fentry" and "freeze_super" of "fentry/freeze_super"; iterators walk what is behind the stroke. */
static const char *target_of(const struct bpf_program *program)
{
	const char *stroke = strchr(bpf_program__section_name(program), '/');

	return stroke ? stroke + 1 : "";
}

static bool is_iterator(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "iter/", 5);
}

/* The one that is run once, by the loader. */
static bool is_finder(const struct bpf_program *program)
{
	return !strcmp(bpf_program__name(program), "find_frozen");
}

static bool is_required(const char *function)
{
	size_t i;

	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (!strcmp(function, required[i]))
			return true;
	return false;
}

/* How many arguments a function of the kernel has; -ENOENT if it isn't there. */
static int arguments_of(const struct btf *kernel, const char *function)
{
	__s32 id = btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC);
	const struct btf_type *t;

	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(kernel, (__u32)id);
	t = t ? btf__type_by_id(kernel, t->type) : NULL;
	return t && btf_is_func_proto(t) ? btf_vlen(t) : -ENOENT;
}

/* Where a program's link or iterator is pinned. */
static void pin_of(char path[PATH_SIZE], const char *dir, const struct bpf_program *program)
{
	snprintf(path, PATH_SIZE, "%.100s/%s%.70s", dir, is_iterator(program) ? "" : "links/",
		 bpf_program__name(program));
}

/* Of the programs' object: what changes it changes this. FNV-1a. */
static uint64_t build_id(void)
{
	uint64_t hash = 0xcbf29ce484222325;
	const unsigned char *bytes;
	size_t size, i;

	bytes = freezewatch_bpf__elf_bytes(&size);
	for (i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

static int fit_to_kernel(struct loader *loader)
{
	struct bpf_program *program;
	int freeze, thaw, r = 0;
	size_t i;

	loader->kernel = btf__load_vmlinux_btf();
	if (!loader->kernel) {
		r = -errno;
		findings_add(loader->f, EXIT_CODE_NOT_READY, "/sys/kernel/btf/vmlinux",
			     "cannot be read: %s", strerror(-r));
		return r;
	}
	for (i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (arguments_of(loader->kernel, required[i]) >= 0)
			continue;
		findings_add(loader->f, EXIT_CODE_NOT_READY, NULL, "this kernel has no function "
			     "%s() where the observer could be attached; it works on 5.10 to 7.2",
			     required[i]);
		r = -ENOTSUP;
	}
	if (r)
		return r;
	bpf_object__for_each_program(program, loader->skel->obj)
		if (!is_iterator(program))
			bpf_program__set_autoload(program, arguments_of(loader->kernel,
							   target_of(program)) >= 0);
	freeze = arguments_of(loader->kernel, "freeze_super");
	thaw = arguments_of(loader->kernel, "thaw_super_locked");
	loader->skel->rodata->fw_freeze_args = (__u32)freeze;
	loader->skel->rodata->fw_thaw_args = (__u32)thaw;
	loader->skel->rodata->fw_loader = (__u32)getpid();
	return 0;
}

/* ---- pins ---- */

static int open_pin(const char *dir, const char *name)
{
	char path[PATH_SIZE];
	int fd;

	path_of(path, dir, name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/*
 * Remove a folder with all that is pinned in it. Each is opened before and closed after that: the
 * last close of a link waits until its program is detached, which removing the pin doesn't.
 */
static int remove_pins(const char *dir, int depth)
{
	struct dirent *entry;
	char path[PATH_SIZE];
	struct stat st;
	int fd, r = 0;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		path_of(path, dir, entry->d_name);
		if (!lstat(path, &st) && S_ISDIR(st.st_mode)) {
			r = depth ? remove_pins(path, depth - 1) : -ENOTEMPTY;
			if (r)
				break;
			rewinddir(d);
			continue;
		}
		fd = bpf_obj_get(path);
		if (unlink(path) && errno != ENOENT)
			r = -errno;
		if (fd >= 0)
			close(fd);
		if (r)
			break;
	}
	closedir(d);
	if (!r && rmdir(dir) && errno != ENOENT)
		r = -errno;
	return r;
}

static int remove_set(const char *dir)
{
	return remove_pins(dir, 1);
}

static void set_gate(const char *dir, uint32_t open)
{
	int fd = open_pin(dir, "gate");
	__u32 key = 0;

	if (fd < 0)
		return;
	bpf_map_update_elem(fd, &key, &open, BPF_ANY);
	close(fd);
}

static int read_about(const char *dir, struct about *about)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info), key = 0;
	int fd = open_pin(dir, "about"), r = 0;

	if (fd < 0)
		return fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) || bpf_map_lookup_elem(fd, &key, about))
		r = -errno;
	close(fd);
	about->version[sizeof(about->version) - 1] = '\0';
	return r;
}

static int write_about(const char *dir, const struct about *about)
{
	int fd = open_pin(dir, "about"), r = 0;
	__u32 key = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(fd, &key, about, BPF_ANY))
		r = -errno;
	close(fd);
	return r;
}

static int make_about(const struct about *about)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char path[PATH_SIZE];
	__u32 key = 0;
	int fd, r = 0;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "fw_about", sizeof(key), sizeof(*about), 1, &opts);
	if (fd < 0)
		return -errno;
	path_of(path, OBSERVER_NEW_DIR, "about");
	if (bpf_map_update_elem(fd, &key, about, BPF_ANY) || bpf_obj_pin(fd, path))
		r = -errno;
	close(fd);
	return r;
}

/* A folder of somebody else's, where anybody may make one, is no place for pins. */
static int check_owner(const char *dir, struct findings *f)
{
	struct stat st;

	if (lstat(dir, &st) || (S_ISDIR(st.st_mode) && st.st_uid == geteuid()))
		return 0;
	findings_add(f, EXIT_CODE_USAGE, dir, "belongs to user %u; the observer does not use what "
		     "others can change. Remove it", (unsigned int)st.st_uid);
	return -EPERM;
}

static int take_lock(struct findings *f)
{
	struct stat by_fd, by_name;
	int fd, i;

	if (check_owner(OBSERVER_LOCK_DIR, f) || check_owner(OBSERVER_NEW_DIR, f) ||
	    check_owner(OBSERVER_OLD_DIR, f) || check_owner(OBSERVER_DIR, f))
		return -EPERM;
	for (i = 0; i < LOCK_TRIES; i++) {
		if (mkdir(OBSERVER_LOCK_DIR, 0700) && errno != EEXIST)
			return -errno;
		fd = open(OBSERVER_LOCK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return -errno;
		/* Whoever had it removes it: what was locked may be no more. */
		if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && !fstat(fd, &by_fd) &&
		    !stat(OBSERVER_LOCK_DIR, &by_name) && by_fd.st_ino == by_name.st_ino)
			return fd;
		if (fd >= 0)
			close(fd);
		sleep_ms(20);
	}
	findings_add(f, EXIT_CODE_SYSTEM, OBSERVER_LOCK_DIR, "another process loads or unloads the "
		     "observer and does not come to an end");
	return -EBUSY;
}

static void drop_lock(int fd)
{
	rmdir(OBSERVER_LOCK_DIR);
	close(fd);
}

/* What one that was killed has left. Of two sets the one that has its name works. */
static int tidy(void)
{
	struct stat st;
	int r;

	if (stat(OBSERVER_DIR, &st) && errno == ENOENT &&
	    rename(OBSERVER_OLD_DIR, OBSERVER_DIR) && errno != ENOENT)
		return -errno;
	r = remove_set(OBSERVER_NEW_DIR);
	r = r ? r : remove_set(OBSERVER_OLD_DIR);
	if (!r)
		set_gate(OBSERVER_DIR, 1);
	return r;
}

/* ---- maps of the set before ---- */

static void note(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s ", name);
}

static bool is_ours(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map);
}

static bool same_layout(const struct loader *loader, const struct bpf_map *map, int fd)
{
	const struct btf *ours = bpf_object__btf(loader->skel->obj);
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	struct btf *theirs;
	bool same;

	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.type != bpf_map__type(map) ||
	    info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map) ||
	    info.map_flags != bpf_map__map_flags(map) || !info.btf_id)
		return false;
	theirs = btf__load_from_kernel_by_id(info.btf_id);
	if (!theirs)
		return false;
	same = observer_same_type(ours, bpf_map__btf_key_type_id(map), theirs,
				  info.btf_key_type_id) &&
	       observer_same_type(ours, bpf_map__btf_value_type_id(map), theirs,
				  info.btf_value_type_id);
	btf__free(theirs);
	return same;
}

/* Do all maps that belong together with this one have their layout? */
static bool group_is_same(const struct loader *loader, const char *name)
{
	const char *const *member;
	struct bpf_map *map;
	bool inside, same;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(together) / sizeof(together[0]); i++) {
		inside = false;
		same = true;
		for (member = together[i]; *member; member++) {
			inside |= !strcmp(*member, name);
			map = bpf_object__find_map_by_name(loader->skel->obj, *member);
			if (!map)
				continue;
			fd = open_pin(OBSERVER_DIR, *member);
			same = same && fd >= 0 && same_layout(loader, map, fd);
			if (fd >= 0)
				close(fd);
		}
		/* What is frozen now is known only if it was watched without a gap. */
		if (inside)
			return same && (i || loader->old_complete);
	}
	return true;
}

static int take_maps_over(struct loader *loader)
{
	struct observer_load_result *result = loader->result;
	struct bpf_map *map;
	const char *name;
	int fd, r = 0;

	bpf_object__for_each_map(map, loader->skel->obj) {
		name = bpf_map__name(map);
		if (!is_ours(map))
			continue;
		fd = open_pin(OBSERVER_DIR, name);
		if (fd >= 0 && group_is_same(loader, name) && same_layout(loader, map, fd)) {
			note(result->kept, sizeof(result->kept), name);
			r = bpf_map__reuse_fd(map, fd);		/* frees the name */
		} else {
			note(result->dropped, sizeof(result->dropped), name);
			if (!strcmp(name, "totals"))
				loader->about.counting_ns = loader->about.loaded_ns;
		}
		if (fd >= 0)
			close(fd);
		if (r)
			return r;
	}
	return 0;
}

/* ---- load ---- */

static int attach(struct loader *loader, struct bpf_program *program, struct bpf_link **linkp)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = {};

	if (!is_iterator(program)) {
		*linkp = bpf_program__attach(program);
	} else {
		if (!strcmp(target_of(program), "bpf_map_elem")) {
			info.map.map_fd = (__u32)bpf_map__fd(loader->skel->maps.frozen);
			opts.link_info = &info;
			opts.link_info_len = sizeof(info);
		}
		*linkp = bpf_program__attach_iter(program, &opts);
	}
	return *linkp ? 0 : -errno;
}

static int attach_and_pin(struct loader *loader, struct bpf_program *program)
{
	char path[PATH_SIZE], what[128];
	struct bpf_link *link;
	int r;

	r = attach(loader, program, &link);
	if (r) {
		snprintf(what, sizeof(what), "to attach %s to %s()", bpf_program__name(program),
			 target_of(program));
		refused(loader, r, what);
		return r;
	}
	pin_of(path, OBSERVER_NEW_DIR, program);
	if (bpf_obj_pin(bpf_link__fd(link), path)) {
		r = -errno;
		refused(loader, r, "to pin a program");
	}
	bpf_link__destroy(link);
	return r;
}

static int pin_maps(struct loader *loader)
{
	struct bpf_map *map;
	char path[PATH_SIZE];

	bpf_object__for_each_map(map, loader->skel->obj) {
		if (is_ours(map))
			path_of(path, OBSERVER_NEW_DIR, bpf_map__name(map));
		else if (!strcmp(bpf_map__name(map), GATE))
			path_of(path, OBSERVER_NEW_DIR, "gate");
		else
			continue;
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return -errno;
	}
	return make_about(&loader->about);
}

static int make_set(struct loader *loader)
{
	struct bpf_program *program;
	int r;

	if (mkdir(OBSERVER_NEW_DIR, 0700) || mkdir(OBSERVER_NEW_DIR "/links", 0700)) {
		r = -errno;
		refused(loader, r, "to make a folder in " BPFFS_DIR);
		return r;
	}
	r = pin_maps(loader);
	if (r) {
		refused(loader, r, "to pin a map");
		return r;
	}
	bpf_object__for_each_program(program, loader->skel->obj) {
		if (!bpf_program__autoload(program) || is_finder(program))
			continue;
		r = attach_and_pin(loader, program);
		if (r)
			return r;
	}
	r = attach(loader, loader->skel->progs.find_frozen, &loader->find);
	if (r)
		refused(loader, r, "to look for what is frozen already");
	return r;
}

/* From here on the new set sees what happens, and not the old one. */
static int change_over(struct loader *loader)
{
	int r;

	set_gate(OBSERVER_DIR, 0);
	set_gate(OBSERVER_NEW_DIR, 1);
	if ((loader->has_old && rename(OBSERVER_DIR, OBSERVER_OLD_DIR)) ||
	    rename(OBSERVER_NEW_DIR, OBSERVER_DIR)) {
		r = -errno;
		refused(loader, r, "to rename a folder in " BPFFS_DIR);
		return r;
	}
	loader->result->replaced = loader->has_old;
	r = remove_set(OBSERVER_OLD_DIR);
	if (r)
		refused(loader, r, "to remove what was loaded before");
	return r;
}

/*
 * A task that waits while programs come or go at percpu_rwsem_wait() leaves it without their being
 * run. So those that wait now are as if the observer had come just now: nobody will see their ends.
 */
static void settle_writers(struct loader *loader)
{
	int fd = bpf_map__fd(loader->skel->maps.writers);
	struct fw_writer writer;
	uint64_t now = freezeguard_now_ns();
	__u32 key, next;
	size_t i;

	for (i = 0; i < 2 * FW_MAX_WRITERS; i++, key = next) {
		if (bpf_map_get_next_key(fd, i ? &key : NULL, &next))
			break;
		if (bpf_map_lookup_elem(fd, &next, &writer) || !writer.since_ns ||
		    writer.since_ns > now)
			continue;
		writer.since_ns = 0;
		bpf_map_update_elem(fd, &next, &writer, BPF_EXIST);
	}
}

/* The programs are at work; whatever goes wrong here, they stay. */
static void settle(struct loader *loader)
{
	int r;

	if (loader->has_old)
		settle_writers(loader);
	r = observer_before(bpf_link__fd(loader->find), bpf_map__fd(loader->skel->maps.frozen),
			    &loader->result->n_frozen, loader->f);
	if (r)
		findings_add(loader->f, EXIT_CODE_DONE, NULL, "what was frozen before the observer "
			     "came is not known: %s", strerror(-r));
	loader->about.settled = 1;
	r = write_about(OBSERVER_DIR, &loader->about);
	if (r)
		findings_add(loader->f, EXIT_CODE_DONE, NULL, "that the observer is loaded could not "
			     "be noted: %s", strerror(-r));
}

static bool is_complete(const struct loader *loader)
{
	struct bpf_program *program;
	struct bpf_map *map;
	char path[PATH_SIZE];
	struct stat st;

	bpf_object__for_each_map(map, loader->skel->obj)
		if (is_ours(map) && !exists(OBSERVER_DIR, bpf_map__name(map)))
			return false;
	bpf_object__for_each_program(program, loader->skel->obj) {
		if (!bpf_program__autoload(program) || is_finder(program))
			continue;
		pin_of(path, OBSERVER_DIR, program);
		if (lstat(path, &st))
			return false;
	}
	return true;
}

/* As far as it is needed to know what is loaded, and to load. */
static int prepare(struct loader *loader)
{
	struct stat st;
	int r;

	loader->skel = freezewatch_bpf__open();
	if (!loader->skel) {
		r = -errno;
		refused(loader, r, "to read the programs");
		return r;
	}
	r = fit_to_kernel(loader);
	if (r)
		return r;
	loader->about.build = build_id();
	loader->about.loaded_ns = freezeguard_now_ns();
	loader->about.counting_ns = loader->about.loaded_ns;
	snprintf(loader->about.version, sizeof(loader->about.version), "%s", FREEZEGUARD_VERSION);
	loader->has_old = !stat(OBSERVER_DIR, &st);
	if (loader->has_old && !read_about(OBSERVER_DIR, &loader->old))
		loader->about.counting_ns = loader->old.counting_ns;
	loader->old_complete = loader->has_old && is_complete(loader);
	return 0;
}

static int load_and_attach(struct loader *loader)
{
	int r;

	if (loader->has_old) {
		r = take_maps_over(loader);
		if (r) {
			refused(loader, r, "to take a map over");
			return r;
		}
	}
	r = freezewatch_bpf__load(loader->skel);
	if (r) {
		refused(loader, r, "to load the programs");
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

	r = tidy();
	if (r) {
		refused(loader, r, "to remove what is left of another load");
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
		tidy();
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
	mode_t mask = umask(077);
	sigset_t signals;
	size_t size;
	int r;

	*result = (struct observer_load_result) {};
	observer_machine_look(&loader.machine);
	if (!observer_machine_check(&loader.machine, f)) {
		umask(mask);
		return false;
	}
	log_file = open_memstream(&result->log, &size);
	libbpf_set_print(keep_log);
	hold_signals(&signals);
	loader.lock = take_lock(f);
	r = loader.lock < 0 ? loader.lock : 0;
	if (r && r != -EBUSY && r != -EPERM)
		refused(&loader, r, "to make a folder in " BPFFS_DIR);
	if (!r) {
		r = load_locked(&loader, replace);
		drop_lock(loader.lock);
	}
	bpf_link__destroy(loader.find);
	btf__free(loader.kernel);
	freezewatch_bpf__destroy(loader.skel);
	libbpf_set_print(NULL);
	if (log_file)
		fclose(log_file);
	log_file = NULL;
	sigprocmask(SIG_SETMASK, &signals, NULL);
	umask(mask);
	return !r;
}

void observer_load_result_clear(struct observer_load_result *result)
{
	free(result->log);
	*result = (struct observer_load_result) {};
}

/* ---- unload ---- */

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

static size_t programs_in(const char *dir, uint32_t *ids, size_t n, size_t room)
{
	struct dirent *entry;
	char path[PATH_SIZE];
	DIR *d;

	d = opendir(dir);
	if (!d)
		return n;
	while (n < room && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		path_of(path, dir, entry->d_name);
		ids[n] = program_of_link(path);
		n += !!ids[n];
	}
	closedir(d);
	return n;
}

static bool is_gone(uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return errno == ENOENT;
	close(fd);
	return false;
}

static int remove_all(void)
{
	uint32_t ids[MAX_PROGRAMS];
	size_t n, i;
	int r, t;

	n = programs_in(OBSERVER_DIR "/links", ids, 0, MAX_PROGRAMS);
	n = programs_in(OBSERVER_NEW_DIR "/links", ids, n, MAX_PROGRAMS);
	n = programs_in(OBSERVER_OLD_DIR "/links", ids, n, MAX_PROGRAMS);
	r = remove_set(OBSERVER_DIR);
	r = r ? r : remove_set(OBSERVER_NEW_DIR);
	r = r ? r : remove_set(OBSERVER_OLD_DIR);
	for (i = 0, t = 0; !r && i < n && t < GONE_TRIES; ) {
		if (is_gone(ids[i])) {
			i++;
		} else {
			sleep_ms(10);
			t++;
		}
	}
	return r;
}

bool observer_unload(bool *was_loaded, struct findings *f)
{
	struct observer_machine machine;
	struct stat st;
	int lock, r;

	*was_loaded = false;
	libbpf_set_print(NULL);
	observer_machine_look(&machine);
	if (!machine.bpffs)
		return true;
	if (stat(OBSERVER_DIR, &st) && errno == ENOENT && stat(OBSERVER_NEW_DIR, &st) &&
	    stat(OBSERVER_OLD_DIR, &st) && stat(OBSERVER_LOCK_DIR, &st))
		return true;
	machine.kernel_btf = true;
	if (!observer_machine_check(&machine, f))
		return false;
	lock = take_lock(f);
	if (lock < 0) {
		if (lock != -EBUSY && lock != -EPERM)
			observer_refused(&machine, lock, "to make a folder in " BPFFS_DIR, NULL, f);
		return false;
	}
	*was_loaded = !stat(OBSERVER_DIR, &st);
	r = remove_all();
	drop_lock(lock);
	if (r)
		observer_refused(&machine, r, "to remove what is pinned below " OBSERVER_DIR, NULL, f);
	return !r;
}

/* ---- what is loaded ---- */

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
		point->has_missed = length >= offsetof(struct bpf_prog_info, recursion_misses) +
					      sizeof(info.recursion_misses);
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
	char path[PATH_SIZE];

	bpf_object__for_each_program(program, skel->obj) {
		if (is_finder(program))
			continue;
		point = add_point(info, bpf_program__name(program));
		if (!point)
			return -ENOMEM;
		section = bpf_program__section_name(program);
		snprintf(point->kind, sizeof(point->kind), "%.*s", (int)strcspn(section, "/"),
			 section);
		snprintf(point->function, sizeof(point->function), "%s", target_of(program));
		point->optional = !is_iterator(program) && !is_required(point->function);
		pin_of(path, OBSERVER_DIR, program);
		point->program = program_of_link(path);
		if (point->program)
			point->state = OBSERVER_POINT_ATTACHED;
		else if (point->optional && kernel && arguments_of(kernel, point->function) < 0)
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
	char path[PATH_SIZE];
	int r = 0;
	size_t i;
	DIR *d;

	d = opendir(OBSERVER_DIR "/links");
	while (d && !r && (entry = readdir(d))) {
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
		path_of(path, OBSERVER_DIR "/links", entry->d_name);
		point->program = program_of_link(path);
		point->state = OBSERVER_POINT_ATTACHED;
		read_counters(point, runs_are_counted());
	}
	if (d)
		closedir(d);
	return r;
}

int observer_info_read(struct observer_info *info)
{
	struct freezewatch_bpf *skel;
	struct about about = {};
	struct btf *kernel;
	struct stat st;
	int r;

	*info = (struct observer_info) {};
	libbpf_set_print(NULL);
	if (stat(OBSERVER_DIR, &st) && errno != ENOENT)
		return errno == EACCES ? -EPERM : -errno;
	info->loaded = !stat(OBSERVER_DIR, &st);
	info->unfinished = !stat(OBSERVER_NEW_DIR, &st) || !stat(OBSERVER_OLD_DIR, &st);
	if (!info->loaded)
		return 0;
	r = read_about(OBSERVER_DIR, &about);
	if (r && r != -ENOENT)
		return r == -EACCES ? -EPERM : r;
	snprintf(info->version, sizeof(info->version), "%s", about.version);
	info->same_build = about.build == build_id();
	info->loaded_ns = about.loaded_ns;
	info->counting_ns = about.counting_ns;
	skel = freezewatch_bpf__open();
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
