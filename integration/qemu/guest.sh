# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the tests that boot a guest share; sourced, never run. They run in the
# lab: check starts them there.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

[ $# = 3 ] || {
	echo "usage: ${0##*/} QEMU VMLINUZ INITRAMFS, in the lab" >&2
	exit 125
}
# shellcheck disable=SC2034 # read by the scripts that source this file
qemu=$1 vmlinuz=$2 initramfs=$3 status=

tests=0 failed=0

# tap DESCRIPTION COMMAND... : one test
tap()
{
	local what=$1 result=ok
	shift

	tests=$((tests + 1))
	"$@" > /dev/null || { result="not ok" failed=$((failed + 1)); }
	echo "$result $tests - $what"
}

# older_than VERSION : is this QEMU?
older_than()
{
	local own

	own=$("$qemu" --version | sed -nE '1s/.* version ([0-9]+\.[0-9]+).*/\1/p')
	[ "$own" != "$1" ] && printf '%s\n' "$own" "$1" | sort -VC
}

# skip DESCRIPTION REASON : one that cannot be done here
skip()
{
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

plan()
{
	echo "1..$tests"
	[ "$failed" = 0 ] || exit 1
}

said()
{
	grep -qE "^guest: $1" "$work/log"
}

# image NAME [MB] : with data, so that a read of the wrong block is seen
image()
{
	dd if=/dev/urandom of="$work/$1" bs=1M count="${2:-16}" status=none
}

running()
{
	kill -0 "$pid" 2>/dev/null
}

# Newer KVMs (7.3's does, 6.12's does not) stop a guest whose access to a device is
# an exit with an event said to be on its way in, an internal error. The emulated
# processor says so by mistake now and then, with msi_route on as well as off. A real
# one does not: there it is a failure like any other.
given_up()
{
	[ "$LAB_ACCEL" = tcg ] && grep -q '^KVM internal error. Suberror: 3' "$work/log"
}

# wait_for SECONDS PATTERN : until the log has it; fails if QEMU is gone, KVM has
# given up, or the guest has been silent for that long. How fast the host is does
# not matter. Nor may it talk on for ever, of the devices that it waits for: twice that.
wait_for()
{
	local size=-1 now since begin=$SECONDS

	until grep -qE "$2" "$work/log"; do
		running && ! given_up || return 1
		now=$(stat -c %s "$work/log")
		if [ "$now" != "$size" ]; then
			size=$now since=$SECONDS
		elif [ $((SECONDS - since)) -ge "$1" ]; then
			return 1
		fi
		[ $((SECONDS - begin)) -lt $((2 * $1)) ] || return 1
		sleep 0.5
	done
}

end_qemu()
{
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
}

# hmp COMMAND... : what QEMU's monitor answers
hmp()
{
	"$here/monitor" "$work/monitor" "$@"
}

# gone_within SECONDS : QEMU was told to quit. One that does not would end the test without a
# word of what it waits for.
gone_within()
{
	local begin=$SECONDS task

	while running; do
		if [ $((SECONDS - begin)) -ge "$1" ]; then
			echo "# QEMU does not end; its threads wait in:"
			for task in "/proc/$pid/task/"*; do
				sed "s|^|# $(cat "$task/comm"): |" "$task/stack"
			done
			kill -9 "$pid"
			return
		fi
		sleep 0.1
	done
}

# What QEMU asks of KVM: routes, and irqfds but those of INTx, which are of the 24
# pins or have a second eventfd (flag 2), or go away (flag 1).
tracing=/sys/kernel/tracing
watch_kvm()
{
	[ -d "$tracing/events/msi_route_test" ] || {
		# shellcheck disable=SC2016 # $arg is the kernel's
		printf '%s\n' 'p:msi_route_test/set_gsi_routing kvm_set_irq_routing nr=$arg3:u32' \
			'p:msi_route_test/irqfd kvm_irqfd gsi=+4($arg2):u32 flags=+8($arg2):u32' \
			> "$tracing/kprobe_events"
		echo "flags == 0 && gsi >= 24" > "$tracing/events/msi_route_test/irqfd/filter"
		echo 1 > "$tracing/events/msi_route_test/enable"
	}
	echo > "$tracing/trace"
}

# calls NAME : how many of these there were since the guest began to run
calls()
{
	grep -c " $1: (" "$work/calls" || :
}

# A machine is complete, its vCPUs do not run yet: a test may have things to do.
complete()
{
	:
}

# Before each try of a boot: for disks on which a guest leaves how far it has come.
anew()
{
	:
}

# The guest has said its end, QEMU runs still.
ended()
{
	:
}

# boot QEMU TEST PARAMETERS ARGUMENT... : boots the guest for the test of that
# name and waits for its end. What it says is in $work/log, the module's
# counters are in $work/counters, QEMU's status is in $status. An emulated host
# hangs a guest's boot now and then, with the module or without, or its KVM gives
# the guest up: that is tried again, and said.
boot()
{
	local program=$1 test=$2 parameters=$3 try
	shift 3

	for try in 1 2 3; do
		anew
		rm -f "$work/monitor" "$work/counters"
		"$program" -S -cpu host -smp 2 -m 512 -nodefaults -no-user-config \
			-display none -no-shutdown -serial stdio \
			-monitor "unix:$work/monitor,server,nowait" \
			-kernel "$vmlinuz" -initrd "$initramfs" \
			-append "console=ttyS0 loglevel=5 panic=-1 test.name=$test $parameters" \
			"$@" < /dev/null > "$work/log" 2>&1 &
		pid=$!
		until [ -S "$work/monitor" ] || ! running; do sleep 0.1; done
		if hmp "info status" > /dev/null 2>&1; then
			complete
			watch_kvm
			hmp cont || :
		fi
		# No measure of speed: a host of two emulated processors may be busy.
		if wait_for 120 '^guest: '; then
			wait_for 480 '^guest: end' || :
			given_up || break
			echo "# try $try: KVM gave the guest up"
		elif running; then
			echo "# try $try: the guest hung in its boot"
			tail -n 3 "$work/log" | sed 's/^/#   /'
		else
			break
		fi
		[ "$try" = 3 ] || end_qemu
	done

	if said end; then
		ended
		hmp "info msi-route" > "$work/counters" || :
		hmp quit || :
		gone_within 240
	elif running; then
		echo "# the guest hung in its test; it said last:"
		tail -n 20 "$work/log" | sed 's/^/# /'
		end_qemu
	fi
	# shellcheck disable=SC2034 # read by the scripts that source this file
	wait "$pid" && status=0 || status=$?
	grep -v '^#' "$tracing/trace" > "$work/calls" || :
	sed -nE '/^guest:|qemu|No irq|BUG|WARN|^KVM internal|^extra data/s/^/# /p' "$work/log"
}

# shellcheck disable=SC2016 # awk's
# For awk: n[] is what a line of the counters says, and true if it tells the end of each event
account='
function account(    i, word, told) {
	for (i = 5; i <= NF; i++) {
		split($i, word, "=")
		n[word[1]] = word[2]
	}
	told = n["messages"] + n["coalesced"] + n["cleared"]
	told += n["unreached"] + n["pending"] + n["dropped_address"]
	told += n["dropped_mode"] + n["dropped_vector"]
	told += n["dropped_absent"] + n["dropped_disabled"]
	return n["events"] == told
}
'

# accounted DEVICE KIND [ID [BDF]] : each event of it became a message or is told of, and
# there were some
accounted()
{
	awk -v device="device=$1" -v kind="kind=$2" -v id="id=${3:--}" -v bdf="bdf=${4:-}" "$account"'
		$2 == device && $3 == id && $4 == kind && (bdf == "bdf=" || $1 == bdf) {
			seen = account() && n["messages"] > 0
		}
		END { exit !seen }' "$work/counters"
}

# all_accounted : each event of each function is
all_accounted()
{
	awk "$account"'
		!account() { print "# " $0 > "/dev/stderr"; wrong = 1 }
		END { exit wrong || !NR }' "$work/counters"
}

# for_vfio FUNCTION : the host gives it to VFIO, and no driver of its own has it
for_vfio()
{
	/sbin/modprobe vfio-pci
	echo vfio-pci > "/sys/bus/pci/devices/$1/driver_override"
	echo "$1" > /sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/drivers/vfio-pci/$1" ]
}

# What QEMU's trace says of ways that are the kernel's. in_kernel TRACE : only accesses of
# configuration space (0) came to QEMU.
in_kernel()
{
	grep -q ' space 0 ' "$1" && ! grep -m 3 ' space [12] ' "$1"
}

# queue_notified TRACE : an interrupt of a virtio queue came to QEMU. Vector 0 is that of the
# configuration, which QEMU changes.
queue_notified()
{
	grep -m 3 'vector [1-9]' "$1"
}

# assigned_notified TRACE : one of an assigned device did, as an ioctl or by a handler of its own
assigned_notified()
{
	grep -m 3 -E 'msi_route_notify dev vfio-pci|vfio_msi_interrupt' "$1"
}
