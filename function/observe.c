// SPDX-License-Identifier: GPL-2.0
/*
 * Functions as observers see them: found by number, described, and shown only to
 * whoever may see them.
 *
 * An observer keeps a function until it is done, and does not copy to user space
 * meanwhile.  Closing the function waits for the observer.  A guest's accesses do not.
 */
#include <linux/capability.h>
#include <linux/minmax.h>
#include <linux/once.h>
#include <linux/pid_namespace.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "function.h"

/* How many one call describes. */
#define MR_OBSERVE_BATCH		64

/* All functions by number.  For observers that see only their own: by owner, too. */
static DEFINE_XARRAY_FLAGS(functions, XA_FLAGS_ACCOUNT);
static struct rb_root owned = RB_ROOT;	/* under the lock of @functions */

/* ---- numbers ---- */

/*
 * Each number comes once before any comes again, in an order that nobody can predict:
 * from numbers in a row a tenant would see how many functions others make.  Four rounds
 * of a Feistel network are a permutation, whatever a round's function is.
 */
static u32 mr_observe_new_number(void)
{
	static siphash_key_t key;
	static atomic_t made;
	u32 n = atomic_inc_return(&made);
	u16 left = n >> 16, right = n;
	u32 round;

	get_random_once(&key, sizeof(key));
	for (round = 0; round < 4; round++) {
		u16 mixed = left ^ (u16)siphash_2u32(right, round, &key);

		left = right;
		right = mixed;
	}
	return (u32)left << 16 | right;
}

/* ---- who observes ---- */

static const struct mm_struct *mr_observe_owner(const struct mr_function *fn)
{
	return fn->rq.vm.mm;
}

static struct mr_function *mr_observe_of_node(struct rb_node *node)
{
	return rb_entry(node, struct mr_function, owned);
}

/* Does @fn come before the function @number of @mm? */
static bool mr_observe_before(const struct mr_function *fn, const struct mm_struct *mm, u32 number)
{
	return mr_observe_owner(fn) < mm || (mr_observe_owner(fn) == mm && fn->number < number);
}

static void mr_observe_add_owned(struct mr_function *fn)
{
	struct rb_node **link = &owned.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (mr_observe_before(mr_observe_of_node(parent),
				      mr_observe_owner(fn), fn->number))
			link = &parent->rb_right;
		else
			link = &parent->rb_left;
	}
	rb_link_node(&fn->owned, parent, link);
	rb_insert_color(&fn->owned, &owned);
}

/* The first function of @mm with this number or a higher one, or NULL. */
static struct mr_function *mr_observe_find_owned(const struct mm_struct *mm, u32 number)
{
	struct rb_node *node = owned.rb_node;
	struct mr_function *found = NULL;

	while (node) {
		if (mr_observe_before(mr_observe_of_node(node), mm, number)) {
			node = node->rb_right;
		} else {
			found = mr_observe_of_node(node);
			node = node->rb_left;
		}
	}
	return found && mr_observe_owner(found) == mm ? found : NULL;
}

/**
 * mr_observe_add() - let observers find a function
 * @fn: the function, complete
 *
 * Its number is neither 0 nor U32_MAX.
 *
 * Return: 0 or -ENOMEM.
 */
int mr_observe_add(struct mr_function *fn)
{
	int ret;

	refcount_set(&fn->observers, 1);
	init_completion(&fn->unobserved);
	do {
		fn->number = mr_observe_new_number();
		ret = fn->number && fn->number != U32_MAX ?
		      xa_reserve(&functions, fn->number, MR_GFP) : -EBUSY;
		if (ret == -EBUSY)
			continue;
		if (ret)
			return ret;
		/* An old function may still have it, when all numbers were used. */
		xa_lock(&functions);
		ret = xa_load(&functions, fn->number) ? -EBUSY : 0;
		if (!ret) {
			__xa_store(&functions, fn->number, fn, 0);
			mr_observe_add_owned(fn);
		}
		xa_unlock(&functions);
	} while (ret == -EBUSY);
	return ret;
}

static void mr_observe_put(struct mr_function *fn)
{
	if (refcount_dec_and_test(&fn->observers))
		complete(&fn->unobserved);
}

/**
 * mr_observe_remove() - end all observation of a function
 * @fn: the function
 *
 * Context: process, waits for its observers.
 */
void mr_observe_remove(struct mr_function *fn)
{
	xa_lock(&functions);
	__xa_erase(&functions, fn->number);
	rb_erase(&fn->owned, &owned);
	xa_unlock(&functions);
	mr_observe_put(fn);
	wait_for_completion(&fn->unobserved);
}

/*
 * Only whoever may watch the whole system sees others' virtual machines: the rates
 * of a guest's interrupts show what it does.  Asking without the right is no offence,
 * so it leaves nothing in the audit log.
 */
static bool mr_observe_may_all(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_PERFMON) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/*
 * The first function with this number or a higher one, or NULL.  Many functions of
 * others do not make this slower.
 */
static struct mr_function *mr_observe_get_from(unsigned long number, bool all)
{
	struct mr_function *fn;

	xa_lock(&functions);
	if (all)
		fn = xa_find(&functions, &number, ULONG_MAX, XA_PRESENT);
	else
		fn = mr_observe_find_owned(current->mm, number);
	if (fn)
		refcount_inc(&fn->observers);
	xa_unlock(&functions);
	return fn;
}

/* Returns NULL also if the caller may not observe it. */
static struct mr_function *mr_observe_get(u32 number)
{
	const bool all = mr_observe_may_all();
	struct mr_function *fn;

	xa_lock(&functions);
	fn = xa_load(&functions, number);
	if (fn && !all && mr_observe_owner(fn) != current->mm)
		fn = NULL;
	if (fn)
		refcount_inc(&fn->observers);
	xa_unlock(&functions);
	return fn;
}

/* ---- descriptions ---- */

static void mr_observe_cap(const struct mr_cap *cap,
			   struct msi_route_capability *c)
{
	c->max = cap->max;
	c->nr = READ_ONCE(cap->nr);
	c->state = mr_cap_state(cap);
	c->reason = READ_ONCE(cap->open) ? MSI_ROUTE_REASON_NONE :
					   READ_ONCE(cap->reason);
}

/**
 * mr_observe_function() - describe a function
 * @fn: the function
 * @f: out
 *
 * Context: process.
 */
void mr_observe_function(struct mr_function *fn, struct msi_route_function *f)
{
	struct mr_cap *cap;

	memset(f, 0, sizeof(*f));
	f->number = fn->number;
	f->id = fn->rq.id;
	f->vm_pid = READ_ONCE(fn->rq.vm.pid);
	f->vm_fd = READ_ONCE(fn->rq.vm.fd);
	f->flags = fn->rq.flags;
	f->stopped = READ_ONCE(fn->rq.stopped);
	mr_for_each_cap(cap, &fn->rq)
		mr_observe_cap(cap, &f->caps[cap->kind]);
	memcpy(f->name, fn->rq.name, sizeof(f->name));
}

/* Why an event would not be sent now.  Under the vector's lock. */
static enum msi_route_reason mr_observe_reason(const struct mr_vector *v)
{
	const struct mr_cap *cap = mr_vector_cap(v);
	enum msi_route_reason reason = mr_action_reason(v->live->snap.action);

	/* An event is dropped only if the gate is open, or while Enable is clear. */
	if (READ_ONCE(cap->open))
		return reason;
	if (mr_action_pends(v->live->snap.action) &&
	    READ_ONCE(cap->reason) != MSI_ROUTE_REASON_DROP_DISABLED)
		return reason;
	return READ_ONCE(cap->reason);
}

static u64 mr_observe_address(const struct mr_message *msg)
{
	return (u64)msg->address_hi << 32 | msg->address_lo;
}

/**
 * mr_observe_vector() - describe a vector
 * @v: the vector
 * @d: out
 *
 * Context: process, under RCU or rq->config.
 */
void mr_observe_vector(struct mr_vector *v, struct msi_route_vector *d)
{
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_vector_cold *s = mr_cold(v);
	struct mr_vector_count count = {};
	struct mr_message raw;
	unsigned long flags;

	memset(d, 0, sizeof(*d));
	d->vector = mr_vector_index(v);
	d->state = mr_cap_state(cap);

	raw_spin_lock_irqsave(&s->lock, flags);
	if (mr_vector_message(v, &raw))
		d->state |= MSI_ROUTE_STATE_MASKED;
	if (s->held)
		d->state |= MSI_ROUTE_STATE_HELD;
	d->reason = mr_observe_reason(v);
	d->last = READ_ONCE(s->reason);
	d->address = mr_observe_address(&raw);
	d->data = raw.data;
	d->sent_address = mr_observe_address(&v->live->snap.msg);
	d->sent_data = v->live->snap.msg.data;
	raw_spin_unlock_irqrestore(&s->lock, flags);

	mr_vector_count(v, &count);
	if (count.pending)
		d->state |= MSI_ROUTE_STATE_PENDING;
	if (xa_load(&cap->eventfds, d->vector))
		d->state |= MSI_ROUTE_STATE_EVENTFD;
	d->events = count.events;
	d->messages = count.messages;
	d->coalesced = count.coalesced;
}

/* ---- many of them, to user space ---- */

/**
 * mr_observe_functions() - describe functions, in the order of their numbers
 * @g: which, and where to; how many is filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -EOPNOTSUPP, -EINVAL, -EFAULT, -ENOMEM.
 */
int mr_observe_functions(struct msi_route_get_functions *g)
{
	u32 i, room = min_t(u32, g->room, MR_OBSERVE_BATCH);
	const bool all = mr_observe_may_all();
	struct msi_route_function *f;
	struct mr_function *fn;
	u64 number = g->from;
	int ret;

	if (g->reserved)
		return -EOPNOTSUPP;
	if (!room || g->stride < sizeof(*f) || g->stride > MR_MAX_STRIDE)
		return -EINVAL;
	f = kmalloc_array(room, sizeof(*f), MR_GFP);
	if (!f)
		return -ENOMEM;
	for (i = 0; i < room && number <= U32_MAX; i++) {
		fn = mr_observe_get_from(number, all);
		if (!fn)
			break;
		mr_observe_function(fn, &f[i]);
		mr_observe_put(fn);
		/* A container must not see the host's PIDs. */
		if (!all && task_active_pid_ns(current) != &init_pid_ns)
			f[i].vm_pid = 0;
		number = (u64)f[i].number + 1;
	}
	ret = mr_copy_elements(g->functions, g->stride, f, sizeof(*f), i);
	g->nr = i;
	kfree(f);
	return ret;
}

static u32 mr_observe_describe_vectors(struct mr_cap *cap, u32 first, u32 room,
				       struct msi_route_vector *d)
{
	struct mr_vector *v;
	u32 i;

	for (i = 0; i < room; i++) {
		rcu_read_lock();
		/* Stop at a vector that was given back. */
		v = first + i >= first ? mr_vector_find(cap, first + i) : NULL;
		if (v)
			mr_observe_vector(v, &d[i]);
		rcu_read_unlock();
		if (!v)
			break;
	}
	return i;
}

/**
 * mr_observe_vectors() - describe vectors of a capability
 * @fn: the function, or NULL: @g has its number
 * @g: which, and where to; how many is filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -EOPNOTSUPP, -ENOENT, -EINVAL, -ENODEV, -EFAULT, -ENOMEM.
 */
int mr_observe_vectors(struct mr_function *fn, struct msi_route_get_vectors *g)
{
	u32 room = min_t(u32, g->room, MR_OBSERVE_BATCH);
	struct msi_route_vector *d;
	struct mr_function *other = NULL;
	struct mr_cap *cap;
	int ret = 0;

	if (g->reserved)
		return -EOPNOTSUPP;
	if (!room || g->stride < sizeof(*d) || g->stride > MR_MAX_STRIDE ||
	    (fn && g->function))
		return -EINVAL;
	d = kmalloc_array(room, sizeof(*d), MR_GFP);
	if (!d)
		return -ENOMEM;
	if (!fn) {
		other = mr_observe_get(g->function);
		fn = other;
	}
	if (!fn) {
		kfree(d);
		return -ENOENT;
	}
	cap = mr_function_cap(fn, g->kind, 0, 1);
	if (IS_ERR(cap))
		ret = PTR_ERR(cap);
	else
		g->nr = mr_observe_describe_vectors(cap, g->first, room, d);
	if (other)
		mr_observe_put(other);
	if (!ret)
		ret = mr_copy_elements(g->vectors, g->stride, d, sizeof(*d), g->nr);
	kfree(d);
	return ret;
}

/**
 * mr_observe_counters() - read counters
 * @fn: the function, or NULL: @c has its number
 * @c: which counters; their values are filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -ENOENT, -EINVAL, -ENODEV, -ECHRNG, -EOPNOTSUPP.
 */
int mr_observe_counters(struct mr_function *fn, struct msi_route_counters *c)
{
	struct mr_function *other;
	int ret;

	if (c->reserved)
		return -EOPNOTSUPP;
	if (fn)
		return c->function ? -EINVAL : mr_function_counters(fn, c);
	other = mr_observe_get(c->function);
	if (!other)
		return -ENOENT;
	ret = mr_function_counters(other, c);
	mr_observe_put(other);
	return ret;
}
