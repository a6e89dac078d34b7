// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates vectors, looks them up, and counts over all of them.
 *
 * Vectors are made in blocks and never move, so vectors that stay notice nothing when
 * others come or go.  An eventfd keeps a pointer to its vector.  Everybody else looks a
 * vector up under RCU.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "../mutate.h"
#include "route.h"

/* The cold part of a whole block would waste memory in any size of kmalloc(). */
static struct kmem_cache *mr_cold_cache;

struct workqueue_struct *mr_wq;
struct workqueue_struct *mr_release_wq;

/* ---- blocks ---- */

void mr_block_free(struct mr_block *b)
{
	if (!b)
		return;
	if (b->nr == MR_BLOCK && b->cold)
		kmem_cache_free(mr_cold_cache, b->cold);
	else
		kfree(b->cold);
	kfree(b->entries);
	kfree(b->translations);
	kfree(b->vectors);
	kfree(b);
}

struct mr_block *mr_block_alloc(u32 nr, bool remapping, bool entries)
{
	const gfp_t gfp = mr_mutant(MR_MUT_OOM) ? GFP_KERNEL_ACCOUNT : MR_GFP;
	struct mr_block *b = kzalloc(sizeof(*b), gfp);

	if (!b)
		return NULL;
	b->nr = nr;
	b->vectors = kcalloc(nr, sizeof(*b->vectors), gfp);
	if (nr == MR_BLOCK)
		b->cold = kmem_cache_zalloc(mr_cold_cache, gfp);
	else
		b->cold = kcalloc(nr, sizeof(*b->cold), gfp);
	if (remapping)
		b->translations = kcalloc(nr, sizeof(*b->translations), gfp);
	if (entries)
		b->entries = kcalloc(nr, sizeof(*b->entries), gfp);
	if (b->vectors && b->cold && (b->translations || !remapping) &&
	    (b->entries || !entries))
		return b;
	mr_block_free(b);
	return NULL;
}

/* ---- looking up ---- */

/**
 * mr_vector_at() - find a vector, or what is left of one
 * @cap: the capability
 * @index: below cap->max; the processor may only guess that it is
 *
 * Context: any, under RCU (preemption off is enough) or rq->config; the vector exists
 * for as long.
 * Return: the vector, or NULL.
 */
struct mr_vector *mr_vector_at(const struct mr_cap *cap, u32 index)
{
	struct mr_block *b;

	index = array_index_nospec(index, cap->max);
	b = rcu_dereference_check(cap->blocks[index / MR_BLOCK],
				  rcu_read_lock_any_held() ||
				  lockdep_is_held(&cap->rq->config));
	return b ? &b->vectors[index % MR_BLOCK] : NULL;
}

/**
 * mr_vector_find() - find a vector of the capability
 * @cap: the capability, which the function may not have
 * @index: from the caller, or the guest
 *
 * Context: as mr_vector_at().  Under RCU alone the vector may be given back meanwhile.
 * It is absent then, but not freed.
 * Return: the vector, or NULL if the capability has no such vector now.
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
 * @each: does it, under RCU; may wait for senders, but not sleep
 *
 * Vectors that are absent may be among them.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_cap_for_each(struct mr_cap *cap, void (*each)(struct mr_vector *v))
{
	struct mr_block *b;
	u32 block, i;

	for (block = 0; block < mr_nr_blocks(cap->max); block++) {
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
 * mr_vector_count() - count what happened to a vector
 * @v: the vector
 * @count: is added to
 *
 * Context: any.  Exact while no call on the vector is under way.
 */
void mr_vector_count(const struct mr_vector *v, struct mr_vector_count *count)
{
	const struct mr_vector_cold *s = mr_cold(v);
	u64 messages = atomic64_read(&v->messages);

	count->messages += messages;
	count->events += messages + atomic64_read(&s->unsent);
	count->coalesced += atomic64_read(&s->coalesced);
	count->pending += test_bit(mr_vector_index(v), mr_vector_cap(v)->pending);
}

void mr_block_count(const struct mr_block *b, struct mr_vector_count *count)
{
	u32 i;

	for (i = 0; i < b->nr; i++)
		mr_vector_count(&b->vectors[i], count);
}

/**
 * mr_vectors_count() - count what happened to all vectors, freed ones included
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
		mr_block_count(b, count);
		cond_resched();
	}
	/* Their Pending bits belong to vectors that have come since. */
	count->pending = pending;
	for (block = 0; block < mr_nr_blocks(cap->max); block++) {
		b = rcu_dereference_protected(cap->blocks[block],
					      lockdep_is_held(&cap->blocks_lock));
		if (b)
			mr_block_count(b, count);
		cond_resched();
	}
	mutex_unlock(&cap->blocks_lock);
	return 0;
}

/* ---- the module ---- */

/* The KUnit suites may run before the module is initialized, and call it too. */
int mr_route_module_init(void)
{
	if (mr_wq)
		return 0;
	mr_cold_cache = kmem_cache_create("msi_route_block",
					  MR_BLOCK * sizeof(struct mr_vector_cold),
					  0, SLAB_ACCOUNT, NULL);
	if (!mr_cold_cache)
		return -ENOMEM;
	/* Unbound: many broadcasts in a row hold up nobody else's work. */
	mr_release_wq = alloc_workqueue("msi_route_release", WQ_UNBOUND, 0);
	mr_wq = alloc_workqueue("msi_route", WQ_UNBOUND, 0);
	if (mr_wq && mr_release_wq)
		return 0;
	mr_route_module_exit();
	return -ENOMEM;
}

void mr_route_module_exit(void)
{
	if (mr_wq)
		destroy_workqueue(mr_wq);
	if (mr_release_wq)
		destroy_workqueue(mr_release_wq);
	mr_wq = NULL;
	mr_release_wq = NULL;
	kmem_cache_destroy(mr_cold_cache);
}
