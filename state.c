// SPDX-License-Identifier: GPL-2.0
/*
 * Stop, save, restore.
 *
 * A function that is stopped has its gate closed, so what arrives is pending,
 * and its state stands still but for that.  A restored one stays stopped: what
 * is pending goes out when it runs, after all else of the machine was restored.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "mr.h"
#include "mutate.h"

static size_t bits_size(u32 nr)
{
	return BITS_TO_LONGS(nr) * sizeof(long);
}

static void free_arrays(struct mr_state_arrays *a)
{
	kvfree(a->entries);
	kvfree(a->pba);
	if (!mr_mutant(MR_MUT_LEAK))
		kvfree(a->held);
}

static int make_arrays(u32 nr, struct mr_state_arrays *a)
{
	const gfp_t gfp = MR_GFP | __GFP_ZERO;

	a->nr = nr;
	if (!nr)
		return 0;
	a->entries = kvmalloc_array(nr, sizeof(*a->entries), gfp);
	a->pba = kvmalloc(bits_size(nr), gfp);
	a->held = kvmalloc(bits_size(nr), gfp);
	return a->entries && a->pba && a->held ? 0 : -ENOMEM;
}

/* It stays so under fn->config, which a change of @stopped takes as well. */
static int check_shape(const struct mr_function *fn,
		       const struct msi_route_state *s)
{
	if (s->flags & ~MSI_ROUTE_STATE_DETACH || s->reserved2 || s->reserved3)
		return -EOPNOTSUPP;
	if (s->msix_vectors != fn->msix_cap.max ||
	    s->msi_vectors != fn->msi_cap.max ||
	    s->msi_flags != fn->msi.layout || s->ims_max != fn->ims_cap.max)
		return -EINVAL;
	return READ_ONCE(fn->stopped) ? 0 : -EBUSY;
}

/* ---- stop ---- */

/**
 * mr_state_set_run() - stop a function, or let it run
 * @fn: the function
 * @run: whether it shall run
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0 or -EINTR.
 */
int mr_state_set_run(struct mr_function *fn, bool run)
{
	unsigned long flags;
	int ret;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		return ret;
	raw_spin_lock_irqsave(&fn->lock, flags);
	WRITE_ONCE(fn->stopped, !run);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	if (run) {
		mr_cap_thaw_holds(&fn->msix_cap);
		mr_cap_thaw_holds(&fn->msi_cap);
	}
	mr_function_gate(fn);
	mr_function_sync(fn);
	if (!run) {
		mr_cap_freeze_holds(&fn->msix_cap);
		mr_cap_freeze_holds(&fn->msi_cap);
	}
	mutex_unlock(&fn->config);
	return 0;
}

/* ---- save ---- */

static void save_entry(struct mr_cap *cap, u32 index, struct mr_vector *v,
		       struct msi_route_entry *e)
{
	if (cap->kind == MSI_ROUTE_MSIX)
		mr_msix_get_entry(&cap->fn->msix, index, e);
	else if (cap->kind == MSI_ROUTE_IMS)
		mr_ims_get_entry(v, e);
}

static void save_vectors(struct mr_cap *cap, struct mr_state_arrays *a)
{
	struct mr_vector *v;
	u32 i;

	for (i = 0; i < a->nr; i++) {
		v = mr_vector_find(cap, i);
		save_entry(cap, i, v, &a->entries[i]);
		if (test_bit(i, cap->pending))
			__set_bit(i, a->pba);
		if (v && mr_vector_held(v))
			__set_bit(i, a->held);
		cond_resched();
	}
}

static int copy_out(const struct mr_state_arrays *a, u64 entries, u64 pba, u64 held)
{
	if (copy_to_user(u64_to_user_ptr(entries), a->entries,
			 a->nr * sizeof(*a->entries)) ||
	    copy_to_user(u64_to_user_ptr(pba), a->pba, bits_size(a->nr)) ||
	    (held &&
	     copy_to_user(u64_to_user_ptr(held), a->held, bits_size(a->nr))))
		return -EFAULT;
	return 0;
}

/**
 * mr_state_get() - the state of a function
 * @fn: the function, stopped
 * @s: out, but for its shape
 * @msix: out, zeroed; of MSI-X, with room for all that it may have
 * @ims: out, zeroed; of the message store, with room for what it has
 *
 * Context: process; fn->config held.
 */
void mr_state_get(struct mr_function *fn, struct msi_route_state *s,
		  struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	unsigned long pending = 0, held = 0;
	struct mr_state_arrays msi = {
		.nr = fn->msi_cap.max, .pba = &pending, .held = &held,
	};

	lockdep_assert_held(&fn->config);

	save_vectors(&fn->msix_cap, msix);
	save_vectors(&fn->msi_cap, &msi);
	save_vectors(&fn->ims_cap, ims);
	mr_function_get_registers(fn, s);
	s->msi_pending = pending;
	s->msi_held = held;
	s->msix_granted = fn->msix_cap.nr;
	s->ims_granted = fn->ims_cap.nr;
}

/* What the eventfds held is pending, and what comes later stays in them. */
static void detach(struct mr_function *fn)
{
	mr_trigger_detach_all(&fn->msix_cap);
	mr_trigger_detach_all(&fn->msi_cap);
	mr_trigger_detach_all(&fn->ims_cap);
}

/* All of the table, with what is not granted as the guest reads it. */
static int save(struct mr_function *fn, struct msi_route_state *s,
		struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	const bool detached = s->flags & MSI_ROUTE_STATE_DETACH;

	if (make_arrays(fn->msix_cap.max, msix) ||
	    make_arrays(fn->ims_cap.nr, ims))
		return -ENOMEM;
	if (detached && !mr_mutant(MR_MUT_LATE_DETACH))
		detach(fn);
	mr_state_get(fn, s, msix, ims);
	if (detached && mr_mutant(MR_MUT_LATE_DETACH))
		detach(fn);
	return 0;
}

/**
 * mr_state_save() - save the state of a function
 * @fn: the function
 * @s: its shape and where to; the rest is filled in
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM, -EINTR as
 * &struct msi_route_state documents them.
 */
int mr_state_save(struct mr_function *fn, struct msi_route_state *s)
{
	struct mr_state_arrays msix = {}, ims = {};
	int ret;

	ret = mutex_lock_killable(&fn->config);
	if (ret)
		return ret;
	ret = check_shape(fn, s);
	if (!ret)
		ret = save(fn, s, &msix, &ims);
	mutex_unlock(&fn->config);
	if (!ret && msix.nr)
		ret = copy_out(&msix, s->entries, s->pba, s->held);
	if (!ret && ims.nr)
		ret = copy_out(&ims, s->ims_entries, s->ims_pending, 0);
	free_arrays(&msix);
	free_arrays(&ims);
	return ret;
}

/* ---- restore ---- */

static int copy_in(struct mr_state_arrays *a, u64 entries, u64 pba, u64 held)
{
	if (copy_from_user(a->entries, u64_to_user_ptr(entries),
			   a->nr * sizeof(*a->entries)) ||
	    copy_from_user(a->pba, u64_to_user_ptr(pba), bits_size(a->nr)) ||
	    (held &&
	     copy_from_user(a->held, u64_to_user_ptr(held), bits_size(a->nr))))
		return -EFAULT;
	return 0;
}

/* No bit at or above the number of vectors. */
static bool bits_fit(const unsigned long *bits, u32 nr, u32 granted)
{
	u32 end = BITS_TO_LONGS(nr) * BITS_PER_LONG;

	if (granted > nr && !mr_mutant(MR_MUT_OVERREAD))
		return false;
	return find_next_bit(bits, end, granted) >= end;
}

static int check_arrays(const struct mr_state_arrays *a, u32 granted)
{
	u32 i;

	if (!a->nr)
		return 0;
	if (!bits_fit(a->pba, a->nr, granted) ||
	    !bits_fit(a->held, a->nr, granted))
		return -EINVAL;
	for (i = 0; a->entries && i < granted; i++)
		if (a->entries[i].address_lo & 3)
			return -EINVAL;
	return 0;
}

/* How many vectors the state has; and is there memory for them? */
static int check_granted(struct mr_cap *cap, u32 granted)
{
	if (granted > cap->max || (cap->max && !granted))
		return -EINVAL;
	/* A capability that the function does not have has no locks either. */
	if (!cap->max)
		return 0;
	return mr_vectors_reserve(cap, granted) == granted ? 0 : -ENOMEM;
}

static void restore_vectors(struct mr_cap *cap, u32 granted,
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
 * The bound first, without which there are no holds; the registers of MSI before
 * the messages that are made of them.
 */
static void restore(struct mr_function *fn, const struct msi_route_state *s,
		    const struct mr_state_arrays *msix,
		    const struct mr_state_arrays *msi,
		    const struct mr_state_arrays *ims)
{
	mr_function_set_hold(fn, s->hold_bound_ns);
	mr_function_set_registers(fn, s);
	restore_vectors(&fn->msix_cap, s->msix_granted ?: fn->msix_cap.nr, msix);
	restore_vectors(&fn->msi_cap, fn->msi_cap.max, msi);
	restore_vectors(&fn->ims_cap, s->ims_granted, ims);
	mr_function_gate(fn);
	mr_change_control(&fn->msix_cap);
	mr_change_control(&fn->msi_cap);
}

/**
 * mr_state_put() - give a function a state
 * @fn: the function, stopped
 * @s: the state, of the function's shape, else from an untrusted source
 * @msix: of MSI-X, likewise, with what it may have at most
 * @ims: of the message store, likewise, with @s->ims_granted of them
 *
 * Context: process, may sleep; fn->config held.
 * Return: 0, or -EINVAL if a field cannot be so, -ENOMEM; then nothing has
 * changed.
 */
int mr_state_put(struct mr_function *fn, const struct msi_route_state *s,
		 const struct mr_state_arrays *msix,
		 const struct mr_state_arrays *ims)
{
	const u32 granted = s->msix_granted ?: fn->msix_cap.nr;
	unsigned long pending = s->msi_pending, held = s->msi_held;
	const struct mr_state_arrays msi = {
		.nr = fn->msi_cap.max, .pba = &pending, .held = &held,
	};
	int ret;

	lockdep_assert_held(&fn->config);

	ret = mr_function_check_registers(fn, s);
	if (!ret)
		ret = check_arrays(msix, granted);
	if (!ret)
		ret = check_arrays(&msi, fn->msi_cap.max);
	if (!ret)
		ret = check_arrays(ims, s->ims_granted);
	if (!ret)
		ret = check_granted(&fn->msix_cap, granted);
	if (!ret)
		ret = check_granted(&fn->ims_cap, s->ims_granted);
	if (!ret)
		restore(fn, s, msix, &msi, ims);
	/* What was reserved in vain. */
	mr_vectors_trim(&fn->msix_cap);
	mr_vectors_trim(&fn->ims_cap);
	return ret;
}

static int read_arrays(struct mr_function *fn, const struct msi_route_state *s,
		       struct mr_state_arrays *msix, struct mr_state_arrays *ims)
{
	int ret;

	if (s->ims_granted > fn->ims_cap.max)
		return -EINVAL;
	if (make_arrays(fn->msix_cap.max, msix) ||
	    make_arrays(s->ims_granted, ims))
		return -ENOMEM;
	ret = msix->nr ? copy_in(msix, s->entries, s->pba, s->held) : 0;
	if (!ret && ims->nr)
		ret = copy_in(ims, s->ims_entries, s->ims_pending, 0);
	return ret;
}

/**
 * mr_state_restore() - restore the state of a function
 * @fn: the function
 * @s: the state, from an untrusted source
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM, -EINTR as
 * &struct msi_route_state documents them; then nothing has changed.
 */
int mr_state_restore(struct mr_function *fn, const struct msi_route_state *s)
{
	struct mr_state_arrays msix = {}, ims = {};
	int ret;

	/* A first look: the caller's memory may let us wait, so not with the lock. */
	ret = check_shape(fn, s);
	if (!ret)
		ret = read_arrays(fn, s, &msix, &ims);
	if (!ret)
		ret = mutex_lock_killable(&fn->config);
	if (ret)
		goto free;
	ret = check_shape(fn, s);
	if (!ret)
		ret = mr_state_put(fn, s, &msix, &ims);
	mutex_unlock(&fn->config);
free:
	free_arrays(&msix);
	free_arrays(&ims);
	return ret;
}
