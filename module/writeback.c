// SPDX-License-Identifier: GPL-2.0-only
/*
 * writeback: dirty data go to the device before their writers are stopped.
 *
 * A sync of the whole at once would stop writers too: ext4's commits its journal, which waits behind
 * all the data that were given to the device before, and writers wait for the journal. So the data are
 * given to the device a range at a time, without a commit and never so many that what somebody else
 * wants of the device waits for long; and when little is left the filesystem is synced.
 */
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>

#include "writeback.h"

/* How much of a file is given to the device at once. */
#define FG_WRITEBACK_RANGE_SIZE	SZ_4M
/*
 * How many ranges may be on their way: of a large file one is work for a while, of small ones or of
 * scattered pages many are not. More of them while they take less than this, fewer when more.
 */
#define FG_WRITEBACK_RANGES	16
#define FG_WRITEBACK_SLOW_NS	(20 * NSEC_PER_MSEC)
/* What takes no longer than this is little. */
#define FG_WRITEBACK_LITTLE_NS	(500 * NSEC_PER_MSEC)
/* Inodes to look at before others may have the list. */
#define FG_WRITEBACK_SCAN	1024

/**
 * struct fg_writeback_range - what was given to the device
 * @inode: of which file, with a reference
 * @from: its first byte
 * @to: its last byte
 * @begin_ns: when
 */
struct fg_writeback_range {
	struct inode *inode;
	loff_t from;
	loff_t to;
	u64 begin_ns;
};

/**
 * struct fg_writeback - one that is under way
 * @stop: is it to end?
 * @data: for @stop
 * @ranges: those on their way, a ring
 * @first: the oldest of them
 * @n: how many
 * @most: how many there may be
 * @took_ns: how long this pass was at work, the search for what is dirty not included
 */
struct fg_writeback {
	bool (*stop)(void *data);
	void *data;
	struct fg_writeback_range ranges[FG_WRITEBACK_RANGES];
	unsigned int first;
	unsigned int n;
	unsigned int most;
	u64 took_ns;
};

static void fg_writeback_await_oldest(struct fg_writeback *writeback)
{
	struct fg_writeback_range *range = &writeback->ranges[writeback->first];
	u64 begin_ns = ktime_get_boottime_ns(), now_ns;

	/* An error is for those to hear who wrote it. */
	filemap_fdatawait_range_keep_errors(range->inode->i_mapping, range->from, range->to);
	now_ns = ktime_get_boottime_ns();
	writeback->took_ns += now_ns - begin_ns;
	iput(range->inode);
	writeback->first = (writeback->first + 1) % FG_WRITEBACK_RANGES;
	writeback->n--;
	if (now_ns - range->begin_ns > FG_WRITEBACK_SLOW_NS)
		writeback->most = max(writeback->most / 2, 1U);
	else
		writeback->most = min_t(unsigned int, writeback->most * 2, FG_WRITEBACK_RANGES);
}

static void fg_writeback_await(struct fg_writeback *writeback, unsigned int most)
{
	while (writeback->n > most)
		fg_writeback_await_oldest(writeback);
}

static loff_t fg_writeback_range_end(loff_t from)
{
	return min_t(u64, (u64)from + FG_WRITEBACK_RANGE_SIZE - 1, LLONG_MAX);
}

/* Give a range to the device; waits for others if there are too many on their way. */
static void fg_writeback_range(struct fg_writeback *writeback, struct inode *inode, loff_t from)
{
	struct fg_writeback_range *range;

	fg_writeback_await(writeback, writeback->most - 1);
	range = &writeback->ranges[(writeback->first + writeback->n++) % FG_WRITEBACK_RANGES];
	ihold(inode);
	range->inode = inode;
	range->from = from;
	range->to = fg_writeback_range_end(from);
	range->begin_ns = ktime_get_boottime_ns();
	filemap_fdatawrite_range(inode->i_mapping, range->from, range->to);
	writeback->took_ns += ktime_get_boottime_ns() - range->begin_ns;
}

/* Wait for what somebody else, as the flusher, has given to the device: a sync would, and not stop. */
static void fg_writeback_await_range(struct fg_writeback *writeback, struct inode *inode, loff_t from)
{
	u64 begin_ns = ktime_get_boottime_ns();

	filemap_fdatawait_range_keep_errors(inode->i_mapping, from, fg_writeback_range_end(from));
	writeback->took_ns += ktime_get_boottime_ns() - begin_ns;
}

/* Each range with tagged pages; as long as the file was when this began: one that grows has an end, too. */
static void fg_writeback_file(struct fg_writeback *writeback, struct inode *inode, xa_mark_t tag,
			      void (*each)(struct fg_writeback *writeback, struct inode *inode,
					   loff_t from))
{
	const unsigned long pages = FG_WRITEBACK_RANGE_SIZE >> PAGE_SHIFT;
	unsigned long last = (unsigned long)(i_size_read(inode) >> PAGE_SHIFT);
	unsigned long from = 0, index;

	while (!writeback->stop(writeback->data)) {
		index = from;
		if (!xa_find(&inode->i_mapping->i_pages, &index, last, tag))
			break;
		/* of a large folio the first page is found */
		from = max(index, from);
		each(writeback, inode, (loff_t)from << PAGE_SHIFT);
		if (last - from < pages)
			break;
		from += pages;
		cond_resched();
	}
}

/*
 * The inode at hand is kept while the list's lock is not: so it stays in the list. One that is new yet
 * has somebody else's reference, too, for as long as it is.
 */
static void fg_writeback_pass(struct fg_writeback *writeback, struct super_block *sb)
{
	struct inode *inode, *kept = NULL;
	unsigned int scanned = 0;
	bool dirty;

	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		dirty = S_ISREG(inode->i_mode) &&
			(mapping_tagged(inode->i_mapping, PAGECACHE_TAG_DIRTY) ||
			 mapping_tagged(inode->i_mapping, PAGECACHE_TAG_WRITEBACK));
		if (!dirty && ++scanned < FG_WRITEBACK_SCAN)
			continue;
		if (!igrab(inode))
			continue;
		scanned = 0;
		spin_unlock(&sb->s_inode_list_lock);
		iput(kept);
		kept = inode;
		if (writeback->stop(writeback->data))
			goto out;
		if (dirty) {
			fg_writeback_file(writeback, inode, PAGECACHE_TAG_DIRTY,
					  fg_writeback_range);
			fg_writeback_file(writeback, inode, PAGECACHE_TAG_WRITEBACK,
					  fg_writeback_await_range);
		}
		cond_resched();
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
out:
	iput(kept);
	fg_writeback_await(writeback, 0);
}

/* True if little is left to the sync; false if much is, or if stopped. */
static bool fg_writeback_passes(struct fg_writeback *writeback, struct super_block *sb)
{
	u64 before_ns;

	writeback->took_ns = U64_MAX;
	do {
		before_ns = writeback->took_ns;
		writeback->took_ns = 0;
		fg_writeback_pass(writeback, sb);
		if (writeback->stop(writeback->data))
			return false;
		/* Each leaves what was written to meanwhile: not always less than before. */
	} while (writeback->took_ns > FG_WRITEBACK_LITTLE_NS &&
		 writeback->took_ns < before_ns / 4 * 3);
	return writeback->took_ns <= FG_WRITEBACK_LITTLE_NS;
}

/**
 * fg_writeback() - write a superblock's dirty data, and sync it when little is left
 * @sb: the superblock; the caller keeps it mounted
 * @stop: asked before each range whether to leave it at that
 * @data: for @stop
 *
 * Context: sleeps, uninterruptibly and for as long as the device takes for what is on its way, or for
 * the little that is left to the sync; if somebody else freezes the superblock, perhaps until the
 * thaw. No locks.
 * Return: 0; what the sync failed with. Some errors are told but once: the freeze would not see them.
 */
int fg_writeback(struct super_block *sb, bool (*stop)(void *data), void *data)
{
	struct fg_writeback writeback = { .stop = stop, .data = data, .most = 1 };
	int err = 0;

	if (sb_rdonly(sb) || !fg_writeback_passes(&writeback, sb))
		return 0;
	down_read(&sb->s_umount);
	if (!sb_rdonly(sb))
		err = sync_filesystem(sb);
	up_read(&sb->s_umount);
	return err;
}
