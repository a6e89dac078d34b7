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
 * @v: the vector
 * @ctx: the eventfd
 * @wqh: its wait queue
 * @wait: our place in it
 * @pt: how poll finds @wqh
 * @error: what came of joining @wqh
 * @dead: the eventfd was closed; under wqh->lock
 */
struct mr_trigger {
	struct mr_vector *v;
	struct eventfd_ctx *ctx;
	wait_queue_head_t *wqh;
	wait_queue_entry_t wait;
	poll_table pt;
	int error;
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
 * is not yet.  Returns @old if that is of the same eventfd.
 */
static struct mr_trigger *mr_trigger_attach(struct mr_vector *v, int fd,
					    struct mr_trigger *old)
{
	struct mr_trigger *t;
	struct file *file;
	int ret;

	file = eventfd_fget(fd);
	if (IS_ERR(file))
		return ERR_CAST(file);
	t = kzalloc(sizeof(*t), MR_GFP);
	if (!t) {
		fput(file);
		return ERR_PTR(-ENOMEM);
	}
	t->v = v;
	t->ctx = eventfd_ctx_fileget(file);
	if (old && old->ctx == t->ctx) {
		fput(file);
		eventfd_ctx_put(t->ctx);
		kfree(t);
		return old;
	}
	t->error = -EINVAL;
	init_poll_funcptr(&t->pt, mr_trigger_queue);
	vfs_poll(file, &t->pt);
	/* From here on @wqh lives by the reference of @ctx. */
	fput(file);
	if (t->error) {
		ret = t->error;
		eventfd_ctx_put(t->ctx);
		kfree(t);
		return ERR_PTR(ret);
	}
	return t;
}

/* Under fn->config. */
static struct mr_trigger *trigger_of(struct mr_cap *cap, u32 index)
{
	return xa_load(&cap->triggers, index);
}

/*
 * What the vector is to have by @fd, joined to @fd's queue already.  Under
 * fn->config.
 */
static int mr_trigger_prepare(struct mr_cap *cap, u32 index, int fd,
			      bool replace, struct mr_trigger **new)
{
	struct mr_trigger *old = trigger_of(cap, index);
	int ret;

	*new = NULL;
	if (fd < 0)
		return 0;
	if (old && !READ_ONCE(old->dead) && !replace)
		return -EEXIST;
	/* So that its place is there, whatever happens. */
	ret = xa_reserve(&cap->triggers, index, MR_GFP);
	if (ret)
		return ret;
	*new = mr_trigger_attach(mr_vector_at(cap, index), fd, old);
	if (IS_ERR(*new))
		xa_release(&cap->triggers, index);
	return PTR_ERR_OR_ZERO(*new);
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

/* One that was joined in vain leaves in the eventfd what it holds. */
static void mr_trigger_leave(struct mr_trigger *t)
{
	/* On return no wake-up of this trigger is under way. */
	remove_wait_queue(t->wqh, &t->wait);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

/* The new one was joined first: no moment without a trigger. */
static void mr_trigger_replace(struct mr_cap *cap, u32 index,
			       struct mr_trigger *new)
{
	struct mr_trigger *old = trigger_of(cap, index);

	if (old == new)
		return;
	/* No memory is needed: the place was reserved, or is taken. */
	if (new)
		xa_store(&cap->triggers, index, new, GFP_KERNEL);
	else
		xa_erase(&cap->triggers, index);
	if (old)
		mr_trigger_detach(old);
	if (new)
		mr_trigger_raise_held(new);
}

/**
 * mr_trigger_set() - attach, replace or detach a vector's eventfd
 * @cap: the capability
 * @index: of the vector
 * @fd: eventfd of the calling process; negative detaches
 * @replace: take the place of one that is attached
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -ENOENT, -EBUSY, -ECHRNG, -ENOMEM,
 * -EINTR as &struct msi_route_eventfd documents them.
 */
int mr_trigger_set(struct mr_cap *cap, u32 index, int fd, bool replace)
{
	struct mutex *config = &cap->fn->config;
	struct mr_trigger *new = NULL, *old;
	int ret;

	ret = mutex_lock_killable(config);
	if (ret)
		return ret;
	ret = -ECHRNG;
	if (mr_cap_has(cap, index, 1))
		ret = mr_trigger_prepare(cap, index, fd, replace, &new);
	old = trigger_of(cap, index);
	if (!ret && fd < 0 && (!old || READ_ONCE(old->dead)))
		ret = -ENOENT;
	if (!ret)
		mr_trigger_replace(cap, index, new);
	mutex_unlock(config);
	return ret;
}

/**
 * mr_trigger_remove() - detach a vector's eventfd, if it has one
 * @cap: the capability
 * @index: of the vector
 *
 * Context: process, may sleep; fn->config held.
 */
void mr_trigger_remove(struct mr_cap *cap, u32 index)
{
	mr_trigger_replace(cap, index, NULL);
}

/* Gives up the new triggers of the vectors before @nr. */
static void mr_trigger_give_up(struct mr_cap *cap, u32 first,
			       struct mr_trigger **new, u32 nr)
{
	while (nr--) {
		if (!new[nr] || new[nr] == trigger_of(cap, first + nr))
			continue;
		mr_trigger_leave(new[nr]);
		xa_release(&cap->triggers, first + nr);
		cond_resched();
	}
}

/**
 * mr_trigger_set_many() - attach, replace or detach many vectors' eventfds
 * @cap: the capability
 * @first: the first vector
 * @fds: an eventfd for each, -1 to detach, MSI_ROUTE_EVENTFD_KEEP
 * @nr: number
 * @replace: take the place of those that are attached
 *
 * All of them or none.  An eventfd that was joined in vain keeps what it held; what
 * it was signalled meanwhile was raised.
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -EBUSY, -ECHRNG, -ENOMEM, -EINTR as
 * &struct msi_route_eventfds documents them.
 */
int mr_trigger_set_many(struct mr_cap *cap, u32 first, const s32 *fds, u32 nr,
			bool replace)
{
	struct mutex *config = &cap->fn->config;
	struct mr_trigger **new;
	int ret;
	u32 i;

	new = kvcalloc(nr, sizeof(*new), MR_GFP);
	if (!new)
		return -ENOMEM;
	ret = mutex_lock_killable(config);
	if (ret)
		goto free;
	if (!mr_cap_has(cap, first, nr))
		ret = -ECHRNG;
	for (i = 0; i < nr && !ret; i++) {
		if (fatal_signal_pending(current))
			ret = -EINTR;
		else if (fds[i] == MSI_ROUTE_EVENTFD_KEEP)
			new[i] = trigger_of(cap, first + i);
		else if (fds[i] < -1)
			ret = -EINVAL;
		else
			ret = mr_trigger_prepare(cap, first + i, fds[i],
						 replace, &new[i]);
		cond_resched();
	}
	if (ret) {
		/* The last one is the one that failed. */
		if (!mr_mutant(MR_MUT_HALF_BATCH))
			mr_trigger_give_up(cap, first, new, i ? i - 1 : 0);
	} else {
		for (i = 0; i < nr; i++) {
			mr_trigger_replace(cap, first + i, new[i]);
			cond_resched();
		}
	}
	mutex_unlock(config);
free:
	kvfree(new);
	return ret;
}

/**
 * mr_trigger_remove_all() - detach all eventfds as the function is freed
 * @cap: the capability
 *
 * Context: process, may sleep.
 */
void mr_trigger_remove_all(struct mr_cap *cap)
{
	struct mr_trigger *t;
	unsigned long index;

	if (!cap->max)
		return;
	xa_for_each(&cap->triggers, index, t) {
		mr_trigger_detach(t);
		cond_resched();
	}
	xa_destroy(&cap->triggers);
}
