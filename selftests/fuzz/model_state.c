// SPDX-License-Identifier: GPL-2.0
/* Save and restore. */
#include "model_parts.h"

static bool bit(__u64 address, unsigned int n)
{
	const __u64 *qwords = (const __u64 *)(unsigned long)address;

	return qwords[n / 64] >> n % 64 & 1;
}

static void set_bit(__u64 address, unsigned int n, bool value)
{
	__u64 *qwords = (__u64 *)(unsigned long)address;

	qwords[n / 64] &= ~(1ULL << n % 64);
	qwords[n / 64] |= (__u64)value << n % 64;
}

struct errors model_save(struct model *m, struct msi_route_state *s)
{
	struct msi_route_entry *entries = (void *)(unsigned long)s->entries;
	struct msi_route_entry *ims = (void *)(unsigned long)s->ims_entries;
	struct errors e = none;
	unsigned int i, kind;

	may_fail(&e, s->flags & ~MSI_ROUTE_STATE_DETACH, EOPNOTSUPP);
	may_fail(&e, m->run, EBUSY);
	may_fail(&e, s->msix_vectors != m->shape.msix_vectors ||
		     s->msi_vectors != m->shape.msi_vectors ||
		     s->msi_flags != m->shape.msi_flags || s->ims_max != m->cap[IMS].max, EINVAL);
	if (e.nr)
		return e;
	for (kind = 0; s->flags & MSI_ROUTE_STATE_DETACH && kind < NR_KINDS; kind++)
		for (i = 0; i < m->cap[kind].nr; i++)
			m->cap[kind].vector[i].eventfds = 0;
	s->hold_bound_ns = m->bound;
	s->bus_master = m->bus_master;
	s->msix_control = m->msix_control;
	s->msi_control = m->msi_control;
	s->msi_address_lo = m->msi_lo;
	s->msi_address_hi = m->msi_hi;
	s->msi_data = m->msi_data;
	s->msi_mask = m->msi_mask;
	s->msi_pending = msi_pending_bits(m);
	s->msi_held = 0;
	for (i = 0; i < m->cap[MSI].nr; i++)
		s->msi_held |= (__u32)m->cap[MSI].vector[i].held << i;
	s->msix_granted = m->cap[MSIX].nr;
	s->grant_request = (__u32)m->grant_min << 16 | m->grant_count;
	s->grant_status = m->grant_status;
	s->ims_granted = m->cap[IMS].nr;
	for (i = 0; i < m->cap[MSIX].max; i++) {
		struct vector *v = &m->cap[MSIX].vector[i];

		entries[i] = (struct msi_route_entry) { v->lo, v->hi, v->data, v->control };
		set_bit(s->pba, i, v->pending);
		set_bit(s->held, i, v->held);
	}
	for (i = 0; i < m->cap[IMS].max; i++) {
		struct vector *v = &m->cap[IMS].vector[i];

		ims[i] = (struct msi_route_entry) { v->lo, v->hi, v->data, v->control };
		set_bit(s->ims_pending, i, v->pending);
	}
	return e;
}

/* Is this a state that the registers cannot have? */
static bool impossible(struct model *m, const struct msi_route_state *s)
{
	const struct msi_route_entry *entries = (const void *)(unsigned long)s->entries;
	const struct msi_route_entry *ims = (const void *)(unsigned long)s->ims_entries;
	unsigned int granted = s->msix_granted ?: m->cap[MSIX].nr;
	unsigned int i, vectors = m->shape.msi_vectors;
	__u32 control = 0, lo = 0, hi = 0, data = 0, mask = 0;
	bool ext = m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA;

	if (vectors) {
		control = MSI_ENABLE | MSI_MME | (ext ? MSI_EXT_ENABLE : 0);
		lo = ~3U;
		hi = wide(m) ? ~0U : 0;
		data = ext ? ~0U : 0xffff;
		mask = msi_implemented(m);
	}
	if (s->hold_bound_ns > m->bound_max || s->bus_master > 1 ||
	    s->msi_control & ~control || s->msi_address_lo & ~lo || s->msi_address_hi & ~hi ||
	    s->msi_data & ~data || (s->msi_mask & ~(maskable(m) ? mask : 0)) ||
	    s->msi_pending & ~mask || s->msi_held & ~mask)
		return true;
	if (s->msix_control & ~(vectors || m->cap[MSIX].max ? MSIX_ENABLE | MSIX_FUNCTION_MASK : 0))
		return true;
	if (!m->cap[MSIX].max && (s->msix_control || s->msix_granted))
		return true;
	if (granted > m->cap[MSIX].max || s->ims_granted > m->cap[IMS].max ||
	    (m->cap[IMS].max && !s->ims_granted))
		return true;
	if (!m->shape.grant_cap && (s->grant_request || s->grant_status))
		return true;
	if (s->grant_status > MSI_ROUTE_GRANT_MEMORY)
		return true;
	for (i = 0; i < (m->cap[MSIX].max + 63) / 64 * 64; i++) {
		bool there = i < granted;

		if ((bit(s->pba, i) || bit(s->held, i)) && !there)
			return true;
		if (there && entries[i].address_lo & 3)
			return true;
	}
	/* As many qwords as the state says that its vectors take. */
	for (i = 0; i < (s->ims_granted + 63) / 64 * 64; i++) {
		if (bit(s->ims_pending, i) && i >= s->ims_granted)
			return true;
		if (i < s->ims_granted && ims[i].address_lo & 3)
			return true;
	}
	return false;
}

struct errors model_restore(struct model *m, const struct msi_route_state *s)
{
	const struct msi_route_entry *entries = (const void *)(unsigned long)s->entries;
	const struct msi_route_entry *ims = (const void *)(unsigned long)s->ims_entries;
	struct errors e = none;
	unsigned int kind, i;
	bool was_both;

	may_fail(&e, s->flags & ~MSI_ROUTE_STATE_DETACH || s->reserved2 || s->reserved3,
		 EOPNOTSUPP);
	may_fail(&e, m->fault, EFAULT);
	may_fail(&e, m->run, EBUSY);
	may_fail(&e, s->msix_vectors != m->shape.msix_vectors ||
		     s->msi_vectors != m->shape.msi_vectors ||
		     s->msi_flags != m->shape.msi_flags || s->ims_max != m->cap[IMS].max, EINVAL);
	if (e.nr)
		return e;
	may_fail(&e, impossible(m, s), EINVAL);
	if (e.nr)
		return e;

	was_both = both(m);
	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < m->cap[kind].nr; i++)
			clear(m, kind, i);
	set_number(m, MSIX, s->msix_granted ?: m->cap[MSIX].nr);
	set_number(m, IMS, s->ims_granted);
	reset_registers(m);
	m->bound = s->hold_bound_ns;
	m->bus_master = s->bus_master;
	m->msix_control = s->msix_control;
	m->msi_control = s->msi_control;
	m->msi_lo = s->msi_address_lo;
	m->msi_hi = s->msi_address_hi;
	m->msi_data = s->msi_data;
	m->msi_mask = s->msi_mask;
	m->grant_count = s->grant_request;
	m->grant_min = s->grant_request >> 16;
	m->grant_status = s->grant_status;
	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];

			if (kind != MSI) {
				const struct msi_route_entry *from = kind == MSIX ? entries : ims;

				v->lo = from[i].address_lo;
				v->hi = from[i].address_hi;
				v->data = from[i].data;
				v->control = from[i].control;
			}
			v->pending = kind == MSI ? s->msi_pending >> i & 1 :
				     bit(kind == MSIX ? s->pba : s->ims_pending, i);
			v->held = m->bound && (kind == MSI ? s->msi_held >> i & 1 :
					       kind == MSIX && bit(s->held, i));
			v->events += v->pending;
			m->cap[kind].total.events += v->pending;
		}
	}
	came_to_be_both(m, was_both);
	/* As if the guest had written all registers. */
	for (kind = MSIX; kind <= MSI; kind++) {
		mark_messages(m, kind);
		if (m->cap[kind].max)
			mark(m, &m->cap[kind].marks, MSI_ROUTE_CHANGE_CONTROL);
	}
	mark_tags(m);
	changed(m);
	return e;
}
