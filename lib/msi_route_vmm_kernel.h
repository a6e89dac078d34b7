/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/* The backend on msi_route: one call for each.  A part of msi_route_vmm.h. */
#ifndef _MSI_ROUTE_VMM_KERNEL_H
#define _MSI_ROUTE_VMM_KERNEL_H

static inline int mrv_routes_set_extra(struct mrv_vm *vm, bool extra);

static inline int mrv_call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static inline void mrv_kernel_close(struct mrv_vm *vm)
{
	if (vm->device >= 0)
		close(vm->device);
	vm->device = -1;
}

static inline int mrv_kernel_open(struct mrv_vm *vm)
{
	const __u64 needed = MSI_ROUTE_FEATURE_MAP | MSI_ROUTE_FEATURE_STATE;
	struct msi_route_query query;
	int ret;

	if (vm->device < 0)
		vm->device = open("/dev/msi_route", O_RDWR | O_CLOEXEC);
	if (vm->device < 0)
		return -errno;
	memset(&query, 0, sizeof(query));
	query.size = sizeof(query);
	ret = mrv_call(vm->device, MSI_ROUTE_QUERY, &query);
	if (ret)
		return ret;
	return query.version < 2 || (query.features & needed) != needed ? -EOPNOTSUPP : 0;
}

static inline int mrv_kernel_create(struct mrv_function *fn)
{
	int ret = mrv_call(fn->vm->device, MSI_ROUTE_CREATE, &fn->shape);

	/* The host's first function, in a jail: a route shows the module the way. */
	if (ret == -ENODATA && !mrv_routes_set_extra(fn->vm, true)) {
		ret = mrv_call(fn->vm->device, MSI_ROUTE_CREATE, &fn->shape);
		mrv_routes_set_extra(fn->vm, false);
	}
	if (ret < 0)
		return ret;
	fn->fd = ret;
	return 0;
}

static inline int mrv_kernel_access(struct mrv_function *fn, unsigned long request, __u32 space,
				    __u32 offset, __u32 len, __u64 *value)
{
	struct msi_route_access access;
	int ret;

	memset(&access, 0, sizeof(access));
	access.size = sizeof(access);
	access.space = space;
	access.offset = offset;
	access.len = len;
	access.value = *value;
	ret = mrv_call(fn->fd, request, &access);
	if (!ret)
		*value = access.value;
	return ret;
}

static inline int mrv_kernel_set_bus_master(struct mrv_function *fn, bool enable)
{
	struct msi_route_bus_master master;

	memset(&master, 0, sizeof(master));
	master.size = sizeof(master);
	master.enable = enable;
	return mrv_call(fn->fd, MSI_ROUTE_SET_BUS_MASTER, &master);
}

/* Table and PBA are where their BARs are, or nowhere. */
static inline int mrv_kernel_place(struct mrv_function *fn)
{
	const struct msi_route_create *s = &fn->shape;
	struct msi_route_map map;
	int ret;

	memset(&map, 0, sizeof(map));
	map.size = sizeof(map);
	if (fn->placed >> s->msix_table_bir & 1) {
		map.flags |= MSI_ROUTE_MAP_TABLE;
		map.table = fn->bar[s->msix_table_bir] + s->msix_table_offset;
	}
	if (fn->placed >> s->msix_pba_bir & 1) {
		map.flags |= MSI_ROUTE_MAP_PBA;
		map.pba = fn->bar[s->msix_pba_bir] + s->msix_pba_offset;
	}
	ret = mrv_call(fn->fd, MSI_ROUTE_MAP, &map);
	if (!ret)
		return 0;
	/* The guest has placed it over something else: it leaves the old place. */
	memset(&map, 0, sizeof(map));
	map.size = sizeof(map);
	mrv_call(fn->fd, MSI_ROUTE_MAP, &map);
	return ret;
}

/* MSI_ROUTE_TRIGGER, MSI_ROUTE_CLEAR_PENDING; returns the outcome. */
static inline int mrv_kernel_trigger(struct mrv_function *fn, unsigned long request, __u32 kind,
				     __u32 vector)
{
	struct msi_route_trigger event;
	int ret;

	memset(&event, 0, sizeof(event));
	event.size = sizeof(event);
	event.kind = kind;
	event.vector = vector;
	ret = mrv_call(fn->fd, request, &event);
	return ret < 0 ? ret : (int)event.outcome;
}

static inline int mrv_kernel_set_eventfd(struct mrv_function *fn, __u32 kind, __u32 vector,
					 int fd, __u32 flags)
{
	struct msi_route_eventfd set;

	memset(&set, 0, sizeof(set));
	set.size = sizeof(set);
	set.flags = flags;
	set.kind = kind;
	set.vector = vector;
	set.fd = fd;
	return mrv_call(fn->fd, MSI_ROUTE_SET_EVENTFD, &set);
}

static inline int mrv_kernel_reset(struct mrv_function *fn, __u32 flags)
{
	struct msi_route_reset reset;

	memset(&reset, 0, sizeof(reset));
	reset.size = sizeof(reset);
	reset.flags = flags;
	return mrv_call(fn->fd, MSI_ROUTE_RESET, &reset);
}

static inline int mrv_kernel_set_run(struct mrv_function *fn, bool run)
{
	struct msi_route_set_run set;

	memset(&set, 0, sizeof(set));
	set.size = sizeof(set);
	set.run = run;
	return mrv_call(fn->fd, MSI_ROUTE_SET_RUN, &set);
}

static inline void mrv_kernel_state(struct mrv_function *fn, void *state,
				    struct msi_route_state *s)
{
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->msix_vectors = fn->shape.msix_vectors;
	s->msi_vectors = fn->shape.msi_vectors;
	s->msi_flags = fn->shape.msi_flags;
	s->entries = (unsigned long)mrv_state_entries(state);
	s->pba = (unsigned long)mrv_state_pba(fn, state);
	s->held = (unsigned long)mrv_state_held(fn, state);
}

static inline int mrv_kernel_save(struct mrv_function *fn, void *state, struct mrv_state *h,
				  bool detach)
{
	struct msi_route_state s;
	int ret;

	mrv_kernel_state(fn, state, &s);
	s.flags = detach ? MSI_ROUTE_STATE_DETACH : 0;
	ret = mrv_call(fn->fd, MSI_ROUTE_SAVE, &s);
	if (ret)
		return ret;
	h->command = s.bus_master ? MRV_COMMAND_MASTER : 0;
	h->hold_bound_ns = s.hold_bound_ns;
	h->msix_control = s.msix_control;
	h->msi_control = s.msi_control;
	h->msi_address_lo = s.msi_address_lo;
	h->msi_address_hi = s.msi_address_hi;
	h->msi_data = s.msi_data;
	h->msi_mask = s.msi_mask;
	h->msi_pending = s.msi_pending;
	h->msi_held = s.msi_held;
	return 0;
}

static inline int mrv_kernel_restore(struct mrv_function *fn, void *state,
				     const struct mrv_state *h)
{
	struct msi_route_state s;

	mrv_kernel_state(fn, state, &s);
	s.bus_master = !!(h->command & MRV_COMMAND_MASTER);
	s.hold_bound_ns = h->hold_bound_ns;
	s.msix_control = h->msix_control;
	s.msi_control = h->msi_control;
	s.msi_address_lo = h->msi_address_lo;
	s.msi_address_hi = h->msi_address_hi;
	s.msi_data = h->msi_data;
	s.msi_mask = h->msi_mask;
	s.msi_pending = h->msi_pending;
	s.msi_held = h->msi_held;
	return mrv_call(fn->fd, MSI_ROUTE_RESTORE, &s);
}

#endif /* _MSI_ROUTE_VMM_KERNEL_H */
