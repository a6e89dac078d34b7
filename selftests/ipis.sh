# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Counts the interrupts of devices that guests send by IPI; sourced, never run.
#
# At each move of an interrupt Linux looks whether the new vector is pending on the CPU that it
# moves the interrupt away from, where another device may have the same vector.  Then it sends the
# new vector by an IPI, and the guest counts an interrupt that no device raised.

ipis=/sys/kernel/tracing/instances/device_ipis

# The counts begin at 0.
ipis_begin()
{
	[ ! -d $ipis ] || rmdir $ipis
	mkdir $ipis
	echo hist:keys=icr_low > $ipis/events/kvm/kvm_apic_ipi/trigger
}

# ipis_of_devices MOVES : number of such IPIs since then.  Where the processor sends IPIs
# (AVIC, IPI virtualization) KVM does not see them: one a move at the most.
ipis_of_devices()
{
	[ "$LAB_ACCEL" = tcg ] || { echo "$1"; return; }
	# Fixed delivery, and a vector below those that Linux itself uses from ECh on
	awk '/icr_low:/ {
		gsub(/[{}:]/, " ")
		vector = $2 % 256
		if (int($2 / 256) % 8 == 0 && vector > 32 && vector < 236)
			sum += $NF
	} END { print sum + 0 }' $ipis/events/kvm/kvm_apic_ipi/hist
}
