// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest changed, for a VMM that must follow it: one that assigns a
 * device, or translates messages.
 *
 * A change is a mark, not a message in a queue: so it cannot overflow, and the
 * guest can make nothing grow.  The kinds of a vector's changes are under its
 * lock; a bitmap finds the vectors that have any.  A mark is made under raw
 * locks, in any context; the eventfd is signalled by a work item, because a
 * signal from within another eventfd's signal would be dropped.  That takes no
 * lock that the VMM could hold: others' work items are in the same queue.
 */
#include <linux/bitmap.h>
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "mr.h"
#include "mutate.h"

/* ---- marks ---- */

/* The VMM is told once; again only when it has come to take the marks. */
static void tell(struct mr_changes *c)
{
	if (!atomic_read(&c->told) && !atomic_xchg(&c->told, 1))
		queue_work(mr_wq, &c->work);
}

static u32 positions(const struct mr_function *fn)
{
	return fn->msi_cap.position + fn->msi_cap.max + 1;
}

static bool any_marked(const struct mr_function *fn)
{
	u32 end = positions(fn);

	return mr_next_bit(fn->changes.marked, end, 0) < end;
}

static void mark(struct mr_changes *c, u32 position)
{
	/* What changed is there before the mark: pairs with take_one(). */
	smp_mb__before_atomic();
	set_bit(position, c->marked);
	/*
	 * Pairs with mr_changes_take(): either it is seen there that we have
	 * marked, or here that the VMM has to be told.
	 */
	smp_mb__after_atomic();
	tell(c);
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
	struct mr_function *fn = mr_vector_cap(v)->fn;

	lockdep_assert_held(&mr_slow(v)->lock);

	changes &= mr_changes_wanted(mr_vector_cap(v));
	if (!changes)
		return;
	mr_slow(v)->changed |= changes;
	mark(&fn->changes, mr_vector_cap(v)->position + mr_vector_index(v));
}

/**
 * mr_change_used() - mark a vector that may be sent for the first time
 * @v: the vector, its lock held
 * @masked: its own mask is set
 *
 * To be called after the vector's state was published, with a full barrier
 * between, and for all vectors after the gate was opened, likewise: one of the
 * two calls sees that both are open.
 *
 * Context: any.
 */
void mr_change_used(struct mr_vector *v, bool masked)
{
	if (mr_slow(v)->used || masked || !READ_ONCE(mr_vector_cap(v)->open) ||
	    !(mr_changes_wanted(mr_vector_cap(v)) & MSI_ROUTE_CHANGE_USED))
		return;
	mr_slow(v)->used = true;
	mr_change_vector(v, MSI_ROUTE_CHANGE_USED);
}

static void change_opened(struct mr_vector *v)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mr_slow(v)->lock, flags);
	mr_change_used(v, mr_silent(v->live->snap.action));
	raw_spin_unlock_irqrestore(&mr_slow(v)->lock, flags);
}

/**
 * mr_change_opened() - mark the vectors that may be sent since the gate opened
 * @cap: the capability, which the function may not have
 *
 * Context: process, interrupts on, no lock held.
 */
void mr_change_opened(struct mr_cap *cap)
{
	if (mr_changes_wanted(cap) & MSI_ROUTE_CHANGE_USED)
		mr_cap_for_each(cap, change_opened);
}

/**
 * mr_change_control() - mark a capability whose control registers were written
 * @cap: the capability, which the function may not have
 *
 * Context: process, no lock held.
 */
void mr_change_control(struct mr_cap *cap)
{
	if (mr_changes_wanted(cap) & MSI_ROUTE_CHANGE_CONTROL)
		mark(&cap->fn->changes, cap->position + cap->max);
}

/* ---- without marks ---- */

/**
 * mr_change_forget() - forget a vector's marks, and that it was used
 * @v: the vector, its lock held
 *
 * Context: any, fn->config held, or the bitmap is known to be there, and stays.
 */
void mr_change_forget(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);
	unsigned long *marked = cap->fn->changes.marked;

	lockdep_assert_held(&mr_slow(v)->lock);

	mr_slow(v)->changed = 0;
	mr_slow(v)->used = false;
	if (marked && cap->kind != MSI_ROUTE_IMS)
		clear_bit(cap->position + mr_vector_index(v), marked);
}

static void forget(struct mr_vector *v)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&mr_slow(v)->lock, flags);
	mr_change_forget(v);
	raw_spin_unlock_irqrestore(&mr_slow(v)->lock, flags);
}

static void forget_cap(struct mr_cap *cap)
{
	if (!cap->max)
		return;
	mr_cap_for_each(cap, forget);
	clear_bit(cap->position + cap->max, cap->fn->changes.marked);
}

/**
 * mr_changes_forget() - forget all marks, and which vectors were used
 * @fn: the function
 *
 * A signal for what is forgotten has come before this returns, or does not come.
 *
 * Context: process, may sleep; fn->config held.
 */
void mr_changes_forget(struct mr_function *fn)
{
	struct mr_changes *c = &fn->changes;

	lockdep_assert_held(&fn->config);

	if (!c->marked)
		return;
	/* Before a vector's lock is taken for it: mr_changes_give_back(). */
	WRITE_ONCE(c->forgotten, c->forgotten + 1);
	forget_cap(&fn->msix_cap);
	forget_cap(&fn->msi_cap);
	/* It need not come to take what is gone: of what follows it is told. */
	cancel_work_sync(&c->work);
	atomic_set(&c->told, 0);
	/* Pairs with mark(). */
	smp_mb();
	if (any_marked(fn))
		tell(c);
}

/* ---- telling ---- */

static void tell_work(struct work_struct *work)
{
	struct mr_changes *c = container_of(work, struct mr_changes, work);
	/* It stays as long as we run: exchange(). */
	struct eventfd_ctx *ctx = READ_ONCE(c->ctx);

	if (mr_mutant(MR_MUT_TELL_WAITS)) {
		struct mr_function *fn = container_of(c, struct mr_function, changes);

		/* Killable, so that the kernel does not complain. */
		if (!mutex_lock_killable(&fn->config))
			mutex_unlock(&fn->config);
	}
	if (ctx)
		eventfd_signal(ctx);
}

/* On return nobody signals the old one any more.  Under fn->config. */
static struct eventfd_ctx *exchange(struct mr_changes *c, struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old = c->ctx;

	WRITE_ONCE(c->ctx, ctx);
	cancel_work_sync(&c->work);
	return old;
}

/* Under fn->config. */
static int make_bitmap(struct mr_function *fn)
{
	unsigned long *marked;

	if (fn->changes.marked)
		return 0;
	marked = bitmap_zalloc(positions(fn), MR_GFP);
	if (!marked)
		return -ENOMEM;
	fn->changes.marked = marked;
	return 0;
}

/**
 * mr_changes_choose() - choose what is marked, and whom it is told
 * @fn: the function
 * @changes: bits of enum msi_route_change
 * @ctx: the eventfd, or NULL for nobody; out: the one before
 *
 * Context: process, may sleep; fn->config held.
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int mr_changes_choose(struct mr_function *fn, u32 changes,
		      struct eventfd_ctx **ctx)
{
	struct mr_changes *c = &fn->changes;
	int ret;

	lockdep_assert_held(&fn->config);

	ret = changes ? make_bitmap(fn) : 0;
	if (ret)
		return ret;
	WRITE_ONCE(c->wanted, 0);
	/* Each vector's lock is taken: nobody marks any more. */
	mr_changes_forget(fn);
	*ctx = exchange(c, *ctx);
	/* After it: one that was to be told of may have been cancelled. */
	atomic_set(&c->told, 0);
	/* Pairs with mr_changes_wanted(). */
	smp_store_release(&c->wanted, changes);
	/* Before the gates are read; pairs with mr_function_gate(). */
	smp_mb();
	mr_change_opened(&fn->msix_cap);
	mr_change_opened(&fn->msi_cap);
	return 0;
}

/**
 * mr_changes_set() - choose what the VMM is told of
 * @fn: the function
 * @changes: bits of enum msi_route_change
 * @fd: the eventfd; negative with @changes 0
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EBADF, -EINVAL, -ENOMEM, -EINTR as &struct msi_route_set_notify
 * documents them; then nothing has changed.
 */
int mr_changes_set(struct mr_function *fn, u32 changes, int fd)
{
	struct eventfd_ctx *ctx = NULL;
	int ret;

	if (changes) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	ret = mutex_lock_killable(&fn->config);
	if (!ret) {
		ret = mr_changes_choose(fn, changes, &ctx);
		mutex_unlock(&fn->config);
	}
	/* The old one, or the one that is not needed. */
	if (ctx)
		eventfd_ctx_put(ctx);
	return ret;
}

/* ---- taking ---- */

/* A change of the whole capability, or of the vector @index. */
static void describe(struct mr_cap *cap, u32 index,
		     struct msi_route_vector_change *r)
{
	struct mr_message raw = {};
	struct mr_vector *v;
	unsigned long flags;

	r->kind = cap->kind;
	r->state = mr_function_state(cap);
	if (index == cap->max) {
		r->vector = MSI_ROUTE_CAPABILITY;
		r->changes = mr_changes_wanted(cap) &
			     MSI_ROUTE_CHANGE_CONTROL;
		return;
	}
	r->vector = index;
	/* One that was given back has no changes. */
	v = mr_vector_at(cap, index);
	if (!v)
		return;
	raw_spin_lock_irqsave(&mr_slow(v)->lock, flags);
	r->changes = mr_slow(v)->changed;
	mr_slow(v)->changed = 0;
	if (mr_vector_message(v, &raw))
		r->state |= MSI_ROUTE_STATE_MASKED;
	raw_spin_unlock_irqrestore(&mr_slow(v)->lock, flags);
	r->data = raw.data;
	r->address = (u64)raw.address_hi << 32 | raw.address_lo;
}

static void take_one(struct mr_function *fn, u32 position,
		     struct msi_route_vector_change *r)
{
	struct mr_cap *cap = position < fn->msi_cap.position ? &fn->msix_cap :
							       &fn->msi_cap;

	/* The mark goes first: what changes from here on is marked anew. */
	if (!mr_mutant(MR_MUT_LOST_CHANGE))
		clear_bit(position, fn->changes.marked);
	/* Pairs with mark(). */
	smp_mb__after_atomic();
	memset(r, 0, sizeof(*r));
	describe(cap, position - cap->position, r);
	mr_stretch();
	if (mr_mutant(MR_MUT_LOST_CHANGE))
		clear_bit(position, fn->changes.marked);
}

/**
 * mr_changes_give_back() - mark again what could not be handed out
 * @fn: the function
 * @forgotten: how often marks had been forgotten when it was taken: if they were
 *	since, so is this one
 * @r: a change that was taken
 *
 * It takes no mutex, so it cannot be kept from it by a signal that kills.
 *
 * Context: process, no spinlock held.
 */
void mr_changes_give_back(struct mr_function *fn, u32 forgotten,
			  const struct msi_route_vector_change *r)
{
	struct mr_cap *cap = r->kind == MSI_ROUTE_MSIX ? &fn->msix_cap :
							 &fn->msi_cap;
	const u32 *now = &fn->changes.forgotten;
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
		raw_spin_lock_irqsave(&mr_slow(v)->lock, flags);
		/* If it is forgotten from now on, this mark is, too. */
		if (!mr_slow(v)->absent && READ_ONCE(*now) == forgotten)
			mr_change_vector(v, r->changes);
		raw_spin_unlock_irqrestore(&mr_slow(v)->lock, flags);
	}
	rcu_read_unlock();
}

/* Goes on where the last one ended, so that no vector waits for ever. */
static u32 take(struct mr_function *fn, struct msi_route_vector_change *r,
		u32 room)
{
	struct mr_changes *c = &fn->changes;
	u32 end = positions(fn), nr = 0, i, position;

	/* Once around: the guest may mark without end. */
	for (i = 0; i < end && nr < room; i++) {
		position = mr_next_bit(c->marked, end, c->cursor);
		if (position >= end)
			position = mr_next_bit(c->marked, end, 0);
		if (position >= end)
			break;
		c->cursor = position + 1;
		take_one(fn, position, &r[nr]);
		if (r[nr].changes)
			nr++;
	}
	return nr;
}

/**
 * mr_changes_collect() - take marks
 * @fn: the function
 * @r: where to
 * @room: how many of them
 *
 * Context: process; fn->config held.
 * Return: how many were taken.
 */
u32 mr_changes_collect(struct mr_function *fn,
		       struct msi_route_vector_change *r, u32 room)
{
	lockdep_assert_held(&fn->config);

	if (!fn->changes.wanted)
		return 0;
	atomic_set(&fn->changes.told, 0);
	/* Pairs with mark(). */
	smp_mb();
	return take(fn, r, room);
}

/**
 * mr_changes_left() - are there marks that were not taken?
 * @fn: the function
 *
 * Context: process; fn->config held.
 * Return: whether there are; then the VMM is told once more.
 */
bool mr_changes_left(struct mr_function *fn)
{
	struct mr_changes *c = &fn->changes;

	lockdep_assert_held(&fn->config);

	if (!c->wanted || !any_marked(fn))
		return false;
	tell(c);
	return true;
}

/**
 * mr_changes_take() - take what changed
 * @fn: the function
 * @g: room and where to; the rest is filled in
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EINVAL, -EFAULT, -ENOMEM, -EINTR as
 * &struct msi_route_get_changes documents them; then nothing was taken.
 */
int mr_changes_take(struct mr_function *fn, struct msi_route_get_changes *g)
{
	struct msi_route_vector_change *r;
	u32 i, room, forgotten;
	int ret;

	if (!g->room)
		return -EINVAL;
	room = min(g->room, positions(fn));
	r = kvcalloc(room, sizeof(*r), MR_GFP);
	if (!r)
		return -ENOMEM;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		goto free;
	g->nr = mr_changes_collect(fn, r, room);
	g->more = mr_changes_left(fn);
	forgotten = fn->changes.forgotten;
	mutex_unlock(&fn->config);
	if (copy_to_user(u64_to_user_ptr(g->changes), r, g->nr * sizeof(*r))) {
		for (i = 0; i < g->nr; i++)
			mr_changes_give_back(fn, forgotten, &r[i]);
		ret = -EFAULT;
	}
free:
	kvfree(r);
	return ret;
}

/* ---- life ---- */

/**
 * mr_changes_init() - nobody is told of anything yet
 * @fn: the function, its capabilities made
 */
void mr_changes_init(struct mr_function *fn)
{
	INIT_WORK(&fn->changes.work, tell_work);
	fn->msix_cap.position = 0;
	fn->msi_cap.position = fn->msix_cap.max + 1;
}

/**
 * mr_changes_destroy() - tell nobody any more
 * @fn: the function; nothing can mark any more
 *
 * Context: process, may sleep.
 */
void mr_changes_destroy(struct mr_function *fn)
{
	struct mr_changes *c = &fn->changes;

	cancel_work_sync(&c->work);
	if (c->ctx)
		eventfd_ctx_put(c->ctx);
	bitmap_free(c->marked);
}
