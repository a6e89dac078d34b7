// SPDX-License-Identifier: GPL-2.0
/* The registers in configuration space: of MSI, of MSI-X, and of requests for vectors. */
#include "model_parts.h"

enum reg {
	REG_NONE,
	REG_MSIX_CONTROL, REG_MSIX_TABLE, REG_MSIX_PBA,
	REG_MSI_CONTROL, REG_MSI_LO, REG_MSI_HI, REG_MSI_DATA, REG_MSI_MASK, REG_MSI_PENDING,
	REG_GRANT_HEAD, REG_GRANT_SIGNATURE, REG_GRANT_VECTORS, REG_GRANT_REQUEST,
	REG_GRANT_STATUS,
};

/* @owned: the function's bits, without ID and link of a capability. */
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

__u32 msi_pending_bits(struct model *m)
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
		return msi_pending_bits(m);
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

bool both(struct model *m)
{
	return m->msix_control & MSIX_ENABLE && m->msi_control & MSI_ENABLE;
}

void came_to_be_both(struct model *m, bool before)
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

void write_config(struct model *m, unsigned int offset, __u32 mask, __u32 value)
{
	bool was_both = both(m);
	__u32 owned, old, new;
	enum reg reg;

	/* Command, which no capability can overlap [31]. */
	if (offset == 4 && mask & 0xff && m->shape.flags & MSI_ROUTE_CREATE_COMMAND)
		write_bus_master(m, value & 4);
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
		/* What is invisible now is kept if it may be seen later [7]. */
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
