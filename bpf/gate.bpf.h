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
 * Every program that must not be missed is attached twice, in two ways that the kernel skips for different
 * reasons:
 *
 * - fentry and fexit programs are skipped while the same program runs on the same processor. Its task can be
 *   preempted in it, on every kernel from 7.0 on, and then it is skipped for every other task until that one
 *   gets the processor again. No program can prevent that: the kernel takes the guard before the program's
 *   first instruction and drops it after the last.
 * - kprobes and kretprobes run with preemption off from before their guard is taken until it is dropped. They
 *   are skipped while the bpf() system call works on a map on the same processor, and a kretprobe when too
 *   many tasks are inside the function (more than ten, and more than two for each processor).
 *
 * The one that comes first does the work and leaves a state by which the other one sees that it is done: so
 * each do_NAME() may run twice for the same call.
 */
#ifdef FW_REGS_RETURNED
#define FW_ENTRY_PROBE(function, name)						\
	SEC("kprobe/" #function) int name##_probe(struct pt_regs *regs)		\
	{									\
		__u64 args[4] = { FW_REGS_ARGS(regs) };				\
										\
		return fw_is_at_work() ? do_##name(args) : 0;			\
	}
#define FW_RETURN_PROBE(function, name)						\
	SEC("kretprobe/" #function) int name##_probe(struct pt_regs *regs)	\
	{									\
		return fw_is_at_work() ? do_##name(FW_REGS_RETURNED(regs)) : 0;	\
	}
#else
#define FW_ENTRY_PROBE(function, name)
#define FW_RETURN_PROBE(function, name)
#endif

/* NAME and NAME_probe at the entry of a function: do_NAME(its arguments, four at most). */
#define FW_AT_ENTRY(function, name)						\
	SEC("fentry/" #function) int name(__u64 *ctx)				\
	{									\
		return fw_is_at_work() ? do_##name(ctx) : 0;			\
	}									\
	FW_ENTRY_PROBE(function, name)

/* The same at its return: do_NAME(what it returned), which in a fexit program with its ctx is @returned. */
#define FW_AT_RETURN(function, returned, name)					\
	SEC("fexit/" #function) int name(__u64 *ctx)				\
	{									\
		return fw_is_at_work() ? do_##name(returned) : 0;		\
	}									\
	FW_RETURN_PROBE(function, name)

#endif /* FW_GATE_H */
