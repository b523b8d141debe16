/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: of two sets of programs that are attached, during an upgrade, one is at work: that whose
 * number is in the map "gate", which both have. The loader lets the new one take over by one write.
 */
#ifndef FW_GATE_H
#define FW_GATE_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} gate SEC(".maps");

const volatile __u64 fw_set;	/* this set's number, never 0; set by the loader */

static __always_inline bool fw_is_at_work(void)
{
	u32 key = 0;
	volatile u64 *open = bpf_map_lookup_elem(&gate, &key);

	return open && *open == fw_set;
}

/* libbpf's, with the gate before the program. */
#undef BPF_PROG
#define BPF_PROG(name, args...)							\
name(unsigned long long *ctx);							\
static __always_inline int ____##name(unsigned long long *ctx, ##args);		\
int name(unsigned long long *ctx)						\
{										\
	if (!fw_is_at_work())							\
		return 0;							\
	_Pragma("GCC diagnostic push")						\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")			\
	return ____##name(___bpf_ctx_cast(args));				\
	_Pragma("GCC diagnostic pop")						\
}										\
static __always_inline int ____##name(unsigned long long *ctx, ##args)

/*
 * The kernel skips a program that is under way on the same processor already, and where
 * programs can be preempted, which is everywhere from 7.0 on, it may be so for the time that its task
 * has to wait for the processor. So what must not be missed is there three times; the first of the copies
 * to be run does the work.
 */
enum fw_what {
	FW_FREEZE_BEGINS,
	FW_FREEZE_ENDS,
	FW_PHASE_BEGINS,
	FW_THAW_BEGINS,
	FW_THAW_SUCCEEDS,
	FW_THAW_ENDS,
	FW_WAIT_BEGINS,
	FW_WAIT_ENDS,
};

struct fw_turn {
	__u32 thread;
	__u32 what;
};

/* Which of the copies were run for a thread's newest call. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fw_turn);
	__type(value, __u32);
} turns SEC(".maps");

/*
 * A copy that was run before belongs to a new call now. After a call for which the first copies were skipped,
 * they take the next one for the same, and the one that did the work then does it again.
 */
static __always_inline bool fw_its_turn(__u32 what, __u32 copy)
{
	struct fw_turn turn = { .thread = (__u32)bpf_get_current_pid_tgid(), .what = what };
	__u32 bit = 1U << copy, *run = bpf_map_lookup_elem(&turns, &turn);

	if (!run) {
		bpf_map_update_elem(&turns, &turn, &bit, BPF_ANY);
		return true;
	}
	if (*run & bit) {
		*run = bit;
		return true;
	}
	*run |= bit;
	return false;
}

#define FW_COPY(section, what, body, name, copy)				\
	SEC(section) int name(__u64 *ctx)					\
	{									\
		return fw_is_at_work() && fw_its_turn(what, copy) ? body(ctx) : 0;	\
	}

/* NAME, NAME_2 and NAME_3, of the function do_NAME(). */
#define FW_NOT_MISSED(section, what, name)					\
	FW_COPY(section, what, do_##name, name, 0)				\
	FW_COPY(section, what, do_##name, name##_2, 1)				\
	FW_COPY(section, what, do_##name, name##_3, 2)

#endif /* FW_GATE_H */
