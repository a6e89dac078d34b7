// SPDX-License-Identifier: GPL-2.0
/* The message store. */
#include <string.h>

#include "model_parts.h"

struct errors model_set_ims(struct model *m, __u32 nr, const struct msi_route_ims_op *ops)
{
	static const struct msi_route_entry zero;
	struct errors e = none;
	unsigned int i;

	may_fail(&e, !m->cap[IMS].max, ENODEV);
	may_fail(&e, !nr || nr > MSI_ROUTE_IMS_MAX_OPS, EINVAL);
	may_fail(&e, m->fault, EFAULT);
	for (i = 0; !e.nr && i < nr; i++) {
		may_fail(&e, ops[i].vector >= m->cap[IMS].nr, ECHRNG);
		may_fail(&e, ops[i].op > MSI_ROUTE_IMS_FREE, EINVAL);
		may_fail(&e, ops[i].op != MSI_ROUTE_IMS_SET &&
			     memcmp(&ops[i].entry, &zero, sizeof(zero)), EINVAL);
	}
	if (e.nr) {
		/* Any of the operations may be the invalid one. */
		may_fail(&e, true, ECHRNG);
		may_fail(&e, true, EINVAL);
		return e;
	}
	for (i = 0; i < nr; i++) {
		struct vector *v = &m->cap[IMS].vector[ops[i].vector];
		const __u32 value[4] = {
			ops[i].entry.address_lo, ops[i].entry.address_hi, ops[i].entry.data,
			ops[i].entry.control,
		};

		switch (ops[i].op) {
		case MSI_ROUTE_IMS_SET:
			write_entry(m, IMS, ops[i].vector, 0xf, value);
			break;
		case MSI_ROUTE_IMS_MASK:
			v->control |= MASKED;
			break;
		case MSI_ROUTE_IMS_UNMASK:
			v->control &= ~MASKED;
			break;
		case MSI_ROUTE_IMS_FREE:
			v->eventfds = 0;
			clear(m, IMS, ops[i].vector);
			v->lo = v->hi = v->data = 0;
			v->control = MASKED;
			v->translated = false;
			break;
		}
		changed(m);
	}
	return e;
}
