#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Holds userspace/ to its floor plan: which folder may include which, and which library; the hooks, which are
# programs of their own, to themselves; and the product to its sizes. Documentation/architecture.md has the reasons. KTAP on standard output.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

# Each may include those behind it. observer_maps.h is the observer's, though it lies in bpf/.
floors=(main commands apps lease show freezectl observer plan base lib uapi)

# "<header>" of a library, and the only files that may include it
libraries="
<bpf/		observer/
<libmount/	plan/
<ini.h>		base/config.c
<libsmartcols	show/table.c
<netlink/	lib/
<json-c/	base/output.h show/ apps/record.c
<mysql		hooks/mysql/
<errmsg.h	hooks/mysql/
<libpq		hooks/postgresql/
<hiredis/	hooks/redis/
"

max_file=600 max_function=80

# shellcheck source=tests/lib/report.sh
. tests/lib/report.sh

# The sources of a folder, also those that are new.
sources() {
	git ls-files -co --exclude-standard -- "$@" | grep '\.[ch]$' | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

# "FILE HEADER": what userspace's files include, each a path below userspace/, or <a library's>
includes() {
	local file header
	sources userspace | while IFS= read -r file; do
		sed -nE 's/^#[ \t]*include[ \t]+"([^"]+)".*/\1/p; s/^#[ \t]*include[ \t]+(<[^>]+>).*/\1/p' "$file" |
			while IFS= read -r header; do
				case $header in
				'<freezeguard.h>' | freezeguard.h) header=lib/freezeguard.h ;;
				internal.h) header=lib/internal.h ;;
				'<linux/freezeguard'*) header=uapi/${header#<linux/} ;;
				observer_maps.h | observer.skel.h | observer_layout.h) header=observer/$header ;;
				esac
				echo "${file#userspace/} $header"
			done
	done
}

floor_of() {
	case $1 in */*) echo "${1%%/*}" ;; *) echo "${1%.[ch]}" ;; esac
}

height_of() {
	local i
	for i in "${!floors[@]}"; do
		[ "${floors[i]}" != "$(floor_of "$1")" ] || { echo "$i"; return; }
	done
	echo "$1 lies on no floor" >&2
	echo 99
}

check_arrows() {
	local file header
	grep -v ' <' <<<"$all" | while read -r file header; do
		case "$file $header" in hooks/*' hooks/'*) continue ;; esac
		[ "$(height_of "$file")" -le "$(height_of "$header")" ] ||
			echo "$file includes $header: $(floor_of "$header") is above $(floor_of "$file")"
	done 2>&1
}

# A hook includes its own folder and hooks/lib/, and nothing else includes a hook.
check_hooks() {
	local file header
	grep -E '(^| )hooks/' <<<"$all" | grep -v ' <' | while read -r file header; do
		case "$header" in
		"${file%/*}"/* | hooks/lib/*) case $file in hooks/*) continue ;; esac ;;
		esac
		echo "$file includes $header"
	done
}

# The observer's own is made by bpf/Makefile; only who reads its maps may know what is in them.
check_generated() {
	grep -E ' observer/observer(\.skel|_layout)\.h$' <<<"$all" | grep -v '^observer/' |
		sed 's/ / includes /'
}

# A file and its header are one: two such must not include each other, nor more of them in a circle.
check_circles() {
	grep -v ' <' <<<"$all" | sed -E 's/\.[ch]( |$)/\1/g' | awk '$1 != $2' |
		{ tsort >/dev/null; } 2>&1
}

check_libraries() {
	local header allowed file place
	while read -r header allowed; do
		[ -n "$header" ] || continue
		grep -F " $header" <<<"$all" | while read -r file _; do
			for place in $allowed; do
				case $file in "$place"*) continue 2 ;; esac
			done
			echo "$file includes $header...; only $allowed may"
		done
		grep -qF " $header" <<<"$all" || echo "nothing includes $header..."
	done <<<"$libraries"
}

check_files() {
	local file n
	sources module bpf userspace | while IFS= read -r file; do
		n=$(wc -l <"$file")
		[ "$n" -le "$1" ] || echo "$file has $n lines, more than $1"
	done
}

# A function is what begins with a brace in the first column after a line without a ';' or '='.
check_functions() {
	# shellcheck disable=SC2016 # awk's
	sources module bpf userspace | grep '\.c$\|\.bpf\.h$' | xargs -d '\n' awk -v max=$max_function '
		FNR == 1 { begin = 0 }
		/^[A-Za-z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
		/^\{/ { begin = FNR; seen++ }
		/^\}/ && begin {
			n = FNR - begin + 1
			if (n > max)
				print FILENAME ": " name "() has " n " lines, more than " max
			begin = 0
		}
		END { if (seen < 100) print "only " seen " functions were found" }'
}

all=$(includes)
[ "$(wc -l <<<"$all")" -gt 100 ] || { echo "Bail out! no includes were found"; exit 1; }
echo 1..7
report "each folder includes only what is below it" "$(check_arrows)"
report "a hook includes its own folder and hooks/lib, and freezectl includes no hook" "$(check_hooks)"
report "what is made from the observer's object is included by the observer alone" "$(check_generated)"
report "no files include each other in a circle" "$(check_circles)"
report "each library is included where it belongs" "$(check_libraries)"
report "no file has more than $max_file lines" "$(check_files $max_file)"
report "no function has more than $max_function lines" "$(check_functions)"
[ $failures -eq 0 ]
