// SPDX-License-Identifier: GPL-2.0
/*
 * The message store: two operations of one call, each of any kind and with any entry, on
 * either of two vectors, on one that was given back, or on one that cannot be.  Two are enough
 * to show that none is done if one is wrong, and that they are done in order.
 */
#include <linux/pci_regs.h>

#include "updates.h"
#include "vectors.h"

//@ harness ims_set
//@ draft
//@ sources updates.c vectors.c registers.c function/ims.c function/msi.c function/msix.c
//@ sources function/gate.c route/message.c route/vlapic.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_msi_size.0:8 -D PROOF_VECTORS=3
//@ mutants MR_MUT_STALE_RESET

#define IMS_OPS		2

static bool ims_zero(const struct spec_entry *e)
{
	return !e->address_lo && !e->address_hi && !e->data && !e->control;
}

static int ims_error(const struct msi_route_ims_op *op)
{
	struct spec_entry e = proof_entry(&op->entry);

	if (op->op < MSI_ROUTE_IMS_SET || op->op > MSI_ROUTE_IMS_FREE)
		return -EINVAL;
	if (op->op != MSI_ROUTE_IMS_SET && !ims_zero(&e))
		return -EINVAL;
	return op->vector < mr_ims_cap(&proof_fn)->nr ? 0 : -ECHRNG;
}

static struct spec_entry ims_done(struct spec_entry e, const struct msi_route_ims_op *op)
{
	switch (op->op) {
	case MSI_ROUTE_IMS_SET:
		e = proof_entry(&op->entry);
		e.address_lo &= ~3U;
		return e;
	case MSI_ROUTE_IMS_MASK:
		e.control |= 1;
		return e;
	case MSI_ROUTE_IMS_UNMASK:
		e.control &= ~1U;
		return e;
	default:
		return spec_entry_reset();
	}
}

static void ims_any(void)
{
	struct msi_route_create c = { .ims_vectors = PROOF_VECTORS };
	struct mr_cap *cap = mr_ims_cap(&proof_fn);
	u32 i;

	proof_any_function();
	CLAIM(!mr_ims_init(&proof_fn, &c), "a message store can be made");
	cap->nr = PROOF_VECTORS - 1;
	proof_any_registers();
	proof_kind = MSI_ROUTE_IMS;
	proof_index = nondet_u8();
	ASSUME(proof_index < cap->nr);
	for (i = 0; i < cap->nr; i++)
		proof_entries[i] = (struct msi_route_entry) {
			.address_lo = nondet_u32() & ~3U, .address_hi = nondet_u32(),
			.data = nondet_u32(), .control = nondet_u32(),
		};
	cap->pending[0] = nondet_u64();
}

static void ims_set_of(struct msi_route_ims_op *ops, u32 first, u32 second)
{
	const struct mr_cap *cap = mr_ims_cap(&proof_fn);
	struct spec_entry after, wanted;
	bool pending, wants;
	u32 i, done = 0;
	int ret, error = 0;

	/* As constants: CBMC then follows only the way of these vectors. */
	ops[0].vector = first;
	ops[1].vector = second;
	wanted = proof_entry(&proof_entries[proof_index]);
	pending = test_bit(proof_index, cap->pending);
	ret = mr_ims_set(&proof_fn, ops, IMS_OPS);
	if (kernel_killed)
		return;
	after = proof_entry(&proof_entries[proof_index]);
	wants = pending;
	for (i = 0; i < IMS_OPS && !error; i++)
		error = ims_error(&ops[i]);
	for (i = 0; i < IMS_OPS && !error; i++) {
		if (ops[i].vector != proof_index)
			continue;
		wanted = ims_done(wanted, &ops[i]);
		wants &= ops[i].op != MSI_ROUTE_IMS_FREE;
		done++;
	}
	CLAIM(ret == error, "the first operation that is wrong says what the call returns");
	CLAIM(proof_same_entry(&after, &wanted), "operations are done in order, all or none");
	CLAIM(test_bit(proof_index, cap->pending) == wants, "a freed vector forgets its event");
	CLAIM(proof_commit.nr == done, "each operation is one update");
	CLAIM(!done || (proof_same_message(proof_message(&proof_commit.raw),
					   spec_entry_message(&after)) &&
			proof_commit.masked == spec_entry_masked(&after)),
	      "what takes effect is what the entry holds");
}

void ims_set(void)
{
	static const u32 vector[] = { 0, 1, PROOF_VECTORS - 1, U32_MAX };
	struct msi_route_ims_op ops[IMS_OPS];	/* any */
	u32 i, k, first = nondet_u32(), second = nondet_u32();

	ims_any();
	for (i = 0; i < 4; i++)
		for (k = 0; k < 4; k++)
			if (first == i && second == k)
				ims_set_of(ops, vector[i], vector[k]);
	REACHED();
}
