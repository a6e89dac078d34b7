// SPDX-License-Identifier: GPL-2.0
/* How a VMM uses msi_route. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include "../msi_route.h"

/* What any VMM has: a VM with a local APIC, one MSI route, a vCPU. */
static int create_vm(int *vcpu);
static int apic_has(int vcpu, unsigned char vector);

static void guest_writes(int fn, __u32 space, __u32 offset, __u32 len, __u64 value)
{
	struct msi_route_access a = { sizeof(a), space, offset, len, value };

	if (ioctl(fn, MSI_ROUTE_WRITE, &a))
		err(1, "MSI_ROUTE_WRITE");
}

int main(void)
{
	struct msi_route_bus_master master = { sizeof(master), .enable = 1 };
	struct msi_route_trigger event = { sizeof(event), MSI_ROUTE_MSIX, .vector = 0 };
	int vcpu, vm = create_vm(&vcpu), fn;

	/* A PCI function with 8 MSI-X vectors, capability at 40h, table in BAR 0. */
	struct msi_route_create create = {
		sizeof(create), .vm_fd = vm, .msix_vectors = 8, .msix_cap = 0x40,
		.msix_table_offset = 0, .msix_pba_offset = 0x800,
	};
	fn = ioctl(open("/dev/msi_route", O_RDWR), MSI_ROUTE_CREATE, &create);
	if (fn < 0)
		err(1, "MSI_ROUTE_CREATE");

	/* The guest sets Bus Master Enable, its message (vector 51h to vCPU 0), ... */
	ioctl(fn, MSI_ROUTE_SET_BUS_MASTER, &master);
	guest_writes(fn, MSI_ROUTE_TABLE, 0x0, 8, 0xfee00000);
	guest_writes(fn, MSI_ROUTE_TABLE, 0x8, 8, 0x51);
	/* ... and MSI-X Enable in Message Control. */
	guest_writes(fn, MSI_ROUTE_CONFIG, 0x42, 2, 0x8000);

	/* The device has something to tell: when this returns, it is in the IRR. */
	if (ioctl(fn, MSI_ROUTE_TRIGGER, &event))
		err(1, "MSI_ROUTE_TRIGGER");
	printf("outcome %u, vector 51h in the IRR: %d\n", event.outcome, apic_has(vcpu, 0x51));
	return event.outcome != MSI_ROUTE_SENT || !apic_has(vcpu, 0x51);
}

static int create_vm(int *vcpu)
{
	struct { struct kvm_irq_routing head; struct kvm_irq_routing_entry msi; } routes = {
		.head.nr = 1, .msi = { .gsi = 24, .type = KVM_IRQ_ROUTING_MSI },
	};
	struct kvm_lapic_state apic;
	int vm = ioctl(open("/dev/kvm", O_RDWR), KVM_CREATE_VM, 0);

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) || ioctl(vm, KVM_SET_GSI_ROUTING, &routes))
		err(1, "KVM");
	*vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (ioctl(*vcpu, KVM_GET_LAPIC, &apic))
		err(1, "KVM_GET_LAPIC");
	*(__u32 *)(apic.regs + 0xf0) = 0x1ff;	/* software enable */
	if (ioctl(*vcpu, KVM_SET_LAPIC, &apic))
		err(1, "KVM_SET_LAPIC");
	return vm;
}

static int apic_has(int vcpu, unsigned char vector)
{
	struct kvm_lapic_state apic;

	if (ioctl(vcpu, KVM_GET_LAPIC, &apic))
		err(1, "KVM_GET_LAPIC");
	return *(__u32 *)(apic.regs + 0x200 + vector / 32 * 16) >> vector % 32 & 1;
}
