// SPDX-License-Identifier: GPL-2.0-only
/* Loads that keep a machine from doing what it should. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kt.h"

#define CGROUP	"/sys/fs/cgroup"

/* struct sched_attr: the kernel's header and the C library's can't both be included */
struct policy {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE	6
#endif
#define RESET_ON_FORK	1

/* In memory shared by everybody: until when there is load. */
static volatile uint64_t *load_until_ns;

static bool is_on(void)
{
	return kt_now_ns() < *load_until_ns;
}

/** load_prepare() - without any load: load_on() and load_off() do nothing */
void load_prepare(void)
{
	if (load_until_ns)
		return;
	load_until_ns = mmap(NULL, sizeof(*load_until_ns), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load_until_ns == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
}

/** load_on() - let the load begin; it ends after @seconds unless it is switched on again */
void load_on(unsigned int seconds)
{
	*load_until_ns = kt_now_ns() + seconds * 1000 * MS;
}

/** load_off() - end it */
void load_off(void)
{
	*load_until_ns = 0;
}

static int set_policy(const struct policy *policy)
{
	return syscall(SYS_sched_setattr, 0, policy, 0);
}

/**
 * load_beside() - have the calling process scheduled whatever real-time hogs there are
 * @runtime_ms: for how long
 * @period_ms: out of this time
 *
 * What is measured is the module's lateness, not that of who measures. Children are ordinary again.
 */
void load_beside(unsigned int runtime_ms, unsigned int period_ms)
{
	struct policy policy = {
		.size = sizeof(policy), .policy = SCHED_DEADLINE, .flags = RESET_ON_FORK,
		.runtime_ns = runtime_ms * MS, .deadline_ns = period_ms * MS,
		.period_ns = period_ms * MS,
	};

	if (set_policy(&policy))
		FAIL("SCHED_DEADLINE: %s", strerror(errno));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

/** load_keep_in_memory() - have the calling process neither reclaimed nor killed for memory */
void load_keep_in_memory(void)
{
	write_file("/proc/self/oom_score_adj", "-1000");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		FAIL("mlockall: %s", strerror(errno));
}

static noreturn void hog(int cpu, int priority)
{
	struct policy policy = {
		.size = sizeof(policy), .policy = SCHED_FIFO, .priority = priority,
	};
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || set_policy(&policy))
		_exit(1);
	for (;;) {
		kt_sleep_ms(1);
		while (is_on())
			;
	}
}

/** load_hogs() - a SCHED_FIFO process for each CPU that takes it and never lets go */
void load_hogs(int priority)
{
	int cpu, cpus = sysconf(_SC_NPROCESSORS_ONLN);

	load_prepare();
	for (cpu = 0; cpu < cpus; cpu++)
		if (!kt_fork())
			hog(cpu, priority);
	kt_sleep_ms(50);
	if (waitpid(-1, NULL, WNOHANG) > 0)
		FAIL("a hog died");
}

/** load_reserve_all() - sleepers that leave no room for another SCHED_DEADLINE task of 1 ms in 100 */
void load_reserve_all(void)
{
	unsigned int ms = 64;

	while (ms) {
		int status;
		pid_t pid = kt_fork(), changed;

		if (!pid) {
			struct policy policy = {
				.size = sizeof(policy), .policy = SCHED_DEADLINE,
				.runtime_ns = ms * MS, .deadline_ns = 100 * MS,
				.period_ns = 100 * MS,
			};

			if (set_policy(&policy))
				_exit(errno);
			raise(SIGSTOP);
			_exit(1);
		}
		changed = waitpid(pid, &status, WUNTRACED);
		if (changed == pid && WIFSTOPPED(status))
			continue;
		if (changed != pid || WEXITSTATUS(status) != EBUSY)
			FAIL("SCHED_DEADLINE: %s", strerror(WEXITSTATUS(status)));
		ms /= 2;
	}
}

/** load_busy() - @n ordinary processes that take all they get */
void load_busy(unsigned int n)
{
	load_prepare();
	while (n--) {
		if (kt_fork())
			continue;
		for (;;) {
			kt_sleep_ms(1);
			while (is_on())
				;
		}
	}
}

static noreturn void eat_memory(void)
{
	const size_t size = 1 << 20;

	write_file("/proc/self/oom_score_adj", "1000");
	while (is_on()) {
		char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory != MAP_FAILED)
			memset(memory, 1, size);
	}
	_exit(0);
}

/** load_memory() - processes that take all memory, again and again */
void load_memory(void)
{
	unsigned int i;

	load_prepare();
	for (i = 0; i < 4; i++) {
		if (kt_fork())
			continue;
		for (;;) {
			pid_t pid;

			kt_sleep_ms(1);
			if (!is_on())
				continue;
			pid = fork();
			if (!pid)
				eat_memory();
			if (pid > 0)
				waitpid(pid, NULL, 0);
		}
	}
}

/** load_oom_kills() - how many processes the OOM killer has killed */
uint64_t load_oom_kills(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	unsigned long long value;
	char key[64];

	while (f && fscanf(f, "%63s %llu", key, &value) == 2) {
		if (!strcmp(key, "oom_kill")) {
			fclose(f);
			return value;
		}
	}
	FAIL("/proc/vmstat has no oom_kill");
}

/** load_cgroup() - make a cgroup */
void load_cgroup(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%s", name);
	if (mkdir(path, 0755) && errno != EEXIST)
		FAIL("mkdir %s: %s", path, strerror(errno));
}

/** load_cgroup_set() - write to a file of a cgroup */
void load_cgroup_set(const char *name, const char *file, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUP "/%s/%s", name, file);
	write_file(path, value);
}

/** load_cgroup_join() - move the calling process there */
void load_cgroup_join(const char *name)
{
	load_cgroup_set(name, "cgroup.procs", "0");
}

/** load_cgroup_has() - is there such a line in a file of a cgroup? */
bool load_cgroup_has(const char *name, const char *file, const char *line)
{
	char path[128], text[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), CGROUP "/%s/%s", name, file);
	f = fopen(path, "re");
	if (!f)
		FAIL("open %s: %s", path, strerror(errno));
	while (!found && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = '\0';
		found = !strcmp(text, line);
	}
	fclose(f);
	return found;
}

/** load_forks() - a fork bomb, in a cgroup that lets the guest survive it */
void load_forks(void)
{
	load_prepare();
	load_cgroup_set("", "cgroup.subtree_control", "+pids +cpu");
	load_cgroup("bomb");
	load_cgroup_set("bomb", "pids.max", "200");
	if (kt_fork())
		return;
	load_cgroup_join("bomb");
	while (!is_on())
		kt_sleep_ms(1);
	while (is_on())
		if (fork() == 0)
			prctl(PR_SET_PDEATHSIG, 0);
	_exit(0);
}

/** load_forks_alive() - how many processes the bomb has become */
unsigned int load_forks_alive(void)
{
	FILE *f = fopen(CGROUP "/bomb/pids.current", "re");
	unsigned int n;

	if (!f || fscanf(f, "%u", &n) != 1)
		FAIL("no pids.current");
	fclose(f);
	return n;
}
