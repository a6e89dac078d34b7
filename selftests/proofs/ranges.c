// SPDX-License-Identifier: GPL-2.0
/* Which vectors a call may name: any kind, any range, any number of vectors. */
#include <linux/err.h>

#include "harness.h"

//@ harness ranges
//@ sources function/cap.c route/block.c
//@ options --unwind 4
//@ mutants MR_MUT_ANY_RANGE

//@ harness vector_found
//@ sources route/block.c
//@ options --unwind 4 --unwindset vector_found.0:5
//@ fault route/block.c s/index % MR_BLOCK/index/
//@ fault route/block.c s/index >= smp_load_acquire/index > smp_load_acquire/

void ranges(void)
{
	u32 i, kind = nondet_u32(), first = nondet_u32(), nr = nondet_u32();
	struct mr_cap *cap, *caps = proof_fn.rq.caps;
	bool there;

	for (i = 0; i < MSI_ROUTE_NR_KINDS; i++) {
		caps[i].max = nondet_u32();
		caps[i].nr = nondet_u32();
		ASSUME(caps[i].max <= MSI_ROUTE_IMS_MAX_VECTORS && caps[i].nr <= caps[i].max);
	}
	cap = mr_function_cap(&proof_fn, kind, first, nr);
	if (kind >= MSI_ROUTE_NR_KINDS) {
		CLAIM(PTR_ERR(cap) == -EINVAL, "there is no such kind");
		return;
	}
	if (!caps[kind].max) {
		CLAIM(PTR_ERR(cap) == -ENODEV, "the function has no such capability");
		return;
	}
	there = spec_has(caps[kind].nr, first, nr);
	CLAIM(cap == (there ? &caps[kind] : ERR_PTR(nr ? -ECHRNG : -EINVAL)),
	      "a range of vectors is there as a whole, or refused");
	REACHED();
}

/* Any vector of a capability; the block that it is in may be there or not. */
void vector_found(void)
{
	static struct mr_block *blocks[MSI_ROUTE_MSIX_MAX_VECTORS / MR_BLOCK];
	static struct mr_vector_cold cold[MR_BLOCK];
	static struct mr_vector vectors[MR_BLOCK];
	static struct mr_block b = { .vectors = vectors, .cold = cold };
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	u32 i, index = nondet_u32();
	struct mr_vector *v;

	cap->max = nondet_u32();
	cap->nr = nondet_u32();
	ASSUME(cap->max <= MSI_ROUTE_MSIX_MAX_VECTORS && cap->nr <= cap->max);
	cap->blocks = blocks;
	v = mr_vector_find(cap, index);
	CLAIM(!v, "there is no vector without memory");
	if (index >= cap->max)
		return;
	b.cap = cap;
	b.first = index - index % MR_BLOCK;
	b.nr = min(cap->max - b.first, (u32)MR_BLOCK);
	blocks[index / MR_BLOCK] = &b;
	v = mr_vector_find(cap, index);
	CLAIM(!v == (index >= cap->nr), "a vector is found if the capability has it");
	v = mr_vector_at(cap, index);
	CLAIM(v == &vectors[index % MR_BLOCK] && index % MR_BLOCK < b.nr,
	      "it is one of its block");
	/* Some of them: the first one and the last one are among them. */
	for (i = 0; i < MR_BLOCK; i += 21) {
		vectors[i].block = &b;
		CLAIM(mr_vector_index(&vectors[i]) == b.first + i &&
		      mr_cold(&vectors[i]) == &cold[i], "a vector knows its number");
	}
	REACHED();
}
