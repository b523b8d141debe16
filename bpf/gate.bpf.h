/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate: the programs do nothing before the loader opens it. It does so when all of them are attached,
 * and closes that of the set that they replace in the same moment: no freeze is seen twice, and none
 * by half of them.
 */
#ifndef FW_GATE_H
#define FW_GATE_H

volatile __u32 fw_gate SEC(".data.gate") = 0;

/* libbpf's, with the gate before the program. */
#undef BPF_PROG
#define BPF_PROG(name, args...)							\
name(unsigned long long *ctx);							\
static __always_inline int ____##name(unsigned long long *ctx, ##args);		\
int name(unsigned long long *ctx)						\
{										\
	if (!fw_gate)								\
		return 0;							\
	_Pragma("GCC diagnostic push")						\
	_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")			\
	return ____##name(___bpf_ctx_cast(args));				\
	_Pragma("GCC diagnostic pop")						\
}										\
static __always_inline int ____##name(unsigned long long *ctx, ##args)

#endif /* FW_GATE_H */
