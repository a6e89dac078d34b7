# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A machine that goes from QEMU to QEMU under I/O whose interrupts move, and what
# can be asked of it. Sourced, never run.

# shellcheck source=integration/qemu/guest.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/guest.sh"

log=$work/log
exec 3>&1

note()
{
	echo "# $*" >&3
}

/sbin/modprobe -a vhost_net tun bridge
ip link add br0 type bridge
ip address add 10.9.8.1/24 dev br0
ip link set br0 up
cables=(tap0 tap1 tap2)
for tap in "${cables[@]}"; do
	ip tuntap add "$tap" mode tap vnet_hdr
	ip link set "$tap" master br0 up
done
image ahci
image blk

clean_up()
{
	kill "${pids[@]}" 2>/dev/null || :
	rm -rf "$work"
}
trap clean_up EXIT

# ---- QEMUs ----

# The one that runs the machine; of each the process and whether it uses msi_route;
# who has which of the host's ends of the network's cable.
now='' last='' nr=0
declare -A pids route owner in out

# The monitor is on two pipes: an interpreter for each command would take longer
# than the migration, on an emulated host.

# answer QEMU : what it says up to its prompt
answer()
{
	local said='' word i

	for ((i = 0; i < 240; )); do
		if IFS= read -r -d ' ' -t 1 word <&"${out[$1]}"; then
			said+="$word "
		else
			said+=$word i=$((i + 1))
			kill -0 "${pids[$1]}" 2>/dev/null || return 1
		fi
		if [[ $said = *"(qemu) " ]]; then
			# Not what it echoes
			[[ $said != *$'\n'* ]] || said=${said#*$'\n'}
			said=${said%"(qemu) "}
			printf '%s' "${said//$'\r'/}"
			return
		fi
	done
	return 1
}

# monitor QEMU COMMAND...
monitor()
{
	local command

	for command in "${@:2}"; do
		printf '%s\n' "$command" >&"${in[$1]}"
		answer "$1" || return
	done
}

# What else the machine has, in each QEMU; the format of the disks; the program that the
# next QEMU is, and the machine's type
more=() format=raw next=$qemu type=q35

# make MSI-ROUTE DRIVE-OPTIONS ARGUMENT... : a QEMU that does not run the machine
# yet; its name is in $new
make()
{
	nr=$((nr + 1))
	new=qemu$nr
	route[$new]=$1
	for cable in "${cables[@]}"; do
		[ -n "${owner[$cable]:-}" ] || break
	done
	owner[$cable]=$new
	mkfifo "$work/$new.in" "$work/$new.out"
	exec {fd}<>"$work/$new.in"
	in[$new]=$fd
	exec {fd}<>"$work/$new.out"
	out[$new]=$fd
	"$next" -S -cpu host -smp 2 -m 160 -nodefaults -no-user-config \
		-display none -no-shutdown -M "$type" -accel "kvm,msi-route=$1" \
		-chardev "file,id=serial,path=$log,append=on" -serial chardev:serial \
		-monitor stdio \
		-D "$work/$new.trace" -trace msi_route_access \
		-kernel "$vmlinuz" -initrd "$initramfs" \
		-append "console=ttyS0 loglevel=5 panic=-1 iomem=relaxed test.name=migrate" \
		-drive "if=none,id=ahci,format=$format,file=$work/ahci$2" \
		-drive "if=none,id=blk,format=$format,file=$work/blk$2" \
		-drive "if=none,id=ask,format=raw,readonly=on,file=$work/ask" \
		-device ide-hd,drive=ahci,bus=ide.0 -object iothread,id=io \
		-device virtio-blk-pci,addr=4,drive=blk,iothread=io,num-queues=2,vectors=2 \
		-device virtio-blk-pci,addr=5,drive=ask,num-queues=2,vectors=2 \
		-netdev "tap,id=net,ifname=$cable,script=no,downscript=no,vhost=on" \
		-device virtio-net-pci,addr=6,netdev=net,id=nic,vectors=4,guest_announce=off \
		"${more[@]}" "${@:3}" < "$work/$new.in" > "$work/$new.out" 2> "$work/$new.log" &
	pids[$new]=$!
	# It does what it is told when all else is ready, as an incoming migration.
	answer "$new" > /dev/null && monitor "$new" "info status" > /dev/null
}

end()
{
	local fd cable

	printf 'quit\n' >&"${in[$1]}"
	wait "${pids[$1]}" || :
	for cable in "${cables[@]}"; do
		[ "${owner[$cable]:-}" != "$1" ] || owner[$cable]=
	done
	fd=${in[$1]}
	exec {fd}>&-
	fd=${out[$1]}
	exec {fd}>&-
}

run()
{
	monitor "$now" cont > /dev/null
}

# ---- the guest ----

asked=0
ask()
{
	asked=$((asked + 1))
	pid=${pids[$now]}
	printf '%-511s\n' "$asked $1" | dd of="$work/ask" conv=notrunc status=none
	wait_for 240 "^guest: did $asked "
}

# The machine is new: boots, with what was asked before forgotten. An emulated
# host hangs a guest's boot now and then, with the module or without.
start()
{
	local try

	asked=0
	for try in 1 2 3; do
		dd if=/dev/zero of="$work/ask" bs=64k count=1 status=none
		: > "$log"
		now=
		make "$@" && now=$new && run && ask check && return
		now=$new
		asked=0
		note "try $try: the guest hung in its boot"
		tail -n 5 "$work/$now.log" "$log" | sed 's/^/# /' >&3
		kill -9 "${pids[$now]}" 2>/dev/null || :
		end "$now"
	done
	return 1
}

# progress NUMBER : so many of the devices do I/O, and have since this was called
progress()
{
	local from since=$SECONDS

	from=$(($(stat -c %s "$log") + 1))
	until tail -c "+$from" "$log" | awk -v number="$1" '
		/^guest: (sda|vda|net|nvme) [0-9]/ { seen[$2] }
		END { exit length(seen) < number }'; do
		kill -0 "${pids[$now]}" || return
		if [ $((SECONDS - since)) -ge 240 ]; then
			note "I/O stands still; the guest said last:"
			tail -n 5 "$log" | sed 's/^/# /' >&3
			return 1
		fi
		sleep 0.3
	done
}

# ---- counters ----

counters()
{
	monitor "$1" "info msi-route" > "$work/$1.counters"
	if [ "${route[$1]}" = on ]; then
		grep -q 'device=virtio-net-pci .* kind=msix' "$work/$1.counters"
	else
		grep -q 'msi_route is not used' "$work/$1.counters"
	fi
}

# Each event of each function became a message or is told of.
sums()
{
	awk "$account"'
		{
			wrong += !account()
			wrong += n["dropped_vector"] + n["dropped_mode"] + n["unreached"] != 0
		}
		END { exit wrong || !NR }' "$work/$1.counters"
}

# What a function's counters say, in an order that all versions of QEMU have
only()
{
	sed -nE "s/^bdf=([^ ]*) .* (kind=[^ ]*) .*\\b$2=([0-9]+) .*/\\1 \\2 \\3/p" \
		"$work/$1.counters" | sort
}

# ---- from QEMU to QEMU ----

# How many went between which, were refused
declare -A went
refused=0

# status QEMU : of the migration
status()
{
	# "Migration status: " or, from QEMU 10.1 on, "Status: "
	[[ $(monitor "$1" "info migrate") =~ [Ss]tatus:[[:space:]]+([a-z]+) ]] || return
	status=${BASH_REMATCH[1]}
}

# migrate FROM TO : whether it comes to its end is in $outcome
migrate()
{
	local side

	outcome=failed
	monitor "$1" "migrate_set_parameter downtime-limit 20000" \
		"migrate_set_parameter max-bandwidth 4G" \
		"migrate -d unix:$work/$2.incoming" > /dev/null
	# The source may have sent all of what its destination refuses.
	for side in "$1" "$2"; do
		for (( ; ; )); do
			status "$side" || return 0
			case $status in
			none | setup | active | device)
				sleep 0.2 ;;
			completed)
				break ;;
			*)	return 0 ;;
			esac
		done
	done
	outcome=completed
}

# There is one thing that only msi_route has a place for, and QEMU names it.
is_refusal()
{
	grep -q "the stream has interrupts that only msi_route can take" "$work/$1.log"
}

# go MSI-ROUTE : to a new QEMU, whose name is in $now, but it does not run. Fails
# if what was pending is not.
go()
{
	local from=$now

	make "$1" "" -incoming "unix:$work/qemu$((nr + 1)).incoming"
	migrate "$from" "$new"
	if [ "$outcome" != completed ]; then
		if [ "$1" = off ] && is_refusal "$new"; then
			outcome=refused
		fi
		note "from ${route[$from]} to $1: $outcome"
		sed 's/^/# /' "$work/$new.log" >&3
		end "$new"
		return
	fi
	now=$new last=$from
	went[${route[$from]}-$1]=$((${went[${route[$from]}-$1]:-0} + 1))
	counters "$from" && counters "$now" || return
	if [ "${route[$from]}" = on ]; then
		sums "$from" || return
		no_access "$from" || return
	fi
	if [ "$1" = on ]; then
		sums "$now" || return
	fi
	if [ "${route[$from]}-$1" = on-on ]; then
		diff <(only "$from" pending) <(only "$now" pending) || return
		diff <(only "$from" pending) <(only "$now" events) || return
		! only "$now" messages | grep -v ' 0$' || return
	fi
}

# Table and PBA stay in the kernel.
no_access()
{
	! grep -m 3 ' space [12] ' "$work/$1.trace"
}

# The counters of all functions of a QEMU whose machine is stopped
pendings()
{
	counters "$now" && sums "$now" && only "$now" pending
}

reaches()
{
	go "$1" && [ "$outcome" = "$2" ]
}

goes()
{
	reaches "$@" || return
	[ "$2" != completed ] || end "$last"
}

# hop MSI-ROUTE : a machine that is refused goes on where it was, and tries again.
hop()
{
	local try

	for try in 1 2 3 4 5; do
		go "$1" || return
		[ "$outcome" != completed ] || end "$last"
		run
		progress 3 || return
		case $outcome in
		completed)	return 0 ;;
		refused)	refused=$((refused + 1)) ;;
		*)		return 1 ;;
		esac
	done
	return 1
}

# What is pending with a masked vector goes along, whoever keeps it.
pending()
{
	counters "$now" || return
	[ "${route[$now]}" = off ] || only "$now" pending | grep '00:06.0 kind=msix 1$' > /dev/null
}

carried()
{
	goes "$1" completed && pending && run && ask still &&
		! said "link: it interrupts though masked"
}

# ---- what became of it ----

fine()
{
	! grep -E '^guest: (kernel|.*: (wrong|not))' "$log" > "$work/bad" || {
		sed 's/^/# /' "$work/bad" >&3
		return 1
	}
}

report()
{
	sed -nE '/^guest: (did|link|kernel|.*: )/s/^/# /p' "$log"
}

finish()
{
	ask finish > /dev/null && wait_for 60 '^guest: end'
}
