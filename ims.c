// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt message store: vectors whose entries the VMM keeps, in whatever form
 * its device has them, and sets by ioctl.  No table, no PBA, no Message Control;
 * all else is as it is for the entries of MSI-X.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "mr.h"

static struct msi_route_entry *entry_of(const struct mr_vector *v)
{
	return &v->block->entries[v - v->block->vectors];
}

/* ---- life ---- */

/**
 * mr_ims_init() - make the message store of a function
 * @fn: the function, its VM bound
 * @c: what the VMM asked for
 *
 * Return: 0, also without one, or -EINVAL, -ENOMEM.
 */
int mr_ims_init(struct mr_function *fn, const struct msi_route_create *c)
{
	u32 max = c->ims_max ?: c->ims_vectors;
	int ret;

	if (c->ims_vectors > max || max > MSI_ROUTE_IMS_MAX_VECTORS ||
	    (max && !c->ims_vectors))
		return -EINVAL;
	if (!max)
		return 0;
	fn->ims_pending = kvcalloc(BITS_TO_LONGS(max), sizeof(long),
				   MR_GFP);
	if (!fn->ims_pending)
		return -ENOMEM;
	ret = mr_cap_init(&fn->ims_cap, fn, MSI_ROUTE_IMS, c->ims_vectors, max,
			  fn->ims_pending);
	if (ret)
		kvfree(fn->ims_pending);
	return ret;
}

/**
 * mr_ims_destroy() - free the message store of a function
 * @fn: the function
 */
void mr_ims_destroy(struct mr_function *fn)
{
	if (!fn->ims_cap.max)
		return;
	mr_cap_destroy(&fn->ims_cap);
	kvfree(fn->ims_pending);
}

/* Under fn->lock.  There is no Enable, and no mask of all. */
enum msi_route_reason mr_ims_shut(const struct mr_function *fn)
{
	return mr_function_silent(fn);
}

/* ---- entries; under the vector's lock ---- */

/**
 * mr_ims_message() - the message of an entry
 * @v: the vector, its lock held
 * @raw: out
 *
 * Return: whether the entry is masked.
 */
bool mr_ims_message(const struct mr_vector *v, struct mr_message *raw)
{
	const struct msi_route_entry *e = entry_of(v);

	raw->address_lo = e->address_lo;
	raw->address_hi = e->address_hi;
	raw->data = e->data;
	return e->control & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/**
 * mr_ims_store_entry() - keep a whole entry
 * @v: the vector, its lock held
 * @e: the entry
 */
void mr_ims_store_entry(struct mr_vector *v, const struct msi_route_entry *e)
{
	struct msi_route_entry *entry = entry_of(v);

	*entry = *e;
	entry->address_lo &= ~3U;
}

/**
 * mr_ims_get_entry() - the entry of a vector, as it was stored
 * @v: the vector, its lock not held; a reset may be under way
 * @e: out
 */
void mr_ims_get_entry(const struct mr_vector *v, struct msi_route_entry *e)
{
	struct mr_vector_slow *s = mr_slow(v);
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	*e = *entry_of(v);
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

/* ---- operations ---- */

static bool valid(const struct msi_route_ims_op *op)
{
	static const struct msi_route_entry none;

	switch (op->op) {
	case MSI_ROUTE_IMS_SET:
		return true;
	case MSI_ROUTE_IMS_MASK:
	case MSI_ROUTE_IMS_UNMASK:
	case MSI_ROUTE_IMS_FREE:
		return !memcmp(&op->entry, &none, sizeof(none));
	default:
		return false;
	}
}

static void store(struct mr_vector *v, const struct msi_route_ims_op *op)
{
	struct msi_route_entry e = *entry_of(v);

	switch (op->op) {
	case MSI_ROUTE_IMS_SET:
		e = op->entry;
		break;
	case MSI_ROUTE_IMS_MASK:
		e.control |= PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	default:
		e.control &= ~PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	}
	mr_ims_store_entry(v, &e);
}

/* Under fn->config. */
static void apply(struct mr_cap *cap, const struct msi_route_ims_op *op)
{
	struct mr_vector *v = mr_vector_at(cap, op->vector);
	struct mr_update u;

	if (op->op == MSI_ROUTE_IMS_FREE) {
		mr_trigger_remove(cap, op->vector);
		mr_vector_reset(v);
		return;
	}
	mr_update_begin(&u, v);
	store(v, op);
	mr_update_commit(&u, MR_HOLD_KEEP);
	mr_update_end(&u);
}

/**
 * mr_ims_set() - set, mask, unmask and free entries
 * @fn: the function
 * @ops: what to do, in this order
 * @nr: number of them
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EINVAL, -ECHRNG; then nothing has changed.  Or -EINTR, in a task
 * that is being killed: then some of them may be done.
 */
int mr_ims_set(struct mr_function *fn, const struct msi_route_ims_op *ops,
	       u32 nr)
{
	struct mr_cap *cap = &fn->ims_cap;
	int ret;
	u32 i;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		return ret;
	for (i = 0; i < nr && !ret; i++) {
		if (!valid(&ops[i]))
			ret = -EINVAL;
		else if (!mr_cap_has(cap, ops[i].vector, 1))
			ret = -ECHRNG;
	}
	for (i = 0; i < nr && !ret; i++) {
		apply(cap, &ops[i]);
		/* What it released goes out before it may be masked again [24]. */
		mr_cap_sync(cap);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	mutex_unlock(&fn->config);
	return ret;
}
