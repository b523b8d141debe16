// SPDX-License-Identifier: GPL-2.0-only
/*
 * fgtestfs: a filesystem in memory whose freeze and thaw do as they are told. For tests only.
 *
 *	mount -t fgtestfs -o freeze=fail:5:3,thaw=hang,super NAME /mnt
 *
 * Files, writes and page faults go through the VFS as in ramfs, so that writers wait while it is
 * frozen. Options, each also a file in /sys/kernel/debug/fgtestfs/NAME/ that can be written at any
 * time, also while frozen:
 *
 *	freeze=, thaw=, sync_fs=	what the filesystem's own part of that operation does:
 *				ok, fail:ERRNO[:TIMES], sleep:MS, hang
 *	super			(option only) has s_op->freeze_super and thaw_super, as gfs2 has, and
 *				misbehaves in them, without s_umount; who asks is ignored
 *	anyone			(option only) has these operations, too, but misbehaves as without them:
 *				it freezes as the user, so that anyone can thaw it on every kernel
 *
 * and files only:
 *
 *	release		write an errno or 0: every call that hangs or sleeps returns it, and further
 *			calls succeed
 *	read_only	write 1: turn read-only behind the VFS's back, as btrfs does on a device
 *			error; 0: writable again
 *	state		read: "frozen N" (SB_*), "read_only", "super", and for each operation
 *			"OP_calls" and "OP_inside" (calls that hang or sleep now)
 *
 * The root of a user namespace may mount it, and then owns it.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "inject.h"

#define FGTESTFS_MAGIC		0x66677466	/* "fgtf" */

enum { OP_FREEZE, OP_THAW, OP_SYNC, OPS };

static const char *const op_names[OPS] = { "freeze", "thaw", "sync_fs" };

/* One superblock's private part. */
struct fgtestfs {
	struct super_block *sb;
	struct dentry *dir;		/* in debugfs */
	struct inject ops[OPS];
	bool super, anyone;
	bool dying;			/* is being unmounted for good */
};

/* What a mount asks for. */
struct fgtestfs_options {
	struct inject_what ops[OPS];
	bool super, anyone;
};

static struct dentry *debugfs_root;

/* Files and directories */

static int fgtestfs_drop_inode(struct inode *inode)
{
	return 1;
}

static int fgtestfs_create(CREATE_PARAMS);

static const struct inode_operations fgtestfs_dir_inode_operations = {
	.create	= fgtestfs_create,
	.lookup	= simple_lookup,
	.unlink	= simple_unlink,
};

static const struct inode_operations fgtestfs_file_inode_operations = {
	.setattr = simple_setattr,
	.getattr = simple_getattr,
};

static const struct file_operations fgtestfs_file_operations = {
	.read_iter	= generic_file_read_iter,
	.write_iter	= generic_file_write_iter,
	.mmap		= generic_file_mmap,
	.fsync		= noop_fsync,
	.llseek		= generic_file_llseek,
};

static struct inode *fgtestfs_inode(struct super_block *sb, const struct inode *dir, umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode_init_owner(MOUNT_NONE, inode, dir, mode);
	inode->i_mapping->a_ops = &ram_aops;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER);
	mapping_set_unevictable(inode->i_mapping);
	compat_inode_init_times(inode);
	if (S_ISDIR(mode)) {
		inode->i_op = &fgtestfs_dir_inode_operations;
		inode->i_fop = &simple_dir_operations;
		inc_nlink(inode);
	} else {
		inode->i_op = &fgtestfs_file_inode_operations;
		inode->i_fop = &fgtestfs_file_operations;
	}
	return inode;
}

static int fgtestfs_create(CREATE_PARAMS)
{
	struct inode *inode = fgtestfs_inode(dir->i_sb, dir, mode | S_IFREG);

	if (!inode)
		return -ENOSPC;
	compat_dentry_keep(dentry, inode);
	return 0;
}

/* Freeze and thaw */

static int fgtestfs_run(struct super_block *sb, int op)
{
	struct fgtestfs *fs = sb->s_fs_info;

	return inject_run(&fs->ops[op]);
}

static int fgtestfs_freeze_fs(struct super_block *sb)
{
	return fgtestfs_run(sb, OP_FREEZE);
}

static int fgtestfs_unfreeze_fs(struct super_block *sb)
{
	return fgtestfs_run(sb, OP_THAW);
}

static int fgtestfs_sync_fs(struct super_block *sb, int wait)
{
	struct fgtestfs *fs = sb->s_fs_info;

	return wait && !fs->dying ? fgtestfs_run(sb, OP_SYNC) : 0;
}

static int fgtestfs_freeze_super(FREEZE_PARAMS(sb))
{
	return fgtestfs_run(sb, OP_FREEZE) ?: freeze_super(FREEZE_ARGS(sb));
}

static int fgtestfs_thaw_super(FREEZE_PARAMS(sb))
{
	return fgtestfs_run(sb, OP_THAW) ?: thaw_super(FREEZE_ARGS(sb));
}

static int fgtestfs_freeze_as_user(FREEZE_PARAMS(sb))
{
	return freeze_super(FREEZE_ARGS(sb));
}

static int fgtestfs_thaw_as_user(FREEZE_PARAMS(sb))
{
	return thaw_super(FREEZE_ARGS(sb));
}

static int fgtestfs_super_freeze_fs(struct super_block *sb)
{
	return 0;
}

static int fgtestfs_show_options(struct seq_file *m, struct dentry *root)
{
	struct fgtestfs *fs = root->d_sb->s_fs_info;
	char text[INJECT_TEXT_MAX];
	int op;

	for (op = 0; op < OPS; op++) {
		inject_print(&fs->ops[op], text, sizeof(text));
		seq_printf(m, ",%s=%s", op_names[op], text);
	}
	if (fs->super)
		seq_puts(m, ",super");
	if (fs->anyone)
		seq_puts(m, ",anyone");
	return 0;
}

static const struct super_operations fgtestfs_super_operations = {
	.statfs		= simple_statfs,
	.drop_inode	= fgtestfs_drop_inode,
	.show_options	= fgtestfs_show_options,
	.sync_fs	= fgtestfs_sync_fs,
	.freeze_fs	= fgtestfs_freeze_fs,
	.unfreeze_fs	= fgtestfs_unfreeze_fs,
};

/* As gfs2: the operations below come first, and call the generic ones, which call freeze_fs. */
static const struct super_operations fgtestfs_super_operations_super = {
	.statfs		= simple_statfs,
	.drop_inode	= fgtestfs_drop_inode,
	.show_options	= fgtestfs_show_options,
	.sync_fs	= fgtestfs_sync_fs,
	.freeze_super	= fgtestfs_freeze_super,
	.thaw_super	= fgtestfs_thaw_super,
	.freeze_fs	= fgtestfs_super_freeze_fs,
};

static const struct super_operations fgtestfs_super_operations_anyone = {
	.statfs		= simple_statfs,
	.drop_inode	= fgtestfs_drop_inode,
	.show_options	= fgtestfs_show_options,
	.sync_fs	= fgtestfs_sync_fs,
	.freeze_super	= fgtestfs_freeze_as_user,
	.thaw_super	= fgtestfs_thaw_as_user,
	.freeze_fs	= fgtestfs_freeze_fs,
	.unfreeze_fs	= fgtestfs_unfreeze_fs,
};

/* debugfs */

static int copy_text(char *text, size_t size, const char __user *from, size_t count)
{
	if (count >= size)
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	text[count] = '\0';
	if (count && text[count - 1] == '\n')
		text[count - 1] = '\0';
	return 0;
}

static ssize_t op_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	char text[INJECT_TEXT_MAX];
	int len = inject_print(file->private_data, text, sizeof(text) - 1);

	text[len++] = '\n';
	return simple_read_from_buffer(to, count, pos, text, len);
}

static ssize_t op_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	char text[INJECT_TEXT_MAX];
	struct inject_what what;
	int err;

	err = copy_text(text, sizeof(text), from, count) ?: inject_parse(text, &what);
	if (err)
		return err;
	inject_tell(file->private_data, &what);
	return count;
}

static const struct file_operations op_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.read	= op_read,
	.write	= op_write,
	.llseek	= default_llseek,
};

static ssize_t release_write(struct file *file, const char __user *from, size_t count,
			     loff_t *pos)
{
	struct fgtestfs *fs = file->private_data;
	char text[INJECT_TEXT_MAX];
	unsigned int error;
	int err, op;

	err = copy_text(text, sizeof(text), from, count) ?: kstrtouint(text, 10, &error);
	if (err)
		return err;
	if (error > MAX_ERRNO)
		return -EINVAL;
	for (op = 0; op < OPS; op++)
		inject_release(&fs->ops[op], error);
	return count;
}

static const struct file_operations release_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= release_write,
	.llseek	= noop_llseek,
};

static ssize_t read_only_write(struct file *file, const char __user *from, size_t count,
			       loff_t *pos)
{
	struct fgtestfs *fs = file->private_data;
	char text[INJECT_TEXT_MAX];
	bool read_only;
	int err;

	err = copy_text(text, sizeof(text), from, count) ?: kstrtobool(text, &read_only);
	if (err)
		return err;
	/* no lock, as in btrfs_handle_fs_error() */
	if (read_only)
		fs->sb->s_flags |= SB_RDONLY;
	else
		fs->sb->s_flags &= ~SB_RDONLY;
	return count;
}

static const struct file_operations read_only_fops = {
	.owner	= THIS_MODULE,
	.open	= simple_open,
	.write	= read_only_write,
	.llseek	= noop_llseek,
};

static int state_show(struct seq_file *m, void *unused)
{
	struct fgtestfs *fs = m->private;
	unsigned int calls, inside;
	int op;

	seq_printf(m, "frozen %d\n", (int)READ_ONCE(fs->sb->s_writers.frozen));
	seq_printf(m, "read_only %d\n", sb_rdonly(fs->sb));
	seq_printf(m, "super %d\n", fs->super);
	for (op = 0; op < OPS; op++) {
		inject_counts(&fs->ops[op], &calls, &inside);
		seq_printf(m, "%s_calls %u\n%s_inside %u\n", op_names[op], calls,
			   op_names[op], inside);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

static int fgtestfs_debugfs(struct fgtestfs *fs, const char *name)
{
	int op;

	fs->dir = debugfs_create_dir(name, debugfs_root);
	if (IS_ERR(fs->dir)) {
		int err = PTR_ERR(fs->dir);

		fs->dir = NULL;
		return err;
	}
	for (op = 0; op < OPS; op++)
		debugfs_create_file(op_names[op], 0600, fs->dir, &fs->ops[op], &op_fops);
	debugfs_create_file("release", 0200, fs->dir, fs, &release_fops);
	debugfs_create_file("read_only", 0200, fs->dir, fs, &read_only_fops);
	debugfs_create_file("state", 0400, fs->dir, fs, &state_fops);
	return 0;
}

/* Mount and umount */

static int fgtestfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	const struct fgtestfs_options *options = fc->fs_private;
	struct fgtestfs *fs;
	int op, err;

	if (!fc->source || !*fc->source || strchr(fc->source, '/'))
		return invalf(fc, "fgtestfs: the source is a name in debugfs");

	fs = kzalloc(sizeof(*fs), GFP_KERNEL);
	if (!fs)
		return -ENOMEM;
	fs->sb = sb;
	fs->super = options->super;
	fs->anyone = options->anyone;
	for (op = 0; op < OPS; op++)
		inject_init(&fs->ops[op], &options->ops[op]);
	sb->s_fs_info = fs;

	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = FGTESTFS_MAGIC;
	sb->s_op = fs->super ? &fgtestfs_super_operations_super :
		   fs->anyone ? &fgtestfs_super_operations_anyone : &fgtestfs_super_operations;
	sb->s_time_gran = 1;
	/* by this name a lease tells its holds apart */
	snprintf(sb->s_id, sizeof(sb->s_id), "%s", fc->source);

	sb->s_root = d_make_root(fgtestfs_inode(sb, NULL, S_IFDIR | 0755));
	if (!sb->s_root)
		return -ENOMEM;
	err = fgtestfs_debugfs(fs, fc->source);
	if (err == -EEXIST)
		errorf(fc, "fgtestfs: %s is mounted already", fc->source);
	return err;
}

static void fgtestfs_kill_sb(struct super_block *sb)
{
	struct fgtestfs *fs = sb->s_fs_info;

	if (fs) {
		/* whoever could release the sync of the umount loses the means to do so now */
		fs->dying = true;
		/* waits for those inside one of the files; none reaches sb by them afterwards */
		debugfs_remove_recursive(fs->dir);
	}
	compat_kill_super(sb);
	kfree(fs);
}

enum { OPT_FREEZE = OP_FREEZE, OPT_THAW = OP_THAW, OPT_SYNC = OP_SYNC, OPT_SUPER, OPT_ANYONE };

static const struct fs_parameter_spec fgtestfs_parameters[] = {
	fsparam_string("freeze", OPT_FREEZE),
	fsparam_string("thaw", OPT_THAW),
	fsparam_string("sync_fs", OPT_SYNC),
	fsparam_flag("super", OPT_SUPER),
	fsparam_flag("anyone", OPT_ANYONE),
	{}
};

static int fgtestfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct fgtestfs_options *options = fc->fs_private;
	struct fs_parse_result result;
	int opt = fs_parse(fc, fgtestfs_parameters, param, &result);

	if (opt < 0)
		return opt;
	if (opt == OPT_SUPER)
		options->super = true;
	else if (opt == OPT_ANYONE)
		options->anyone = true;
	else if (inject_parse(param->string, &options->ops[opt]))
		return invalf(fc, "fgtestfs: %s is ok, fail:ERRNO[:TIMES], sleep:MS or hang",
			      param->key);
	return 0;
}

static int fgtestfs_get_tree(struct fs_context *fc)
{
	return get_tree_nodev(fc, fgtestfs_fill_super);
}

static void fgtestfs_free_fc(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations fgtestfs_context_operations = {
	.free		= fgtestfs_free_fc,
	.parse_param	= fgtestfs_parse_param,
	.get_tree	= fgtestfs_get_tree,
};

static int fgtestfs_init_fs_context(struct fs_context *fc)
{
	fc->fs_private = kzalloc(sizeof(struct fgtestfs_options), GFP_KERNEL);
	if (!fc->fs_private)
		return -ENOMEM;
	fc->ops = &fgtestfs_context_operations;
	return 0;
}

static struct file_system_type fgtestfs_type = {
	.owner			= THIS_MODULE,
	.name			= "fgtestfs",
	.init_fs_context	= fgtestfs_init_fs_context,
	.parameters		= fgtestfs_parameters,
	.kill_sb		= fgtestfs_kill_sb,
	.fs_flags		= FS_USERNS_MOUNT,
};
MODULE_ALIAS_FS("fgtestfs");

static int __init fgtestfs_init(void)
{
	int err;

	debugfs_root = debugfs_create_dir("fgtestfs", NULL);
	if (IS_ERR(debugfs_root))
		return PTR_ERR(debugfs_root);
	err = register_filesystem(&fgtestfs_type);
	if (err)
		debugfs_remove_recursive(debugfs_root);
	return err;
}

static void __exit fgtestfs_exit(void)
{
	unregister_filesystem(&fgtestfs_type);
	debugfs_remove_recursive(debugfs_root);
}

module_init(fgtestfs_init);
module_exit(fgtestfs_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A filesystem for tests, whose freeze and thaw misbehave as told");
