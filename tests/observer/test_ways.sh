# SPDX-License-Identifier: GPL-2.0-only
# Every way in which a filesystem is frozen, thawed or shut down: the maps agree with the kernel.
# shellcheck disable=SC2016,SC2154 # the commands of other shells; variables of the library
# shellcheck source=tests/observer/lib.sh
. ./lib.sh
plan 79

expedite
make_fs ext4
fs=${mounted[ext4]} fs_device=$(device_of "${mounted[ext4]}")
make_loop below 16M && below=$device
make_dms "dm,,140,rw,0 32768 linear $below 0" && make_fs_on /dev/dm-140 ext4 dm
dm=${mounted[dm]} dm_device=$(device_of "${mounted[dm]}")
make_testfs told
told=${mounted[told]} told_device=$(device_of "${mounted[told]}")
holders=$([ "$(uname -r | cut -d. -f1,2 | tr . ' ' | awk '{ print $1 * 100 + $2 }')" -ge 606 ] && echo yes)

# as_process COMMAND...: as a process of its own, whose number is $process
as_process() {
	"$@" &
	process=$!
	wait $process
}
# in_truth NAME PATH DEVICE: the map has it, if and only if the kernel says that it is frozen
in_truth() {
	if frozen "$2" >/dev/null; then
		that "$1" maps_say "frozen['$3']['state'] == 'FW_STATE_FROZEN'"
	else
		that "$1" maps_say "'$3' not in frozen"
	fi
}
last="filesystems['$fs_device']['last']"

# ---- without the module ----

rmmod freezeguard 2>/dev/null
that "the module is not loaded" test ! -e /sys/module/freezeguard
expect 0 "load" freezectl observer load
that "it still isn't" test ! -e /sys/module/freezeguard
fsfreeze -f "$fs"
that "a freeze is seen" maps_say "frozen['$fs_device']['by']['comm'] == 'fsfreeze' and frozen['$fs_device']['lease']['number'] == 0"
fsfreeze -u "$fs"
that "... and its thaw" maps_say "frozen == {} and totals['thaws'] == 1"

# ---- leases ----

# lease_is_seen ID
lease_is_seen() {
	freezectl freeze --id "$1" --timeout 60s "$fs" >/dev/null
	maps_say "[(e['origin'], e['lease']['id'], e['lease']['maker_comm'], e['by']['comm'], e['lease']['number'] > 0)
		for e in [frozen['$fs_device']]] == [('FW_ORIGIN_LEASE', '$1', 'freezectl', 'fguard/$fs_device', True)]
		and 0 < frozen['$fs_device']['lease']['deadline_ns'] - frozen['$fs_device']['since_ns'] <= 60e9
		and note('lease', frozen['$fs_device']['lease'])"
}
modprobe freezeguard || exit 99
that "a lease is seen, with its number, id, maker and deadline" lease_is_seen first
freezectl extend --id first 90s >/dev/null
that "extended: with its new deadline" maps_say \
	"frozen['$fs_device']['lease']['deadline_ns'] > noted['lease']['deadline_ns'] + 20 * 10**9"
freezectl extend --id first 200ms >/dev/null
that "expired: it is gone" within 10000 maps_say "frozen == {} and ${last}['lease'] == noted['lease']['number']"
that "... thawed for the lease, by its deadline" maps_say "${last}['thaw_origin'] == 'FW_ORIGIN_LEASE' and
	[(e['type'], e['lease']) for e in events[-2:]] ==
	[(t, noted['lease']['number']) for t in ('FW_EVENT_FROZEN', 'FW_EVENT_THAWED')]"
expect 0 "the module unloads, with the observer loaded" rmmod freezeguard
modprobe freezeguard || exit 99
that "loaded again: a lease is seen" lease_is_seen second
freezectl thaw --id second >/dev/null
that "... and its end" maps_say "frozen == {}"

# ---- SysRq-j ----

fsfreeze -f "$fs"
as_process sh -c 'exec 3>/proc/sysrq-trigger && echo j >&3'
that "SysRq-j: it is gone" within 10000 maps_say "frozen == {} and totals['emergency_thaws'] == 1"
that "... and it is known who asked for it" maps_say "[(l['thaw_origin'], l['thawed_by']['pid'], l['thawed_by']['comm'])
	for l in [$last]] == [('FW_ORIGIN_SYSRQ', $process, 'sh')]"
that "... and told, before its thaws" maps_say "[(e['type'], e['by']['pid']) for e in events[-2:]] ==
	[('FW_EVENT_EMERGENCY_THAW', $process), ('FW_EVENT_THAWED', $process)]"
that "... nor are those counted which were not frozen" maps_say "totals['thaws_refused'] == 0"
freezectl freeze --id sysrq --timeout 60s "$fs" >/dev/null
echo j >/proc/sysrq-trigger
within 10000 maps_say "totals['emergency_thaws'] == 2"
sleep 0.5
in_truth "SysRq-j in a lease: the map agrees with the kernel" "$fs" "$fs_device"
freezectl thaw --id sysrq >/dev/null 2>&1
that "... which ends" maps_say "frozen == {}"

# ---- device-mapper ----

as_process dmsetup suspend dm
that "dmsetup suspend: through the block device" maps_say "[(e['origin'], e['by']['comm'], e['by']['pid'], e['state'])
	for e in [frozen['$dm_device']]] == [('FW_ORIGIN_DEVICE', 'dmsetup', $process, 'FW_STATE_FROZEN')]"
as_process dmsetup resume dm
that "dmsetup resume: it is gone" maps_say "frozen == {}"
that "... and it is known who did it" maps_say "[(l['thaw_origin'], l['thawed_by']['pid'])
	for l in [filesystems['$dm_device']['last']]] == [('FW_ORIGIN_DEVICE', $process)]"
fsfreeze -f "$dm"
dmsetup suspend dm 2>/dev/null
dmsetup resume dm 2>/dev/null
in_truth "both inside a freeze: the map agrees with the kernel" "$dm" "$dm_device"
fsfreeze -u "$dm"
in_truth "... and after its end" "$dm" "$dm_device"

# ---- several holders ----

that "counting begins" maps_say "keep()"
freezectl freeze --id holders --timeout 60s "$fs" >/dev/null
as_process fsfreeze -f "$fs" 2>/dev/null
if [ -n "$holders" ]; then
	that "a freeze on top of a lease is told as such" maps_say "events[-1]['type'] == 'FW_EVENT_FROZEN_AGAIN' and
		[(e['origin'], e['nested'], e['nested_origin'], e['nested_by']['pid']) for e in [frozen['$fs_device']]] ==
		[('FW_ORIGIN_LEASE', 1, 'FW_ORIGIN_USER', $process)]"
	fsfreeze -u "$fs"
	that "... and its end leaves the lease" maps_say "grew('thaws_left_frozen') == 1 and grew('thaws') == 0 and
		[(e['origin'], e['nested'], e['lease']['id']) for e in [frozen['$fs_device']]] ==
		[('FW_ORIGIN_LEASE', 0, 'holders')]"
	as_process fsfreeze -f "$fs"
	freezectl thaw --id holders >/dev/null 2>&1
	that "the lease's end leaves another one's freeze" maps_say \
		"[(e['origin'], e['nested'], e['by']['pid'], e['by']['comm'], e['lease']['number'])
			for e in [frozen['$fs_device']]] == [('FW_ORIGIN_USER', 0, $process, 'fsfreeze', 0)]"
	fsfreeze -u "$fs"
else
	that "a freeze on top of a lease is refused" maps_say "grew('refused') == 1 and
		events[-1]['type'] == 'FW_EVENT_FREEZE_FAILED' and events[-1]['error'] == 16"
	that "... and leaves the lease's entry" maps_say "[(e['origin'], e['nested'], e['lease']['id'])
		for e in [frozen['$fs_device']]] == [('FW_ORIGIN_LEASE', 0, 'holders')]"
	fsfreeze -u "$fs"
	that "a thaw by anybody ends it" maps_say "frozen == {} and ${last}['thawed_by']['comm'] == 'fsfreeze'"
	freezectl thaw --id holders >/dev/null 2>&1
fi
that "nothing is left of it" maps_say "frozen == {}"

# ---- freezes and thaws that fail ----

fails() { # fails NAME ERRNO
	echo "fail:$2" >"$(control told)/freeze"
	maps_say "keep()"
	fsfreeze -f "$told" 2>/dev/null
	that "$1: a freeze that fails is none" maps_say "frozen == {} and grew('failures') == 1 and grew('refused') == 0 and grew('freezes') == 0"
	that "$1: ... it is told, and how far it came" maps_say "[(e['type'], e['error'], e['phase']) for e in events[-1:]] ==
		[('FW_EVENT_FREEZE_FAILED', $2, 'FW_PHASE_FS')]"
	echo ok >"$(control told)/freeze"
	fsfreeze -f "$told"
	echo "fail:$2:1" >"$(control told)/thaw"
	fsfreeze -u "$told" 2>/dev/null
	that "$1: a thaw that fails leaves the entry" maps_say "frozen['$told_device']['state'] == 'FW_STATE_FROZEN' and
		grew('thaws_left_frozen') == 1 and grew('thaws') == 0"
	that "$1: ... and is told" maps_say "[(e['type'], e['error']) for e in events[-1:]] == [('FW_EVENT_THAW_FAILED', $2)]"
	fsfreeze -u "$told"
	that "$1: the next one does not fail" maps_say "frozen == {} and grew('thaws') == 1"
}
fails "input/output error" 5
fails "busy" 16
fails "invalid" 22

# ---- under way ----

echo hang >"$(control told)/freeze"
fsfreeze -f "$told" &
writers+=($!)
that "a freeze under way: how far it came" within 10000 maps_say \
	"[(e['state'], e['phase'], e['by']['pid'], e['frozen_ns']) for e in [frozen['$told_device']]] ==
	[('FW_STATE_FREEZING', 'FW_PHASE_FS', $!, 0)]"
that "... in the table, too" grep -q "$told_device .*freezing" $pins/status
write_once "$told"
that "... whose writers wait already" within 10000 maps_say "[b['pid'] for b in blocked] == [$writer]"
echo ok >"$(control told)/freeze"
echo 0 >"$(control told)/release"
that "... until it is frozen" within 10000 maps_say "frozen['$told_device']['state'] == 'FW_STATE_FROZEN'"
that "... the writer is counted for it" maps_say "frozen['$told_device']['blocked'] == 1"
fsfreeze -u "$told"
that "... thawed, none waits" within 10000 maps_say "frozen == {} and blocked == [] and writers == {}"

# ---- one freeze on the heels of another ----

# Its writers go on when the next freeze, which was asked for before they blocked, has begun.
stopped_in() { grep -q "$2" "/proc/$1/stack"; }
fsfreeze -f "$told"
echo hang >"$(control told)/thaw"
fsfreeze -u "$told" &
thawing=$!
within 10000 stopped_in $thawing thaw_super
fsfreeze -f "$told" &
freezing=$!
within 10000 stopped_in $freezing freeze_super
for _ in {1..24}; do
	write_once "$told"
done
that "24 writers wait, and a freeze for their thaw" within 10000 maps_say \
	"len(blocked) == frozen['$told_device']['blocked'] == 24"
echo ok >"$(control told)/thaw"
echo 0 >"$(control told)/release"
wait $thawing $freezing
that "... who wait for the next one are counted for it, and nobody else" within 10000 maps_say \
	"[e['by']['pid'] for e in [frozen['$told_device']]] == [$freezing] and
	[l['ended'] <= l['waits'] for l in [filesystems['$told_device']['last']]] == [True] and
	frozen['$told_device']['blocked'] == len(blocked) == len(writers)"
maps_say "show((frozen['$told_device']['blocked'], len(blocked), len(writers), filesystems['$told_device']['last']))"
fsfreeze -u "$told"
that "... thawed, none waits" within 10000 maps_say "frozen == {} and blocked == [] and writers == {}"

# ---- a writer's name ----

fsfreeze -f "$told"
named=$scratch/$'\033[2J"}\n%s\302\233'
ln -s /bin/sh "$named"
"$named" -c 'echo data >"$0/named"' "$told" &
writers+=($!)
that "a writer's name is on its line, and harmless" within 10000 maps_say \
	"[(b['pid'], b['comm']) for b in blocked] == [($!, '?[2J\"}?%s??')]"
fsfreeze -u "$told"

# ---- read-only ----

mount -o remount,ro "$fs"
fsfreeze -f "$fs"
in_truth "read-only: the map agrees with the kernel" "$fs" "$fs_device"
fsfreeze -u "$fs"
that "... thawed" maps_say "frozen == {}"
mount -o remount,rw "$fs"
that "remounted, it is the same filesystem" maps_say "'$fs_device' in filesystems"

# ---- unmounting ----

for way in "" -l; do
	fsfreeze -f "$fs"
	umount ${way:+"$way"} "$fs"
	that "umount $way: it stays frozen" maps_say "frozen['$fs_device']['source'] == '${loops[0]}'"
	mount "${loops[0]}" "$fs"
	in_truth "... the map agrees with the kernel" "$fs" "$fs_device"
	fsfreeze -u "$fs"
	that "... until the thaw" maps_say "frozen == {}"
done
umount "$fs"
that "unmounted, it is forgotten" maps_say "'$fs_device' not in filesystems"
mount "${loops[0]}" "$fs"
fsfreeze -f "$fs"
umount "$fs"
echo j >/proc/sysrq-trigger
that "unmounted while frozen, thawed later: it goes, too" within 10000 maps_say "frozen == {} and '$fs_device' not in filesystems"
mount "${loops[0]}" "$fs"

# ---- another filesystem is to be mounted on its device ----

fsfreeze -f "$fs"
maps_say "keep()"
mkdir "$scratch/other"
that "a mount as another type fails" sh -c "! mount -t xfs ${loops[0]} $scratch/other"
in_truth "... and the map agrees with the kernel" "$fs" "$fs_device"
that "... nothing was unmounted, and the filesystem is still known" maps_say "'$fs_device' in filesystems and
	frozen['$fs_device']['frozen_ns'] and grew('unmounted_frozen') == 0"
fsfreeze -u "$fs"
that "... and the thaw says how long it was frozen" maps_say "frozen == {} and
	filesystems['$fs_device']['last']['thawed_ns'] > filesystems['$fs_device']['last']['frozen_ns'] > 0"

# ---- its device goes ----

fsfreeze -f "$fs"
losetup -d "${loops[0]}"
in_truth "a loop device that is let go: the map agrees with the kernel" "$fs" "$fs_device"
fsfreeze -u "$fs"
that "... and after the thaw" maps_say "frozen == {}"
umount "$fs" && unset "mounted[ext4]" "loops[0]"

modprobe -a sd_mod && modprobe scsi_debug dev_size_mb=16 || exit 99
disk=
find_disk() {
	disk=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*)
	[ -b "/dev/$disk" ]
}
within 10000 find_disk
find_disk
make_fs_on "/dev/$disk" ext4 disk
disk_device=$(device_of "${mounted[disk]}")
fsfreeze -f "${mounted[disk]}"
write_once "${mounted[disk]}"
within 10000 blocked "$writer"
echo 1 >"/sys/block/$disk/device/delete"
in_truth "a disk that is removed: the map agrees with the kernel" "${mounted[disk]}" "$disk_device"
if frozen "${mounted[disk]}" >/dev/null; then
	that "... its writer still waits" maps_say "[b['pid'] for b in blocked] == [$writer]"
else
	that "... its writer goes on" within 10000 maps_say "blocked == []"
fi
fsfreeze -u "${mounted[disk]}" 2>/dev/null
in_truth "... and after the thaw" "${mounted[disk]}" "$disk_device"
umount "${mounted[disk]}" && unset "mounted[disk]"
that "... and the unmount" within 10000 maps_say "frozen == {} and blocked == [] and '$disk_device' not in filesystems"
within 10000 rmmod scsi_debug

# ---- the system's suspend ----

if [ -w /sys/power/freeze_filesystems ]; then
	echo 1 >/sys/power/freeze_filesystems
	echo freezer >/sys/power/pm_test
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	maps_say "keep()"
	echo freeze >/sys/power/state
	that "suspend freezes, and resume thaws" maps_say "[(l['origin'], l['thaw_origin'], l['by']['comm'] != '')
		for l in [filesystems['$dm_device']['last']]] == [('FW_ORIGIN_SUSPEND', 'FW_ORIGIN_SUSPEND', True)]"
	that "... each filesystem once" maps_say "grew('freezes', '$dm_device') == grew('thaws', '$dm_device') == 1 and frozen == {}"
	that "... and none is told to have failed" maps_say "grew('failures') == grew('refused') == grew('lost_entries') == 0"
	that "... nor to have been frozen that can't be" maps_say "all(f['freezes'] + f['refused'] for f in filesystems.values())"
else
	for name in "suspend freezes" "... once" "... none failed" "... no other"; do
		pass "$name # SKIP this kernel's suspend freezes no filesystems"
	done
fi
that "nothing was lost" maps_say "totals['lost_entries'] == totals['lost_events'] == 0"
freezectl observer unload >/dev/null
