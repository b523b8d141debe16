#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Holds the documentation to the code: manual pages, help texts, option tables, completion, README.
# On the host, with nothing but build/userspace/freezectl. KTAP on standard output.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

freezectl=$PWD/build/userspace/freezectl
page=Documentation/man/freezectl.8
module_page=Documentation/man/freezeguard.4
uapi=module/uapi/linux/freezeguard.h
[ -x "$freezectl" ] || { echo "Bail out! $freezectl is not there: make userspace"; exit 1; }
# shellcheck source-path=SCRIPTDIR source=../../userspace/completion/freezectl
. userspace/completion/freezectl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- KTAP ----

number=0 failures=0

# report NAME TEXT: failed if there is a text
report() {
	if [ -z "$2" ]; then
		echo "ok $((++number)) - $1"
	else
		printf '%s\n' "$2" | head -n 40 | sed 's/^/#   /'
		echo "not ok $((++number)) - $1"
		failures=$((failures + 1))
	fi
}

# differ WHAT A WHAT B: how two lists of lines differ, in words; an empty list differs from any
differ() {
	[ -n "$2" ] || echo "nothing was found in $1"
	[ -n "$4" ] || echo "nothing was found in $3"
	comm -23 <(sort -u <<<"$2") <(sort -u <<<"$4") | sed "s|\$| is in $1 and not in $3|"
	comm -13 <(sort -u <<<"$2") <(sort -u <<<"$4") | sed "s|\$| is in $3 and not in $1|"
}

# ---- what the sources say: one thing a line ----

# section MACRO NAME FILE: a section of a manual page, up to the next of its rank
section() {
	awk -v macro=".$1" -v name="$2" '
	$1 == ".Sh" || $1 == macro { inside = $0 == macro " " name; next } inside' "$3"
}

# The options that a piece of a page describes: "--id ID", "--all".
page_options() {
	sed -n 's/^\.It Fl -//p' | sed 's/ Fl -/\n/g' | sed 's/ Ar / /; s/^/--/'
}

# The same of a help text.
help_options() {
	sed -n 's/^  \(--[a-z]\)/\1/p' | sed 's/  .*//; s/ --/\n--/g'
}

synopsis_options() {
	section Sh SYNOPSIS $page | awk -v sub_="$1" '
	$1 == ".Nm" { inside = 0 }
	$1 == ".Cm" && $2 == sub_ { inside = 1 }
	inside' | grep -oE 'Fl -[a-z][a-z-]*( Ar [A-Z]+)?' | sed 's/^Fl -/--/; s/ Ar / /'
}

table_options() {
	sed -nE 's/^\t\{ "([a-z-]+)", (no|required)_argument,.*/--\1 \2/p' "userspace/cmd_$1.c" |
		sed 's/ no$//; s/ required$/ ARG/'
}

completed() {
	COMP_WORDS=(freezectl "$@")
	COMP_CWORD=$#
	_freezectl
	printf '%s\n' "${COMPREPLY[@]}"
}

any_argument() { sed 's/ [A-Z]*$/ ARG/'; }
no_argument() { sed 's/ .*//'; }
own() { grep -vxE -- '--(json|help)?'; }

help_codes() { sed -n '/^Exit codes:/,$ s/^ *\([0-9][0-9]*\)  .*/\1/p'; }

# ---- the command line ----

subcommands=$("$freezectl" --help | sed -n '/^Subcommands:/,/^$/ s/^  \([a-z]*\)  .*/\1/p')

check_subcommands() {
	differ "--help" "$subcommands" "the table" \
		"$(grep -oE '&cmd_[a-z]+' userspace/freezectl.c | sed 's/&cmd_//')"
	differ "--help" "$subcommands" "the page" \
		"$(section Sh SUBCOMMANDS $page | sed -n 's/^\.Ss //p')"
	differ "--help" "$subcommands" "the page's synopsis" \
		"$(section Sh SYNOPSIS $page | awk 'named && $1 == ".Cm" { print $2 } { named = $1 == ".Nm" }')"
	differ "--help" "$subcommands" "the completion" "$(completed '' | grep -v '^-')"
}

check_options() {
	local help page_ table
	help=$("$freezectl" "$1" --help | help_options | own)
	page_=$(section Ss "$1" $page | page_options)
	table=$(table_options "$1")
	differ "--help" "$help" "the page" "$page_"
	differ "--help" "$help" "the page's synopsis" "$(synopsis_options "$1")"
	differ "--help" "$(any_argument <<<"$help")" "the option table" "$table"
	differ "--help" "$(no_argument <<<"$help")" "the completion" "$(completed "$1" -- | own)"
}

check_common_options() {
	local help
	help=$("$freezectl" --help | help_options)
	differ "--help" "$help" "the page" "$(section Sh OPTIONS $page | page_options)"
	differ "--help" "$help" "the completion" "$(completed '' | grep '^-')"
	for name in $subcommands; do
		differ "COMMON_OPTIONS" \
			"$(sed -nE 's/^\t\{ "([a-z-]+)", no_argument, NULL, OPT_.*/--\1/p' userspace/freezectl.h)" \
			"the help of $name" "$("$freezectl" "$name" --help | help_options | grep -xE -- '--(json|help)')"
	done
}

# "--timeout default 60s": what is said to be an option's default
help_defaults() {
	awk '/^  --/ { option = $1 }
	option && match($0, /default [0-9a-z]+/) { print option, substr($0, RSTART, RLENGTH) }'
}

page_defaults() {
	awk '$1 == ".It" { option = "-" $3 }
	option && match($0, /default [0-9][0-9a-z]*/) { print option, substr($0, RSTART, RLENGTH) }'
}

check_defaults() {
	local name list
	for name in $subcommands; do
		list=$("$freezectl" "$name" --help | help_defaults)
		[ -z "$list" ] || differ "the help of $name" "$list" "the page" \
			"$(section Ss "$name" $page | page_defaults)"
	done
}

# ---- exit codes ----

readme_codes() {
	sed -nE 's/^\| ([0-9]+) \| (.*) \|$/\1 \2/p' README.md
}

page_codes() {
	section Sh "EXIT STATUS" $page |
		awk '$1 == ".It" { tag = 1; code = $2; next } tag { print code, $0; tag = 0 }'
}

# The first sentence in lower case without its full stop.
plain() { tr '[:upper:]' '[:lower:]' | sed 's/\.$//'; }

check_codes() {
	local name header
	header=$(sed -nE 's/^\tEXIT_CODE_[A-Z_]+\t*= ([0-9]+),/\1/p' userspace/findings.h)
	differ findings.h "$header" "--help" "$("$freezectl" --help | help_codes)"
	differ findings.h "$header" "the page" "$(page_codes | no_argument)"
	differ findings.h "$header" "the README" "$(readme_codes | no_argument)"
	for name in $subcommands; do
		differ findings.h "$header" "the help of $name" "$("$freezectl" "$name" --help | help_codes)"
	done
}

check_code_order() {
	local name text=''
	while read -r name; do
		text+="${text:+, }$(sed -nE "s/^\t$name\t*= ([0-9]+),/\1/p" userspace/findings.h)"
	done < <(sed -n '/^static const int order/,/^}/ s/^\t\(EXIT_CODE_[A-Z_]*\),/\1/p' userspace/findings.c)
	grep -qF "of $text, 2." $page || echo "the page does not say: $text, 2"
}

# ---- JSON, environment ----

json_keys() {
	grep -ohP 'output_json_add\([^"]*"\K[a-z_]+(?=")' userspace/*.c
	grep -q '	add_error(object' userspace/output.c && printf '%s\n' error error_name
	grep -ohP '^\t\t\{ "\K[a-z_]+(?=", "[a-z ]+", (totals->|skipped))' userspace/*.c
	grep -ohP '\toutput_json_time\([a-z]+, "\K[a-z_]+' userspace/*.c | sed 's/.*/&_ns\n&_time/'
}

check_json() {
	differ "the code" "$(json_keys)" "the page" \
		"$(section Sh JSON $page | sed -nE 's/^\.(It )?Li //p' | tr -s ' ,' '\n' | grep -xE '[a-z][a-z_]*')"
}

check_names() {
	local name text
	text=$(section Sh CONTINUITY $page; section Sh JSON $page)
	while read -r name; do
		grep -qw -e "$name" <<<"$text" || echo "the page does not have $name"
	done < <(grep -oP '^\t\t\[FREEZEGUARD_\w+\] = "\K[^"]+' userspace/lib/attrs.c)
}

check_metrics() {
	differ "metrics.c" "$(grep -ohE '"freezeguard_[a-z_]+' userspace/metrics.c | tr -d '"')" \
		"the tables of observing.md" \
		"$(sed -nE 's/^\| .(freezeguard_[a-z_]+). \| .*/\1/p' Documentation/observing.md)"
}

check_environment() {
	differ "the code" "$(grep -ohP 'setenv\("\K\w+' userspace/cmd_run.c
		awk '$2 == "CONFIG_ENV" { gsub("\"", "", $3); print $3 }' userspace/config.h)" "the page" \
		"$(section Sh ENVIRONMENT $page | grep -oE 'FREEZEGUARD_[A-Z]+')"
}

check_settings() {
	differ "config.c" "$(sed -n '/^const struct config_key/,/^}/ s/^\t{ "\([a-z_]*\)", .*/\1/p' userspace/config.c)" \
		"the page" "$(section Sh CONFIGURATION $page | sed -n '/^\.Bl/,/^\.El/ s/^\.It Va \([a-z_]*\)$/\1/p' |
			grep -vx enabled)"
}

check_limits() {
	local id holds
	id=$(awk '$2 == "FREEZEGUARD_ID_MAX" { print $3 }' $uapi)
	holds=$(awk '$2 == "FREEZEGUARD_HOLDS_MAX" { print $3 }' $uapi)
	grep -q "1 to $id printable" $page || echo "the page does not say that ids have $id characters"
	grep -q "^$holds filesystems in a lease" $page || echo "the page does not say $holds filesystems"
}

# ---- the module ----

# value EXPRESSION: of numbers and of constants of the uapi header
value() {
	local text=$1 name
	while read -r name; do
		text=${text//$name/$(awk -v name="$name" '$2 == name { print $3 }' $uapi)}
	done < <(grep -oE '[A-Z][A-Z_]+' <<<"$1")
	echo $((text))
}

code_parameters() {
	local name variable text
	while read -r name variable; do
		text=$(sed -nE "s/^(unsigned int|bool) $variable = (.*);/\2/p" module/*.c)
		case $text in
		true) echo "$name Y" ;;
		false) echo "$name N" ;;
		*) echo "$name $(value "$text")" ;;
		esac
	done < <(sed -nE 's/^module_param_named\((\w+), (\w+),.*/\1 \2/p' module/main.c)
	grep -q '^module_param_cb(holder, ' module/main.c &&
		sed -nE 's/^enum fg_holder fg_netlink_holder = FG_HOLDER_(\w+);/holder \1/p' module/netlink.c |
			tr '[:upper:]' '[:lower:]'
}

described_parameters() {
	awk '/^MODULE_PARM_DESC/ { text = $0; while (text !~ /;$/ && getline > 0) text = text $0; print text }' \
		module/main.c |
		sed -nE 's/^MODULE_PARM_DESC\((\w+),.*\(default[a-z ]* ([0-9YN]+)\).*/\1 \2/p
			s/^MODULE_PARM_DESC\((\w+),[^"]*"(\w+) \(default\).*/\1 \2/p'
}

check_parameters() {
	local code names
	code=$(code_parameters)
	names=$(sed -nE 's/^module_param\w*\((\w+),.*/\1/p' module/main.c)
	differ "main.c" "$names" "the parameters that this test understands" "$(no_argument <<<"$code")"
	differ "the code" "$code" "MODULE_PARM_DESC" "$(described_parameters)"
	differ "the code" "$code" "the page" \
		"$(section Sh PARAMETERS $module_page | sed -nE 's/^\.It Va (\w+) No \(default (\w+)\)$/\1 \2/p')"
}

# ---- files ----

check_links() {
	local file link
	for file in README.md Documentation/*.md; do
		while IFS= read -r link; do
			case $link in '' | *://* | mailto:*) continue ;; esac
			[ -e "$(dirname "$file")/$link" ] || echo "$file: $link does not exist"
		done < <(grep -oP '\]\(\K[^)#]+' "$file")
	done
}

check_install() {
	local name
	make -s -C userspace O="$PWD/build/userspace" -o "$freezectl" DESTDIR="$work" PREFIX=/usr install 2>&1
	while read -r name; do
		cmp "${name#* }" "$work/usr/${name% *}" 2>&1
	done <<-END
		sbin/freezectl $freezectl
		share/man/man8/freezectl.8 $page
		share/man/man4/freezeguard.4 $module_page
		share/bash-completion/completions/freezectl userspace/completion/freezectl
	END
	differ "the list of this test" "$(printf '%s\n' share/man/man{4/freezeguard.4,8/freezectl.8})" \
		"what is installed" "$(cd "$work/usr" && find share/man -type f)"
	differ "Documentation/man" "$(ls Documentation/man)" "what is installed" \
		"$(find "$work/usr/share/man" -type f -printf '%f\n')"
}

# ---- kernels ----

# The rows of tools/guest/kernels: name, suite, image, sets, suites, what differs
kernel_rows() {
	awk -F ' *[|] *' '
	function quoted(words,	list, n, i, text) {
		n = split(words, list, " ")
		for (i = 1; i <= n; i++)
			if (list[i] != "default")
				text = text (text ? " " : "") "`" list[i] "`"
		return text
	}
	/^[a-z0-9]/ {
		sub(/\+$/, "", $2)
		split($3, packages, " ")
		printf "| `%s` | %s | %s | %s | %s | %s |\n", $1, $2, packages[1], quoted($4), quoted($5), $7
	}' tools/guest/kernels
}

check_kernels() {
	differ tools/guest/kernels "$(kernel_rows)" Documentation/testing.md \
		"$(sed -n '/^| kernel | Debian/,/^$/ p' Documentation/testing.md | tail -n +3 | grep .)"
}

# "--kernel NAME", "KERNELS=NAME", "tests/run cli-NAME": in documents only of the table, elsewhere not by version
check_kernel_names() {
	local names versions suites
	names=$(tools/guest/list)
	versions=$(grep '^[0-9]' <<<"$names" | sed 's/\./\\./g' | paste -sd '|')
	suites=$(sed -nE 's/^[a-z0-9][^|]*\| *([a-z]+).*/\1/p' tools/guest/kernels | sort -u | paste -sd '|')
	grep -noP '(--kernel |\bKERNEL="?|tests/hostile/run |tests/run [a-z]+-)\K[a-z0-9][a-z0-9.]*\b' README.md Documentation/*.md |
		while IFS=: read -r file line name; do
			grep -qxF "$name" <<<"$names" || echo "$file:$line: $name is in no row of tools/guest/kernels"
		done
	git grep -nEe "(--kernel |KERNELS?[:?]?=[ \"']*|guest/[a-z-]+ |(cli|kernel|devices|hostile|observer)-)($versions)\b" \
		-- Makefile .ci tools tests ':!tools/guest/kernels'
	git grep -nwE "$suites" -- Makefile .ci tools tests/run 'tests/*/run' ':!tools/guest/kernels' ':!tests/fresh'
}

# ---- all of it ----

pages=(Documentation/man/*)
# shellcheck disable=SC2086 # words
set -- $subcommands
echo "1..$((16 + $# + 2 * ${#pages[@]}))"
report "every subcommand is in the help, the table, the page and the completion" "$(check_subcommands)"
for name in $subcommands; do
	report "$name: its options are the same in the help, the table, the page and the completion" \
		"$(check_options "$name")"
done
report "the options of all subcommands" "$(check_common_options)"
report "the defaults of the help are in the page" "$(check_defaults)"
report "the exit codes of help, page and README are those of the code" "$(check_codes)"
report "README and page say the same of each exit code" \
	"$(differ "the README" "$(readme_codes | plain)" "the page" "$(page_codes | plain)")"
report "the page has the order of the exit codes" "$(check_code_order)"
report "every field of the JSON documents is in the page, and no other" "$(check_json)"
report "every state and cause is in the page" "$(check_names)"
report "every figure for Prometheus is in observing.md, and no other" "$(check_metrics)"
report "environment variables" "$(check_environment)"
report "the keys of the configuration file are in the page" "$(check_settings)"
report "limits" "$(check_limits)"
report "module parameters and their defaults" "$(check_parameters)"
for file in "${pages[@]}"; do
	report "${file##*/} renders without a warning" "$(groff -mdoc -Tascii -ww "$file" 2>&1 >"$work/text")"
	report "${file##*/} is clean for mandoc" "$(mandoc -T lint -W warning "$file" 2>&1)"
done
report "the kernels of testing.md are those of tools/guest/kernels" "$(check_kernels)"
report "kernels are named by tools/guest/kernels alone" "$(check_kernel_names)"
report "links point to files" "$(check_links)"
report "install puts everything in its place" "$(check_install)"
[ $failures -eq 0 ]
