// SPDX-License-Identifier: GPL-2.0-only
/* mounts: mount tables as machines have them, and some that make no sense */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

#include <libmount/libmount.h>

#include "mounts.h"
#include "world.h"

static int read_data(struct mounts *m, const char *name)
{
	char path[4096];

	return mounts_read(m, data_path(name, path, sizeof(path)));
}

static void reads_an_instance(void **state)
{
	const struct mount_entry *e;
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "ec2.mountinfo"), 0);
	assert_int_equal(m.n, 17);
	assert_int_equal(m.n_unreadable, 0);
	e = mounts_find(&m, 40);
	assert_non_null(e);
	assert_int_equal(e->parent_id, 27);
	assert_int_equal(e->major, 259);
	assert_int_equal(e->minor, 5);
	assert_string_equal(e->fstype, "ext4");
	assert_string_equal(e->source, "/dev/nvme1n1");
	assert_string_equal(e->root, "/");
	assert_string_equal(e->mountpoint, "/data");
	assert_false(e->read_only || e->pseudo || e->network);
	assert_true(mounts_find(&m, 45)->read_only);
	assert_true(mounts_find(&m, 22)->pseudo);
	assert_true(mounts_find(&m, 25)->pseudo);
	assert_true(mounts_find(&m, 43)->network);
	assert_null(mounts_find(&m, 12345));
	mounts_free(&m);
	assert_int_equal(m.n, 0);
}

static void a_read_only_mount_is_not_a_read_only_superblock(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "bind.mountinfo"), 0);
	assert_false(mounts_find(&m, 72)->read_only);
	assert_string_equal(mounts_find(&m, 72)->root, "/ro");
	mounts_free(&m);
}

static void decodes_odd_names(void **state)
{
	static const char *const names[] = {
		"/with space", "/with\ttab", "/with\nnewline", "/with\\backslash",
		"/not-utf8-\xff\xfe", "/-dash", "/hash#tag",
	};
	struct mounts m;
	int i;

	(void)state;
	assert_int_equal(read_data(&m, "odd-names.mountinfo"), 0);
	for (i = 0; i < 7; i++)
		assert_string_equal(mounts_find(&m, 80 + i)->mountpoint, names[i]);
	assert_string_equal(mounts_find(&m, 87)->source, "none");
	mounts_free(&m);
}

static void reads_options(void **state)
{
	struct mounts m;
	char *value;

	(void)state;
	assert_int_equal(read_data(&m, "stacks.mountinfo"), 0);
	value = mounts_option(mounts_find(&m, 97), "logdev");
	assert_string_equal(value, "/dev/loop5");
	free(value);
	assert_null(mounts_option(mounts_find(&m, 97), "rtdev"));
	assert_null(mounts_option(mounts_find(&m, 97), "noquota"));
	assert_null(mounts_option(mounts_find(&m, 97), "log"));
	mounts_free(&m);
}

static void decodes_options(void **state)
{
	struct mount_entry e = { .options = "ro,lowerdir=/a:/b,upperdir=/with\\054comma,index=off,x=" };
	char *value = mounts_option(&e, "upperdir");

	(void)state;
	assert_string_equal(value, "/with,comma");
	free(value);
	assert_null(mounts_option(&e, "ro"));
	assert_null(mounts_option(&e, "x"));
	assert_null(mounts_option(&e, "upper"));
}

static int ignore(struct libmnt_table *table, const char *filename, int line)
{
	(void)table;
	(void)filename;
	(void)line;
	return 1;
}

/* Everything that libmount makes of a table is made of it here. */
static void expect_as_libmount(const char *path)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *iter = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	struct mounts m;
	size_t i = 0;

	assert_true(table && iter);
	mnt_table_set_parser_errcb(table, ignore);
	assert_int_equal(mnt_table_parse_file(table, path), 0);
	assert_int_equal(mounts_read(&m, path), 0);
	assert_int_equal(m.n, mnt_table_get_nents(table));
	while (!mnt_table_next_fs(table, iter, &fs)) {
		const struct mount_entry *e = &m.v[i++];
		const char *source = mnt_fs_get_source(fs);

		assert_int_equal(e->id, mnt_fs_get_id(fs));
		assert_int_equal(e->parent_id, mnt_fs_get_parent_id(fs));
		assert_int_equal(makedev(e->major, e->minor), mnt_fs_get_devno(fs));
		assert_string_equal(e->fstype, mnt_fs_get_fstype(fs));
		assert_string_equal(e->root, mnt_fs_get_root(fs));
		assert_string_equal(e->mountpoint, mnt_fs_get_target(fs));
		assert_string_equal(e->source, source ? source : "");
		assert_int_equal(e->read_only,
				 !mnt_optstr_get_option(mnt_fs_get_fs_options(fs), "ro", NULL, NULL));
		if (mnt_fs_is_pseudofs(fs) != e->pseudo)
			fail_msg("%s: pseudo is %d", e->fstype, e->pseudo);
		/* It doesn't count all. */
		if (mnt_fs_is_netfs(fs) && !e->network)
			fail_msg("%s: is a network filesystem", e->fstype);
	}
	mounts_free(&m);
	mnt_free_iter(iter);
	mnt_unref_table(table);
}

static void agrees_with_libmount(void **state)
{
	static const char *const tables[] = {
		"bind", "btrfs", "ec2", "empty", "garbage", "odd-names", "overlay-root", "snaps",
		"stacks",
	};
	char name[64], path[4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		snprintf(name, sizeof(name), "%s.mountinfo", tables[i]);
		expect_as_libmount(data_path(name, path, sizeof(path)));
	}
	expect_as_libmount("/proc/self/mountinfo");
}

/* Those that libmount knows, and some that it doesn't. */
static void agrees_with_libmount_on_types(void **state)
{
	static const char *const types[] = {
		"9p", "afs", "anon_inodefs", "apparmorfs", "autofs", "bcachefs", "bdev", "beegfs",
		"binder", "binfmt_misc", "bpf", "btrfs", "ceph", "cgroup", "cgroup2", "cifs",
		"configfs", "cpuset", "debugfs", "devfs", "devpts", "devtmpfs", "dlmfs", "dmabuf",
		"drm", "efivarfs", "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuse",
		"fuse.archivemount", "fuse.avfsd", "fuse.curlftpfs", "fuse.dumpfs", "fuse.encfs",
		"fuse.gvfs-fuse-daemon", "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.rofiles-fuse",
		"fuse.sshfs", "fuse.vmware-vmblock", "fuse.xwmfs", "fuseblk", "fusectl", "gfs2",
		"glusterfs", "hugetlbfs", "ipathfs", "iso9660", "jfs", "lustre", "mqueue", "ncpfs",
		"nfs", "nfs4", "nfsd", "nilfs2", "nsfs", "ntfs3", "ocfs2", "overlay", "pipefs",
		"proc", "pstore", "ramfs", "resctrl", "rootfs", "rpc_pipefs", "securityfs",
		"selinuxfs", "smackfs", "smb3", "smbfs", "sockfs", "spufs", "squashfs", "sysfs",
		"tmpfs", "tracefs", "ubifs", "udf", "vboxsf", "vfat", "virtiofs", "xfs", "zfs",
	};
	char path[] = "/tmp/test_mounts.XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	size_t i;

	(void)state;
	assert_non_null(file);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		fprintf(file, "%zu 1 0:%zu / /%s rw - %s /dev/x rw\n", i + 2, i, types[i],
			types[i]);
	fclose(file);
	expect_as_libmount(path);
	unlink(path);
}

static void is_read_once_and_when_needed(void **state)
{
	struct mounts_once once = { 0 };
	const struct mounts *m;

	(void)state;
	assert_false(once.read);
	m = mounts_once(&once);
	assert_true(once.read && m->n > 0);
	assert_ptr_equal(mounts_once(&once)->v, m->v);
	mounts_once_free(&once);
	assert_int_equal(once.mounts.n, 0);
	mounts_once_free(&once);
}

static void an_empty_table_is_empty(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "empty.mountinfo"), 0);
	assert_int_equal(m.n, 0);
	assert_null(mounts_find(&m, 1));
	mounts_free(&m);
}

static void counts_lines_that_make_no_sense(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "garbage.mountinfo"), 0);
	assert_int_equal(m.n, 2);
	assert_true(m.n_unreadable >= 2);
	assert_string_equal(mounts_find(&m, 54)->mountpoint, "/data");
	mounts_free(&m);
}

static void a_missing_table_is_an_error(void **state)
{
	struct mounts m;

	(void)state;
	assert_int_equal(read_data(&m, "nonexistent"), -ENOENT);
	assert_int_equal(m.n, 0);
}

static void finds_the_mount_of_an_open_file(void **state)
{
	const struct mount_entry *e;
	struct mounts m;
	int fd, id;

	(void)state;
	fd = open("/proc/self", O_PATH | O_CLOEXEC);
	assert_true(fd >= 0);
	id = mounts_id_of_fd(fd);
	close(fd);
	assert_true(id > 0);
	assert_int_equal(mounts_read(&m, NULL), 0);
	e = mounts_find(&m, id);
	assert_non_null(e);
	assert_string_equal(e->fstype, "proc");
	mounts_free(&m);
	assert_int_equal(mounts_id_of_fd(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_an_instance),
		cmocka_unit_test(a_read_only_mount_is_not_a_read_only_superblock),
		cmocka_unit_test(decodes_odd_names),
		cmocka_unit_test(reads_options),
		cmocka_unit_test(decodes_options),
		cmocka_unit_test(agrees_with_libmount),
		cmocka_unit_test(agrees_with_libmount_on_types),
		cmocka_unit_test(is_read_once_and_when_needed),
		cmocka_unit_test(an_empty_table_is_empty),
		cmocka_unit_test(counts_lines_that_make_no_sense),
		cmocka_unit_test(a_missing_table_is_an_error),
		cmocka_unit_test(finds_the_mount_of_an_open_file),
	};

	/* only data_path() of world.h is used here */
	(void)world_make;
	(void)count_fds;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
