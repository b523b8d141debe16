# SPDX-License-Identifier: GPL-2.0-only
# Filesystems that do not answer: no command waits for one that it was not asked about.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 21

a=11111111-1111-4111-8111-111111111111
modprobe -a fuse loop dm-mod || exit 99
[ -c /dev/fuse ] || mknod /dev/fuse c 10 229 || exit 99
export FREEZEGUARD_CONFIG=$scratch/conf
printf '[default]\nhooks_dir = %s\n' "$scratch/hooks.d" >"$FREEZEGUARD_CONFIG"
mkdir "$scratch/hooks.d"

dead=() covered=()
# dead_fuse DIRECTORY [FILE]: a filesystem there whose program does not answer; with FILE, not after SIGUSR1
dead_fuse() {
	"$helpers/dead_fuse" "$@" >"$scratch/said.${#dead[@]}" &
	covered=("$1" "${covered[@]}")
	within 10000 grep -q mounted "$scratch/said.${#dead[@]}" || exit 99
	dead+=($!)
}
revive() {
	[ ${#dead[@]} -gt 0 ] || return 0
	kill "${dead[@]}"
	wait "${dead[@]}" 2>/dev/null
	umount "${covered[@]}"
	dead=() covered=()
}
trap 'revive; cleanup' EXIT

make_fs ext4
make_fs ext4 hidden
mkdir "$scratch/above" "$scratch/above/inner"
mount --bind "${mounted[hidden]}" "$scratch/above/inner" || exit 99
umount "${mounted[hidden]}"
mounted[hidden]=$scratch/above/inner
# Over the disk's mount point; over the directory above it; and where the SSM agent's state leads to.
dead_fuse "$scratch/above/inner"
dead_fuse "$scratch/above"
mkdir "$scratch/log"
dead_fuse "$scratch/log"
mkdir -p /var/lib/amazon && ln -s "$scratch/log" /var/lib/amazon/ssm || exit 99

# The limit is the test: it ends what waits, with 137.
bounded() {
	timeout -s KILL 20 "$@"
}
expect 137 "the filesystem does not answer" timeout -s KILL 2 stat "$scratch/log/x"
expect 0 "plan --all" bounded freezectl plan --all
says "... says that the disk is hidden" "is hidden below another mount"
says "... and would freeze the other one" "${mounted[ext4]}"
expect 0 "plan PATH" bounded freezectl plan "${mounted[ext4]}"
expect 0 "status" bounded freezectl status
expect 0 "status --json" bounded freezectl status --json
expect 0 "status --prometheus" bounded freezectl status --prometheus
expect 0 "dlm dry-run" bounded freezectl dlm dry-run --execution-id None
expect 0 "dlm pre-script" bounded freezectl dlm pre-script --execution-id $a --timeout 30s
that "... has frozen the disk that is not hidden" frozen "${mounted[ext4]}"
expect 0 "dlm post-script" bounded freezectl dlm post-script --execution-id $a
expect 0 "freeze --all" bounded freezectl freeze --all --id all --timeout 30s
expect 0 "thaw" bounded freezectl thaw --id all
expect 0 "run --all" bounded freezectl run --all --timeout 30s -- true

# A loop device's file: to see where it is, the kernel would ask the filesystem.
truncate -s 32M "$scratch/image" && mkfs.ext4 -q "$scratch/image" || exit 99
mkdir "$scratch/below" "$scratch/image.d"
mount -t tmpfs tmpfs "$scratch/below" && mv "$scratch/image" "$scratch/below/image" || exit 99
mount -o loop "$scratch/below/image" "$scratch/image.d" || exit 99
mounted[image]=$scratch/image.d
dead_fuse "$scratch/below"
expect 0 "plan --all, with a loop device whose file's path leads there" bounded freezectl plan --all
says "... has it" "$scratch/image.d"

# A disk that goes on with loop devices whose file no path leads to any more: only the kernel can be asked.
mkdir "$scratch/gone"
dead_fuse "$scratch/gone" file
make_loop long 32M
mkfs.ext4 -q "$device" || exit 99
table="0 65536 linear $device 0"
for ((n = 0; n < 12; n++)); do
	loop=$(losetup --find --show "$scratch/gone/file") || exit 99
	loops+=("$loop")
	table+=$'\n'"$((65536 + n * 8)) 8 linear $loop 0"
done
dmsetup create long <<<"$table" && dms+=(long) || exit 99
mount_on "/dev/dm-$(dmsetup info -c --noheadings -o minor long)" ext4 long
umount -l "$scratch/gone" && kill -USR1 "${dead[-1]}" || exit 99
unset "covered[0]"
covered=("${covered[@]}")
begin=$EPOCHREALTIME
expect 0 "plan of a disk on a dozen loop devices with a file that nobody serves" \
	bounded freezectl plan "${mounted[long]}"
waited_us=$((${EPOCHREALTIME/./} - ${begin/./}))
says "... says that something is not found" "cannot be found"
that "... and has waited for one of them" test $waited_us -ge 1000000
that "... and not for each" test $waited_us -le 7000000

rm /var/lib/amazon/ssm
revive
umount "$scratch/image.d" && umount "$scratch/below" || exit 99
unset "mounted[image]"
