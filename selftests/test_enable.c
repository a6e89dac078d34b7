// SPDX-License-Identifier: GPL-2.0
/* Rules 1 and 2: the Enable bits. */
#include "guest/function.h"
#include "harness.h"

#define VECTOR		0x51
#define MSI_VECTOR	0x61

/* A function with both capabilities. */
FIXTURE(enable) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

FIXTURE_SETUP(enable)
{
	struct msi_route_create shape = msix_shape(4);

	shape.msi_cap = MSI_CAP;
	shape.msi_vectors = 1;
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape);
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msi_set(&self->fn, MSI_TO(0), MSI_VECTOR);
}

FIXTURE_TEARDOWN(enable)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

TEST_F(enable, rule_01_clear_at_creation_and_after_reset)
{
	EXPECT_EQ(0, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);

	msix_control(&self->fn, MSIX_ENABLE);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(MSIX_ENABLE,
		  config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(MSI_ENABLE, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);

	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_EQ(0, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);
}

TEST_F(enable, rule_01_msix_wins_and_both_is_counted)
{
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(0, totals(&self->fn, MSI_ROUTE_MSI).both_enabled);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(1, totals(&self->fn, MSI_ROUTE_MSI).both_enabled);
	EXPECT_EQ(1, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);

	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	/* MSI alone again: what it kept goes out. */
	msix_control(&self->fn, 0);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));

	/* Counted where it comes to be, in either order. */
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(2, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);
	msi_control(&self->fn, 0);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(3, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);
}

TEST_F(enable, rule_02_msix_disabled_becomes_pending)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));

	msix_control(&self->fn, 0);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(2, totals(&self->fn, MSI_ROUTE_MSIX).messages);
}

TEST_F(enable, rule_02_msi_disabled_becomes_pending)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
}
