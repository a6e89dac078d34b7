// SPDX-License-Identifier: GPL-2.0
/* The rules, as plainly as C can say them: a function as a whole, and its life. */
#include <stdlib.h>
#include <string.h>

#include "model_parts.h"

struct errors vector_errors(struct model *m, __u32 kind, __u32 first, __u32 nr)
{
	struct errors e = none;

	may_fail(&e, kind >= NR_KINDS, EINVAL);
	if (e.nr)
		return e;
	may_fail(&e, !m->cap[kind].max, ENODEV);
	may_fail(&e, (__u64)first + nr > m->cap[kind].nr, ECHRNG);
	return e;
}

void changed(struct model *m)
{
	drop_translations(m);
	mark_masks(m);
	mark_used(m);
	settle(m);
}

/* ---- its life ---- */

void reset_registers(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];

			v->lo = v->hi = v->data = 0;
			v->control = MASKED;
			v->held = v->translated = false;
		}
	}
	m->bus_master = false;
	m->msix_control = m->msi_control = 0;
	m->msi_lo = m->msi_hi = m->msi_data = m->msi_mask = 0;
	m->grant_count = m->grant_min = m->grant_status = 0;
}

void model_create(struct model *m, const struct msi_route_create *shape, bool x2apic,
		  __u32 bound, __u32 bound_max)
{
	bool (*deliver)(struct model *m, const struct message *message) = m->deliver;
	unsigned int kind, i;

	memset(m, 0, sizeof(*m));
	m->deliver = deliver;
	m->shape = *shape;
	m->x2apic = x2apic;
	m->run = true;
	m->bound = bound;
	m->bound_max = bound_max;
	m->cap[MSIX].max = shape->msix_vectors;
	m->cap[MSIX].nr = shape->msix_granted ?: shape->msix_vectors;
	m->cap[MSI].max = m->cap[MSI].nr = shape->msi_vectors;
	m->cap[IMS].max = shape->ims_max ?: shape->ims_vectors;
	m->cap[IMS].nr = shape->ims_vectors;
	for (kind = 0; kind < NR_KINDS; kind++) {
		struct capability *cap = &m->cap[kind];

		cap->limit = cap->max;
		cap->vector = calloc(cap->max + 1, sizeof(*cap->vector));
		for (i = 0; i < cap->max; i++) {
			new_vector(&cap->vector[i]);
			cap->vector[i].was_masked = kind != MSI;
		}
	}
	reset_registers(m);
}

void model_destroy(struct model *m)
{
	unsigned int kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		free(m->cap[kind].vector);
}

struct errors model_reset(struct model *m, __u32 flags)
{
	bool signalled = m->signalled, bus_master = m->bus_master;
	struct errors e = none;
	unsigned int kind, i;

	may_fail(&e, flags & ~MSI_ROUTE_RESET_KEEP_BUS_MASTER, EOPNOTSUPP);
	if (e.nr)
		return e;
	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < m->cap[kind].nr; i++)
			clear(m, kind, i);
	reset_registers(m);
	if (flags & MSI_ROUTE_RESET_KEEP_BUS_MASTER)
		m->bus_master = bus_master;
	mark_masks(m);
	forget_marks(m);
	m->signalled = signalled;
	return e;
}

/* ---- bus master, run, virtual machine ---- */

void write_bus_master(struct model *m, bool enable)
{
	unsigned int kind;

	m->bus_master = enable;
	for (kind = MSIX; kind <= MSI; kind++)
		if (m->cap[kind].max)
			mark(m, &m->cap[kind].marks, MSI_ROUTE_CHANGE_CONTROL);
	changed(m);
}

struct errors model_bus_master(struct model *m, __u32 enable)
{
	struct errors e = none;

	may_fail(&e, enable > 1, EINVAL);
	if (!e.nr)
		write_bus_master(m, enable);
	return e;
}

struct errors model_set_run(struct model *m, __u32 run)
{
	struct errors e = none;

	may_fail(&e, run > 1, EINVAL);
	if (e.nr)
		return e;
	m->run = run;
	changed(m);
	return e;
}

struct errors model_rebind(struct model *m, int fd, bool x2apic)
{
	struct errors e = none;

	may_fail(&e, fd == BAD_FD, EBADF);
	may_fail(&e, fd == FOREIGN_FD, EBADFD);
	may_fail(&e, m->run, EBUSY);
	may_fail(&e, !fd && m->shape.flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !x2apic,
		 EADDRNOTAVAIL);
	if (e.nr)
		return e;
	m->x2apic = x2apic;
	settle(m);
	return e;
}

/* ---- its counters ---- */

struct errors model_counters(struct model *m, __u32 kind, __u32 vector,
			     struct msi_route_counters *c)
{
	struct errors e = vector_errors(m, kind, vector == MSI_ROUTE_ALL_VECTORS ? 0 : vector,
					vector == MSI_ROUTE_ALL_VECTORS ? 0 : 1);
	unsigned int i;

	if (e.nr)
		return e;
	*c = m->cap[kind].total;
	c->kind = kind;
	c->vector = vector;
	if (vector != MSI_ROUTE_ALL_VECTORS) {
		struct vector *v = &m->cap[kind].vector[vector];

		c->events = v->events;
		c->messages = v->messages;
		c->coalesced = v->coalesced;
		c->pending = v->pending;
	} else {
		c->pending = 0;
		for (i = 0; i < m->cap[kind].nr; i++)
			c->pending += m->cap[kind].vector[i].pending;
	}
	return e;
}
