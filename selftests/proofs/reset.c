// SPDX-License-Identifier: GPL-2.0
/*
 * A reset of a function with MSI and MSI-X, PROOF_VECTORS of each, in any state.
 */
#include <linux/pci_regs.h>

#include "updates.h"
#include "vectors.h"

//@ harness reset
//@ sources updates.c vectors.c registers.c function/function.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/vector.c
//@ sources route/block.c
//@ options --unwind 6 --unwindset mr_msi_size.0:8 -D PROOF_VECTORS=4
//@ mutants MR_MUT_STALE_RESET MR_MUT_RESETS_ALL

/* It forgets the marks. */
void mr_changes_forget(struct mr_requester *rq)
{
	lockdep_assert_held(&rq->config);
	proof_changes = 0;
}

static void reset_of(u32 kind)
{
	struct msi_route_create c = { .msix_cap = 0x40 };
	struct spec_entry e, wanted = spec_entry_reset();
	struct spec_function f, after;
	bool keeps = nondet_bool();
	struct mr_cap *cap;
	int ret;

	proof_any_function();
	proof_any_msi(0x80);
	proof_msix(&c, PROOF_VECTORS);
	CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
	proof_fn.grant.offset = nondet_bool() ? 0xc0 : 0;
	proof_any_registers();
	proof_kind = kind;
	proof_index = nondet_u8();
	cap = &proof_fn.rq.caps[proof_kind];
	ASSUME(proof_index < cap->nr);
	__CPROVER_havoc_slice(proof_table, sizeof(proof_table));
	f = proof_spec();

	ret = mr_function_reset(&proof_fn, keeps);
	if (ret) {
		CLAIM(ret == -EINTR && kernel_killed, "a reset does not fail");
		return;
	}
	after = proof_spec();
	spec_reset(&f, keeps);
	/* Of MSI's pending bits one is looked at, like those of MSI-X. */
	CLAIM(!test_bit(proof_index, cap->pending), "no Pending bit is set");
	f.msi_pending = after.msi_pending;
	CLAIM(proof_same_function(&after, &f), "the registers are as after reset [29]");
	e = (struct spec_entry) {
		.address_lo = proof_table[2 * proof_index],
		.address_hi = proof_table[2 * proof_index] >> 32,
		.data = proof_table[2 * proof_index + 1],
		.control = proof_table[2 * proof_index + 1] >> 32,
	};
	CLAIM(proof_kind == MSI_ROUTE_MSI || proof_same_entry(&e, &wanted),
	      "so is each entry");
	CLAIM(!cap->open, "nothing is sent");
	CLAIM(proof_commit.nr == 1 && proof_commit.hold == MR_HOLD_CLOSE,
	      "a reset takes effect, and ends an update hold");
	CLAIM(!proof_changes || proof_changes == MSI_ROUTE_CHANGE_CONTROL,
	      "the VMM, which did it, is told nothing of it");
	REACHED();
}

void reset(void)
{
	if (nondet_bool())
		reset_of(MSI_ROUTE_MSIX);
	else
		reset_of(MSI_ROUTE_MSI);
}
