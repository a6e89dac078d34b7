// SPDX-License-Identifier: GPL-2.0
/*
 * How many vectors a function has: each call of MSI_ROUTE_RESIZE, with any number of vectors
 * now, any limit, and memory for any number; and the arithmetic of ranges of vectors.  The
 * guest's requests are a part of config.c.
 */
#include <linux/err.h>
#include <linux/pci_regs.h>

#include "updates.h"
#include "vectors.h"

//@ harness grant_resize
//@ sources updates.c vectors.c registers.c function/msi.c function/msix.c function/grant.c
//@ sources function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 --unwindset mr_msi_size.0:8 -D PROOF_VECTORS=1
//@ mutants MR_MUT_SHORT_GRANT

static int grant_error(u32 status)
{
	switch (status) {
	case MSI_ROUTE_GRANT_ALL:
	case MSI_ROUTE_GRANT_FEWER:
		return 0;
	case MSI_ROUTE_GRANT_LIMIT:
		return -ENOSPC;
	case MSI_ROUTE_GRANT_MEMORY:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

/* What the call is to do: its error, the vectors and the limit after it. */
static int grant_wanted(const struct msi_route_resize *r, const struct mr_cap *cap,
			u32 *granted, u32 *limit)
{
	bool sets = r->flags & MSI_ROUTE_RESIZE_LIMIT;
	int ret = 0;

	*granted = cap->nr;
	*limit = cap->limit;
	if (r->flags & ~MSI_ROUTE_RESIZE_LIMIT || r->reserved)
		return -EOPNOTSUPP;
	if (cap->kind == MSI_ROUTE_MSI || r->limit > cap->max || sets != !!r->limit)
		return -EINVAL;
	if (r->nr || r->min)
		ret = grant_error(spec_request(cap->max, cap->nr, sets ? r->limit : cap->limit,
					       proof_room, r->min, r->nr, granted));
	if (!ret && sets)
		*limit = r->limit;
	return ret;
}

static void grant_resize_of(struct mr_cap *cap)
{
	u32 max = nondet_u32(), granted, limit;
	struct msi_route_resize r;
	int ret, wanted;

	/* As many as a message store can have, and more than a table. */
	ASSUME(max >= 1 && max <= MSI_ROUTE_IMS_MAX_VECTORS);
	cap->max = max;
	cap->nr = nondet_u32();
	cap->limit = nondet_u32();
	ASSUME(cap->nr >= 1 && cap->nr <= max && cap->limit >= 1 && cap->limit <= max);
	proof_room = nondet_u32();

	__CPROVER_havoc_slice(&r, sizeof(r));
	wanted = grant_wanted(&r, cap, &granted, &limit);
	ret = mr_grant_resize(cap, &r);
	if (kernel_killed && ret == -EINTR)
		return;
	CLAIM(ret == wanted, "a request gets what it has to, or its error");
	CLAIM(cap->nr == granted && cap->limit == limit,
	      "a request is granted, or changes nothing");
	CLAIM((ret && ret != -ENOSPC && ret != -ENOMEM) || r.granted == granted,
	      "the caller learns how many there are");
}

void grant_resize(void)
{
	struct msi_route_create c = { .msix_cap = PCI_STD_HEADER_SIZEOF, .msi_vectors = 1,
				      .msi_cap = 0x80 };

	proof_msix(&c, 1);
	CLAIM(!mr_msix_init(&proof_fn, &c) && !mr_msi_init(&proof_fn, &c), "both can be made");
	if (nondet_bool())
		grant_resize_of(mr_msix_cap(&proof_fn));
	else
		grant_resize_of(mr_msi_cap(&proof_fn));
	REACHED();
}
