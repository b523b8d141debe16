// SPDX-License-Identifier: GPL-2.0-only
/* The guest's root: an overlay over the host's, with the kernel's filesystems and its own /tmp and /run. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

void mount_or_fail(const char *source, const char *target, const char *type, unsigned long flags,
		   const char *options)
{
	if (mount(source, target, type, flags, options))
		fail("mounting", target);
}

static void make_dirs(const char *path)
{
	char copy[4096], *slash;

	snprintf(copy, sizeof(copy), "%s", path);
	for (slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(copy, 0755);
		*slash = '/';
	}
	mkdir(copy, 0755);
}

/* Mounts where a directory is or can be made, and where the kernel has such a thing. */
static void mount_if_possible(const char *source, const char *target, const char *type,
			      const char *options)
{
	make_dirs(target);
	if (mount(source, target, type, 0, options) && errno != ENODEV && errno != ENOENT &&
	    errno != EBUSY)
		fail("mounting", target);
}

/* The device nodes on whose opening the kernel loads a module, as systemd would make them. */
static void make_static_nodes(const char *directory)
{
	char path[512], name[256], node[512], type;
	unsigned int major_number, minor_number;
	FILE *list;

	snprintf(path, sizeof(path), "%s/modules.devname", directory);
	list = fopen(path, "re");
	if (!list)
		return;
	while (fgets(path, sizeof(path), list)) {
		if (sscanf(path, "%*s %255s %c%u:%u", name, &type, &major_number,
			   &minor_number) != 4)
			continue;
		snprintf(node, sizeof(node), "/dev/%s", name);
		*strrchr(node, '/') = 0;
		make_dirs(node);
		snprintf(node, sizeof(node), "/dev/%s", name);
		mknod(node, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600,
		      makedev(major_number, minor_number));
	}
	fclose(list);
}

/* /tmp and /run are the guest's own, but for what it needs of the host's below them. */
static void mount_private_dirs(void)
{
	static const char *const dirs[] = { "/tmp", "/run" };
	int fds[MAX_ITEMS];
	char path[64];
	int i, k;

	for (i = 0; i < 2; i++) {
		size_t length = strlen(dirs[i]);

		for (k = 0; k < job.num_keep; k++) {
			fds[k] = -1;
			if (!strncmp(job.keep[k], dirs[i], length) &&
			    (!job.keep[k][length] || job.keep[k][length] == '/'))
				fds[k] = open(job.keep[k], O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
		make_dirs(dirs[i]);
		mount_or_fail("tmpfs", dirs[i], "tmpfs", MS_NOSUID | MS_NODEV,
			      i ? "mode=0755" : "mode=1777");
		for (k = 0; k < job.num_keep; k++) {
			if (fds[k] < 0)
				continue;
			make_dirs(job.keep[k]);
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[k]);
			mount_or_fail(path, job.keep[k], NULL, MS_BIND, NULL);
			close(fds[k]);
		}
	}
}

static void bring_up_loopback(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail("bringing up", "lo");
	close(fd);
}

static void run_modprobe(const char *name)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/sbin/modprobe", "modprobe", name, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Makes the job's root, and the directories in it that it needs. */
void set_up_root(void)
{
	struct utsname names;
	char path[256];

	mkdir("/host", 0755);
	mkdir("/new", 0755);
	mkdir("/rw", 0755);
	mount_or_fail("root", "/host", "9p", MS_RDONLY | MS_NOATIME,
		      "trans=virtio,version=9p2000.L,cache=loose,access=any,msize=262144");
	mount_or_fail("tmpfs", "/rw", "tmpfs", 0, "mode=0755");
	mkdir("/rw/upper", 0755);
	mkdir("/rw/work", 0755);
	mount_or_fail("overlay", "/new", "overlay", MS_NOATIME,
		      "lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work");
	make_dirs("/new/proc");
	make_dirs("/new/sys");
	make_dirs("/new/dev");
	mount_or_fail("/proc", "/new/proc", NULL, MS_MOVE, NULL);
	mount_or_fail("/sys", "/new/sys", NULL, MS_MOVE, NULL);
	mount_or_fail("/dev", "/new/dev", NULL, MS_MOVE, NULL);
	if (chdir("/new"))
		fail("entering", "/new");
	mount_or_fail(".", "/", NULL, MS_MOVE, NULL);
	if (chroot(".") || chdir("/"))
		fail("entering", "the new root");

	mount_private_dirs();
	mount_if_possible("devpts", "/dev/pts", "devpts", "gid=5,mode=620,ptmxmode=666");
	mount_if_possible("tmpfs", "/dev/shm", "tmpfs", "mode=1777");
	mount_if_possible("cgroup2", "/sys/fs/cgroup", "cgroup2", NULL);
	mount_if_possible("bpf", "/sys/fs/bpf", "bpf", NULL);
	mount_if_possible("debugfs", "/sys/kernel/debug", "debugfs", NULL);
	mount_if_possible("tracefs", "/sys/kernel/tracing", "tracefs", NULL);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	mkdir("/run/lock", 01777);

	if (job.output) {
		make_dirs(job.output);
		mount_or_fail("output", job.output, "9p", 0,
			      "trans=virtio,version=9p2000.L,cache=none,access=any,msize=262144");
	}
	if (job.module_root) {
		uname(&names);
		snprintf(path, sizeof(path), "/lib/modules/%s", names.release);
		make_dirs("/lib/modules");
		make_dirs(path);
		mount_or_fail(job.module_root, path, NULL, MS_BIND, NULL);
		make_static_nodes(path);
	}
	bring_up_loopback();
	sethostname("guest", 5);
	write_file("/proc/sys/kernel/sysrq", "1\n");
	/* An emulator translates a program anew at every new address. */
	write_file("/proc/sys/kernel/randomize_va_space", "0\n");
	if (job.disks)
		run_modprobe("virtio_blk");
}
