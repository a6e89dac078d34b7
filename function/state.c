// SPDX-License-Identifier: GPL-2.0
/*
 * Stop, save, restore.
 *
 * A stopped function has its gate closed.  New events become pending; nothing else
 * of its state changes.  A restored function stays stopped.  What is pending goes
 * out when it runs, after the rest of the machine was restored.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "../route/eventfd.h"
#include "function.h"
#include "../mutate.h"

static size_t mr_state_bits_size(u32 nr)
{
	return BITS_TO_LONGS(nr) * sizeof(long);
}

static void mr_state_free_arrays(struct mr_state_arrays *a)
{
	kvfree(a->entries);
	kvfree(a->pba);
	if (!mr_mutant(MR_MUT_LEAK))
		kvfree(a->held);
}

static int mr_state_make_arrays(u32 nr, struct mr_state_arrays *a)
{
	const gfp_t gfp = MR_GFP | __GFP_ZERO;

	a->nr = nr;
	if (!nr)
		return 0;
	a->entries = kvmalloc_array(nr, sizeof(*a->entries), gfp);
	a->pba = kvmalloc(mr_state_bits_size(nr), gfp);
	a->held = kvmalloc(mr_state_bits_size(nr), gfp);
	return a->entries && a->pba && a->held ? 0 : -ENOMEM;
}

/* Under rq->config the answer stays true: a change of rq->stopped takes it, too. */
static int mr_state_check_shape(const struct mr_function *fn,
				const struct msi_route_state *s)
{
	if (s->flags & ~MSI_ROUTE_STATE_DETACH || s->reserved2 || s->reserved3)
		return -EOPNOTSUPP;
	if (s->msix_vectors != mr_msix_cap(fn)->max ||
	    s->msi_vectors != mr_msi_cap(fn)->max ||
	    s->msi_flags != fn->msi.layout || s->ims_max != mr_ims_cap(fn)->max)
		return -EINVAL;
	return READ_ONCE(fn->rq.stopped) ? 0 : -EBUSY;
}

/* ---- registers ---- */

/* Can the registers have these values? */
static int mr_state_check_registers(const struct mr_function *fn,
				    const struct msi_route_state *s)
{
	u16 control = mr_msix_cap(fn)->max ? mr_msix_writable_control() : 0;

	if (s->hold_bound_ns > MR_HOLD_MAX_NS || s->bus_master > 1 ||
	    s->msix_control & ~control ||
	    s->grant_status > MSI_ROUTE_GRANT_MEMORY ||
	    (!fn->grant.offset && (s->grant_request || s->grant_status)))
		return -EINVAL;
	return mr_msi_check_registers(fn, s);
}

/* All but entries and what is pending.  Under rq->config. */
static void mr_state_get_registers(struct mr_function *fn,
				   struct msi_route_state *s)
{
	const struct mr_cap *cap = mr_msix_cap(fn)->max ? mr_msix_cap(fn) :
				   mr_msi_cap(fn)->max ? mr_msi_cap(fn) : mr_ims_cap(fn);
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	s->bus_master = fn->rq.bus_master;
	s->msix_control = fn->msix.control;
	mr_msi_get_registers(fn, s);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	s->hold_bound_ns = ktime_to_ns(READ_ONCE(cap->hold_bound));
	s->grant_request = fn->grant.request;
	s->grant_status = fn->grant.status;
}

/*
 * All but entries, what is pending and the bound.  The registers take effect when the
 * messages and the gate are renewed.  Under rq->config.
 */
static void mr_state_set_registers(struct mr_function *fn,
				   const struct msi_route_state *s)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	fn->rq.bus_master = s->bus_master;
	WRITE_ONCE(fn->msix.control, s->msix_control);
	mr_msi_set_registers(fn, s);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	WRITE_ONCE(fn->grant.request, s->grant_request);
	WRITE_ONCE(fn->grant.status, s->grant_status);
}

/* ---- stop ---- */

/**
 * mr_state_set_run() - stop a function, or let it run
 * @fn: the function
 * @run: whether it runs from now on
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0 or -EINTR.
 */
int mr_state_set_run(struct mr_function *fn, bool run)
{
	unsigned long flags;
	struct mr_cap *cap;
	int ret;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	WRITE_ONCE(fn->rq.stopped, !run);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	if (run) {
		mr_for_each_cap(cap, &fn->rq)
			mr_cap_thaw_holds(cap);
	}
	mr_function_gate(fn);
	mr_function_sync(fn);
	if (!run) {
		mr_for_each_cap(cap, &fn->rq)
			mr_cap_freeze_holds(cap);
	}
	mutex_unlock(&fn->rq.config);
	return 0;
}

/* ---- save ---- */

static void mr_state_save_vectors(struct mr_cap *cap, struct mr_state_arrays *a)
{
	struct mr_vector *v;
	u32 i;

	for (i = 0; i < a->nr; i++) {
		v = mr_vector_find(cap, i);
		if (a->entries)
			cap->ops->load(cap, i, &a->entries[i]);
		if (test_bit(i, cap->pending))
			__set_bit(i, a->pba);
		if (v && mr_vector_held(v))
			__set_bit(i, a->held);
		cond_resched();
	}
}

static int mr_state_copy_out(const struct mr_state_arrays *a, u64 entries, u64 pba, u64 held)
{
	if (copy_to_user(u64_to_user_ptr(entries), a->entries,
			 a->nr * sizeof(*a->entries)) ||
	    copy_to_user(u64_to_user_ptr(pba), a->pba, mr_state_bits_size(a->nr)) ||
	    (held &&
	     copy_to_user(u64_to_user_ptr(held), a->held, mr_state_bits_size(a->nr))))
		return -EFAULT;
	return 0;
}

/**
 * mr_state_get() - read the state of a function
 * @fn: the function, stopped
 * @s: out, except for its shape
 * @msix: out, zeroed: MSI-X, with room for all vectors that it can have
 * @ims: out, zeroed: the message store, with room for the vectors that it has
 *
 * Context: process; rq->config held.
 */
void mr_state_get(struct mr_function *fn, struct msi_route_state *s,
		  struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	unsigned long pending = 0, held = 0;
	struct mr_state_arrays msi = {
		.nr = mr_msi_cap(fn)->max, .pba = &pending, .held = &held,
	};

	lockdep_assert_held(&fn->rq.config);

	mr_state_save_vectors(mr_msix_cap(fn), msix);
	mr_state_save_vectors(mr_msi_cap(fn), &msi);
	mr_state_save_vectors(mr_ims_cap(fn), ims);
	mr_state_get_registers(fn, s);
	s->msi_pending = pending;
	s->msi_held = held;
	s->msix_granted = mr_msix_cap(fn)->nr;
	s->ims_granted = mr_ims_cap(fn)->nr;
}

/* What the eventfds held becomes pending.  What comes later stays in them. */
static void mr_state_detach(struct mr_function *fn)
{
	struct mr_cap *cap;

	mr_for_each_cap(cap, &fn->rq)
		mr_eventfd_detach_all(cap);
}

/* The whole table; entries that are not granted are saved as the guest reads them. */
static int mr_state_read(struct mr_function *fn, struct msi_route_state *s,
			 struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	const bool detached = s->flags & MSI_ROUTE_STATE_DETACH;

	if (mr_state_make_arrays(mr_msix_cap(fn)->max, msix) ||
	    mr_state_make_arrays(mr_ims_cap(fn)->nr, ims))
		return -ENOMEM;
	if (detached && !mr_mutant(MR_MUT_LATE_DETACH))
		mr_state_detach(fn);
	mr_state_get(fn, s, msix, ims);
	if (detached && mr_mutant(MR_MUT_LATE_DETACH))
		mr_state_detach(fn);
	return 0;
}

/**
 * mr_state_save() - save the state of a function
 * @fn: the function
 * @s: its shape, and where to; the rest is filled in
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM, -EINTR as
 * &struct msi_route_state documents them.
 */
int mr_state_save(struct mr_function *fn, struct msi_route_state *s)
{
	struct mr_state_arrays msix = {}, ims = {};
	int ret;

	ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		return ret;
	ret = mr_state_check_shape(fn, s);
	if (!ret)
		ret = mr_state_read(fn, s, &msix, &ims);
	mutex_unlock(&fn->rq.config);
	if (!ret && msix.nr)
		ret = mr_state_copy_out(&msix, s->entries, s->pba, s->held);
	if (!ret && ims.nr)
		ret = mr_state_copy_out(&ims, s->ims_entries, s->ims_pending, 0);
	mr_state_free_arrays(&msix);
	mr_state_free_arrays(&ims);
	return ret;
}

/* ---- restore ---- */

static int mr_state_copy_in(struct mr_state_arrays *a, u64 entries, u64 pba, u64 held)
{
	if (copy_from_user(a->entries, u64_to_user_ptr(entries),
			   a->nr * sizeof(*a->entries)) ||
	    copy_from_user(a->pba, u64_to_user_ptr(pba), mr_state_bits_size(a->nr)) ||
	    (held &&
	     copy_from_user(a->held, u64_to_user_ptr(held), mr_state_bits_size(a->nr))))
		return -EFAULT;
	return 0;
}

/* Is no bit set at or above the number of vectors? */
static bool mr_state_bits_fit(const unsigned long *bits, u32 nr, u32 granted)
{
	u32 end = BITS_TO_LONGS(nr) * BITS_PER_LONG;

	if (granted > nr && !mr_mutant(MR_MUT_OVERREAD))
		return false;
	return find_next_bit(bits, end, granted) >= end;
}

static int mr_state_check_arrays(const struct mr_state_arrays *a, u32 granted)
{
	u32 i;

	if (!a->nr)
		return 0;
	if (!mr_state_bits_fit(a->pba, a->nr, granted) ||
	    !mr_state_bits_fit(a->held, a->nr, granted))
		return -EINVAL;
	for (i = 0; a->entries && i < granted; i++)
		if (a->entries[i].address_lo & 3)
			return -EINVAL;
	return 0;
}

/* Can the capability have so many vectors, and is there memory for them? */
static int mr_state_check_granted(struct mr_cap *cap, u32 granted)
{
	if (granted > cap->max || (cap->max && !granted))
		return -EINVAL;
	/* A capability that the function lacks has no locks either. */
	if (!cap->max)
		return 0;
	return mr_vectors_reserve(cap, granted) == granted ? 0 : -ENOMEM;
}

static void mr_state_restore_vectors(struct mr_cap *cap, u32 granted,
				     const struct mr_state_arrays *a)
{
	u32 i;

	if (!cap->max)
		return;
	if (granted < cap->nr)
		mr_vectors_shrink(cap, granted);
	else
		mr_vectors_grow(cap, granted);
	for (i = 0; i < granted; i++) {
		mr_vector_restore(mr_vector_at(cap, i),
				  a->entries ? &a->entries[i] : NULL,
				  test_bit(i, a->pba), test_bit(i, a->held));
		cond_resched();
	}
}

/*
 * The bound comes first: without it there are no holds.  The MSI registers come
 * before the messages that are made from them.
 */
static void mr_state_apply(struct mr_function *fn, const struct msi_route_state *s,
			   const struct mr_state_arrays *msix,
			   const struct mr_state_arrays *msi,
			   const struct mr_state_arrays *ims)
{
	struct mr_cap *cap;

	mr_function_set_hold(fn, s->hold_bound_ns);
	mr_state_set_registers(fn, s);
	mr_state_restore_vectors(mr_msix_cap(fn), s->msix_granted ?: mr_msix_cap(fn)->nr, msix);
	mr_state_restore_vectors(mr_msi_cap(fn), mr_msi_cap(fn)->max, msi);
	mr_state_restore_vectors(mr_ims_cap(fn), s->ims_granted, ims);
	mr_function_gate(fn);
	mr_for_each_cap(cap, &fn->rq)
		mr_change_control(cap);
}

/**
 * mr_state_put() - set the state of a function
 * @fn: the function, stopped
 * @s: the state: its shape fits the function, all else is untrusted
 * @msix: MSI-X, untrusted, for all vectors that it can have
 * @ims: the message store, untrusted, for @s->ims_granted vectors
 *
 * Context: process, may sleep; rq->config held.
 * Return: 0, or -EINVAL if a field is invalid, -ENOMEM; then nothing has changed.
 */
int mr_state_put(struct mr_function *fn, const struct msi_route_state *s,
		 const struct mr_state_arrays *msix,
		 const struct mr_state_arrays *ims)
{
	const u32 granted = s->msix_granted ?: mr_msix_cap(fn)->nr;
	unsigned long pending = s->msi_pending, held = s->msi_held;
	const struct mr_state_arrays msi = {
		.nr = mr_msi_cap(fn)->max, .pba = &pending, .held = &held,
	};
	int ret;

	lockdep_assert_held(&fn->rq.config);

	ret = mr_state_check_registers(fn, s);
	if (!ret)
		ret = mr_state_check_arrays(msix, granted);
	if (!ret)
		ret = mr_state_check_arrays(&msi, mr_msi_cap(fn)->max);
	if (!ret)
		ret = mr_state_check_arrays(ims, s->ims_granted);
	if (!ret)
		ret = mr_state_check_granted(mr_msix_cap(fn), granted);
	if (!ret)
		ret = mr_state_check_granted(mr_ims_cap(fn), s->ims_granted);
	if (!ret)
		mr_state_apply(fn, s, msix, &msi, ims);
	/* Free what was reserved in vain. */
	mr_vectors_trim(mr_msix_cap(fn));
	mr_vectors_trim(mr_ims_cap(fn));
	return ret;
}

static int mr_state_read_arrays(struct mr_function *fn, const struct msi_route_state *s,
				struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	int ret;

	if (s->ims_granted > mr_ims_cap(fn)->max)
		return -EINVAL;
	if (mr_state_make_arrays(mr_msix_cap(fn)->max, msix) ||
	    mr_state_make_arrays(s->ims_granted, ims))
		return -ENOMEM;
	ret = msix->nr ? mr_state_copy_in(msix, s->entries, s->pba, s->held) : 0;
	if (!ret && ims->nr)
		ret = mr_state_copy_in(ims, s->ims_entries, s->ims_pending, 0);
	return ret;
}

/**
 * mr_state_restore() - restore the state of a function
 * @fn: the function
 * @s: the state, from an untrusted source
 *
 * Context: process, may sleep; takes rq->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM, -EINTR as
 * &struct msi_route_state documents them; then nothing has changed.
 */
int mr_state_restore(struct mr_function *fn, const struct msi_route_state *s)
{
	struct mr_state_arrays msix = {}, ims = {};
	int ret;

	/* Check and copy before the lock: the caller's memory may make us wait. */
	ret = mr_state_check_shape(fn, s);
	if (!ret)
		ret = mr_state_read_arrays(fn, s, &msix, &ims);
	if (!ret)
		ret = mutex_lock_killable(&fn->rq.config);
	if (ret)
		goto free;
	ret = mr_state_check_shape(fn, s);
	if (!ret)
		ret = mr_state_put(fn, s, &msix, &ims);
	mutex_unlock(&fn->rq.config);
free:
	mr_state_free_arrays(&msix);
	mr_state_free_arrays(&ims);
	return ret;
}
