// SPDX-License-Identifier: GPL-2.0
/* Counters: gives a caller what route/counters.h lists. */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/stddef.h>

#include "function.h"

/* The fields of the caller's struct have the order of the list. */
#define MR_COUNTER_ORDER(name, end)	MR_ORDER_##name,
enum { MR_CAP_COUNTERS(MR_COUNTER_ORDER) };
#undef MR_COUNTER_ORDER

#define MR_COUNTER_PLACE(name, end)						\
	static_assert(offsetof(struct msi_route_counters, name) ==		\
		      offsetof(struct msi_route_counters, cleared) +		\
		      MR_ORDER_##name * sizeof(u64));
MR_CAP_COUNTERS(MR_COUNTER_PLACE)
#undef MR_COUNTER_PLACE

static int mr_counters_of_vectors(struct mr_cap *cap, u32 vector,
				  struct mr_vector_count *count)
{
	struct mr_vector *v;

	if (vector == MSI_ROUTE_ALL_VECTORS)
		return mr_vectors_count(cap, count);
	rcu_read_lock();
	v = mr_vector_find(cap, vector);
	if (v)
		mr_vector_count(v, count);
	rcu_read_unlock();
	return v ? 0 : -ECHRNG;
}

static void mr_counters_of_cap(struct msi_route_counters *c, struct mr_counters *count)
{
#define MR_COUNTER_READ(name, end)	c->name = atomic64_read(&count->name);
	MR_CAP_COUNTERS(MR_COUNTER_READ)
#undef MR_COUNTER_READ
}

/**
 * mr_function_counters() - read counters
 * @fn: the function
 * @c: kind and vector say which; their values are filled in
 *
 * Context: process, may sleep; takes cap->blocks_lock.  The values may be of
 * different moments while calls are under way.
 * Return: 0, or -EINVAL, -ENODEV, -ECHRNG, -EINTR.
 */
int mr_function_counters(struct mr_function *fn, struct msi_route_counters *c)
{
	struct mr_cap *cap = mr_function_cap_of_kind(fn, c->kind);
	struct mr_vector_count count = {};
	int ret;

	if (IS_ERR(cap))
		return PTR_ERR(cap);
	ret = mr_counters_of_vectors(cap, c->vector, &count);
	if (ret)
		return ret;
	c->pending = count.pending;
	c->events = count.events;
	c->messages = count.messages;
	c->coalesced = count.coalesced;
	mr_counters_of_cap(c, &cap->count);
	return 0;
}
