// SPDX-License-Identifier: GPL-2.0
/* A guest's accesses of configuration space, table and Pending Bit Array, of any length. */
#include "model_parts.h"

static struct errors access_errors(struct model *m, const struct msi_route_access *a)
{
	struct errors e = none;
	__u64 end = (__u64)a->offset + a->len, size = 0;

	switch (a->space) {
	case MSI_ROUTE_CONFIG:
		size = 0x1000;
		break;
	case MSI_ROUTE_TABLE:
		size = m->shape.msix_vectors * 16;
		break;
	case MSI_ROUTE_PBA:
		size = (m->shape.msix_vectors + 63) / 64 * 8;
		break;
	default:
		may_fail(&e, true, EINVAL);
	}
	may_fail(&e, !a->len || a->len > 8, EMSGSIZE);
	may_fail(&e, a->space != MSI_ROUTE_CONFIG && !m->shape.msix_vectors, ENODEV);
	may_fail(&e, end > size, ERANGE);
	return e;
}

/* Each byte by itself. */
static void read_config(struct model *m, const struct msi_route_access *a, __u64 *value)
{
	unsigned int i;

	for (i = 0; i < a->len; i++) {
		unsigned int shift = (a->offset + i) % 4 * 8;
		__u32 owned, dword = model_config(m, (a->offset + i) & ~3U, &owned);

		if (!(owned >> shift & 0xff))
			continue;
		*value &= ~(0xffULL << i * 8);
		*value |= (__u64)(dword >> shift & 0xff) << i * 8;
	}
}

/* Writes bytes of the same dword together, the lowest dword first [11]. */
static void write_all_config(struct model *m, const struct msi_route_access *a)
{
	unsigned int i;

	for (i = 0; i < a->len;) {
		unsigned int at = (a->offset + i) & ~3U;
		__u32 mask = 0, value = 0;

		for (; i < a->len && ((a->offset + i) & ~3U) == at; i++) {
			mask |= 0xffU << (a->offset + i) % 4 * 8;
			value |= (__u32)(a->value >> i * 8 & 0xff) << (a->offset + i) % 4 * 8;
		}
		write_config(m, at, mask, value);
	}
}

static void write_table(struct model *m, unsigned int offset, unsigned int len, __u64 value)
{
	__u32 dwords[4];

	dwords[offset / 4 % 4] = value;
	if (len == 8)
		dwords[offset / 4 % 4 + 1] = value >> 32;
	write_entry(m, MSIX, offset / 16, (len == 8 ? 3 : 1) << offset / 4 % 4, dwords);
}

static void read(struct model *m, const struct msi_route_access *a, __u64 *value)
{
	switch (a->space) {
	case MSI_ROUTE_CONFIG:
		read_config(m, a, value);
		break;
	case MSI_ROUTE_TABLE:
		*value = model_table(m, a->offset / 4);
		if (a->len == 8)
			*value |= (__u64)model_table(m, a->offset / 4 + 1) << 32;
		break;
	default:
		*value = model_pba(m, a->offset / 8) >> a->offset % 8 * 8;
	}
}

struct errors model_access(struct model *m, bool write, const struct msi_route_access *a,
			   __u64 *value)
{
	struct errors e = access_errors(m, a);

	*value = a->value;
	if (e.nr)
		return e;
	if (a->space != MSI_ROUTE_CONFIG &&
	    ((a->len != 4 && a->len != 8) || a->offset % a->len)) {
		/* [15] */
		m->cap[MSIX].total.bad_accesses++;
		*value = ~0ULL;
	} else if (!write) {
		read(m, a, value);
	} else if (a->space == MSI_ROUTE_CONFIG) {
		write_all_config(m, a);
	} else if (a->space == MSI_ROUTE_TABLE) {
		write_table(m, a->offset, a->len, a->value);
	}
	return none;
}
