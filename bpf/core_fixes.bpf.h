/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, behind one accessor each. The only file that knows of it; a type
 * with "___" in its name is one kernel's variant of the type named before that.
 */
#ifndef FW_CORE_FIXES_H
#define FW_CORE_FIXES_H

/*
 * How many arguments freeze_super() and thaw_super_locked() have: 1 up to 6.5, then 2, from 6.16 on 3.
 * fexit finds what the function returned behind them. Set by the loader, from the kernel's BTF.
 */
const volatile __u32 fw_freeze_args = 1;
const volatile __u32 fw_thaw_args = 1;

/*
 * The barriers keep the branches apart: merged, the access has an offset that is no constant, and
 * the verifier refuses it. Those not taken are not seen by the verifier: the value is constant.
 */
static __always_inline u64 fw_argument(u64 *ctx, u32 args, u32 i)
{
	if (i >= args)
		return 0;
	return ctx[i];
}

static __always_inline int fw_returned(u64 *ctx, u32 args)
{
	u64 ret = 0;

	if (args == 1) {
		ret = ctx[1];
		barrier_var(ret);
	} else if (args == 2) {
		ret = ctx[2];
		barrier_var(ret);
	} else if (args == 3) {
		ret = ctx[3];
		barrier_var(ret);
	}
	return ret;
}

/* An int up to 6.5, then a short. */
static __always_inline u32 fw_sb_phase(struct super_block *sb)
{
	return BPF_CORE_READ_BITFIELD_PROBED(sb, s_writers.frozen);
}

/* The superblock's mounts: a list of mnt_instance up to 6.17, then linked by mnt_next_for_sb. */
struct mount___list {
	struct list_head mnt_instance;
} __attribute__((preserve_access_index));

struct super_block___list {
	struct list_head s_mounts;
} __attribute__((preserve_access_index));

struct mount___linked {
	struct mount *mnt_next_for_sb;
} __attribute__((preserve_access_index));

struct super_block___linked {
	struct mount *s_mounts;
} __attribute__((preserve_access_index));

static __always_inline struct mount *fw_first_mount(struct super_block *sb)
{
	struct super_block___list *list = (void *)sb;
	struct list_head *first;

	if (bpf_core_field_exists(struct mount___linked, mnt_next_for_sb))
		return BPF_CORE_READ((struct super_block___linked *)sb, s_mounts);
	first = BPF_CORE_READ(list, s_mounts.next);
	if (!first || first == __builtin_preserve_access_index(&list->s_mounts))
		return 0;
	return (void *)first - bpf_core_field_offset(struct mount___list, mnt_instance);
}

/* The address of a superblock's semaphore; @level is a constant. */
#define FW_SEMAPHORE(sb, level) \
	((void *)__builtin_preserve_access_index(&(sb)->s_writers.rw_sem[level]))

#endif /* FW_CORE_FIXES_H */
