// SPDX-License-Identifier: GPL-2.0-only
/* programs: which programs the observer has, and which of them a kernel has a place for */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "observer.skel.h"
#include "observer/programs.h"

/* The functions that every kernel has which the observer works on. Others' programs are left out. */
static const char *const required[] = {
	"freeze_super", "thaw_super_locked", "percpu_rwsem_wait", "percpu_down_write",
	"deactivate_locked_super", "generic_shutdown_super", "emergency_thaw_all",
	"blocking_notifier_call_chain_robust",
};

struct observer_bpf *observer_programs_open(void)
{
	return observer_bpf__open();
}

uint64_t observer_programs_build(void)
{
	uint64_t hash = 0xcbf29ce484222325;	/* FNV-1a */
	const unsigned char *bytes;
	size_t size, i;

	bytes = observer_bpf__elf_bytes(&size);
	for (i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
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

int observer_programs_fit(struct observer_bpf *skel, const struct btf *kernel,
			  struct findings *f)
{
	struct bpf_program *program;
	int r = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(required); i++) {
		if (arguments_of(kernel, required[i]) >= 0)
			continue;
		findings_add(f, EXIT_CODE_NOT_READY, NULL,
			     "this kernel has no function %s() where the observer could be attached; Documentation/architecture.md lists the kernels it works on",
			     required[i]);
		r = -ENOTSUP;
	}
	if (r)
		return r;
	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, observer_program_has_place(program, kernel));
	skel->rodata->fw_freeze_args = (__u32)arguments_of(kernel, "freeze_super");
	skel->rodata->fw_thaw_args = (__u32)arguments_of(kernel, "thaw_super_locked");
	skel->rodata->fw_loader = (__u32)getpid();
	return 0;
}

/*
 * Can kprobes be attached that outlive who attached them? They are links from 5.15 on, and programs of perf
 * events, which CONFIG_KPROBE_EVENTS makes.
 */
static bool has_probes(const struct btf *kernel)
{
	return !access("/sys/bus/event_source/devices/kprobe/type", F_OK) &&
	       btf__find_by_name_kind(kernel, "bpf_perf_link", BTF_KIND_STRUCT) > 0;
}

const char *observer_program_target(const struct bpf_program *program)
{
	const char *stroke = strchr(bpf_program__section_name(program), '/');

	return stroke ? stroke + 1 : "";
}

bool observer_program_is_iterator(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "iter/", 5);
}

bool observer_program_is_probe(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_KPROBE;
}

bool observer_program_stays(const struct bpf_program *program)
{
	return strcmp(bpf_program__name(program), "find_frozen");
}

bool observer_program_is_optional(const struct bpf_program *program)
{
	size_t i;

	if (observer_program_is_probe(program))
		return true;
	for (i = 0; i < ARRAY_SIZE(required); i++)
		if (!strcmp(observer_program_target(program), required[i]))
			return false;
	return !observer_program_is_iterator(program);
}

bool observer_program_has_place(const struct bpf_program *program, const struct btf *kernel)
{
	if (observer_program_is_iterator(program))
		return true;
	if (observer_program_is_probe(program) && !has_probes(kernel))
		return false;
	return arguments_of(kernel, observer_program_target(program)) >= 0;
}

void observer_program_pin(char path[OBSERVER_PATH_MAX], const char *dir,
			  const struct bpf_program *program)
{
	snprintf(path, OBSERVER_PATH_MAX, "%.100s/%s%.70s", dir,
		 observer_program_is_iterator(program) ? "" : "links/", bpf_program__name(program));
}
