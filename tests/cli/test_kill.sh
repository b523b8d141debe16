# SPDX-License-Identifier: GPL-2.0-only
# freezectl is killed in every phase of a freeze: the kernel thaws at once, before the deadline.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 7

modprobe dm_delay || exit 99
make_fs ext4
# A device whose writes take a while: the sync of a freeze is long enough to be hit.
truncate -s 64M "$scratch/slow.img"
slow=$(losetup --find --show "$scratch/slow.img")
loops+=("$slow")
dmsetup create slow --table "0 131072 delay $slow 0 0 $slow 0 25" || exit 99
slow=/dev/$(dmsetup info -c --noheadings -o blkdevname slow)	# no udev here, no /dev/mapper
mkfs.ext4 -q "$slow" && mkdir "$scratch/slow" && mount "$slow" "$scratch/slow" || exit 99

killed() {
	local phase=$1 path=$2 text
	shift 2
	text=$("$helpers/kill_phases" 15 "$path" "$phase" "$@")
	local code=$?
	printf '%s\n' "$text" | grep '^#'
	text=$(printf '%s\n' "$text" | grep -v '^#')
	if [ $code -eq 0 ]; then pass "$text"; else fail "$text"; fi
}

# With short grace periods that phase is over before it can be seen.
modprobe freezeguard || exit 99
expedite=/sys/module/freezeguard/parameters/expedite
echo N >$expedite
killed writers "${mounted[ext4]}" freezectl freeze --timeout 10s "${mounted[ext4]}"
echo Y >$expedite
killed sync "$scratch/slow" freezectl freeze --timeout 10s "$scratch/slow"
killed frozen "${mounted[ext4]}" freezectl freeze --timeout 10s "${mounted[ext4]}"
killed running "${mounted[ext4]}" freezectl run --timeout 10s "${mounted[ext4]}" -- sleep 5

# Detached, nobody is left: the deadline it is.
expect 0 "freeze" freezectl freeze --id left --timeout 1s "${mounted[ext4]}"
that "frozen until the deadline" frozen "${mounted[ext4]}"
that "and thawed within a second of it" within 2000 unfrozen "${mounted[ext4]}"

umount "$scratch/slow"
dmsetup remove slow
