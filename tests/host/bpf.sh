#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The observer's object, on the host: which files its build needs, and where its programs are attached.
# KTAP on standard output.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

document=Documentation/observing.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
object=$work/build/bpf/observer.bpf.o

# shellcheck source=tests/lib/report.sh
. tests/lib/report.sh

# In another place, where sysfs is empty: a machine without kernel BTF.
build() {
	mkdir -p "$work/module"
	cp -r bpf "$work/" && cp -r module/uapi "$work/module/" || return
	unshare -r -m sh -c 'mount -t tmpfs none /sys && [ ! -e /sys/kernel ] && exec "$@"' sh \
		make -s -C "$work/bpf" >/dev/null 2>"$work/log" || cat "$work/log"
	[ -s "$object" ] || echo "no $object"
}

# What the preprocessor read: the compiler writes it down.
foreign_headers() {
	local list
	list=$(grep -oE '(^| )/[^ :]+' "$work/build/bpf/observer.bpf.d" | sort -u | tr -d ' ')
	[ -n "$list" ] || echo "nothing is known of what it was compiled from"
	grep -vE "^($work/|/usr/include/bpf/|/usr/lib/llvm)" <<<"$list" |
		sed 's/$/ is neither ours, nor libbpf'"'"'s, nor the compiler'"'"'s/'
	grep -rnE 'vmlinux\.h|/sys/kernel|linux-headers' bpf
}

# "fentry freeze_super" of what is in the object; the iterators are attached to nothing
attached() {
	llvm-readelf -S --wide "$1" | grep -oE ' f(entry|exit|mod_ret)/[a-z0-9_]+| (kprobe|kretprobe|raw_tp|tp|tp_btf|lsm|raw_tracepoint|tracepoint)[a-z_]*/[a-z0-9_/.]+' |
		sed 's/^ //; s|/| |' | sort -u
}

# The same of the table. A row is of one or more functions, each with its places in brackets behind it.
documented() {
	sed -n '/^| function | seen there/,/^$/p' "$document" | sed -n '3,$p' | cut -d'|' -f2 | awk '
	BEGIN { kinds["entry"] = "fentry"; kinds["return"] = "fexit"
		kinds["entry probe"] = "kprobe"; kinds["return probe"] = "kretprobe" }
	{
		while (match($0, /`[a-z0-9_]+` \([^)]*\)/)) {
			piece = substr($0, RSTART, RLENGTH)
			$0 = substr($0, RSTART + RLENGTH)
			name = piece
			sub(/^`/, "", name); sub(/`.*/, "", name)
			for (kind in kinds)
				if (piece ~ "[(, ]" kind "[,;)]") print kinds[kind], name
		}
	}' | sort -u
}

points() {
	local code text
	code=$(attached "$object") text=$(documented)
	[ -n "$code" ] || echo "no attachment was found in the object"
	comm -23 <(echo "$code") <(echo "$text") | sed "s|\$| is attached, and not in $document|"
	comm -13 <(echo "$code") <(echo "$text") | sed "s|\$| is in $document, and not attached|"
}

echo 1..4
if [ -e /sys/kernel/btf/vmlinux ]; then
	echo "# this machine has kernel BTF; it is hidden"
else
	echo "# this machine has no kernel BTF"
fi
report "the observer builds where /sys is empty" "$(build)"
report "... of nothing but its own, libbpf's and the compiler's headers" "$(foreign_headers)"
report "... and the same in every place" "$(make -s -C bpf >/dev/null && cmp "$object" build/bpf/observer.bpf.o 2>&1)"
report "each of its attachments is documented, and no other" "$(points)"
[ $failures -eq 0 ]
