// SPDX-License-Identifier: GPL-2.0
/* Changes: which ones a VMM is notified of, and what is read of them. */
#include "model_parts.h"

unsigned int model_changes(struct model *m)
{
	unsigned int kind, i, nr = 0;

	for (kind = 0; kind < NR_KINDS; kind++) {
		nr += !!m->cap[kind].marks;
		for (i = 0; i < m->cap[kind].max; i++)
			nr += !!m->cap[kind].vector[i].marks;
	}
	return nr;
}

void mark(struct model *m, __u32 *marks, __u32 change)
{
	change &= m->notify;
	if (!change)
		return;
	/* The VMM is notified of the first change after none. */
	if (!*marks && !model_changes(m))
		m->signalled = true;
	*marks |= change;
}

void forget_marks(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		m->cap[kind].marks = 0;
		for (i = 0; i < m->cap[kind].max; i++) {
			m->cap[kind].vector[i].marks = 0;
			m->cap[kind].vector[i].used = false;
		}
	}
}

void mark_used(struct model *m)
{
	unsigned int kind, i;

	for (kind = MSIX; kind <= MSI; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];

			if (v->used || !in_use(m, kind, i) || !(m->notify & MSI_ROUTE_CHANGE_USED))
				continue;
			v->used = true;
			mark(m, &v->marks, MSI_ROUTE_CHANGE_USED);
		}
	}
}

static void mark_mask(struct model *m, unsigned int kind, unsigned int vector)
{
	mark(m, &m->cap[kind].vector[vector].marks,
	     model_own_mask(m, kind, vector) ? MSI_ROUTE_CHANGE_MASKED : MSI_ROUTE_CHANGE_UNMASKED);
}

void mark_masks(struct model *m)
{
	unsigned int kind, i;

	for (kind = MSIX; kind <= MSI; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];
			bool masked = model_own_mask(m, kind, i);

			if (masked != v->was_masked)
				mark_mask(m, kind, i);
			v->was_masked = masked;
		}
	}
}

void mark_messages(struct model *m, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < m->cap[kind].nr; i++)
		mark(m, &m->cap[kind].vector[i].marks, MSI_ROUTE_CHANGE_MESSAGE);
}

void mark_tags(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->cap[MSIX].nr; i++)
		mark(m, &m->cap[MSIX].vector[i].marks, MSI_ROUTE_CHANGE_STEERING);
}

/* ---- calls ---- */

struct errors model_set_notify(struct model *m, __u32 changes, int fd)
{
	struct errors e = none;

	may_fail(&e, changes & ~0x3fU, EOPNOTSUPP);
	may_fail(&e, changes && (fd == NO_EVENTFD || fd == BAD_FD), EBADF);
	may_fail(&e, changes && fd == FOREIGN_FD, EINVAL);
	may_fail(&e, !changes && fd != NO_EVENTFD, EINVAL);
	if (e.nr)
		return e;
	forget_marks(m);
	m->notify = changes;
	m->signalled = false;
	mark_used(m);
	return e;
}

bool model_take_change(struct model *m, const struct msi_route_vector_change *c)
{
	struct capability *cap;
	struct message message = { 0, 0 };
	__u32 state = 0, control = 0, *marks;

	if (c->kind > MSI)
		return false;
	cap = &m->cap[c->kind];
	if (c->vector == MSI_ROUTE_CAPABILITY) {
		marks = &cap->marks;
	} else if (c->vector < cap->nr) {
		marks = &cap->vector[c->vector].marks;
		message = model_message(m, c->kind, c->vector);
		if (c->kind == MSIX)
			control = cap->vector[c->vector].control;
		if (model_own_mask(m, c->kind, c->vector))
			state |= MSI_ROUTE_STATE_MASKED;
	} else {
		return false;
	}
	if (c->kind == MSIX ? m->msix_control & MSIX_ENABLE : m->msi_control & MSI_ENABLE)
		state |= MSI_ROUTE_STATE_ENABLED;
	if (c->kind == MSIX && m->msix_control & MSIX_FUNCTION_MASK)
		state |= MSI_ROUTE_STATE_FUNCTION_MASK;
	if (m->bus_master)
		state |= MSI_ROUTE_STATE_BUS_MASTER;
	if (!*marks || c->changes != *marks || c->state != state ||
	    c->address != message.address || c->data != message.data || c->control != control)
		return false;
	*marks = 0;
	return true;
}

struct errors model_renew(struct model *m)
{
	unsigned int kind, i;

	for (kind = MSIX; kind <= MSI; kind++) {
		if (!m->cap[kind].max)
			continue;
		mark(m, &m->cap[kind].marks, MSI_ROUTE_CHANGE_CONTROL);
		mark_messages(m, kind);
		for (i = 0; i < m->cap[kind].nr; i++) {
			mark_mask(m, kind, i);
			m->cap[kind].vector[i].used = false;
		}
	}
	mark_tags(m);
	mark_used(m);
	return none;
}
