# SPDX-License-Identifier: GPL-2.0-only
# A device that is torn out or fails while its filesystem is frozen: the lease ends all the same,
# writers return, and everything can be taken down afterwards.
# shellcheck source=tests/cli/lib.sh
. ../cli/lib.sh
types=(ext4 xfs btrfs) kinds=(deleted error flakey)
plan $((2 * (${#kinds[@]} * 3 + 9 * 4) + 4))

modprobe sd_mod && modprobe dm-flakey && modprobe scsi_debug dev_size_mb=496 || exit 99

# The one disk of scsi_debug: $disk, and its host. It comes in its own time.
find_disk() {
	local path
	for path in /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/*; do
		disk=${path##*/}
		[ -b "/dev/$disk" ] && [ ! -e "$path/capability" -o -b "/dev/$disk" ] && return
	done
	return 1
}
within 10000 find_disk && find_disk || exit 99
host=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*)
printf ',64M\n,304M\n,\n' | sfdisk -q "/dev/$disk" || exit 99

partition() { # partition TYPE
	case $1 in ext4) echo "/dev/${disk}1" ;; xfs) echo "/dev/${disk}2" ;; btrfs) echo "/dev/${disk}3" ;; esac
}

declare -A backing
for type in "${types[@]}"; do
	make_fs_on "$(partition "$type")" "$type" "deleted-$type"
	for kind in error flakey; do
		case $type in ext4) size=64M ;; xfs) size=304M ;; btrfs) size=128M ;; esac
		make_loop "$kind-$type" $size
		backing[$kind-$type]=$device
		case $kind in
		error)	make_dm "$kind-$type" linear "$device" 0 ;;
		flakey)	make_dm "$kind-$type" flakey "$device" 0 3600 0 ;;
		esac
		make_fs_on "$device" "$type" "$kind-$type"
		backing[dm-$kind-$type]=$device
	done
done

# change_table NAME TARGET...: under a filesystem that knows nothing of it
change_table() {
	local name=$1 size
	shift
	size=$(blockdev --getsz "${backing[$name]}")
	dmsetup suspend --nolockfs "$name" && dmsetup load "$name" --table "0 $size $*" && dmsetup resume "$name"
}

tear() {
	local type
	case $1 in
	deleted)
		echo 1 >"/sys/block/$disk/device/delete"
		return ;;
	error)
		for type in "${types[@]}"; do
			change_table "error-$type" error || return
		done ;;
	flakey)
		for type in "${types[@]}"; do
			change_table "flakey-$type" flakey "${backing[flakey-$type]}" 0 0 3600 || return
		done ;;
	esac
}

mend() {
	local type
	echo "- - -" >"/sys/class/scsi_host/$host/scan"
	within 10000 find_disk && find_disk || exit 99
	for type in "${types[@]}"; do
		within 5000 test -b "$(partition "$type")" || exit 99
		mount_on "$(partition "$type")" "$type" "deleted-$type"
		change_table "error-$type" linear "${backing[error-$type]}" 0 || exit 99
		mount_on "${backing[dm-error-$type]}" "$type" "error-$type"
		change_table "flakey-$type" flakey "${backing[flakey-$type]}" 0 3600 0 || exit 99
		mount_on "${backing[dm-flakey-$type]}" "$type" "flakey-$type"
	done
}

# A write that is on the disk when it returns, or fails. What became of it is in $scratch/result.NAME.
write_through() {
	(
		dd if=/dev/zero of="${mounted[$1]}/file" bs=4k count=1 conv=fsync 2>"$scratch/error.$1"
		code=$?
		echo "$code $(sed -n 's/^dd: .*: //p' "$scratch/error.$1")" >"$scratch/result.$1"
	) &
	writers+=($!)
}

# What the kernel tells of each lease's last life: "KIND STATE CAUSE", and of its filesystems "KIND
# TYPE MS THAW_FAILURES", where MS is from the lease's end to the release.
read_history() {
	freezectl status --history --json | python3 -c '
import json, sys
for lease in {l["id"]: l for l in json.load(sys.stdin)["leases"]}.values():
    print(lease["id"], lease["state"], lease["cause"])
    for fs in lease["filesystems"]:
        print(lease["id"], fs["fstype"], (fs["released_ns"] - lease["ended_ns"]) // 1000000,
              fs["thaw_failures"])' >"$scratch/history"
}
told() {
	grep -x "$1" "$scratch/history" || { cat "$scratch/history"; return 1; }
}
released_within() { # released_within MS KIND TYPE
	awk -v most="$1" -v kind="$2" -v type="$3" '
		$1 == kind && $2 == type { print; good = $3 <= most && $4 == 0 }
		END { exit !good }' "$scratch/history"
}

round() { # round request|deadline
	local how=$1 kind type name timeout=40s
	[ "$how" = request ] || timeout=5s
	rm -f "$scratch"/result.*
	for kind in "${kinds[@]}"; do
		for type in "${types[@]}"; do
			echo before >"${mounted[$kind-$type]}/before"
		done
		expect 0 "$kind, by $how: freeze" freezectl freeze --id "$kind" --timeout $timeout \
			"${mounted[$kind-ext4]}" "${mounted[$kind-xfs]}" "${mounted[$kind-btrfs]}"
		for type in "${types[@]}"; do
			write_through "$kind-$type"
		done
		tear "$kind" || fail "$kind, by $how: tearing it out"
	done
	if [ "$how" = request ]; then
		that "the driver of a disk with a frozen filesystem stays" test "$(rmmod scsi_debug 2>&1; echo $?)" != 0
		that "freezeguard.ko stays" test "$(rmmod freezeguard 2>&1; echo $?)" != 0
		for kind in "${kinds[@]}"; do
			expect 0 "$kind, by request: thaw" freezectl thaw --id "$kind"
		done
	else
		for kind in "${kinds[@]}"; do
			that "$kind, by deadline: all are thawed" within 9000 unfrozen \
				"${mounted[$kind-ext4]}" "${mounted[$kind-xfs]}" "${mounted[$kind-btrfs]}"
		done
	fi
	read_history
	for kind in "${kinds[@]}"; do
		case $how in
		request)	that "$kind, by $how: the lease says so" told "$kind thawed request" ;;
		deadline)	that "$kind, by $how: the lease says so" told "$kind expired deadline" ;;
		esac
		for type in "${types[@]}"; do
			name=$kind-$type
			that "$type, $kind, by $how: released soon" released_within 2000 "$kind" "$type"
			that "$type, $kind, by $how: the writer returned" within 10000 test -e "$scratch/result.$name"
			echo "# its write: $(cat "$scratch/result.$name")"
			grep -q "${mounted[$name]} .* ro[, ]" /proc/mounts && echo "# read-only"
			that "$type, $kind, by $how: not frozen" unfrozen "${mounted[$name]}"
			that "$type, $kind, by $how: unmounted" timeout 10 umount "${mounted[$name]}"
			unset "mounted[$name]"
		done
	done
	wait "${writers[@]}"
	writers=()
}

round request
mend
round deadline
that "the driver unloads" within 5000 rmmod scsi_debug
that "freezeguard.ko unloads" within 5000 rmmod freezeguard
modprobe freezeguard
