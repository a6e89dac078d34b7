// SPDX-License-Identifier: GPL-2.0
/* The meaning of the registers: which message a vector sends, and whether it may send it. */
#include "model_parts.h"

bool wide(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_64BIT;
}

bool maskable(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_MASKING;
}

bool extended(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA && m->msi_control & MSI_EXT_ENABLE;
}

/* [5] */
static unsigned int msi_enabled(struct model *m)
{
	unsigned int enabled = 1U << ((m->msi_control & MSI_MME) >> 4);

	return enabled < m->shape.msi_vectors ? enabled : m->shape.msi_vectors;
}

__u32 msi_implemented(struct model *m)
{
	return m->shape.msi_vectors == 32 ? ~0U : (1U << m->shape.msi_vectors) - 1;
}

struct message model_message(struct model *m, unsigned int kind, unsigned int vector)
{
	struct vector *v = &m->cap[kind].vector[vector];
	unsigned int low = msi_enabled(m) - 1;

	if (kind != MSI)
		return (struct message) { (__u64)v->hi << 32 | v->lo, v->data };
	/* [6] [7] */
	return (struct message) {
		(__u64)m->msi_hi << 32 | m->msi_lo,
		((extended(m) ? m->msi_data : m->msi_data & 0xffff) & ~low) | (vector & low),
	};
}

/* Disabled vectors of MSI share the enabled ones, and their masks [6] [8]. */
bool model_own_mask(struct model *m, unsigned int kind, unsigned int vector)
{
	if (kind == MSI)
		return m->msi_mask >> (vector & (msi_enabled(m) - 1)) & 1;
	return m->cap[kind].vector[vector].control & MASKED;
}

static bool enabled(struct model *m, unsigned int kind)
{
	switch (kind) {
	case MSIX:
		return m->msix_control & MSIX_ENABLE;
	case MSI:
		return m->msi_control & MSI_ENABLE && !(m->msix_control & MSIX_ENABLE); /* [1] */
	default:
		return true;
	}
}

bool in_use(struct model *m, unsigned int kind, unsigned int vector)
{
	return m->run && m->bus_master && enabled(m, kind) && !model_own_mask(m, kind, vector) &&
	       !(kind == MSIX && m->msix_control & MSIX_FUNCTION_MASK);
}

/* [32]; with 32-bit IDs the upper address has bits 31:8 of one [33]. */
bool is_interrupt(struct model *m, struct message message)
{
	__u32 upper = message.address >> 32;

	return (message.address >> 20 & 0xfff) == 0xfee && !(m->x2apic ? upper & 0xff : upper);
}

/* A remapping unit ignores what is no interrupt at all. */
static bool remapped(struct model *m, struct message message)
{
	return m->shape.flags & MSI_ROUTE_CREATE_REMAPPING &&
	       (message.address & REMAPPABLE || m->remap_all) && is_interrupt(m, message);
}

static bool waits_for_translation(struct model *m, unsigned int kind, unsigned int vector)
{
	return remapped(m, model_message(m, kind, vector)) &&
	       !m->cap[kind].vector[vector].translated;
}

bool could_send(struct model *m, unsigned int kind, unsigned int vector)
{
	return in_use(m, kind, vector) &&
	       !waits_for_translation(m, kind, vector);
}

bool can_send(struct model *m, unsigned int kind, unsigned int vector)
{
	return could_send(m, kind, vector) && !m->cap[kind].vector[vector].held;
}

struct message effective(struct model *m, unsigned int kind, unsigned int vector)
{
	struct message raw = model_message(m, kind, vector);

	if (remapped(m, raw))
		return m->cap[kind].vector[vector].translation;
	/* [33] */
	if (m->shape.flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !(raw.address & REMAPPABLE) &&
	    !(raw.address >> 32))
		raw.address |= (raw.address >> 5 & 0x7f) << 40;
	return raw;
}

/* ---- translations ---- */

void drop_translations(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];
			struct message now;

			if (!v->translated)
				continue;
			now = model_message(m, kind, i);
			if (now.address != v->raw.address || now.data != v->raw.data ||
			    !remapped(m, now))
				v->translated = false;
		}
	}
}

struct errors model_translate(struct model *m, const struct msi_route_translation *t)
{
	struct errors e = vector_errors(m, t->kind, t->vector, 1);
	bool take = t->flags & MSI_ROUTE_TRANSLATION_NONE;
	struct message now;
	struct vector *v;

	may_fail(&e, t->flags & ~MSI_ROUTE_TRANSLATION_NONE, EOPNOTSUPP);
	may_fail(&e, !(m->shape.flags & MSI_ROUTE_CREATE_REMAPPING), EINVAL);
	may_fail(&e, take && (t->data || t->address), EINVAL);
	may_fail(&e, !remapped(m, (struct message) { t->raw_address, t->raw_data }), EINVAL);
	if (e.nr)
		return e;
	v = &m->cap[t->kind].vector[t->vector];
	now = model_message(m, t->kind, t->vector);
	if (now.address != t->raw_address || now.data != t->raw_data) {
		v->translated = false;
		may_fail(&e, true, ESTALE);
	} else {
		v->translated = !take;
		v->raw = now;
		v->translation = (struct message) { t->address, t->data };
	}
	settle(m);
	return e;
}

struct errors model_remapping(struct model *m, __u32 flags)
{
	struct errors e = none;

	may_fail(&e, flags & ~MSI_ROUTE_REMAPPING_ALL, EOPNOTSUPP);
	may_fail(&e, !(m->shape.flags & MSI_ROUTE_CREATE_REMAPPING), EINVAL);
	if (e.nr)
		return e;
	m->remap_all = flags;
	changed(m);
	return e;
}
