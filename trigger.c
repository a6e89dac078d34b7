// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: each signal of a vector's eventfd is an event of the vector, raised
 * from the wait queue of the eventfd before the signal returns.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "mr.h"
#include "mutate.h"

/* Readings of an eventfd in one go. */
#define MR_TAKE_MOST	64

/**
 * struct mr_trigger - an eventfd that is attached to a vector
 * @next: of the same vector; under fn->config
 * @v: the vector
 * @ctx: the eventfd
 * @wqh: its wait queue
 * @wait: our place in it
 * @pt: how poll finds @wqh
 * @error: what came of joining @wqh
 * @attached: one of the vector's, and not only joined; under fn->config
 * @dead: the eventfd was closed; under wqh->lock
 */
struct mr_trigger {
	struct mr_trigger *next;
	struct mr_vector *v;
	struct eventfd_ctx *ctx;
	wait_queue_head_t *wqh;
	wait_queue_entry_t wait;
	poll_table pt;
	int error;
	bool attached;
	bool dead;
};

/*
 * Takes all that the eventfd holds.  An EFD_SEMAPHORE gives it one by one, and
 * may hold 2^64 - 2, but interrupts are off.
 */
static u64 mr_trigger_take(struct mr_trigger *t)
{
	u64 count, sum = 0;
	int i;

	lockdep_assert_held(&t->wqh->lock);
	for (i = 0; i < MR_TAKE_MOST; i++) {
		eventfd_ctx_do_read(t->ctx, &count);
		if (!count)
			break;
		sum += count;
	}
	return sum;
}

/*
 * The eventfd was signalled: wqh->lock is held, interrupts are off, and this
 * may be a hard interrupt.  The count is taken away here, so that each signal
 * wakes us, and nobody else is woken.
 */
static int mr_trigger_wake(wait_queue_entry_t *wait, unsigned int mode,
			   int sync, void *key)
{
	struct mr_trigger *t = container_of(wait, struct mr_trigger, wait);
	__poll_t events = key_to_poll(key);
	int taken = 0;
	u64 count;

	if (events & EPOLLIN) {
		count = mr_trigger_take(t);
		if (count)
			mr_vector_raise(t->v, count, false);
		taken = 1;
	}
	if (events & EPOLLHUP) {
		/* Leaving the queue needs wqh->lock, which is held. */
		list_del_init(&wait->entry);
		WRITE_ONCE(t->dead, true);
	}
	return taken;
}

static void mr_trigger_queue(struct file *file, wait_queue_head_t *wqh,
			     poll_table *pt)
{
	struct mr_trigger *t = container_of(pt, struct mr_trigger, pt);

	t->wqh = wqh;
	init_waitqueue_func_entry(&t->wait, mr_trigger_wake);
	t->error = add_wait_queue_priority_exclusive(wqh, &t->wait);
}

/* What the eventfd held before we were in its queue, or when we leave it. */
static void mr_trigger_raise(struct mr_trigger *t, u64 count)
{
	if (!count || mr_mutant(MR_MUT_LOST_DETACH))
		return;
	mr_vector_raise(t->v, count, true);
	mr_cap_sync(mr_vector_cap(t->v));
}

static void mr_trigger_raise_held(struct mr_trigger *t)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&t->wqh->lock, flags);
	count = mr_trigger_take(t);
	spin_unlock_irqrestore(&t->wqh->lock, flags);
	mr_trigger_raise(t, count);
}

/*
 * Joins the eventfd's queue: what is signalled from here on is raised, what it holds
 * is not yet.
 */
static struct mr_trigger *mr_trigger_join(struct mr_vector *v, struct file *file)
{
	struct mr_trigger *t;
	int ret;

	t = kzalloc(sizeof(*t), MR_GFP);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->v = v;
	t->ctx = eventfd_ctx_fileget(file);
	t->error = -EINVAL;
	init_poll_funcptr(&t->pt, mr_trigger_queue);
	/* @wqh lives by the reference of @ctx. */
	vfs_poll(file, &t->pt);
	if (t->error) {
		ret = t->error;
		eventfd_ctx_put(t->ctx);
		kfree(t);
		return ERR_PTR(ret);
	}
	return t;
}

/* The first one.  Under fn->config. */
static struct mr_trigger *trigger_of(struct mr_cap *cap, u32 index)
{
	return xa_load(&cap->triggers, index);
}

/* The one of the eventfd @ctx.  Under fn->config. */
static struct mr_trigger *trigger_by(struct mr_cap *cap, u32 index,
				     const struct eventfd_ctx *ctx)
{
	struct mr_trigger *t;

	for (t = trigger_of(cap, index); t && t->ctx != ctx; t = t->next)
		cond_resched();
	return t;
}

/* Under fn->config. */
static bool has_trigger(struct mr_cap *cap, u32 index)
{
	struct mr_trigger *t;

	for (t = trigger_of(cap, index); t && READ_ONCE(t->dead); t = t->next)
		cond_resched();
	return t;
}

/*
 * The trigger that @flags are about: one that the vector has, or one that is new and
 * joined to the queue of @file already.  Under fn->config.
 */
static struct mr_trigger *mr_trigger_choose(struct mr_cap *cap, u32 index,
					    struct file *file, u32 flags)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fileget(file);
	struct mr_trigger *same = trigger_by(cap, index, ctx);
	struct mr_trigger *new;
	int ret;

	/* Only compared. */
	eventfd_ctx_put(ctx);
	if (flags & MSI_ROUTE_EVENTFD_REMOVE)
		return same ?: ERR_PTR(-ENOENT);
	if (same && flags & MSI_ROUTE_EVENTFD_REPLACE)
		return same;
	if (same || (!flags && has_trigger(cap, index)))
		return ERR_PTR(-EEXIST);
	/* So that its place is there, whatever happens. */
	ret = xa_reserve(&cap->triggers, index, MR_GFP);
	if (ret)
		return ERR_PTR(ret);
	new = mr_trigger_join(mr_vector_at(cap, index), file);
	if (IS_ERR(new))
		xa_release(&cap->triggers, index);
	return new;
}

/* Are all that the vector has to go?  -1 names no eventfd that comes or goes alone. */
static bool detaches(int fd, u32 flags)
{
	return fd == -1 &&
	       !(flags & (MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE));
}

/* Under fn->config. */
static int mr_trigger_prepare(struct mr_cap *cap, u32 index, int fd, u32 flags,
			      struct mr_trigger **t)
{
	struct file *file;

	*t = NULL;
	if (detaches(fd, flags))
		return 0;
	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	*t = mr_trigger_choose(cap, index, file, flags);
	fput(file);
	return PTR_ERR_OR_ZERO(*t);
}

static void mr_trigger_detach(struct mr_trigger *t)
{
	u64 count = 0;

	/* On return no wake-up of this trigger is under way. */
	if (!mr_mutant(MR_MUT_STAYS_QUEUED))
		eventfd_ctx_remove_wait_queue(t->ctx, &t->wait, &count);
	mr_trigger_raise(t, count);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

static void mr_trigger_detach_list(struct mr_trigger *t)
{
	struct mr_trigger *next;

	for (; t; t = next) {
		next = t->next;
		mr_trigger_detach(t);
		cond_resched();
	}
}

/* One that was joined in vain leaves in the eventfd what it holds. */
static void mr_trigger_leave(struct mr_trigger *t)
{
	/* On return no wake-up of this trigger is under way. */
	remove_wait_queue(t->wqh, &t->wait);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

/* Does @old stay, when @flags are done with @t? */
static bool stays(const struct mr_trigger *old, const struct mr_trigger *t,
		  u32 flags)
{
	if (READ_ONCE(old->dead))
		return false;
	if (flags & MSI_ROUTE_EVENTFD_ADD && !mr_mutant(MR_MUT_ADD_REPLACES))
		return true;
	return flags & MSI_ROUTE_EVENTFD_REMOVE ? old != t : old == t;
}

/*
 * What mr_trigger_prepare() found, or NULL to detach all.  A new one was joined
 * before others go: no moment without a trigger.
 */
static void mr_trigger_commit(struct mr_cap *cap, u32 index,
			      struct mr_trigger *t, u32 flags)
{
	struct mr_trigger *old, *next, *stay = NULL, *go = NULL;
	bool new = t && !t->attached;

	for (old = trigger_of(cap, index); old; old = next) {
		struct mr_trigger **list = stays(old, t, flags) ? &stay : &go;

		next = old->next;
		old->next = *list;
		*list = old;
		cond_resched();
	}
	if (new) {
		t->attached = true;
		t->next = stay;
		stay = t;
	}
	/* No memory is needed: the place was reserved, or is taken. */
	if (stay)
		xa_store(&cap->triggers, index, stay, GFP_KERNEL);
	else
		xa_erase(&cap->triggers, index);
	mr_trigger_detach_list(go);
	if (new)
		mr_trigger_raise_held(t);
}

/**
 * mr_trigger_set() - attach, replace or detach a vector's eventfds
 * @cap: the capability
 * @index: of the vector
 * @fd: eventfd of the calling process, or -1
 * @flags: of enum msi_route_eventfd_flag, one at most
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -ENOENT, -EBUSY, -ECHRNG, -ENOMEM,
 * -EINTR as &struct msi_route_eventfd documents them.
 */
int mr_trigger_set(struct mr_cap *cap, u32 index, int fd, u32 flags)
{
	struct mutex *config = &cap->fn->config;
	struct mr_trigger *t;
	int ret;

	ret = mutex_lock_killable(config);
	if (ret)
		return ret;
	ret = mr_cap_has(cap, index, 1) ?
	      mr_trigger_prepare(cap, index, fd, flags, &t) : -ECHRNG;
	if (!ret && detaches(fd, flags) && !has_trigger(cap, index))
		ret = -ENOENT;
	if (!ret)
		mr_trigger_commit(cap, index, t, flags);
	mutex_unlock(config);
	return ret;
}

/**
 * mr_trigger_remove() - detach a vector's eventfds, if it has any
 * @cap: the capability
 * @index: of the vector
 *
 * Context: process, may sleep; fn->config held.
 */
void mr_trigger_remove(struct mr_cap *cap, u32 index)
{
	if (trigger_of(cap, index))
		mr_trigger_commit(cap, index, NULL, 0);
}

/* Gives up the new triggers of the vectors before @nr. */
static void mr_trigger_give_up(struct mr_cap *cap, u32 first,
			       struct mr_trigger **t, u32 nr)
{
	while (nr--) {
		if (!t[nr] || t[nr]->attached)
			continue;
		mr_trigger_leave(t[nr]);
		xa_release(&cap->triggers, first + nr);
		cond_resched();
	}
}

/**
 * mr_trigger_set_many() - attach, replace or detach many vectors' eventfds
 * @cap: the capability
 * @first: the first vector
 * @fds: an eventfd for each, -1, or MSI_ROUTE_EVENTFD_KEEP
 * @nr: number
 * @flags: of enum msi_route_eventfd_flag, one at most
 *
 * All of them or none.  An eventfd that was joined in vain keeps what it held; what
 * it was signalled meanwhile was raised.
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -ENOENT, -EBUSY, -ECHRNG, -ENOMEM as
 * &struct msi_route_eventfds documents them.
 */
int mr_trigger_set_many(struct mr_cap *cap, u32 first, const s32 *fds, u32 nr,
			u32 flags)
{
	struct mutex *config = &cap->fn->config;
	struct mr_trigger **t;
	int ret = 0;
	u32 i;

	t = kvcalloc(nr, sizeof(*t), MR_GFP);
	if (!t)
		return -ENOMEM;
	ret = mutex_lock_killable(config);
	if (ret)
		goto free;
	if (!mr_cap_has(cap, first, nr))
		ret = -ECHRNG;
	for (i = 0; i < nr && !ret; i++) {
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else if (fds[i] < -1 && fds[i] != MSI_ROUTE_EVENTFD_KEEP)
			ret = -EINVAL;
		else if (fds[i] != MSI_ROUTE_EVENTFD_KEEP)
			ret = mr_trigger_prepare(cap, first + i, fds[i], flags,
						 &t[i]);
		cond_resched();
	}
	if (ret) {
		/* The last one is the one that failed. */
		if (!mr_mutant(MR_MUT_HALF_BATCH))
			mr_trigger_give_up(cap, first, t, i ? i - 1 : 0);
	} else {
		for (i = 0; i < nr; i++) {
			if (fds[i] != MSI_ROUTE_EVENTFD_KEEP)
				mr_trigger_commit(cap, first + i, t[i], flags);
			cond_resched();
		}
	}
	mutex_unlock(config);
free:
	kvfree(t);
	return ret;
}

/**
 * mr_trigger_detach_all() - detach all eventfds
 * @cap: the capability, which the function may not have
 *
 * Context: process, may sleep; fn->config held, or nobody else knows the function.
 */
void mr_trigger_detach_all(struct mr_cap *cap)
{
	struct mr_trigger *t;
	unsigned long index;

	if (!cap->max)
		return;
	xa_for_each(&cap->triggers, index, t) {
		xa_erase(&cap->triggers, index);
		mr_trigger_detach_list(t);
	}
}

/**
 * mr_trigger_remove_all() - detach all eventfds as the function is freed
 * @cap: the capability, which the function may not have
 *
 * Context: process, may sleep.
 */
void mr_trigger_remove_all(struct mr_cap *cap)
{
	mr_trigger_detach_all(cap);
	if (cap->max)
		xa_destroy(&cap->triggers);
}
