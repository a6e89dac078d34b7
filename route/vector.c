// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to a vector besides raising its events: it is added, removed, reset,
 * renewed, translated or restored, or its pending event is cleared.
 */
#include <linux/list.h>
#include <linux/pci_regs.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "../mutate.h"
#include "route.h"
#include "trace.h"

/* ---- pending ---- */

/* Under the vector's lock. */
static void mr_untranslate(struct mr_vector *v)
{
	struct mr_translation *t = mr_translation_of(v);

	if (t)
		t->valid = false;
}

/* Under the vector's lock. */
static void mr_store_entry(struct mr_vector *v, const struct msi_route_entry *e)
{
	const struct mr_cap_ops *ops = mr_vector_cap(v)->ops;

	if (ops->store)
		ops->store(v, e);
}

/* Clears Pending without a message.  Under the vector's lock. */
static bool mr_forget(struct mr_vector *v, enum msi_route_reason reason)
{
	if (!test_and_clear_bit(mr_vector_index(v), mr_vector_cap(v)->pending))
		return false;
	mr_cold(v)->replay = false;
	atomic64_inc(&mr_vector_cap(v)->count.cleared);
	mr_keep_reason(v, reason);
	trace_msi_route_clear(v, reason, 1);
	return true;
}

/**
 * mr_vector_clear() - the cause of a pending event is gone [21]
 * @v: the vector
 *
 * Context: any.
 * Return: whether an event was pending.
 */
bool mr_vector_clear(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	unsigned long flags;
	bool was;

	raw_spin_lock_irqsave(&s->lock, flags);
	was = !s->absent && mr_forget(v, MSI_ROUTE_REASON_CLEARED);
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return was;
}

/* ---- reset, renew, translate, restore ---- */

/* Does nothing for MSI: mr_msi_reset() resets its registers. */
static void mr_reset_entry(struct mr_vector *v)
{
	static const struct msi_route_entry masked = {
		.control = PCI_MSIX_ENTRY_CTRL_MASKBIT,
	};

	mr_store_entry(v, &masked);
}

/* Forgets registers, translation and pending event.  Under the vector's lock. */
static void mr_forget_all(struct mr_vector *v, enum msi_route_reason reason)
{
	mr_reset_entry(v);
	mr_untranslate(v);
	if (!mr_mutant(MR_MUT_STALE_RESET))
		mr_forget(v, reason);
}

/**
 * mr_vector_reset() - a vector's part of a reset [29]
 * @v: the vector
 *
 * On return no message is under way, even if the gate is open.
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_vector_reset(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.no_notify = true;
	mr_forget_all(v, MSI_ROUTE_REASON_RESET);
	mr_hold_commit(&u, MR_HOLD_CLOSE);
	mr_update_end(&u);
}

/**
 * mr_vector_renew() - act as if the guest wrote the vector's registers once more
 * @v: the vector
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_renew(struct mr_vector *v)
{
	struct mr_message raw;
	struct mr_update u;

	mr_update_begin(&u, v);
	if (!u.s->absent) {
		u.s->used = false;
		u.changes = mr_change_written(v) |
			    (mr_vector_message(v, &raw) ?
			     MSI_ROUTE_CHANGE_MASKED : MSI_ROUTE_CHANGE_UNMASKED);
		mr_update_commit(&u);
	}
	mr_update_end(&u);
}

/**
 * mr_vector_recompose() - make the snapshot anew, with registers unchanged
 * @v: the vector
 *
 * So nothing is marked for the VMM.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_recompose(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.no_notify = true;
	mr_update_commit(&u);
	mr_update_end(&u);
}

/**
 * mr_vector_rebind() - a vector's part of the change to another VM
 * @v: the vector; the function is stopped
 *
 * Its registers and its translation stay, but what becomes of a message depends on the
 * VM.  Whoever takes the vector's lock after this to compose a message finds the new VM.
 * No vCPU of the new VM opened a hold that is open now.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_rebind(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.no_notify = true;
	mr_hold_by_any(u.s);
	if (!mr_mutant(MR_MUT_STALE_VM))
		mr_update_commit(&u);
	mr_update_end(&u);
}

/**
 * mr_vector_translate() - translate a vector's message [33]
 * @v: the vector of a function behind an interrupt remapping unit
 * @t: the translation, or none
 *
 * Context: process, interrupts on, no lock held.
 * Return: 0, or -EINVAL if the message needs no translation: nothing has changed; or
 * -ESTALE if it is not the vector's message: now the vector has no translation.
 */
int mr_vector_translate(struct mr_vector *v, const struct mr_translation *t)
{
	struct mr_message raw;
	struct mr_update u;
	int ret = 0;

	if (!mr_message_remapped(mr_vector_cap(v)->rq, &t->raw))
		return -EINVAL;
	mr_update_begin(&u, v);
	mr_vector_message(v, &raw);
	if (!u.s->absent && !memcmp(&raw, &t->raw, sizeof(raw))) {
		*mr_translation_of(v) = *t;
	} else {
		/* The older translation must not come back with its message. */
		if (!mr_mutant(MR_MUT_STALE_TRANSLATION))
			mr_untranslate(v);
		ret = -ESTALE;
	}
	mr_update_commit(&u);
	mr_update_end(&u);
	return ret;
}

/**
 * mr_vector_restore() - give a vector a saved state
 * @v: the vector; the function is stopped
 * @e: its entry, NULL for MSI
 * @pending: an event is pending; it counts as raised
 * @held: a hold is open; its bound begins when the function runs
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_restore(struct mr_vector *v, const struct msi_route_entry *e,
		       bool pending, bool held)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.changes = mr_change_written(v);
	if (e)
		mr_store_entry(v, e);
	mr_untranslate(v);
	mr_forget(v, MSI_ROUTE_REASON_RESTORED);
	if (pending) {
		atomic64_inc(&u.s->unsent);
		u.s->replay = true;
		set_bit(mr_vector_index(v), mr_vector_cap(v)->pending);
	}
	mr_hold_close(v);
	if (held)
		mr_hold_restore(v);
	mr_update_commit(&u);
	mr_update_end(&u);
}

/* ---- come and go ---- */

/**
 * mr_vector_init() - make a vector
 * @v: zeroed, in its block
 * @absent: the capability does not have it yet
 */
void mr_vector_init(struct mr_vector *v, bool absent)
{
	struct mr_vector_cold *s = mr_cold(v);

	raw_spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->hold_node);
	s->index = mr_vector_index(v);
	s->absent = absent;
	v->live = &v->slot[0];
	mr_vector_compose(v, &v->slot[0].snap);
}

/**
 * mr_vector_add() - a capability gets a vector
 * @v: the vector; its registers are as after reset
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_add(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.s->absent = false;
	mr_update_commit(&u);
	mr_update_end(&u);
}

/**
 * mr_vector_remove() - a capability loses a vector
 * @v: the vector, without an eventfd
 *
 * On return its registers are as after reset, and stay so.  No message is under way.
 * The vector is in no list.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_remove(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.no_notify = true;
	mr_forget_all(v, MSI_ROUTE_REASON_GIVEN_BACK);
	u.s->absent = true;
	mr_hold_commit(&u, MR_HOLD_CLOSE);
	mr_change_forget(v);
	mr_update_end(&u);
}
