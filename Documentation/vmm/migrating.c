// SPDX-License-Identifier: GPL-2.0
/* The same guest and the same device, on before.c, on after.c or on bare.c. */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include "msix.h"

static int vm, vcpu;

static void create_vm(void)
{
	struct kvm_lapic_state apic;
	uint32_t enabled = 0x1ff;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		err(1, "KVM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_LAPIC, &apic))
		err(1, "KVM_CREATE_VCPU");
	memcpy(apic.regs + 0xf0, &enabled, sizeof(enabled));
	if (ioctl(vcpu, KVM_SET_LAPIC, &apic))
		err(1, "KVM_SET_LAPIC");
}

/* Takes the vector from the IRR, as if its interrupt were handled. */
static bool came(uint8_t vector)
{
	struct kvm_lapic_state apic;
	char *byte = apic.regs + 0x200 + vector / 32 * 16 + vector % 32 / 8;
	char bit = 1 << vector % 8;
	bool was;

	if (ioctl(vcpu, KVM_GET_LAPIC, &apic))
		err(1, "KVM_GET_LAPIC");
	was = *byte & bit;
	*byte &= ~bit;
	if (ioctl(vcpu, KVM_SET_LAPIC, &apic))
		err(1, "KVM_SET_LAPIC");
	return was;
}

/*
 * If an eventfd holds a count when KVM_IRQFD is assigned, the event comes by a work
 * item, after the call.  With msi_route it is there when the write of the mask has
 * returned.
 */
static bool comes(uint8_t vector)
{
	while (!came(vector))
		sched_yield();
	return true;
}

static void require(bool fulfilled, const char *what)
{
	if (!fulfilled)
		errx(1, "not so: %s", what);
	puts(what);
}

static void set_message(struct msix *x, uint32_t vector, uint32_t data)
{
	msix_write_table(x, vector * 16 + 0x0, 0xfee00000);
	msix_write_table(x, vector * 16 + 0x4, 0);
	msix_write_table(x, vector * 16 + 0x8, data);
}

static void set_mask(struct msix *x, uint32_t vector, uint32_t mask)
{
	msix_write_table(x, vector * 16 + 0xc, mask);
}

int main(void)
{
	int fd[MSIX_VECTORS], i;
	struct msix *x;

	create_vm();
	for (i = 0; i < MSIX_VECTORS; i++)
		fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	x = msix_create(vm, fd);
	msix_bus_master(x, 1);
	set_message(x, 0, 0x40);
	set_mask(x, 0, 0);
	set_message(x, 1, 0x41);
	set_mask(x, 1, 0);
	msix_write_control(x, 0x8000);

	msix_raise(x, 0);
	require(came(0x40), "raised: it came");
	eventfd_write(fd[1], 1);
	require(came(0x41), "signalled: it came");

	set_mask(x, 0, 1);
	set_mask(x, 1, 1);
	msix_raise(x, 0);
	eventfd_write(fd[1], 1);
	require(!came(0x40) && !came(0x41), "masked: nothing came");
	require(msix_read_pba(x) == 3, "both are pending");

	/* The guest moves vector 1 while it is masked. */
	set_message(x, 1, 0x51);
	set_mask(x, 0, 0);
	set_mask(x, 1, 0);
	require(came(0x40) && comes(0x51) && !came(0x41), "unmasked: both came");
	require(msix_read_pba(x) == 0, "none is pending");
	msix_destroy(x);
	return 0;
}
