# SPDX-License-Identifier: GPL-2.0-only
# What the thaw needs lies on a data disk, below a loop device or an overlay: --all leaves that disk out,
# and the machine works while the others are frozen.
# shellcheck disable=SC2016 # the commands of other shells
# shellcheck source=tests/lib/guest.sh
. ../lib/guest.sh
plan 18

# Not below /tmp, which is going to be hidden.
make_at() { # make_at NAME: an ext4 on /srv/NAME
	make_loop "$1" 96M
	mkfs.ext4 -q "$device" && mkdir -p "/srv/$1" && mount "$device" "/srv/$1" || exit 99
	mounted[$1]=/srv/$1
}
modprobe -a loop dm-mod overlay || exit 99
for name in tmpdisk journaldisk opt free; do make_at "$name"; done
truncate -s 32M /srv/tmpdisk/tmp.img && mkfs.ext4 -q /srv/tmpdisk/tmp.img || exit 99
mkdir -p '/srv/journaldisk/up,per \dir' /srv/journaldisk/work /var/log/journal
cp /usr/bin/true /srv/opt/program
a=11111111-1111-4111-8111-111111111111
mkdir /srv/opt/hooks.d
printf '#!/bin/sh\nexit 0\n' >/srv/opt/hooks.d/10-app && chmod 755 /srv/opt/hooks.d/10-app
printf '[default]\nhooks_dir = /srv/opt/hooks.d\n' >/srv/conf
export FREEZEGUARD_CONFIG=/srv/conf a

# /tmp on dm-linear on a loop device whose file is on tmpdisk; the journal in an overlay that writes to journaldisk,
# to a directory whose name the mount table escapes, and overlayfs before it.
inner=$(losetup --find --show /srv/tmpdisk/tmp.img) || exit 99
make_dms "needed,,140,rw,0 65536 linear $inner 0"
in_namespace() {
	unshare -m sh -c 'mount /dev/dm-140 /tmp && mkdir -p /tmp/x &&
		mount -t overlay -o "lowerdir=/var/log/journal,upperdir=/srv/journaldisk/up\,per \\\\dir,workdir=/srv/journaldisk/work" \
			overlay /var/log/journal || exit 98
		set -e
		works() { # files are written, and are on the disk
			timeout -s KILL 5 dd if=/dev/zero of=/tmp/x/file bs=64k count=4 conv=fsync status=none
			timeout -s KILL 5 dd if=/dev/zero of=/var/log/journal/file bs=64k count=4 conv=fsync status=none
		}
		'"$1"
}


expect 0 "plan --all" in_namespace 'freezectl plan --all --json'
that "... would freeze one, and says why not the others" json '{f["path"]: f["why_not"] for f in d["filesystems"] if f["path"].startswith("/srv/")} == {
	"/srv/free": None, "/srv/opt": None,
	"/srv/tmpdisk": "/tmp (temporary files of the scripts that the SSM agent runs) lies on it, which the thaw may depend on; to freeze it, name it",
	"/srv/journaldisk": "/var/log/journal (the system journal) lies on it, which the thaw may depend on; to freeze it, name it"}'
expect 0 "freeze --all, and what is needed works" in_namespace \
	"freezectl freeze --all --id all --timeout 30s; works; freezectl thaw --id all"
says "... in time" "thawed"
expect 0 "run --all, and what is needed works" in_namespace \
	"freezectl run --all --timeout 30s -- timeout -s KILL 5 dd if=/dev/zero of=/tmp/x/file bs=64k count=4 conv=fsync status=none"
expect 0 "run --all with a command on one of the disks" in_namespace \
	"freezectl run --all --timeout 30s -- /srv/opt/program"
expect 0 "dlm dry-run with a hook on one of the disks" in_namespace \
	'freezectl dlm dry-run --json --execution-id None'
that "... which is left out" json '{f["path"]: f["why_not"] for f in d["filesystems"]}["/srv/opt"] == "/srv/opt/hooks.d/10-app lies on it, which is used while filesystems are frozen"'
expect 0 "pre-script, what is needed works, post-script" in_namespace \
	"freezectl dlm pre-script --execution-id $a --timeout 30s; works; freezectl dlm post-script --execution-id $a"
expect 1 "named, the hook's filesystem is refused" in_namespace \
	"freezectl dlm pre-script --execution-id $a --timeout 30s /srv/opt"
says "... with the hook's name" "10-app"
expect 0 "named, a disk below /tmp is frozen" in_namespace \
	"freezectl freeze --id named --timeout 10s /srv/tmpdisk && freezectl thaw --id named"

# A file below a loop device: what is written to it waits for that one.
expect 1 "standard output in a file on a loop device on the disk" in_namespace \
	'freezectl freeze --timeout 5s /srv/tmpdisk >/tmp/x/out'
says "... is refused" "standard output" "/srv/tmpdisk"

# The root filesystem of a guest is an overlay whose upper directory nobody can find any more. It is on
# a tmpfs; only a filesystem of the same size might be it.
expect 0 "no disk has the size of the filesystem that the root overlay writes to" freezectl plan --all --json
that "... so this one is frozen" json '[f["freeze"] for f in d["filesystems"] if f["path"] == "/srv/free"] == [True]'

that "nothing is frozen" unfrozen /srv/free /srv/opt /srv/tmpdisk /srv/journaldisk
that "no lease is live" sh -c 'freezectl status | grep -q "no lease is live"'
dmsetup remove needed && losetup -d "$inner" || exit 99
dms=()
