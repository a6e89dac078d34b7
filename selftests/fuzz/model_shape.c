// SPDX-License-Identifier: GPL-2.0
/* The shape of a function: what MSI_ROUTE_CREATE refuses. */
#include "model_parts.h"

static bool wrong_capability(unsigned int at, unsigned int size)
{
	return at % 4 || at < 0x40 || at + size > 0x100;
}

static bool overlap(__u64 a, __u64 size_a, __u64 b, __u64 size_b)
{
	return size_a && size_b && a < b + size_b && b < a + size_a;
}

struct errors model_shape(const struct msi_route_create *s, bool x2apic)
{
	unsigned int msix_size = s->msix_vectors ? 0xc : 0, msi_size = 0;
	unsigned int grant_size = s->grant_cap ? MSI_ROUTE_GRANT_CAP_SIZE : 0;
	bool ext = s->msi_flags & MSI_ROUTE_MSI_EXT_DATA;
	struct errors e = none;

	if (s->msi_vectors) {
		msi_size = s->msi_flags & MSI_ROUTE_MSI_64BIT ? 0xe : 0xa;
		if (s->msi_flags & MSI_ROUTE_MSI_MASKING)
			msi_size += 10;
		else if (ext)
			msi_size += 2;
	}
	may_fail(&e, s->flags & ~0xfU || s->reserved || s->reserved2 || s->reserved3, EOPNOTSUPP);
	may_fail(&e, s->msi_flags & ~7U, EOPNOTSUPP);
	may_fail(&e, s->flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !x2apic, EADDRNOTAVAIL);
	may_fail(&e, !s->msix_vectors && !s->msi_vectors && !s->ims_vectors, EINVAL);
	if (s->msix_vectors) {
		may_fail(&e, s->msix_vectors > MSI_ROUTE_MSIX_MAX_VECTORS, EINVAL);
		may_fail(&e, wrong_capability(s->msix_cap, msix_size), EINVAL);
		may_fail(&e, s->msix_table_bir > 5 || s->msix_pba_bir > 5, EINVAL);
		may_fail(&e, s->msix_table_offset % 8 || s->msix_pba_offset % 8, EINVAL);
		may_fail(&e, s->msix_table_bir == s->msix_pba_bir &&
			     overlap(s->msix_table_offset, s->msix_vectors * 16,
				     s->msix_pba_offset, (s->msix_vectors + 63) / 64 * 8), EINVAL);
		may_fail(&e, s->msix_granted > s->msix_vectors, EINVAL);
		may_fail(&e, s->grant_cap && wrong_capability(s->grant_cap, grant_size), EINVAL);
	} else {
		may_fail(&e, s->msix_cap || s->msix_table_bir || s->msix_table_offset ||
			     s->msix_pba_offset || s->msix_pba_bir || s->msix_granted ||
			     s->grant_cap, EINVAL);
	}
	if (s->msi_vectors) {
		may_fail(&e, s->msi_vectors & (s->msi_vectors - 1) || s->msi_vectors > 32, EINVAL);
		may_fail(&e, wrong_capability(s->msi_cap, msi_size), EINVAL);
	} else {
		may_fail(&e, s->msi_cap || s->msi_flags, EINVAL);
	}
	may_fail(&e, s->flags & MSI_ROUTE_CREATE_DROP_DISABLED &&
		     (!s->msi_vectors || s->msi_flags & MSI_ROUTE_MSI_MASKING), EINVAL);
	may_fail(&e, overlap(s->msix_cap, msix_size, s->msi_cap, msi_size) ||
		     overlap(s->msix_cap, msix_size, s->grant_cap, grant_size) ||
		     overlap(s->msi_cap, msi_size, s->grant_cap, grant_size), EINVAL);
	may_fail(&e, s->ims_max && (!s->ims_vectors || s->ims_max < s->ims_vectors), EINVAL);
	may_fail(&e, s->ims_vectors > MSI_ROUTE_IMS_MAX_VECTORS ||
		     s->ims_max > MSI_ROUTE_IMS_MAX_VECTORS, EINVAL);
	return e;
}
