// SPDX-License-Identifier: GPL-2.0
/*
 * MSI registers: the capability in its four layouts [3].
 *
 * All registers are under fn->lock.  A vector's snapshot is composed from them
 * under the vector's own lock: of two writers the later one to publish has
 * read the newer registers.
 */
#include <linux/bits.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>

#include "mr.h"
#include "mutate.h"

#define MSI_CONTROL_EXT_DATA_CAP	BIT(9)
#define MSI_CONTROL_EXT_DATA_ENABLE	BIT(10)

/* What a dword of the capability is; its offset depends on the layout. */
enum msi_reg {
	MSI_CONTROL,
	MSI_ADDRESS_LO,
	MSI_ADDRESS_HI,
	MSI_DATA,
	MSI_MASK,
	MSI_PENDING,
	MSI_NONE,
};

static enum msi_reg reg_of(u8 layout, u32 reg)
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

	while (reg_of(layout, size) < MSI_NONE && size < 6 * 4)
		size += 4;
	return size;
}

/* ---- life ---- */

static int check(const struct msi_route_create *c)
{
	const u8 known = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
			 MSI_ROUTE_MSI_EXT_DATA;

	if (!c->msi_vectors)
		return c->msi_cap || c->msi_flags ? -EINVAL : 0;
	if (c->msi_flags & ~known)
		return -EOPNOTSUPP;
	if (c->msi_vectors > MSI_ROUTE_MSI_MAX_VECTORS ||
	    !is_power_of_2(c->msi_vectors) ||
	    c->msi_cap < PCI_STD_HEADER_SIZEOF || c->msi_cap & 3 ||
	    c->msi_cap + mr_msi_size(c->msi_flags) > PCI_CFG_SPACE_SIZE)
		return -EINVAL;
	return 0;
}

static u16 read_only_control(const struct mr_function *fn)
{
	u16 control = ilog2(fn->msi_cap.nr) << 1;

	if (fn->msi.layout & MSI_ROUTE_MSI_64BIT)
		control |= PCI_MSI_FLAGS_64BIT;
	if (fn->msi.layout & MSI_ROUTE_MSI_MASKING)
		control |= PCI_MSI_FLAGS_MASKBIT;
	if (fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA)
		control |= MSI_CONTROL_EXT_DATA_CAP;
	return control;
}

/**
 * mr_msi_init() - make the MSI capability of a function
 * @fn: the function, its VM bound
 * @c: what the VMM asked for
 *
 * Return: 0, also without MSI, or -EINVAL, -EOPNOTSUPP, -ENOMEM.
 */
int mr_msi_init(struct mr_function *fn, struct msi_route_create *c)
{
	int ret = check(c);

	if (ret || !c->msi_vectors)
		return ret;
	fn->msi.offset = c->msi_cap;
	fn->msi.layout = c->msi_flags;
	return mr_cap_init(&fn->msi_cap, fn, MSI_ROUTE_MSI, c->msi_vectors,
			   c->msi_vectors, &fn->msi.pending);
}

/**
 * mr_msi_destroy() - free the MSI capability of a function
 * @fn: the function
 */
void mr_msi_destroy(struct mr_function *fn)
{
	mr_cap_destroy(&fn->msi_cap);
}

/* ---- what the registers say; under fn->lock ---- */

bool mr_msi_enabled(const struct mr_function *fn)
{
	return fn->msi.control & PCI_MSI_FLAGS_ENABLE;
}

/* Both enabled is undefined: MSI-X wins [1]. */
enum msi_route_reason mr_msi_shut(const struct mr_function *fn)
{
	if (!mr_msi_enabled(fn))
		return MSI_ROUTE_REASON_DISABLED;
	if (mr_msix_enabled(fn))
		return MSI_ROUTE_REASON_MSIX_ENABLED;
	return mr_function_silent(fn);
}

/* Multiple Message Enable above Multiple Message Capable acts as it [5]. */
static u32 enabled_vectors(const struct mr_function *fn)
{
	u32 log2 = (fn->msi.control & PCI_MSI_FLAGS_QSIZE) >> 4;

	return min(1U << log2, fn->msi_cap.nr);
}

static u32 data_mask(const struct mr_function *fn)
{
	/* It can be written only where it is capable: writable(). */
	return fn->msi.control & MSI_CONTROL_EXT_DATA_ENABLE ? ~0U : 0xffff;
}

/**
 * mr_msi_message() - the message of a vector as the registers stand
 * @v: the vector, its lock held
 * @raw: out
 *
 * A function that was granted fewer vectors than it has shares them: the
 * number replaces the low bits of the data, modulo those granted [6], and the
 * mask is the shared one's [8].
 *
 * Return: whether the vector is masked.
 */
bool mr_msi_message(struct mr_vector *v, struct mr_message *raw)
{
	struct mr_function *fn = mr_vector_cap(v)->fn;
	struct mr_msi *m = &fn->msi;
	const u32 index = mr_vector_index(v);
	unsigned long flags;
	bool masked;
	u32 low;

	raw_spin_lock_irqsave(&fn->lock, flags);
	low = (fn->msi_cap.nr ? enabled_vectors(fn) : 1) - 1;
	raw->address_lo = m->address_lo;
	raw->address_hi = m->address_hi;
	raw->data = (m->data & data_mask(fn) & ~low) | (index & low);
	masked = m->mask & BIT(index & low);
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return masked;
}

static u32 *storage(struct mr_msi *m, enum msi_reg reg)
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
static u32 writable(const struct mr_function *fn, enum msi_reg reg)
{
	switch (reg) {
	case MSI_ADDRESS_LO:
		return ~3U;
	case MSI_ADDRESS_HI:
		return ~0U;
	case MSI_DATA:
		return fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA ? ~0U : 0xffff;
	case MSI_MASK:
		return GENMASK(fn->msi_cap.nr - 1, 0);
	default:
		return 0;
	}
}

static u16 writable_control(const struct mr_function *fn)
{
	u16 bits = PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE;

	if (fn->msi.layout & MSI_ROUTE_MSI_EXT_DATA)
		bits |= MSI_CONTROL_EXT_DATA_ENABLE;
	return bits;
}

/* ---- configuration space ---- */

/**
 * mr_msi_config_read() - read a dword of the capability
 * @fn: the function
 * @reg: offset of the dword in the capability
 * @owned: out: the bits that belong to the module
 *
 * Context: any.
 * Return: the dword; what is not @owned is 0.
 */
u32 mr_msi_config_read(struct mr_function *fn, u32 reg, u32 *owned)
{
	struct mr_msi *m = &fn->msi;
	enum msi_reg r = reg_of(m->layout, reg);
	unsigned long flags;
	u32 value;

	*owned = ~0U;
	raw_spin_lock_irqsave(&fn->lock, flags);
	switch (r) {
	case MSI_CONTROL:
		*owned = 0xffff0000;
		value = (u32)(m->control | read_only_control(fn)) << 16;
		break;
	case MSI_DATA:
		value = m->data & data_mask(fn);
		break;
	case MSI_PENDING:
		value = READ_ONCE(m->pending);
		break;
	default:
		value = *storage(m, r);
		break;
	}
	raw_spin_unlock_irqrestore(&fn->lock, flags);
	return value;
}

/* Publish the messages of all vectors: there are at most 32. */
static void publish(struct mr_function *fn, enum mr_hold hold, u32 changes)
{
	struct mr_update u;
	u32 i;

	rcu_read_lock();
	for (i = 0; i < fn->msi_cap.nr; i++) {
		mr_update_begin(&u, mr_vector_at(&fn->msi_cap, i));
		u.changes = changes;
		mr_update_commit(&u, hold);
		mr_update_end(&u);
	}
	rcu_read_unlock();
}

static void write_control(struct mr_function *fn, u32 lanes, u32 value)
{
	unsigned long flags;

	lanes &= writable_control(fn);
	raw_spin_lock_irqsave(&fn->lock, flags);
	fn->msi.control = (fn->msi.control & ~lanes) | (value & lanes);
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	/* The messages first: what the gate lets out is complete [18]. */
	publish(fn, MR_HOLD_CLOSE, MSI_ROUTE_CHANGE_MESSAGE);
	mr_function_gate(fn);
	mr_change_control(&fn->msi_cap);
}

/*
 * Data completes a message, whatever its value [30]; an address that changes
 * makes it incomplete.  A mask does neither.
 */
static enum mr_hold reg_hold(enum msi_reg reg, bool changes)
{
	if (reg == MSI_DATA)
		return MR_HOLD_CLOSE;
	if (reg == MSI_MASK || !changes)
		return MR_HOLD_KEEP;
	return MR_HOLD_OPEN;
}

/**
 * mr_msi_config_write() - write a dword of the capability
 * @fn: the function
 * @a: the access
 *
 * Each register takes effect when it is written [10].
 *
 * Context: process, no lock held.
 */
void mr_msi_config_write(struct mr_function *fn,
			 const struct mr_config_access *a)
{
	enum msi_reg r = reg_of(fn->msi.layout, a->reg);
	u32 lanes = a->lanes & writable(fn, r);
	u32 *p = storage(&fn->msi, r);
	unsigned long flags;
	u32 old, value;

	if (r == MSI_CONTROL) {
		if (a->lanes >> 16)
			write_control(fn, a->lanes >> 16, a->value >> 16);
		return;
	}
	if (!p)
		return;

	raw_spin_lock_irqsave(&fn->lock, flags);
	old = *p;
	value = (old & ~lanes) | (a->value & lanes);
	*p = value;
	raw_spin_unlock_irqrestore(&fn->lock, flags);

	if (mr_mutant(MR_MUT_CONTROL_ONLY) ||
	    (mr_mutant(MR_MUT_EQUAL_SKIPPED) && value == old))
		return;
	publish(fn, reg_hold(r, value != old),
		r == MSI_MASK ? 0 : MSI_ROUTE_CHANGE_MESSAGE);
}

/* ---- as a whole ---- */

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
	u32 vectors = fn->msi_cap.nr ? GENMASK(fn->msi_cap.nr - 1, 0) : 0;

	if (!fn->msi_cap.nr)
		return s->msi_control || s->msi_address_lo || s->msi_data ||
		       s->msi_address_hi || s->msi_mask || s->msi_pending ||
		       s->msi_held ? -EINVAL : 0;
	if (s->msi_control & ~writable_control(fn) ||
	    s->msi_address_lo & ~writable(fn, MSI_ADDRESS_LO) ||
	    (s->msi_address_hi && !wide) ||
	    s->msi_data & ~writable(fn, MSI_DATA) ||
	    s->msi_mask & ~(masking ? vectors : 0) ||
	    (s->msi_pending | s->msi_held) & ~vectors)
		return -EINVAL;
	return 0;
}

/* Under fn->lock. */
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

/* Under fn->lock; @s was checked. */
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

/* Under fn->lock [29]. */
void mr_msi_reset(struct mr_function *fn)
{
	const struct msi_route_state zero = {};

	mr_msi_set_registers(fn, &zero);
}
