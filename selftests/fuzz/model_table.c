// SPDX-License-Identifier: GPL-2.0
/* The MSI-X table and the Pending Bit Array. */
#include "model_parts.h"

/* An entry without a vector reads as after reset. */
__u32 model_table(struct model *m, unsigned int dword)
{
	struct vector *v = &m->cap[MSIX].vector[dword / 4];

	switch (dword % 4) {
	case 0:
		return v->lo;
	case 1:
		return v->hi;
	case 2:
		return v->data;
	default:
		return v->control;
	}
}

__u64 model_pba(struct model *m, unsigned int qword)
{
	unsigned int i;
	__u64 bits = 0;

	for (i = 0; i < 64 && qword * 64 + i < m->cap[MSIX].nr; i++)
		bits |= (__u64)m->cap[MSIX].vector[qword * 64 + i].pending << i;
	return bits;
}

void write_entry(struct model *m, unsigned int kind, unsigned int vector,
			unsigned int which, const __u32 *value)
{
	struct vector *v = &m->cap[kind].vector[vector];
	bool address = (which & 1 && v->lo != (value[0] & ~3U)) || (which & 2 && v->hi != value[1]);

	if (vector >= m->cap[kind].nr)
		return;
	if (which & 0xc)
		v->held = false;
	else if (address)
		open_hold(m, kind, vector);
	if (which & 1)
		v->lo = value[0] & ~3U;
	if (which & 2)
		v->hi = value[1];
	if (which & 4)
		v->data = value[2];
	if (which & 8)
		v->control = value[3];
	if (kind == MSIX && which & 7)
		mark(m, &v->marks, MSI_ROUTE_CHANGE_MESSAGE);
	if (kind == MSIX && which & 8)
		mark(m, &v->marks, MSI_ROUTE_CHANGE_STEERING);
	changed(m);
}

struct errors model_set_entries(struct model *m, __u32 first, __u32 nr,
				const struct msi_route_entry *entries)
{
	struct errors e = vector_errors(m, MSIX, first, nr);
	unsigned int i;

	may_fail(&e, !nr, EINVAL);
	may_fail(&e, m->fault, EFAULT);
	if (e.nr)
		return e;
	for (i = 0; i < nr; i++) {
		const __u32 value[4] = {
			entries[i].address_lo, entries[i].address_hi, entries[i].data,
			entries[i].control,
		};

		write_entry(m, MSIX, first + i, 0xf, value);
	}
	return e;
}
