# SPDX-License-Identifier: GPL-2.0-only
# A held filesystem can only be unmounted lazily, and is shut down when the lease ends. Many mounts of one
# filesystem are one hold.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 32

# make_auto TYPE SIZE: on a loop device that goes with its last user; device[TYPE] and kobject[TYPE]
declare -A device_of kobject
make_auto() {
	local type=$1
	truncate -s "$2" "$scratch/$type.img" && mkdir "$scratch/$type" || exit 99
	case $type in ext4) mkfs.ext4 -q -F "$scratch/ext4.img" ;; *) "mkfs.$type" -q -f "$scratch/$type.img" >/dev/null ;; esac
	mount -o loop "$scratch/$type.img" "$scratch/$type" || exit 99
	mounted[$type]=$scratch/$type
	device_of[$type]=$(findmnt -no SOURCE "$scratch/$type")
	kobject[$type]=/sys/fs/$type/${device_of[$type]##*/}
	[ "$type" != btrfs ] || kobject[btrfs]=/sys/fs/btrfs/$(findmnt -no UUID "$scratch/btrfs")
}
gone() { # gone TYPE: superblock and loop device
	[ ! -e "${kobject[$1]}" ] && ! losetup "${device_of[$1]}"
}

make_auto ext4 32M
make_auto xfs 304M
make_auto btrfs 128M
all=("${mounted[ext4]}" "${mounted[xfs]}" "${mounted[btrfs]}")

expect 0 "freeze" freezectl freeze --id lazy --timeout 60s "${all[@]}"
for type in ext4 xfs btrfs; do
	expect 32 "$type: an unmount is refused" umount "${mounted[$type]}"
	says "$type: ... says so" busy
	expect 0 "$type: a lazy one is not" umount -l "${mounted[$type]}"
	that "$type: the superblock stays" test -e "${kobject[$type]}"
done
mounted=()
freezectl extend --id lazy 300ms >/dev/null
for type in ext4 xfs btrfs; do
	that "$type: gone with the deadline" within 5000 gone $type
done
expect 0 "status of the lease" freezectl status --json --id lazy
that "... tells the truth" json 'd["leases"][0]["state"] == "expired" and d["leases"][0]["n_live"] == 0'
rm -rf "$scratch"/{ext4,xfs,btrfs}*

# ---- one hold ----

make_auto ext4 32M
make_auto btrfs 128M
ext4=${mounted[ext4]} btrfs=${mounted[btrfs]}
mkdir "$scratch/bind" "$scratch/volume" "$ext4/directory"
mount --bind "$ext4/directory" "$scratch/bind" || exit 99
btrfs -q subvolume create "$btrfs/volume" && mount -o subvol=volume "${device_of[btrfs]}" "$scratch/volume" || exit 99
expect 0 "bind mounts, directories and subvolumes" freezectl freeze --id one --timeout 60s \
	"$ext4" "$scratch/bind" "$ext4/directory" "$btrfs" "$scratch/volume" "$btrfs/volume"
expect 0 "status" freezectl status --json --id one
that "... are one hold for each filesystem" json 'd["leases"][0]["n_filesystems"] == 2'
that "frozen, whichever way one looks" frozen "$scratch/bind" "$scratch/volume" "$btrfs/volume"
expect 204 "a lease through another mount" freezectl freeze "$scratch/bind"
says "... is in the way of this one" "lease one"
expect 0 "thaw through another mount" freezectl thaw "$scratch/volume"
umount "$scratch/bind" "$scratch/volume" "$btrfs"
unset "mounted[btrfs]"

# A mount namespace takes the lease, and goes.
expect 0 "a lease in another mount namespace" unshare -m \
	sh -c 'freezectl freeze --id inside --timeout 60s "$1" && umount "$1" 2>&1 | grep -q busy' sh "$ext4"
expect 204 "a lease in this one" freezectl freeze "$ext4"
says "... finds it" "lease inside"
expect 0 "the mount of this one is not held" umount "$ext4"
unset "mounted[ext4]"
that "... but the superblock is" test -e "${kobject[ext4]}"
expect 0 "thaw" freezectl thaw --id inside
that "gone" within 5000 gone ext4
