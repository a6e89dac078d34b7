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

/* What the pointers of a struct msi_route_state point to, of one capability. */
struct arrays {
	u32 nr;
	struct msi_route_entry *entries;
	unsigned long *pba;
	unsigned long *held;
};

static size_t bits_size(u32 nr)
{
	return BITS_TO_LONGS(nr) * sizeof(long);
}

static void free_arrays(struct arrays *a)
{
	kvfree(a->entries);
	kvfree(a->pba);
	kvfree(a->held);
}

static int make_arrays(u32 nr, struct arrays *a)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;

	a->nr = nr;
	if (!nr)
		return 0;
	a->entries = kvmalloc_array(nr, sizeof(*a->entries), gfp);
	a->pba = kvmalloc(bits_size(nr), gfp);
	a->held = kvmalloc(bits_size(nr), gfp);
	return a->entries && a->pba && a->held ? 0 : -ENOMEM;
}

/* Under fn->config, which a change of @stopped takes as well. */
static int check_shape(const struct mr_function *fn,
		       const struct msi_route_state *s)
{
	if (s->reserved || s->reserved2 || s->reserved3)
		return -EOPNOTSUPP;
	if (s->msix_vectors != fn->msix_cap.max ||
	    s->msi_vectors != fn->msi_cap.max ||
	    s->msi_flags != fn->msi.layout || s->ims_max != fn->ims_cap.max)
		return -EINVAL;
	return fn->stopped ? 0 : -EBUSY;
}

/* ---- stop ---- */

/**
 * mr_state_set_run() - stop a function, or let it run
 * @fn: the function
 * @run: whether it shall run
 *
 * Context: process, may sleep; takes fn->config.
 */
void mr_state_set_run(struct mr_function *fn, bool run)
{
	unsigned long flags;

	mutex_lock(&fn->config);
	raw_spin_lock_irqsave(&fn->lock, flags);
	WRITE_ONCE(fn->stopped, !run);
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

static void save_vectors(struct mr_cap *cap, struct arrays *a)
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
	}
}

static int copy_out(const struct arrays *a, u64 entries, u64 pba, u64 held)
{
	if (copy_to_user(u64_to_user_ptr(entries), a->entries,
			 a->nr * sizeof(*a->entries)) ||
	    copy_to_user(u64_to_user_ptr(pba), a->pba, bits_size(a->nr)) ||
	    (held &&
	     copy_to_user(u64_to_user_ptr(held), a->held, bits_size(a->nr))))
		return -EFAULT;
	return 0;
}

/* Under fn->config. */
static int save(struct mr_function *fn, struct msi_route_state *s,
		struct arrays *msix, struct arrays *ims)
{
	unsigned long msi_pending = 0, msi_held = 0;
	struct arrays msi = {
		.nr = fn->msi_cap.max, .pba = &msi_pending, .held = &msi_held,
	};

	/* All of the table, with what is not granted as the guest reads it. */
	if (make_arrays(fn->msix_cap.max, msix) ||
	    make_arrays(fn->ims_cap.nr, ims))
		return -ENOMEM;
	save_vectors(&fn->msix_cap, msix);
	save_vectors(&fn->msi_cap, &msi);
	save_vectors(&fn->ims_cap, ims);
	mr_function_get_registers(fn, s);
	s->msi_pending = msi_pending;
	s->msi_held = msi_held;
	s->msix_granted = fn->msix_cap.nr;
	s->ims_granted = fn->ims_cap.nr;
	return 0;
}

/**
 * mr_state_save() - save the state of a function
 * @fn: the function
 * @s: its shape and where to; the rest is filled in
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM as
 * &struct msi_route_state documents them.
 */
int mr_state_save(struct mr_function *fn, struct msi_route_state *s)
{
	struct arrays msix = {}, ims = {};
	int ret;

	mutex_lock(&fn->config);
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

static int copy_in(struct arrays *a, u64 entries, u64 pba, u64 held)
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

	return find_next_bit(bits, end, granted) >= end;
}

static int check_arrays(const struct arrays *a, u32 granted)
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
	return mr_vectors_reserve(cap, granted) == granted ? 0 : -ENOMEM;
}

static void restore_vectors(struct mr_cap *cap, u32 granted,
			    const struct arrays *a)
{
	u32 i;

	if (granted < cap->nr)
		mr_vectors_shrink(cap, granted);
	else
		mr_vectors_grow(cap, granted);
	for (i = 0; i < granted; i++)
		mr_vector_restore(mr_vector_at(cap, i),
				  a->entries ? &a->entries[i] : NULL,
				  test_bit(i, a->pba), test_bit(i, a->held));
}

/* Everything that is to be restored, checked before anything is. */
struct restore {
	const struct msi_route_state *s;
	u32 msix_granted;
	unsigned long msi_pending;
	unsigned long msi_held;
	struct arrays msix;
	struct arrays msi;
	struct arrays ims;
};

static int check_restore(struct mr_function *fn, struct restore *r)
{
	int ret;

	ret = check_arrays(&r->msix, r->msix_granted);
	if (!ret)
		ret = check_arrays(&r->msi, fn->msi_cap.max);
	if (!ret)
		ret = check_arrays(&r->ims, r->s->ims_granted);
	if (!ret)
		ret = check_granted(&fn->msix_cap, r->msix_granted);
	if (!ret)
		ret = check_granted(&fn->ims_cap, r->s->ims_granted);
	return ret;
}

static int read_restore(struct mr_function *fn, struct restore *r)
{
	const struct msi_route_state *s = r->s;
	int ret;

	r->msix_granted = s->msix_granted ?: fn->msix_cap.nr;
	r->msi_pending = s->msi_pending;
	r->msi_held = s->msi_held;
	r->msi.nr = fn->msi_cap.max;
	r->msi.pba = &r->msi_pending;
	r->msi.held = &r->msi_held;
	if (s->ims_granted > fn->ims_cap.max)
		return -EINVAL;
	if (make_arrays(fn->msix_cap.max, &r->msix) ||
	    make_arrays(s->ims_granted, &r->ims))
		return -ENOMEM;
	ret = r->msix.nr ? copy_in(&r->msix, s->entries, s->pba, s->held) : 0;
	if (!ret && r->ims.nr)
		ret = copy_in(&r->ims, s->ims_entries, s->ims_pending, 0);
	return ret;
}

/*
 * The bound first, without which there are no holds; the registers of MSI before
 * the messages that are made of them.
 */
static void restore(struct mr_function *fn, const struct restore *r)
{
	mr_function_set_hold(fn, r->s->hold_bound_ns);
	mr_function_set_registers(fn, r->s);
	restore_vectors(&fn->msix_cap, r->msix_granted, &r->msix);
	restore_vectors(&fn->msi_cap, fn->msi_cap.max, &r->msi);
	restore_vectors(&fn->ims_cap, r->s->ims_granted, &r->ims);
	mr_function_gate(fn);
	mr_change_control(&fn->msix_cap);
	mr_change_control(&fn->msi_cap);
}

/**
 * mr_state_restore() - restore the state of a function
 * @fn: the function
 * @s: the state, from an untrusted source
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EBUSY, -EINVAL, -EOPNOTSUPP, -EFAULT, -ENOMEM as
 * &struct msi_route_state documents them; then nothing has changed.
 */
int mr_state_restore(struct mr_function *fn, const struct msi_route_state *s)
{
	struct restore r = { .s = s };
	int ret;

	mutex_lock(&fn->config);
	ret = check_shape(fn, s);
	if (!ret)
		ret = mr_function_check_registers(fn, s);
	if (!ret)
		ret = read_restore(fn, &r);
	if (!ret)
		ret = check_restore(fn, &r);
	if (!ret)
		restore(fn, &r);
	/* What was reserved in vain. */
	mr_vectors_trim(&fn->msix_cap);
	mr_vectors_trim(&fn->ims_cap);
	mutex_unlock(&fn->config);
	free_arrays(&r.msix);
	free_arrays(&r.ims);
	return ret;
}
