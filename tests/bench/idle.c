// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long the freeze of one idle filesystem stops its writers, by a lease and by FIFREEZE: by the
 * clock of who freezes, for the time that it takes, in which they are stopped from nearly the beginning;
 * and as a writer sees it, from its last write to when all is frozen, and, with a thaw at once, to when
 * it goes on. On a machine with much else to do that has the writer's waits for a processor in it. The
 * writer writes nothing, again and again: that is stopped like any write, and leaves the filesystem
 * idle.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

/* In shared memory: the longest time between two writes since @reset was set; the last one's return. */
struct prober {
	volatile bool reset;
	volatile uint64_t gap_ns, last_ns;
};

static struct prober *start_prober(const char *name)
{
	struct prober *prober = mmap(NULL, sizeof(*prober), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (prober == MAP_FAILED)
		FAIL("mmap failed");
	if (!kt_fork()) {
		int fd = open(kt_path(name, "probe"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		uint64_t last_ns = kt_now_ns();

		while (write(fd, "", 0) == 0) {
			uint64_t now_ns = kt_now_ns();

			if (prober->reset) {
				prober->gap_ns = 0;
				prober->reset = false;
			} else if (now_ns - last_ns > prober->gap_ns) {
				prober->gap_ns = now_ns - last_ns;
			}
			prober->last_ns = now_ns;
			usleep(50);
			last_ns = kt_now_ns();
		}
		_exit(1);
	}
	return prober;
}

static void reset(struct prober *prober)
{
	unsigned int waited;

	bench_settle();
	prober->reset = true;
	for (waited = 0; prober->reset; waited++) {
		if (waited > KT_SOON_MS)
			FAIL("the prober doesn't write");
		kt_sleep_ms(1);
	}
	kt_sleep_ms(5);
}

/*
 * When all is frozen the last write was the one before that is stopped, and it may have had to wait for
 * a processor to say so.
 */
static void record_frozen(struct prober *prober, const char *type, const char *who,
			  uint64_t frozen_ns)
{
	uint64_t last_ns = prober->last_ns;

	bench_sample_ns(bench_name("idle.%s.%s.freeze", type, who),
			frozen_ns > last_ns ? frozen_ns - last_ns : 0);
}

static void record_thawed(struct prober *prober, const char *type, const char *who)
{
	kt_sleep_ms(10);
	bench_sample_ns(bench_name("idle.%s.%s.stall", type, who), prober->gap_ns);
}

static void measure(const char *type)
{
	int fd = kt_mount_image(type, type);
	struct prober *prober = start_prober(type);
	unsigned int i;
	struct fgnl nl;

	sync();
	kt_open(&nl);
	for (i = 0; i < bench_runs(100, 1); i++) {
		struct fg_lease *lease;
		uint64_t begin_ns, frozen_ns;

		reset(prober);
		lease = bench_lease(&nl, &fd, 1, 60000, NULL);
		record_frozen(prober, type, "lease", lease->frozen_ns);
		bench_sample_ns(bench_name("idle.%s.lease.took", type),
				lease->hold[0].frozen_ns - lease->hold[0].freeze_begin_ns);
		bench_end(&nl, lease->number);
		record_thawed(prober, type, "lease");

		reset(prober);
		begin_ns = kt_now_ns();
		kt_freeze(fd);
		frozen_ns = kt_now_ns();
		bench_sample_ns(bench_name("idle.%s.ioctl.took", type), frozen_ns - begin_ns);
		record_frozen(prober, type, "ioctl", frozen_ns);
		bench_ioctl_thaw(fd);
		record_thawed(prober, type, "ioctl");
	}
}

TEST_WITHIN(one_idle_ext4, 200)
{
	measure("ext4");
}

TEST_WITHIN(one_idle_xfs, 200)
{
	measure("xfs");
}

TEST_WITHIN(one_idle_btrfs, 200)
{
	measure("btrfs");
}
