// SPDX-License-Identifier: GPL-2.0
/* What becomes of an event: sent, held, pending, coalesced or dropped. */
#include "model_parts.h"

/* A physical broadcast goes to all, even if it asks for one of them; so may FFh [34]. */
static void physical_broadcast(struct model *m, struct message *message)
{
	__u32 upper = message->address >> 40;
	bool all = (message->address >> 12 & 0xff) == 0xff && !(message->address & LOGICAL) &&
		   (!m->x2apic || !upper || upper == 0xffffff);

	if (!all)
		return;
	message->address &= ~(__u64)REDIRECT;
	if ((message->data >> 8 & 7) == 1)
		message->data &= ~0x700U;
}

/* The capability's own Enable bit, whatever the other's is. */
static bool own_enable(struct model *m, unsigned int kind)
{
	if (kind == MSIX)
		return m->msix_control & MSIX_ENABLE;
	return kind == IMS || m->msi_control & MSI_ENABLE;
}

/* Sends a message; returns the outcome. */
static __u32 send(struct model *m, unsigned int kind, unsigned int vector)
{
	struct msi_route_counters *total = &m->cap[kind].total;
	struct message message = effective(m, kind, vector);
	__u32 mode = message.data >> 8 & 7;

	if (!is_interrupt(m, message)) {
		total->dropped_address++;
		return MSI_ROUTE_DROPPED;
	}
	/* [34] */
	if (mode == 3 || mode == 6 || mode == 7) {
		total->dropped_mode++;
		return MSI_ROUTE_DROPPED;
	}
	if (mode <= 1 && (message.data & 0xff) < 16) {
		total->dropped_vector++;
		return MSI_ROUTE_DROPPED;
	}
	physical_broadcast(m, &message);
	if (!m->deliver(m, &message)) {
		total->unreached++;
		return MSI_ROUTE_UNREACHED;
	}
	total->messages++;
	m->cap[kind].vector[vector].messages++;
	return MSI_ROUTE_SENT;
}

/* @came: events that came as one; the caller counts the others as coalesced. */
static __u32 raise(struct model *m, unsigned int kind, unsigned int vector, __u64 came)
{
	struct msi_route_counters *total = &m->cap[kind].total;
	struct vector *v = &m->cap[kind].vector[vector];

	v->events++;
	total->events++;
	/* [2] */
	if (!own_enable(m, kind)) {
		total->disabled += came;
		if (kind == MSI && m->shape.flags & MSI_ROUTE_CREATE_DROP_DISABLED) {
			total->dropped_disabled++;
			return MSI_ROUTE_DROPPED;
		}
	}
	if (v->held && !model_own_mask(m, kind, vector))
		total->held += came;
	if (can_send(m, kind, vector))
		return send(m, kind, vector);
	if (v->pending) {
		v->coalesced++;
		total->coalesced++;
		return MSI_ROUTE_COALESCED;
	}
	v->pending = true;
	return MSI_ROUTE_PENDING;
}

void settle(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			if (!m->cap[kind].vector[i].pending || !can_send(m, kind, i))
				continue;
			m->cap[kind].vector[i].pending = false;
			m->cap[kind].total.replayed++;
			send(m, kind, i);
		}
	}
}

bool clear(struct model *m, unsigned int kind, unsigned int vector)
{
	struct vector *v = &m->cap[kind].vector[vector];
	bool was = v->pending;

	v->pending = false;
	m->cap[kind].total.cleared += was;
	return was;
}

/* ---- update holds ---- */

void open_hold(struct model *m, unsigned int kind, unsigned int vector)
{
	struct vector *v = &m->cap[kind].vector[vector];

	if (!m->bound || v->held || !could_send(m, kind, vector))
		return;
	v->held = true;
	m->cap[kind].total.holds++;
}

void close_holds(struct model *m, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < m->cap[kind].max; i++)
		m->cap[kind].vector[i].held = false;
}

bool model_holds(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < m->cap[kind].nr; i++)
			if (m->cap[kind].vector[i].held && m->run)
				return true;
	return false;
}

void model_expire(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			m->cap[kind].total.holds_expired += m->cap[kind].vector[i].held;
			m->cap[kind].vector[i].held = false;
		}
	}
	settle(m);
}

struct errors model_set_hold(struct model *m, __u32 bound)
{
	struct errors e = none;
	unsigned int kind;

	may_fail(&e, bound > m->bound_max, EINVAL);
	if (e.nr)
		return e;
	m->bound = bound;
	for (kind = 0; kind < NR_KINDS; kind++)
		close_holds(m, kind);
	settle(m);
	return e;
}

/* ---- by the VMM ---- */

struct errors model_trigger(struct model *m, __u32 kind, __u32 vector, __u32 *outcome)
{
	struct errors e = vector_errors(m, kind, vector, 1);

	if (!e.nr)
		*outcome = raise(m, kind, vector, 1);
	return e;
}

struct errors model_clear(struct model *m, __u32 kind, __u32 vector, __u32 *outcome)
{
	struct errors e = vector_errors(m, kind, vector, 1);

	if (!e.nr)
		*outcome = clear(m, kind, vector);
	return e;
}

void take_count(struct model *m, unsigned int kind, unsigned int vector, __u64 count)
{
	struct vector *v = &m->cap[kind].vector[vector];

	if (!count)
		return;
	v->events += count - 1;
	v->coalesced += count - 1;
	m->cap[kind].total.events += count - 1;
	m->cap[kind].total.coalesced += count - 1;
	raise(m, kind, vector, count);
}
