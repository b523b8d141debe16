/* SPDX-License-Identifier: GPL-2.0-only */
/* The observer's maps, and what several of its programs do with them. */
#ifndef FW_MAPS_H
#define FW_MAPS_H

/* ---- for readers; observer_maps.h is their contract ---- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, struct fw_device);
	__type(value, struct fw_frozen);
} frozen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, struct fw_device);
	__type(value, struct fw_filesystem);
} filesystems SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct fw_totals);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_WRITERS);
	__type(key, u32);
	__type(value, struct fw_writer);
} writers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	/* one is added before the oldest is removed, on each processor */
	__uint(max_entries, FW_MAX_EVENTS + 512);
	__type(key, u64);
	__type(value, struct fw_event);
} events SEC(".maps");

/* ---- the programs' own ---- */

/* Whose writers wait on a semaphore: by the address of one of s_writers.rw_sem[]. */
struct fw_semaphore {
	u64 superblock;
	struct fw_device device;
	enum fw_phase phase;
	u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_LEVELS * FW_MAX_FILESYSTEMS);
	__type(key, u64);
	__type(value, struct fw_semaphore);
} semaphores SEC(".maps");

/* A call of freeze_super() or thaw_super_locked() under way, by thread. */
struct fw_call {
	u64 superblock;
	u64 since_ns;
	enum fw_origin origin;
	enum fw_phase phase;	/* a freeze: how far it came; a thaw: what it found */
	bool thaw;
	bool made_entry;	/* in "frozen"; it may be gone again */
	bool thawed;
	u8 reserved[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, u32);
	__type(value, struct fw_call);
} calls SEC(".maps");

/*
 * A freeze under way whose success nobody has told yet. Who removes its entry tells: the call itself at its
 * return, or a thaw on another processor that comes before that is seen.
 */
struct fw_unreported {
	u64 since_ns;
	u64 thread;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, struct fw_unreported);
	__type(value, u32);
} unreported SEC(".maps");

/* On whose behalf a thread is about to freeze or thaw. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, u32);
	__type(value, enum fw_origin);
} origins SEC(".maps");

/* What the module reports of a superblock that it holds, by address; its two threads. */
struct fw_held {
	struct fw_lease lease;
	struct fw_device device;
	u32 freezer;
	u32 thawer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FW_MAX_FILESYSTEMS);
	__type(key, u64);
	__type(value, struct fw_held);
} leases SEC(".maps");

/* Who asked for the emergency thaw that is under way. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct fw_process);
} emergency SEC(".maps");

/* What a new entry is made from. */
static const struct fw_frozen no_frozen;
static const struct fw_filesystem no_filesystem;
static const u32 zero;

static __always_inline struct fw_totals *fw_totals(void)
{
	return bpf_map_lookup_elem(&totals, &zero);
}

static __always_inline u32 fw_thread(void)
{
	return (u32)bpf_get_current_pid_tgid();
}

static __always_inline void fw_current(struct fw_process *by)
{
	u64 id = bpf_get_current_pid_tgid();

	by->pid = id >> 32;
	by->thread = (u32)id;
	by->uid = (u32)bpf_get_current_uid_gid();
	bpf_get_current_comm(by->comm, sizeof(by->comm));
	by->reserved = 0;
	by->cgroup = bpf_get_current_cgroup_id();
}

static __always_inline void fw_sb_device(struct super_block *sb, struct fw_device *device)
{
	u32 dev = BPF_CORE_READ(sb, s_dev);

	device->major = dev >> 20;
	device->minor = dev & 0xfffff;
}

static __always_inline void fw_sb_names(struct super_block *sb, char *filesystem, char *source)
{
	struct mount *mount = fw_first_mount(sb);
	const char *name = BPF_CORE_READ(sb, s_type, name);

	bpf_probe_read_kernel_str(filesystem, FW_TYPE_LEN, name);
	name = mount ? BPF_CORE_READ(mount, mnt_devname) : 0;
	if (!name || bpf_probe_read_kernel_str(source, FW_SOURCE_LEN, name) < 2) {
		name = (void *)__builtin_preserve_access_index(&sb->s_id);
		bpf_probe_read_kernel_str(source, FW_SOURCE_LEN, name);
	}
}

static __always_inline void fw_lost_entry(void)
{
	struct fw_totals *all = fw_totals();

	if (all)
		__sync_fetch_and_add(&all->lost_entries, 1);
}

/*
 * Records an event under the next free number. The insertion decides whose a number is. The event is
 * complete before anybody can find it.
 */
static __always_inline void fw_tell(struct fw_event *event)
{
	struct fw_totals *all = fw_totals();
	u64 number, old;
	int i;

	if (!all)
		return;
	number = *(volatile u64 *)&all->next_event;
	for (i = 0; i < 64; i++, number++) {
		if (bpf_map_update_elem(&events, &number, event, BPF_NOEXIST))
			continue;
		/* Whoever is slow here must not take it back. He may still, by a moment. */
		if (*(volatile u64 *)&all->next_event <= number)
			*(volatile u64 *)&all->next_event = number + 1;
		old = number - FW_MAX_EVENTS;
		if (number >= FW_MAX_EVENTS)
			bpf_map_delete_elem(&events, &old);
		return;
	}
	/* It was taken back further than that: the next one looks behind these, or none would ever find a place. */
	*(volatile u64 *)&all->next_event = number;
	__sync_fetch_and_add(&all->lost_events, 1);
}

#endif /* FW_MAPS_H */
