# SPDX-License-Identifier: GPL-2.0-only
# Counts the results in a suite's output, and prints "PASSED FAILED SKIPPED".
#   awk -f count.awk -v suite=NAME -v status=N -v log_file=PATH -v failures=PATH KTAP
# status is the suite's exit status, log_file its standard error. The names of failures and skips go to
# standard error. Failures also go to the file `failures`, with the lines that explain them.

function tell(text)
{
	print suite ": " text >"/dev/stderr"
}

function fail(n, text)
{
	failed += n
	tell(text)
	print suite ": " text >failures
}

function explain(line)
{
	print "    " line >failures
}

# What is no test's result, but the end of the suite or of one of its programs
function breakdown(n, text)
{
	fail(n, text)
	broken = 1
}

# At a result or a plan: the notes before it are its own, and behind it there is room for some if it
# had none.
function settle(is_failure,	i)
{
	for (i = notes > 10 ? notes - 10 : 0; is_failure && i < notes; i++)
		explain(note[i])
	room = is_failure && !notes ? 10 : 0
	notes = 0
}

function plan_is_over()
{
	if (announced > seen)
		breakdown(announced - seen, announced - seen " announced tests did not report")
	announced = seen = 0
}

{ sub(/^[ \t]+/, "") }

/^#/ {
	if (room) {
		explain($0)
		room--
	} else {
		note[notes++] = $0
	}
}

/^1\.\.[0-9]+/ {
	plan_is_over()
	settle(0)
	announced = substr($1, 4) + 0
	if (/^1\.\.0 *# *SKIP/) {
		skipped++
		tell($0)
	}
}

/^ok [0-9]+/ {
	seen++
	settle(0)
	if (/# *SKIP/) {
		skipped++
		tell($0)
	} else {
		passed++
	}
}

/^not ok [0-9]+/ {
	seen++
	fail(1, $0)
	settle(1)
}

END {
	plan_is_over()
	if (status != 0 && !failed)
		breakdown(1, "ended with status " status)
	if (!passed && !failed && !skipped)
		breakdown(1, "ran no test")
	if (broken) {	# of what a kernel has to say, the beginning is telling
		command = "grep -m 1 -A 15 complained: " log_file " || tail -n 10 " log_file
		while ((command | getline line) > 0)
			explain(line)
	}
	print passed + 0, failed + 0, skipped + 0
}
