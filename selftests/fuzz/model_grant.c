// SPDX-License-Identifier: GPL-2.0
/* Vectors that come and go: requests and what they are granted. */
#include <string.h>

#include "model_parts.h"

void new_vector(struct vector *v)
{
	memset(v, 0, sizeof(*v));
	v->control = MASKED;
	v->was_masked = true;
}

static void give_back(struct model *m, unsigned int kind, unsigned int vector)
{
	clear(m, kind, vector);
	new_vector(&m->cap[kind].vector[vector]);
	m->cap[kind].vector[vector].gone = true;
}

void set_number(struct model *m, unsigned int kind, unsigned int nr)
{
	struct capability *cap = &m->cap[kind];

	while (cap->nr > nr)
		give_back(m, kind, --cap->nr);
	cap->nr = nr;
}

unsigned int granted(struct capability *cap, unsigned int min, unsigned int count,
			    __u8 *status)
{
	unsigned int most = cap->limit > cap->nr ? cap->limit : cap->nr;

	if (!count || min > count || min > cap->max) {
		*status = MSI_ROUTE_GRANT_RANGE;
	} else if (count > cap->nr && min > most) {
		*status = MSI_ROUTE_GRANT_LIMIT;
	} else if (count > most) {
		*status = MSI_ROUTE_GRANT_FEWER;
		return most;
	} else {
		*status = MSI_ROUTE_GRANT_ALL;
		return count;
	}
	return cap->nr;
}

struct errors model_resize(struct model *m, const struct msi_route_resize *r, __u32 *nr)
{
	struct errors e = none;
	struct capability *cap, asked;
	__u8 status;

	may_fail(&e, r->flags & ~MSI_ROUTE_RESIZE_LIMIT || r->reserved, EOPNOTSUPP);
	may_fail(&e, r->kind >= NR_KINDS || r->kind == MSI, EINVAL);
	if (r->kind < NR_KINDS)
		may_fail(&e, !m->cap[r->kind].max, ENODEV);
	may_fail(&e, r->min > r->nr || (r->limit && !(r->flags & MSI_ROUTE_RESIZE_LIMIT)), EINVAL);
	if (e.nr)
		return e;
	cap = &m->cap[r->kind];
	may_fail(&e, r->min > cap->max, EINVAL);
	may_fail(&e, r->flags & MSI_ROUTE_RESIZE_LIMIT && (!r->limit || r->limit > cap->max),
		 EINVAL);
	asked = *cap;
	if (r->flags & MSI_ROUTE_RESIZE_LIMIT)
		asked.limit = r->limit;
	*nr = cap->nr;
	if (r->nr) {
		*nr = granted(&asked, r->min, r->nr, &status);
		may_fail(&e, status == MSI_ROUTE_GRANT_LIMIT, ENOSPC);
	}
	if (e.nr)
		return e;
	cap->limit = asked.limit;
	set_number(m, r->kind, *nr);
	changed(m);
	return e;
}
