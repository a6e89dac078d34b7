// SPDX-License-Identifier: GPL-2.0
/*
 * The update hold.
 *
 * A guest changes a message by several writes.  Once the address changes, the vector
 * sends nothing until the data completes the message, or until a bound has passed.  So
 * no event meets half of a message, and none waits for ever.  Only time in which the
 * vCPU that opened the hold runs counts.
 *
 * A capability has one timer and one list of open holds.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../compat.h"
#include "../mutate.h"
#include "route.h"
#include "trace.h"

/*
 * Looks at holds in one run of the timer, which runs with interrupts off.  Ending a hold
 * takes as long as MR_HOLD_END looks.
 */
#define MR_HOLD_BATCH		32
#define MR_HOLD_END		8
/* Time to the next run if more holds are due, or if a sender still uses the slot. */
#define MR_HOLD_RETRY_NS	(10 * NSEC_PER_USEC)
/*
 * Number of looks within the bound at whether the guest runs.  Each time that it does
 * not, the hold lasts longer.
 */
#define MR_HOLD_LOOKS		4
/* Most vCPUs that one look covers, if all have to run. */
#define MR_HOLD_VCPUS		64
/* The longest time between two looks at a guest that does not run. */
#define MR_HOLD_PAUSE_NS	NSEC_PER_MSEC
/* A hold waits no longer than this for a guest that does not run. */
#define MR_HOLD_PAUSED_NS	(60 * NSEC_PER_SEC)

/*
 * The bound must cover the time from the guest's write of the address to its write of
 * the data, with the exits between them: tens of microseconds on hardware.
 */
static unsigned int hold_ns = MR_HOLD_DEFAULT_NS;
module_param(hold_ns, uint, 0644);
MODULE_PARM_DESC(hold_ns, "bound of the update hold of new functions in ns, 0: no hold");

/* Bound of the update hold of new functions, in nanoseconds. */
u32 mr_hold_default(void)
{
	return min_t(u32, READ_ONCE(hold_ns), MR_HOLD_MAX_NS);
}

/* ---- open and close; under the vector's lock ---- */

/*
 * The looks at a vCPU are spread over the hold's bound.  If no vCPU is known, there is
 * nothing to look at before the end.
 */
static u32 mr_hold_looks(const struct mr_vector_cold *s)
{
	return s->writer ? MR_HOLD_LOOKS : 1;
}

/* Sets the time of the next look.  Under cap->hold_lock. */
static void mr_hold_set_time(struct mr_vector_cold *s, const struct mr_cap *cap)
{
	u64 step = div_u64(ktime_to_ns(cap->hold_bound), mr_hold_looks(s));

	s->hold_until = ktime_add_ns(ktime_get(), step);
}

/*
 * Adds it at the end of the list.  The first one may be due later than others, but by
 * less than the bound.  Under cap->hold_lock.
 */
static void mr_hold_enlist(struct mr_vector_cold *s, struct mr_cap *cap)
{
	mr_hold_set_time(s, cap);
	list_add_tail(&s->hold_node, &cap->holds);
}

static noinline void mr_hold_open(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	struct mr_cap *cap = mr_vector_cap(v);
	bool first;

	lockdep_assert_held(&s->lock);

	/* What cannot be sent anyway needs no hold. */
	if (s->held || !READ_ONCE(cap->hold_bound) || mr_action_pends(v->live->snap.action) ||
	    !READ_ONCE(cap->open))
		return;
	if (mr_mutant(MR_MUT_NO_HOLD))
		return;
	if (mr_mutant(MR_MUT_SLEEPS_LOCKED))
		kfree(kmalloc(1, GFP_KERNEL));
	s->held = true;
	s->writer = mr_vm_writer(&cap->rq->vm);
	s->by_any = false;
	s->looks = mr_hold_looks(s);
	atomic64_inc(&cap->count.holds);
	trace_msi_route_hold(v, MR_HOLD_OPENED);

	raw_spin_lock(&cap->hold_lock);
	first = list_empty(&cap->holds);
	mr_hold_enlist(s, cap);
	/* In a pause the timer would come too late for a vCPU that runs. */
	if (first || cap->hold_pause)
		hrtimer_start(&cap->hold_timer, s->hold_until,
			      HRTIMER_MODE_ABS_HARD);
	cap->hold_pause = 0;
	raw_spin_unlock(&cap->hold_lock);
}

/* The vCPU that opened the hold is unknown: all have to run, from the first on. */
void mr_hold_by_any(struct mr_vector_cold *s)
{
	s->writer = 1;
	s->by_any = true;
}

/* Under the vector's lock.  mr_cap_thaw_holds() sets the time. */
void mr_hold_restore(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	struct mr_cap *cap = mr_vector_cap(v);

	if (!READ_ONCE(cap->hold_bound))
		return;
	s->held = true;
	/* The vCPU that opened it was on another host. */
	mr_hold_by_any(s);
	trace_msi_route_hold(v, MR_HOLD_OPENED);
	raw_spin_lock(&cap->hold_lock);
	list_add_tail(&s->hold_node, &cap->holds);
	raw_spin_unlock(&cap->hold_lock);
}

void mr_hold_close(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
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

/**
 * mr_hold_commit() - open or close the hold, and make changed registers effective
 * @u: the update; the lock held since mr_update_begin()
 * @hold: what the write does to the update hold
 *
 * Context: as mr_update_commit().
 */
void mr_hold_commit(struct mr_update *u, enum mr_hold hold)
{
	/* Most writes find no hold and open none: that way has to be short. */
	if (unlikely(hold == MR_HOLD_OPEN))
		mr_hold_open(u->v);
	else if (unlikely(u->s->held && hold == MR_HOLD_CLOSE))
		mr_hold_close(u->v);
	mr_update_commit(u);
}

/* Does @v have an open update hold? */
bool mr_vector_held(struct mr_vector *v)
{
	struct mr_vector_cold *s = mr_cold(v);
	unsigned long flags;
	bool held;

	raw_spin_lock_irqsave(&s->lock, flags);
	held = s->held;
	raw_spin_unlock_irqrestore(&s->lock, flags);
	return held;
}

/* ---- the timer ---- */

/* What the timer found. */
enum mr_look {
	MR_LOOK_CLOSED,
	MR_LOOK_RUNS,
	MR_LOOK_PAUSED,
	MR_LOOK_ENDED,
	MR_NR_LOOKS
};

/*
 * Takes the first hold from the list, if there is one.  With @due, only if the timer has
 * to look at it now.
 */
static struct mr_vector_cold *mr_hold_pop(struct mr_cap *cap, bool due)
{
	struct mr_vector_cold *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	s = list_first_entry_or_null(&cap->holds, struct mr_vector_cold,
				     hold_node);
	if (s && due && ktime_before(ktime_get(), s->hold_until))
		s = NULL;
	if (s)
		list_del_init(&s->hold_node);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
	return s;
}

/*
 * Does the guest go on after the write that opened the hold?  The vCPU of a restored
 * hold is unknown: all vCPUs have to run, each at one of the looks.  Under the vector's
 * lock.
 */
static bool mr_hold_runs(struct mr_cap *cap, struct mr_vector_cold *s)
{
	const struct mr_vm *vm = &cap->rq->vm;
	u32 i;

	if (!s->writer || mr_mutant(MR_MUT_PAUSE_COUNTS))
		return true;
	if (!s->by_any)
		return mr_vm_vcpu_runs(vm, s->writer - 1);
	for (i = 0; i < MR_HOLD_VCPUS; i++) {
		if (!mr_vm_has_vcpu(vm, s->writer - 1)) {
			s->writer = 1;
			return true;
		}
		if (!mr_vm_vcpu_runs(vm, s->writer - 1))
			return false;
		s->writer++;
	}
	return false;
}

/* Has a vCPU been away for longer than a hold waits for one? */
static bool mr_hold_given_up(struct mr_cap *cap)
{
	ktime_t since = READ_ONCE(cap->hold_paused);

	return since && ktime_get() - since > MR_HOLD_PAUSED_NS;
}

/*
 * Looks at a hold that is due.  A part of its bound is over if the guest ran, or if it
 * has been away for too long.  The vector's lock is held and the idle slot free.
 */
static enum mr_look mr_hold_look(struct mr_update *u, struct mr_cap *cap)
{
	struct mr_vector_cold *s = u->s;
	bool runs;

	/* It was closed meanwhile, and may have been opened again. */
	if (!s->held || ktime_before(ktime_get(), s->hold_until))
		return MR_LOOK_CLOSED;
	runs = mr_hold_runs(cap, s);
	if (runs || mr_hold_given_up(cap))
		s->looks--;
	if (!s->looks) {
		atomic64_inc(&cap->count.holds_expired);
		trace_msi_route_hold(u->v, MR_HOLD_EXPIRED);
		mr_hold_commit(u, MR_HOLD_CLOSE);
		return MR_LOOK_ENDED;
	}
	raw_spin_lock(&cap->hold_lock);
	mr_hold_enlist(s, cap);
	raw_spin_unlock(&cap->hold_lock);
	return runs ? MR_LOOK_RUNS : MR_LOOK_PAUSED;
}

/*
 * A hold is taken if it is open and not in the list: from mr_hold_pop() until whoever
 * popped it has the vector's lock and closes it or puts it back.  Under the vector's
 * lock and cap->hold_lock.
 */
static bool mr_hold_is_taken(const struct mr_vector_cold *s)
{
	return s->held && list_empty(&s->hold_node);
}

/* A sender still uses the slot: the hold stays first.  Under the vector's lock. */
static void mr_hold_put_back(struct mr_cap *cap, struct mr_vector_cold *s)
{
	raw_spin_lock(&cap->hold_lock);
	if (mr_hold_is_taken(s))
		list_add(&s->hold_node, &cap->holds);
	raw_spin_unlock(&cap->hold_lock);
}

/*
 * Arms the timer for when the first hold is due, but not within @ns, and not within a
 * pause that grows while no vCPU runs.
 */
static void mr_hold_arm(struct mr_cap *cap, const int *looks, u64 ns)
{
	ktime_t now = ktime_get(), at;
	struct mr_vector_cold *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	if (!looks[MR_LOOK_PAUSED])
		WRITE_ONCE(cap->hold_paused, 0);
	else if (!cap->hold_paused)
		WRITE_ONCE(cap->hold_paused, now);
	if (looks[MR_LOOK_PAUSED] && !looks[MR_LOOK_RUNS])
		cap->hold_pause = clamp_t(u64, 2 * cap->hold_pause,
					  MR_HOLD_RETRY_NS, MR_HOLD_PAUSE_NS);
	else
		cap->hold_pause = 0;
	s = list_first_entry_or_null(&cap->holds, struct mr_vector_cold,
				     hold_node);
	if (s) {
		at = ktime_add_ns(now, max(ns, cap->hold_pause));
		if (ktime_before(at, s->hold_until))
			at = s->hold_until;
		hrtimer_start(&cap->hold_timer, at, HRTIMER_MODE_ABS_HARD);
	}
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
}

/*
 * Hard interrupt.  It must not wait for a sender, because it may have interrupted that
 * one.  It need not drain, because senders of the held snapshot send nothing.
 */
static enum hrtimer_restart mr_hold_expire(struct hrtimer *timer)
{
	struct mr_cap *cap = container_of(timer, struct mr_cap, hold_timer);
	int looks[MR_NR_LOOKS] = {};
	int budget = MR_HOLD_BATCH;
	struct mr_vector_cold *s;
	struct mr_update u;
	struct mr_vector *v;
	enum mr_look look;
	u64 wait = 0;

	/* The guest is stopped, too.  mr_cap_thaw_holds() starts the timer again. */
	if (READ_ONCE(cap->rq->stopped) && !mr_mutant(MR_MUT_NO_FREEZE))
		return HRTIMER_NORESTART;
	do {
		s = mr_hold_pop(cap, true);
		if (!s)
			break;
		budget--;
		/* If it was given back since, or is another one of that index, nothing is held. */
		v = mr_vector_at(cap, s->index);
		if (!v || mr_cold(v) != s)
			continue;
		mr_update_init(&u, v);
		raw_spin_lock(&s->lock);
		if (!mr_update_possible(v)) {
			mr_hold_put_back(cap, s);
			raw_spin_unlock(&s->lock);
			break;
		}
		look = mr_hold_look(&u, cap);
		looks[look]++;
		if (look == MR_LOOK_ENDED)
			budget -= MR_HOLD_END;
		raw_spin_unlock(&s->lock);
	} while (budget > 0);
	/* The budget is used up, or a sender uses the slot: a little later. */
	if (s)
		wait = MR_HOLD_RETRY_NS;
	mr_hold_arm(cap, looks, wait);
	if (atomic_read(&cap->nr_deferred))
		queue_work(mr_wq, &cap->bcast_work);
	return HRTIMER_NORESTART;
}

/* ---- all holds of a capability ---- */

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
	struct mr_vector_cold *s;
	struct mr_vector *v;
	struct mr_update u;
	u32 i;

	/* No loop until none is left: other vCPUs may open new ones for ever. */
	for (i = 0; i < cap->max; i++) {
		if (list_empty(&cap->holds))
			break;
		rcu_read_lock();
		s = mr_hold_pop(cap, false);
		/* NULL if the vector was given back since: then nothing is held. */
		v = s ? mr_vector_at(cap, s->index) : NULL;
		if (v) {
			mr_update_begin(&u, v);
			if (u.s->held)
				mr_hold_commit(&u, MR_HOLD_CLOSE);
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

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	WRITE_ONCE(cap->hold_bound, bound);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
	mr_cap_close_holds(cap);
}

/**
 * mr_cap_freeze_holds() - the function was stopped: no hold expires
 * @cap: the capability
 *
 * Context: process, may wait for the timer's handler.
 */
void mr_cap_freeze_holds(struct mr_cap *cap)
{
	if (!mr_mutant(MR_MUT_NO_FREEZE))
		hrtimer_cancel(&cap->hold_timer);
}

/**
 * mr_cap_thaw_holds() - the function runs again: the bounds start afresh
 * @cap: the capability
 *
 * Context: process, no spinlock held.
 */
void mr_cap_thaw_holds(struct mr_cap *cap)
{
	struct mr_vector_cold *s;
	unsigned long flags;

	raw_spin_lock_irqsave(&cap->hold_lock, flags);
	list_for_each_entry(s, &cap->holds, hold_node) {
		s->looks = mr_hold_looks(s);
		mr_hold_set_time(s, cap);
	}
	cap->hold_pause = 0;
	WRITE_ONCE(cap->hold_paused, 0);
	s = list_first_entry_or_null(&cap->holds, struct mr_vector_cold,
				     hold_node);
	if (s)
		hrtimer_start(&cap->hold_timer, s->hold_until,
			      HRTIMER_MODE_ABS_HARD);
	raw_spin_unlock_irqrestore(&cap->hold_lock, flags);
}

/* ---- life ---- */

/**
 * mr_hold_init() - prepare a capability for holds
 * @cap: the capability
 */
void mr_hold_init(struct mr_cap *cap)
{
	cap->hold_bound = ns_to_ktime(mr_hold_default());
	raw_spin_lock_init(&cap->hold_lock);
	INIT_LIST_HEAD(&cap->holds);
	hrtimer_setup(&cap->hold_timer, mr_hold_expire, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
}

/**
 * mr_hold_destroy() - stop the timer for good
 * @cap: the capability; no call is under way
 *
 * Context: process, waits for the timer's handler.
 */
void mr_hold_destroy(struct mr_cap *cap)
{
	if (!mr_mutant(MR_MUT_TIMER_LEFT))
		hrtimer_cancel(&cap->hold_timer);
}
