# SPDX-License-Identifier: GPL-2.0-only
# A filesystem that may turn read-only while it is frozen: an ext4 with errors=remount-ro that cannot read a
# block. The kernel's thaw does not wake the writers of a read-only filesystem. Newer kernels, among them 6.1's
# stable ones, keep such an error apart from read-only; the thaw reports what happened.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 5

make_loop disk 64M
make_dms "torn,,103,rw,0 131072 linear $device 0"
make_fs_on /dev/dm-103 ext4 torn
torn=${mounted[torn]}
# after this nothing of it is in memory
mkdir "$torn"/{1..8} && umount "$torn" && mount -o errors=remount-ro /dev/dm-103 "$torn" || exit 99

is_read_only() {
	local options
	options=$(findmnt -no FS-OPTIONS "$torn") || return
	echo "$options"
	[[ ,$options, = *,ro,* ]]
}
has_returned() {
	! [ -d "/proc/$writer" ]
}

expect 0 "freeze" freezectl freeze --id torn --timeout 120s "$torn"
write_once "$torn"
that "its writer waits" within 10000 blocked "$writer"
dmsetup load torn --table "0 131072 error" && dmsetup resume --nolockfs torn || exit 99
expect 1 "nothing can be read any more" stat "$torn"/{1..8}
read_only=false
if is_read_only; then read_only=true; fi
freezectl thaw --id torn --json >"$scratch/thaw" 2>&1
told() {
	cat "$scratch/thaw"
	[ "$(grep -c "\"turned_read_only\": $read_only" "$scratch/thaw")" = 1 ]
}
that "the thaw tells whether it has turned read-only: $read_only" told
that "its writer has returned" within 10000 has_returned
