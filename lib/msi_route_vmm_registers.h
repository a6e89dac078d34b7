/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The fallback: registers, as the guest sees them, and a function's life.  A part of
 * msi_route_vmm.h.
 */
#ifndef _MSI_ROUTE_VMM_REGISTERS_H
#define _MSI_ROUTE_VMM_REGISTERS_H

static inline bool mrv_user_pending(struct mrv_function *fn, __u32 kind, __u32 i)
{
	mrv_user_collect(fn, kind, i);
	return fn->user->vector[kind][i].pending;
}

static inline __u32 mrv_user_msi_pending(struct mrv_function *fn)
{
	__u32 i, bits = 0;

	for (i = 0; i < fn->shape.msi_vectors; i++)
		bits |= (__u32)mrv_user_pending(fn, MSI_ROUTE_MSI, i) << i;
	return bits;
}

/* ---- configuration space, by dwords ---- */

enum mrv_register {
	MRV_REG_NONE,
	MRV_REG_MSIX_CONTROL,
	MRV_REG_MSIX_TABLE,
	MRV_REG_MSIX_PBA,
	MRV_REG_MSI_CONTROL,
	MRV_REG_MSI_LO,
	MRV_REG_MSI_HI,
	MRV_REG_MSI_DATA,
	MRV_REG_MSI_MASK,
	MRV_REG_MSI_PENDING,
};

static inline enum mrv_register mrv_user_register(const struct mrv_function *fn, __u32 offset)
{
	const struct msi_route_create *s = &fn->shape;
	__u32 at = offset - s->msix_cap;

	if (s->msix_vectors && at < MRV_MSIX_SIZE)
		return (enum mrv_register)(MRV_REG_MSIX_CONTROL + at / 4);
	at = offset - s->msi_cap;
	if (!s->msi_vectors || at >= mrv_msi_size(s))
		return MRV_REG_NONE;
	if (at >= mrv_msi_data(s))
		return (enum mrv_register)(MRV_REG_MSI_DATA + (at - mrv_msi_data(s)) / 4);
	return (enum mrv_register)(MRV_REG_MSI_CONTROL + at / 4);
}

static inline __u16 mrv_user_msi_control(const struct mrv_function *fn)
{
	const struct msi_route_create *s = &fn->shape;
	__u16 control = fn->user->msi_control;
	__u32 n;

	for (n = s->msi_vectors; n > 1; n /= 2)
		control += 1 << 1;
	if (s->msi_flags & MSI_ROUTE_MSI_64BIT)
		control |= 0x080;
	if (s->msi_flags & MSI_ROUTE_MSI_MASKING)
		control |= 0x100;
	if (s->msi_flags & MSI_ROUTE_MSI_EXT_DATA)
		control |= 0x200;
	return control;
}

/* A dword's value.  *own: its bits that are the function's. */
static inline __u32 mrv_user_dword(struct mrv_function *fn, __u32 offset, __u32 *own)
{
	const struct msi_route_create *s = &fn->shape;
	const struct mrv_user *u = fn->user;

	*own = ~0U;
	switch (mrv_user_register(fn, offset)) {
	case MRV_REG_MSIX_CONTROL:
		*own = 0xffff0000;
		return (__u32)(u->msix_control | (s->msix_vectors - 1)) << 16;
	case MRV_REG_MSIX_TABLE:
		return s->msix_table_offset | s->msix_table_bir;
	case MRV_REG_MSIX_PBA:
		return s->msix_pba_offset | s->msix_pba_bir;
	case MRV_REG_MSI_CONTROL:
		*own = 0xffff0000;
		return (__u32)mrv_user_msi_control(fn) << 16;
	case MRV_REG_MSI_LO:
		return u->msi_lo;
	case MRV_REG_MSI_HI:
		return u->msi_hi;
	case MRV_REG_MSI_DATA:
		return mrv_user_msi_data(fn);
	case MRV_REG_MSI_MASK:
		return u->msi_mask;
	case MRV_REG_MSI_PENDING:
		return mrv_user_msi_pending(fn);
	default:
		*own = 0;
		return 0;
	}
}

/* Puts @value into @reg, as far as the bytes of @lanes and the writable bits @rw go. */
static inline void mrv_user_put(__u32 *reg, __u32 lanes, __u32 rw, __u32 value)
{
	*reg = (*reg & ~(lanes & rw)) | (value & lanes & rw);
}

static inline void mrv_user_put_control(__u16 *reg, __u32 lanes, __u16 rw, __u32 value)
{
	__u32 control = *reg;

	mrv_user_put(&control, lanes >> 16, rw, value >> 16);
	*reg = control;
}

/* Each byte goes to its register [11]; each register takes effect when it is written [10]. */
static inline void mrv_user_write_dword(struct mrv_function *fn, __u32 offset, __u32 lanes,
					__u32 value)
{
	const struct msi_route_create *s = &fn->shape;
	struct mrv_user *u = fn->user;

	if (offset == MRV_COMMAND && lanes & 0xff && s->flags & MSI_ROUTE_CREATE_COMMAND)
		mrv_user_set_bus_master(fn, value & MRV_COMMAND_MASTER);
	if (mrv_user_register(fn, offset) == MRV_REG_NONE)
		return;
	mrv_user_collect_all(fn);
	switch (mrv_user_register(fn, offset)) {
	case MRV_REG_MSIX_CONTROL:
		mrv_user_put_control(&u->msix_control, lanes,
				     MRV_MSIX_ENABLE | MRV_MSIX_MASK_ALL, value);
		break;
	case MRV_REG_MSI_CONTROL:
		mrv_user_put_control(&u->msi_control, lanes, mrv_msi_control_rw(s), value);
		break;
	case MRV_REG_MSI_LO:
		mrv_user_put(&u->msi_lo, lanes, ~3U, value);
		break;
	case MRV_REG_MSI_HI:
		mrv_user_put(&u->msi_hi, lanes, ~0U, value);
		break;
	case MRV_REG_MSI_DATA:
		mrv_user_put(&u->msi_data, lanes, mrv_msi_data_rw(s), value);
		break;
	case MRV_REG_MSI_MASK:
		mrv_user_put(&u->msi_mask, lanes, mrv_msi_vector_bits(s), value);
		break;
	default:
		return;
	}
	mrv_user_update_all(fn);
}

/* Up to 8 bytes, in the low bytes of *value. */
static inline void mrv_user_config_read(struct mrv_function *fn, __u32 offset, __u32 len,
					__u64 *value)
{
	__u32 i, own, dword, shift;

	for (i = 0; i < len; i++) {
		dword = mrv_user_dword(fn, (offset + i) & ~3U, &own);
		shift = (offset + i) % 4 * 8;
		if (!(own >> shift & 0xff))
			continue;
		*value &= ~(0xffULL << i * 8);
		*value |= (__u64)(dword >> shift & 0xff) << i * 8;
	}
}

/* Dword by dword, the lowest first, as a host bridge does it. */
static inline void mrv_user_config_write(struct mrv_function *fn, __u32 offset, __u32 len,
					 __u64 value)
{
	__u32 i = 0, at, lanes, dword, shift;

	while (i < len) {
		at = (offset + i) & ~3U;
		for (lanes = dword = 0; i < len && ((offset + i) & ~3U) == at; i++) {
			shift = (offset + i) % 4 * 8;
			lanes |= 0xffU << shift;
			dword |= (__u32)(value >> i * 8 & 0xff) << shift;
		}
		mrv_user_write_dword(fn, at, lanes, dword);
	}
}

/* ---- table and PBA ---- */

static inline __u32 *mrv_user_table(struct mrv_function *fn, __u32 offset)
{
	struct msi_route_entry *e = &fn->user->table[offset / 16];

	switch (offset / 4 % 4) {
	case 0:
		return &e->address_lo;
	case 1:
		return &e->address_hi;
	case 2:
		return &e->data;
	default:
		return &e->control;
	}
}

/* A qword is one update [16]. */
static inline void mrv_user_write_table(struct mrv_function *fn, __u32 offset, __u32 len,
					__u64 value)
{
	__u32 i = offset / 16;

	mrv_user_collect(fn, MSI_ROUTE_MSIX, i);
	*mrv_user_table(fn, offset) = value;
	if (len == 8)
		*mrv_user_table(fn, offset + 4) = value >> 32;
	fn->user->table[i].address_lo &= ~3U;
	mrv_user_update(fn, MSI_ROUTE_MSIX, i, 1);
}

static inline __u64 mrv_user_read_pba(struct mrv_function *fn, __u32 offset)
{
	__u32 i, first = offset / 8 * 64;
	__u64 bits = 0;

	for (i = first; i < first + 64 && i < fn->shape.msix_vectors; i++)
		bits |= (__u64)mrv_user_pending(fn, MSI_ROUTE_MSIX, i) << (i - first);
	return bits >> offset % 8 * 8;
}

/* Wholly within table or PBA, 1 to 8 bytes. */
static inline void mrv_user_bar_access(struct mrv_function *fn, bool write, __u32 space,
				       __u32 offset, __u32 len, __u64 *value)
{
	/* [15] */
	if ((len != 4 && len != 8) || offset % len) {
		*value = ~0ULL;
	} else if (space == MSI_ROUTE_PBA) {
		*value = mrv_user_read_pba(fn, offset);
	} else if (write) {
		mrv_user_write_table(fn, offset, len, *value);
	} else {
		*value = *mrv_user_table(fn, offset);
		if (len == 8)
			*value |= (__u64)*mrv_user_table(fn, offset + 4) << 32;
	}
}

/* ---- all registers ---- */

static inline void mrv_user_clear(struct mrv_function *fn)
{
	struct mrv_user *u = fn->user;
	__u32 kind, i;

	u->msix_control = 0;
	u->msi_control = 0;
	u->msi_lo = 0;
	u->msi_hi = 0;
	u->msi_data = 0;
	u->msi_mask = 0;
	memset(u->table, 0, fn->shape.msix_vectors * sizeof(*u->table));
	for (i = 0; i < fn->shape.msix_vectors; i++)
		u->table[i].control = MRV_ENTRY_MASKED;
	for (kind = 0; kind < MRV_NR_KINDS; kind++)
		for (i = 0; i < mrv_vectors(fn, kind); i++)
			u->vector[kind][i].pending = false;
}

/* What is pending is gone, in the eventfds too [29]. */
static inline void mrv_user_reset(struct mrv_function *fn, bool keep_bus_master)
{
	mrv_user_collect_all(fn);
	mrv_user_clear(fn);
	if (!keep_bus_master)
		fn->user->bus_master = false;
	mrv_user_update_all(fn);
}

static inline int mrv_user_save(struct mrv_function *fn, void *state, struct mrv_state *h,
				bool detach)
{
	struct mrv_user *u = fn->user;
	__u8 *pba = mrv_state_pba(fn, state);
	__u32 i;

	if (u->run)
		return -EBUSY;
	if (detach)
		mrv_user_detach_all(fn);
	h->command = u->bus_master ? MRV_COMMAND_MASTER : 0;
	h->hold_bound_ns = u->hold_bound_ns;
	h->msix_control = u->msix_control;
	h->msi_control = u->msi_control;
	h->msi_address_lo = u->msi_lo;
	h->msi_address_hi = u->msi_hi;
	h->msi_data = u->msi_data;
	h->msi_mask = u->msi_mask;
	h->msi_pending = mrv_user_msi_pending(fn);
	memcpy(mrv_state_entries(state), u->table, fn->shape.msix_vectors * sizeof(*u->table));
	memset(pba, 0, mrv_qwords(fn) * 8U);
	memset(mrv_state_held(fn, state), 0, mrv_qwords(fn) * 8U);
	for (i = 0; i < fn->shape.msix_vectors; i++)
		pba[i / 8] |= mrv_user_pending(fn, MSI_ROUTE_MSIX, i) << i % 8;
	return 0;
}

/* The function is stopped: nothing is sent.  Without update holds those of the state end. */
static inline int mrv_user_restore(struct mrv_function *fn, void *state,
				   const struct mrv_state *h)
{
	struct mrv_user *u = fn->user;
	const __u8 *pba = mrv_state_pba(fn, state);
	__u32 i;

	if (u->run)
		return -EBUSY;
	mrv_user_collect_all(fn);
	mrv_user_clear(fn);
	u->bus_master = h->command & MRV_COMMAND_MASTER;
	u->hold_bound_ns = h->hold_bound_ns;
	u->msix_control = h->msix_control;
	u->msi_control = h->msi_control;
	u->msi_lo = h->msi_address_lo;
	u->msi_hi = h->msi_address_hi;
	u->msi_data = h->msi_data;
	u->msi_mask = h->msi_mask;
	memcpy(u->table, mrv_state_entries(state), fn->shape.msix_vectors * sizeof(*u->table));
	for (i = 0; i < fn->shape.msix_vectors; i++)
		u->vector[MSI_ROUTE_MSIX][i].pending = pba[i / 8] >> i % 8 & 1;
	for (i = 0; i < fn->shape.msi_vectors; i++)
		u->vector[MSI_ROUTE_MSI][i].pending = h->msi_pending >> i & 1;
	return 0;
}

/* ---- life ---- */

static inline void mrv_user_destroy(struct mrv_function *fn)
{
	struct mrv_user *u = fn->user;
	__u32 kind, i;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		for (i = 0; u->vector[kind] && i < mrv_vectors(fn, kind); i++) {
			struct mrv_vector *v = &u->vector[kind][i];

			mrv_user_keep(fn, v);
			free(v->fds);
			if (v->route < 0)
				continue;
			pthread_mutex_lock(&fn->vm->lock);
			mrv_route_put(fn->vm, v->route);
			pthread_mutex_unlock(&fn->vm->lock);
		}
		free(u->vector[kind]);
	}
	if (u->epoll >= 0)
		close(u->epoll);
	free(u->table);
	free(u);
	fn->user = NULL;
}

static inline int mrv_user_create(struct mrv_function *fn)
{
	int ret = mrv_shape_check(&fn->shape, fn->vm->flags & MRV_VM_32BIT_IDS);
	struct mrv_user *u;
	__u32 kind, i;

	if (ret)
		return ret;
	u = (struct mrv_user *)calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	fn->user = u;
	u->run = true;
	u->hold_bound_ns = MRV_HOLD_BOUND_NS;
	u->table = (struct msi_route_entry *)calloc(fn->shape.msix_vectors + 1, sizeof(*u->table));
	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		u->vector[kind] = (struct mrv_vector *)calloc(mrv_vectors(fn, kind) + 1,
							      sizeof(*u->vector[kind]));
		for (i = 0; u->vector[kind] && i < mrv_vectors(fn, kind); i++)
			u->vector[kind][i].route = -1;
	}
	u->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (u->epoll < 0)
		ret = -errno;
	else if (!u->table || !u->vector[MSI_ROUTE_MSIX] || !u->vector[MSI_ROUTE_MSI])
		ret = -ENOMEM;
	if (ret)
		mrv_user_destroy(fn);
	else
		mrv_user_clear(fn);
	return ret;
}

#endif /* _MSI_ROUTE_VMM_REGISTERS_H */
