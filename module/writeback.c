// SPDX-License-Identifier: GPL-2.0-only
/*
 * writeback: writes dirty data to the device before their writers are stopped.
 *
 * A sync of the whole filesystem would stop writers too: ext4's sync commits the journal. The
 * commit waits behind all data that were sent to the device before, and writers wait for the
 * journal. So this sends a range at a time, without a commit, and never so much that other I/O of
 * the device waits for long. When little is left, it syncs the filesystem.
 */
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>

#include "writeback.h"

/* How much of a file is sent to the device at once. */
#define FG_WRITEBACK_RANGE_SIZE	SZ_4M
/*
 * How many ranges may be in flight at most. One range of a large file occupies the device for a
 * while; many ranges of small files or scattered pages do not. So the number rises while a range
 * takes less than FG_WRITEBACK_SLOW_NS, and falls when one takes more.
 */
#define FG_WRITEBACK_RANGES	16
#define FG_WRITEBACK_SLOW_NS	(20 * NSEC_PER_MSEC)
/* A pass that takes no longer than this has left little to write. */
#define FG_WRITEBACK_LITTLE_NS	(500 * NSEC_PER_MSEC)
/* Number of clean inodes after which the lock of the list is released for a moment. */
#define FG_WRITEBACK_SCAN	1024

/**
 * struct fg_writeback_range - a range that was sent to the device
 * @inode: the file, with a reference
 * @from: first byte of the range
 * @to: last byte of the range
 * @begin_ns: CLOCK_BOOTTIME when the range was sent
 */
struct fg_writeback_range {
	struct inode *inode;
	loff_t from;
	loff_t to;
	u64 begin_ns;
};

/**
 * struct fg_writeback - a write-back in progress
 * @stop: returns true if the write-back is to end
 * @data: argument of @stop
 * @ranges: the ranges in flight, a ring
 * @first: index of the oldest one
 * @n: number of ranges in flight
 * @most: how many may be in flight
 * @took_ns: how long this pass has been sending and waiting, without its search for dirty inodes
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

	/* An error is kept for the process that wrote the data. */
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

/* Send a range to the device; waits first if too many are in flight. */
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

/*
 * Wait for a range that the flusher or another process has sent. The sync would wait too, but not
 * stop.
 */
static void fg_writeback_await_range(struct fg_writeback *writeback, struct inode *inode,
				     loff_t from)
{
	u64 begin_ns = ktime_get_boottime_ns();

	filemap_fdatawait_range_keep_errors(inode->i_mapping, from, fg_writeback_range_end(from));
	writeback->took_ns += ktime_get_boottime_ns() - begin_ns;
}

/*
 * Call @each for each range that has tagged pages, up to the size that the file has now. So this
 * ends even if the file grows.
 */
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
		/* the search finds the first page of a large folio, which may be before from */
		from = max(index, from);
		each(writeback, inode, (loff_t)from << PAGE_SHIFT);
		if (last - from < pages)
			break;
		from += pages;
		cond_resched();
	}
}

/*
 * Whenever the list's lock is released, the current inode has a reference and so stays in the
 * list. A new inode has the reference of its creator as well.
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

/* True if little is left for the sync; false if much is left, or if stopped. */
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
		/* Each pass leaves what was written meanwhile, which may be as much as before. */
	} while (writeback->took_ns > FG_WRITEBACK_LITTLE_NS &&
		 writeback->took_ns < before_ns / 4 * 3);
	return writeback->took_ns <= FG_WRITEBACK_LITTLE_NS;
}

/**
 * fg_writeback() - write back a superblock's dirty data, and sync it when little is left
 * @sb: the superblock; the caller keeps it mounted
 * @stop: called before each range; the write-back ends when it returns true
 * @data: argument of @stop
 *
 * Context: sleeps, uninterruptibly. The device may take long for the ranges in flight or for the
 * sync. If another process freezes the superblock, this may sleep until the thaw. No locks held.
 * Return: 0; the error of the sync. A filesystem reports some errors only once, so the freeze
 * would not return them again.
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
