// SPDX-License-Identifier: GPL-2.0
/*
 * How many vectors a function has: asked for, granted and given back.
 *
 * A driver asks by a vendor-specific capability in configuration space, or the
 * VMM asks for it.  What is granted is reserved in full, so nothing that the
 * driver does with these vectors later can fail.  The other vectors of the
 * function do not notice.
 */
#include <linux/minmax.h>
#include <linux/pci_regs.h>

#include "mr.h"
#include "mutate.h"

/* Offsets in the capability; its first two bytes are the VMM's. */
enum {
	GRANT_HEADER = 0x00,
	GRANT_SIGNATURE = 0x04,
	GRANT_VECTORS = 0x08,
	GRANT_REQUEST = 0x0c,
	GRANT_STATUS = 0x10,
};

#define GRANT_REQUEST_COUNT	0x0000ffffU

/* ---- requests; under fn->config ---- */

static enum msi_route_grant_status grow(struct mr_cap *cap, u32 min, u32 nr)
{
	/* A limit takes nothing back. */
	u32 most = max(min3(nr, cap->limit, cap->max), cap->nr);
	u32 got;

	if (most < min)
		return MSI_ROUTE_GRANT_LIMIT;
	got = max(mr_vectors_reserve(cap, most), cap->nr);
	if (got < min && !mr_mutant(MR_MUT_SHORT_GRANT)) {
		mr_vectors_trim(cap);
		return MSI_ROUTE_GRANT_MEMORY;
	}
	mr_vectors_grow(cap, got);
	return got == nr ? MSI_ROUTE_GRANT_ALL : MSI_ROUTE_GRANT_FEWER;
}

static enum msi_route_grant_status request(struct mr_cap *cap, u32 min, u32 nr)
{
	if (!nr || min > nr || min > cap->max)
		return MSI_ROUTE_GRANT_RANGE;
	if (nr > cap->nr)
		return grow(cap, min, nr);
	mr_vectors_shrink(cap, nr);
	return MSI_ROUTE_GRANT_ALL;
}

/* ---- by the VMM ---- */

static int error_of(enum msi_route_grant_status status)
{
	switch (status) {
	case MSI_ROUTE_GRANT_RANGE:
		return -EINVAL;
	case MSI_ROUTE_GRANT_LIMIT:
		return -ENOSPC;
	case MSI_ROUTE_GRANT_MEMORY:
		return -ENOMEM;
	default:
		return 0;
	}
}

/**
 * mr_grant_resize() - give a capability more vectors or fewer, limit them
 * @cap: the capability
 * @r: how many; what is granted is filled in
 *
 * Context: process, may sleep; takes fn->config.
 * Return: 0, or -EINVAL, -EOPNOTSUPP, -ENOSPC, -ENOMEM, -EINTR as
 * &struct msi_route_resize documents them.
 */
int mr_grant_resize(struct mr_cap *cap, struct msi_route_resize *r)
{
	const bool limit = r->flags & MSI_ROUTE_RESIZE_LIMIT;
	u32 old;
	int ret;

	if (r->flags & ~MSI_ROUTE_RESIZE_LIMIT || r->reserved)
		return -EOPNOTSUPP;
	if (cap->kind == MSI_ROUTE_MSI ||
	    (limit ? !r->limit || r->limit > cap->max : r->limit))
		return -EINVAL;

	ret = mutex_lock_killable(&cap->fn->config);
	if (ret)
		return ret;
	old = cap->limit;
	if (limit)
		cap->limit = r->limit;
	if (r->nr || r->min)
		ret = error_of(request(cap, r->min, r->nr));
	if (ret)
		cap->limit = old;
	r->granted = cap->nr;
	mutex_unlock(&cap->fn->config);
	mr_cap_sync(cap);
	return ret;
}

/* ---- by the guest ---- */

/**
 * mr_grant_config_read() - read a dword of the capability
 * @fn: the function
 * @reg: offset of the dword in the capability
 * @owned: out: the bits that belong to the module
 *
 * Context: any.
 * Return: the dword; what is not @owned is 0.
 */
u32 mr_grant_config_read(const struct mr_function *fn, u32 reg, u32 *owned)
{
	*owned = ~0U;
	switch (reg) {
	case GRANT_HEADER:
		*owned = 0xffff0000;
		return MSI_ROUTE_GRANT_CAP_SIZE << 16 |
		       MSI_ROUTE_GRANT_CAP_REVISION << 24;
	case GRANT_SIGNATURE:
		return MSI_ROUTE_GRANT_CAP_SIGNATURE;
	case GRANT_VECTORS:
		return READ_ONCE(fn->msix_cap.nr) << 16 | fn->msix_cap.max;
	case GRANT_REQUEST:
		return READ_ONCE(fn->grant.request);
	default:
		return READ_ONCE(fn->grant.status);
	}
}

/**
 * mr_grant_config_write() - write a dword of the capability
 * @fn: the function
 * @a: the access; a write of Count asks
 *
 * Unlike other writes of a guest this one may wait for memory, and for the
 * VMM's own calls on the function.  Of a VMM that is killed meanwhile nothing is
 * done, and nobody sees it.
 *
 * Context: process, may sleep; takes fn->config.
 */
void mr_grant_config_write(struct mr_function *fn,
			   const struct mr_config_access *a)
{
	struct mr_grant *g = &fn->grant;
	u32 asked;

	if (a->reg != GRANT_REQUEST || mutex_lock_killable(&fn->config))
		return;
	asked = (g->request & ~a->lanes) | (a->value & a->lanes);
	WRITE_ONCE(g->request, asked);
	if (a->lanes & GRANT_REQUEST_COUNT) {
		WRITE_ONCE(g->status, request(&fn->msix_cap, asked >> 16,
					      asked & GRANT_REQUEST_COUNT));
		mr_change_control(&fn->msix_cap);
	}
	mutex_unlock(&fn->config);
}

/**
 * mr_grant_reset() - reset the registers; what was granted stays
 * @fn: the function
 *
 * Context: process; fn->config held.
 */
void mr_grant_reset(struct mr_function *fn)
{
	lockdep_assert_held(&fn->config);

	WRITE_ONCE(fn->grant.request, 0);
	WRITE_ONCE(fn->grant.status, MSI_ROUTE_GRANT_NONE);
}
