// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps the static keys of KVM switched on, by virtual machines that exist as
 * long as the host does.
 *
 * KVM patches the kernel's code, finish_task_switch() among it, whenever the
 * first virtual machine or vCPU of a kind comes or the last one goes. On a host
 * that QEMU emulates with a thread for each processor, another processor may
 * then execute a breakpoint that is no longer there, again and again, for ever
 * (seen in asm_exc_int3, called from finish_task_switch, on every processor).
 * Tests that make many short virtual machines met it within a minute.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/kvm.h>

#define APIC_BASE_ENABLE (1 << 11)

static int vcpu(int vm, int id)
{
	int fd = ioctl(vm, KVM_CREATE_VCPU, id);

	if (fd < 0)
		err(1, "KVM_CREATE_VCPU");
	return fd;
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int with = ioctl(kvm, KVM_CREATE_VM, 0);
	int without = ioctl(kvm, KVM_CREATE_VM, 0);
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_sregs sregs;
	int off;

	if (with < 0 || without < 0)
		err(1, "KVM_CREATE_VM");
	/* From 6.17 on KVM may have no PIC and no I/O APIC. */
	if (ioctl(with, KVM_CREATE_IRQCHIP, 0) && ioctl(with, KVM_ENABLE_CAP, &split))
		err(1, "KVM_CREATE_IRQCHIP");
	/* A vCPU without a local APIC; one whose APIC software has not enabled; */
	vcpu(without, 0);
	vcpu(with, 0);
	/* and one whose APIC is switched off. */
	off = vcpu(with, 1);
	if (ioctl(off, KVM_GET_SREGS, &sregs))
		err(1, "KVM_GET_SREGS");
	sregs.apic_base &= ~(__u64)APIC_BASE_ENABLE;
	if (ioctl(off, KVM_SET_SREGS, &sregs))
		err(1, "KVM_SET_SREGS");

	puts("kept");
	fflush(stdout);
	for (;;)
		pause();
}
