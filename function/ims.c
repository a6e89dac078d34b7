// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt message store: the VMM keeps the vectors' entries, in its device's own
 * form, and sets them by ioctl.  There is no table, no PBA and no Message Control.
 * All else is as for the entries of MSI-X.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "../route/eventfd.h"
#include "function.h"

static struct msi_route_entry *mr_ims_entry(const struct mr_vector *v)
{
	return &v->block->entries[v - v->block->vectors];
}

/* Under rq->lock.  There is no Enable and no Function Mask. */
static enum msi_route_reason mr_ims_blocked(const struct mr_cap *cap)
{
	return mr_function_blocked(mr_function_of(cap));
}

static u32 mr_ims_state(const struct mr_cap *cap)
{
	return 0;
}

/* ---- entries; under the vector's lock ---- */

static bool mr_ims_message(struct mr_vector *v, struct mr_message *raw)
{
	const struct msi_route_entry *e = mr_ims_entry(v);

	raw->address_lo = e->address_lo;
	raw->address_hi = e->address_hi;
	raw->data = e->data;
	return e->control & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

static void mr_ims_store_entry(struct mr_vector *v, const struct msi_route_entry *e)
{
	struct msi_route_entry *entry = mr_ims_entry(v);

	*entry = *e;
	entry->address_lo &= ~3U;
}

/* Takes the lock because a reset may be under way. */
static void mr_ims_load_entry(struct mr_cap *cap, u32 index, struct msi_route_entry *e)
{
	struct mr_vector *v = mr_vector_at(cap, index);
	struct mr_vector_cold *s = mr_cold(v);
	unsigned long flags;

	raw_spin_lock_irqsave(&s->lock, flags);
	*e = *mr_ims_entry(v);
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

/* ---- operations ---- */

static bool mr_ims_valid(const struct msi_route_ims_op *op)
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

static void mr_ims_store(struct mr_vector *v, const struct msi_route_ims_op *op)
{
	struct msi_route_entry e = *mr_ims_entry(v);

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

/* Under rq->config. */
static void mr_ims_apply(struct mr_cap *cap, const struct msi_route_ims_op *op)
{
	struct mr_vector *v = mr_vector_at(cap, op->vector);
	struct mr_update u;

	if (op->op == MSI_ROUTE_IMS_FREE) {
		mr_eventfd_remove(cap, op->vector);
		mr_vector_reset(v);
		return;
	}
	mr_update_begin(&u, v);
	mr_ims_store(v, op);
	mr_update_commit(&u);
	mr_update_end(&u);
}

/**
 * mr_ims_set() - set, mask, unmask and free entries
 * @fn: the function
 * @ops: what to do, in this order
 * @nr: number of @ops
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or -EINVAL, -ECHRNG; then nothing has changed.  Or -EINTR in a task
 * that is being killed; then some of @ops may be done.
 */
int mr_ims_set(struct mr_function *fn, const struct msi_route_ims_op *ops,
	       u32 nr)
{
	struct mr_cap *cap = mr_ims_cap(fn);
	int ret;
	u32 i;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	for (i = 0; i < nr && !ret; i++) {
		if (!mr_ims_valid(&ops[i]))
			ret = -EINVAL;
		else if (!mr_cap_has(cap, ops[i].vector, 1))
			ret = -ECHRNG;
	}
	for (i = 0; i < nr && !ret; i++) {
		mr_ims_apply(cap, &ops[i]);
		/* What this released goes out before it can be masked again [24]. */
		mr_cap_sync(cap);
		if (fatal_signal_pending(current))
			ret = -EINTR;
		cond_resched();
	}
	mutex_unlock(&fn->rq.config);
	return ret;
}

/* ---- life ---- */

static const struct mr_cap_ops mr_ims_ops = {
	.message = mr_ims_message,
	.store = mr_ims_store_entry,
	.load = mr_ims_load_entry,
	.blocked = mr_ims_blocked,
	.state = mr_ims_state,
	.entries_in_block = true,
};

/**
 * mr_ims_init() - make the message store of a function
 * @fn: the function, its VM bound
 * @c: what the VMM asked for
 *
 * Return: 0, also without a message store, or -EINVAL, -ENOMEM.
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
	ret = mr_cap_init(fn, MSI_ROUTE_IMS, &mr_ims_ops, c->ims_vectors, max,
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
	if (!mr_ims_cap(fn)->max)
		return;
	mr_cap_destroy(mr_ims_cap(fn));
	kvfree(fn->ims_pending);
}
