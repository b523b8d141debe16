// SPDX-License-Identifier: GPL-2.0-only
/*
 * writeback: dirty data go to the device before their writers are stopped.
 *
 * A sync of the whole at once would stop writers too: ext4's commits its journal, which waits behind
 * all the data that were given to the device before, and writers wait for the journal. So the data are
 * given to the device a piece at a time, without a commit and never so many that what somebody else
 * wants of the device waits for long; and when little is left the filesystem is synced.
 */
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/xarray.h>

#include "writeback.h"

/* What is on its way to the device at a time. */
#define FG_WRITEBACK_PIECE	(SZ_4M >> PAGE_SHIFT)
/* Over all files; each time there is left what was written to meanwhile. */
#define FG_WRITEBACK_PASSES	3

/**
 * struct fg_writeback - one that is under way
 * @stop: is it to end?
 * @data: for @stop
 * @pieces: how many were written in this pass
 */
struct fg_writeback {
	bool (*stop)(void *data);
	void *data;
	unsigned int pieces;
};

/* As long as the file was when this began: one that grows has an end, too. */
static void fg_writeback_file(struct fg_writeback *writeback, struct inode *inode)
{
	struct address_space *mapping = inode->i_mapping;
	unsigned long last = (unsigned long)(i_size_read(inode) >> PAGE_SHIFT);
	unsigned long index = 0;

	while (!writeback->stop(writeback->data) &&
	       xa_find(&mapping->i_pages, &index, last, PAGECACHE_TAG_DIRTY)) {
		loff_t from = (loff_t)index << PAGE_SHIFT;
		loff_t to = from + ((loff_t)FG_WRITEBACK_PIECE << PAGE_SHIFT) - 1;

		/* An error is for those to hear who wrote it. */
		filemap_fdatawrite_range(mapping, from, to);
		filemap_fdatawait_range_keep_errors(mapping, from, to);
		writeback->pieces++;
		index += FG_WRITEBACK_PIECE;
		if (index > last)
			break;
		cond_resched();
	}
}

/* The inode at hand is kept while the list's lock is not: so it stays in the list. */
static void fg_writeback_pass(struct fg_writeback *writeback, struct super_block *sb)
{
	struct inode *inode, *kept = NULL;
	bool dirty;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		dirty = S_ISREG(inode->i_mode) && mapping_tagged(inode->i_mapping,
								 PAGECACHE_TAG_DIRTY);
		if ((!dirty && !need_resched()) || !igrab(inode))
			continue;
		spin_unlock(&sb->s_inode_list_lock);
		iput(kept);
		kept = inode;
		if (writeback->stop(writeback->data))
			goto out;
		if (dirty)
			fg_writeback_file(writeback, inode);
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
out:
	iput(kept);
}

/**
 * fg_writeback() - write a superblock's dirty data, and sync it
 * @sb: the superblock; the caller keeps it mounted
 * @stop: asked before each piece whether to leave it at that
 * @data: for @stop
 *
 * Context: sleeps, uninterruptibly and for as long as the device takes for a piece, and for what is
 * left to the sync; no locks.
 */
void fg_writeback(struct super_block *sb, bool (*stop)(void *data), void *data)
{
	struct fg_writeback writeback = { .stop = stop, .data = data };
	unsigned int pass;

	for (pass = 0; pass < FG_WRITEBACK_PASSES; pass++) {
		if (sb_rdonly(sb))
			return;
		writeback.pieces = 0;
		fg_writeback_pass(&writeback, sb);
		if (stop(data))
			return;
		if (writeback.pieces <= 1)
			break;
	}
	down_read(&sb->s_umount);
	if (!sb_rdonly(sb))
		sync_filesystem(sb);
	up_read(&sb->s_umount);
}
