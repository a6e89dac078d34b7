// SPDX-License-Identifier: GPL-2.0
/* Rules 32 to 34: what is an interrupt, and which one. */
#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define VECTOR		0x51

#define DATA_MODE(mode)	((mode) << 8)
enum { FIXED, LOWEST, SMI, RESERVED, NMI, INIT, STARTUP, EXTINT };

FIXTURE(message) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

FIXTURE_VARIANT(message) {
	unsigned int vm_flags;
};

FIXTURE_VARIANT_ADD(message, full) { 0 };
FIXTURE_VARIANT_ADD(message, split) { VM_SPLIT_IRQCHIP };
FIXTURE_VARIANT_ADD(message, x2apic) { VM_X2APIC };

FIXTURE_SETUP(message)
{
	vm_create(&self->vm, variant->vm_flags, 2);
	self->vcpu = &self->vm.vcpu[1];
	function_open(&self->fn, &self->vm, msix_shape(2));
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(message)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static int send(struct function *fn, __u32 upper, __u32 address, __u32 data)
{
	table_write(fn, ENTRY(0) + ENTRY_CONTROL, ENTRY_MASKED);
	table_write(fn, ENTRY(0) + ENTRY_ADDRESS, address);
	table_write(fn, ENTRY(0) + ENTRY_UPPER, upper);
	table_write(fn, ENTRY(0) + ENTRY_DATA, data);
	table_write(fn, ENTRY(0) + ENTRY_CONTROL, 0);
	return trigger(fn, MSIX, 0);
}

TEST_F(message, rule_32_outside_feex)
{
	static const __u64 addresses[] = {
		0, 0xfed01000, 0xfef01000, 0xffe01000, 0x7ee01000,
		/* Above 4 GiB in either format of the upper half. */
		0x1fee01000, 0x80fee01000,
	};
	struct msi_route_counters c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		EXPECT_EQ(MSI_ROUTE_DROPPED,
			  send(&self->fn, addresses[i] >> 32, addresses[i], VECTOR));
		EXPECT_EQ(i + 1, totals(&self->fn, MSIX).dropped_address);
		EXPECT_FALSE(pba_bit(&self->fn, 0));
	}
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(0, c.messages);
	EXPECT_EQ(c.events, accounted(&c));

	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* A pending event that is released is dropped like any other. */
TEST_F(message, rule_32_replayed)
{
	entry_set(&self->fn, 0, 0xfed00000, VECTOR, ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	entry_mask(&self->fn, 0, false);
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_EQ(1, totals(&self->fn, MSIX).dropped_address);
	EXPECT_EQ(1, totals(&self->fn, MSIX).replayed);
}

TEST_F(message, rule_33_remappable_waits)
{
	struct msi_route_create shape = msix_shape(1);
	struct msi_route_counters c;
	struct function fn;

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	function_open(&fn, &self->vm, shape);
	msix_control(&fn, MSIX_ENABLE);

	EXPECT_EQ(MSI_ROUTE_PENDING, send(&fn, 0, MSI_TO(1) | 0x10, VECTOR));
	EXPECT_TRUE(pba_bit(&fn, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_LE(1, totals(&fn, MSIX).remappable);

	/* A message in compatibility format needs no translation. */
	table_write(&fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
	table_write(&fn, ENTRY(0) + ENTRY_DATA, VECTOR);
	EXPECT_FALSE(pba_bit(&fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	c = totals(&fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
	function_close(&fn);
}

TEST_F(message, rule_33_without_a_unit_bit_4_is_nothing)
{
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1) | 0x10, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

TEST_F(message, rule_33_extended_destination)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	shape.flags = MSI_ROUTE_CREATE_EXT_DEST_ID;
	if (!(variant->vm_flags & VM_X2APIC)) {
		EXPECT_EQ(-EADDRNOTAVAIL, function_try_open(&fn, &self->vm, shape));
		return;
	}
	vm_add_vcpu(&self->vm, 0x102);
	vm_add_vcpu(&self->vm, 0x3a5);
	function_open(&fn, &self->vm, shape);
	msix_control(&fn, MSIX_ENABLE);

	/* Bits 11:5 are destination bits 14:8. */
	EXPECT_EQ(MSI_ROUTE_SENT, send(&fn, 0, MSI_TO(0x02) | 0x1 << 5, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[2], VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, send(&fn, 0, MSI_TO(0xa5) | 0x3 << 5, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[3], VECTOR));
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send(&fn, 0, MSI_TO(0xa5) | 0x7f << 5, VECTOR));
	/* The guest reads what it wrote. */
	EXPECT_EQ(MSI_TO(0xa5) | 0x7f << 5, table_read(&fn, ENTRY_ADDRESS));
	/* With bit 4, or with an upper address, these bits mean nothing. */
	EXPECT_EQ(MSI_ROUTE_SENT, send(&fn, 0, MSI_TO(1) | 0x7f << 5 | 0x10, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, send(&fn, 0x300, MSI_TO(0xa5) | 0x7c << 5, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[3], VECTOR));
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send(&fn, 0x100, MSI_TO(0xa5) | 0x2 << 5, VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[3]));
	/* The next message is like any other. */
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send(&fn, 0, MSI_TO(0xa5) | 0x7f << 5, VECTOR));
	EXPECT_EQ(0, table_read(&fn, ENTRY_UPPER));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	function_close(&fn);

	/* Behind a remapping unit this applies to messages that are not translated. */
	shape.flags |= MSI_ROUTE_CREATE_REMAPPING;
	function_open(&fn, &self->vm, shape);
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, send(&fn, 0, MSI_TO(0x02) | 0x1 << 5, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[2], VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, send(&fn, 0, MSI_TO(0x02) | 0x1 << 5 | 0x10, VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[2]));
	function_close(&fn);
}

TEST_F(message, rule_33_without_the_flag_bits_11_5_are_nothing)
{
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1) | 0x7f << 5, VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

TEST_F(message, rule_33_upper_destination)
{
	if (!(variant->vm_flags & VM_X2APIC))
		return;	/* needs the 32-bit format */
	vm_add_vcpu(&self->vm, 0x302);
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0x300, MSI_TO(2), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[2], VECTOR));
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send(&self->fn, 0x10000, MSI_TO(2), VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[2]));
}

TEST_F(message, rule_34_delivered_modes)
{
	struct kvm_mp_state state = { KVM_MP_STATE_RUNNABLE };
	/* A kernel may be built without it: then KVM delivers no SMI. */
	const bool smm = ioctl(self->vm.kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_SMM) > 0;

	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), DATA_MODE(FIXED) | VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), DATA_MODE(LOWEST) | VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));

	/* These have no vector, so a 0 there is legal. */
	EXPECT_FALSE(vcpu_nmi_pending(self->vcpu));
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), DATA_MODE(NMI)));
	EXPECT_TRUE(vcpu_nmi_pending(self->vcpu));

	EXPECT_FALSE(vcpu_smi_pending(self->vcpu));
	EXPECT_EQ(smm ? MSI_ROUTE_SENT : MSI_ROUTE_UNREACHED,
		  send(&self->fn, 0, MSI_TO(1), DATA_MODE(SMI)));
	EXPECT_EQ(smm, vcpu_smi_pending(self->vcpu));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), DATA_MODE(INIT)));
	ASSERT_EQ(0, ioctl(self->vcpu->fd, KVM_GET_MP_STATE, &state));
	EXPECT_EQ(KVM_MP_STATE_INIT_RECEIVED, state.mp_state);
	EXPECT_EQ(smm ? 5 : 4, totals(&self->fn, MSIX).messages);
}

TEST_F(message, rule_34_dropped_modes)
{
	static const unsigned int modes[] = { RESERVED, STARTUP, EXTINT };
	struct msi_route_counters c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(MSI_ROUTE_DROPPED,
			  send(&self->fn, 0, MSI_TO(1), DATA_MODE(modes[i]) | VECTOR));
		EXPECT_EQ(i + 1, totals(&self->fn, MSIX).dropped_mode);
	}
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(0, c.messages);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_FALSE(vcpu_nmi_pending(self->vcpu));
}

TEST_F(message, rule_34_illegal_vectors)
{
	unsigned int vector, dropped = 0;

	for (vector = 0; vector < 16; vector++) {
		EXPECT_EQ(MSI_ROUTE_DROPPED,
			  send(&self->fn, 0, MSI_TO(1), DATA_MODE(FIXED) | vector));
		EXPECT_EQ(MSI_ROUTE_DROPPED,
			  send(&self->fn, 0, MSI_TO(1), DATA_MODE(LOWEST) | vector));
		dropped += 2;
		EXPECT_EQ(dropped, totals(&self->fn, MSIX).dropped_vector);
	}
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), 16));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 16));
	EXPECT_EQ(MSI_ROUTE_SENT, send(&self->fn, 0, MSI_TO(1), 255));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 255));
}
