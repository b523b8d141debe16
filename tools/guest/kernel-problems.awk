# SPDX-License-Identifier: GPL-2.0-only
# Prints each complaint of the kernel in a log, up to the complaint's end, and exits with 1 if there is
# one. -v allow=REGEX: lines that are expected and don't count.

BEGIN {
	# Call Trace alone is none: SysRq-w and SysRq-l print it on request.
	problem = "BUG:|WARNING:|Oops|general protection|Kernel panic|kernel BUG at" \
		"|[Uu]nable to handle|possible circular locking|possible irq lock" \
		"|recursive locking|suspicious RCU|inconsistent lock state|lock order" \
		"|INFO: task .* blocked for more than|soft lockup|[Hh]ard LOCKUP" \
		"|rcu.*detected.*stall|rcu.*kthread starved|kfree_rcu.*stall" \
		"|KASAN:|KFENCE:|KMSAN:|UBSAN:|KCSAN:|unreferenced object" \
		"|scheduling while atomic|sleeping function called from invalid context" \
		"|bad unlock balance|held lock freed|still held when returning|lock held when" \
		"|Invalid wait context|invalid opcode|double fault|list_(add|del) corruption" \
		"|refcount_t:|ODEBUG:|Bad page (state|map)|Bad rss-counter|Objects remaining in" \
		"|stack-protector|detected stack overflow|nobody cared|Slab corruption" \
		"|[Pp]ossible unsafe locking|lockdep: .*(limit|too low)|turning off the locking" \
		"|[Mm]emory leak detector disabled|BUG: workqueue lockup|VFS: Busy inodes"
	# Only these end a complaint before its 60 lines are over.
	finish = "---\\[ end |</TASK>"
}

{
	line = $0
	sub(/^\[ *[0-9]+\.[0-9]+\](\[ *[TC][0-9]+\])? ?/, "", line)
	if (line ~ finish) {
		if (left > 0 && shown++ < 400)
			print
		left = 0
		next
	}
	if (line ~ problem && (allow == "" || line !~ allow)) {
		count++
		left = 60
	}
	if (left > 0 && shown++ < 400)
		print
	left--
}

END { exit count > 0 }
