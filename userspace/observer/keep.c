// SPDX-License-Identifier: GPL-2.0-only
/* keep: what a load keeps of the set that it replaces */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/util.h"
#include "observer.skel.h"
#include "observer/keep.h"
#include "observer/layout.h"
#include "observer/pins.h"
#include "observer_maps.h"

/*
 * Maps that are of no use without another one whose contents were dropped: what is frozen now is one
 * thing, and so are the events and their number, which is in the totals.
 */
static const char *const together[][9] = {
	{ "frozen", "writers", "semaphores", "calls", "unreported", "origins", "leases",
	  "emergency", NULL },
	{ "totals", "events", NULL },
};

static void note(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s ", name);
}

static bool same_layout(const struct observer_bpf *skel, const struct bpf_map *map, int fd)
{
	const struct btf *ours = bpf_object__btf(skel->obj);
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

/* Does the set before have this map, with the same layout? */
static bool is_unchanged(const struct observer_bpf *skel, const struct bpf_map *map)
{
	int fd = observer_pin_open(OBSERVER_DIR, bpf_map__name(map));
	bool same = fd >= 0 && same_layout(skel, map, fd);

	if (fd >= 0)
		close(fd);
	return same;
}

/* Do all maps that belong together with this one have their layout? */
static bool group_is_unchanged(const struct observer_bpf *skel, bool complete, const char *name)
{
	const char *const *member;
	const struct bpf_map *map;
	bool inside, same;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(together); i++) {
		inside = false;
		same = true;
		for (member = together[i]; *member; member++) {
			inside |= !strcmp(*member, name);
			map = bpf_object__find_map_by_name(skel->obj, *member);
			same = same && map && is_unchanged(skel, map);
		}
		/* What is frozen now is known only if it was watched without a gap. */
		if (inside)
			return same && (i || complete);
	}
	return true;
}

static int reuse(struct bpf_map *map)
{
	int fd = observer_pin_open(OBSERVER_DIR, bpf_map__name(map)), r;

	if (fd < 0)
		return fd;
	r = bpf_map__reuse_fd(map, fd);		/* frees the map's name */
	close(fd);
	return r;
}

int observer_keep_maps(struct observer_bpf *skel, bool complete, struct observer_kept *maps,
		       bool *counters)
{
	struct bpf_map *map;
	const char *name;
	bool keep;
	int r;

	*counters = false;
	bpf_object__for_each_map(map, skel->obj) {
		if (bpf_map__is_internal(map))
			continue;
		name = bpf_map__name(map);
		keep = is_unchanged(skel, map) && group_is_unchanged(skel, complete, name);
		if (map == skel->maps.totals)
			*counters = keep;
		if (map != skel->maps.gate)
			note(keep ? maps->kept : maps->dropped, sizeof(maps->kept), name);
		r = keep ? reuse(map) : 0;
		if (r)
			return r;
	}
	return 0;
}

/*
 * A task that waits while programs come or go at percpu_rwsem_wait() leaves it without their being
 * run. So those that the set before saw are as if the observer had come just now: nobody will see their ends.
 */
void observer_keep_writers(int writers, uint64_t set)
{
	struct fw_writer writer;
	__u32 key, next;
	size_t i;

	for (i = 0; i < 2 * FW_MAX_WRITERS; i++, key = next) {
		if (bpf_map_get_next_key(writers, i ? &key : NULL, &next))
			break;
		if (bpf_map_lookup_elem(writers, &next, &writer) || !writer.since_ns ||
		    writer.set == (uint32_t)set)
			continue;
		writer.since_ns = 0;
		bpf_map_update_elem(writers, &next, &writer, BPF_EXIST);
	}
}
