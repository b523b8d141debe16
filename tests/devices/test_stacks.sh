# SPDX-License-Identifier: GPL-2.0-only
# Three filesystems, each in a file of the next, in one lease, named in both orders, with writers on each.
# In the wrong order the last writes of the upper one would wait for the lower one for ever.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 40

# make_over NAME SIZE BELOW: as make_loop, in a file on the filesystem BELOW
make_over() {
	truncate -s "$2" "${mounted[$3]}/$1.img" && device=$(losetup --find --show "${mounted[$3]}/$1.img") || exit 99
	loops=("$device" "${loops[@]}")
}

write_all_the_time() { # write_all_the_time NAME...: writers that mark each write
	local name
	for name in "$@"; do
		while :; do
			echo "$RANDOM" >>"${mounted[$name]}/file" || break
			echo >>"$scratch/writes.$name"
		done &
		writers+=($!)
	done
}
go_on() { # go_on NAME: its writer writes
	local before now
	before=$(stat -c %s "$scratch/writes.$1")
	for _ in {1..200}; do
		sleep 0.05
		now=$(stat -c %s "$scratch/writes.$1")
		[ "$now" -eq "$before" ] || return 0
	done
	return 1
}

three() { # three NAME BOTTOM MIDDLE TOP
	local name=$1 order path levels
	local -A paths=([$2]=${mounted[$2]} [$3]=${mounted[$3]} [$4]=${mounted[$4]})
	write_all_the_time "$2" "$3" "$4"
	for order in "$2 $3 $4" "$4 $3 $2"; do
		path=()
		for each in $order; do path+=("${paths[$each]}"); done
		expect 0 "$name: freeze, named $order" freezectl freeze --id "$name" --timeout 60s "${path[@]}"
		that "$name: all three are frozen" frozen "${path[@]}"
		expect 0 "$name: status" freezectl status --json --id "$name"
		levels='[f["level"] for p in ("'${paths[$4]}'", "'${paths[$3]}'", "'${paths[$2]}'")
			for f in d["leases"][0]["filesystems"] if f["path"] == p]'
		that "$name: the top froze first, the bottom last" json "$levels == [0, 1, 2]"
		expect 0 "$name: thaw" freezectl thaw --id "$name"
		that "$name: all three are thawed" unfrozen "${path[@]}"
		for each in $order; do
			that "$name: the writer on $each goes on" go_on "$each"
		done
	done
	expect 0 "$name: freeze until the deadline" freezectl freeze --id "$name" --timeout 60s "${path[@]}"
	freezectl extend --id "$name" 100ms >/dev/null
	that "$name: which thaws all three" within 3000 unfrozen "${path[@]}"
	kill "${writers[@]}"
	wait "${writers[@]}" 2>/dev/null
	writers=()
}

make_loop low 96M && make_fs_on "$device" ext4 low
make_over mid 64M low && make_fs_on "$device" ext4 mid
make_over high 32M mid && make_fs_on "$device" ext4 high
three loops low mid high
umount "${mounted[high]}" && losetup -d "${loops[0]}" && umount "${mounted[mid]}" && losetup -d "${loops[1]}" || exit 99
umount "${mounted[low]}" && losetup -d "${loops[2]}" || exit 99
mounted=() loops=()

# The same over device-mapper and md: XFS on a linear device, with a btrfs on a mirror in a file on it,
# with an ext4 on a linear device in a file on that.
modprobe -a raid1 dm-mod || exit 99
make_loop xfs 320M && make_dms "bottom,,130,rw,0 655360 linear $device 0" && make_fs_on /dev/dm-130 xfs xfs
make_over btrfs 128M xfs
MDADM_NO_UDEV=1 mdadm --create /dev/md0 --quiet --run --assume-clean --metadata=1.0 --level=1 --raid-devices=2 "$device" missing || exit 99
make_fs_on /dev/md0 btrfs btrfs
make_over ext4 32M btrfs && make_dms "top,,131,rw,0 65536 linear $device 0" && make_fs_on /dev/dm-131 ext4 ext4
three mixed xfs btrfs ext4
umount "${mounted[ext4]}" && dmsetup remove top && losetup -d "${loops[0]}" || exit 99
umount "${mounted[btrfs]}" && mdadm --quiet --stop /dev/md0 && losetup -d "${loops[1]}" || exit 99
unset "mounted[ext4]" "mounted[btrfs]"
loops=("${loops[2]}") dms=(bottom)
