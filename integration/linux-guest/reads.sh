# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What guest/nvme says of reads on each processor. Sourced after guest.sh, never run.
# shellcheck disable=SC2154 # $work is of guest.sh

number()
{
	sed -n "s/^guest: $1 \([0-9]*\).*/\1/p" "$work/log"
}

# sum WHAT : of all processors
sum()
{
	sed -n "s/^guest: cpu [0-9]*: .*\b\([0-9]\+\) $1.*/\1/p" "$work/log" |
		awk '{ n += $1 } END { print n + 0 }'
}

# counted : says it, and leaves in $late_reads how many needed the driver's timeout
counted()
{
	late_reads=$(($(number "timeouts of the boot") + $(sum timeouts)))
	echo "# ${name:-$GUEST}: vectors requested $(number "interrupts requested")," \
		"granted $(number granted), queues $(number queues), reads $(sum reads)," \
		"of which by timeout $late_reads"
}
