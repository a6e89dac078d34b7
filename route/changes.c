// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest changed, for a VMM that must follow it: one that assigns a device, or
 * translates messages.
 *
 * A change is a mark, not a message in a queue.  So nothing overflows, and the guest can
 * make nothing grow.  A vector's lock protects the kinds of its changes; a bitmap shows
 * which vectors have any.  Marks are made under raw locks, in any context.  A work item
 * signals the eventfd: a signal from within another eventfd's signal would be dropped.
 * It takes no lock that the VMM could hold: others' work items are in the same queue.
 */
#include <linux/bitmap.h>
#include <linux/eventfd.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../compat.h"
#include "route.h"
#include "../mutate.h"

/* ---- marks ---- */

/* Notifies the VMM once, and again only after it has come to take the marks. */
static void mr_changes_notify(struct mr_changes *c)
{
	if (!atomic_read(&c->notified) && !atomic_xchg(&c->notified, 1))
		queue_work(mr_wq, &c->work);
}

static u32 mr_changes_positions(struct mr_requester *rq)
{
	struct mr_cap *cap;
	u32 end = 0;

	mr_for_each_cap(cap, rq)
		if (cap->changes)
			end = cap->position + cap->max + 1;
	return end;
}

static bool mr_changes_any_marked(struct mr_requester *rq)
{
	u32 end = mr_changes_positions(rq);

	return mr_next_bit(rq->changes.marked, end, 0) < end;
}

static void mr_changes_mark(struct mr_changes *c, u32 position)
{
	/* The change is stored before the mark: pairs with mr_changes_take_one(). */
	smp_mb__before_atomic();
	set_bit(position, c->marked);
	/*
	 * Pairs with mr_changes_collect(): either that sees our mark, or we see
	 * that the VMM has to be notified.
	 */
	smp_mb__after_atomic();
	mr_changes_notify(c);
}

/**
 * mr_change_written() - what changes when all of a vector's registers are written
 * @v: the vector
 *
 * Context: any.
 * Return: bits of enum msi_route_change, besides those of its mask.
 */
u32 mr_change_written(const struct mr_vector *v)
{
	return mr_vector_cap(v)->changes &
	       (MSI_ROUTE_CHANGE_MESSAGE | MSI_ROUTE_CHANGE_STEERING);
}

/**
 * mr_change_vector() - mark what changed of a vector
 * @v: the vector, its lock held
 * @changes: bits of enum msi_route_change
 *
 * Context: any.
 */
void mr_change_vector(struct mr_vector *v, u32 changes)
{
	struct mr_requester *rq = mr_vector_cap(v)->rq;

	lockdep_assert_held(&mr_cold(v)->lock);

	changes &= mr_changes_wanted(mr_vector_cap(v));
	if (!changes)
		return;
	mr_cold(v)->changed |= changes;
	mr_changes_mark(&rq->changes, mr_vector_cap(v)->position + mr_vector_index(v));
}

/**
 * mr_change_used() - mark a vector that may send for the first time
 * @v: the vector, its lock held
 * @masked: its own mask is set
 *
 * Call it after the vector's state was published, and for all vectors after the gate was
 * opened, each time with a full barrier between.  Then one of the two calls sees that
 * both are open.
 *
 * Context: any.
 */
void mr_change_used(struct mr_vector *v, bool masked)
{
	if (mr_cold(v)->used || masked || !READ_ONCE(mr_vector_cap(v)->open) ||
	    !(mr_changes_wanted(mr_vector_cap(v)) & MSI_ROUTE_CHANGE_USED))
		return;
	mr_cold(v)->used = true;
	mr_change_vector(v, MSI_ROUTE_CHANGE_USED);
}

static void mr_change_vector_opened(struct mr_vector *v)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mr_cold(v)->lock, flags);
	mr_change_used(v, mr_action_masked(v->live->snap.action));
	raw_spin_unlock_irqrestore(&mr_cold(v)->lock, flags);
}

/**
 * mr_change_opened() - mark the vectors that may send since the gate opened
 * @cap: the capability
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_change_opened(struct mr_cap *cap)
{
	if (mr_changes_wanted(cap) & MSI_ROUTE_CHANGE_USED)
		mr_cap_for_each(cap, mr_change_vector_opened);
}

/**
 * mr_change_control() - mark a capability whose control registers were written
 * @cap: the capability
 *
 * Context: process, no lock held.
 */
void mr_change_control(struct mr_cap *cap)
{
	if (mr_changes_wanted(cap) & MSI_ROUTE_CHANGE_CONTROL)
		mr_changes_mark(&cap->rq->changes, cap->position + cap->max);
}

/* ---- without marks ---- */

/**
 * mr_change_forget() - forget a vector's marks, and that it was used
 * @v: the vector, its lock held
 *
 * Context: any; rq->config held, or the bitmap is known to exist and to stay.
 */
void mr_change_forget(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);
	unsigned long *marked = cap->rq->changes.marked;

	lockdep_assert_held(&mr_cold(v)->lock);

	mr_cold(v)->changed = 0;
	mr_cold(v)->used = false;
	if (marked && cap->changes)
		clear_bit(cap->position + mr_vector_index(v), marked);
}

static void mr_changes_forget_vector(struct mr_vector *v)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mr_cold(v)->lock, flags);
	mr_change_forget(v);
	raw_spin_unlock_irqrestore(&mr_cold(v)->lock, flags);
}

static void mr_changes_forget_cap(struct mr_cap *cap)
{
	mr_cap_for_each(cap, mr_changes_forget_vector);
	clear_bit(cap->position + cap->max, cap->rq->changes.marked);
}

/**
 * mr_changes_forget() - forget all marks, and which vectors were used
 * @rq: the function
 *
 * A signal for forgotten marks comes before this returns, or not at all.
 *
 * Context: process, may sleep; rq->config held.
 */
void mr_changes_forget(struct mr_requester *rq)
{
	struct mr_changes *c = &rq->changes;
	struct mr_cap *cap;

	lockdep_assert_held(&rq->config);

	if (!c->marked)
		return;
	/* Before we take a vector's lock for this: mr_changes_give_back(). */
	WRITE_ONCE(c->forgotten, c->forgotten + 1);
	mr_for_each_cap(cap, rq)
		if (cap->changes)
			mr_changes_forget_cap(cap);
	/* The VMM need not come for what is gone.  It is notified of later marks. */
	cancel_work_sync(&c->work);
	atomic_set(&c->notified, 0);
	/* Pairs with mr_changes_mark(). */
	smp_mb();
	if (mr_changes_any_marked(rq))
		mr_changes_notify(c);
}

/* ---- notifying ---- */

static void mr_changes_notify_work(struct work_struct *work)
{
	struct mr_changes *c = container_of(work, struct mr_changes, work);
	/* It exists as long as we run: mr_changes_exchange_eventfd(). */
	struct eventfd_ctx *ctx = READ_ONCE(c->ctx);

	if (mr_mutant(MR_MUT_TELL_WAITS)) {
		struct mr_requester *rq = container_of(c, struct mr_requester, changes);

		/* Killable, so that the kernel does not complain. */
		if (!mutex_lock_killable(&rq->config))
			mutex_unlock(&rq->config);
	}
	if (ctx)
		eventfd_signal(ctx);
}

/* Returns the old eventfd, which nobody signals any more.  Under rq->config. */
static struct eventfd_ctx *
mr_changes_exchange_eventfd(struct mr_changes *c, struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old = c->ctx;

	WRITE_ONCE(c->ctx, ctx);
	cancel_work_sync(&c->work);
	return old;
}

/* Under rq->config. */
static int mr_changes_make_bitmap(struct mr_requester *rq)
{
	unsigned long *marked;

	if (rq->changes.marked)
		return 0;
	marked = bitmap_zalloc(mr_changes_positions(rq), MR_GFP);
	if (!marked)
		return -ENOMEM;
	rq->changes.marked = marked;
	return 0;
}

/**
 * mr_changes_configure() - choose what is marked, and who is notified
 * @rq: the function
 * @changes: bits of enum msi_route_change
 * @ctx: the eventfd, or NULL for nobody; out: the one before
 *
 * Context: process, may sleep; rq->config held.
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int mr_changes_configure(struct mr_requester *rq, u32 changes,
			 struct eventfd_ctx **ctx)
{
	struct mr_changes *c = &rq->changes;
	struct mr_cap *cap;
	int ret;

	lockdep_assert_held(&rq->config);

	ret = changes ? mr_changes_make_bitmap(rq) : 0;
	if (ret)
		return ret;
	WRITE_ONCE(c->wanted, 0);
	/* It takes each vector's lock: after that nobody marks any more. */
	mr_changes_forget(rq);
	*ctx = mr_changes_exchange_eventfd(c, *ctx);
	/* Only now: the exchange may have cancelled a notification. */
	atomic_set(&c->notified, 0);
	/* Pairs with mr_changes_wanted(). */
	smp_store_release(&c->wanted, changes);
	/* Before the gates are read: pairs with mr_function_gate(). */
	smp_mb();
	mr_for_each_cap(cap, rq)
		mr_change_opened(cap);
	return 0;
}

/**
 * mr_changes_set() - choose what the VMM is notified of
 * @rq: the function
 * @changes: bits of enum msi_route_change
 * @fd: the eventfd; negative with @changes 0
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or an error after which nothing has changed: -EBADF, -EINVAL, -ENOMEM,
 * -EINTR as &struct msi_route_set_notify documents them.
 */
int mr_changes_set(struct mr_requester *rq, u32 changes, int fd)
{
	struct eventfd_ctx *ctx = NULL;
	int ret;

	if (changes) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	ret = mutex_lock_killable(&rq->config);
	if (!ret) {
		ret = mr_changes_configure(rq, changes, &ctx);
		mutex_unlock(&rq->config);
	}
	/* The old eventfd, or the new one after an error. */
	if (ctx)
		eventfd_ctx_put(ctx);
	return ret;
}

/* ---- taking ---- */

/**
 * mr_cap_state() - state of a capability
 * @cap: the capability
 *
 * Context: any, rq->lock not held.
 * Return: bits of enum msi_route_vector_state that are the same for all its vectors.
 */
u32 mr_cap_state(const struct mr_cap *cap)
{
	struct mr_requester *rq = cap->rq;
	unsigned long flags;
	u32 state;

	raw_spin_lock_irqsave(&rq->lock, flags);
	state = cap->ops->state(cap);
	if (rq->bus_master)
		state |= MSI_ROUTE_STATE_BUS_MASTER;
	raw_spin_unlock_irqrestore(&rq->lock, flags);
	return state;
}

/**
 * mr_copy_elements() - copy elements to the caller, as far as it knows them
 * @user: the caller's array
 * @stride: bytes of an element in it, at most MR_MAX_STRIDE; may differ from @size
 * @elements: what is copied
 * @size: bytes of each
 * @nr: how many
 *
 * Context: process, may sleep.
 * Return: 0 or -EFAULT.
 */
int mr_copy_elements(u64 user, u32 stride, const void *elements, u32 size, u32 nr)
{
	void __user *to = u64_to_user_ptr(user);
	u32 i;

	for (i = 0; i < nr; i++, to += stride, elements += size) {
		if (copy_to_user(to, elements, min(stride, size)) ||
		    (stride > size && clear_user(to + size, stride - size)))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/* Describes a change of vector @index, or of the capability: @index is cap->max. */
static void mr_changes_describe(struct mr_cap *cap, u32 index,
				struct msi_route_vector_change *r)
{
	struct msi_route_entry e = {};
	struct mr_message raw = {};
	struct mr_vector *v;
	unsigned long flags;

	r->kind = cap->kind;
	r->state = mr_cap_state(cap);
	if (index == cap->max) {
		r->vector = MSI_ROUTE_CAPABILITY;
		r->changes = mr_changes_wanted(cap) &
			     MSI_ROUTE_CHANGE_CONTROL;
		return;
	}
	r->vector = index;
	/* A vector that was given back has no changes. */
	v = mr_vector_at(cap, index);
	if (!v)
		return;
	raw_spin_lock_irqsave(&mr_cold(v)->lock, flags);
	r->changes = mr_cold(v)->changed;
	mr_cold(v)->changed = 0;
	if (mr_vector_message(v, &raw))
		r->state |= MSI_ROUTE_STATE_MASKED;
	if (cap->ops->load)
		cap->ops->load(cap, index, &e);
	raw_spin_unlock_irqrestore(&mr_cold(v)->lock, flags);
	r->address = (u64)raw.address_hi << 32 | raw.address_lo;
	r->data = raw.data;
	r->control = e.control;
}

static struct mr_cap *mr_changes_cap_at(struct mr_requester *rq, u32 position)
{
	struct mr_cap *cap, *at = NULL;

	mr_for_each_cap(cap, rq)
		if (cap->changes && cap->position <= position)
			at = cap;
	return at;
}

static void mr_changes_take_one(struct mr_requester *rq, u32 position,
				struct msi_route_vector_change *r)
{
	struct mr_cap *cap = mr_changes_cap_at(rq, position);

	/* Clear the mark first: what changes from here on is marked anew. */
	if (!mr_mutant(MR_MUT_LOST_CHANGE))
		clear_bit(position, rq->changes.marked);
	/* Pairs with mr_changes_mark(). */
	smp_mb__after_atomic();
	memset(r, 0, sizeof(*r));
	mr_changes_describe(cap, position - cap->position, r);
	mr_stretch();
	if (mr_mutant(MR_MUT_LOST_CHANGE))
		clear_bit(position, rq->changes.marked);
}

/**
 * mr_changes_give_back() - mark again what could not be copied to the caller
 * @rq: the function
 * @forgotten: rq->changes.forgotten when @r was taken; if it differs now, @r is
 *	forgotten, too
 * @r: a change that was taken
 *
 * It takes no mutex, so a fatal signal cannot make it fail.
 *
 * Context: process, no spinlock held.
 */
void mr_changes_give_back(struct mr_requester *rq, u32 forgotten,
			  const struct msi_route_vector_change *r)
{
	struct mr_cap *cap = &rq->caps[r->kind];
	const u32 *now = &rq->changes.forgotten;
	struct mr_vector *v;
	unsigned long flags;

	if (r->vector == MSI_ROUTE_CAPABILITY) {
		if (READ_ONCE(*now) == forgotten)
			mr_change_control(cap);
		return;
	}
	rcu_read_lock();
	v = mr_vector_find(cap, r->vector);
	if (v) {
		raw_spin_lock_irqsave(&mr_cold(v)->lock, flags);
		/* If marks are forgotten from now on, this one is, too. */
		if (!mr_cold(v)->absent && READ_ONCE(*now) == forgotten)
			mr_change_vector(v, r->changes);
		raw_spin_unlock_irqrestore(&mr_cold(v)->lock, flags);
	}
	rcu_read_unlock();
}

/* Goes on where the last call ended, so that no vector waits for ever. */
static u32 mr_changes_take_marked(struct mr_requester *rq, struct msi_route_vector_change *r,
				  u32 room)
{
	struct mr_changes *c = &rq->changes;
	u32 end = mr_changes_positions(rq), nr = 0, i, position;

	/* Only once around: the guest may make marks without end. */
	for (i = 0; i < end && nr < room; i++) {
		position = mr_next_bit(c->marked, end, c->cursor);
		if (position >= end)
			position = mr_next_bit(c->marked, end, 0);
		if (position >= end)
			break;
		c->cursor = position + 1;
		mr_changes_take_one(rq, position, &r[nr]);
		if (r[nr].changes)
			nr++;
	}
	return nr;
}

/**
 * mr_changes_collect() - take marks
 * @rq: the function
 * @r: where to put them
 * @room: how many of them fit
 *
 * Context: process; rq->config held.
 * Return: how many were taken.
 */
u32 mr_changes_collect(struct mr_requester *rq,
		       struct msi_route_vector_change *r, u32 room)
{
	lockdep_assert_held(&rq->config);

	if (!rq->changes.wanted)
		return 0;
	atomic_set(&rq->changes.notified, 0);
	/* Pairs with mr_changes_mark(). */
	smp_mb();
	return mr_changes_take_marked(rq, r, room);
}

/**
 * mr_changes_left() - are there marks that were not taken?
 * @rq: the function
 *
 * Context: process; rq->config held.
 * Return: whether there are; if so, the VMM is notified once more.
 */
bool mr_changes_left(struct mr_requester *rq)
{
	struct mr_changes *c = &rq->changes;

	lockdep_assert_held(&rq->config);

	if (!c->wanted || !mr_changes_any_marked(rq))
		return false;
	mr_changes_notify(c);
	return true;
}

/**
 * mr_changes_take() - take what changed
 * @rq: the function
 * @g: the caller's array and its size; the rest is filled in
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or an error after which nothing was taken: -EOPNOTSUPP, -EINVAL, -EFAULT,
 * -ENOMEM, -EINTR as &struct msi_route_get_changes documents them.
 */
int mr_changes_take(struct mr_requester *rq, struct msi_route_get_changes *g)
{
	struct msi_route_vector_change *r;
	u32 i, room, forgotten;
	int ret;

	if (g->reserved)
		return -EOPNOTSUPP;
	if (!g->room || g->stride < sizeof(*r) || g->stride > MR_MAX_STRIDE)
		return -EINVAL;
	room = min(g->room, mr_changes_positions(rq));
	r = kvcalloc(room, sizeof(*r), MR_GFP);
	if (!r)
		return -ENOMEM;

	ret = mutex_lock_killable(&rq->config);
	if (ret)
		goto free;
	g->nr = mr_changes_collect(rq, r, room);
	g->more = mr_changes_left(rq);
	forgotten = rq->changes.forgotten;
	mutex_unlock(&rq->config);
	ret = mr_copy_elements(g->changes, g->stride, r, sizeof(*r), g->nr);
	for (i = 0; ret && i < g->nr; i++)
		mr_changes_give_back(rq, forgotten, &r[i]);
free:
	kvfree(r);
	return ret;
}

/* ---- life ---- */

/**
 * mr_changes_init() - start without notifications
 * @rq: the function, its capabilities made
 */
void mr_changes_init(struct mr_requester *rq)
{
	struct mr_cap *cap;
	u32 next = 0;

	INIT_WORK(&rq->changes.work, mr_changes_notify_work);
	mr_for_each_cap(cap, rq) {
		if (!cap->changes)
			continue;
		/* First its vectors, then the capability as a whole. */
		cap->position = next;
		next += cap->max + 1;
	}
}

/**
 * mr_changes_destroy() - notify nobody any more
 * @rq: the function; nothing makes marks any more
 *
 * Context: process, may sleep.
 */
void mr_changes_destroy(struct mr_requester *rq)
{
	struct mr_changes *c = &rq->changes;

	cancel_work_sync(&c->work);
	if (c->ctx)
		eventfd_ctx_put(c->ctx);
	bitmap_free(c->marked);
}
