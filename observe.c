// SPDX-License-Identifier: GPL-2.0
/*
 * Functions as others than their owners see them: found by number, described,
 * and only by who may.
 *
 * Who observes a function keeps it until he is done, without a copy to user space
 * meanwhile; closing it waits for him.  No path of a guest's does.
 */
#include <linux/capability.h>
#include <linux/kvm_host.h>
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

#include "mr.h"

/* As many as are described in one call, and the most bytes of each. */
#define BATCH		64
#define MAX_STRIDE	4096

/* All by their numbers; and for who sees only his own, by owner and number. */
static DEFINE_XARRAY_FLAGS(functions, XA_FLAGS_ACCOUNT);
static struct rb_root owned = RB_ROOT;	/* under the lock of @functions */

/* ---- numbers ---- */

/*
 * Each number comes once before any comes again, in an order that nobody can tell:
 * by numbers in a row a tenant would see how many functions others make.  Four rounds
 * of Feistel's, which are a permutation whatever a round's function is.
 */
static u32 new_number(void)
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

static const struct mm_struct *owner(const struct mr_function *fn)
{
	return fn->vm.kvm->mm;
}

static struct mr_function *of_node(struct rb_node *node)
{
	return rb_entry(node, struct mr_function, owned);
}

/* Is @fn before the function @number of @mm? */
static bool before(const struct mr_function *fn, const struct mm_struct *mm, u32 number)
{
	return owner(fn) < mm || (owner(fn) == mm && fn->number < number);
}

static void add_owned(struct mr_function *fn)
{
	struct rb_node **link = &owned.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = before(of_node(parent), owner(fn), fn->number) ?
		       &parent->rb_right : &parent->rb_left;
	}
	rb_link_node(&fn->owned, parent, link);
	rb_insert_color(&fn->owned, &owned);
}

/* The first one of @mm with this number or a higher one, or NULL. */
static struct mr_function *find_owned(const struct mm_struct *mm, u32 number)
{
	struct rb_node *node = owned.rb_node;
	struct mr_function *found = NULL;

	while (node) {
		if (before(of_node(node), mm, number)) {
			node = node->rb_right;
		} else {
			found = of_node(node);
			node = node->rb_left;
		}
	}
	return found && owner(found) == mm ? found : NULL;
}

/**
 * mr_observe_add() - a function can be observed
 * @fn: the function, complete
 *
 * Its number is neither 0 nor the highest.
 *
 * Return: 0 or -ENOMEM.
 */
int mr_observe_add(struct mr_function *fn)
{
	int ret;

	refcount_set(&fn->observers, 1);
	init_completion(&fn->unobserved);
	do {
		fn->number = new_number();
		ret = fn->number && fn->number != U32_MAX ?
		      xa_reserve(&functions, fn->number, MR_GFP) : -EBUSY;
		if (ret == -EBUSY)
			continue;
		if (ret)
			return ret;
		/* One that is still there, after all others. */
		xa_lock(&functions);
		ret = xa_load(&functions, fn->number) ? -EBUSY : 0;
		if (!ret) {
			__xa_store(&functions, fn->number, fn, 0);
			add_owned(fn);
		}
		xa_unlock(&functions);
	} while (ret == -EBUSY);
	return ret;
}

static void put_function(struct mr_function *fn)
{
	if (refcount_dec_and_test(&fn->observers))
		complete(&fn->unobserved);
}

/**
 * mr_observe_remove() - nobody observes a function any more
 * @fn: the function
 *
 * Context: process, waits for those who do.
 */
void mr_observe_remove(struct mr_function *fn)
{
	xa_lock(&functions);
	__xa_erase(&functions, fn->number);
	rb_erase(&fn->owned, &owned);
	xa_unlock(&functions);
	put_function(fn);
	wait_for_completion(&fn->unobserved);
}

/*
 * Others' virtual machines only who may watch the whole system: by the rates of
 * its interrupts a guest tells what it does.  Whoever may not has done no wrong by
 * asking, so nothing is left in the audit log.
 */
static bool may_observe_all(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_PERFMON) ||
	       ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
}

/*
 * The first one with this number or a higher one, or NULL.  It takes no longer
 * where there are many functions of others.
 */
static struct mr_function *get_function_from(unsigned long number, bool all)
{
	struct mr_function *fn;

	xa_lock(&functions);
	if (all)
		fn = xa_find(&functions, &number, ULONG_MAX, XA_PRESENT);
	else
		fn = find_owned(current->mm, number);
	if (fn)
		refcount_inc(&fn->observers);
	xa_unlock(&functions);
	return fn;
}

/* Also of one that he may not observe: NULL. */
static struct mr_function *get_function(u32 number)
{
	const bool all = may_observe_all();
	struct mr_function *fn;

	xa_lock(&functions);
	fn = xa_load(&functions, number);
	if (fn && !all && owner(fn) != current->mm)
		fn = NULL;
	if (fn)
		refcount_inc(&fn->observers);
	xa_unlock(&functions);
	return fn;
}

/* ---- descriptions ---- */

static void describe_cap(const struct mr_cap *cap,
			 struct msi_route_capability *c)
{
	if (!cap->max)
		return;
	c->max = cap->max;
	c->nr = READ_ONCE(cap->nr);
	c->state = mr_function_state(cap);
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
	memset(f, 0, sizeof(*f));
	f->number = fn->number;
	f->id = fn->id;
	f->vm_pid = fn->vm.pid;
	f->vm_fd = fn->vm.fd;
	f->flags = fn->flags;
	f->stopped = READ_ONCE(fn->stopped);
	describe_cap(&fn->msix_cap, &f->caps[MSI_ROUTE_MSIX]);
	describe_cap(&fn->msi_cap, &f->caps[MSI_ROUTE_MSI]);
	describe_cap(&fn->ims_cap, &f->caps[MSI_ROUTE_IMS]);
	memcpy(f->name, fn->name, sizeof(f->name));
}

/* Why an event of now would not be sent.  Under the vector's lock. */
static enum msi_route_reason reason_of(const struct mr_vector *v)
{
	const struct mr_cap *cap = mr_vector_cap(v);
	enum msi_route_reason reason = mr_action_reason(v->live->snap.action);

	/* What is dropped is so only when it could be sent. */
	if (v->live->snap.action <= MR_UNTRANSLATED || READ_ONCE(cap->open))
		return reason;
	return READ_ONCE(cap->reason);
}

static u64 address_of(const struct mr_message *msg)
{
	return (u64)msg->address_hi << 32 | msg->address_lo;
}

/**
 * mr_observe_vector() - describe a vector
 * @v: the vector
 * @d: out
 *
 * Context: process, under RCU or fn->config.
 */
void mr_observe_vector(struct mr_vector *v, struct msi_route_vector *d)
{
	struct mr_cap *cap = mr_vector_cap(v);
	struct mr_vector_slow *s = mr_slow(v);
	struct mr_vector_count count = {};
	struct mr_message raw;
	unsigned long flags;

	memset(d, 0, sizeof(*d));
	d->vector = mr_vector_index(v);
	d->state = mr_function_state(cap);

	raw_spin_lock_irqsave(&s->lock, flags);
	if (mr_vector_message(v, &raw))
		d->state |= MSI_ROUTE_STATE_MASKED;
	if (s->held)
		d->state |= MSI_ROUTE_STATE_HELD;
	d->reason = reason_of(v);
	d->last = READ_ONCE(s->reason);
	d->address = address_of(&raw);
	d->data = raw.data;
	d->sent_address = address_of(&v->live->snap.msg);
	d->sent_data = v->live->snap.msg.data;
	raw_spin_unlock_irqrestore(&s->lock, flags);

	mr_vector_count(v, &count);
	if (count.pending)
		d->state |= MSI_ROUTE_STATE_PENDING;
	if (xa_load(&cap->triggers, d->vector))
		d->state |= MSI_ROUTE_STATE_EVENTFD;
	d->events = count.events;
	d->messages = count.messages;
	d->coalesced = count.coalesced;
}

/* ---- many of them, to user space ---- */

/* @stride: of what the caller knows as an element, which may be shorter or longer. */
static int copy_out(u64 user, u32 stride, const void *elements, u32 size, u32 nr)
{
	void __user *to = u64_to_user_ptr(user);
	u32 i;

	for (i = 0; i < nr; i++, to += stride, elements += size)
		if (copy_to_user(to, elements, min(stride, size)) ||
		    (stride > size && clear_user(to + size, stride - size)))
			return -EFAULT;
	return 0;
}

/**
 * mr_observe_functions() - describe functions, in the order of their numbers
 * @g: which, and where to; how many is filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -EOPNOTSUPP, -EINVAL, -EFAULT, -ENOMEM.
 */
int mr_observe_functions(struct msi_route_get_functions *g)
{
	u32 i, room = min_t(u32, g->room, BATCH);
	const bool all = may_observe_all();
	struct msi_route_function *f;
	struct mr_function *fn;
	u64 number = g->from;
	int ret;

	if (g->reserved)
		return -EOPNOTSUPP;
	if (!room || g->stride < sizeof(*f) || g->stride > MAX_STRIDE)
		return -EINVAL;
	f = kmalloc_array(room, sizeof(*f), MR_GFP);
	if (!f)
		return -ENOMEM;
	for (i = 0; i < room && number <= U32_MAX; i++) {
		fn = get_function_from(number, all);
		if (!fn)
			break;
		mr_observe_function(fn, &f[i]);
		put_function(fn);
		/* The host's PIDs are no business of a container's. */
		if (!all && task_active_pid_ns(current) != &init_pid_ns)
			f[i].vm_pid = 0;
		number = (u64)f[i].number + 1;
	}
	ret = copy_out(g->functions, g->stride, f, sizeof(*f), i);
	g->nr = i;
	kfree(f);
	return ret;
}

static u32 describe_vectors(struct mr_cap *cap, u32 first, u32 room,
			    struct msi_route_vector *d)
{
	struct mr_vector *v;
	u32 i;

	for (i = 0; i < room; i++) {
		rcu_read_lock();
		/* What was given back is not told of, nor what comes after it. */
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
 * @fn: the function, or NULL: the one that @g has the number of
 * @g: which, and where to; how many is filled in
 *
 * Context: process, may sleep.
 * Return: 0, or -EOPNOTSUPP, -ENOENT, -EINVAL, -ENODEV, -EFAULT, -ENOMEM.
 */
int mr_observe_vectors(struct mr_function *fn, struct msi_route_get_vectors *g)
{
	u32 room = min_t(u32, g->room, BATCH);
	struct msi_route_vector *d;
	struct mr_function *other = NULL;
	struct mr_cap *cap;
	int ret = 0;

	if (g->reserved)
		return -EOPNOTSUPP;
	if (!room || g->stride < sizeof(*d) || g->stride > MAX_STRIDE ||
	    (fn && g->function))
		return -EINVAL;
	d = kmalloc_array(room, sizeof(*d), MR_GFP);
	if (!d)
		return -ENOMEM;
	if (!fn) {
		other = get_function(g->function);
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
		g->nr = describe_vectors(cap, g->first, room, d);
	if (other)
		put_function(other);
	if (!ret)
		ret = copy_out(g->vectors, g->stride, d, sizeof(*d), g->nr);
	kfree(d);
	return ret;
}

/**
 * mr_observe_counters() - what happened
 * @fn: the function, or NULL: the one that @c has the number of
 * @c: of what; the rest is filled in
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
	other = get_function(c->function);
	if (!other)
		return -ENOENT;
	ret = mr_function_counters(other, c);
	put_function(other);
	return ret;
}
