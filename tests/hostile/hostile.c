// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deadline under hostile load: a test lets it pass twenty times, with one lease over an ext4 on
 * a disk and an fgtestfs, and fails unless the writers are released within a second of it every
 * time. Beside that it counts how the usual "sleep N; fsfreeze -u" fares under the same load. The
 * times that are printed are those of an emulated machine.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kt.h"
#include "load.h"

enum { TRIES_MAX = 20, FEW_TRIES = 3, FILESYSTEMS = 2 };

#define LATE_MAX_NS	(1000 * MS)	/* the promise */
#define PATIENCE_MS	30000		/* for what isn't promised */
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE	6
#endif
#define HOGS_SECONDS	5		/* after which they let go by themselves */

static const char *const names[FILESYSTEMS] = { "disk", "memory" };

/* A writer that is scheduled beside every load; in shared memory. */
struct probe {
	pid_t pid;
	volatile uint64_t begin_ns;	/* of the write under way */
	volatile uint64_t return_ns;	/* of the last that had to wait */
};

static struct scene {
	int fds[FILESYSTEMS];
	struct probe *probes[FILESYSTEMS];
	struct fgnl nl;
} scene;

/* What was measured; nanoseconds after the deadline. */
struct lateness {
	unsigned int n;
	int64_t released_ns[TRIES_MAX];
	int64_t written_ns[FILESYSTEMS][TRIES_MAX];
};

/* How many deadlines each load gets: HOSTILE_TRIES in the environment, at most and by default 20. */
static unsigned int tries(void)
{
	const char *text = getenv("HOSTILE_TRIES");
	unsigned int n = text ? strtoul(text, NULL, 10) : TRIES_MAX;

	CHECK(n >= 1 && n <= TRIES_MAX);
	return n;
}

static struct probe *probe_start(const char *name)
{
	struct probe *probe = mmap(NULL, sizeof(*probe), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	pid_t pid;
	int fd;

	if (probe == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	pid = kt_fork();
	if (!pid) {
		fd = open(kt_path(name, "written"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		load_keep_in_memory();
		load_beside(10, 50);
		for (;;) {
			uint64_t now_ns;

			probe->begin_ns = kt_now_ns();
			if (pwrite(fd, "x", 1, 0) != 1)
				_exit(1);
			now_ns = kt_now_ns();
			if (now_ns - probe->begin_ns > 50 * MS)
				probe->return_ns = now_ns;
			kt_sleep_ms(5);
		}
	}
	probe->pid = pid;
	for (i = 0; !probe->begin_ns && i < 1000; i++)
		kt_sleep_ms(5);
	CHECK(probe->begin_ns);
	return probe;
}

/* What the kernel believes of the disk: "write back", it has a cache to flush, or "write through". */
static void set_cache(const char *mode)
{
	FILE *f = fopen("/sys/block/vda/queue/write_cache", "we");

	if (!f || fputs(mode, f) < 0 || fclose(f))
		FAIL("write_cache of vda: %s", strerror(errno));
}

/*
 * What real-time tasks may use of each second, in microseconds; -1 for all of it. The kernel refuses a
 * change for a moment after SCHED_DEADLINE tasks, those of the test before, have ended.
 */
static void set_throttling(const char *runtime_us)
{
	const char *path = "/proc/sys/kernel/sched_rt_runtime_us";
	unsigned int waited;
	int now;

	for (waited = 0; waited < KT_SOON_MS; waited += 50) {
		FILE *f = fopen(path, "r+e");

		if (!f || fscanf(f, "%d", &now) != 1)
			FAIL("%s has no number", path);
		if (now == atoi(runtime_us)) {
			fclose(f);
			return;
		}
		rewind(f);
		fputs(runtime_us, f);
		fclose(f);
		kt_sleep_ms(50);
	}
	FAIL("%s stays %d", path, now);
}

static void set_scene(const char *cache, const char *rt_runtime_us)
{
	unsigned int i;

	set_cache(cache);
	set_throttling(rt_runtime_us);
	load_prepare();

	mkdir("/run/kt", 0755);
	mkdir(kt_path(names[0], NULL), 0755);
	if (mount("/dev/vda", kt_path(names[0], NULL), "ext4", 0, NULL))
		FAIL("mount /dev/vda: %s", strerror(errno));
	scene.fds[0] = kt_fd(kt_path(names[0], NULL));
	scene.fds[1] = kt_mount(names[1], NULL);
	kt_open(&scene.nl);
	load_keep_in_memory();
	for (i = 0; i < FILESYSTEMS; i++)
		scene.probes[i] = probe_start(names[i]);
	load_beside(10, 50);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned int report_one(const char *what, const int64_t *late_ns, unsigned int n)
{
	int64_t sorted[TRIES_MAX];
	unsigned int kept = 0, i;

	memcpy(sorted, late_ns, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	for (i = 0; i < n; i++)
		kept += sorted[i] < (int64_t)LATE_MAX_NS;
	kt_note("%s: kept on %u of %u tries; ms late: median %.1f, p99 %.1f, max %.1f", what, kept,
		n, sorted[n / 2] / 1e6, sorted[(n * 99 + 99) / 100 - 1] / 1e6,
		sorted[n - 1] / 1e6);
	return kept;
}

/* One line for each measure. */
static void report(const struct lateness *late, bool *kept, bool *kept_in_memory)
{
	char what[64];
	unsigned int i;

	*kept = report_one("released", late->released_ns, late->n) == late->n;
	for (i = 0; i < FILESYSTEMS; i++) {
		snprintf(what, sizeof(what), "a writer on %s", names[i]);
		*kept_in_memory = report_one(what, late->written_ns[i], late->n) == late->n;
		*kept &= *kept_in_memory;
	}
}

/* The test fails unless the deadline was kept every time. */
static void judge(const struct lateness *late)
{
	bool kept, in_memory;

	report(late, &kept, &in_memory);
	EQUAL(late->n, tries());
	CHECK(kept);
}

/*
 * Beside SCHED_FIFO tasks of @priority. A disk's interrupt is a thread of SCHED_FIFO 50 on
 * PREEMPT_RT; tasks above it keep the disk from answering, and only what needs no disk is judged.
 */
static void judge_beside(const struct lateness *late, int priority)
{
	bool kept, in_memory;

	if (priority < 50 || access("/sys/kernel/realtime", F_OK)) {
		judge(late);
		return;
	}
	report(late, &kept, &in_memory);
	EQUAL(late->n, tries());
	CHECK(in_memory);
	kt_note("not judged on PREEMPT_RT: the disk, whose interrupt is a thread of priority 50");
}

/*
 * The scheduling policy of the threads that will thaw: SCHED_DEADLINE if all have it, else that of
 * one that has less. Where no more can be reserved some may have it nevertheless: newer kernels do
 * not count exactly what tasks give back that change their policy.
 */
static int threads_policy(void)
{
	struct kt_thread found[64];
	unsigned int i;

	kt_thawers(found, 64, FILESYSTEMS);
	for (i = 0; i < FILESYSTEMS - 1 && found[i].policy == SCHED_DEADLINE; i++)
		;
	return found[i].policy;
}

/* Waits for the end of a lease that nobody ends, and for the writers. */
static const struct fg_lease *measure(uint64_t number, struct lateness *late)
{
	static struct fg_lease lease;
	unsigned int i, waited;

	for (waited = 0; waited < PATIENCE_MS; waited += 2) {
		EQUAL(fg_get(&scene.nl, number, &lease), 0);
		if (lease.state >= FREEZEGUARD_LEASE_STATE_THAWED)
			break;
		kt_sleep_ms(2);
	}
	if (lease.state < FREEZEGUARD_LEASE_STATE_THAWED)
		FAIL("the lease has not ended %u s after its deadline", PATIENCE_MS / 1000);
	EQUAL(lease.cause, FREEZEGUARD_CAUSE_DEADLINE);
	CHECK(lease.released_ns >= lease.deadline_ns);
	late->released_ns[late->n] = lease.released_ns - lease.deadline_ns;
	for (i = 0; i < FILESYSTEMS; i++) {
		const struct probe *probe = scene.probes[i];

		for (waited = 0; waited < PATIENCE_MS; waited += 2) {
			if (probe->return_ns >= lease.deadline_ns ||
			    probe->begin_ns > lease.released_ns)
				break;
			kt_sleep_ms(2);
		}
		late->written_ns[i][late->n] = probe->return_ns > lease.deadline_ns ?
			probe->return_ns - lease.deadline_ns : 0;
	}
	late->n++;
	return &lease;
}

static uint64_t frozen(void)
{
	return kt_await(&scene.nl, kt_new(&scene.nl, NULL, 60000, scene.fds, FILESYSTEMS),
			FREEZEGUARD_LEASE_STATE_FROZEN, PATIENCE_MS)->number;
}

/* The load goes on all the time; the lease is made in it, and the deadline set once it is frozen. */
static void load_throughout(void)
{
	struct lateness late = { };
	unsigned int i;

	for (i = 0; i < tries(); i++) {
		uint64_t number;

		load_on(60);
		number = frozen();
		EQUAL(fg_extend(&scene.nl, number, 300, NULL), 0);
		EQUAL(measure(number, &late)->state, FREEZEGUARD_LEASE_STATE_EXPIRED);
	}
	load_off();
	judge(&late);
}

/*
 * What people have instead: a shell that sleeps and thaws, here with the load of @seconds meanwhile.
 * @trouble is done to the shell, if not NULL.
 */
static void peer(unsigned int seconds, void (*trouble)(pid_t pid))
{
	unsigned int i, missed = 0, waited;
	int fd = kt_mount("peer", NULL);

	for (i = 0; i < FEW_TRIES; i++) {
		uint64_t deadline_ns = kt_now_ns() + 400 * MS;
		pid_t pid = kt_fork();

		if (!pid) {
			execl("/bin/sh", "sh", "-c", "sleep 0.4; exec fsfreeze -u /run/kt/peer",
			      NULL);
			_exit(127);
		}
		kt_freeze(fd);
		if (trouble)
			trouble(pid);
		if (seconds)
			load_on(seconds);
		for (waited = 0; waited < KT_SOON_MS && kt_state("peer", "frozen") &&
		     kt_now_ns() < deadline_ns + LATE_MAX_NS; waited += 4)
			kt_sleep_ms(4);
		missed += kt_now_ns() >= deadline_ns + LATE_MAX_NS;
		load_off();
		kt_thaw(fd);
		kill(pid, SIGKILL);
		kt_wait(pid);
	}
	kt_note("sleep and fsfreeze -u: not within a second on %u of %u tries", missed, FEW_TRIES);
}

/*
 * SCHED_FIFO tasks on every CPU, from when the filesystems are frozen on. Until then real-time tasks
 * are throttled, later as @rt_runtime_us says.
 */
static void hogs_throttled(const char *cache, int priority, const char *rt_runtime_us, int policy,
			   unsigned int tries, struct lateness *late)
{
	load_hogs(priority);
	while (late->n < tries) {
		uint64_t number = frozen();
		/* sometimes long enough for the kernel to throttle them */
		unsigned int ms = late->n % 5 == 4 ? 1100 : 200 + late->n * 10;

		EQUAL(threads_policy(), policy);
		set_throttling(rt_runtime_us);
		load_on(HOGS_SECONDS);
		EQUAL(fg_extend(&scene.nl, number, ms, NULL), 0);
		EQUAL(measure(number, late)->state, FREEZEGUARD_LEASE_STATE_EXPIRED);
		load_off();
		set_throttling("950000");
	}
	kt_note("hogs of priority %d, the disk's cache is %s", priority, cache);
}

static void hogs(const char *cache, int priority, unsigned int tries, struct lateness *late)
{
	hogs_throttled(cache, priority, "950000", SCHED_DEADLINE, tries, late);
}

static void hogs_that_must_not_matter(int priority, const char *rt_runtime_us)
{
	struct lateness late = { };

	set_scene("write through", "950000");
	hogs_throttled("write through", priority, rt_runtime_us, SCHED_DEADLINE, tries(), &late);
	judge_beside(&late, priority);
}

TEST_WITHIN(fifo_hogs_of_the_lowest_priority, 120)
{
	hogs_that_must_not_matter(1, "950000");
	peer(HOGS_SECONDS, NULL);
}

TEST_WITHIN(fifo_hogs_below_the_threads_of_interrupts, 180)
{
	hogs_that_must_not_matter(49, "-1");
}

TEST_WITHIN(fifo_hogs_of_the_highest_priority, 180)
{
	hogs_that_must_not_matter(99, "950000");
}

TEST_WITHIN(fifo_hogs_that_are_not_throttled, 180)
{
	hogs_that_must_not_matter(99, "-1");
}

/* The threads get SCHED_FIFO where no more can be reserved, and depend on the module's own reserve. */
static void hogs_and_no_room(const char *rt_runtime_us)
{
	struct lateness late = { };

	kt_reload("");	/* no thread is left that has its class already */
	set_scene("write through", "950000");
	load_reserve_all();
	hogs_throttled("write through", 99, rt_runtime_us, SCHED_FIFO, tries(), &late);
	judge_beside(&late, 99);
}

TEST_WITHIN(fifo_hogs_and_no_room_for_the_threads_class, 180)
{
	hogs_and_no_room("950000");
}

TEST_WITHIN(fifo_hogs_not_throttled_and_no_room_for_the_threads_class, 180)
{
	hogs_and_no_room("-1");
}

/* To flush the cache of a disk the kernel needs an ordinary thread, and the thaw of ext4 flushes. */
TEST_WITHIN(fifo_hogs_and_a_disk_with_a_cache_are_not_promised, 60)
{
	struct lateness late = { };
	bool kept, in_memory;

	set_scene("write back", "950000");
	hogs("write back", 99, FEW_TRIES, &late);
	report(&late, &kept, &in_memory);
}

/* They were there before the lease: what has to be done for it waits, but its end is decided. */
TEST_WITHIN(fifo_hogs_before_the_lease, 120)
{
	struct lateness late = { };
	bool kept, in_memory;
	const struct fg_lease *lease;
	unsigned int i, j, was_frozen = 0;

	set_scene("write through", "950000");
	load_hogs(99);
	for (i = 0; i < FEW_TRIES; i++) {
		load_on(4 * HOGS_SECONDS);
		lease = measure(kt_new(&scene.nl, NULL, 500, scene.fds, FILESYSTEMS), &late);
		load_off();
		CHECK(lease->ended_ns - lease->deadline_ns < LATE_MAX_NS);
		was_frozen += lease->frozen_ns != 0;
		for (j = 0; j < FILESYSTEMS; j++)
			EQUAL(kt_fs_state(&scene.nl, scene.fds[j]), FREEZEGUARD_FS_STATE_UNFROZEN);
		kt_sleep_ms(200);
	}
	kt_note("frozen before the deadline: %u of %u", was_frozen, FEW_TRIES);
	report(&late, &kept, &in_memory);
}

TEST_WITHIN(memory_exhausted, 180)
{
	unsigned int waited;
	uint64_t before;

	set_scene("write back", "950000");
	load_memory();
	before = load_oom_kills();
	load_on(60);
	for (waited = 0; load_oom_kills() == before && waited < 50000; waited += 10)
		kt_sleep_ms(10);
	CHECK(load_oom_kills() > before);
	load_throughout();
	kt_note("the OOM killer killed %llu processes",
		(unsigned long long)(load_oom_kills() - before));
	peer(4, NULL);
}

TEST_WITHIN(fork_bomb, 120)
{
	unsigned int waited;

	set_scene("write back", "950000");
	load_forks();
	load_on(60);
	for (waited = 0; load_forks_alive() < 150 && waited < KT_SOON_MS; waited += 10)
		kt_sleep_ms(10);
	CHECK(load_forks_alive() >= 150);
	load_throughout();
}

static void stop(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	EQUAL(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
}

static void resume(pid_t pid)
{
	kill(pid, SIGCONT);
}

static void freeze(pid_t pid)
{
	char text[16];
	unsigned int waited;

	snprintf(text, sizeof(text), "%d", pid);
	load_cgroup_set("frozen", "cgroup.procs", text);
	load_cgroup_set("frozen", "cgroup.freeze", "1");
	for (waited = 0; waited < KT_SOON_MS; waited += 2) {
		if (load_cgroup_has("frozen", "cgroup.events", "frozen 1"))
			return;
		kt_sleep_ms(2);
	}
	FAIL("the cgroup did not freeze");
}

static void unfreeze(pid_t pid)
{
	(void)pid;
	load_cgroup_set("frozen", "cgroup.freeze", "0");
}

/* Something happens to the process that has the lease, once it is frozen. */
static void controllers(void (*trouble)(pid_t pid), void (*undo)(pid_t pid))
{
	struct lateness late = { };
	int pipes[2];
	unsigned int i;

	set_scene("write back", "950000");
	CHECK(!pipe(pipes));
	for (i = 0; i < tries(); i++) {
		uint64_t number;
		pid_t pid = kt_fork();

		if (!pid) {
			struct fgnl nl;

			kt_open(&nl);
			number = kt_frozen(&nl, NULL, 60000, scene.fds, FILESYSTEMS)->number;
			EQUAL(fg_extend(&nl, number, 400, NULL), 0);
			if (write(pipes[1], &number, sizeof(number)) != sizeof(number))
				_exit(1);
			for (;;)
				pause();
		}
		EQUAL(read(pipes[0], &number, sizeof(number)), sizeof(number));
		trouble(pid);
		EQUAL(measure(number, &late)->state, FREEZEGUARD_LEASE_STATE_EXPIRED);
		kill(pid, SIGKILL);
		undo(pid);
		EQUAL(kt_wait(pid), 128 + SIGKILL);
	}
	judge(&late);
}

TEST_WITHIN(controller_stopped, 90)
{
	controllers(stop, resume);
	peer(0, stop);
}

TEST_WITHIN(controller_in_a_frozen_cgroup, 90)
{
	load_cgroup("frozen");
	controllers(freeze, unfreeze);
}

/* What the rest is compared with. */
TEST_WITHIN(no_load, 60)
{
	set_scene("write back", "950000");
	load_throughout();
}
