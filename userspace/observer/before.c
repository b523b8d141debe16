// SPDX-License-Identifier: GPL-2.0-only
/* before: what was frozen before the observer came */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <freezeguard.h>

#include "observer_maps.h"
#include "plan/machine.h"
#include "plan/mounts.h"
#include "plan/reach.h"
#include "observer/before.h"

/* So many files are open at once: fewer than any process may have. */
#define BATCH		256
/* The kernel's own number of its first process namespace, PROC_PID_INIT_INO. */
#define INITIAL_PID_NS	0xeffffffcu

/* Run an iterator: its programs run while it is read. */
static int run_iterator(int link)
{
	char buffer[4096];
	ssize_t n;
	int fd, r = 0;

	fd = bpf_iter_create(link);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buffer, sizeof(buffer));
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		r = -errno;
	close(fd);
	return r;
}

static bool seen_before(const struct mounts *mounts, const struct mount_entry *e)
{
	const struct mount_entry *at;

	for (at = mounts->v; at < e; at++)
		if (mounts_same_superblock(at, e))
			return true;
	return false;
}

static int look_at_mounts(int find, const struct mounts *mounts)
{
	const struct mount_entry *e, *end = mounts->v + mounts->n;
	int fds[BATCH], r = 0;
	size_t n = 0;

	for (e = mounts->v; !r && e <= end; e++) {
		if (n == BATCH || (e == end && n)) {
			r = run_iterator(find);
			while (n)
				close(fds[--n]);
		}
		if (e == end || (e->pseudo && !e->major) || seen_before(mounts, e))
			continue;
		fds[n] = reach_superblock(mounts, &machine_real, e->major, e->minor,
					  O_PATH | O_CLOEXEC, NULL);
		n += fds[n] >= 0;
	}
	while (n)
		close(fds[--n]);
	return r;
}

/*
 * Tell the map which lease holds a superblock that was found frozen. Its entry is replaced as a whole,
 * so a writer that blocks in that very moment may not be counted; one that is thawed does not come
 * back.
 */
static void set_lease(int frozen, const struct freezeguard_lease *lease,
		      const struct freezeguard_hold *hold)
{
	struct fw_device device = { .major = hold->major, .minor = hold->minor };
	struct fw_frozen entry;

	if (!hold->frozen_ns || hold->released_ns ||
	    bpf_map_lookup_elem(frozen, &device, &entry) || entry.since_ns || entry.lease.number)
		return;
	entry.origin = FW_ORIGIN_LEASE;
	entry.frozen_ns = hold->frozen_ns;
	entry.lease.number = lease->number;
	entry.lease.deadline_ns = lease->deadline_ns;
	entry.lease.maker_pid = lease->owner_pid;
	snprintf(entry.lease.maker_comm, sizeof(entry.lease.maker_comm), "%s", lease->owner_comm);
	snprintf(entry.lease.id, sizeof(entry.lease.id), "%s", lease->id);
	bpf_map_update_elem(frozen, &device, &entry, BPF_EXIST);
}

static void find_leases(int frozen, struct findings *f)
{
	struct freezeguard_lease_list leases = {};
	struct freezeguard *fg = NULL;
	size_t i, j;

	/* Asking would load the module. */
	if (access("/sys/module/freezeguard", F_OK))
		return;
	if (freezeguard_open(&fg) || freezeguard_lease_dump(fg, &leases))
		findings_add(f, EXIT_CODE_DONE, NULL,
			     "cannot find which lease holds what is already frozen: %s",
			     fg ? freezeguard_error(fg) : "out of memory");
	for (i = 0; i < leases.n; i++)
		for (j = 0; freezeguard_lease_is_live(&leases.v[i]) && j < leases.v[i].n_holds; j++)
			set_lease(frozen, &leases.v[i], &leases.v[i].holds[j]);
	freezeguard_lease_list_clear(&leases);
	freezeguard_close(fg);
}

static size_t count_before(int frozen)
{
	struct fw_device key, next;
	struct fw_frozen entry;
	bool first = true;
	size_t n = 0, i;

	for (i = 0; i < 2 * FW_MAX_FILESYSTEMS; i++, first = false, key = next) {
		if (bpf_map_get_next_key(frozen, first ? NULL : &key, &next))
			break;
		n += !bpf_map_lookup_elem(frozen, &next, &entry) && !entry.since_ns;
	}
	return n;
}

int observer_before(int find, int frozen, size_t *n, struct findings *f)
{
	struct mounts mounts;
	struct stat st;
	int r;

	*n = 0;
	if (!stat("/proc/self/ns/pid", &st) && st.st_ino != INITIAL_PID_NS)
		findings_add(f, EXIT_CODE_DONE, NULL,
			     "what is already frozen cannot be found from within a PID namespace; load the observer outside of it");
	r = mounts_read(&mounts, NULL);
	if (r)
		return r;
	r = look_at_mounts(find, &mounts);
	mounts_free(&mounts);
	if (r)
		return r;
	*n = count_before(frozen);
	if (*n)
		find_leases(frozen, f);
	return 0;
}
