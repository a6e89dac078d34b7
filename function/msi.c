// SPDX-License-Identifier: GPL-2.0
/*
 * MSI registers: the capability in its four layouts [3].
 *
 * All registers are under rq->lock.  A vector's snapshot is composed from them
 * under the vector's own lock.  So of two writers, the one that publishes later
 * has read the newer registers.
 */
#include <linux/bits.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>

#include "function.h"
#include "../mutate.h"

#define MSI_CONTROL_EXT_DATA_CAP	BIT(9)
#define MSI_CONTROL_EXT_DATA_ENABLE	BIT(10)

/* The dwords of the capability; their offsets depend on the layout. */
enum msi_reg {
	MSI_CONTROL,
	MSI_ADDRESS_LO,
	MSI_ADDRESS_HI,
	MSI_DATA,
	MSI_MASK,
	MSI_PENDING,
	MSI_NONE,
};

static enum msi_reg mr_msi_reg(u8 layout, u32 reg)
{
	enum msi_reg r = reg / 4;

	if (!(layout & MSI_ROUTE_MSI_64BIT) && r >= MSI_ADDRESS_HI)
		r++;
	if (r >= MSI_MASK && !(layout & MSI_ROUTE_MSI_MASKING))
		r = MSI_NONE;
	return r;
}

/**
 * mr_msi_size() - size of a capability
 * @layout: bits of enum msi_route_msi_flag
 *
 * Return: bytes, in whole dwords.
 */
u32 mr_msi_size(u8 layout)
{
	u32 size = 0;

	while (mr_msi_reg(layout, size) < MSI_NONE && size < 6 * 4)
		size += 4;
	return size;
}

/* ---- form ---- */

static int mr_msi_check(const struct msi_route_create *c)
{
	const u8 known = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
			 MSI_ROUTE_MSI_EXT_DATA;
	const bool drop = c->flags & MSI_ROUTE_CREATE_DROP_DISABLED;

	if (!c->msi_vectors)
		return c->msi_cap || c->msi_flags || drop ? -EINVAL : 0;
	if (c->msi_flags & ~known)
		return -EOPNOTSUPP;
	/* Such a function keeps events in its Pending bits. */
	if (drop && c->msi_flags & MSI_ROUTE_MSI_MASKING && !mr_mutant(MR_MUT_DROPS_MASKED))
		return -EINVAL;
	if (c->msi_vectors > MSI_ROUTE_MSI_MAX_VECTORS ||
	    !is_power_of_2(c->msi_vectors) ||
	    c->msi_cap < PCI_STD_HEADER_SIZEOF || c->msi_cap & 3 ||
	    c->msi_cap + mr_msi_size(c->msi_flags) > PCI_CFG_SPACE_SIZE)
		return -EINVAL;
	return 0;
}

static u16 mr_msi_read_only_control(const struct mr_function *fn)
{
	u16 control = ilog2(mr_msi_cap(fn)->nr) << 1;

	if (fn->msi.layout & MSI_ROUTE_MSI_64BIT)
		control |= PCI_MSI_FLAGS_64BIT;
	if (fn->msi.layout & MSI_ROUTE_MSI_MASKING)
		control |= PCI_MSI_FLAGS_MASKBIT;
	if (fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA)
		control |= MSI_CONTROL_EXT_DATA_CAP;
	return control;
}

/* ---- what the registers say; under rq->lock ---- */

static bool mr_msi_enabled(const struct mr_function *fn)
{
	return fn->msi.control & PCI_MSI_FLAGS_ENABLE;
}

/* What becomes of an event while Enable is clear [2]. */
static enum msi_route_reason mr_msi_disabled(const struct mr_function *fn)
{
	if (fn->rq.flags & MSI_ROUTE_CREATE_DROP_DISABLED &&
	    !mr_mutant(MR_MUT_KEEPS_DISABLED))
		return MSI_ROUTE_REASON_DROP_DISABLED;
	return MSI_ROUTE_REASON_DISABLED;
}

/* If both are enabled, which is undefined, MSI-X wins [1]. */
static enum msi_route_reason mr_msi_blocked(const struct mr_cap *cap)
{
	const struct mr_function *fn = mr_function_of(cap);

	if (!mr_msi_enabled(fn))
		return mr_msi_disabled(fn);
	if (mr_msix_enabled(fn))
		return MSI_ROUTE_REASON_MSIX_ENABLED;
	return mr_function_blocked(fn);
}

static u32 mr_msi_state(const struct mr_cap *cap)
{
	return mr_msi_enabled(mr_function_of(cap)) ? MSI_ROUTE_STATE_ENABLED : 0;
}

/* Multiple Message Enable counts at most as Multiple Message Capable [5]. */
static u32 mr_msi_enabled_vectors(const struct mr_function *fn)
{
	u32 log2 = (fn->msi.control & PCI_MSI_FLAGS_QSIZE) >> 4;

	return min(1U << log2, mr_msi_cap(fn)->nr);
}

static u32 mr_msi_data_mask(const struct mr_function *fn)
{
	/* Only a capable function can set the bit: mr_msi_writable_control(). */
	return fn->msi.control & MSI_CONTROL_EXT_DATA_ENABLE ? ~0U : 0xffff;
}

/*
 * If fewer vectors are enabled than the function has, it shares them: the vector's
 * number, modulo the number enabled, replaces the low bits of the data [6].  The mask
 * is that of the shared vector [8].
 */
static bool mr_msi_message(struct mr_vector *v, struct mr_message *raw)
{
	struct mr_function *fn = mr_function_of(mr_vector_cap(v));
	struct mr_msi *m = &fn->msi;
	const u32 index = mr_vector_index(v);
	unsigned long flags;
	bool masked;
	u32 low;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	low = (mr_msi_cap(fn)->nr ? mr_msi_enabled_vectors(fn) : 1) - 1;
	raw->address_lo = m->address_lo;
	raw->address_hi = m->address_hi;
	raw->data = (m->data & mr_msi_data_mask(fn) & ~low) | (index & low);
	masked = m->mask & BIT(index & low);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	return masked;
}

static u32 *mr_msi_storage(struct mr_msi *m, enum msi_reg reg)
{
	switch (reg) {
	case MSI_ADDRESS_LO:
		return &m->address_lo;
	case MSI_ADDRESS_HI:
		return &m->address_hi;
	case MSI_DATA:
		return &m->data;
	case MSI_MASK:
		return &m->mask;
	default:
		return NULL;
	}
}

/* The bits of a register that the guest can change. */
static u32 mr_msi_writable(const struct mr_function *fn, enum msi_reg reg)
{
	switch (reg) {
	case MSI_ADDRESS_LO:
		return ~3U;
	case MSI_ADDRESS_HI:
		return ~0U;
	case MSI_DATA:
		return fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA ? ~0U : 0xffff;
	case MSI_MASK:
		return GENMASK(mr_msi_cap(fn)->nr - 1, 0);
	default:
		return 0;
	}
}

static u16 mr_msi_writable_control(const struct mr_function *fn)
{
	u16 bits = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE;

	if (fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA)
		bits |= MSI_CONTROL_EXT_DATA_ENABLE;
	return bits;
}

/* ---- configuration space ---- */

static u32 mr_msi_config_read(struct mr_cap *cap, u32 reg, u32 *owned)
{
	struct mr_function *fn = mr_function_of(cap);
	struct mr_msi *m = &fn->msi;
	enum msi_reg r = mr_msi_reg(m->layout, reg);
	unsigned long flags;
	u32 value;

	*owned = ~0U;
	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	switch (r) {
	case MSI_CONTROL:
		*owned = 0xffff0000;
		value = (u32)(m->control | mr_msi_read_only_control(fn)) << 16;
		break;
	case MSI_DATA:
		value = m->data & mr_msi_data_mask(fn);
		break;
	case MSI_PENDING:
		value = READ_ONCE(m->pending);
		break;
	default:
		value = *mr_msi_storage(m, r);
		break;
	}
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	return value;
}

/* Publish the messages of all vectors: there are at most 32. */
static void mr_msi_publish(struct mr_function *fn, enum mr_hold hold, u32 changes)
{
	struct mr_update u;
	u32 i;

	rcu_read_lock();
	if (hold == MR_HOLD_OPEN)
		mr_vm_note_writer(&fn->rq.vm, NULL);
	for (i = 0; i < mr_msi_cap(fn)->nr; i++) {
		mr_update_begin(&u, mr_vector_at(mr_msi_cap(fn), i));
		u.changes = changes;
		mr_hold_commit(&u, hold);
		mr_update_end(&u);
	}
	rcu_read_unlock();
}

static void mr_msi_write_control(struct mr_function *fn, u32 lanes, u32 value)
{
	unsigned long flags;

	lanes &= mr_msi_writable_control(fn);
	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	fn->msi.control = (fn->msi.control & ~lanes) | (value & lanes);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);

	/* The messages come first: what the gate lets out is complete [18]. */
	mr_msi_publish(fn, MR_HOLD_CLOSE, MSI_ROUTE_CHANGE_MESSAGE);
	mr_function_gate(fn);
	mr_change_control(mr_msi_cap(fn));
}

/*
 * A write of data completes a message, whatever the value [30].  A changed address
 * makes it incomplete.  A mask does neither.
 */
static enum mr_hold mr_msi_hold(enum msi_reg reg, bool changes)
{
	if (reg == MSI_DATA)
		return MR_HOLD_CLOSE;
	if (reg == MSI_MASK || !changes)
		return MR_HOLD_KEEP;
	return MR_HOLD_OPEN;
}

/* Each register takes effect when it is written [10]. */
static void mr_msi_config_write(struct mr_cap *cap, const struct mr_config_access *a)
{
	struct mr_function *fn = mr_function_of(cap);
	enum msi_reg r = mr_msi_reg(fn->msi.layout, a->reg);
	u32 lanes = a->lanes & mr_msi_writable(fn, r);
	u32 *p = mr_msi_storage(&fn->msi, r);
	unsigned long flags;
	u32 old, value;

	if (r == MSI_CONTROL) {
		if (a->lanes >> 16)
			mr_msi_write_control(fn, a->lanes >> 16, a->value >> 16);
		return;
	}
	if (!p)
		return;

	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	old = *p;
	value = (old & ~lanes) | (a->value & lanes);
	*p = value;
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);

	if (mr_mutant(MR_MUT_CONTROL_ONLY) ||
	    (mr_mutant(MR_MUT_EQUAL_SKIPPED) && value == old))
		return;
	mr_msi_publish(fn, mr_msi_hold(r, value != old),
		       r == MSI_MASK ? 0 : MSI_ROUTE_CHANGE_MESSAGE);
}

/* ---- all registers ---- */

/**
 * mr_msi_check_registers() - can the registers have these values?
 * @fn: the function
 * @s: the values
 *
 * Return: 0 or -EINVAL.
 */
int mr_msi_check_registers(const struct mr_function *fn,
			   const struct msi_route_state *s)
{
	bool wide = fn->msi.layout & MSI_ROUTE_MSI_64BIT;
	bool masking = fn->msi.layout & MSI_ROUTE_MSI_MASKING;
	u32 vectors = mr_msi_cap(fn)->nr ? GENMASK(mr_msi_cap(fn)->nr - 1, 0) : 0;

	if (!mr_msi_cap(fn)->nr)
		return s->msi_control || s->msi_address_lo || s->msi_data ||
		       s->msi_address_hi || s->msi_mask || s->msi_pending ||
		       s->msi_held ? -EINVAL : 0;
	if (s->msi_control & ~mr_msi_writable_control(fn) ||
	    s->msi_address_lo & ~mr_msi_writable(fn, MSI_ADDRESS_LO) ||
	    (s->msi_address_hi && !wide) ||
	    s->msi_data & ~mr_msi_writable(fn, MSI_DATA) ||
	    s->msi_mask & ~(masking ? vectors : 0) ||
	    (s->msi_pending | s->msi_held) & ~vectors)
		return -EINVAL;
	return 0;
}

/* Under rq->lock. */
void mr_msi_get_registers(const struct mr_function *fn,
			  struct msi_route_state *s)
{
	const struct mr_msi *m = &fn->msi;

	s->msi_control = m->control;
	s->msi_address_lo = m->address_lo;
	s->msi_address_hi = m->address_hi;
	s->msi_data = m->data;
	s->msi_mask = m->mask;
}

/* Under rq->lock; @s was checked. */
void mr_msi_set_registers(struct mr_function *fn,
			  const struct msi_route_state *s)
{
	struct mr_msi *m = &fn->msi;

	m->control = s->msi_control;
	m->address_lo = s->msi_address_lo;
	m->address_hi = s->msi_address_hi;
	m->data = s->msi_data;
	m->mask = s->msi_mask;
}

/* Under rq->lock [29]. */
static void mr_msi_reset(struct mr_cap *cap)
{
	const struct msi_route_state zero = {};

	mr_msi_set_registers(mr_function_of(cap), &zero);
}

/* ---- life ---- */

static const struct mr_cap_ops mr_msi_ops = {
	.message = mr_msi_message,
	.reset = mr_msi_reset,
	.blocked = mr_msi_blocked,
	.state = mr_msi_state,
	.config_read = mr_msi_config_read,
	.config_write = mr_msi_config_write,
	.fixed = true,
};

/**
 * mr_msi_init() - make the MSI capability of a function
 * @fn: the function, its VM bound
 * @c: what the VMM asked for
 *
 * Return: 0, also without MSI, or -EINVAL, -EOPNOTSUPP, -ENOMEM.
 */
int mr_msi_init(struct mr_function *fn, struct msi_route_create *c)
{
	struct mr_cap *cap = mr_msi_cap(fn);
	int ret = mr_msi_check(c);

	if (ret || !c->msi_vectors)
		return ret;
	fn->msi.layout = c->msi_flags;
	cap->config_at = c->msi_cap;
	cap->config_size = mr_msi_size(c->msi_flags);
	cap->changes = MR_CHANGES_ALL & ~MSI_ROUTE_CHANGE_STEERING;
	return mr_cap_init(fn, MSI_ROUTE_MSI, &mr_msi_ops, c->msi_vectors, c->msi_vectors,
			   &fn->msi.pending);
}

/**
 * mr_msi_destroy() - free the MSI capability of a function
 * @fn: the function
 */
void mr_msi_destroy(struct mr_function *fn)
{
	if (mr_msi_cap(fn)->max)
		mr_cap_destroy(mr_msi_cap(fn));
}
