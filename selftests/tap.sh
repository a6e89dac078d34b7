# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Tests that are commands, in TAP; sourced, never run.

tap_number=0 tap_status=0

# result NAME COMMAND... : one test; what it prints is shown where it fails.
result()
{
	local name=$1 said
	shift

	tap_number=$((tap_number + 1))
	if said=$("$@" 2>&1); then
		echo "ok $tap_number - $name"
	else
		[ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/# /'
		echo "not ok $tap_number - $name"
		tap_status=1
	fi
}

# The plan, last, and the status of all.
tap_end()
{
	echo "1..$tap_number"
	exit "$tap_status"
}
