#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs the README's commands: every line of its sh blocks, in order. KTAP on standard output.
#
# Commands that build and install run on this machine, on a copy of the sources, in a mount namespace. There
# the installed files go to a scratch folder, and the guest's kernel headers are where Debian has them.
# Commands that freeze run in a guest, with the installed files.
set -u
cd "$(dirname "$0")/../.." || exit 1

scratch=$PWD/build/readme
kernel=$(tools/guest/kernel "${VM_RUN_KERNEL:-$(tools/guest/list default)}") || exit 1
release=$(<"$kernel/release")
rm -rf "$scratch"
mkdir -p "$scratch/src"
git ls-files -z -co --exclude-standard | while IFS= read -rd '' name; do
	[ ! -f "$name" ] || printf '%s\0' "$name"
done | cpio -0pdm --quiet "$scratch/src"

mapfile -t commands < <(tests/host/readme-commands)
echo "1..${#commands[@]}"

packages_installed() {
	local package state
	for package in ${1#*apt-get install }; do
		[ "$package" != linux-headers-amd64 ] || continue	# the cached kernel's are used
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>&1)
		[ "$state" = installed ] || { echo "$package: $state"; return 1; }
	done
}

# on_machine COMMAND: as on a machine with that kernel
on_machine() {
	local enter=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || enter=(unshare --mount --map-root-user)
	# shellcheck disable=SC2016 # for the inner shell
	KERNEL_ROOT=$kernel/root RELEASE=$release SCRATCH=$scratch "${enter[@]}" bash -c '
		set -e
		mount -t tmpfs tmpfs /mnt
		mkdir -p /mnt/{lib,src,local}/{upper,work} /mnt/bin
		lay() { mount -t overlay -o "lowerdir=$2$1,upperdir=/mnt/$3/upper,workdir=/mnt/$3/work" overlay "$1"; }
		lay /usr/lib "$KERNEL_ROOT/usr/lib:" lib
		lay /usr/src "$KERNEL_ROOT/usr/src:" src
		lay /usr/local "" local
		[ -e "/lib/modules/$RELEASE/modules.order" ] ||
			mount --bind "$KERNEL_ROOT/lib/modules" /lib/modules 2>/dev/null || :
		printf "#!/bin/sh\nexec \"\$@\"\n" >/mnt/bin/sudo
		chmod +x /mnt/bin/sudo
		export PATH=/mnt/bin:$PATH KDIR=/usr/src/linux-headers-$RELEASE
		cd "$SCRATCH/src"
		eval "$1"
		cp -a /mnt/local/upper/. "$SCRATCH/local"
		find /mnt/lib/upper -name freezeguard.ko* -exec cp {} "$SCRATCH/" \;
	' on_machine "$1" </dev/null
}

number=0 failures=0
result() {
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number - $2"
	else
		printf '%s\n' "$3" | sed 's/^/#   /'
		echo "not ok $number - $2"
		failures=$((failures + 1))
	fi
}

in_guest=()
for command in "${commands[@]}"; do
	case $command in
	freezectl*)		in_guest+=("$command"); continue ;;
	"make demo")		output=$(grep -w 'demo)' tests/run) ;;		# a suite of its own
	"make check")		output=$(grep -w 'tests/run' Makefile) ;;	# this very run
	*"apt-get install "*)	output=$(packages_installed "$command" 2>&1) ;;
	*)			output=$(on_machine "$command" 2>&1) ;;
	esac
	result $? "$command" "$output"
done
output=$(tools/vm-run --timeout 120 -- tests/host/readme-in-guest "${in_guest[@]}" 2>&1)
code=$?
for command in "${in_guest[@]}"; do
	[[ $'\n'$output$'\n' == *$'\n'"done: $command"$'\n'* ]]
	result $? "$command" "$output"
done
[ $failures -eq 0 ] && exit $code
exit 1
