// SPDX-License-Identifier: GPL-2.0
/* The guest library itself, with KVM alone: what other tests rely on. */
#include <sched.h>
#include <sys/ioctl.h>

#include "guest/vm.h"
#include "harness.h"

#define VECTOR		0x41
#define IPI_VECTOR	0x42

FIXTURE(guest) {
	struct vm vm;
};

FIXTURE_VARIANT(guest) {
	unsigned int flags;
};

FIXTURE_VARIANT_ADD(guest, xapic) { .flags = 0 };
FIXTURE_VARIANT_ADD(guest, x2apic) { .flags = VM_X2APIC };
FIXTURE_VARIANT_ADD(guest, split) { .flags = VM_X2APIC | VM_SPLIT_IRQCHIP };

FIXTURE_SETUP(guest)
{
	vm_create(&self->vm, variant->flags, 2);
}

FIXTURE_TEARDOWN(guest)
{
	vm_destroy(&self->vm);
}

static int signal_msi(struct vm *vm, __u32 address, __u32 data)
{
	struct kvm_msi msi = { .address_lo = address, .data = data };

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &msi);
}

TEST_F(guest, irr_of_a_stopped_vcpu)
{
	struct vcpu *vcpu = &self->vm.vcpu[1];

	EXPECT_EQ(0, vcpu_irr_weight(vcpu));
	ASSERT_EQ(1, signal_msi(&self->vm, APIC_BASE | 1 << 12, VECTOR));
	EXPECT_TRUE(vcpu_irr(vcpu, VECTOR));
	EXPECT_EQ(1, vcpu_irr_weight(vcpu));
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[0], VECTOR));
	vcpu_clear_irr(vcpu);
	EXPECT_EQ(0, vcpu_irr_weight(vcpu));
}

static bool ready, irr_seen, isr_seen;

static void note_isr(struct guest_cpu *cpu, __u8 vector)
{
	(void)cpu;
	isr_seen = guest_isr(vector);
}

/* Sleeps until VECTOR, sends IPI_VECTOR to itself, and ends. */
static void wait_and_send(void)
{
	struct guest_cpu *cpu = guest_this_cpu();

	store(&ready, true);
	guest_wait_until(READ_ONCE(cpu->count[VECTOR]));
	guest_cli();
	guest_send_ipi(cpu->apic_id, IPI_VECTOR);
	irr_seen = guest_irr(IPI_VECTOR);
	guest_take_interrupts();
}

TEST_F(guest, handlers_count)
{
	guest_handler = note_isr;
	vcpu_start(&self->vm.vcpu[0], wait_and_send);
	while (!load(&ready))
		sched_yield();
	EXPECT_EQ(1, signal_msi(&self->vm, APIC_BASE, VECTOR));
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_EQ(1, guest_cpus[0].count[VECTOR]);
	EXPECT_EQ(1, guest_cpus[0].count[IPI_VECTOR]);
	EXPECT_EQ(0, guest_cpus[1].count[VECTOR]);
	EXPECT_TRUE(irr_seen);
	EXPECT_TRUE(isr_seen);
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
}

static void wait_for_nmi(void)
{
	store(&ready, true);
	while (!READ_ONCE(guest_this_cpu()->count[NMI_VECTOR]))
		guest_relax();
}

TEST_F(guest, nmi_is_counted)
{
	vcpu_start(&self->vm.vcpu[0], wait_for_nmi);
	while (!load(&ready))
		sched_yield();
	EXPECT_EQ(1, signal_msi(&self->vm, APIC_BASE, 4 << 8));
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_EQ(1, guest_cpus[0].count[NMI_VECTOR]);
}

static void sleep_for_ever(void)
{
	store(&ready, true);
	for (;;)
		guest_halt();
}

TEST_F(guest, stops_in_hlt)
{
	vcpu_start(&self->vm.vcpu[0], sleep_for_ever);
	vcpu_start(&self->vm.vcpu[1], sleep_for_ever);
	while (!load(&ready))
		sched_yield();
	vm_stop(&self->vm);
}
