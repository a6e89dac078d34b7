// SPDX-License-Identifier: GPL-2.0
/*
 * Stands for route.c and hold.c where registers are proved: an update composes what the
 * registers hold, and makes it effective.  updates.h says what is kept of it.  The proofs of
 * events.c are made with the real ones.
 */
#include "updates.h"

struct proof_commit proof_commit;

void mr_update_begin(struct mr_update *u, struct mr_vector *v)
{
	CLAIM(v, "an update is one of a vector that exists");
	mr_update_init(u, v);
	raw_spin_lock_irqsave(&u->s->lock, u->flags);
}

static void proof_do_commit(struct mr_update *u, enum mr_hold hold)
{
	struct mr_cap *cap = mr_vector_cap(u->v);

	lockdep_assert_held(&u->s->lock);
	CLAIM(!cap->rq->lock.held, "registers are not changed while messages are made of them");
	if (cap->kind != proof_kind || mr_vector_index(u->v) != proof_index)
		return;
	proof_commit.nr++;
	proof_commit.masked = mr_vector_message(u->v, &proof_commit.raw);
	proof_commit.hold = hold;
	proof_commit.open = cap->open;
	if (!u->no_notify)
		proof_changes |= u->changes;
	if (u->s->held && hold == MR_HOLD_CLOSE)
		u->s->held = false;
}

void mr_hold_commit(struct mr_update *u, enum mr_hold hold)
{
	proof_do_commit(u, hold);
}

void mr_update_commit(struct mr_update *u)
{
	proof_do_commit(u, MR_HOLD_KEEP);
}

void mr_update_end(struct mr_update *u)
{
	raw_spin_unlock_irqrestore(&u->s->lock, u->flags);
}

bool mr_update_possible(struct mr_vector *v)
{
	return true;
}

void mr_keep_reason(struct mr_vector *v, enum msi_route_reason reason)
{
	mr_cold(v)->reason = reason;
}

/* ---- holds ---- */

void mr_hold_init(struct mr_cap *cap)
{
}

void mr_hold_destroy(struct mr_cap *cap)
{
}

void mr_hold_close(struct mr_vector *v)
{
	lockdep_assert_held(&mr_cold(v)->lock);
	mr_cold(v)->held = false;
}

void mr_hold_restore(struct mr_vector *v)
{
	lockdep_assert_held(&mr_cold(v)->lock);
	if (mr_vector_cap(v)->hold_bound)
		mr_cold(v)->held = true;
}

void mr_hold_by_any(struct mr_vector_cold *s)
{
	s->by_any = true;
}

bool mr_vector_held(struct mr_vector *v)
{
	return mr_cold(v)->held;
}

void mr_cap_close_holds(struct mr_cap *cap)
{
	CLAIM(!cap->rq->lock.held, "holds are not closed with rq->lock held");
}

void mr_cap_set_hold(struct mr_cap *cap, ktime_t bound)
{
	cap->hold_bound = bound;
}

void mr_cap_freeze_holds(struct mr_cap *cap)
{
}

void mr_cap_thaw_holds(struct mr_cap *cap)
{
}

/* ---- the gate, broadcasts ---- */

int mr_route_init(struct mr_cap *cap)
{
	return 0;
}

void mr_route_destroy(struct mr_cap *cap)
{
}

void mr_cap_opened(struct mr_cap *cap)
{
	CLAIM(cap->open && !cap->rq->lock.held, "the gate is open before what waited is released");
}

void mr_cap_closed(struct mr_cap *cap)
{
	CLAIM(!cap->open && !cap->rq->lock.held,
	      "the gate is closed before senders are waited for");
}

void mr_cap_sync(struct mr_cap *cap)
{
	CLAIM(!cap->rq->lock.held, "nothing waits with a raw lock held");
}
