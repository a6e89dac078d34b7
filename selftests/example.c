// SPDX-License-Identifier: GPL-2.0
/* How a VMM uses msi_route, by the helper. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include "../msi_route.h"
#include "../lib/msi_route_vmm.h"

/* Every VMM has these: a VM with a local APIC, a vCPU. */
static int create_vm(int *vcpu);
static int apic_has(int vcpu, unsigned char vector);

static void guest_sets_up(struct mrv_function *fn)
{
	const __u16 command = 0x0006, control = 0x8000;
	const __u64 address = 0xfee00000, data = 0x51;

	mrv_config_write(fn, 0x04, &command, 2);	/* Bus Master Enable */
	mrv_bar_write(fn, 0, 0x0, &address, 8);		/* entry 0: vector 51h to vCPU 0, */
	mrv_bar_write(fn, 0, 0x8, &data, 8);		/* not masked */
	mrv_config_write(fn, 0x42, &control, 2);	/* MSI-X Enable */
}

int main(void)
{
	/* What the guest finds: 8 vectors of MSI-X; table and PBA are in BAR 0. */
	const __u8 config[256] = {
		[0x06] = 0x10, [0x34] = 0x40, [0x40] = 0x11, [0x42] = 8 - 1, [0x49] = 0x08,
	};
	int vcpu, vm = create_vm(&vcpu), outcome;
	struct mrv_function fn;
	struct mrv_vm host;

	/* Without msi_route the helper does the same in user space. */
	if (mrv_vm_init(&host, vm, -1, 0) || mrv_create(&fn, &host, config, 0, "example", 0))
		errx(1, "no function");
	guest_sets_up(&fn);

	/* The device raises an event: when this returns, it is in the IRR. */
	outcome = mrv_trigger(&fn, MSI_ROUTE_MSIX, 0);
	printf("outcome %d, vector 51h in the IRR: %d\n", outcome, apic_has(vcpu, 0x51));
	mrv_destroy(&fn);
	mrv_vm_fini(&host);
	return outcome != MSI_ROUTE_SENT || !apic_has(vcpu, 0x51);
}

static int create_vm(int *vcpu)
{
	struct kvm_lapic_state apic;
	int vm = ioctl(open("/dev/kvm", O_RDWR), KVM_CREATE_VM, 0);

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0))
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
