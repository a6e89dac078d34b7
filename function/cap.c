// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a capability and of its vectors.
 *
 * A work item frees a block that has no vectors left, after a grace period.  No guest
 * waits for that.  Until then the block can be used again.  So a guest that takes and
 * gives back vectors for ever uses at most twice the memory of all its vectors.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../mutate.h"
#include "../route/eventfd.h"
#include "function.h"

/* ---- looking up ---- */

/**
 * mr_function_cap_of_kind() - find a capability
 * @fn: the function
 * @kind: enum msi_route_kind, unchecked
 *
 * Context: any.
 * Return: the capability, or ERR_PTR() of -EINVAL, -ENODEV.
 */
struct mr_cap *mr_function_cap_of_kind(struct mr_function *fn, u32 kind)
{
	struct mr_cap *cap;

	if (kind >= MSI_ROUTE_NR_KINDS)
		return ERR_PTR(-EINVAL);
	cap = &fn->rq.caps[array_index_nospec(kind, MSI_ROUTE_NR_KINDS)];
	return cap->max ? cap : ERR_PTR(-ENODEV);
}

/**
 * mr_function_cap() - find the capability that has these vectors
 * @fn: the function
 * @kind: enum msi_route_kind
 * @first: number of the first vector, unchecked
 * @nr: how many vectors there must be from @first on, unchecked
 *
 * Context: any.  Without rq->config, vectors may be given back meanwhile.
 * Return: the capability, or ERR_PTR() of -EINVAL, -ENODEV, -ECHRNG.
 */
struct mr_cap *mr_function_cap(struct mr_function *fn, u32 kind, u32 first,
			       u32 nr)
{
	struct mr_cap *cap = mr_function_cap_of_kind(fn, kind);

	if (IS_ERR(cap))
		return cap;
	if (!nr)
		return ERR_PTR(-EINVAL);
	if (!mr_cap_has(cap, first, nr) && !mr_mutant(MR_MUT_ANY_RANGE))
		return ERR_PTR(-ECHRNG);
	return cap;
}

/* ---- vectors come ---- */

/* Under rq->config, or while nobody else knows the function. */
static struct mr_block *mr_block_own(const struct mr_cap *cap, u32 block)
{
	return rcu_dereference_protected(cap->blocks[block], true);
}

static int mr_cap_make_block(struct mr_cap *cap, u32 block)
{
	u32 first = block * MR_BLOCK;
	struct mr_block *b;
	u32 i;

	b = mr_block_alloc(min_t(u32, MR_BLOCK, cap->max - first),
			   cap->rq->flags & MSI_ROUTE_CREATE_REMAPPING,
			   cap->ops->entries_in_block);
	if (!b)
		return -ENOMEM;
	b->cap = cap;
	b->first = first;
	for (i = 0; i < b->nr; i++) {
		b->vectors[i].block = b;
		if (b->entries)
			b->entries[i].control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		mr_vector_init(&b->vectors[i], first + i >= cap->nr);
	}
	rcu_assign_pointer(cap->blocks[block], b);
	return 0;
}

/**
 * mr_vectors_reserve() - reserve memory for vectors
 * @cap: the capability
 * @nr: number of vectors that it may get, at most cap->max
 *
 * mr_vectors_trim() frees what was reserved and is not used.
 *
 * Context: process, may sleep; rq->config held.
 * Return: number of vectors that there is memory for: @nr, or fewer.
 */
u32 mr_vectors_reserve(struct mr_cap *cap, u32 nr)
{
	u32 block;

	/* Not held over the allocations: others would wait for them. */
	mutex_lock(&cap->blocks_lock);
	cap->keep = max(cap->keep, mr_nr_blocks(nr));
	mutex_unlock(&cap->blocks_lock);
	for (block = 0; block < mr_nr_blocks(nr); block++) {
		if (!mr_block_own(cap, block) &&
		    (fatal_signal_pending(current) || mr_cap_make_block(cap, block)))
			return block * MR_BLOCK;
		cond_resched();
	}
	return nr;
}

/**
 * mr_vectors_grow() - add vectors
 * @cap: the capability
 * @nr: its new number of vectors, reserved
 *
 * Context: process, interrupts on; rq->config held.
 */
void mr_vectors_grow(struct mr_cap *cap, u32 nr)
{
	u32 i;

	for (i = cap->nr; i < nr; i++) {
		mr_vector_add(mr_vector_at(cap, i));
		cond_resched();
	}
	/* The vectors are complete before mr_vector_find() can find them. */
	smp_store_release(&cap->nr, nr);
	mr_vectors_trim(cap);
}

/* ---- vectors go ---- */

/* Under cap->blocks_lock. */
static struct mr_block *mr_cap_take_unused(struct mr_cap *cap)
{
	struct mr_block *b, *list = NULL;
	u32 block;

	for (block = cap->keep; block < mr_nr_blocks(cap->max); block++) {
		b = rcu_dereference_protected(cap->blocks[block],
					      lockdep_is_held(&cap->blocks_lock));
		if (!b)
			continue;
		RCU_INIT_POINTER(cap->blocks[block], NULL);
		b->next = list;
		list = b;
	}
	return list;
}

static void mr_cap_release_work(struct work_struct *work)
{
	struct mr_cap *cap = container_of(work, struct mr_cap, release_work);
	struct mr_block *b, *list;

	mutex_lock(&cap->blocks_lock);
	list = mr_cap_take_unused(cap);
	cap->dying = list;
	mutex_unlock(&cap->blocks_lock);
	if (!list)
		return;

	/* Whoever has looked up a vector may still raise an event and count it. */
	synchronize_rcu();
	mutex_lock(&cap->blocks_lock);
	cap->dying = NULL;
	for (b = list; b && !mr_mutant(MR_MUT_GONE_UNCOUNTED); b = b->next) {
		mr_block_count(b, &cap->gone);
		cond_resched();
	}
	mutex_unlock(&cap->blocks_lock);

	while (list) {
		b = list;
		list = b->next;
		if (!mr_mutant(MR_MUT_KEPT_BLOCK))
			mr_block_free(b);
		cond_resched();
	}
}

/**
 * mr_vectors_trim() - free unused blocks, later
 * @cap: the capability
 *
 * Context: process; rq->config held.
 */
void mr_vectors_trim(struct mr_cap *cap)
{
	bool unused = false;
	u32 block;

	if (!cap->max)
		return;
	mutex_lock(&cap->blocks_lock);
	cap->keep = mr_nr_blocks(cap->nr);
	for (block = cap->keep; block < mr_nr_blocks(cap->max) && !unused; block++)
		unused = rcu_access_pointer(cap->blocks[block]);
	mutex_unlock(&cap->blocks_lock);
	if (unused)
		queue_work(mr_release_wq, &cap->release_work);
}

/**
 * mr_vectors_shrink() - remove vectors
 * @cap: the capability
 * @nr: its new number of vectors, at most the present one
 *
 * Detaches the removed vectors' eventfds, and clears and counts what is pending.  On
 * return none of these vectors sends any more.
 *
 * Context: process, may sleep; rq->config held.
 */
void mr_vectors_shrink(struct mr_cap *cap, u32 nr)
{
	u32 i, old = cap->nr;

	WRITE_ONCE(cap->nr, nr);
	for (i = nr; i < old; i++) {
		if (mr_mutant(MR_MUT_STAYS_ON))
			continue;
		mr_eventfd_remove(cap, i);
		mr_vector_remove(mr_vector_at(cap, i));
		cond_resched();
	}
	mr_vectors_trim(cap);
}

/* ---- life ---- */

static void mr_vectors_destroy(struct mr_cap *cap)
{
	u32 block;

	cancel_work_sync(&cap->release_work);
	for (block = 0; block < mr_nr_blocks(cap->max); block++) {
		mr_block_free(mr_block_own(cap, block));
		cond_resched();
	}
	kvfree(cap->blocks);
	cap->nr = 0;
	cap->max = 0;
}

static int mr_vectors_init(struct mr_cap *cap, u32 nr, u32 max)
{
	INIT_WORK(&cap->release_work, mr_cap_release_work);
	mutex_init(&cap->blocks_lock);
	cap->blocks = kvcalloc(mr_nr_blocks(max), sizeof(*cap->blocks),
			       MR_GFP);
	if (!cap->blocks)
		return -ENOMEM;
	cap->nr = nr;
	cap->max = max;
	if (mr_vectors_reserve(cap, nr) == nr)
		return 0;
	mr_vectors_destroy(cap);
	return -ENOMEM;
}

/**
 * mr_cap_init() - make a capability of a function
 * @fn: the function; its registers are as after reset
 * @kind: enum msi_route_kind
 * @ops: what is special about it
 * @nr: number of vectors
 * @max: most vectors that it can have
 * @pending: a bit for each of @max vectors, all clear
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int mr_cap_init(struct mr_function *fn, u32 kind, const struct mr_cap_ops *ops,
		u32 nr, u32 max, unsigned long *pending)
{
	struct mr_cap *cap = &fn->rq.caps[kind];
	int ret;

	/* Senders use one cache line.  A whole vector takes less than two. */
	BUILD_BUG_ON(sizeof(struct mr_vector) != 64);
	BUILD_BUG_ON(sizeof(raw_spinlock_t) == 4 &&
		     sizeof(struct mr_vector_cold) > 56);
	BUILD_BUG_ON(MSI_ROUTE_IMS_MAX_VECTORS - 1 > U16_MAX);

	cap->rq = &fn->rq;
	cap->kind = kind;
	cap->ops = ops;
	cap->limit = max;
	cap->pending = pending;
	cap->reason = ops->blocked(cap);
	xa_init_flags(&cap->eventfds, XA_FLAGS_ACCOUNT);
	mr_hold_init(cap);
	ret = mr_vectors_init(cap, nr, max);
	if (ret)
		return ret;
	ret = mr_route_init(cap);
	if (ret)
		mr_vectors_destroy(cap);
	return ret;
}

/**
 * mr_cap_destroy() - free a capability
 * @cap: the capability; no eventfd is attached and no call is under way
 *
 * Context: process, may sleep.
 */
void mr_cap_destroy(struct mr_cap *cap)
{
	mr_hold_destroy(cap);
	mr_route_destroy(cap);
	mr_vectors_destroy(cap);
}
