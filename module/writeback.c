// SPDX-License-Identifier: GPL-2.0-only
/*
 * writeback: dirty data go to the device before their writers are stopped.
 *
 * A sync of the whole at once would stop writers too: ext4's commits its journal, which waits for all
 * data that were allocated before it, and writers wait for the journal. So what is dirty is given to
 * the device without a commit, then what is on its way is waited for, and only then, with little left,
 * the filesystem is synced.
 */
#include <linux/backing-dev.h>
#include <linux/delay.h>
#include <linux/writeback.h>

#include "writeback.h"

/* So many pages in a round; of one file all of them, if they are more. */
#define FG_WRITEBACK_ROUND	(SZ_4M >> PAGE_SHIFT)
/* What is left to the sync and to the freeze. */
#define FG_WRITEBACK_FEW	(SZ_2M >> PAGE_SHIFT)
/* Rounds after which it has not become less: writers are as fast as the device, or it is a neighbour's. */
#define FG_WRITEBACK_ROUNDS	16
#define FG_WRITEBACK_PAUSE_MS	5

/* Of the device that the superblock is on, and of all cgroups. */
static unsigned long fg_writeback_pages(struct super_block *sb, enum wb_stat_item item)
{
	struct bdi_writeback *wb;
	unsigned long pages = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(wb, &sb->s_bdi->wb_list, bdi_node)
		pages += wb_stat(wb, item);
	rcu_read_unlock();
	return pages;
}

/**
 * fg_writeback_round() - write some of a superblock's dirty data, or at last sync it
 * @sb: the superblock; the caller keeps it mounted
 * @progress: of the rounds before
 *
 * Context: sleeps, uninterruptibly and for as long as the device takes; no locks.
 * Return: whether another round is worth its time.
 */
bool fg_writeback_round(struct super_block *sb, struct fg_writeback *progress)
{
	unsigned long dirty = fg_writeback_pages(sb, WB_RECLAIMABLE);
	unsigned long left = dirty + fg_writeback_pages(sb, WB_WRITEBACK);
	bool enough;

	if (!progress->least || left < progress->least - 1) {
		progress->least = left + 1;
		progress->rounds = 0;
	}
	enough = left <= FG_WRITEBACK_FEW || progress->rounds++ >= FG_WRITEBACK_ROUNDS;
	if (!enough && dirty <= FG_WRITEBACK_FEW) {
		msleep(FG_WRITEBACK_PAUSE_MS);
		return true;
	}
	down_read(&sb->s_umount);
	if (sb_rdonly(sb))
		enough = true;
	else if (enough)
		sync_filesystem(sb);
	else
		writeback_inodes_sb_nr(sb, FG_WRITEBACK_ROUND, WB_REASON_SYNC);
	up_read(&sb->s_umount);
	return !enough;
}
