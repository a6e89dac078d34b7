// SPDX-License-Identifier: GPL-2.0
/* The rules, as plainly as they can be said in C. */
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define MSIX	MSI_ROUTE_MSIX
#define MSI	MSI_ROUTE_MSI
#define IMS	MSI_ROUTE_IMS

#define MSIX_ENABLE		0x8000
#define MSIX_FUNCTION_MASK	0x4000
#define MSI_ENABLE		0x0001
#define MSI_MME			0x0070
#define MSI_EXT_CAPABLE		0x0200
#define MSI_EXT_ENABLE		0x0400
#define MASKED			1U	/* Vector Control */
#define LOGICAL			0x04	/* address: destination mode, */
#define REDIRECT		0x08	/* redirection hint, */
#define REMAPPABLE		0x10	/* remappable format */

static const struct errors none;

/* ---- what the registers say ---- */

static bool wide(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_64BIT;
}

static bool maskable(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_MASKING;
}

static bool extended(struct model *m)
{
	return m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA && m->msi_control & MSI_EXT_ENABLE;
}

/* [5] */
static unsigned int msi_enabled(struct model *m)
{
	unsigned int enabled = 1U << ((m->msi_control & MSI_MME) >> 4);

	return enabled < m->shape.msi_vectors ? enabled : m->shape.msi_vectors;
}

static __u32 msi_implemented(struct model *m)
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

/* Vectors of MSI that are not enabled share those that are, and their masks [6] [8]. */
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

/* Unmasked in an enabled capability of a bus master that runs. */
static bool in_use(struct model *m, unsigned int kind, unsigned int vector)
{
	return m->run && m->bus_master && enabled(m, kind) && !model_own_mask(m, kind, vector) &&
	       !(kind == MSIX && m->msix_control & MSIX_FUNCTION_MASK);
}

/* [32]; with 32-bit IDs the upper address has bits 31:8 of one [33]. */
static bool is_interrupt(struct model *m, struct message message)
{
	__u32 upper = message.address >> 32;

	return (message.address >> 20 & 0xfff) == 0xfee && !(m->x2apic ? upper & 0xff : upper);
}

/* What is no interrupt at all is nothing for a remapping unit. */
static bool remappable(struct model *m, struct message message)
{
	return m->shape.flags & MSI_ROUTE_CREATE_REMAPPING && message.address & REMAPPABLE &&
	       is_interrupt(m, message);
}

static bool waits_for_translation(struct model *m, unsigned int kind, unsigned int vector)
{
	return remappable(m, model_message(m, kind, vector)) &&
	       !m->cap[kind].vector[vector].translated;
}

/* But for an update hold. */
static bool could_send(struct model *m, unsigned int kind, unsigned int vector)
{
	return in_use(m, kind, vector) &&
	       !waits_for_translation(m, kind, vector);
}

static bool can_send(struct model *m, unsigned int kind, unsigned int vector)
{
	return could_send(m, kind, vector) && !m->cap[kind].vector[vector].held;
}

static struct message effective(struct model *m, unsigned int kind, unsigned int vector)
{
	struct message raw = model_message(m, kind, vector);

	if (remappable(m, raw))
		return m->cap[kind].vector[vector].translation;
	/* [33] */
	if (m->shape.flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !(raw.address & REMAPPABLE) &&
	    !(raw.address >> 32))
		raw.address |= (raw.address >> 5 & 0x7f) << 40;
	return raw;
}

/* ---- events ---- */

/* One goes to all, whatever says that it is for one of them [34]. */
static void physical_broadcast(struct model *m, struct message *message)
{
	bool all = (message->address >> 12 & 0xff) == 0xff && !(message->address & LOGICAL) &&
		   (!m->x2apic || message->address >> 40 == 0xffffff);

	if (!all)
		return;
	message->address &= ~(__u64)REDIRECT;
	if ((message->data >> 8 & 7) == 1)
		message->data &= ~0x700U;
}

/* A message is on its way; returns what becomes of it. */
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

static __u32 raise(struct model *m, unsigned int kind, unsigned int vector)
{
	struct msi_route_counters *total = &m->cap[kind].total;
	struct vector *v = &m->cap[kind].vector[vector];

	v->events++;
	total->events++;
	if (v->held && !model_own_mask(m, kind, vector))
		total->held++;
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

/* What can be sent now is not pending any more. */
static void settle(struct model *m)
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

static bool clear(struct model *m, unsigned int kind, unsigned int vector)
{
	struct vector *v = &m->cap[kind].vector[vector];
	bool was = v->pending;

	v->pending = false;
	m->cap[kind].total.cleared += was;
	return was;
}

/* ---- what the VMM is told ---- */

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

static void mark(struct model *m, __u32 *marks, __u32 change)
{
	change &= m->notify;
	if (!change)
		return;
	/* The VMM is told when there is something and was nothing. */
	if (!*marks && !model_changes(m))
		m->signalled = true;
	*marks |= change;
}

/* And which vectors were used. */
static void forget_marks(struct model *m)
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

/* Those that have come to be in use since the VMM asked. */
static void mark_used(struct model *m)
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

/* Those that are other than they were. */
static void mark_masks(struct model *m)
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

static void mark_messages(struct model *m, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < m->cap[kind].nr; i++)
		mark(m, &m->cap[kind].vector[i].marks, MSI_ROUTE_CHANGE_MESSAGE);
}

/* ---- after each change of a register ---- */

static void drop_translations(struct model *m)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < m->cap[kind].nr; i++) {
			struct vector *v = &m->cap[kind].vector[i];
			struct message now;

			if (!v->translated)
				continue;
			now = model_message(m, kind, i);
			if (now.address != v->raw.address || now.data != v->raw.data)
				v->translated = false;
		}
	}
}

static void changed(struct model *m)
{
	drop_translations(m);
	mark_masks(m);
	mark_used(m);
	settle(m);
}

/* ---- update holds ---- */

static void open_hold(struct model *m, unsigned int kind, unsigned int vector)
{
	struct vector *v = &m->cap[kind].vector[vector];

	if (!m->bound || v->held || !could_send(m, kind, vector))
		return;
	v->held = true;
	m->cap[kind].total.holds++;
}

static void close_holds(struct model *m, unsigned int kind)
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

/* ---- vectors that come and go ---- */

static void new_vector(struct vector *v)
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

static void set_number(struct model *m, unsigned int kind, unsigned int nr)
{
	struct capability *cap = &m->cap[kind];

	while (cap->nr > nr)
		give_back(m, kind, --cap->nr);
	cap->nr = nr;
}

/* Returns how many a request comes to, or why it is refused. */
static unsigned int granted(struct capability *cap, unsigned int min, unsigned int count,
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

static void reset_registers(struct model *m)
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
	may_fail(&e, s->flags & ~3U || s->reserved || s->reserved2 || s->reserved3, EOPNOTSUPP);
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
	may_fail(&e, overlap(s->msix_cap, msix_size, s->msi_cap, msi_size) ||
		     overlap(s->msix_cap, msix_size, s->grant_cap, grant_size) ||
		     overlap(s->msi_cap, msi_size, s->grant_cap, grant_size), EINVAL);
	may_fail(&e, s->ims_max && (!s->ims_vectors || s->ims_max < s->ims_vectors), EINVAL);
	may_fail(&e, s->ims_vectors > MSI_ROUTE_IMS_MAX_VECTORS ||
		     s->ims_max > MSI_ROUTE_IMS_MAX_VECTORS, EINVAL);
	return e;
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

/* ---- configuration space, by dwords ---- */

enum reg {
	REG_NONE,
	REG_MSIX_CONTROL, REG_MSIX_TABLE, REG_MSIX_PBA,
	REG_MSI_CONTROL, REG_MSI_LO, REG_MSI_HI, REG_MSI_DATA, REG_MSI_MASK, REG_MSI_PENDING,
	REG_GRANT_HEAD, REG_GRANT_SIGNATURE, REG_GRANT_VECTORS, REG_GRANT_REQUEST,
	REG_GRANT_STATUS,
};

/* @owned: the bits that are the function's; ID and link of a capability are not. */
static enum reg register_at(struct model *m, unsigned int offset, __u32 *owned)
{
	unsigned int at, data;

	*owned = ~0U;
	if (m->shape.msix_vectors) {
		at = offset - m->shape.msix_cap;
		if (at == 0)
			*owned = 0xffff0000;
		if (at <= 8)
			return REG_MSIX_CONTROL + at / 4;
	}
	if (m->shape.msi_vectors) {
		at = offset - m->shape.msi_cap;
		data = wide(m) ? 0xc : 0x8;
		if (at == 0) {
			*owned = 0xffff0000;
			return REG_MSI_CONTROL;
		}
		if (at == 4)
			return REG_MSI_LO;
		if (at == 8 && wide(m))
			return REG_MSI_HI;
		if (at == data)
			return REG_MSI_DATA;
		if (at == data + 4 && maskable(m))
			return REG_MSI_MASK;
		if (at == data + 8 && maskable(m))
			return REG_MSI_PENDING;
	}
	if (m->shape.grant_cap) {
		at = offset - m->shape.grant_cap;
		if (at == 0)
			*owned = 0xffff0000;
		if (at <= 0x10)
			return REG_GRANT_HEAD + at / 4;
	}
	*owned = 0;
	return REG_NONE;
}

static __u32 msi_pending(struct model *m)
{
	unsigned int i;
	__u32 bits = 0;

	for (i = 0; i < m->cap[MSI].nr; i++)
		bits |= (__u32)m->cap[MSI].vector[i].pending << i;
	return bits;
}

static __u32 msi_capable(struct model *m)
{
	return (wide(m) ? 0x80 : 0) | (maskable(m) ? 0x100 : 0) |
	       (m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA ? MSI_EXT_CAPABLE : 0) |
	       __builtin_ctz(m->shape.msi_vectors) << 1;
}

__u32 model_config(struct model *m, unsigned int offset, __u32 *owned)
{
	switch (register_at(m, offset, owned)) {
	case REG_MSIX_CONTROL:
		return (m->msix_control | (m->shape.msix_vectors - 1)) << 16;
	case REG_MSIX_TABLE:
		return m->shape.msix_table_offset | m->shape.msix_table_bir;
	case REG_MSIX_PBA:
		return m->shape.msix_pba_offset | m->shape.msix_pba_bir;
	case REG_MSI_CONTROL:
		return (m->msi_control | msi_capable(m)) << 16;
	case REG_MSI_LO:
		return m->msi_lo;
	case REG_MSI_HI:
		return m->msi_hi;
	case REG_MSI_DATA:
		return extended(m) ? m->msi_data : m->msi_data & 0xffff;
	case REG_MSI_MASK:
		return m->msi_mask;
	case REG_MSI_PENDING:
		return msi_pending(m);
	case REG_GRANT_HEAD:
		return MSI_ROUTE_GRANT_CAP_REVISION << 24 | MSI_ROUTE_GRANT_CAP_SIZE << 16;
	case REG_GRANT_SIGNATURE:
		return MSI_ROUTE_GRANT_CAP_SIGNATURE;
	case REG_GRANT_VECTORS:
		return m->cap[MSIX].nr << 16 | m->cap[MSIX].max;
	case REG_GRANT_REQUEST:
		return (__u32)m->grant_min << 16 | m->grant_count;
	case REG_GRANT_STATUS:
		return m->grant_status;
	default:
		return 0;
	}
}

static bool both(struct model *m)
{
	return m->msix_control & MSIX_ENABLE && m->msi_control & MSI_ENABLE;
}

static void came_to_be_both(struct model *m, bool before)
{
	if (both(m) && !before) {
		m->cap[MSIX].total.both_enabled++;
		m->cap[MSI].total.both_enabled++;
	}
}

/* A new address or upper address of MSI. */
static void write_msi_address(struct model *m, __u32 *reg, __u32 value)
{
	bool differs = *reg != value;
	unsigned int i;

	for (i = 0; differs && i < m->cap[MSI].nr; i++)
		open_hold(m, MSI, i);
	*reg = value;
	mark_messages(m, MSI);
}

/* Bits of @mask are written; each byte goes where it belongs [11]. */
static void write_config(struct model *m, unsigned int offset, __u32 mask, __u32 value)
{
	bool was_both = both(m);
	__u32 owned, old, new;
	enum reg reg;

	old = model_config(m, offset, &owned);
	reg = register_at(m, offset, &owned);
	mask &= owned;
	if (!mask)
		return;
	new = (old & ~mask) | (value & mask);

	switch (reg) {
	case REG_MSIX_CONTROL:
		m->msix_control = new >> 16 & (MSIX_ENABLE | MSIX_FUNCTION_MASK);
		close_holds(m, MSIX);
		came_to_be_both(m, was_both);
		mark(m, &m->cap[MSIX].marks, MSI_ROUTE_CHANGE_CONTROL);
		break;
	case REG_MSI_CONTROL:
		m->msi_control = new >> 16 & (MSI_ENABLE | MSI_MME |
			(m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA ? MSI_EXT_ENABLE : 0));
		close_holds(m, MSI);
		came_to_be_both(m, was_both);
		mark(m, &m->cap[MSI].marks, MSI_ROUTE_CHANGE_CONTROL);
		mark_messages(m, MSI);
		break;
	case REG_MSI_LO:
		write_msi_address(m, &m->msi_lo, new & ~3U);
		break;
	case REG_MSI_HI:
		write_msi_address(m, &m->msi_hi, new);
		break;
	case REG_MSI_DATA:
		/* What cannot be seen now is kept, where it may be seen one day [7]. */
		if (m->shape.msi_flags & MSI_ROUTE_MSI_EXT_DATA)
			m->msi_data = (m->msi_data & ~mask) | (value & mask);
		else
			m->msi_data = new & 0xffff;
		close_holds(m, MSI);
		mark_messages(m, MSI);
		break;
	case REG_MSI_MASK:
		m->msi_mask = new & msi_implemented(m);
		break;
	case REG_GRANT_REQUEST:
		m->grant_count = new;
		m->grant_min = new >> 16;
		if (!(mask & 0xffff))
			break;
		set_number(m, MSIX, granted(&m->cap[MSIX], m->grant_min, m->grant_count,
					    &m->grant_status));
		mark(m, &m->cap[MSIX].marks, MSI_ROUTE_CHANGE_CONTROL);
		break;
	default:
		break;
	}
	changed(m);
}

/* ---- the MSI-X table ---- */

/* Entries without a vector read as after reset. */
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

/* Dwords of an entry, as bits of @which, in one update [16]. */
static void write_entry(struct model *m, unsigned int kind, unsigned int vector,
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
	changed(m);
}

static void write_table(struct model *m, unsigned int offset, unsigned int len, __u64 value)
{
	__u32 dwords[4];

	dwords[offset / 4 % 4] = value;
	if (len == 8)
		dwords[offset / 4 % 4 + 1] = value >> 32;
	write_entry(m, MSIX, offset / 16, (len == 8 ? 3 : 1) << offset / 4 % 4, dwords);
}

/* ---- accesses ---- */

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

/* Each byte for itself. */
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

/* The bytes that are in one dword together, the lowest dword first [11]. */
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

/* ---- events, by the VMM ---- */

static struct errors vector_errors(struct model *m, __u32 kind, __u32 first, __u32 nr)
{
	struct errors e = none;

	may_fail(&e, kind >= NR_KINDS, EINVAL);
	if (e.nr)
		return e;
	may_fail(&e, !m->cap[kind].max, ENODEV);
	may_fail(&e, (__u64)first + nr > m->cap[kind].nr, ECHRNG);
	return e;
}

struct errors model_trigger(struct model *m, __u32 kind, __u32 vector, __u32 *outcome)
{
	struct errors e = vector_errors(m, kind, vector, 1);

	if (!e.nr)
		*outcome = raise(m, kind, vector);
	return e;
}

struct errors model_clear(struct model *m, __u32 kind, __u32 vector, __u32 *outcome)
{
	struct errors e = vector_errors(m, kind, vector, 1);

	if (!e.nr)
		*outcome = clear(m, kind, vector);
	return e;
}

/* One message at most of a count; the others are events that came with it. */
static void take_count(struct model *m, unsigned int kind, unsigned int vector, __u64 count)
{
	struct vector *v = &m->cap[kind].vector[vector];

	if (!count)
		return;
	v->events += count - 1;
	v->coalesced += count - 1;
	m->cap[kind].total.events += count - 1;
	m->cap[kind].total.coalesced += count - 1;
	if (v->held && !model_own_mask(m, kind, vector))
		m->cap[kind].total.held += count - 1;
	raise(m, kind, vector);
}

/* The vector that has the eventfd, or NULL. */
static struct vector *consumer(struct model *m, int eventfd, unsigned int *kind,
			       unsigned int *vector)
{
	for (*kind = 0; *kind < NR_KINDS; (*kind)++)
		for (*vector = 0; *vector < m->cap[*kind].nr; (*vector)++)
			if (m->cap[*kind].vector[*vector].eventfds & 1U << eventfd)
				return &m->cap[*kind].vector[*vector];
	return NULL;
}

void model_signal(struct model *m, int eventfd, __u64 count)
{
	unsigned int kind, vector;

	if (consumer(m, eventfd, &kind, &vector))
		take_count(m, kind, vector, count);
	else
		m->count[eventfd] += count;
}

#define EVENTFD_FLAGS	(MSI_ROUTE_EVENTFD_REPLACE | MSI_ROUTE_EVENTFD_ADD | \
			 MSI_ROUTE_EVENTFD_REMOVE)
#define ONE_OF_THEM	(MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE)

static void set_eventfd(struct model *m, __u32 flags, unsigned int kind, unsigned int vector,
			int eventfd)
{
	struct vector *v = &m->cap[kind].vector[vector];
	__u32 had = v->eventfds, bit = eventfd == NO_EVENTFD ? 0 : 1U << eventfd;
	__u64 count;

	if (flags & MSI_ROUTE_EVENTFD_REMOVE) {
		v->eventfds &= ~bit;
		return;
	}
	v->eventfds = flags & MSI_ROUTE_EVENTFD_ADD ? had | bit : bit;
	if (!bit || had & bit)
		return;
	count = m->count[eventfd];
	m->count[eventfd] = 0;
	take_count(m, kind, vector, count);
}

static struct errors eventfd_errors(struct model *m, __u32 flags, struct vector *v, int eventfd)
{
	struct errors e = none;
	struct vector *has;
	unsigned int i, j;

	may_fail(&e, eventfd == BAD_FD, EBADF);
	may_fail(&e, eventfd == NO_EVENTFD && flags & ONE_OF_THEM, EBADF);
	may_fail(&e, eventfd == FOREIGN_FD, EINVAL);
	may_fail(&e, eventfd != NO_EVENTFD && v->eventfds && !flags, EEXIST);
	if (eventfd < 0)
		return e;
	has = consumer(m, eventfd, &i, &j);
	may_fail(&e, has == v && flags & MSI_ROUTE_EVENTFD_ADD, EEXIST);
	if (flags & MSI_ROUTE_EVENTFD_REMOVE)
		may_fail(&e, has != v, ENOENT);
	else
		may_fail(&e, has && has != v, EBUSY);
	return e;
}

struct errors model_set_eventfd(struct model *m, __u32 flags, __u32 kind, __u32 vector,
				int eventfd)
{
	struct errors e = vector_errors(m, kind, vector, 1);
	struct vector *v;

	may_fail(&e, flags & ~EVENTFD_FLAGS, EOPNOTSUPP);
	may_fail(&e, flags & (flags - 1), EINVAL);
	if (e.nr)
		return e;
	v = &m->cap[kind].vector[vector];
	e = eventfd_errors(m, flags, v, eventfd);
	may_fail(&e, eventfd == NO_EVENTFD && !v->eventfds, ENOENT);
	if (!e.nr)
		set_eventfd(m, flags, kind, vector, eventfd);
	return e;
}

struct errors model_set_eventfds(struct model *m, __u32 flags, __u32 kind, __u32 first,
				 __u32 nr, const int *eventfds)
{
	struct errors e = vector_errors(m, kind, first, nr);
	unsigned int i, j;

	may_fail(&e, !nr, EINVAL);
	may_fail(&e, m->fault, EFAULT);
	may_fail(&e, flags & ~EVENTFD_FLAGS, EOPNOTSUPP);
	may_fail(&e, flags & (flags - 1), EINVAL);
	if (e.nr)
		return e;
	for (i = 0; i < nr; i++) {
		struct errors one;

		if (eventfds[i] == MSI_ROUTE_EVENTFD_KEEP)
			continue;
		one = eventfd_errors(m, flags, &m->cap[kind].vector[first + i], eventfds[i]);
		for (j = 0; j < one.nr; j++)
			may_fail(&e, true, one.of[j]);
		for (j = 0; j < i; j++)
			may_fail(&e, eventfds[i] >= 0 && eventfds[j] == eventfds[i], EBUSY);
	}
	if (e.nr)
		return e;
	for (i = 0; i < nr; i++)
		if (eventfds[i] != MSI_ROUTE_EVENTFD_KEEP)
			set_eventfd(m, flags, kind, first + i, eventfds[i]);
	return e;
}

/* ---- the rest of what a VMM does ---- */

struct errors model_bus_master(struct model *m, __u32 enable)
{
	struct errors e = none;
	unsigned int kind;

	may_fail(&e, enable > 1, EINVAL);
	if (e.nr)
		return e;
	m->bus_master = enable;
	for (kind = MSIX; kind <= MSI; kind++)
		if (m->cap[kind].max)
			mark(m, &m->cap[kind].marks, MSI_ROUTE_CHANGE_CONTROL);
	changed(m);
	return e;
}

struct errors model_reset(struct model *m)
{
	bool signalled = m->signalled;
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < m->cap[kind].nr; i++)
			clear(m, kind, i);
	reset_registers(m);
	mark_masks(m);
	forget_marks(m);
	m->signalled = signalled;
	return none;
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

struct errors model_set_notify(struct model *m, __u32 changes, int fd)
{
	struct errors e = none;

	may_fail(&e, changes & ~0x1fU, EOPNOTSUPP);
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
	__u32 state = 0, *marks;

	if (c->kind > MSI)
		return false;
	cap = &m->cap[c->kind];
	if (c->vector == MSI_ROUTE_CAPABILITY) {
		marks = &cap->marks;
	} else if (c->vector < cap->nr) {
		marks = &cap->vector[c->vector].marks;
		message = model_message(m, c->kind, c->vector);
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
	    c->address != message.address || c->data != message.data)
		return false;
	*marks = 0;
	return true;
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
	mark_used(m);
	return none;
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
		/* Any of the operations may be the one that is wrong. */
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

/* ---- save and restore ---- */

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
	s->msi_pending = msi_pending(m);
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

/* A state that the registers cannot have. */
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
	/* As many qwords as the vectors take that it says to have. */
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
	/* As if the guest wrote all registers. */
	for (kind = MSIX; kind <= MSI; kind++) {
		mark_messages(m, kind);
		if (m->cap[kind].max)
			mark(m, &m->cap[kind].marks, MSI_ROUTE_CHANGE_CONTROL);
	}
	changed(m);
	return e;
}
