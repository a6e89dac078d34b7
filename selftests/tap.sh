# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Tests that are commands, in TAP; sourced, never run.

tap_number=0 tap_failed=0

# outcome ok|"not ok" NAME : one test of which is known how it went
outcome()
{
	tap_number=$((tap_number + 1))
	[ "$1" = ok ] || tap_failed=$((tap_failed + 1))
	echo "$1 $tap_number - $2"
}

# result NAME COMMAND... : one test; what it prints is shown where it fails.
result()
{
	local name=$1 said
	shift

	if said=$("$@" 2>&1); then
		outcome ok "$name"
	else
		[ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/# /'
		outcome "not ok" "$name"
	fi
}

# The plan, last, and the status of all.
tap_end()
{
	echo "1..$tap_number"
	exit $((tap_failed != 0))
}

# The plan and the sum, last; fails if a test did, or if there was none.
tap_sum()
{
	echo "1..$tap_number"
	echo "$((tap_number - tap_failed)) passed, $tap_failed failed"
	[ "$tap_failed" = 0 ] && [ "$tap_number" != 0 ]
}
