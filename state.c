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

/* What the pointers of a struct msi_route_state point to. */
struct arrays {
	struct msi_route_entry *entries;
	unsigned long *pba;
	unsigned long *held;
};

static size_t bits_size(const struct mr_cap *cap)
{
	return BITS_TO_LONGS(cap->max) * sizeof(long);
}

static void free_arrays(struct arrays *a)
{
	kvfree(a->entries);
	bitmap_free(a->pba);
	bitmap_free(a->held);
}

static int make_arrays(const struct mr_cap *cap, struct arrays *a)
{
	*a = (struct arrays) {};
	if (!cap->max)
		return 0;
	a->entries = kvcalloc(cap->max, sizeof(*a->entries), GFP_KERNEL_ACCOUNT);
	a->pba = bitmap_zalloc(cap->max, GFP_KERNEL_ACCOUNT);
	a->held = bitmap_zalloc(cap->max, GFP_KERNEL_ACCOUNT);
	if (a->entries && a->pba && a->held)
		return 0;
	free_arrays(a);
	return -ENOMEM;
}

/* Under fn->config, which a change of @stopped takes as well. */
static int check_shape(const struct mr_function *fn,
		       const struct msi_route_state *s)
{
	if (s->reserved)
		return -EOPNOTSUPP;
	if (s->msix_vectors != fn->msix_cap.max ||
	    s->msi_vectors != fn->msi_cap.max || s->msi_flags != fn->msi.layout)
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

static void save_vectors(struct mr_cap *cap, struct arrays *a)
{
	struct mr_vector *v;
	u32 i;

	for (i = 0; i < cap->max; i++) {
		if (cap->kind == MSI_ROUTE_MSIX)
			mr_msix_get_entry(&cap->fn->msix, i, &a->entries[i]);
		if (test_bit(i, cap->pending))
			__set_bit(i, a->pba);
		v = mr_vector_find(cap, i);
		if (v && mr_vector_held(v))
			__set_bit(i, a->held);
	}
}

static int copy_out(const struct mr_cap *cap, const struct arrays *a,
		    const struct msi_route_state *s)
{
	if (copy_to_user(u64_to_user_ptr(s->entries), a->entries,
			 cap->max * sizeof(*a->entries)) ||
	    copy_to_user(u64_to_user_ptr(s->pba), a->pba, bits_size(cap)) ||
	    copy_to_user(u64_to_user_ptr(s->held), a->held, bits_size(cap)))
		return -EFAULT;
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
	unsigned long msi_pending = 0, msi_held = 0;
	struct arrays msi = { .pba = &msi_pending, .held = &msi_held };
	struct arrays msix;
	int ret;

	ret = make_arrays(&fn->msix_cap, &msix);
	if (ret)
		return ret;
	mutex_lock(&fn->config);
	ret = check_shape(fn, s);
	if (!ret) {
		save_vectors(&fn->msix_cap, &msix);
		save_vectors(&fn->msi_cap, &msi);
		mr_function_get_registers(fn, s);
		s->msi_pending = msi_pending;
		s->msi_held = msi_held;
	}
	mutex_unlock(&fn->config);
	if (!ret)
		ret = copy_out(&fn->msix_cap, &msix, s);
	free_arrays(&msix);
	return ret;
}

/* ---- restore ---- */

static int copy_in(const struct mr_cap *cap, const struct msi_route_state *s,
		   struct arrays *a)
{
	if (copy_from_user(a->entries, u64_to_user_ptr(s->entries),
			   cap->max * sizeof(*a->entries)) ||
	    copy_from_user(a->pba, u64_to_user_ptr(s->pba), bits_size(cap)) ||
	    copy_from_user(a->held, u64_to_user_ptr(s->held), bits_size(cap)))
		return -EFAULT;
	return 0;
}

/* No bit at or above the number of vectors. */
static bool bits_fit(const struct mr_cap *cap, const unsigned long *bits)
{
	u32 end = BITS_TO_LONGS(cap->max) * BITS_PER_LONG;

	return find_next_bit(bits, end, cap->max) >= end;
}

static int check_arrays(const struct mr_cap *cap, const struct arrays *a)
{
	u32 i;

	if (!cap->max)
		return 0;
	if (!bits_fit(cap, a->pba) || !bits_fit(cap, a->held))
		return -EINVAL;
	for (i = 0; a->entries && i < cap->max; i++)
		if (a->entries[i].address_lo & 3)
			return -EINVAL;
	return 0;
}

static void restore_vectors(struct mr_cap *cap, const struct arrays *a)
{
	u32 i;

	for (i = 0; i < cap->nr; i++)
		mr_vector_restore(mr_vector_at(cap, i),
				  a->entries ? &a->entries[i] : NULL,
				  test_bit(i, a->pba), test_bit(i, a->held));
}

/*
 * The bound first, without which there are no holds; the registers of MSI before
 * the messages that are made of them.
 */
static void restore(struct mr_function *fn, const struct msi_route_state *s,
		    const struct arrays *msix, const struct arrays *msi)
{
	mr_function_set_hold(fn, s->hold_bound_ns);
	mr_function_set_registers(fn, s);
	restore_vectors(&fn->msix_cap, msix);
	restore_vectors(&fn->msi_cap, msi);
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
	unsigned long msi_pending = s->msi_pending, msi_held = s->msi_held;
	struct arrays msi = { .pba = &msi_pending, .held = &msi_held };
	struct arrays msix;
	int ret;

	ret = make_arrays(&fn->msix_cap, &msix);
	if (ret)
		return ret;
	mutex_lock(&fn->config);
	ret = check_shape(fn, s);
	if (!ret)
		ret = mr_function_check_registers(fn, s);
	if (!ret)
		ret = copy_in(&fn->msix_cap, s, &msix);
	if (!ret)
		ret = check_arrays(&fn->msix_cap, &msix);
	if (!ret)
		ret = check_arrays(&fn->msi_cap, &msi);
	if (!ret)
		restore(fn, s, &msix, &msi);
	mutex_unlock(&fn->config);
	free_arrays(&msix);
	return ret;
}
