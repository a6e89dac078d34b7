// SPDX-License-Identifier: GPL-2.0
/*
 * How many vectors a function has: a request, a grant, and vectors given back.
 *
 * A driver asks by a vendor-specific capability in configuration space, or the
 * VMM asks by ioctl.  The memory of what is granted is reserved in full, so nothing
 * that the driver does with these vectors later can fail.  The function's other
 * vectors are not affected.
 */
#include <linux/minmax.h>
#include <linux/pci_regs.h>

#include "function.h"
#include "../mutate.h"

/* Offsets in the capability.  Its first two bytes belong to the VMM. */
enum {
	GRANT_HEADER = 0x00,
	GRANT_SIGNATURE = 0x04,
	GRANT_VECTORS = 0x08,
	GRANT_REQUEST = 0x0c,
	GRANT_STATUS = 0x10,
};

#define GRANT_REQUEST_COUNT	0x0000ffffU

/* ---- requests; under rq->config ---- */

static enum msi_route_grant_status mr_grant_grow(struct mr_cap *cap, u32 min, u32 nr)
{
	/* A limit takes no vectors back. */
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

static enum msi_route_grant_status mr_grant_request(struct mr_cap *cap, u32 min, u32 nr)
{
	if (!nr || min > nr || min > cap->max)
		return MSI_ROUTE_GRANT_RANGE;
	if (nr > cap->nr)
		return mr_grant_grow(cap, min, nr);
	mr_vectors_shrink(cap, nr);
	return MSI_ROUTE_GRANT_ALL;
}

/* ---- by the VMM ---- */

static int mr_grant_error(enum msi_route_grant_status status)
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
 * mr_grant_resize() - change the number of a capability's vectors, or its limit
 * @cap: the capability
 * @r: how many; what is granted is filled in
 *
 * Context: process, may sleep; takes rq->config.
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
	if (cap->ops->fixed ||
	    (limit ? !r->limit || r->limit > cap->max : r->limit))
		return -EINVAL;

	ret = mutex_lock_killable(&mr_function_of(cap)->rq.config);
	if (ret)
		return ret;
	old = cap->limit;
	if (limit)
		cap->limit = r->limit;
	if (r->nr || r->min)
		ret = mr_grant_error(mr_grant_request(cap, r->min, r->nr));
	if (ret)
		cap->limit = old;
	r->granted = cap->nr;
	mutex_unlock(&mr_function_of(cap)->rq.config);
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
 * Return: the dword; bits that are not @owned are 0.
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
		return READ_ONCE(mr_msix_cap(fn)->nr) << 16 | mr_msix_cap(fn)->max;
	case GRANT_REQUEST:
		return READ_ONCE(fn->grant.request);
	default:
		return READ_ONCE(fn->grant.status);
	}
}

/**
 * mr_grant_config_write() - write a dword of the capability
 * @fn: the function
 * @a: the access; a write of Count is a request
 *
 * Unlike a guest's other writes, this one may wait for memory, and for the VMM's
 * own calls on the function.  If the VMM is killed meanwhile, the write does
 * nothing, and nobody is left to see that.
 *
 * Context: process, may sleep; takes rq->config.
 */
void mr_grant_config_write(struct mr_function *fn,
			   const struct mr_config_access *a)
{
	struct mr_grant *g = &fn->grant;
	u32 asked;

	if (a->reg != GRANT_REQUEST || mutex_lock_killable(&fn->rq.config))
		return;
	asked = (g->request & ~a->lanes) | (a->value & a->lanes);
	WRITE_ONCE(g->request, asked);
	if (a->lanes & GRANT_REQUEST_COUNT) {
		WRITE_ONCE(g->status, mr_grant_request(mr_msix_cap(fn), asked >> 16,
						       asked & GRANT_REQUEST_COUNT));
		mr_change_control(mr_msix_cap(fn));
	}
	mutex_unlock(&fn->rq.config);
}

/**
 * mr_grant_reset() - reset the registers; what was granted stays
 * @fn: the function
 *
 * Context: process; rq->config held.
 */
void mr_grant_reset(struct mr_function *fn)
{
	lockdep_assert_held(&fn->rq.config);

	WRITE_ONCE(fn->grant.request, 0);
	WRITE_ONCE(fn->grant.status, MSI_ROUTE_GRANT_NONE);
}
