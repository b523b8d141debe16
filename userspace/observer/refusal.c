// SPDX-License-Identifier: GPL-2.0-only
/* refusal: why the observer can't be loaded, in words, and what to do about it */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/magic.h>

#include "base/text.h"
#include "observer/pins.h"
#include "observer/refusal.h"

/* The kernel's own number of its first user namespace, PROC_USER_INIT_INO. */
#define INITIAL_USER_NS	0xeffffffdu
/* The kernel's ENOTSUPP, which it lets out here. */
#define KERNEL_ENOTSUPP	524

static uint64_t effective_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

void observer_machine_look(struct observer_machine *machine)
{
	struct statfs fs;
	struct stat st;
	char *lockdown;

	*machine = (struct observer_machine) {
		.bpffs = !statfs(BPFFS_DIR, &fs) && fs.f_type == BPF_FS_MAGIC,
		.kernel_btf = !access("/sys/kernel/btf/vmlinux", F_OK),
		.initial_user_ns = stat("/proc/self/ns/user", &st) || st.st_ino == INITIAL_USER_NS,
		.capabilities = effective_capabilities(),
	};
	lockdown = text_read(AT_FDCWD, "/sys/kernel/security/lockdown");
	snprintf(machine->lockdown, sizeof(machine->lockdown), "%s", lockdown ? lockdown : "");
	free(lockdown);
}

static bool has(const struct observer_machine *machine, int capability)
{
	return machine->capabilities >> capability & 1;
}

static bool is_confidential(const struct observer_machine *machine)
{
	return strstr(machine->lockdown, "[confidentiality]");
}

bool observer_machine_check(const struct observer_machine *machine, struct findings *f)
{
	size_t n = f->n;

	if (!has(machine, CAP_SYS_ADMIN))
		findings_add(f, EXIT_CODE_USAGE, NULL,
			     "the observer needs the capability CAP_SYS_ADMIN, which this process does not have; run this as root");
	else if (!machine->initial_user_ns)
		findings_add(f, EXIT_CODE_USAGE, NULL,
			     "the observer needs the capability CAP_SYS_ADMIN in the initial user namespace, and this process is in another one; run this as root outside of it");
	if (!machine->bpffs)
		findings_add(f, EXIT_CODE_NOT_READY, BPFFS_DIR,
			     "no BPF filesystem is mounted there, and the observer needs one: mount -t bpf bpf "
			     BPFFS_DIR);
	if (!machine->kernel_btf)
		findings_add(f, EXIT_CODE_NOT_READY, "/sys/kernel/btf/vmlinux",
			     "is not there: the observer needs a kernel that describes its types (CONFIG_DEBUG_INFO_BTF)");
	return f->n == n;
}

/*
 * Of the verifier's log, what it complains of: the last line that is no statistics. Its program's
 * name too, from libbpf's lines around the log. Return: whether there is a log.
 */
static bool complaint(const char *log, char *program, size_t program_size, char *line, size_t size)
{
	const char *begin = log ? strstr(log, "-- BEGIN PROG LOAD LOG --") : NULL;
	const char *end = begin ? strstr(begin, "-- END PROG LOAD LOG --") : NULL;
	const char *at, *next, *name = begin;
	size_t length;

	if (!end)
		return false;
	while (name > log && name[-1] != '\n')
		name--;
	name = strstr(name, "prog '");
	if (name && name < begin)
		snprintf(program, program_size, "%.*s", (int)strcspn(name + 6, "'"), name + 6);
	else
		snprintf(program, program_size, "?");
	*line = '\0';
	for (at = strchr(begin, '\n'); at && ++at < end; at = next) {
		length = strcspn(at, "\n");
		next = at + length;
		if (!length || !strncmp(at, "processed ", 10) || strstr(at, "libbpf: ") == at ||
		    !strncmp(at, "verification time", 17) || !strncmp(at, "stack depth", 11))
			continue;
		snprintf(line, size, "%.*s", (int)length, at);
	}
	return *line;
}

void observer_refused(const struct observer_machine *machine, int error, const char *what,
		      const char *log, struct findings *f)
{
	char program[64], line[256];

	if (is_confidential(machine) && error != -ENOMEM) {
		findings_add(f, EXIT_CODE_NOT_READY, NULL,
			     "the kernel refuses %s: it is locked down for confidentiality, and lets no BPF program read its memory (lockdown= on its command line, /sys/kernel/security/lockdown)",
			     what);
		return;
	}
	switch (error) {
	case -ENOSYS:
		findings_add(f, EXIT_CODE_NOT_READY, NULL,
			     "the kernel refuses %s: it has no BPF (CONFIG_BPF_SYSCALL)", what);
		return;
	case -KERNEL_ENOTSUPP:
	case -EOPNOTSUPP:
		findings_add(f, EXIT_CODE_NOT_READY, NULL,
			     "the kernel refuses %s: it cannot attach BPF programs to its functions on this machine (this needs CONFIG_BPF_JIT and CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)",
			     what);
		return;
	case -EROFS:
		findings_add(f, EXIT_CODE_NOT_READY, BPFFS_DIR,
			     "the kernel refuses %s: it is mounted read-only; mount -o remount,rw " BPFFS_DIR, what);
		return;
	}
	if (complaint(log, program, sizeof(program), line, sizeof(line))) {
		findings_add(f, EXIT_CODE_SYSTEM, program,
			     "the kernel's verifier refuses this program of the observer (%s): %s; --verbose prints its log",
			     strerror(-error), line);
		return;
	}
	if (error == -EPERM || error == -EACCES)
		findings_add(f, EXIT_CODE_USAGE, NULL,
			     "the kernel refuses %s: %s; a security module or a container may forbid bpf()",
			     what, strerror(-error));
	else
		findings_add(f, EXIT_CODE_SYSTEM, NULL, "the kernel refuses %s: %s", what,
			     strerror(-error));
}
