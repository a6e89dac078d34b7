// SPDX-License-Identifier: GPL-2.0
/*
 * The heart: snapshots, drain, pending.
 *
 * A sender takes a reference of the vector's published snapshot, sees that it
 * is still the published one, and delivers from it: no lock.  A writer fills
 * the idle slot, publishes it, and drains the old one: waits for its
 * references.  So a message is never half of one update [28], and none with an
 * older state appears after the write has returned [25] [27].
 *
 * What cannot be sent is kept in the Pending bit.  Both it and the release of
 * it happen under the vector's lock, so that an event that arrives during a
 * release is never taken for the one that is released.  The capability's gate
 * (Enable, Function Mask, Bus Master Enable) is not under that lock: there the
 * sender sets Pending and looks at the gate again, and who opens the gate
 * looks at Pending after it, with a full barrier on both sides (Dekker's
 * pattern): one of the two sees the other.
 *
 * Documentation/design.rst has the proof; the tests of it are in
 * selftests/litmus.
 */
#include <linux/bitmap.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/pci_regs.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "mr.h"
#include "mutate.h"
#include "trace.h"

/* Broadcasts that one run of the work item sends: others' wait behind them. */
#define MR_MANY_BATCH		16

/* Holds that one run of the timer ends: it runs with interrupts off. */
#define MR_HOLD_BATCH		4
/* When there are more, or the slot that it needs is still in flight. */
#define MR_HOLD_RETRY_NS	(10 * NSEC_PER_USEC)

/*
 * The bound must cover the guest's way from the write of the address to that
 * of the data, with the exits between them: tens of microseconds on hardware.
 */
static unsigned int hold_ns = MR_HOLD_DEFAULT_NS;
module_param(hold_ns, uint, 0644);
MODULE_PARM_DESC(hold_ns, "bound of the update hold of new functions in ns, 0: no hold");

/* No message left the vector: enum msi_route_outcome is at least 0. */
#define MR_NOT_RELEASED		(-1)

static bool mr_latched(enum mr_action action)
{
	return action <= MR_UNTRANSLATED;
}

/* ---- senders ---- */

/*
 * In place: it takes no longer than interrupts may be off.  A guest that changes
 * the modes of its local APICs right now gets one message the long way.
 */
static bool mr_in_place(const struct mr_vector *v, enum mr_action action)
{
	return action == MR_SEND || (action == MR_SEND_LOGICAL &&
				     mr_vm_logical_to_few(&mr_vector_cap(v)->fn->vm));
}

static void mr_slot_put(struct mr_slot *slot)
{
	/* The delivery comes before the drain's end: mr_update_drain(). */
	smp_mb__before_atomic();
	atomic_dec(&slot->in_flight);
}

/*
 * A reference of the published snapshot, and the state of the gate at one
 * instant while that snapshot was published [28].
 *
 * Preemption is off until mr_slot_put(), so that a drain waits for a running
 * CPU only.  Only a reference that is followed by a look at @live counts: a
 * sender that comes late may touch in_flight of the idle slot, but not its
 * snapshot.
 */
static struct mr_slot *mr_slot_get(struct mr_vector *v, bool *open)
{
	struct mr_slot *slot;

	for (;;) {
		slot = READ_ONCE(v->live);
		if (mr_mutant(MR_MUT_UNMARKED))
			slot = v->live;
		atomic_inc(&slot->in_flight);
		/*
		 * Pairs with the barriers in mr_update_publish() and
		 * mr_cap_closed(): either the look below sees what they
		 * published, or their drain sees this reference.
		 */
		smp_mb__after_atomic();
		/* Before the reads of the snapshot and of the gate. */
		if (likely(smp_load_acquire(&v->live) == slot)) {
			mr_stretch();
			/* Before the second look at @live. */
			*open = smp_load_acquire(&mr_vector_cap(v)->open);
			/*
			 * Now the slot cannot be filled anew, so if it is
			 * still published it was so when the gate was read.
			 */
			if (likely(READ_ONCE(v->live) == slot))
				return slot;
		}
		mr_slot_put(slot);
	}
}

/* Why the last event that was not sent at once was not. */
static void mr_keep_reason(struct mr_vector *v, enum msi_route_reason reason)
{
	WRITE_ONCE(mr_slow(v)->reason, reason);
}

/* @replayed: the event had to wait. */
static __always_inline u32 mr_deliver(struct mr_vector *v,
				      const struct mr_message *msg, bool replayed)
{
	struct mr_cap *cap = mr_vector_cap(v);

	/* 0: KVM looked the destination up and nobody took the message. */
	if (unlikely(mr_vm_deliver(&cap->fn->vm, msg) <= 0)) {
		atomic64_inc(&cap->count.unreached);
		mr_keep_reason(v, MSI_ROUTE_REASON_UNREACHED);
		trace_msi_route_drop(v, msg, MSI_ROUTE_REASON_UNREACHED);
		return MSI_ROUTE_UNREACHED;
	}
	atomic64_inc(&v->messages);
	trace_msi_route_send(v, msg, replayed);
	return MSI_ROUTE_SENT;
}

/* An event that was counted as surplus goes out. */
static u32 mr_deliver_surplus(struct mr_vector *v, const struct mr_message *msg,
			      bool replayed)
{
	u32 outcome = mr_deliver(v, msg, replayed);

	if (likely(outcome == MSI_ROUTE_SENT))
		atomic64_dec(&mr_slow(v)->surplus);
	return outcome;
}

/*
 * A broadcast goes out later, in process context.  Any context, under the
 * vector's lock.
 *
 * The count comes first and goes last, mr_cap_sync(): while anything is
 * deferred or under way it is never 0, not for a moment.
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

/*
 * An event that may have had to wait goes out, or is dropped: had it?  Under the
 * vector's lock.
 */
static bool mr_count_replay(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	bool latched = s->latched;

	if (latched)
		atomic64_inc(&mr_vector_cap(v)->count.replayed);
	s->latched = false;
	return latched;
}

static void mr_drop(struct mr_vector *v, const struct mr_snapshot *snap)
{
	enum msi_route_reason reason = mr_action_reason(snap->action);

	atomic64_inc(&mr_vector_cap(v)->count.dropped[snap->action - MR_DROP_ADDRESS]);
	mr_keep_reason(v, reason);
	trace_msi_route_drop(v, &snap->msg, reason);
}

/* Why an event of the vector waits.  Under the vector's lock. */
static enum msi_route_reason mr_wait_reason(struct mr_vector *v)
{
	enum mr_action action = v->live->snap.action;

	if (mr_latched(action))
		return mr_action_reason(action);
	return READ_ONCE(mr_vector_cap(v)->reason);
}

/*
 * Release what is pending, if it may be sent now.  Called with the vector's lock
 * held, after pending was set or after what forbade sending was taken away.
 *
 * The message goes out before Pending is cleared [9], and the lock is held
 * over both: whoever finds Pending clear finds the IRR bit set [26].
 */
static int mr_release(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_slot *slot = v->live;
	const struct mr_snapshot *snap = &slot->snap;
	const u32 index = mr_vector_index(v);
	int outcome = MR_NOT_RELEASED;

	lockdep_assert_held(&mr_slow(v)->lock);

	/* The bit of one that was given back is the next one's of its number. */
	if (!test_bit(index, cap->pending) || mr_latched(snap->action) ||
	    snap->action == MR_DROP_ABSENT)
		return MR_NOT_RELEASED;
	if (mr_slow(v)->latched && mr_mutant(MR_MUT_NO_REPLAY))
		return MR_NOT_RELEASED;

	atomic_inc(&slot->in_flight);
	/*
	 * As in mr_slot_get(): pairs with mr_cap_closed().  And pairs with
	 * mr_cap_opened(): Pending was set before the gate is read.
	 */
	smp_mb__after_atomic();
	if (!READ_ONCE(cap->open))
		goto put;

	if (mr_in_place(v, snap->action)) {
		outcome = mr_deliver_surplus(v, &snap->msg, mr_slow(v)->latched);
		/* In this order also for who polls the PBA, without the lock. */
		smp_mb__before_atomic();
		clear_bit(index, cap->pending);
		mr_count_replay(v);
	} else if (snap->action < MR_DROP_ADDRESS) {
		mr_defer(v);
		outcome = MSI_ROUTE_SENT;
	} else {
		mr_drop(v, snap);
		clear_bit(index, cap->pending);
		mr_count_replay(v);
		outcome = MSI_ROUTE_DROPPED;
	}
put:
	mr_slot_put(slot);
	return outcome;
}

/* The Pending bit stands for one event more.  Under the vector's lock. */
static void mr_coalesce(struct mr_vector *v)
{
	enum msi_route_reason reason = mr_wait_reason(v);

	if (!mr_latched(v->live->snap.action) && READ_ONCE(mr_vector_cap(v)->open))
		reason = MSI_ROUTE_REASON_BROADCAST;
	atomic64_inc(&mr_slow(v)->coalesced);
	mr_keep_reason(v, reason);
	trace_msi_route_coalesce(v, reason, 1);
}

/* The event stays pending.  Under the vector's lock. */
static void mr_latch(struct mr_vector *v, bool coalesced)
{
	enum msi_route_reason reason = mr_wait_reason(v);

	mr_slow(v)->latched = true;
	if (coalesced)
		return;
	mr_keep_reason(v, reason);
	trace_msi_route_pend(v, reason, 1);
}

static u32 mr_raise_slowly(struct mr_vector *v, u64 count)
{
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_cap *cap = mr_vector_cap(v);
	u32 outcome = MSI_ROUTE_PENDING;
	int released = MR_NOT_RELEASED;
	unsigned long flags;

	atomic64_inc(&s->surplus);
	raw_spin_lock_irqsave(&s->lock, flags);
	/* Also with the gate closed: it would be kept for ever. */
	if (s->absent) {
		mr_drop(v, &v->live->snap);
		raw_spin_unlock_irqrestore(&s->lock, flags);
		return MSI_ROUTE_DROPPED;
	}
	if (v->live->snap.action == MR_HELD)
		atomic64_add(count, &cap->count.held);
	if (mr_mutant(MR_MUT_NO_PENDING) && mr_latched(v->live->snap.action)) {
		raw_spin_unlock_irqrestore(&s->lock, flags);
		return MSI_ROUTE_PENDING;
	}

	if (test_and_set_bit(mr_vector_index(v), cap->pending)) {
		mr_coalesce(v);
		outcome = MSI_ROUTE_COALESCED;
	}
	mr_stretch();
	/* Look again: its barrier stands between Pending and the gate. */
	if (!mr_mutant(MR_MUT_NO_RECHECK) || v->live->snap.action > MR_SEND)
		released = mr_release(v);
	if (released != MR_NOT_RELEASED)
		outcome = released;
	else
		mr_latch(v, outcome == MSI_ROUTE_COALESCED);
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return outcome;
}

/* Events beyond the first, of those that came as one. */
static void mr_count_surplus(struct mr_vector *v, u64 count)
{
	struct mr_vector_slow *s = mr_slow(v);

	atomic64_add(count, &s->surplus);
	atomic64_add(count, &s->coalesced);
	trace_msi_route_coalesce(v, MSI_ROUTE_REASON_EVENTFD, count);
}

/**
 * mr_vector_count() - what happened to a vector
 * @v: the vector
 * @count: is added to
 *
 * Context: any.  Exact while no call on the vector is under way.
 */
void mr_vector_count(const struct mr_vector *v, struct mr_vector_count *count)
{
	const struct mr_vector_slow *s = mr_slow(v);
	u64 messages = atomic64_read(&v->messages);

	count->messages += messages;
	count->events += messages + atomic64_read(&s->surplus);
	count->coalesced += atomic64_read(&s->coalesced);
	count->pending += test_bit(mr_vector_index(v), mr_vector_cap(v)->pending);
}

/**
 * mr_vector_raise() - an event of a vector
 * @v: the vector
 * @count: how many events came as one; the surplus coalesces
 * @sync: the caller calls mr_cap_sync() next
 *
 * If the vector may send, a message to one target is in its IRR on return.  A
 * broadcast, and a logical destination for which KVM has to search, is so after
 * mr_cap_sync(), or a work item sends it, but not later than the guest's next
 * access of the function returns.
 *
 * Context: any, hard interrupt included, with an eventfd's wqh.lock held.
 * Return: enum msi_route_outcome.
 */
u32 mr_vector_raise(struct mr_vector *v, u64 count, bool sync)
{
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_slot *slot;
	u32 outcome;
	bool open;

	if (unlikely(count > 1))
		mr_count_surplus(v, count - 1);

	preempt_disable();
	slot = mr_slot_get(v, &open);
	if (likely(open && mr_in_place(v, slot->snap.action))) {
		outcome = mr_deliver(v, &slot->snap.msg, false);
		mr_slot_put(slot);
		preempt_enable();
		if (unlikely(outcome != MSI_ROUTE_SENT))
			atomic64_inc(&mr_slow(v)->surplus);
		return outcome;
	}
	mr_slot_put(slot);
	preempt_enable();

	mr_stretch();
	outcome = mr_raise_slowly(v, count);
	/* At 0 another has sent it: pairs with mr_cap_sync(). */
	if (unlikely(atomic_read_acquire(&cap->nr_deferred)) && !sync)
		queue_work(mr_wq, &cap->many_work);
	return outcome;
}

/* ---- broadcasts ---- */

/*
 * Send a deferred broadcast.  It takes long, so interrupts are on; preemption
 * is off, because a drain waits for it: mr_slot_get().
 */
static void mr_send_many(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_slot *slot;
	unsigned long flags;
	bool replayed;

	lockdep_assert_held(&cap->many_lock);

	raw_spin_lock_irqsave(&s->lock, flags);
	slot = v->live;
	if (slot->snap.action != MR_SEND_MANY &&
	    slot->snap.action != MR_SEND_LOGICAL) {
		/* Changed since it was deferred: masked, or one target now. */
		mr_release(v);
		goto unlock;
	}
	atomic_inc(&slot->in_flight);
	/* As in mr_slot_get(): pairs with mr_cap_closed(). */
	smp_mb__after_atomic();
	/*
	 * Pending is cleared first here, because the lock is not held over the
	 * delivery and an event that arrives meanwhile must set it again.  The
	 * guest sees neither of them: its access waits for many_lock.
	 */
	if (!READ_ONCE(cap->open) ||
	    !test_and_clear_bit(mr_vector_index(v), cap->pending)) {
		mr_slot_put(slot);
		goto unlock;
	}
	replayed = mr_count_replay(v);
	preempt_disable();
	raw_spin_unlock_irqrestore(&s->lock, flags);

	mr_deliver_surplus(v, &slot->snap.msg, replayed);
	mr_slot_put(slot);
	preempt_enable();
	return;
unlock:
	raw_spin_unlock_irqrestore(&s->lock, flags);
}

/* Send the vector's broadcast if nobody else has.  Under cap->many_lock. */
static void mr_send_deferred(struct mr_cap *cap, u32 index)
{
	struct mr_vector *v;

	lockdep_assert_held(&cap->many_lock);

	if (!test_and_clear_bit(index, cap->deferred))
		return;
	rcu_read_lock();
	v = mr_vector_at(cap, index);
	if (v)
		mr_send_many(v);
	rcu_read_unlock();
	/* Pairs with the acquires of nr_deferred. */
	smp_mb__before_atomic();
	atomic_dec(&cap->nr_deferred);
}

/**
 * mr_cap_sync() - complete the broadcasts that were deferred before the call
 * @cap: the capability, which the function may not have
 *
 * A guest's read of the function calls it first and a write last: a posted
 * write is pushed ahead of a read's completion.  A task that is being killed
 * leaves them to the work item: its guest does not see the end of an access.
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
		/* One at a time, for the sake of who waits for the lock. */
		mutex_lock(&cap->many_lock);
		mr_send_deferred(cap, i);
		mutex_unlock(&cap->many_lock);
		cond_resched();
	}
	/* One that somebody else has taken may be under way still. */
	mutex_lock(&cap->many_lock);
	mutex_unlock(&cap->many_lock);
	/* Pairs with mr_many_work(): the lock is free before the look. */
	smp_mb();
	if (atomic_read(&cap->nr_deferred))
		queue_work(mr_wq, &cap->many_work);
}

/*
 * It waits for nobody: of many functions, each with somebody who holds the
 * lock, the work items would fill the queue.  Whoever has the lock looks for
 * what was deferred meanwhile.
 */
static void mr_many_work(struct work_struct *work)
{
	struct mr_cap *cap = container_of(work, struct mr_cap, many_work);
	u32 i, n;

	for (n = 0; n < MR_MANY_BATCH; n++) {
		/* Pairs with mr_cap_sync(): what is deferred, then the lock. */
		smp_mb();
		if (!mutex_trylock(&cap->many_lock))
			return;
		/* In turn, so that no vector waits for ever. */
		i = mr_next_bit(cap->deferred, cap->max, cap->many_next);
		if (i >= cap->max)
			i = mr_next_bit(cap->deferred, cap->max, 0);
		cap->many_next = i + 1;
		if (i < cap->max)
			mr_send_deferred(cap, i);
		mutex_unlock(&cap->many_lock);
		if (i >= cap->max)
			return;
		cond_resched();
	}
	queue_work(mr_wq, &cap->many_work);
}

/* ---- update holds ---- */

/* Bound of the update hold of new functions, in nanoseconds. */
u32 mr_hold_default(void)
{
	return min_t(u32, READ_ONCE(hold_ns), MR_HOLD_MAX_NS);
}

/**
 * mr_vector_message() - the message of a vector as its registers stand
 * @v: the vector, its lock held
 * @raw: out
 *
 * Context: any.
 * Return: whether the vector's own mask is set.
 */
bool mr_vector_message(struct mr_vector *v, struct mr_message *raw)
{
	switch (mr_vector_cap(v)->kind) {
	case MSI_ROUTE_MSIX:
		return mr_msix_message(v, raw);
	case MSI_ROUTE_MSI:
		return mr_msi_message(v, raw);
	default:
		return mr_ims_message(v, raw);
	}
}

/* NULL: the function is not behind an interrupt remapping unit. */
static struct mr_translation *mr_translation_of(const struct mr_vector *v)
{
	struct mr_translation *t = v->block->translations;

	return t ? &t[v - v->block->vectors] : NULL;
}

/*
 * A translation ends with its message: should the guest write that one again, the
 * remapping unit's tables may be others by then, and the VMM was told.
 */
static void mr_end_translation(struct mr_translation *t,
			       const struct mr_message *raw)
{
	if (t && memcmp(&t->raw, raw, sizeof(*raw)) &&
	    !mr_mutant(MR_MUT_ANY_TRANSLATION))
		t->valid = false;
}

static void mr_compose(struct mr_vector *v, struct mr_snapshot *snap)
{
	struct mr_translation *t = mr_translation_of(v);
	struct mr_message raw;
	bool masked = mr_vector_message(v, &raw);

	mr_end_translation(t, &raw);
	mr_snapshot_compose(mr_vector_cap(v)->fn, &raw, masked, t, snap);
	if (mr_slow(v)->absent)
		snap->action = MR_DROP_ABSENT;
}

static void mr_hold_open(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_cap *cap = mr_vector_cap(v);
	bool first;

	lockdep_assert_held(&s->lock);

	/* What cannot be sent anyway needs no hold. */
	if (s->held || !READ_ONCE(cap->hold_bound) || mr_latched(v->live->snap.action) ||
	    !READ_ONCE(cap->open))
		return;
	if (mr_mutant(MR_MUT_NO_HOLD))
		return;
	if (mr_mutant(MR_MUT_SLEEPS_LOCKED))
		kfree(kmalloc(1, GFP_KERNEL));
	s->held = true;
	atomic64_inc(&cap->count.holds);
	trace_msi_route_hold(v, MR_HOLD_OPENED);

	raw_spin_lock(&cap->hold_lock);
	/* One bound for all in the list: it is ordered by their ends. */
	s->hold_until = ktime_add(ktime_get(), cap->hold_bound);
	first = list_empty(&cap->holds);
	list_add_tail(&s->hold_node, &cap->holds);
	if (first)
		hrtimer_start(&cap->hold_timer, s->hold_until,
			      HRTIMER_MODE_ABS_HARD);
	raw_spin_unlock(&cap->hold_lock);
}

/* Under the vector's lock.  Its time is told by mr_cap_thaw_holds(). */
static void mr_hold_restore(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_cap *cap = mr_vector_cap(v);

	if (!READ_ONCE(cap->hold_bound))
		return;
	s->held = true;
	trace_msi_route_hold(v, MR_HOLD_OPENED);
	raw_spin_lock(&cap->hold_lock);
	list_add_tail(&s->hold_node, &cap->holds);
	raw_spin_unlock(&cap->hold_lock);
}

static void mr_hold_close(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_cap *cap = mr_vector_cap(v);

	lockdep_assert_held(&s->lock);

	if (!s->held)
		return;
	s->held = false;
	trace_msi_route_hold(v, MR_HOLD_CLOSED);
	/* The timer may have taken it from the list already. */
	raw_spin_lock(&cap->hold_lock);
	list_del_init(&s->hold_node);
	raw_spin_unlock(&cap->hold_lock);
}

/* ---- writers ---- */

static struct mr_slot *mr_idle_slot(struct mr_vector *v)
{
	return v->live == &v->slot[0] ? &v->slot[1] : &v->slot[0];
}

static bool mr_idle_slot_free(struct mr_vector *v)
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
 * Returns with the vector's lock held and the idle slot free.  What it may wait
 * for is the end of deliveries that began before another writer's update.
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_update_begin(struct mr_update *u, struct mr_vector *v)
	__acquires(&u->s->lock)
{
	u->v = v;
	u->s = mr_slow(v);
	u->old = NULL;
	u->changes = 0;
	u->quiet = false;
	for (;;) {
		raw_spin_lock_irqsave(&u->s->lock, u->flags);
		if (likely(mr_idle_slot_free(v)))
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
 * @hold: what the write does to the update hold
 *
 * Publishes a snapshot of the registers, releases what is pending [18], and
 * marks for the VMM what changed.
 */
void mr_update_commit(struct mr_update *u, enum mr_hold hold)
{
	struct mr_vector *v = u->v;
	bool was_masked = mr_silent(v->live->snap.action);
	struct mr_snapshot snap;
	bool masked;

	if (hold == MR_HOLD_OPEN)
		mr_hold_open(v);
	else if (hold == MR_HOLD_CLOSE)
		mr_hold_close(v);

	mr_compose(v, &snap);
	if (snap.action == MR_UNTRANSLATED)
		atomic64_inc(&mr_vector_cap(v)->count.remappable);
	masked = mr_silent(snap.action);
	if (u->s->held && !masked)
		snap.action = MR_HELD;
	if (trace_msi_route_update_enabled())
		trace_msi_route_update(v, &snap.msg,
				       mr_action_reason(snap.action));
	mr_update_publish(u, &snap);
	mr_release(v);

	/* After the barrier in mr_update_publish(): see mr_change_used(). */
	if (likely(!mr_changes_wanted(mr_vector_cap(v))) || u->quiet)
		return;
	if (masked != was_masked)
		u->changes |= masked ? MSI_ROUTE_CHANGE_MASKED :
				       MSI_ROUTE_CHANGE_UNMASKED;
	mr_change_vector(v, u->changes);
	mr_change_used(v, masked);
}

/*
 * Wait for the senders that may still deliver from the old snapshot.  New ones
 * do not take it, so this ends; it ends as well when the slot was filled anew,
 * because then another writer has seen it drained.
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

/*
 * End the vector's hold, if it is still open; if @expired, only if it has
 * reached its bound.  Called with its lock held and the idle slot free.
 */
static void mr_hold_finish(struct mr_update *u, bool expired)
{
	if (!u->s->held)
		return;
	if (expired) {
		if (ktime_before(ktime_get(), u->s->hold_until))
			return;
		atomic64_inc(&mr_vector_cap(u->v)->count.holds_expired);
		trace_msi_route_hold(u->v, MR_HOLD_EXPIRED);
	}
	mr_update_commit(u, MR_HOLD_CLOSE);
}

static struct mr_vector_slow *mr_hold_pop(struct mr_cap *cap, bool expired)
{
	struct mr_vector_slow *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	s = list_first_entry_or_null(&cap->holds, struct mr_vector_slow,
				     hold_node);
	if (s && expired && ktime_before(ktime_get(), s->hold_until)) {
		hrtimer_start(&cap->hold_timer, s->hold_until,
			      HRTIMER_MODE_ABS_HARD);
		s = NULL;
	}
	if (s)
		list_del_init(&s->hold_node);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
	return s;
}

/*
 * Not the vector's turn yet, or not the timer's: look again in @ns.  Only what
 * is held is in the list, so @s is given under its lock, or is NULL.
 */
static void mr_hold_retry(struct mr_cap *cap, struct mr_vector_slow *s, u64 ns)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	if (s && s->held && list_empty(&s->hold_node))
		list_add(&s->hold_node, &cap->holds);
	hrtimer_start(&cap->hold_timer, ktime_add_ns(ktime_get(), ns),
		      HRTIMER_MODE_ABS_HARD);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
}

/*
 * Hard interrupt.  It must not wait for a sender, which it may have
 * interrupted; and it need not drain, because senders of the held snapshot
 * send nothing.
 */
static enum hrtimer_restart mr_hold_expire(struct hrtimer *timer)
{
	struct mr_cap *cap = container_of(timer, struct mr_cap, hold_timer);
	struct mr_update u;
	int i;

	/* The guest is stopped as well: mr_cap_thaw_holds() starts it again. */
	if (READ_ONCE(cap->fn->stopped) && !mr_mutant(MR_MUT_NO_FREEZE))
		return HRTIMER_NORESTART;
	for (i = 0; i < MR_HOLD_BATCH; i++) {
		/* With nothing in it of what changed of the one before. */
		u = (struct mr_update) { .s = mr_hold_pop(cap, true) };
		if (!u.s)
			break;
		/* It may have been given back since: then nothing is held. */
		u.v = mr_vector_at(cap, u.s->index);
		if (!u.v)
			continue;
		raw_spin_lock(&u.s->lock);
		if (!mr_idle_slot_free(u.v)) {
			mr_hold_retry(cap, u.s, MR_HOLD_RETRY_NS);
			raw_spin_unlock(&u.s->lock);
			break;
		}
		mr_hold_finish(&u, true);
		raw_spin_unlock(&u.s->lock);
	}
	if (i == MR_HOLD_BATCH)
		mr_hold_retry(cap, NULL, MR_HOLD_RETRY_NS);
	if (atomic_read(&cap->nr_deferred))
		queue_work(mr_wq, &cap->many_work);
	return HRTIMER_NORESTART;
}

/**
 * mr_cap_close_holds() - end the open holds of all vectors
 * @cap: the capability
 *
 * For a write of Message Control, and before the bound changes.
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_cap_close_holds(struct mr_cap *cap)
{
	struct mr_vector_slow *s;
	struct mr_vector *v;
	struct mr_update u;
	u32 i;

	/* Not until there is none: other vCPUs may open new ones for ever. */
	for (i = 0; i < cap->max; i++) {
		if (list_empty(&cap->holds))
			break;
		rcu_read_lock();
		s = mr_hold_pop(cap, false);
		/* It may have been given back since: then nothing is held. */
		v = s ? mr_vector_at(cap, s->index) : NULL;
		if (v) {
			mr_update_begin(&u, v);
			mr_hold_finish(&u, false);
			mr_update_end(&u);
		}
		rcu_read_unlock();
		cond_resched();
	}
}

/**
 * mr_cap_set_hold() - change the bound of update holds
 * @cap: the capability
 * @bound: 0: no holds
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_cap_set_hold(struct mr_cap *cap, ktime_t bound)
{
	unsigned long flags;

	if (!cap->max)
		return;
	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	WRITE_ONCE(cap->hold_bound, bound);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
	mr_cap_close_holds(cap);
}

/**
 * mr_cap_freeze_holds() - the function was stopped: no hold runs out
 * @cap: the capability
 *
 * Context: process, may wait for the timer's handler.
 */
void mr_cap_freeze_holds(struct mr_cap *cap)
{
	if (cap->max && !mr_mutant(MR_MUT_NO_FREEZE))
		hrtimer_cancel(&cap->hold_timer);
}

/**
 * mr_cap_thaw_holds() - the function runs again: the bounds begin anew
 * @cap: the capability
 *
 * Context: process, no spinlock held.
 */
void mr_cap_thaw_holds(struct mr_cap *cap)
{
	struct mr_vector_slow *s;
	unsigned long flags;
	ktime_t until;

	if (!cap->max)
		return;
	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	until = ktime_add(ktime_get(), cap->hold_bound);
	list_for_each_entry(s, &cap->holds, hold_node)
		s->hold_until = until;
	if (!list_empty(&cap->holds))
		hrtimer_start(&cap->hold_timer, until, HRTIMER_MODE_ABS_HARD);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
}

/* ---- the gate ---- */

/**
 * mr_cap_opened() - cap->open was set: release what is pending
 * @cap: the capability, which the function may not have
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
			raw_spin_lock_irqsave(&mr_slow(v)->lock, flags);
			mr_release(v);
			raw_spin_unlock_irqrestore(&mr_slow(v)->lock, flags);
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
 * A vector that has senders is published again, as it is: only so do new
 * senders, which find the gate closed, not prolong the wait for the old ones.
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
 * @cap: the capability, which the function may not have
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
	if (mr_vector_cap(v)->kind == MSI_ROUTE_MSIX)
		mr_msix_store_entry(v, e);
	else if (mr_vector_cap(v)->kind == MSI_ROUTE_IMS)
		mr_ims_store_entry(v, e);
}

/* Pending goes without a message.  Under the vector's lock. */
static bool mr_forget(struct mr_vector *v, enum msi_route_reason reason)
{
	if (!test_and_clear_bit(mr_vector_index(v), mr_vector_cap(v)->pending))
		return false;
	mr_slow(v)->latched = false;
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
	struct mr_vector_slow *s = mr_slow(v);
	unsigned long flags;
	bool was;

	raw_spin_lock_irqsave(&s->lock, flags);
	was = !s->absent && mr_forget(v, MSI_ROUTE_REASON_CLEARED);
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return was;
}

/* MSI's registers are not the vector's own: mr_msi_reset(). */
static void mr_reset_entry(struct mr_vector *v)
{
	static const struct msi_route_entry masked = {
		.control = PCI_MSIX_ENTRY_CTRL_MASKBIT,
	};

	mr_store_entry(v, &masked);
}

/* Registers, translation and what is pending.  Under the vector's lock. */
static void mr_forget_all(struct mr_vector *v, enum msi_route_reason reason)
{
	mr_reset_entry(v);
	mr_untranslate(v);
	if (!mr_mutant(MR_MUT_STALE_RESET))
		mr_forget(v, reason);
}

/**
 * mr_vector_reset() - a vector's part of a reset [29]
 * @v: the vector; the gate of its capability is closed and drained
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_vector_reset(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.quiet = true;
	mr_forget_all(v, MSI_ROUTE_REASON_RESET);
	mr_update_commit(&u, MR_HOLD_CLOSE);
	mr_update_end(&u);
}

/**
 * mr_vector_renew() - as if the guest wrote the vector's registers once more
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
		u.changes = MSI_ROUTE_CHANGE_MESSAGE |
			    (mr_vector_message(v, &raw) ?
			     MSI_ROUTE_CHANGE_MASKED : MSI_ROUTE_CHANGE_UNMASKED);
		mr_update_commit(&u, MR_HOLD_KEEP);
	}
	mr_update_end(&u);
}

/**
 * mr_vector_translate() - translate a vector's message [33]
 * @v: the vector of a function behind an interrupt remapping unit
 * @t: the translation, or none
 *
 * Context: process, interrupts on, no lock held.
 * Return: 0, or -ESTALE if it is not of the vector's message; then the vector
 * has no translation.
 */
int mr_vector_translate(struct mr_vector *v, const struct mr_translation *t)
{
	struct mr_message raw;
	struct mr_update u;
	int ret = 0;

	mr_update_begin(&u, v);
	mr_vector_message(v, &raw);
	if (!u.s->absent && !memcmp(&raw, &t->raw, sizeof(raw))) {
		*mr_translation_of(v) = *t;
	} else {
		/* The older one must not come back with its message. */
		if (!mr_mutant(MR_MUT_STALE_TRANSLATION))
			mr_untranslate(v);
		ret = -ESTALE;
	}
	mr_update_commit(&u, MR_HOLD_KEEP);
	mr_update_end(&u);
	return ret;
}

/* Has @v an update hold that is open? */
bool mr_vector_held(struct mr_vector *v)
{
	struct mr_vector_slow *s = mr_slow(v);
	unsigned long flags;
	bool held;

	raw_spin_lock_irqsave(&s->lock, flags);
	held = s->held;
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return held;
}

/**
 * mr_vector_restore() - give a vector the state of another
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
	u.changes = MSI_ROUTE_CHANGE_MESSAGE;
	if (e)
		mr_store_entry(v, e);
	mr_untranslate(v);
	mr_forget(v, MSI_ROUTE_REASON_RESTORED);
	if (pending) {
		atomic64_inc(&u.s->surplus);
		u.s->latched = true;
		set_bit(mr_vector_index(v), mr_vector_cap(v)->pending);
	}
	mr_hold_close(v);
	if (held)
		mr_hold_restore(v);
	mr_update_commit(&u, MR_HOLD_KEEP);
	mr_update_end(&u);
}

/* ---- life ---- */

/**
 * mr_vector_init() - make a vector
 * @v: zeroed, in its block
 * @absent: it is not one of the capability's vectors yet
 */
void mr_vector_init(struct mr_vector *v, bool absent)
{
	struct mr_vector_slow *s = mr_slow(v);

	raw_spin_lock_init(&s->lock);
	INIT_LIST_HEAD(&s->hold_node);
	s->index = mr_vector_index(v);
	s->absent = absent;
	v->live = &v->slot[0];
	mr_compose(v, &v->slot[0].snap);
}

/**
 * mr_vector_add() - a vector comes to be one of its capability's
 * @v: the vector; its registers are as after reset
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_add(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.s->absent = false;
	mr_update_commit(&u, MR_HOLD_KEEP);
	mr_update_end(&u);
}

/**
 * mr_vector_remove() - a vector is none of its capability's any more
 * @v: the vector, without an eventfd
 *
 * On return its registers are as after reset, and stay so; no message is under
 * way; and it is in no list.
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_vector_remove(struct mr_vector *v)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	u.quiet = true;
	mr_forget_all(v, MSI_ROUTE_REASON_GIVEN_BACK);
	u.s->absent = true;
	mr_update_commit(&u, MR_HOLD_CLOSE);
	mr_change_forget(v);
	mr_update_end(&u);
}

/**
 * mr_cap_init() - make a capability
 * @cap: zeroed
 * @fn: the function; its registers are as after reset
 * @kind: enum msi_route_kind
 * @nr: number of vectors
 * @max: most vectors that it may come to have
 * @pending: a bit for each of them, all clear
 *
 * Return: 0 or -ENOMEM.
 */
int mr_cap_init(struct mr_cap *cap, struct mr_function *fn, u32 kind, u32 nr,
		u32 max, unsigned long *pending)
{
	/* A cache line for senders; all of a vector in less than two. */
	BUILD_BUG_ON(sizeof(struct mr_vector) != 64);
	BUILD_BUG_ON(sizeof(raw_spinlock_t) == 4 &&
		     sizeof(struct mr_vector_slow) > 56);

	cap->fn = fn;
	cap->kind = kind;
	cap->limit = max;
	cap->pending = pending;
	cap->reason = kind == MSI_ROUTE_IMS ? MSI_ROUTE_REASON_BUS_MASTER :
					      MSI_ROUTE_REASON_DISABLED;
	cap->hold_bound = ns_to_ktime(mr_hold_default());
	mutex_init(&cap->many_lock);
	raw_spin_lock_init(&cap->hold_lock);
	INIT_LIST_HEAD(&cap->holds);
	xa_init_flags(&cap->triggers, XA_FLAGS_ACCOUNT);
	INIT_WORK(&cap->many_work, mr_many_work);
	hrtimer_setup(&cap->hold_timer, mr_hold_expire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
	cap->deferred = kvcalloc(BITS_TO_LONGS(max), sizeof(long),
				 MR_GFP);
	if (cap->deferred && !mr_vectors_init(cap, nr, max))
		return 0;
	kvfree(cap->deferred);
	return -ENOMEM;
}

/**
 * mr_cap_destroy() - free a capability
 * @cap: the capability; no eventfd is attached and no call is under way
 */
void mr_cap_destroy(struct mr_cap *cap)
{
	if (!cap->max)
		return;
	if (!mr_mutant(MR_MUT_TIMER_LEFT))
		hrtimer_cancel(&cap->hold_timer);
	cancel_work_sync(&cap->many_work);
	kvfree(cap->deferred);
	mr_vectors_destroy(cap);
}
