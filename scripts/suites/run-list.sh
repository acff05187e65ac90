#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests, and tells what became of each: run-list.sh LIST FIRST WORK. LIST has a line for each test: its name, the
# seconds that it may take, and its command. FIRST is the line to start at; WORK a directory for what the tests leave.
list=$1 first=$2 work=$3
report=$work/run-list.report

# A disk that tests are to make file systems on.
[ -z "$UNMOUNTED" ] || umount "$UNMOUNTED" || exit

tail -n "+$first" "$list" | while read -r name seconds command; do
	echo "begin $name"
	mkdir -p "$work/test" && chmod 1777 "$work" "$work/test" && cd "$work/test" || exit
	timeout --kill-after=5 "$seconds" sh -c "$command" </dev/null >"$report" 2>&1
	status=$?
	cd / && rm -rf "$work/test"
	# A line of the report begins with a space, and so cannot be one of ours.
	tail -c 6000 "$report" | tr -c '\n\t -~' '?' | sed 's/^/ /'
	echo
	echo "end $name $status"
done
rm -f "$report"
