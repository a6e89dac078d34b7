// SPDX-License-Identifier: GPL-2.0
/* The specification.  It is as short as it can be, so that it can be compared with the rules. */
#include <linux/pci_regs.h>
#include <linux/types.h>

#include "spec.h"

#define EXT_DATA_CAPABLE	0x0200
#define EXT_DATA_ENABLE		0x0400

/* ---- messages ---- */

static __u32 field(__u64 value, unsigned int high, unsigned int low)
{
	return value >> low & ((1ULL << (high - low + 1)) - 1);
}

/* [32]; in KVM's 32-bit format the upper address has bits 31:8 of the destination [33]. */
static bool is_interrupt(const struct spec_function *f, struct spec_message m)
{
	if (field(m.address, 31, 20) != 0xfee)
		return false;
	return f->ids_32 ? !field(m.address, 39, 32) : !field(m.address, 63, 32);
}

bool spec_remapped(const struct spec_function *f, struct spec_message raw)
{
	if (!(f->flags & MSI_ROUTE_CREATE_REMAPPING) || !is_interrupt(f, raw))
		return false;
	return field(raw.address, 4, 4) || f->remap_all;
}

/* Bits 11:5 are bits 14:8 of the destination, which KVM has in bits 46:40 [33]. */
static struct spec_message extended(const struct spec_function *f, struct spec_message m)
{
	__u64 high = field(m.address, 11, 5);

	if (!(f->flags & MSI_ROUTE_CREATE_EXT_DEST_ID) || field(m.address, 4, 4) ||
	    field(m.address, 63, 32))
		return m;
	m.address = (m.address & ~0xfe0ULL) | high << 40;
	return m;
}

static enum spec_target target(const struct spec_function *f, struct spec_message m)
{
	__u32 id = field(m.address, 19, 12);

	if (f->ids_32)
		id |= field(m.address, 63, 40) << 8;
	if (id == 0xff)
		return f->ffh_is_an_id ? SPEC_FFH : SPEC_ALL;
	if (id == 0xffffffff)
		return SPEC_ALL;
	return field(m.address, 2, 2) ? SPEC_LOGICAL : SPEC_ONE;
}

/* [34] */
static enum spec_end end(const struct spec_function *f, struct spec_message m)
{
	__u32 mode = field(m.data, 10, 8);

	if (!is_interrupt(f, m))
		return SPEC_DROPPED_ADDRESS;
	if (mode == 3 || mode >= 6)
		return SPEC_DROPPED_MODE;
	if (mode <= 1 && field(m.data, 7, 0) < 16)
		return SPEC_DROPPED_VECTOR;
	return SPEC_SENT;
}

struct spec_event spec_event(const struct spec_function *f, struct spec_message raw, bool masked,
			     const struct spec_message *translation)
{
	bool remapped = spec_remapped(f, raw);
	struct spec_event e = {};

	if (masked) {
		e.end = SPEC_MASKED;
		return e;
	}
	if (remapped && !translation) {
		e.end = SPEC_UNTRANSLATED;
		return e;
	}
	e.message = remapped ? *translation : extended(f, raw);
	e.end = end(f, e.message);
	e.target = target(f, e.message);
	/* A physical broadcast has neither lowest priority nor a redirection hint [34]. */
	if (e.target >= SPEC_FFH && !field(e.message.address, 2, 2)) {
		e.message.address &= ~8ULL;
		if (field(e.message.data, 10, 8) == 1)
			e.message.data &= ~0x700U;
	}
	return e;
}

/* ---- what the registers say ---- */

/* [5] */
static unsigned int msi_enabled_vectors(const struct spec_function *f)
{
	unsigned int enabled = 1U << field(f->msi_control, 6, 4);

	return enabled < f->msi_vectors ? enabled : f->msi_vectors;
}

static __u32 msi_all_bits(const struct spec_function *f)
{
	return (1ULL << f->msi_vectors) - 1;
}

/* [7] */
static __u32 msi_data(const struct spec_function *f)
{
	return f->msi_control & EXT_DATA_ENABLE ? f->msi_data : f->msi_data & 0xffff;
}

/* [5] [8] */
bool spec_msi_masked(const struct spec_function *f, unsigned int vector)
{
	return f->msi_mask >> (vector & (msi_enabled_vectors(f) - 1)) & 1;
}

/* [4] [6] */
struct spec_message spec_msi_message(const struct spec_function *f, unsigned int vector)
{
	unsigned int low = msi_enabled_vectors(f) - 1;

	return (struct spec_message) {
		.address = (__u64)f->msi_hi << 32 | f->msi_lo,
		.data = (msi_data(f) & ~low) + (vector & low),
	};
}

struct spec_message spec_entry_message(const struct spec_entry *e)
{
	return (struct spec_message) {
		.address = (__u64)e->address_hi << 32 | e->address_lo,
		.data = e->data,
	};
}

bool spec_entry_masked(const struct spec_entry *e)
{
	return e->control & 1;
}

bool spec_open(const struct spec_function *f, __u32 kind)
{
	if (!f->bus_master || f->stopped)	/* [31] */
		return false;
	switch (kind) {
	case MSI_ROUTE_MSIX:			/* [12] [19] */
		return field(f->msix_control, 15, 14) == 2;
	case MSI_ROUTE_MSI:			/* [1] */
		return f->msi_control & 1 && !field(f->msix_control, 15, 15);
	default:
		return true;
	}
}

bool spec_drops_disabled(const struct spec_function *f, __u32 kind)
{
	return kind == MSI_ROUTE_MSI && f->flags & MSI_ROUTE_CREATE_DROP_DISABLED &&
	       !(f->msi_control & 1);
}

/* ---- configuration space ---- */

/* The registers of which a byte can be a part; those of MSI as in the table of [3]. */
enum reg {
	NONE,
	MSI_CONTROL,
	MSI_LO,
	MSI_HI,
	MSI_DATA,
	MSI_MASK,
	MSI_PENDING,
	MSIX_CONTROL,
	MSIX_TABLE,
	MSIX_PBA,
	GRANT_HEADER,
	GRANT_SIGNATURE,
	GRANT_VECTORS,
	GRANT_REQUEST,
	GRANT_STATUS,
};

static enum reg msi_reg(const struct spec_function *f, __u32 at, __u32 *byte)
{
	__u32 data = f->msi_flags & MSI_ROUTE_MSI_64BIT ? 0xc : 0x8;

	*byte = at % 4;
	if (at < 4) {
		*byte = at % 2;
		return at < 2 ? NONE : MSI_CONTROL;
	}
	if (at < 8)
		return MSI_LO;
	if (at < data)
		return MSI_HI;
	if (at < data + 4)
		return MSI_DATA;
	if (!(f->msi_flags & MSI_ROUTE_MSI_MASKING))
		return NONE;
	if (at < data + 8)
		return MSI_MASK;
	return at < data + 12 ? MSI_PENDING : NONE;
}

static enum reg msix_reg(__u32 at, __u32 *byte)
{
	*byte = at % 4;
	if (at < 4) {
		*byte = at % 2;
		return at < 2 ? NONE : MSIX_CONTROL;
	}
	if (at < 8)
		return MSIX_TABLE;
	return at < 12 ? MSIX_PBA : NONE;
}

static enum reg grant_reg(__u32 at, __u32 *byte)
{
	static const enum reg dword[] = {
		GRANT_HEADER, GRANT_SIGNATURE, GRANT_VECTORS, GRANT_REQUEST, GRANT_STATUS,
	};

	*byte = at % 4;
	return at < 2 || at >= 0x14 ? NONE : dword[at / 4];
}

/* The register of which a byte of configuration space is a part, and which byte of it. */
static enum reg config_reg(const struct spec_function *f, __u32 at, __u32 *byte)
{
	enum reg reg = NONE;

	if (f->msi_vectors && at >= f->msi_cap)
		reg = msi_reg(f, at - f->msi_cap, byte);
	if (reg == NONE && f->msix_max && at >= f->msix_cap)
		reg = msix_reg(at - f->msix_cap, byte);
	if (reg == NONE && f->grant_cap && at >= f->grant_cap)
		reg = grant_reg(at - f->grant_cap, byte);
	return reg;
}

/* Table Size, Multiple Message Capable and so on [3] [5] [7] [12]. */
static __u32 msi_control(const struct spec_function *f)
{
	__u32 capable = 0;

	while (1U << capable < f->msi_vectors)
		capable++;
	return f->msi_control | capable << 1 |
	       (f->msi_flags & MSI_ROUTE_MSI_64BIT ? PCI_MSI_FLAGS_64BIT : 0) |
	       (f->msi_flags & MSI_ROUTE_MSI_MASKING ? PCI_MSI_FLAGS_MASKBIT : 0) |
	       (f->msi_flags & MSI_ROUTE_MSI_EXT_DATA ? EXT_DATA_CAPABLE : 0);
}

static __u32 value_of(const struct spec_function *f, enum reg reg)
{
	switch (reg) {
	case MSI_CONTROL:
		return msi_control(f);
	case MSI_LO:
		return f->msi_lo;
	case MSI_HI:
		return f->msi_hi;
	case MSI_DATA:
		return msi_data(f);
	case MSI_MASK:
		return f->msi_mask;
	case MSI_PENDING:
		return f->msi_pending;
	case MSIX_CONTROL:
		return f->msix_control | (f->msix_max - 1);
	case MSIX_TABLE:
		return f->msix_table;
	case MSIX_PBA:
		return f->msix_pba;
	case GRANT_HEADER:
		return (__u32)MSI_ROUTE_GRANT_CAP_REVISION << 24 | MSI_ROUTE_GRANT_CAP_SIZE << 16;
	case GRANT_SIGNATURE:
		return MSI_ROUTE_GRANT_CAP_SIGNATURE;
	case GRANT_VECTORS:
		return (__u32)f->msix_granted << 16 | f->msix_max;
	case GRANT_REQUEST:
		return f->grant_request;
	default:
		return f->grant_status;
	}
}

__u8 spec_config_read(const struct spec_function *f, __u32 at, __u8 vmm)
{
	__u32 byte = 0;
	enum reg reg = at < PCI_CFG_SPACE_SIZE ? config_reg(f, at, &byte) : NONE;

	return reg == NONE ? vmm : value_of(f, reg) >> 8 * byte;
}

/* @bits: those that can be written.  [11] */
static __u32 with_byte(__u32 old, __u32 bits, __u32 byte, __u8 value)
{
	bits &= 0xffU << 8 * byte;
	return (old & ~bits) | ((__u32)value << 8 * byte & bits);
}

void spec_config_write(struct spec_function *f, __u32 at, __u8 value, bool *requests)
{
	bool extended = f->msi_flags & MSI_ROUTE_MSI_EXT_DATA;
	__u32 byte = 0;
	enum reg reg;

	if (at == PCI_COMMAND && f->flags & MSI_ROUTE_CREATE_COMMAND)	/* [31] */
		f->bus_master = value & PCI_COMMAND_MASTER;
	if (at >= PCI_CFG_SPACE_SIZE)					/* [11] */
		return;
	reg = config_reg(f, at, &byte);
	switch (reg) {
	case MSI_CONTROL:		/* Enable, Multiple Message Enable [5] [7] */
		f->msi_control = with_byte(f->msi_control, extended ? 0x471 : 0x71, byte, value);
		break;
	case MSI_LO:			/* [4] */
		f->msi_lo = with_byte(f->msi_lo, ~3U, byte, value);
		break;
	case MSI_HI:
		f->msi_hi = with_byte(f->msi_hi, ~0U, byte, value);
		break;
	case MSI_DATA:			/* [7] */
		f->msi_data = with_byte(f->msi_data, extended ? ~0U : 0xffff, byte, value);
		break;
	case MSI_MASK:			/* [8] */
		f->msi_mask = with_byte(f->msi_mask, msi_all_bits(f), byte, value);
		break;
	case MSIX_CONTROL:		/* [12] */
		f->msix_control = with_byte(f->msix_control, 0xc000, byte, value);
		break;
	case GRANT_REQUEST:
		f->grant_request = with_byte(f->grant_request, ~0U, byte, value);
		*requests |= byte < 2;
		break;
	default:
		break;
	}
}

bool spec_renews_msi(const struct spec_function *f, __u32 at)
{
	__u32 byte;

	if (!f->msi_vectors || at >= PCI_CFG_SPACE_SIZE || at < f->msi_cap)
		return false;
	switch (msi_reg(f, at - f->msi_cap, &byte)) {
	case NONE:
	case MSI_PENDING:
		return false;
	default:
		return true;
	}
}

/* ---- table and PBA ---- */

/* [13] [14] [23] */
__u32 spec_table_size(__u32 vectors)
{
	return 16 * vectors;
}

__u32 spec_pba_size(__u32 vectors)
{
	return 8 * (vectors / 64 + !!(vectors % 64));
}

bool spec_defined(__u32 offset, __u32 len)
{
	return (len == 4 && offset % 4 == 0) || (len == 8 && offset % 8 == 0);
}

static __u32 *entry_dword(struct spec_entry *e, __u32 at)
{
	switch (at) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return &e->address_lo;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		return &e->address_hi;
	case PCI_MSIX_ENTRY_DATA:
		return &e->data;
	default:
		return &e->control;
	}
}

/* [14]; a qword is the dword at its place and the next one [16] */
void spec_entry_write(struct spec_entry *e, __u32 offset, __u32 len, __u64 value)
{
	__u32 at = offset % 16;

	*entry_dword(e, at) = at == PCI_MSIX_ENTRY_LOWER_ADDR ? value & ~3U : value;
	if (len == 8)
		*entry_dword(e, at + 4) = value >> 32;
}

__u64 spec_entry_read(const struct spec_entry *entry, __u32 offset, __u32 len)
{
	struct spec_entry e = *entry;
	__u32 at = offset % 16;
	__u64 value = *entry_dword(&e, at);

	return len == 8 ? value | (__u64)*entry_dword(&e, at + 4) << 32 : value;
}

/* Does an access reach the dword at @dword of its entry? */
static bool reaches(__u32 offset, __u32 len, __u32 dword)
{
	return offset % 16 <= dword && dword < offset % 16 + len;
}

enum spec_hold spec_entry_hold(const struct spec_entry *before, const struct spec_entry *after,
			       __u32 offset, __u32 len)
{
	if (reaches(offset, len, PCI_MSIX_ENTRY_DATA) ||
	    reaches(offset, len, PCI_MSIX_ENTRY_VECTOR_CTRL))
		return SPEC_CLOSES;
	if (before->address_lo != after->address_lo || before->address_hi != after->address_hi)
		return SPEC_OPENS;
	return SPEC_KEEPS;
}

__u32 spec_entry_changes(__u32 offset, __u32 len)
{
	bool message = reaches(offset, len, PCI_MSIX_ENTRY_LOWER_ADDR) ||
		       reaches(offset, len, PCI_MSIX_ENTRY_UPPER_ADDR) ||
		       reaches(offset, len, PCI_MSIX_ENTRY_DATA);

	return (message ? MSI_ROUTE_CHANGE_MESSAGE : 0) |
	       (reaches(offset, len, PCI_MSIX_ENTRY_VECTOR_CTRL) ? MSI_ROUTE_CHANGE_STEERING : 0);
}

struct spec_entry spec_entry_reset(void)
{
	return (struct spec_entry) { .control = 1 };	/* [14] [29] */
}

__u32 spec_pba_vector(__u32 offset, __u32 bit)
{
	return 8 * offset + bit;
}

int spec_msi_error(const struct msi_route_create *c)
{
	bool drops = c->flags & MSI_ROUTE_CREATE_DROP_DISABLED;
	bool maskable = c->msi_flags & MSI_ROUTE_MSI_MASKING;
	/* The table of [3], in whole dwords: upper address, mask and pending bits. */
	__u32 size = 12 + (c->msi_flags & MSI_ROUTE_MSI_64BIT ? 4 : 0) + (maskable ? 8 : 0);

	if (!c->msi_vectors)
		return c->msi_cap || c->msi_flags || drops ? -EINVAL : 0;
	if (c->msi_flags & ~7)
		return -EOPNOTSUPP;
	if (drops && maskable)
		return -EINVAL;
	switch (c->msi_vectors) {
	case 1:
	case 2:
	case 4:
	case 8:
	case 16:
	case 32:
		break;
	default:
		return -EINVAL;
	}
	return c->msi_cap % 4 || c->msi_cap < 0x40 || c->msi_cap + size > 0x100 ? -EINVAL : 0;
}

bool spec_msix_valid(const struct msi_route_create *c)
{
	__u64 table = c->msix_table_offset, table_end = table + spec_table_size(c->msix_vectors);
	__u64 pba = c->msix_pba_offset, pba_end = pba + spec_pba_size(c->msix_vectors);

	if (c->msix_vectors > MSI_ROUTE_MSIX_MAX_VECTORS || c->msix_granted > c->msix_vectors)
		return false;
	if (c->msix_cap % 4 || c->msix_cap < 0x40 || c->msix_cap + 12 > 0x100)
		return false;
	if (c->msix_table_bir > 5 || c->msix_pba_bir > 5 || table % 8 || pba % 8)
		return false;
	if (table_end > 0xffffffff || pba_end > 0xffffffff)
		return false;
	return c->msix_table_bir != c->msix_pba_bir || table_end <= pba || pba_end <= table;
}

/* ---- the state ---- */

static bool msi_state_valid(const struct spec_function *f, const struct msi_route_state *s)
{
	bool wide = f->msi_flags & MSI_ROUTE_MSI_64BIT;
	bool maskable = f->msi_flags & MSI_ROUTE_MSI_MASKING;
	bool extended = f->msi_flags & MSI_ROUTE_MSI_EXT_DATA;
	__u32 all = msi_all_bits(f);

	if (!f->msi_vectors)
		return !s->msi_control && !s->msi_address_lo && !s->msi_address_hi &&
		       !s->msi_data && !s->msi_mask && !s->msi_pending && !s->msi_held;
	return !(s->msi_control & ~(extended ? 0x471 : 0x71)) && !(s->msi_address_lo & 3) &&
	       (wide || !s->msi_address_hi) && (extended || s->msi_data <= 0xffff) &&
	       !(s->msi_mask & ~(maskable ? all : 0)) && !(s->msi_pending & ~all) &&
	       !(s->msi_held & ~all);
}

bool spec_state_valid(const struct spec_function *f, const struct msi_route_state *s,
		      __u32 hold_max_ns)
{
	if (s->hold_bound_ns > hold_max_ns || s->bus_master > 1)
		return false;
	if (s->msix_control & ~(f->msix_max ? 0xc000 : 0))
		return false;
	if (s->grant_status > MSI_ROUTE_GRANT_MEMORY)
		return false;
	if (!f->grant_cap && (s->grant_request || s->grant_status))
		return false;
	return msi_state_valid(f, s);
}

void spec_state_restore(struct spec_function *f, const struct msi_route_state *s)
{
	f->bus_master = s->bus_master;
	f->msix_control = s->msix_control;
	f->msi_control = s->msi_control;
	f->msi_lo = s->msi_address_lo;
	f->msi_hi = s->msi_address_hi;
	f->msi_data = s->msi_data;
	f->msi_mask = s->msi_mask;
	f->msi_pending = s->msi_pending;
	f->grant_request = s->grant_request;
	f->grant_status = s->grant_status;
}

void spec_reset(struct spec_function *f, bool keeps_bus_master)
{
	const struct msi_route_state zero = { .bus_master = keeps_bus_master && f->bus_master };

	spec_state_restore(f, &zero);
}

/* ---- numbers ---- */

bool spec_has(__u64 has, __u64 first, __u64 nr)
{
	return nr && first + nr <= has;
}

__u32 spec_request(__u32 max, __u32 has, __u32 limit, __u32 room, __u32 least, __u32 asked,
		   __u32 *granted)
{
	__u32 get = asked;

	*granted = has;
	if (!asked || least > asked || least > max)
		return MSI_ROUTE_GRANT_RANGE;
	if (asked <= has) {
		*granted = asked;
		return MSI_ROUTE_GRANT_ALL;
	}
	/* More than it has: a limit takes nothing back. */
	if (get > max)
		get = max;
	if (get > limit)
		get = limit;
	if (get < has)
		get = has;
	if (get < least)
		return MSI_ROUTE_GRANT_LIMIT;
	if (get > room)
		get = room > has ? room : has;
	if (get < least)
		return MSI_ROUTE_GRANT_MEMORY;
	*granted = get;
	return get == asked ? MSI_ROUTE_GRANT_ALL : MSI_ROUTE_GRANT_FEWER;
}
