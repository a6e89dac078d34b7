// SPDX-License-Identifier: GPL-2.0
/*
 * Stands for cap.c where registers are proved: the memory of vectors, and how vectors come
 * and go.  What a vector of the grown part does is left out: state.c proves it with the
 * real one.
 */
#include "vectors.h"

struct mr_vector proof_vectors[MSI_ROUTE_NR_KINDS][PROOF_VECTORS];
struct mr_vector_cold proof_cold[MSI_ROUTE_NR_KINDS][PROOF_VECTORS];
struct msi_route_entry proof_entries[PROOF_VECTORS];
u64 proof_table[2 * PROOF_VECTORS + PROOF_BLOCKS];
u32 proof_room;

static struct mr_block proof_block[MSI_ROUTE_NR_KINDS][PROOF_BLOCKS];
static struct mr_block *proof_blocks[MSI_ROUTE_NR_KINDS][PROOF_BLOCKS];

void proof_msix(struct msi_route_create *c, u16 vectors)
{
	c->msix_vectors = vectors;
	c->msix_pba_offset = 16 * PROOF_VECTORS;
}

void proof_any_msi(u8 at)
{
	struct msi_route_create c = { .msi_vectors = PROOF_VECTORS, .msi_cap = 0x40 };
	struct mr_cap *cap = mr_msi_cap(&proof_fn);
	u8 layout = nondet_u8();
	u32 nr = nondet_u8();

	CLAIM(!mr_msi_init(&proof_fn, &c), "MSI of this form can be made");
	ASSUME(!(layout & ~(MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
			    MSI_ROUTE_MSI_EXT_DATA)));
	ASSUME(!(layout & MSI_ROUTE_MSI_MASKING) ||
	       !(proof_fn.rq.flags & MSI_ROUTE_CREATE_DROP_DISABLED));
	ASSUME(is_power_of_2(nr) && nr <= PROOF_VECTORS);
	proof_fn.msi.layout = layout;
	cap->config_at = at;
	cap->config_size = mr_msi_size(layout);
	cap->nr = nr;
}

void *proof_image(size_t size)
{
	return proof_table;
}

/* Block @nr of the capability, with all vectors that it can have. */
static void proof_make_block(struct mr_cap *cap, u32 nr)
{
	struct mr_block *b = &proof_block[cap->kind][nr];
	u32 i, first = nr * MR_BLOCK;

	proof_blocks[cap->kind][nr] = b;
	b->cap = cap;
	b->first = first;
	b->nr = min(PROOF_VECTORS - first, (u32)MR_BLOCK);
	b->vectors = &proof_vectors[cap->kind][first];
	b->cold = &proof_cold[cap->kind][first];
	b->entries = cap->ops->entries_in_block ? &proof_entries[first] : NULL;
	for (i = 0; i < b->nr; i++) {
		b->vectors[i].block = b;
		b->vectors[i].live = &b->vectors[i].slot[0];
	}
}

int mr_cap_init(struct mr_function *fn, u32 kind, const struct mr_cap_ops *ops, u32 nr, u32 max,
		unsigned long *pending)
{
	struct mr_cap *cap = &fn->rq.caps[kind];
	u32 i;

	CLAIM(nr && nr <= max, "a capability has vectors");
	ASSUME(max <= PROOF_VECTORS);
	cap->rq = &fn->rq;
	cap->kind = kind;
	cap->ops = ops;
	cap->nr = nr;
	cap->max = max;
	cap->limit = max;
	cap->pending = pending;
	cap->blocks = proof_blocks[kind];
	for (i = 0; i < PROOF_BLOCKS; i++)
		proof_make_block(cap, i);
	return 0;
}

void mr_cap_destroy(struct mr_cap *cap)
{
}

u32 mr_vectors_reserve(struct mr_cap *cap, u32 nr)
{
	lockdep_assert_held(&cap->rq->config);
	CLAIM(nr <= cap->max, "no more is reserved than the capability can have");
	return min(nr, proof_room);
}

void mr_vectors_grow(struct mr_cap *cap, u32 nr)
{
	lockdep_assert_held(&cap->rq->config);
	CLAIM(nr >= cap->nr && nr <= max(cap->nr, proof_room), "what is granted was reserved");
	cap->nr = nr;
}

void mr_vectors_shrink(struct mr_cap *cap, u32 nr)
{
	lockdep_assert_held(&cap->rq->config);
	CLAIM(nr && nr <= cap->nr, "what is given back was there, and some stay");
	cap->nr = nr;
}

void mr_vectors_trim(struct mr_cap *cap)
{
	lockdep_assert_held(&cap->rq->config);
}
