// SPDX-License-Identifier: GPL-2.0
/*
 * The vectors of a capability: their memory, and how they come and go.
 *
 * Vectors are made in blocks and never move, so that those which stay notice
 * nothing of others that come or go.  An eventfd keeps its vector; whoever else
 * looks a vector up does so under RCU, and a block that has no vectors left is
 * freed by a work item after a grace period, for which no guest waits.  Until
 * then the block can be used again: a guest that takes and gives back for ever
 * uses no more memory than twice the most that it may have.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "mr.h"
#include "mutate.h"

/* The slow part of a whole block fills no size that kmalloc() has. */
static struct kmem_cache *slow_cache;

static u32 nr_blocks(u32 nr)
{
	return DIV_ROUND_UP(nr, MR_BLOCK);
}

/* ---- blocks ---- */

static void free_block(struct mr_block *b)
{
	if (!b)
		return;
	if (b->nr == MR_BLOCK && b->slow)
		kmem_cache_free(slow_cache, b->slow);
	else
		kfree(b->slow);
	kfree(b->entries);
	kfree(b->translations);
	kfree(b->vectors);
	kfree(b);
}

static struct mr_block *alloc_block(u32 nr, bool remapping, bool entries)
{
	const gfp_t gfp = mr_mutant(MR_MUT_OOM) ? GFP_KERNEL_ACCOUNT : MR_GFP;
	struct mr_block *b = kzalloc(sizeof(*b), gfp);

	if (!b)
		return NULL;
	b->nr = nr;
	b->vectors = kcalloc(nr, sizeof(*b->vectors), gfp);
	if (nr == MR_BLOCK)
		b->slow = kmem_cache_zalloc(slow_cache, gfp);
	else
		b->slow = kcalloc(nr, sizeof(*b->slow), gfp);
	if (remapping)
		b->translations = kcalloc(nr, sizeof(*b->translations), gfp);
	if (entries)
		b->entries = kcalloc(nr, sizeof(*b->entries), gfp);
	if (b->vectors && b->slow && (b->translations || !remapping) &&
	    (b->entries || !entries))
		return b;
	free_block(b);
	return NULL;
}

/* Under fn->config, or while nobody else knows the function. */
static struct mr_block *own_block(const struct mr_cap *cap, u32 block)
{
	return rcu_dereference_protected(cap->blocks[block], true);
}

static int make_block(struct mr_cap *cap, u32 block)
{
	u32 first = block * MR_BLOCK;
	struct mr_block *b;
	u32 i;

	b = alloc_block(min_t(u32, MR_BLOCK, cap->max - first),
			cap->fn->flags & MSI_ROUTE_CREATE_REMAPPING,
			cap->kind == MSI_ROUTE_IMS);
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

static void count_block(const struct mr_block *b, struct mr_vector_count *count)
{
	u32 i;

	for (i = 0; i < b->nr; i++)
		mr_vector_count(&b->vectors[i], count);
}

/* ---- looking up ---- */

/**
 * mr_vector_at() - a vector, or what is left of one
 * @cap: the capability
 * @index: below the most vectors that it may have; also where the processor only
 *	guesses that it is
 *
 * Context: any, under RCU, which preemption off is as well, or fn->config;
 * the vector is there as long.
 * Return: the vector, or NULL.
 */
struct mr_vector *mr_vector_at(const struct mr_cap *cap, u32 index)
{
	struct mr_block *b;

	index = array_index_nospec(index, cap->max);
	b = rcu_dereference_check(cap->blocks[index / MR_BLOCK],
				  rcu_read_lock_any_held() ||
				  lockdep_is_held(&cap->fn->config));
	return b ? &b->vectors[index % MR_BLOCK] : NULL;
}

/**
 * mr_vector_find() - a vector of the capability
 * @cap: the capability, which the function may not have
 * @index: from the caller, or the guest
 *
 * Context: as mr_vector_at().  Under RCU alone the vector may be given back
 * meanwhile, and is absent then; it is not freed.
 * Return: the vector, or NULL if it has no such vector now.
 */
struct mr_vector *mr_vector_find(const struct mr_cap *cap, u32 index)
{
	/* Pairs with mr_vectors_grow(). */
	if (index >= smp_load_acquire(&cap->nr))
		return NULL;
	return mr_vector_at(cap, index);
}

/**
 * mr_cap_for_each() - do something with each vector
 * @cap: the capability, which the function may not have
 * @each: does it, under RCU; may wait for senders, not sleep
 *
 * Vectors that are absent are among them, or not.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_cap_for_each(struct mr_cap *cap, void (*each)(struct mr_vector *v))
{
	struct mr_block *b;
	u32 block, i;

	for (block = 0; block < nr_blocks(cap->max); block++) {
		rcu_read_lock();
		b = rcu_dereference(cap->blocks[block]);
		for (i = 0; b && i < b->nr; i++)
			each(&b->vectors[i]);
		rcu_read_unlock();
		cond_resched();
	}
}

/* ---- counting ---- */

/**
 * mr_vectors_count() - what happened to all vectors, and to those that went
 * @cap: the capability
 * @count: is added to
 *
 * Observers call it: it does not wait for the owner's calls.
 *
 * Context: process, may sleep; takes cap->blocks_lock.
 * Return: 0 or -EINTR.
 */
int mr_vectors_count(struct mr_cap *cap, struct mr_vector_count *count)
{
	u32 block, pending = count->pending;
	struct mr_block *b;
	int ret;

	ret = mutex_lock_killable(&cap->blocks_lock);
	if (ret)
		return ret;
	count->events += cap->gone.events;
	count->messages += cap->gone.messages;
	count->coalesced += cap->gone.coalesced;
	for (b = cap->dying; b; b = b->next) {
		count_block(b, count);
		cond_resched();
	}
	/* Their Pending bits are those of vectors that have come since. */
	count->pending = pending;
	for (block = 0; block < nr_blocks(cap->max); block++) {
		b = rcu_dereference_protected(cap->blocks[block],
					      lockdep_is_held(&cap->blocks_lock));
		if (b)
			count_block(b, count);
		cond_resched();
	}
	mutex_unlock(&cap->blocks_lock);
	return 0;
}

/* ---- coming ---- */

/**
 * mr_vectors_reserve() - memory for vectors
 * @cap: the capability
 * @nr: number of vectors that it may come to have, at most cap->max
 *
 * What is reserved and not used is freed by mr_vectors_trim().
 *
 * Context: process, may sleep; fn->config held.
 * Return: number of vectors that there is memory for: @nr, or fewer.
 */
u32 mr_vectors_reserve(struct mr_cap *cap, u32 nr)
{
	u32 block;

	/* Not over the allocations, for which others may have to wait. */
	mutex_lock(&cap->blocks_lock);
	cap->keep = max(cap->keep, nr_blocks(nr));
	mutex_unlock(&cap->blocks_lock);
	for (block = 0; block < nr_blocks(nr); block++) {
		if (!own_block(cap, block) &&
		    (fatal_signal_pending(current) || make_block(cap, block)))
			return block * MR_BLOCK;
		cond_resched();
	}
	return nr;
}

/**
 * mr_vectors_grow() - more vectors
 * @cap: the capability
 * @nr: number that it is to have, reserved
 *
 * Context: process, interrupts on; fn->config held.
 */
void mr_vectors_grow(struct mr_cap *cap, u32 nr)
{
	u32 i;

	for (i = cap->nr; i < nr; i++) {
		mr_vector_add(mr_vector_at(cap, i));
		cond_resched();
	}
	/* They are complete before they can be found: mr_vector_find(). */
	smp_store_release(&cap->nr, nr);
	mr_vectors_trim(cap);
}

/* ---- going ---- */

/* Under cap->blocks_lock. */
static struct mr_block *take_unused(struct mr_cap *cap)
{
	struct mr_block *b, *list = NULL;
	u32 block;

	for (block = cap->keep; block < nr_blocks(cap->max); block++) {
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

static void release(struct work_struct *work)
{
	struct mr_cap *cap = container_of(work, struct mr_cap, release_work);
	struct mr_block *b, *list;

	mutex_lock(&cap->blocks_lock);
	list = take_unused(cap);
	cap->dying = list;
	mutex_unlock(&cap->blocks_lock);
	if (!list)
		return;

	/* Who has looked one of the vectors up may raise an event, and count it. */
	synchronize_rcu();
	mutex_lock(&cap->blocks_lock);
	cap->dying = NULL;
	for (b = list; b && !mr_mutant(MR_MUT_GONE_UNCOUNTED); b = b->next) {
		count_block(b, &cap->gone);
		cond_resched();
	}
	mutex_unlock(&cap->blocks_lock);

	while (list) {
		b = list;
		list = b->next;
		if (!mr_mutant(MR_MUT_KEPT_BLOCK))
			free_block(b);
		cond_resched();
	}
}

/**
 * mr_vectors_trim() - free what no vector needs, later
 * @cap: the capability
 *
 * Context: process; fn->config held.
 */
void mr_vectors_trim(struct mr_cap *cap)
{
	bool unused = false;
	u32 block;

	if (!cap->max)
		return;
	mutex_lock(&cap->blocks_lock);
	cap->keep = nr_blocks(cap->nr);
	for (block = cap->keep; block < nr_blocks(cap->max) && !unused; block++)
		unused = rcu_access_pointer(cap->blocks[block]);
	mutex_unlock(&cap->blocks_lock);
	if (unused)
		queue_work(mr_release_wq, &cap->release_work);
}

/**
 * mr_vectors_shrink() - fewer vectors
 * @cap: the capability
 * @nr: number that it is to have, at most what it has
 *
 * Their eventfds are detached, and what is pending is cleared and counted.  On
 * return none of them sends any more.
 *
 * Context: process, may sleep; fn->config held.
 */
void mr_vectors_shrink(struct mr_cap *cap, u32 nr)
{
	u32 i, old = cap->nr;

	WRITE_ONCE(cap->nr, nr);
	for (i = nr; i < old; i++) {
		if (mr_mutant(MR_MUT_STAYS_ON))
			continue;
		mr_trigger_remove(cap, i);
		mr_vector_remove(mr_vector_at(cap, i));
		cond_resched();
	}
	mr_vectors_trim(cap);
}

/* ---- life ---- */

/**
 * mr_vectors_init() - make the vectors of a capability
 * @cap: the capability, nobody knows it yet
 * @nr: number of vectors
 * @max: most vectors that it may come to have
 *
 * Return: 0 or -ENOMEM.
 */
int mr_vectors_init(struct mr_cap *cap, u32 nr, u32 max)
{
	INIT_WORK(&cap->release_work, release);
	mutex_init(&cap->blocks_lock);
	cap->blocks = kvcalloc(nr_blocks(max), sizeof(*cap->blocks),
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
 * mr_vectors_destroy() - free the vectors of a capability
 * @cap: the capability; nobody uses it any more
 *
 * Context: process, may sleep.
 */
void mr_vectors_destroy(struct mr_cap *cap)
{
	u32 block;

	cancel_work_sync(&cap->release_work);
	for (block = 0; block < nr_blocks(cap->max); block++) {
		free_block(own_block(cap, block));
		cond_resched();
	}
	kvfree(cap->blocks);
	cap->nr = 0;
	cap->max = 0;
}

int mr_vectors_module_init(void)
{
	slow_cache = kmem_cache_create("msi_route_block",
				       MR_BLOCK * sizeof(struct mr_vector_slow),
				       0, SLAB_ACCOUNT, NULL);
	return slow_cache ? 0 : -ENOMEM;
}

void mr_vectors_module_exit(void)
{
	kmem_cache_destroy(slow_cache);
}
