// SPDX-License-Identifier: GPL-2.0
/*
 * The gate opens and closes a capability as a whole.  It follows Enable, Function Mask,
 * Bus Master Enable, and whether the function runs.
 */
#include <linux/spinlock.h>

#include "../mutate.h"
#include "../route/trace.h"
#include "function.h"

/* Opens the gate if no reason is against it.  Is it open now?  Under rq->lock. */
static bool mr_gate_set(struct mr_cap *cap, enum msi_route_reason reason)
{
	trace_msi_route_gate(cap, reason);
	/* An open gate keeps the last reason, for whoever has just found it closed. */
	if (reason && !mr_mutant(MR_MUT_STALE_REASON))
		WRITE_ONCE(cap->reason, reason);
	WRITE_ONCE(cap->open, !reason);
	return !reason;
}

/*
 * Needed even if the gate did not change: the vCPU that closed or opened it may not
 * have finished yet, and this write makes its own promises [26] [27].
 */
static void mr_gate_settle(struct mr_cap *cap, bool open)
{
	if (open) {
		mr_cap_opened(cap);
		/* After the barrier of mr_cap_opened(): see mr_change_used(). */
		mr_change_opened(cap);
	} else {
		mr_cap_closed(cap);
	}
}

/**
 * mr_function_shut() - from now on send nothing that the registers forbid
 * @fn: the function
 *
 * Call it together with the change of the registers: whoever reads the new value and
 * then raises an event finds the gate closed.  What the registers permit waits for
 * mr_function_gate(), because messages come first [18].
 *
 * Context: any; rq->lock held.
 */
void mr_function_shut(struct mr_function *fn)
{
	enum msi_route_reason reason;
	struct mr_cap *cap;

	lockdep_assert_held(&fn->rq.lock);

	mr_for_each_cap(cap, &fn->rq) {
		reason = cap->ops->blocked(cap);
		if (reason)
			mr_gate_set(cap, reason);
	}
}

/* Counts each time that MSI and MSI-X get both enabled, which is undefined [1]. */
static void mr_gate_count_both(struct mr_function *fn)
{
	struct mr_cap *cap;
	u32 enabled = 0;
	bool both;

	mr_for_each_cap(cap, &fn->rq)
		enabled += !!(cap->ops->state(cap) & MSI_ROUTE_STATE_ENABLED);
	both = enabled > 1;
	if (both && !fn->both_enabled) {
		atomic64_inc(&mr_msix_cap(fn)->count.both_enabled);
		atomic64_inc(&mr_msi_cap(fn)->count.both_enabled);
	}
	fn->both_enabled = both;
}

/**
 * mr_function_gate() - make changed control registers effective
 * @fn: the function
 *
 * On return a closed capability sends nothing any more [27], and an open one has
 * sent what was pending [26].
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_gate(struct mr_function *fn)
{
	bool open[MSI_ROUTE_NR_KINDS];
	unsigned long flags;
	struct mr_cap *cap;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	mr_gate_count_both(fn);
	mr_for_each_cap(cap, &fn->rq)
		open[cap->kind] = mr_gate_set(cap, cap->ops->blocked(cap));
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);

	mr_for_each_cap(cap, &fn->rq)
		mr_gate_settle(cap, open[cap->kind]);
}

/**
 * mr_function_sync() - complete what was deferred
 * @fn: the function
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_sync(struct mr_function *fn)
{
	struct mr_cap *cap;

	mr_for_each_cap(cap, &fn->rq)
		mr_cap_sync(cap);
}

/**
 * mr_function_set_bus_master() - set Bus Master Enable [31]
 * @fn: the function
 * @enable: its new value
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_function_set_bus_master(struct mr_function *fn, bool enable)
{
	unsigned long flags;
	struct mr_cap *cap;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	fn->rq.bus_master = enable;
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	mr_function_gate(fn);
	mr_for_each_cap(cap, &fn->rq)
		mr_change_control(cap);
	mr_function_sync(fn);
}
