// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds: each signal of a vector's eventfd is an event of the vector.  It is raised
 * from the eventfd's wait queue before the signal returns.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "../compat.h"
#include "eventfd.h"
#include "route.h"
#include "send.h"
#include "../mutate.h"

/**
 * struct mr_eventfd - an eventfd that is attached to a vector
 * @next: the next one of the same vector; under rq->config
 * @cap: the capability
 * @v: the vector, or NULL: it has only joined @wqh, and signals stay in the eventfd;
 *	changed under rq->config and wqh->lock
 * @to: the vector for which the current call names it, or NULL; under rq->config
 * @ctx: the eventfd
 * @wqh: its wait queue
 * @wait: our place in it
 * @pt: how poll finds @wqh
 * @taken: what the last read took; under wqh->lock
 * @error: the result of joining @wqh
 * @dead: the eventfd was closed; under wqh->lock
 */
struct mr_eventfd {
	struct mr_eventfd *next;
	struct mr_cap *cap;
	struct mr_vector *v;
	struct mr_vector *to;
	struct eventfd_ctx *ctx;
	wait_queue_head_t *wqh;
	wait_queue_entry_t wait;
	poll_table pt;
	u64 taken;
	int error;
	bool dead;
};

/**
 * struct mr_batch_vector - a vector of a call
 * @named: the eventfd that the call names for it, or NULL
 * @stay: the eventfds that it has and keeps
 */
struct mr_batch_vector {
	struct mr_eventfd *named;
	struct mr_eventfd *stay;
};

/**
 * struct mr_batch - a call that attaches and detaches eventfds; under rq->config
 * @cap: the capability
 * @first: the first vector
 * @nr: number of vectors
 * @flags: of enum msi_route_eventfd_flag, one at most
 * @fds: an eventfd for each, -1, or MSI_ROUTE_EVENTFD_KEEP
 * @at: what becomes of each vector; zeroed at first
 */
struct mr_batch {
	struct mr_cap *cap;
	u32 first;
	u32 nr;
	u32 flags;
	const s32 *fds;
	struct mr_batch_vector *at;
};

/*
 * Takes what the eventfd holds: all of it, or 1 from an EFD_SEMAPHORE, as KVM's irqfd.
 * The result is read into a field, because a local variable whose address is passed on
 * has the compiler guard the stack, in each wake-up.
 */
static u64 mr_eventfd_take(struct mr_eventfd *t)
{
	lockdep_assert_held(&t->wqh->lock);
	eventfd_ctx_do_read(t->ctx, &t->taken);
	return t->taken;
}

/* Sends the events of one signal, or leaves them to what is slower. */
static __always_inline void mr_eventfd_signalled(struct mr_vector *v, u64 count)
{
	int outcome;

	if (unlikely(count != 1)) {
		if (count)
			mr_vector_raise(v, count, false);
		return;
	}
	/* wqh->lock does that already, but for PREEMPT_RT. */
	preempt_disable_nested();
	outcome = mr_send_now(v);
	preempt_enable_nested();
	if (unlikely(outcome != MSI_ROUTE_SENT))
		mr_raise_unsent(v, count, false, outcome);
}

/* Leaving the queue needs wqh->lock, which is held. */
static void mr_eventfd_closed(struct mr_eventfd *t)
{
	list_del_init(&t->wait.entry);
	WRITE_ONCE(t->dead, true);
}

/*
 * The eventfd was signalled: wqh->lock is held, interrupts are off, and this may be a
 * hard interrupt.  We take the count away, so that each signal wakes us, and nobody else
 * is woken.  If the eventfd has only joined, the count stays.
 */
static int mr_eventfd_wake(wait_queue_entry_t *wait, unsigned int mode,
			   int sync, void *key)
{
	struct mr_eventfd *t = container_of(wait, struct mr_eventfd, wait);
	__poll_t events = key_to_poll(key);

	if (unlikely(events & EPOLLHUP))
		mr_eventfd_closed(t);
	if (unlikely(!(events & EPOLLIN) || !t->v))
		return 0;
	mr_eventfd_signalled(t->v, mr_eventfd_take(t));
	return 1;
}

static void mr_eventfd_queue(struct file *file, wait_queue_head_t *wqh,
			     poll_table *pt)
{
	struct mr_eventfd *t = container_of(pt, struct mr_eventfd, pt);

	t->wqh = wqh;
	init_waitqueue_func_entry(&t->wait, mr_eventfd_wake);
	t->error = add_wait_queue_priority_exclusive(wqh, &t->wait);
}

/* Raises what the eventfd held when we joined its queue, or when we leave it. */
static void mr_eventfd_raise(struct mr_eventfd *t, u64 count)
{
	if (!count || mr_mutant(MR_MUT_LOST_DETACH))
		return;
	mr_vector_raise(t->v, count, true);
	mr_cap_sync(mr_vector_cap(t->v));
}

/*
 * Joins the eventfd's queue: after that nobody else can.  Nothing is raised before
 * mr_eventfd_move().
 */
static struct mr_eventfd *mr_eventfd_join(struct mr_cap *cap, struct file *file)
{
	struct mr_eventfd *t;
	int ret;

	t = kzalloc(sizeof(*t), MR_GFP);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->cap = cap;
	t->ctx = eventfd_ctx_fileget(file);
	t->error = -EINVAL;
	init_poll_funcptr(&t->pt, mr_eventfd_queue);
	/* Our reference to @ctx keeps @wqh alive. */
	vfs_poll(file, &t->pt);
	if (t->error) {
		ret = t->error;
		eventfd_ctx_put(t->ctx);
		kfree(t);
		return ERR_PTR(ret);
	}
	return t;
}

/* The vector's first one.  Under rq->config. */
static struct mr_eventfd *mr_eventfd_first(struct mr_cap *cap, u32 index)
{
	return xa_load(&cap->eventfds, index);
}

struct mr_eventfd_search {
	poll_table pt;
	const struct mr_cap *cap;
	struct mr_eventfd *found;
};

/* A priority waiter stays at the head of the queue, whoever comes after it. */
static void mr_eventfd_look(struct file *file, wait_queue_head_t *wqh,
			    poll_table *pt)
{
	struct mr_eventfd_search *s = container_of(pt, struct mr_eventfd_search, pt);
	wait_queue_entry_t *first;
	struct mr_eventfd *t;
	unsigned long flags;

	spin_lock_irqsave(&wqh->lock, flags);
	first = list_first_entry_or_null(&wqh->head, wait_queue_entry_t, entry);
	if (first && first->func == mr_eventfd_wake) {
		t = container_of(first, struct mr_eventfd, wait);
		if (t->cap == s->cap)
			s->found = t;
	}
	spin_unlock_irqrestore(&wqh->lock, flags);
}

/*
 * Finds @file among the eventfds of all the capability's vectors, or returns NULL.
 * Under rq->config, without which none of them is freed.
 */
static struct mr_eventfd *mr_eventfd_find(const struct mr_cap *cap, struct file *file)
{
	struct mr_eventfd_search s = { .cap = cap };

	init_poll_funcptr(&s.pt, mr_eventfd_look);
	vfs_poll(file, &s.pt);
	return s.found;
}

/* Under rq->config. */
static bool mr_eventfd_any(struct mr_cap *cap, u32 index)
{
	struct mr_eventfd *t;

	for (t = mr_eventfd_first(cap, index); t && READ_ONCE(t->dead); t = t->next)
		cond_resched();
	return t;
}

/* Does the vector lose all it has?  ADD and REMOVE need an eventfd, which -1 is not. */
static bool mr_eventfd_detaches_all(int fd, u32 flags)
{
	return fd == -1 &&
	       !(flags & (MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE));
}

/* Does the call take from @v the eventfds that it does not name for @v? */
static bool mr_batch_gives_up(const struct mr_batch *b, const struct mr_vector *v)
{
	u32 i = mr_vector_index(v) - b->first;

	if (i >= b->nr || b->fds[i] == MSI_ROUTE_EVENTFD_KEEP)
		return false;
	return b->flags & MSI_ROUTE_EVENTFD_REPLACE || mr_eventfd_detaches_all(b->fds[i], b->flags);
}

/*
 * The eventfd that the call names for a vector: one that the vector has, one that
 * another vector gives up, or a new one, which has joined the queue of @file.
 */
static struct mr_eventfd *mr_eventfd_choose(const struct mr_batch *b, u32 index,
					    struct file *file)
{
	struct mr_vector *v = mr_vector_at(b->cap, index);
	struct mr_eventfd *t = mr_eventfd_find(b->cap, file);
	const bool same = t && t->v == v;
	int ret;

	if (b->flags & MSI_ROUTE_EVENTFD_REMOVE)
		return same ? t : ERR_PTR(-ENOENT);
	if (t && t->to)
		return ERR_PTR(-ENOTUNIQ);
	if (same ? !(b->flags & MSI_ROUTE_EVENTFD_REPLACE) :
		   !b->flags && mr_eventfd_any(b->cap, index))
		return ERR_PTR(-EEXIST);
	if (t && !same && !mr_batch_gives_up(b, t->v))
		return ERR_PTR(-EBUSY);
	/* So that mr_batch_place() needs no memory. */
	ret = xa_reserve(&b->cap->eventfds, index, MR_GFP);
	if (ret)
		return ERR_PTR(ret);
	if (!t)
		t = mr_eventfd_join(b->cap, file);
	if (IS_ERR(t)) {
		xa_release(&b->cap->eventfds, index);
		return t;
	}
	t->to = v;
	return t;
}

static int mr_batch_prepare_one(struct mr_batch *b, u32 i)
{
	struct mr_eventfd *t;
	struct file *file;

	if (b->fds[i] == MSI_ROUTE_EVENTFD_KEEP || mr_eventfd_detaches_all(b->fds[i], b->flags))
		return 0;
	if (b->fds[i] < -1)
		return -EINVAL;
	file = eventfd_fget(b->fds[i]);
	if (IS_ERR(file))
		return PTR_ERR(file);
	t = mr_eventfd_choose(b, b->first + i, file);
	fput(file);
	if (IS_ERR(t))
		return PTR_ERR(t);
	b->at[i].named = t;
	return 0;
}

static void mr_eventfd_detach(struct mr_eventfd *t)
{
	u64 count = 0;

	/* On return no wake-up of @t is under way. */
	if (!mr_mutant(MR_MUT_STAYS_QUEUED))
		eventfd_ctx_remove_wait_queue(t->ctx, &t->wait, &count);
	mr_eventfd_raise(t, count);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

static void mr_eventfd_detach_list(struct mr_eventfd *t)
{
	struct mr_eventfd *next;

	for (; t; t = next) {
		next = t->next;
		mr_eventfd_detach(t);
		cond_resched();
	}
}

/* It joined in vain: what the eventfd holds stays there. */
static void mr_eventfd_leave(struct mr_eventfd *t)
{
	/* On return no wake-up of @t is under way. */
	remove_wait_queue(t->wqh, &t->wait);
	eventfd_ctx_put(t->ctx);
	kfree(t);
}

/*
 * Gives @t to the vector for which it is named.  Each signal is an event of the old or of
 * the new vector.  If of the old one, it has ended before this returns.
 */
static void mr_eventfd_move(struct mr_eventfd *t)
{
	unsigned long flags;
	u64 count;

	if (mr_mutant(MR_MUT_LOST_MOVE)) {
		spin_lock_irqsave(&t->wqh->lock, flags);
		t->v = NULL;
		spin_unlock_irqrestore(&t->wqh->lock, flags);
		mr_stretch();
	}
	spin_lock_irqsave(&t->wqh->lock, flags);
	t->v = t->to;
	count = mr_eventfd_take(t);
	spin_unlock_irqrestore(&t->wqh->lock, flags);
	if (mr_mutant(MR_MUT_LOST_MOVE))
		return;
	mr_eventfd_raise(t, count);
}

/* Does the vector keep @t, which it has? */
static bool mr_batch_stays(const struct mr_batch *b, const struct mr_eventfd *t,
			   const struct mr_eventfd *named)
{
	if (READ_ONCE(t->dead))
		return false;
	if (b->flags & MSI_ROUTE_EVENTFD_ADD && !mr_mutant(MR_MUT_ADD_REPLACES))
		return true;
	return b->flags & MSI_ROUTE_EVENTFD_REMOVE ? t != named : t == named;
}

/* Sorts what the vector has: it stays, moves to another vector, or goes. */
static void mr_batch_sort(struct mr_batch *b, u32 i, struct mr_eventfd **go)
{
	struct mr_batch_vector *at = &b->at[i];
	struct mr_eventfd *t, *next, **list;

	for (t = mr_eventfd_first(b->cap, b->first + i); t; t = next) {
		next = t->next;
		cond_resched();
		if (t->to && t->to != t->v)
			continue;
		list = mr_batch_stays(b, t, at->named) ? &at->stay : go;
		t->next = *list;
		*list = t;
	}
}

static void mr_batch_place(struct mr_batch *b, u32 i)
{
	struct mr_eventfd *t = b->at[i].named, *list = b->at[i].stay;
	bool comes = t && t->to && t->to != t->v;
	u32 index = b->first + i;

	if (comes) {
		t->next = list;
		list = t;
	}
	/* This needs no memory: the place was reserved, or is in use. */
	if (list)
		xa_store(&b->cap->eventfds, index, list, GFP_KERNEL);
	else
		xa_erase(&b->cap->eventfds, index);
	if (comes)
		mr_eventfd_move(t);
	if (t)
		t->to = NULL;
}

/*
 * Cannot fail.  What moves leaves its list before it comes into another one.  What goes
 * does so last, so that there is no moment without an eventfd.
 */
static void mr_batch_commit(struct mr_batch *b)
{
	struct mr_eventfd *go = NULL;
	u32 i;

	for (i = 0; i < b->nr; i++) {
		if (b->fds[i] != MSI_ROUTE_EVENTFD_KEEP)
			mr_batch_sort(b, i, &go);
		cond_resched();
	}
	for (i = 0; i < b->nr; i++) {
		if (b->fds[i] != MSI_ROUTE_EVENTFD_KEEP)
			mr_batch_place(b, i);
		cond_resched();
	}
	mr_eventfd_detach_list(go);
}

/* For the first @nr vectors: frees new eventfds, and no other one is named any more. */
static void mr_batch_give_up(struct mr_batch *b, u32 nr)
{
	struct mr_eventfd *t;
	u32 i;

	for (i = 0; i < nr; i++) {
		t = b->at[i].named;
		if (!t)
			continue;
		t->to = NULL;
		if (!t->v)
			mr_eventfd_leave(t);
		xa_release(&b->cap->eventfds, b->first + i);
		cond_resched();
	}
}

/* Does all that can fail, so that mr_batch_commit() cannot. */
static int mr_batch_prepare(struct mr_batch *b)
{
	int ret = 0;
	u32 i;

	if (!mr_cap_has(b->cap, b->first, b->nr))
		return -ECHRNG;
	for (i = 0; i < b->nr; i++) {
		ret = fatal_signal_pending(current) ? -EINTR :
						      mr_batch_prepare_one(b, i);
		if (ret)
			break;
		cond_resched();
	}
	if (!ret)
		return 0;
	if (mr_mutant(MR_MUT_HALF_BATCH)) {
		mr_batch_commit(b);
		return ret;
	}
	mr_batch_give_up(b, i);
	return ret;
}

/**
 * mr_eventfd_set() - attach, replace or detach a vector's eventfds
 * @cap: the capability
 * @index: of the vector
 * @fd: eventfd of the calling process, or -1
 * @flags: of enum msi_route_eventfd_flag, one at most
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -ENOENT, -EBUSY, -ECHRNG, -ENOMEM,
 * -EINTR as &struct msi_route_eventfd documents them.
 */
int mr_eventfd_set(struct mr_cap *cap, u32 index, int fd, u32 flags)
{
	struct mutex *config = &cap->rq->config;
	struct mr_batch_vector at = {};
	struct mr_batch b = {
		.cap = cap, .first = index, .nr = 1, .flags = flags, .fds = &fd,
		.at = &at,
	};
	int ret;

	ret = mutex_lock_killable(config);
	if (ret)
		return ret;
	ret = mr_batch_prepare(&b);
	if (!ret && mr_eventfd_detaches_all(fd, flags) && !mr_eventfd_any(cap, index))
		ret = -ENOENT;
	if (!ret)
		mr_batch_commit(&b);
	mutex_unlock(config);
	return ret;
}

/**
 * mr_eventfd_remove() - detach a vector's eventfds, if it has any
 * @cap: the capability
 * @index: of the vector
 *
 * Context: process, may sleep; rq->config held.
 */
void mr_eventfd_remove(struct mr_cap *cap, u32 index)
{
	mr_eventfd_detach_list(xa_erase(&cap->eventfds, index));
}

/**
 * mr_eventfd_set_many() - attach, move, replace or detach many vectors' eventfds
 * @cap: the capability
 * @first: the first vector
 * @fds: an eventfd for each, -1, or MSI_ROUTE_EVENTFD_KEEP
 * @nr: number
 * @flags: of enum msi_route_eventfd_flag, one at most
 *
 * Changes all of them or none.  After an error a new eventfd keeps what it held, and
 * what it was signalled meanwhile.
 *
 * Context: process, may sleep.
 * Return: 0, or -EBADF, -EINVAL, -EEXIST, -ENOENT, -EBUSY, -ENOTUNIQ, -ECHRNG, -ENOMEM,
 * -EINTR as &struct msi_route_eventfds documents them.
 */
int mr_eventfd_set_many(struct mr_cap *cap, u32 first, const s32 *fds, u32 nr,
			u32 flags)
{
	struct mutex *config = &cap->rq->config;
	struct mr_batch b = {
		.cap = cap, .first = first, .nr = nr, .flags = flags, .fds = fds,
	};
	int ret;

	b.at = kvcalloc(nr, sizeof(*b.at), MR_GFP);
	if (!b.at)
		return -ENOMEM;
	ret = mutex_lock_killable(config);
	if (ret)
		goto free;
	ret = mr_batch_prepare(&b);
	if (!ret)
		mr_batch_commit(&b);
	mutex_unlock(config);
free:
	kvfree(b.at);
	return ret;
}

/**
 * mr_eventfd_detach_all() - detach all eventfds
 * @cap: the capability
 *
 * Context: process, may sleep; rq->config held, or nobody else knows the function.
 */
void mr_eventfd_detach_all(struct mr_cap *cap)
{
	struct mr_eventfd *t;
	unsigned long index;

	xa_for_each(&cap->eventfds, index, t) {
		xa_erase(&cap->eventfds, index);
		mr_eventfd_detach_list(t);
	}
}

/**
 * mr_eventfd_remove_all() - detach all eventfds as the function is freed
 * @cap: the capability
 *
 * Context: process, may sleep.
 */
void mr_eventfd_remove_all(struct mr_cap *cap)
{
	mr_eventfd_detach_all(cap);
	xa_destroy(&cap->eventfds);
}
