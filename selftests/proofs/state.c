// SPDX-License-Identifier: GPL-2.0
/*
 * Stop, save, restore: a function with MSI, MSI-X and a message store, STATE_VECTORS each, in
 * any state.  Vectors come and go by the real cap.c and vector.c.  How many of MSI-X and of the
 * store are there before and after is a constant in each case: CBMC then knows which vectors
 * come and go.
 */
#include <linux/pci_regs.h>

#include "updates.h"

#define STATE_VECTORS	2

//@ harness state_saved
//@ draft
//@ sources updates.c registers.c function/state.c function/cap.c function/function.c
//@ sources function/msi.c function/msix.c function/ims.c function/grant.c function/gate.c
//@ sources route/message.c route/vlapic.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_msi_size.0:8
//@ mutants MR_MUT_STAYS_ON MR_MUT_STALE_RESET

//@ harness state_restored
//@ draft
//@ sources updates.c registers.c function/state.c function/cap.c function/function.c
//@ sources function/msi.c function/msix.c function/ims.c function/grant.c function/gate.c
//@ sources route/message.c route/vlapic.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_msi_size.0:8,state_restored.0:6
//@ mutants MR_MUT_OVERREAD

/* Table and PBA. */
static u64 state_image[2 * STATE_VECTORS + 1];

void *proof_image(size_t size)
{
	return state_image;
}

void mr_changes_init(struct mr_requester *rq)
{
}

/* What is saved of a vector. */
struct state_vector {
	struct spec_entry entry;	/* zero for MSI */
	bool pending, held, absent;
};

static struct state_vector state_of(struct mr_cap *cap, u32 index)
{
	struct mr_vector *v = mr_vector_at(cap, index);
	struct msi_route_entry e = {};

	if (cap->ops->load)
		cap->ops->load(cap, index, &e);
	return (struct state_vector) {
		.entry = proof_entry(&e),
		.pending = test_bit(index, cap->pending),
		.held = mr_cold(v)->held,
		.absent = mr_cold(v)->absent,
	};
}

static struct state_vector state_of_probe(void)
{
	struct state_vector probe = {};
	struct mr_cap *cap;
	u32 i;

	mr_for_each_cap(cap, &proof_fn.rq)
		for (i = 0; i < STATE_VECTORS; i++)
			if (cap->kind == proof_kind && i == proof_index)
				probe = state_of(cap, i);
	return probe;
}

static bool state_same_vector(const struct state_vector *a, const struct state_vector *b)
{
	return proof_same_entry(&a->entry, &b->entry) && a->pending == b->pending &&
	       a->held == b->held && a->absent == b->absent;
}

static void state_make(void)
{
	struct msi_route_create c = {
		.msix_vectors = STATE_VECTORS, .msix_cap = 0x40,
		.msix_pba_offset = 16 * STATE_VECTORS,
		.msi_vectors = STATE_VECTORS, .msi_cap = 0x80, .ims_vectors = STATE_VECTORS,
	};

	proof_fn.rq.vm.kvm = &proof_kvm;
	kernel_safe = true;
	CLAIM(!mr_function_init(&proof_fn, &c), "such a function can be made");
	kernel_safe = false;
	kernel_short = true;
	proof_any_function();
	proof_fn.rq.flags &= ~MSI_ROUTE_CREATE_REMAPPING;
	proof_fn.rq.stopped = true;
	proof_fn.msi.layout = nondet_u8();
	ASSUME(!(proof_fn.msi.layout & ~(MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
					 MSI_ROUTE_MSI_EXT_DATA)));
	proof_fn.grant.offset = nondet_bool() ? 0xc0 : 0;
	proof_kind = nondet_u8();
	proof_index = nondet_u8();
	ASSUME(proof_kind < MSI_ROUTE_NR_KINDS && proof_index < STATE_VECTORS);
}

/* A vector that the capability has is in any state, another one is as after reset. */
static void state_any_vector(struct mr_cap *cap, u32 index, bool holds)
{
	struct mr_vector *v = mr_vector_at(cap, index);
	struct msi_route_entry e = { .control = 1 };
	bool absent = index >= cap->nr, pending = !absent && nondet_bool();

	if (!absent)
		e = (struct msi_route_entry) {
			.address_lo = nondet_u32(), .address_hi = nondet_u32(),
			.data = nondet_u32(), .control = nondet_u32(),
		};
	if (cap->ops->store)
		cap->ops->store(v, &e);
	if (pending)
		set_bit(index, cap->pending);
	else
		clear_bit(index, cap->pending);
	mr_cold(v)->absent = absent;
	mr_cold(v)->held = holds && !absent && cap->kind != MSI_ROUTE_IMS && nondet_bool();
}

static void state_any(u32 msix_nr, u32 ims_nr)
{
	u32 i, bound = nondet_u32();
	struct mr_cap *cap;

	ASSUME(bound <= MR_HOLD_MAX_NS);
	proof_any_registers();
	mr_msix_cap(&proof_fn)->nr = msix_nr;
	mr_ims_cap(&proof_fn)->nr = ims_nr;
	mr_for_each_cap(cap, &proof_fn.rq) {
		cap->hold_bound = bound;
		for (i = 0; i < STATE_VECTORS; i++)
			state_any_vector(cap, i, bound);
	}
}

/* How many vectors of MSI-X and of the store there are. */
struct state_nr {
	u32 msix, ims;
};

/* A save, whatever happened then, and a restore of it. */
static void state_save(struct state_nr then, struct state_nr later)
{
	struct msi_route_entry msix_entries[STATE_VECTORS] = {}, ims_entries[STATE_VECTORS] = {};
	unsigned long msix_pba = 0, msix_held = 0, ims_pba = 0, ims_held = 0;
	struct mr_state_arrays msix = { STATE_VECTORS, msix_entries, &msix_pba, &msix_held };
	struct mr_state_arrays ims = { then.ims, ims_entries, &ims_pba, &ims_held };
	struct state_vector saved, after;
	struct spec_function before, restored;
	struct msi_route_state s = {};
	int ret;

	state_any(then.msix, then.ims);
	before = proof_spec();
	saved = state_of_probe();
	mutex_lock(&proof_fn.rq.config);
	mr_state_get(&proof_fn, &s, &msix, &ims);
	mutex_unlock(&proof_fn.rq.config);
	CLAIM(spec_state_valid(&before, &s, MR_HOLD_MAX_NS), "what is saved can be restored");

	state_any(later.msix, later.ims);
	mutex_lock(&proof_fn.rq.config);
	ret = mr_state_put(&proof_fn, &s, &msix, &ims);
	mutex_unlock(&proof_fn.rq.config);
	restored = proof_spec();
	after = state_of_probe();
	CLAIM(ret == 0 || ret == -ENOMEM || kernel_killed, "a saved state is accepted");
	if (ret)
		return;
	CLAIM(proof_same_function(&restored, &before), "all registers are as they were saved");
	CLAIM(mr_ims_cap(&proof_fn)->nr == then.ims, "so is the number of vectors");
	CLAIM(state_same_vector(&after, &saved), "so is each vector, and what is pending");
	REACHED();
}

void state_saved(void)
{
	static const struct state_nr few = { 1, STATE_VECTORS }, many = { STATE_VECTORS, 1 };

	state_make();
	switch (nondet_u8()) {
	case 0:
		state_save(few, many);
		break;
	case 1:
		state_save(many, few);
		break;
	default:
		state_save(few, few);
		break;
	}
}

/* Any bytes, with these numbers of vectors */
static void state_restore(u32 msix_granted, u32 ims_granted)
{
	struct state_vector before, after;
	struct spec_function f, now;
	struct msi_route_state s;	/* any */
	bool shape;
	u32 granted;
	int ret;

	s.msix_granted = msix_granted;
	s.ims_granted = ims_granted;
	f = proof_spec();
	before = state_of_probe();
	ret = mr_state_restore(&proof_fn, &s);
	now = proof_spec();
	after = state_of_probe();
	shape = s.msix_vectors == STATE_VECTORS && s.msi_vectors == STATE_VECTORS &&
		s.msi_flags == f.msi_flags && s.ims_max == STATE_VECTORS;

	CLAIM(!proof_fn.rq.lock.held && !proof_fn.rq.config.held, "no lock is left");
	if (ret) {
		CLAIM(proof_same_function(&now, &f) && mr_ims_cap(&proof_fn)->nr == STATE_VECTORS &&
		      state_same_vector(&after, &before), "what fails changes nothing");
		CLAIM(ret == -EBUSY || ret == -EINVAL || ret == -EOPNOTSUPP || ret == -EFAULT ||
		      ret == -ENOMEM || ret == -EINTR, "the error is one that is documented");
		return;
	}
	CLAIM(f.stopped, "a function that runs is not restored");
	CLAIM(shape && spec_state_valid(&f, &s, MR_HOLD_MAX_NS),
	      "what is restored is what the specification allows");
	spec_state_restore(&f, &s);
	f.msix_granted = msix_granted ? msix_granted : f.msix_granted;
	/* Of MSI's Pending bits and of the others, the probe's is looked at. */
	now.msi_pending = f.msi_pending;
	CLAIM(proof_same_function(&now, &f), "each register has what was restored");
	CLAIM(mr_ims_cap(&proof_fn)->nr == ims_granted && ims_granted <= STATE_VECTORS &&
	      now.msix_granted <= STATE_VECTORS, "no more vectors than there can be");
	granted = proof_kind == MSI_ROUTE_MSIX ? now.msix_granted :
		  proof_kind == MSI_ROUTE_IMS ? ims_granted : STATE_VECTORS;
	CLAIM(after.absent == (proof_index >= granted), "the vectors are those that are granted");
	CLAIM(!after.absent || (!after.pending && !after.held),
	      "nothing is pending or held of a vector that is not granted");
	CLAIM(proof_kind != MSI_ROUTE_MSI || after.pending == (s.msi_pending >> proof_index & 1),
	      "what was pending is pending");
	CLAIM(!(after.entry.address_lo & 3), "an address is one that a register can hold [4]");
	CLAIM(after.absent || proof_commit.nr, "what is restored takes effect");
	CLAIM(!mr_msi_cap(&proof_fn)->open && !mr_msix_cap(&proof_fn)->open &&
	      !mr_ims_cap(&proof_fn)->open, "a restored function is stopped");
	REACHED();
}

void state_restored(void)
{
	static const u32 nr[] = { 0, 1, STATE_VECTORS, STATE_VECTORS + 1, U32_MAX };
	u32 i, which = nondet_u8();
	bool msix = nondet_bool();

	state_make();
	state_any(1, STATE_VECTORS);
	proof_fn.rq.stopped = nondet_bool();
	mr_function_gate(&proof_fn);
	for (i = 0; i < 5; i++) {
		if (which == i && msix)
			state_restore(nr[i], 1);
		if (which == i && !msix)
			state_restore(STATE_VECTORS, nr[i]);
	}
}
