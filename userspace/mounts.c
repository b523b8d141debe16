// SPDX-License-Identifier: GPL-2.0-only
/*
 * mounts: the mount table of this mount namespace, out of /proc/self/mountinfo. Reading it touches no
 * filesystem but proc: a dead server's mount can't stop us. Not by libmount, which brings libblkid,
 * libselinux and libpcre2 along: loading the four takes longer than all else that a command does
 * before it freezes. A test compares the two.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mounts.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* Nothing that is on a device, and can be stored on. */
static const char *const pseudo_types[] = {
	"anon_inodefs", "apparmorfs", "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup",
	"cgroup2", "configfs", "cpuset", "debugfs", "devfs", "devpts", "devtmpfs", "dlmfs",
	"dmabuf", "drm", "efivarfs", "fuse", "fuse.archivemount", "fuse.avfsd", "fuse.dumpfs",
	"fuse.encfs", "fuse.gvfs-fuse-daemon", "fuse.gvfsd-fuse", "fuse.lxcfs",
	"fuse.rofiles-fuse", "fuse.vmware-vmblock", "fuse.xwmfs", "fusectl", "hugetlbfs",
	"ipathfs", "mqueue", "nfsd", "none", "nsfs", "overlay", "pipefs", "proc", "pstore",
	"ramfs", "resctrl", "rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sockfs",
	"spufs", "sysfs", "tmpfs", "tracefs", "vboxsf", "virtiofs",
};

static const char *const network_types[] = {
	"9p", "afs", "beegfs", "ceph", "cifs", "coda", "fuse.curlftpfs", "fuse.sshfs", "glusterfs",
	"gpfs", "lustre", "ncpfs", "orangefs", "smb3", "smbfs", "virtiofs",
};

static bool is_one_of(const char *fstype, const char *const *types, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(fstype, types[i]))
			return true;
	return false;
}

static void entry_free(struct mount_entry *e)
{
	free(e->fstype);
	free(e->source);
	free(e->root);
	free(e->mountpoint);
	free(e->options);
}

/* The kernel writes some bytes as a backslash and three octal digits. */
static char *decode(const char *text, size_t len)
{
	char *copy = malloc(len + 1), *to = copy;
	size_t i;

	if (!copy)
		return NULL;
	for (i = 0; i < len; i++) {
		const char *t = text + i;

		if (len - i >= 4 && t[0] == '\\' && t[1] >= '0' && t[1] <= '3' && t[2] >= '0' &&
		    t[2] <= '7' && t[3] >= '0' && t[3] <= '7') {
			*to++ = (char)((t[1] - '0') << 6 | (t[2] - '0') << 3 | (t[3] - '0'));
			i += 3;
		} else {
			*to++ = *t;
		}
	}
	*to = '\0';
	return copy;
}

/* The next word of a line; NULL at its end. One that is empty is one, too. */
static const char *word(const char **line, size_t *len)
{
	const char *start = *line;

	if (!*start)
		return NULL;
	*len = strcspn(start, " \n");
	*line = start + *len + (start[*len] != '\0');
	return start;
}

/* The value of an option as the table has it: "name", "name=value"; NULL if there is none. */
static const char *find_option(const char *options, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	while (*options) {
		size_t n = strcspn(options, ",");

		if (n >= name_len && !strncmp(options, name, name_len) &&
		    (n == name_len || options[name_len] == '=')) {
			*len = n - name_len;
			return options + name_len;
		}
		options += n + (options[n] == ',');
	}
	return NULL;
}

/*
 * A line of the table:
 * 36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *
 * Return: 0; -EINVAL it is none; -ENOMEM.
 */
static int entry_parse(struct mount_entry *e, const char *line)
{
	const char *root, *mountpoint, *options, *fstype, *source, *optional;
	size_t root_len = 0, mountpoint_len = 0, options_len = 0, fstype_len = 0, source_len = 0, len = 0;
	struct mount_entry new = { 0 };
	int at = 0;

	if (sscanf(line, "%d %d %u:%u %n", &new.id, &new.parent_id, &new.major, &new.minor,
		   &at) != 4 || !at)
		return -EINVAL;
	line += at;
	root = word(&line, &root_len);
	mountpoint = root ? word(&line, &mountpoint_len) : NULL;
	optional = mountpoint ? word(&line, &len) : NULL;
	while (optional && !(len == 1 && *optional == '-'))
		optional = word(&line, &len);
	fstype = optional ? word(&line, &fstype_len) : NULL;
	source = fstype ? word(&line, &source_len) : NULL;
	options = source ? word(&line, &options_len) : NULL;
	if (!options || !root_len || !mountpoint_len || !fstype_len)
		return -EINVAL;

	new.root = decode(root, root_len);
	new.mountpoint = decode(mountpoint, mountpoint_len);
	new.fstype = decode(fstype, fstype_len);
	new.source = decode(source, source_len);
	/* An option's value may contain a comma, written in octal: see mounts_option(). */
	new.options = strndup(options, options_len);
	if (!new.fstype || !new.source || !new.root || !new.mountpoint || !new.options) {
		entry_free(&new);
		return -ENOMEM;
	}
	new.read_only = find_option(new.options, "ro", &len) != NULL;
	new.pseudo = is_one_of(new.fstype, pseudo_types, N_ELEMENTS(pseudo_types));
	new.network = !strncmp(new.fstype, "nfs", 3) ? strcmp(new.fstype, "nfsd") != 0 :
		      is_one_of(new.fstype, network_types, N_ELEMENTS(network_types));
	*e = new;
	return 0;
}

int mounts_read(struct mounts *m, const char *mountinfo)
{
	struct mount_entry *v, entry;
	size_t size = 0, room = 0;
	char *line = NULL;
	FILE *file;
	int ret = 0;

	*m = (struct mounts){};
	file = fopen(mountinfo ? mountinfo : "/proc/self/mountinfo", "re");
	if (!file)
		return -errno;
	errno = 0;
	while (!ret && getline(&line, &size, file) > 0) {
		ret = entry_parse(&entry, line);
		if (ret == -EINVAL) {
			m->n_unreadable++;
			ret = 0;
			continue;
		}
		if (!ret && m->n == room) {
			room = room ? 2 * room : 64;
			v = reallocarray(m->v, room, sizeof(*v));
			if (!v) {
				entry_free(&entry);
				ret = -ENOMEM;
				break;
			}
			m->v = v;
		}
		if (!ret)
			m->v[m->n++] = entry;
	}
	if (!ret && !feof(file))
		ret = errno ? -errno : -EIO;
	free(line);
	fclose(file);
	if (ret)
		mounts_free(m);
	return ret;
}

void mounts_free(struct mounts *m)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		entry_free(&m->v[i]);
	free(m->v);
	*m = (struct mounts){};
}

const struct mounts *mounts_once(struct mounts_once *once)
{
	if (!once->read && mounts_read(&once->mounts, NULL))
		once->mounts = (struct mounts){};
	once->read = true;
	return &once->mounts;
}

void mounts_once_free(struct mounts_once *once)
{
	mounts_free(&once->mounts);
	once->read = false;
}

const struct mount_entry *mounts_find(const struct mounts *m, int id)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

bool mounts_is_fuse(const struct mount_entry *e)
{
	return !strcmp(e->fstype, "fuse") || !strcmp(e->fstype, "fuseblk") ||
	       !strncmp(e->fstype, "fuse.", 5) || !strncmp(e->fstype, "fuseblk.", 8);
}

bool mounts_opens_at_once(const struct mounts *m, const struct mount_entry *e)
{
	size_t i;

	for (i = 0; e && i <= m->n; i++) {
		if (e->network || mounts_is_fuse(e))
			return false;
		if (e->parent_id == e->id)
			break;
		e = mounts_find(m, e->parent_id);
	}
	return true;
}

int mounts_id_of_fd(int fd)
{
	struct statx sx;

	/* DONT_SYNC: a network filesystem needn't ask its server for that */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	return (int)sx.stx_mnt_id;
}

char *mounts_option(const struct mount_entry *e, const char *name)
{
	const char *value;
	size_t len;

	value = find_option(e->options, name, &len);
	return value && len > 1 ? decode(value + 1, len - 1) : NULL;
}
