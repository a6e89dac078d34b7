/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What both backends know of a function: its shape in configuration space, and its state
 * as bytes.  A part of msi_route_vmm.h.
 */
#ifndef _MSI_ROUTE_VMM_SHAPE_H
#define _MSI_ROUTE_VMM_SHAPE_H

/* ---- configuration space ---- */

#define MRV_STATUS		0x06
#define MRV_STATUS_CAP_LIST	0x0010
#define MRV_FIRST_CAP		0x34
#define MRV_HEADER_SIZE		0x40
#define MRV_SPACE_SIZE		0x100		/* without that of PCI Express */
#define MRV_ID_MSI		0x05
#define MRV_ID_MSIX		0x11
#define MRV_MSIX_SIZE		0x0c

static inline __u16 mrv_le16(const __u8 *bytes)
{
	return bytes[0] | bytes[1] << 8;
}

static inline __u32 mrv_le32(const __u8 *bytes)
{
	return mrv_le16(bytes) | (__u32)mrv_le16(bytes + 2) << 16;
}

/* Offset of Message Data from the beginning of the MSI capability [3]. */
static inline __u32 mrv_msi_data(const struct msi_route_create *s)
{
	return s->msi_flags & MSI_ROUTE_MSI_64BIT ? 0x0c : 0x08;
}

/* Bytes of the MSI capability, in whole dwords. */
static inline __u32 mrv_msi_size(const struct msi_route_create *s)
{
	return mrv_msi_data(s) + (s->msi_flags & MSI_ROUTE_MSI_MASKING ? 12 : 4);
}

static inline void mrv_shape_read_msix(struct msi_route_create *s, const __u8 *config,
				       __u32 cap)
{
	__u32 table = mrv_le32(config + cap + 4), pba = mrv_le32(config + cap + 8);

	s->msix_cap = cap;
	s->msix_vectors = (mrv_le16(config + cap + MRV_CONTROL) & 0x7ff) + 1;
	s->msix_table_bir = table & 7;
	s->msix_table_offset = table & ~7U;
	s->msix_pba_bir = pba & 7;
	s->msix_pba_offset = pba & ~7U;
}

static inline void mrv_shape_read_msi(struct msi_route_create *s, const __u8 *config, __u32 cap)
{
	__u16 control = mrv_le16(config + cap + MRV_CONTROL);

	s->msi_cap = cap;
	s->msi_vectors = 1U << (control >> 1 & 7);
	s->msi_flags = (control & 0x080 ? MSI_ROUTE_MSI_64BIT : 0) |
		       (control & 0x100 ? MSI_ROUTE_MSI_MASKING : 0) |
		       (control & 0x200 ? MSI_ROUTE_MSI_EXT_DATA : 0);
}

/* Looks for both capabilities in the list, which may have any form. */
static inline int mrv_shape_read(struct msi_route_create *s, const __u8 *config)
{
	__u32 cap = 0, left = (MRV_SPACE_SIZE - MRV_HEADER_SIZE) / 4;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	if (mrv_le16(config + MRV_STATUS) & MRV_STATUS_CAP_LIST)
		cap = config[MRV_FIRST_CAP] & ~3U;
	/* As many as there is room for: the list may be a circle. */
	for (; left && cap >= MRV_HEADER_SIZE; left--) {
		if (config[cap] == MRV_ID_MSIX && !s->msix_vectors &&
		    cap + MRV_MSIX_SIZE <= MRV_SPACE_SIZE)
			mrv_shape_read_msix(s, config, cap);
		if (config[cap] == MRV_ID_MSI && !s->msi_vectors)
			mrv_shape_read_msi(s, config, cap);
		cap = config[cap + 1] & ~3U;
	}
	return s->msix_vectors || s->msi_vectors ? 0 : -ENODEV;
}

static inline bool mrv_overlap(__u64 a, __u64 a_size, __u64 b, __u64 b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

static inline bool mrv_cap_wrong(__u32 at, __u32 size)
{
	return at & 3 || at < MRV_HEADER_SIZE || at + size > MRV_SPACE_SIZE;
}

static inline bool mrv_msix_wrong(const struct msi_route_create *s)
{
	__u64 table_size = s->msix_vectors * 16ULL, pba_size = (s->msix_vectors + 63U) / 64 * 8;

	if (!s->msix_vectors)
		return s->msix_cap || s->msix_table_bir || s->msix_table_offset ||
		       s->msix_pba_bir || s->msix_pba_offset;
	return s->msix_vectors > MSI_ROUTE_MSIX_MAX_VECTORS ||
	       mrv_cap_wrong(s->msix_cap, MRV_MSIX_SIZE) ||
	       s->msix_table_bir >= MRV_NR_BARS || s->msix_pba_bir >= MRV_NR_BARS ||
	       (s->msix_table_offset | s->msix_pba_offset) & 7 ||
	       s->msix_table_offset + table_size > 0xffffffff ||
	       s->msix_pba_offset + pba_size > 0xffffffff ||
	       (s->msix_table_bir == s->msix_pba_bir &&
		mrv_overlap(s->msix_table_offset, table_size, s->msix_pba_offset, pba_size));
}

static inline bool mrv_msi_wrong(const struct msi_route_create *s)
{
	bool drop = s->flags & MSI_ROUTE_CREATE_DROP_DISABLED;

	if (!s->msi_vectors)
		return s->msi_cap || s->msi_flags || drop;
	return s->msi_vectors & (s->msi_vectors - 1) ||
	       s->msi_vectors > MSI_ROUTE_MSI_MAX_VECTORS ||
	       mrv_cap_wrong(s->msi_cap, mrv_msi_size(s)) ||
	       (drop && s->msi_flags & MSI_ROUTE_MSI_MASKING);
}

/* Names are printable, without spaces and slashes, and end within their array. */
static inline bool mrv_name_wrong(const char *name)
{
	__u32 i, len = 0;

	while (len < MSI_ROUTE_NAME_SIZE && name[len])
		len++;
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return true;
	for (i = len; i < MSI_ROUTE_NAME_SIZE; i++)
		if (name[i])
			return true;
	return len == MSI_ROUTE_NAME_SIZE;
}

/* The vectors of a function come and go, or it has a message store: only the module's. */
static inline bool mrv_shape_changes(const struct msi_route_create *s)
{
	return s->grant_cap || s->ims_vectors || s->ims_max ||
	       (s->msix_granted && s->msix_granted != s->msix_vectors);
}

/* What the module checks of a shape, for a function of the fallback's. */
static inline int mrv_shape_check(const struct msi_route_create *s, bool ids_32bit)
{
	const __u32 flags = MSI_ROUTE_CREATE_EXT_DEST_ID | MSI_ROUTE_CREATE_COMMAND |
			    MSI_ROUTE_CREATE_DROP_DISABLED;
	const __u8 msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
			       MSI_ROUTE_MSI_EXT_DATA;

	/* Also what only the module has. */
	if (s->flags & ~flags || s->msi_flags & ~msi_flags || mrv_shape_changes(s) ||
	    s->reserved || s->reserved2 || s->reserved3)
		return -EOPNOTSUPP;
	if (s->flags & MSI_ROUTE_CREATE_EXT_DEST_ID && !ids_32bit)
		return -EADDRNOTAVAIL;
	if (mrv_name_wrong(s->name) || (!s->msix_vectors && !s->msi_vectors) ||
	    mrv_msix_wrong(s) || mrv_msi_wrong(s) ||
	    (s->msix_vectors && s->msi_vectors &&
	     mrv_overlap(s->msix_cap, MRV_MSIX_SIZE, s->msi_cap, mrv_msi_size(s))))
		return -EINVAL;
	return 0;
}

/* ---- state ---- */

#define MRV_HOLD_MAX_NS		1000000000	/* the module's */
#define MRV_STATE_MAGIC		0x5652534d	/* "MSRV" */
#define MRV_STATE_VERSION	1

/*
 * The beginning of a state, little endian.  The entries of the table follow, then the
 * Pending bits and the held vectors of MSI-X, in qwords.
 */
struct mrv_state {
	__u32 magic;
	__u16 version;
	__u16 command;			/* Bus Master Enable, Interrupt Disable */
	__u32 size;			/* of everything */
	__u32 hold_bound_ns;
	__u16 msix_vectors;
	__u16 msix_control;
	__u8 msi_vectors;
	__u8 msi_flags;
	__u16 msi_control;
	__u32 msi_address_lo;
	__u32 msi_address_hi;
	__u32 msi_data;
	__u32 msi_mask;
	__u32 msi_pending;
	__u32 msi_held;
	__u32 reserved[4];
};

static inline __u32 mrv_state_bytes(const struct mrv_function *fn)
{
	return sizeof(struct mrv_state) + fn->shape.msix_vectors * 16U + mrv_qwords(fn) * 16U;
}

/* The three arrays of a state. */
static inline __u8 *mrv_state_entries(void *state)
{
	return (__u8 *)state + sizeof(struct mrv_state);
}

static inline __u8 *mrv_state_pba(const struct mrv_function *fn, void *state)
{
	return mrv_state_entries(state) + fn->shape.msix_vectors * 16U;
}

static inline __u8 *mrv_state_held(const struct mrv_function *fn, void *state)
{
	return mrv_state_pba(fn, state) + mrv_qwords(fn) * 8U;
}

/* Bits of MSI's registers that the guest can write. */
static inline __u16 mrv_msi_control_rw(const struct msi_route_create *s)
{
	return MRV_MSI_ENABLE | MRV_MSI_MME |
	       (s->msi_flags & MSI_ROUTE_MSI_EXT_DATA ? MRV_MSI_EXT_ENABLE : 0);
}

static inline __u32 mrv_msi_data_rw(const struct msi_route_create *s)
{
	return s->msi_flags & MSI_ROUTE_MSI_EXT_DATA ? ~0U : 0xffff;
}

static inline __u32 mrv_msi_vector_bits(const struct msi_route_create *s)
{
	return s->msi_vectors ? ~0U >> (32 - s->msi_vectors) : 0;
}

static inline bool mrv_state_msi_wrong(const struct msi_route_create *s,
				       const struct mrv_state *h)
{
	const __u32 bits = mrv_msi_vector_bits(s);

	if (!s->msi_vectors)
		return h->msi_control || h->msi_address_lo || h->msi_address_hi || h->msi_data ||
		       h->msi_mask || h->msi_pending || h->msi_held;
	return h->msi_control & ~mrv_msi_control_rw(s) || h->msi_address_lo & 3 ||
	       (!(s->msi_flags & MSI_ROUTE_MSI_64BIT) && h->msi_address_hi) ||
	       h->msi_data & ~mrv_msi_data_rw(s) ||
	       h->msi_mask & ~(s->msi_flags & MSI_ROUTE_MSI_MASKING ? bits : 0) ||
	       (h->msi_pending | h->msi_held) & ~bits;
}

static inline bool mrv_state_msix_wrong(const struct mrv_function *fn, void *state)
{
	const __u32 n = fn->shape.msix_vectors;
	__u32 i, last;

	for (i = 0; i < n; i++)
		if (mrv_state_entries(state)[i * 16] & 3)
			return true;
	/* Bits without an entry. */
	for (i = n; i < mrv_qwords(fn) * 64; i++) {
		last = mrv_state_pba(fn, state)[i / 8] | mrv_state_held(fn, state)[i / 8];
		if (last >> i % 8 & 1)
			return true;
	}
	return false;
}

/*
 * Both backends take the same states.  Can the function's registers have this one?  It may
 * come from anywhere.
 */
static inline int mrv_state_check(const struct mrv_function *fn, void *state, size_t size,
				  struct mrv_state *h)
{
	const __u32 none[4] = { 0, 0, 0, 0 };

	if (mrv_shape_changes(&fn->shape))
		return -EOPNOTSUPP;
	if (size < sizeof(*h))
		return -EINVAL;
	memcpy(h, state, sizeof(*h));
	if (h->magic != MRV_STATE_MAGIC)
		return -EINVAL;
	if (h->version != MRV_STATE_VERSION)
		return -EOPNOTSUPP;
	if (h->size != mrv_state_bytes(fn) || size < h->size ||
	    memcmp(h->reserved, none, sizeof(none)) ||
	    h->msix_vectors != fn->shape.msix_vectors ||
	    h->msi_vectors != fn->shape.msi_vectors || h->msi_flags != fn->shape.msi_flags ||
	    h->hold_bound_ns > MRV_HOLD_MAX_NS ||
	    h->command & ~(MRV_COMMAND_MASTER | MRV_COMMAND_NO_INTX) ||
	    h->msix_control & ~(h->msix_vectors ? MRV_MSIX_ENABLE | MRV_MSIX_MASK_ALL : 0) ||
	    mrv_state_msi_wrong(&fn->shape, h) || mrv_state_msix_wrong(fn, state))
		return -EINVAL;
	return 0;
}

#endif /* _MSI_ROUTE_VMM_SHAPE_H */
