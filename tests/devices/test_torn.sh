# SPDX-License-Identifier: GPL-2.0-only
# A device is torn out or fails while its filesystem is frozen: the lease still ends, writers return, and
# everything can be unmounted and removed afterwards.
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
types=(ext4 xfs btrfs) kinds=(deleted error flakey)
plan 45

# Three devices that can be torn, each divided among the three types. Sizes in sectors.
declare -A size=([ext4]=131072 [xfs]=622592 [btrfs]=262144) start=([ext4]=0 [xfs]=131072 [btrfs]=753664)
declare -A device_of
all=1015808

modprobe -a sd_mod dm-flakey && modprobe scsi_debug dev_size_mb=500 || exit 99
make_loop error 496M
error=$device
make_loop flakey 496M
flakey=$device
tables=("error,,100,rw,0 $all linear $error 0" "flakey,,101,rw,0 $all flakey $flakey 0 3600 0")
number_of=102
for type in "${types[@]}"; do
	for bottom in error:100 flakey:101; do
		tables+=("${bottom%:*}-$type,,$number_of,rw,0 ${size[$type]} linear /dev/dm-${bottom#*:} ${start[$type]}")
		device_of[${bottom%:*}-$type]=/dev/dm-$number_of
		number_of=$((number_of + 1))
	done
done
make_dms "${tables[@]}"

# scsi_debug's one disk and its partitions, which come in their own time; it may get another name.
find_disk() {
	local path i=0
	for path in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		disk=${path##*/}
	done
	for type in "${types[@]}"; do
		i=$((i + 1))
		device_of[deleted-$type]=/dev/$disk$i
		[ -b "${device_of[deleted-$type]}" ] || [ "$1" = disk ] || return
	done
	[ -b "/dev/$disk" ]
}
within 10000 find_disk disk && find_disk disk || exit 99
host=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*)
for type in "${types[@]}"; do echo ",${size[$type]}"; done | sfdisk -q "/dev/$disk" || exit 99
within 10000 find_disk partitions && find_disk partitions || exit 99

for kind in "${kinds[@]}"; do
	for type in "${types[@]}"; do
		make_fs_on "${device_of[$kind-$type]}" "$type" "$kind-$type"
	done
done

# change_table NAME TARGET: under filesystems that know nothing of it
change_table() {
	dmsetup load "$1" --table "0 $all $2" && dmsetup resume --nolockfs "$1"
}

tear() {
	case $1 in
	deleted)	echo 1 >"/sys/block/$disk/device/delete" ;;
	error)		change_table error error ;;
	flakey)		change_table flakey "flakey $flakey 0 0 3600" ;;
	esac
}

mend() {
	echo "- - -" >"/sys/class/scsi_host/$host/scan"
	change_table error "linear $error 0" || exit 99
	change_table flakey "flakey $flakey 0 3600 0" || exit 99
	within 10000 find_disk partitions && find_disk partitions || exit 99
	for kind in "${kinds[@]}"; do
		for type in "${types[@]}"; do
			mount_on "${device_of[$kind-$type]}" "$type" "$kind-$type"
		done
	done
}

# A write that is on the disk when it returns, or fails. What became of it is in $scratch/result.NAME.
write_through() {
	(
		dd if=/dev/zero of="${mounted[$1]}/file" bs=4k count=1 conv=fsync 2>"$scratch/error.$1"
		code=$?
		read -r text <"$scratch/error.$1"
		echo "$code ${text##*: }" >"$scratch/result.$1"
	) &
	writers+=($!)
}
all_written() {
	local kind type
	for kind in "${kinds[@]}"; do
		for type in "${types[@]}"; do
			[ -s "$scratch/result.$kind-$type" ] || return
		done
	done
}

# What the kernel tells of each lease's last life: told[KIND] is "STATE CAUSE", told[KIND-TYPE] is "MS
# THAW_FAILURES", where MS is from the lease's end to the release.
declare -A told
read_history() {
	local key value
	told=()
	while IFS='=' read -r key value; do
		told[$key]=$value
	done < <(freezectl status --history --json | python3 -c '
import json, sys
for lease in {l["id"]: l for l in json.load(sys.stdin)["leases"]}.values():
    if lease["id"] not in sys.argv:
        continue
    print(lease["id"] + "=" + lease["state"], lease["cause"])
    for fs in lease["filesystems"]:
        print(lease["id"] + "-" + fs["fstype"] + "=" +
              str((fs["released_ns"] - lease["ended_ns"]) // 1000000), fs["thaw_failures"])' "${kinds[@]}")
}
# Asked of the leases: an XFS that has shut itself down can't even be opened.
all_released() {
	local kind
	for kind in "${kinds[@]}"; do
		freezectl status --id "$kind" | grep -q ^released: || return
	done
}
ended() { # ended KIND STATE CAUSE
	echo "${told[$1]}"
	[ "${told[$1]}" = "$2 $3" ]
}
came_free() { # came_free NAME: thawed in time and at once, and its writer returned
	local ms failures result
	read -r ms failures <<<"${told[$1]}"
	read -r result <"$scratch/result.$1"
	echo "released after $ms ms, $failures thaws failed; its write: $result"
	[ "$ms" -le 2000 ] && [ "$failures" -eq 0 ] && [ -n "$result" ]
}

round() { # round request|deadline
	local kind type name end="thawed request"
	rm -f "$scratch"/result.*
	for kind in "${kinds[@]}"; do
		for type in "${types[@]}"; do
			echo before >"${mounted[$kind-$type]}/before"
		done
		expect 0 "$kind, by $1: freeze" freezectl freeze --id "$kind" --timeout 120s \
			"${mounted[$kind-ext4]}" "${mounted[$kind-xfs]}" "${mounted[$kind-btrfs]}"
		for type in "${types[@]}"; do
			write_through "$kind-$type"
		done
		tear "$kind" || fail "$kind, by $1: tearing it"
	done
	if [ "$1" = request ]; then
		expect 1 "a disk's driver stays while its filesystems are frozen" rmmod scsi_debug
		expect 1 "... and so does freezeguard.ko" rmmod freezeguard
		for kind in "${kinds[@]}"; do
			expect 0 "$kind, by $1: thaw" freezectl thaw --id "$kind"
		done
	else
		end="expired deadline"
		for kind in "${kinds[@]}"; do
			expect 0 "$kind, by $1: the deadline" freezectl extend --id "$kind" 500ms
		done
	fi
	that "by $1: all are thawed" within 10000 all_released
	that "by $1: all writers have returned" within 20000 all_written
	read_history
	for kind in "${kinds[@]}"; do
		# shellcheck disable=SC2086 # two words
		that "$kind, by $1: the lease says so" ended "$kind" $end
		for type in "${types[@]}"; do
			name=$kind-$type
			that "$type, $kind, by $1: thawed at once, and its writer returned" came_free "$name"
			echo "# $(came_free "$name")"
		done
	done
	wait "${writers[@]}"
	writers=()
	that "by $1: all can be unmounted" timeout 30 umount "${mounted[@]}"
	mounted=()
}

round request
mend
round deadline
that "the disk's driver unloads" within 5000 rmmod scsi_debug
