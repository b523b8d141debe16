// SPDX-License-Identifier: GPL-2.0-only
/*
 * read: reads what the observer's programs know, from the maps that are pinned below
 * OBSERVER_DIR. It takes nothing but system calls on these maps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/util.h"
#include "observer/layout.h"
#include "observer/pins.h"
#include "observer/read.h"
#include "observer_layout.h"

enum { FROZEN, FILESYSTEMS, TOTALS, WRITERS, EVENTS, N_MAPS };

static const struct {
	const char *name, *key_type, *value_type;
	size_t key_size, value_size;
} maps[N_MAPS] = {
	[FROZEN] = { "frozen", "fw_device", "fw_frozen", sizeof(struct fw_device),
		     sizeof(struct fw_frozen) },
	[FILESYSTEMS] = { "filesystems", "fw_device", "fw_filesystem", sizeof(struct fw_device),
			  sizeof(struct fw_filesystem) },
	[TOTALS] = { "totals", NULL, "fw_totals", sizeof(__u32), sizeof(struct fw_totals) },
	[WRITERS] = { "writers", NULL, "fw_writer", sizeof(__u32), sizeof(struct fw_writer) },
	[EVENTS] = { "events", NULL, "fw_event", sizeof(__u64), sizeof(struct fw_event) },
};

struct observer {
	int fd[N_MAPS];
	__u32 max_entries[N_MAPS];
};

static bool same_struct(const struct btf *ours, const char *name, const struct btf *theirs,
			__u32 id)
{
	__s32 our_id = btf__find_by_name_kind(ours, name, BTF_KIND_STRUCT);

	return our_id > 0 && observer_same_type(ours, (__u32)our_id, theirs, id);
}

/* Does a map hold what this program was compiled for? */
static int check_map(struct observer *observer, int i, const struct btf *ours)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	struct btf *theirs;
	bool same;

	if (bpf_obj_get_info_by_fd(observer->fd[i], &info, &length))
		return -errno;
	if (info.key_size != maps[i].key_size || info.value_size != maps[i].value_size ||
	    !info.btf_id)
		return -EPROTO;
	observer->max_entries[i] = info.max_entries;
	theirs = btf__load_from_kernel_by_id(info.btf_id);
	if (!theirs)
		return -errno;
	same = same_struct(ours, maps[i].value_type, theirs, info.btf_value_type_id) &&
	       (!maps[i].key_type ||
		same_struct(ours, maps[i].key_type, theirs, info.btf_key_type_id));
	btf__free(theirs);
	return same ? 0 : -EPROTO;
}

static int open_maps(struct observer *observer, const char *dir, const struct btf *ours)
{
	char path[128];
	struct stat st;
	int i, r;

	if (lstat(dir, &st))
		return -errno;
	/* Where anybody may make folders, one that isn't root's is nobody's observer; a load says so. */
	if (st.st_uid || !S_ISDIR(st.st_mode))
		return -ENOENT;
	for (i = 0; i < N_MAPS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, maps[i].name);
		observer->fd[i] = bpf_obj_get(path);
		if (observer->fd[i] < 0)
			return errno == ENOENT && !stat(dir, &st) ? -EPROTO : -errno;
		r = check_map(observer, i, ours);
		if (r)
			return r;
	}
	return 0;
}

static void close_maps(struct observer *observer)
{
	int i;

	for (i = 0; i < N_MAPS; i++) {
		if (observer->fd[i] >= 0)
			close(observer->fd[i]);
		observer->fd[i] = -1;
	}
}

int observer_open(struct observer **observerp)
{
	/* While an upgrade changes them over, the old one has this other name. */
	static const char *const dirs[] = { OBSERVER_DIR, OBSERVER_OLD_DIR, OBSERVER_DIR };
	struct observer *observer;
	struct btf *ours;
	size_t i;
	int r;

	libbpf_set_print(NULL);
	observer = malloc(sizeof(*observer));
	if (!observer)
		return -ENOMEM;
	memset(observer->fd, -1, sizeof(observer->fd));
	ours = btf__new(fw_layout, sizeof(fw_layout));
	if (!ours) {
		r = -errno;
		goto free_observer;
	}
	for (i = 0, r = -ENOENT; i < ARRAY_SIZE(dirs) && r == -ENOENT; i++) {
		r = open_maps(observer, dirs[i], ours);
		if (r)
			close_maps(observer);
	}
	btf__free(ours);
	if (r)
		goto free_observer;
	*observerp = observer;
	return 0;

free_observer:
	free(observer);
	return r == -EACCES ? -EPERM : r;
}

void observer_close(struct observer *observer)
{
	if (!observer)
		return;
	close_maps(observer);
	free(observer);
}

uint64_t observer_instance(void)
{
	struct stat st;

	/* Each load pins it anew. */
	return stat(OBSERVER_DIR "/events", &st) ? 0 : st.st_ino;
}

const char *observer_why(int error)
{
	switch (error) {
	case -ENOENT:
		return "the observer is not loaded; to load it: freezectl observer load";
	case -EPERM:
		return "the observer cannot be read without CAP_SYS_ADMIN; run this as root";
	case -EPROTO:
		return "the observer is of another version of freezectl; to replace it: freezectl observer load";
	case -ENOMEM:
		return "the observer cannot be read: out of memory";
	case -ENOSYS:
		return "this kernel has no BPF, and so no observer";
	}
	return "the observer cannot be read: the kernel refuses; to see why: freezectl observer show";
}

/* ---- entries ---- */

static bool lookup(struct observer *observer, int map, const void *key, void *value)
{
	return !bpf_map_lookup_elem(observer->fd[map], key, value);
}

static struct fw_device device_of(dev_t dev)
{
	return (struct fw_device) { .major = major(dev), .minor = minor(dev) };
}

bool observer_frozen(struct observer *observer, dev_t dev, struct fw_frozen *frozen)
{
	struct fw_device device = device_of(dev);

	return lookup(observer, FROZEN, &device, frozen);
}

bool observer_filesystem(struct observer *observer, dev_t dev, struct fw_filesystem *filesystem)
{
	struct fw_device device = device_of(dev);

	return lookup(observer, FILESYSTEMS, &device, filesystem);
}

int observer_totals(struct observer *observer, struct fw_totals *totals)
{
	__u32 key = 0;

	return lookup(observer, TOTALS, &key, totals) ? 0 : -errno;
}

/* ---- walks ---- */

/*
 * All keys of a map, in no order. One that is removed meanwhile makes the kernel begin anew, so some
 * may come twice; the bound is for a map that never stands still.
 */
static int read_keys(struct observer *observer, int map, size_t size, char **keysp, size_t *np)
{
	size_t n, most = 4 * (size_t)observer->max_entries[map];
	char *keys = calloc(most + 1, size);
	int r = 0;

	if (!keys)
		return -ENOMEM;
	for (n = 0; n < most; n++) {
		r = bpf_map_get_next_key(observer->fd[map], n ? keys + (n - 1) * size : NULL,
					 keys + n * size) ? -errno : 0;
		if (r)
			break;
	}
	if (r && r != -ENOENT) {
		free(keys);
		return r;
	}
	*keysp = keys;
	*np = n;
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct fw_device *x = a, *y = b;

	if (x->major != y->major)
		return x->major < y->major ? -1 : 1;
	return (x->minor > y->minor) - (x->minor < y->minor);
}

/* The entries of a map by device, each once: @visit gets the device and the value. */
static int each_device(struct observer *observer, int map,
		       int (*visit)(dev_t dev, const void *value, void *data), void *data)
{
	union {
		struct fw_frozen frozen;
		struct fw_filesystem filesystem;
	} value;
	struct fw_device *keys;
	char *bytes;
	size_t i, n;
	int r;

	r = read_keys(observer, map, sizeof(*keys), &bytes, &n);
	if (r)
		return r;
	keys = (struct fw_device *)bytes;
	qsort(keys, n, sizeof(*keys), compare_devices);
	for (i = 0; !r && i < n; i++) {
		if (i && !compare_devices(&keys[i - 1], &keys[i]))
			continue;
		if (lookup(observer, map, &keys[i], &value))
			r = visit(makedev(keys[i].major, keys[i].minor), &value, data);
	}
	free(bytes);
	return r;
}

/* A visitor of one type, called as one of any. */
struct visitor {
	int (*frozen)(dev_t dev, const struct fw_frozen *frozen, void *data);
	int (*filesystem)(dev_t dev, const struct fw_filesystem *fs, void *data);
	void *data;
};

static int visit_frozen(dev_t dev, const void *value, void *data)
{
	const struct visitor *visitor = data;

	return visitor->frozen(dev, value, visitor->data);
}

static int visit_filesystem(dev_t dev, const void *value, void *data)
{
	const struct visitor *visitor = data;

	return visitor->filesystem(dev, value, visitor->data);
}

int observer_each_frozen(struct observer *observer,
			 int (*visit)(dev_t dev, const struct fw_frozen *frozen, void *data),
			 void *data)
{
	struct visitor visitor = { .frozen = visit, .data = data };

	return each_device(observer, FROZEN, visit_frozen, &visitor);
}

int observer_each_filesystem(struct observer *observer,
			     int (*visit)(dev_t dev, const struct fw_filesystem *fs, void *data),
			     void *data)
{
	struct visitor visitor = { .filesystem = visit, .data = data };

	return each_device(observer, FILESYSTEMS, visit_filesystem, &visitor);
}

struct found_writer {
	__u32 thread;
	struct fw_writer writer;
};

static int compare_writers(const void *a, const void *b)
{
	const struct found_writer *x = a, *y = b;
	int r = compare_devices(&x->writer.device, &y->writer.device);

	return r ? r : (x->thread > y->thread) - (x->thread < y->thread);
}

static int compare_threads(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int observer_each_writer(struct observer *observer,
			 int (*visit)(uint32_t thread, const struct fw_writer *writer, void *data),
			 void *data)
{
	struct found_writer *found;
	size_t i, n, n_found = 0;
	__u32 *threads;
	char *bytes;
	int r;

	r = read_keys(observer, WRITERS, sizeof(*threads), &bytes, &n);
	if (r)
		return r;
	threads = (__u32 *)bytes;
	qsort(threads, n, sizeof(*threads), compare_threads);
	found = calloc(n + 1, sizeof(*found));
	if (!found)
		r = -ENOMEM;
	for (i = 0; !r && i < n; i++) {
		if (i && threads[i - 1] == threads[i])
			continue;
		found[n_found].thread = threads[i];
		n_found += lookup(observer, WRITERS, &threads[i], &found[n_found].writer);
	}
	free(bytes);
	if (!r)
		qsort(found, n_found, sizeof(*found), compare_writers);
	for (i = 0; !r && i < n_found; i++)
		r = visit(found[i].thread, &found[i].writer, data);
	free(found);
	return r;
}

/* ---- events ---- */

int observer_events_from_now(struct observer *observer, struct observer_cursor *cursor)
{
	struct fw_totals totals;
	int r;

	r = observer_totals(observer, &totals);
	if (!r)
		*cursor = (struct observer_cursor) {
			.next = totals.next_event, .lost_by_kernel = totals.lost_events };
	return r;
}

int observer_next_event(struct observer *observer, struct observer_cursor *cursor,
			struct fw_event *event)
{
	struct fw_totals totals;
	uint64_t oldest;
	int r;

	/*
	 * The number of the next event may go back a little while several processors record at once:
	 * an end before the cursor is one that will pass it.
	 */
	for (;;) {
		r = observer_totals(observer, &totals);
		if (r)
			return r;
		if (totals.lost_events > cursor->lost_by_kernel) {
			cursor->lost += totals.lost_events - cursor->lost_by_kernel;
			cursor->lost_by_kernel = totals.lost_events;
		}
		if (cursor->next >= totals.next_event)
			return 0;
		oldest = totals.next_event > FW_MAX_EVENTS ?
			 totals.next_event - FW_MAX_EVENTS : 0;
		if (cursor->next < oldest) {
			cursor->lost += oldest - cursor->next;
			cursor->next = oldest;
		}
		if (lookup(observer, EVENTS, &cursor->next, event)) {
			cursor->next++;
			return 1;
		}
		if (errno != ENOENT)
			return -errno;
		/* Overwritten since the totals were read, or never there. */
		cursor->lost++;
		cursor->next++;
	}
}
