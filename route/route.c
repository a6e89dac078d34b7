// SPDX-License-Identifier: GPL-2.0
/*
 * The heart: snapshots, drain, pending.
 *
 * A sender takes a reference to the vector's published snapshot, checks that it is still
 * published, and delivers from it without a lock.  A writer fills the idle slot,
 * publishes it, and drains the old one: it waits until the references are gone.  So a
 * message never mixes two updates [28], and no message of an older state appears after
 * the write has returned [25] [27].
 *
 * An event that cannot be sent stays in the Pending bit.  The vector's lock is held to
 * set the bit and to release it, so an event that arrives during a release is never
 * taken for the released one.  The gate of the capability (Enable, Function Mask, Bus
 * Master Enable) is not under that lock.  So the sender sets Pending and then looks at
 * the gate again, and whoever opens the gate looks at Pending afterwards.  With a full
 * barrier on both sides (Dekker's pattern) one of the two sees the other.
 *
 * Documentation/design.rst has the proof; selftests/litmus has its tests.
 */
#include <linux/bitmap.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../mutate.h"
#include "route.h"
#include "send.h"
#include "trace.h"

/* Broadcasts in one run of the work item: those of other functions wait behind them. */
#define MR_BCAST_BATCH		16

/* ---- senders ---- */

/* Keeps the reason of the last event that was not sent at once. */
void mr_keep_reason(struct mr_vector *v, enum msi_route_reason reason)
{
	WRITE_ONCE(mr_cold(v)->reason, reason);
}

/* No vCPU took the message, or nothing was delivered.  Out of line, as it is rare. */
int mr_not_delivered(struct mr_vector *v, const struct mr_message *msg, int reached)
{
	if (reached == -EWOULDBLOCK)
		return MR_NOT_RELEASED;
	atomic64_inc(&mr_vector_cap(v)->count.unreached);
	mr_keep_reason(v, MSI_ROUTE_REASON_UNREACHED);
	trace_msi_route_drop(v, msg, MSI_ROUTE_REASON_UNREACHED);
	return MSI_ROUTE_UNREACHED;
}

/* Sends an event that was counted as unsent. */
static int mr_deliver_unsent(struct mr_vector *v, const struct mr_message *msg,
			     enum mr_action how, bool replayed)
{
	int outcome = mr_deliver(v, mr_vector_cap(v), msg, how, replayed);

	if (likely(outcome == MSI_ROUTE_SENT))
		atomic64_dec(&mr_cold(v)->unsent);
	return outcome;
}

/*
 * Leaves a broadcast to process context.  Any context, under the vector's lock.  The
 * count goes up first, and down last in mr_send_deferred().  So it is never 0, not even
 * for a moment, while anything is deferred or under way.
 */
static void mr_defer(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);

	atomic_inc(&cap->nr_deferred);
	if (test_and_set_bit(mr_vector_index(v), cap->deferred))
		atomic_dec(&cap->nr_deferred);
	else
		trace_msi_route_defer(v, &v->live->snap.msg);
}

/* Counts a replay if the event had to wait; returns that.  Under the vector's lock. */
static bool mr_count_replay(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	bool replay = s->replay;

	if (replay)
		atomic64_inc(&mr_vector_cap(v)->count.replayed);
	s->replay = false;
	return replay;
}

static atomic64_t *mr_drop_counter(struct mr_counters *count, enum mr_action action)
{
	switch (action) {
	case MR_DROP_ADDRESS:
		return &count->dropped_address;
	case MR_DROP_MODE:
		return &count->dropped_mode;
	case MR_DROP_VECTOR:
		return &count->dropped_vector;
	case MR_ABSENT:
		return &count->dropped_absent;
	default:
		return &count->dropped_disabled;
	}
}

/* Under the vector's lock. */
static void mr_drop(struct mr_vector *v, enum mr_action action)
{
	enum msi_route_reason reason = mr_action_reason(action);

	atomic64_inc(mr_drop_counter(&mr_vector_cap(v)->count, action));
	mr_keep_reason(v, reason);
	trace_msi_route_drop(v, &v->live->snap.msg, reason);
}

/* Why an event of the vector waits.  Under the vector's lock. */
static enum msi_route_reason mr_wait_reason(struct mr_vector *v)
{
	enum mr_action action = v->live->snap.action;
	enum msi_route_reason reason;

	if (mr_action_pends(action))
		return mr_action_reason(action);
	reason = READ_ONCE(mr_vector_cap(v)->reason);
	/* It came just before Enable was cleared: later it would have been dropped. */
	if (reason == MSI_ROUTE_REASON_DROP_DISABLED)
		reason = MSI_ROUTE_REASON_DISABLED;
	return reason;
}

/*
 * Releases the pending event if it may be sent now.  Called with the vector's lock held,
 * after Pending was set or after what forbade sending went away.  The message goes out
 * before Pending is cleared [9], and the lock is held for both: whoever finds Pending
 * clear finds the IRR bit set [26].
 */
static int mr_release(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_slot *slot = v->live;
	const struct mr_snapshot *snap = &slot->snap;
	const u32 index = mr_vector_index(v);
	int outcome = MR_NOT_RELEASED;

	lockdep_assert_held(&mr_cold(v)->lock);

	/* After a vector was given back, the bit belongs to the next one of its index. */
	if (!test_bit(index, cap->pending) || mr_action_pends(snap->action) ||
	    snap->action == MR_ABSENT)
		return MR_NOT_RELEASED;
	if (mr_cold(v)->replay && mr_mutant(MR_MUT_NO_REPLAY))
		return MR_NOT_RELEASED;

	atomic_inc(&slot->in_flight);
	/* As in mr_slot_get(): pairs with mr_cap_closed(). */
	/* Also pairs with mr_cap_opened(): Pending is set before the gate is read. */
	smp_mb__after_atomic();
	if (!READ_ONCE(cap->open))
		goto put;

	if (mr_can_send_atomic(snap->action))
		outcome = mr_deliver_unsent(v, &snap->msg, snap->action,
					    mr_cold(v)->replay);
	if (outcome != MR_NOT_RELEASED) {
		/* In this order for whoever polls the PBA without the lock, too. */
		smp_mb__before_atomic();
		clear_bit(index, cap->pending);
		mr_count_replay(v);
	} else if (snap->action < MR_DROP_ADDRESS) {
		mr_defer(v);
		outcome = MSI_ROUTE_SENT;
	} else {
		mr_drop(v, snap->action);
		clear_bit(index, cap->pending);
		mr_count_replay(v);
		outcome = MSI_ROUTE_DROPPED;
	}
put:
	mr_slot_put(slot);
	return outcome;
}

/* The Pending bit stands for one more event.  Under the vector's lock. */
static void mr_coalesce(struct mr_vector *v)
{
	enum msi_route_reason reason = mr_wait_reason(v);

	if (!mr_action_pends(v->live->snap.action) && READ_ONCE(mr_vector_cap(v)->open))
		reason = MSI_ROUTE_REASON_BROADCAST;
	atomic64_inc(&mr_cold(v)->coalesced);
	mr_keep_reason(v, reason);
	trace_msi_route_coalesce(v, reason, 1);
}

/* The event stays pending.  Under the vector's lock. */
static void mr_stay_pending(struct mr_vector *v, bool coalesced)
{
	enum msi_route_reason reason = mr_wait_reason(v);

	mr_cold(v)->replay = true;
	if (coalesced)
		return;
	mr_keep_reason(v, reason);
	trace_msi_route_pend(v, reason, 1);
}

/*
 * Counts @count events if Enable is clear, and drops the event if nothing keeps it [2].
 * The reason for a drop must be certain, so both words of the gate are then read at one
 * moment, under rq->lock.  Under the vector's lock.
 */
static bool mr_drop_disabled(struct mr_vector *v, u64 count)
{
	struct mr_cap *cap = mr_vector_cap(v);
	enum msi_route_reason reason;

	if (READ_ONCE(cap->open))
		return false;
	reason = READ_ONCE(cap->reason);
	if (reason == MSI_ROUTE_REASON_DROP_DISABLED) {
		raw_spin_lock(&cap->rq->lock);
		reason = cap->open ? MSI_ROUTE_REASON_NONE : cap->reason;
		raw_spin_unlock(&cap->rq->lock);
	}
	if (reason != MSI_ROUTE_REASON_DISABLED &&
	    reason != MSI_ROUTE_REASON_DROP_DISABLED)
		return false;
	atomic64_add(count, &cap->count.disabled);
	if (reason == MSI_ROUTE_REASON_DISABLED)
		return false;
	mr_drop(v, MR_DISABLED);
	return true;
}

static u32 mr_raise_locked(struct mr_vector *v, u64 count)
{
	struct mr_vector_cold *s = mr_cold(v);
	struct mr_cap *cap = mr_vector_cap(v);
	u32 outcome = MSI_ROUTE_PENDING;
	int released = MR_NOT_RELEASED;
	unsigned long flags;

	atomic64_inc(&s->unsent);
	raw_spin_lock_irqsave(&s->lock, flags);
	/* Even with the gate closed: the event would be kept for ever. */
	if (s->absent) {
		mr_drop(v, MR_ABSENT);
		raw_spin_unlock_irqrestore(&s->lock, flags);
		return MSI_ROUTE_DROPPED;
	}
	if (mr_drop_disabled(v, count)) {
		raw_spin_unlock_irqrestore(&s->lock, flags);
		return MSI_ROUTE_DROPPED;
	}
	if (v->live->snap.action == MR_HELD)
		atomic64_add(count, &cap->count.held);
	if (mr_mutant(MR_MUT_NO_PENDING) && mr_action_pends(v->live->snap.action)) {
		raw_spin_unlock_irqrestore(&s->lock, flags);
		return MSI_ROUTE_PENDING;
	}

	if (test_and_set_bit(mr_vector_index(v), cap->pending)) {
		mr_coalesce(v);
		outcome = MSI_ROUTE_COALESCED;
	}
	mr_stretch();
	/* Look again: mr_release() has a barrier between Pending and the gate. */
	if (!mr_mutant(MR_MUT_NO_RECHECK) || v->live->snap.action > MR_SEND)
		released = mr_release(v);
	if (released != MR_NOT_RELEASED)
		outcome = released;
	else
		mr_stay_pending(v, outcome == MSI_ROUTE_COALESCED);
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return outcome;
}

/* The event could not be sent at once. */
static u32 mr_raise_later(struct mr_vector *v, u64 count, bool sync)
{
	struct mr_cap *cap = mr_vector_cap(v);
	u32 outcome;

	mr_stretch();
	outcome = mr_raise_locked(v, count);
	/* At 0 somebody else has sent it: pairs with mr_send_deferred(). */
	if (unlikely(atomic_read_acquire(&cap->nr_deferred)) && !sync)
		queue_work(mr_wq, &cap->bcast_work);
	return outcome;
}

/**
 * mr_raise_unsent() - the rest of an event that mr_send_now() did not send
 * @v: the vector
 * @count: how many events came as one
 * @sync: the caller calls mr_cap_sync() next
 * @outcome: of mr_send_now()
 *
 * Context: any.
 * Return: enum msi_route_outcome.
 */
u32 mr_raise_unsent(struct mr_vector *v, u64 count, bool sync, int outcome)
{
	if (outcome == MR_NOT_RELEASED)
		return mr_raise_later(v, count, sync);
	atomic64_inc(&mr_cold(v)->unsent);
	return outcome;
}

/* Counts all but the first of the events that came as one. */
static void mr_coalesce_rest(struct mr_vector *v, u64 count)
{
	struct mr_vector_cold *s = mr_cold(v);

	atomic64_add(count, &s->unsent);
	atomic64_add(count, &s->coalesced);
	trace_msi_route_coalesce(v, MSI_ROUTE_REASON_EVENTFD, count);
}

/**
 * mr_vector_raise() - an event of a vector
 * @v: the vector
 * @count: how many events came as one; all but the first coalesce
 * @sync: the caller calls mr_cap_sync() next
 *
 * If the vector may send, a message to one target is in its IRR on return.  A broadcast,
 * or a message for whose target KVM has to search, is sent by mr_cap_sync() or by a work
 * item, at the latest before the guest's next access to the function returns.
 *
 * Context: any, hard interrupt included, with an eventfd's wqh.lock held.
 * Return: enum msi_route_outcome.
 */
u32 mr_vector_raise(struct mr_vector *v, u64 count, bool sync)
{
	int outcome;

	if (unlikely(count > 1))
		mr_coalesce_rest(v, count - 1);
	preempt_disable();
	outcome = mr_send_now(v);
	preempt_enable();
	if (likely(outcome == MSI_ROUTE_SENT))
		return outcome;
	return mr_raise_unsent(v, count, sync, outcome);
}

/* ---- broadcasts ---- */

/*
 * Sends a deferred broadcast.  This takes long, so interrupts are on.  Preemption is off,
 * because a drain waits for it: mr_slot_get().
 */
static void mr_send_broadcast(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_slot *slot;
	unsigned long flags;
	bool replayed;

	lockdep_assert_held(&cap->bcast_lock);

	raw_spin_lock_irqsave(&s->lock, flags);
	slot = v->live;
	if (slot->snap.action < MR_SEND || slot->snap.action > MR_SEND_BROADCAST) {
		/* It was changed since it was deferred: masked, or no interrupt now. */
		mr_release(v);
		goto unlock;
	}
	atomic_inc(&slot->in_flight);
	/* As in mr_slot_get(): pairs with mr_cap_closed(). */
	smp_mb__after_atomic();
	/*
	 * Here Pending is cleared first: the lock is not held during the delivery, and an
	 * event that arrives meanwhile must set it again.  The guest does not see the
	 * bit in between: its access waits for bcast_lock.
	 */
	if (!READ_ONCE(cap->open) ||
	    !test_and_clear_bit(mr_vector_index(v), cap->pending)) {
		mr_slot_put(slot);
		goto unlock;
	}
	replayed = mr_count_replay(v);
	preempt_disable();
	raw_spin_unlock_irqrestore(&s->lock, flags);

	mr_deliver_unsent(v, &slot->snap.msg, MR_SEND_BROADCAST, replayed);
	mr_slot_put(slot);
	preempt_enable();
	return;
unlock:
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

/* Sends the vector's broadcast if nobody else has.  Under cap->bcast_lock. */
static void mr_send_deferred(struct mr_cap *cap, u32 index)
{
	struct mr_vector *v;

	lockdep_assert_held(&cap->bcast_lock);

	if (!test_and_clear_bit(index, cap->deferred))
		return;
	rcu_read_lock();
	v = mr_vector_at(cap, index);
	if (v)
		mr_send_broadcast(v);
	rcu_read_unlock();
	/* Pairs with the acquires of nr_deferred. */
	smp_mb__before_atomic();
	atomic_dec(&cap->nr_deferred);
}

/**
 * mr_cap_sync() - complete the broadcasts that were deferred before the call
 * @cap: the capability
 *
 * A guest's read of the function calls it first, and a write calls it last: the
 * completion of a read pushes posted writes ahead of itself.  A task that is being killed
 * leaves them to the work item: its guest does not see its access end.
 *
 * Context: process, may sleep; no spinlock held.
 */
void mr_cap_sync(struct mr_cap *cap)
{
	unsigned int i;

	/* Pairs with mr_send_deferred(): at 0 all of them have been sent. */
	if (likely(!atomic_read_acquire(&cap->nr_deferred)))
		return;
	mr_for_each_bit(i, cap->deferred, cap->max) {
		if (fatal_signal_pending(current))
			break;
		/* One at a time, so that others get the lock in between. */
		mutex_lock(&cap->bcast_lock);
		mr_send_deferred(cap, i);
		mutex_unlock(&cap->bcast_lock);
		cond_resched();
	}
	/* Somebody else may still be sending one. */
	mutex_lock(&cap->bcast_lock);
	mutex_unlock(&cap->bcast_lock);
	/* Pairs with mr_bcast_work(): first the lock is free, then we look. */
	smp_mb();
	if (atomic_read(&cap->nr_deferred))
		queue_work(mr_wq, &cap->bcast_work);
}

/*
 * It does not wait for the lock: work items of many functions, each waiting for its lock,
 * would fill the queue.  The lock's holder looks for what was deferred meanwhile.
 */
static void mr_bcast_work(struct work_struct *work)
{
	struct mr_cap *cap = container_of(work, struct mr_cap, bcast_work);
	u32 i, n;

	for (n = 0; n < MR_BCAST_BATCH; n++) {
		/* Pairs with mr_cap_sync(): it is deferred before we try the lock. */
		smp_mb();
		if (!mutex_trylock(&cap->bcast_lock))
			return;
		/* In turn, so that no vector waits for ever. */
		i = mr_next_bit(cap->deferred, cap->max, cap->bcast_next);
		if (i >= cap->max)
			i = mr_next_bit(cap->deferred, cap->max, 0);
		cap->bcast_next = i + 1;
		if (i < cap->max)
			mr_send_deferred(cap, i);
		mutex_unlock(&cap->bcast_lock);
		if (i >= cap->max)
			return;
		cond_resched();
	}
	queue_work(mr_wq, &cap->bcast_work);
}

/* ---- writers ---- */

static struct mr_slot *mr_idle_slot(struct mr_vector *v)
{
	return v->live == &v->slot[0] ? &v->slot[1] : &v->slot[0];
}

/**
 * mr_update_possible() - can an update be committed now?
 * @v: the vector, its lock held
 *
 * For code that cannot wait and so must not call mr_update_begin().
 *
 * Context: any.
 * Return: whether no sender uses the idle slot.
 */
bool mr_update_possible(struct mr_vector *v)
{
	/* Pairs with mr_slot_put(): its reads come before our writes. */
	return !atomic_read_acquire(&mr_idle_slot(v)->in_flight) ||
	       mr_mutant(MR_MUT_NO_DRAIN) || mr_mutant(MR_MUT_MASK_LATE);
}

/**
 * mr_update_begin() - begin to change a vector's registers
 * @u: the update
 * @v: the vector
 *
 * Returns with the vector's lock held and the idle slot free.  It may wait for
 * deliveries that began before another writer's update.
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_update_begin(struct mr_update *u, struct mr_vector *v)
	__acquires(&u->s->lock)
{
	mr_update_init(u, v);
	for (;;) {
		raw_spin_lock_irqsave(&u->s->lock, u->flags);
		if (likely(mr_update_possible(v)))
			return;
		raw_spin_unlock_irqrestore(&u->s->lock, u->flags);
		cpu_relax();
	}
}

static void mr_update_publish(struct mr_update *u,
			      const struct mr_snapshot *snap)
{
	struct mr_vector *v = u->v;
	struct mr_slot *idle = mr_idle_slot(v);

	if (mr_mutant(MR_MUT_HALF_UPDATE)) {
		v->live->snap.msg.address_lo = snap->msg.address_lo;
		v->live->snap.msg.address_hi = snap->msg.address_hi;
		mr_stretch();
		v->live->snap.msg.data = snap->msg.data;
		mr_stretch();
		v->live->snap.action = snap->action;
		return;
	}

	idle->snap = *snap;
	u->old = v->live;
	u->seq = u->s->seq + 1;
	/* The old slot was drained before: pairs with mr_update_drain(). */
	smp_store_release(&u->s->seq, u->seq);
	/* The snapshot is complete before it can be seen. */
	smp_store_release(&v->live, idle);
	/* Pairs with mr_slot_get(). */
	smp_mb();
	atomic64_inc(&mr_vector_cap(v)->count.updates);
}

/**
 * mr_update_commit() - make the changed registers effective
 * @u: the update; the lock held since mr_update_begin()
 *
 * Publishes a snapshot of the registers, releases the pending event [18], and marks for
 * the VMM what changed.
 *
 * Context: any; the vector's lock held and the idle slot free.
 */
void mr_update_commit(struct mr_update *u)
{
	struct mr_vector *v = u->v;
	bool was_masked = mr_action_masked(v->live->snap.action);
	struct mr_snapshot snap;
	bool masked;

	mr_vector_compose(v, &snap);
	if (snap.action == MR_UNTRANSLATED)
		atomic64_inc(&mr_vector_cap(v)->count.remappable);
	masked = mr_action_masked(snap.action);
	if (u->s->held && !masked)
		snap.action = MR_HELD;
	if (trace_msi_route_update_enabled())
		trace_msi_route_update(v, &snap.msg,
				       mr_action_reason(snap.action));
	mr_update_publish(u, &snap);
	mr_release(v);

	/* After the barrier in mr_update_publish(): see mr_change_used(). */
	if (likely(!mr_changes_wanted(mr_vector_cap(v))) || u->no_notify)
		return;
	if (masked != was_masked)
		u->changes |= masked ? MSI_ROUTE_CHANGE_MASKED :
				       MSI_ROUTE_CHANGE_UNMASKED;
	mr_change_vector(v, u->changes);
	mr_change_used(v, masked);
}

/*
 * Waits for the senders that may still deliver from the old snapshot.  New ones do not
 * take it, so the wait ends.  It also ends when the slot has been refilled: another
 * writer has then seen it drained.
 */
static void mr_update_drain(struct mr_update *u)
{
	struct mr_vector *v = u->v;
	u64 start = 0;

	if (!u->old || mr_mutant(MR_MUT_NO_DRAIN))
		return;
	if (mr_mutant(MR_MUT_MASK_LATE) &&
	    READ_ONCE(v->live)->snap.action == MR_MASKED)
		return;
	/* Pairs with mr_slot_put(). */
	if (likely(!atomic_read_acquire(&u->old->in_flight)))
		return;
	atomic64_inc(&mr_vector_cap(v)->count.drained);
	if (trace_msi_route_drain_enabled())
		start = ktime_get_ns();
	/* Pairs with mr_slot_put(). */
	while (atomic_read_acquire(&u->old->in_flight) &&
	       /* Pairs with mr_update_publish(). */
	       smp_load_acquire(&u->s->seq) == u->seq)
		cpu_relax();
	if (start)
		trace_msi_route_drain(v, ktime_get_ns() - start);
}

/**
 * mr_update_end() - end an update
 * @u: the update
 *
 * On return no message from an older snapshot is under way [25] [27].
 *
 * Context: process, interrupts on; releases the vector's lock.
 */
void mr_update_end(struct mr_update *u)
	__releases(&u->s->lock)
{
	raw_spin_unlock_irqrestore(&u->s->lock, u->flags);
	mr_update_drain(u);
}

/* ---- the gate ---- */

/**
 * mr_cap_opened() - cap->open was set: release the pending events
 * @cap: the capability
 *
 * Clearing Function Mask or setting Enable may release many at once [20].
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_cap_opened(struct mr_cap *cap)
{
	struct mr_vector *v;
	unsigned long flags;
	unsigned int i;

	/* Pairs with mr_release(): the gate before the Pending bits. */
	smp_mb();
	mr_for_each_bit(i, cap->pending, cap->max) {
		rcu_read_lock();
		v = mr_vector_at(cap, i);
		if (v) {
			raw_spin_lock_irqsave(&mr_cold(v)->lock, flags);
			mr_release(v);
			raw_spin_unlock_irqrestore(&mr_cold(v)->lock, flags);
		}
		rcu_read_unlock();
		cond_resched();
	}
}

static bool mr_in_flight(struct mr_vector *v)
{
	/* Pairs with mr_slot_put(). */
	return atomic_read_acquire(&v->slot[0].in_flight) ||
	       atomic_read_acquire(&v->slot[1].in_flight);
}

/*
 * Publishes a vector that has senders again, unchanged.  Otherwise new senders, which
 * find the gate closed, would prolong the wait for the old ones.
 */
static void mr_drain(struct mr_vector *v)
{
	struct mr_snapshot snap;
	struct mr_update u;

	if (likely(!mr_in_flight(v)))
		return;
	mr_update_begin(&u, v);
	snap = v->live->snap;
	mr_update_publish(&u, &snap);
	mr_update_end(&u);
}

/**
 * mr_cap_closed() - cap->open was cleared: drain all vectors
 * @cap: the capability
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_cap_closed(struct mr_cap *cap)
{
	/* Pairs with mr_slot_get(): the gate before the references. */
	smp_mb();
	if (!mr_mutant(MR_MUT_MASK_LATE))
		mr_cap_for_each(cap, mr_drain);
}

/* ---- life ---- */

/**
 * mr_route_init() - make what the senders of a capability share
 * @cap: the capability, its number of vectors known
 *
 * Context: process, may sleep.
 * Return: 0 or -ENOMEM.
 */
int mr_route_init(struct mr_cap *cap)
{
	mutex_init(&cap->bcast_lock);
	INIT_WORK(&cap->bcast_work, mr_bcast_work);
	cap->deferred = kvcalloc(BITS_TO_LONGS(cap->max), sizeof(long), MR_GFP);
	return cap->deferred ? 0 : -ENOMEM;
}

/**
 * mr_route_destroy() - free what mr_route_init() made
 * @cap: the capability; no call is under way
 *
 * Context: process, may sleep.
 */
void mr_route_destroy(struct mr_cap *cap)
{
	cancel_work_sync(&cap->bcast_work);
	kvfree(cap->deferred);
}
