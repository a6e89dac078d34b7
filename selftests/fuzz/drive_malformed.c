// SPDX-License-Identifier: GPL-2.0
/* Operations that are malformed: structs, sizes, pointers, shapes. */
#include <unistd.h>

#include "drive_parts.h"

/* Requests and their structs; @reserved: the last field is a reserved one. */
static const struct {
	unsigned long request;
	unsigned int size;
	bool reserved;
} requests[] = {
	{ MSI_ROUTE_READ, sizeof(struct msi_route_access), false },
	{ MSI_ROUTE_WRITE, sizeof(struct msi_route_access), false },
	{ MSI_ROUTE_TRIGGER, sizeof(struct msi_route_trigger), false },
	{ MSI_ROUTE_CLEAR_PENDING, sizeof(struct msi_route_trigger), false },
	{ MSI_ROUTE_SET_EVENTFD, sizeof(struct msi_route_eventfd), true },
	{ MSI_ROUTE_SET_BUS_MASTER, sizeof(struct msi_route_bus_master), false },
	{ MSI_ROUTE_RESET, sizeof(struct msi_route_reset), true },
	{ MSI_ROUTE_SET_HOLD, sizeof(struct msi_route_set_hold), false },
	{ MSI_ROUTE_GET_COUNTERS, sizeof(struct msi_route_counters), false },
	{ MSI_ROUTE_MAP, sizeof(struct msi_route_map), false },
	{ MSI_ROUTE_GET_MAP, sizeof(struct msi_route_get_map), false },
	{ MSI_ROUTE_SET_EVENTFDS, sizeof(struct msi_route_eventfds), false },
	{ MSI_ROUTE_SET_ENTRIES, sizeof(struct msi_route_entries), false },
	{ MSI_ROUTE_SET_NOTIFY, sizeof(struct msi_route_set_notify), true },
	{ MSI_ROUTE_GET_CHANGES, sizeof(struct msi_route_get_changes), false },
	{ MSI_ROUTE_SET_RUN, sizeof(struct msi_route_set_run), false },
	{ MSI_ROUTE_SAVE, sizeof(struct msi_route_state), false },
	{ MSI_ROUTE_RESTORE, sizeof(struct msi_route_state), false },
	{ MSI_ROUTE_SET_TRANSLATION, sizeof(struct msi_route_translation), false },
	{ MSI_ROUTE_RESIZE, sizeof(struct msi_route_resize), true },
	{ MSI_ROUTE_SET_IMS, sizeof(struct msi_route_ims), false },
	{ MSI_ROUTE_RENEW, sizeof(struct msi_route_renew), true },
	{ MSI_ROUTE_SET_REMAPPING, sizeof(struct msi_route_remapping), false },
	{ MSI_ROUTE_REBIND, sizeof(struct msi_route_rebind), true },
	{ MSI_ROUTE_GET_VECTORS, sizeof(struct msi_route_get_vectors), false },
	{ MSI_ROUTE_QUERY, sizeof(struct msi_route_query), false },
};

bool do_mangle(const __u64 *arg)
{
	unsigned int i, how = arg[1];
	struct errors e = { 0 };
	__u8 buffer[256] = { 0 };
	__u32 *size = (__u32 *)buffer;
	int ret;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].request == _IO(MSI_ROUTE_TYPE, arg[0]))
			break;
	if (i == sizeof(requests) / sizeof(requests[0])) {
		*size = 16;
		may_fail(&e, true, ENOTTY);
		ret = call(_IO(MSI_ROUTE_TYPE, arg[0]), buffer);
		return same_errors(&e, ret);
	}
	*size = requests[i].size;
	switch (how) {
	case MANGLE_EMPTY:
	case MANGLE_SHORT:
		*size = how == MANGLE_SHORT ? 4 : 0;
		may_fail(&e, true, EINVAL);
		break;
	case MANGLE_LONG:
		/* Whatever the others are, this request is valid. */
		i = 0;
		*size = requests[i].size + 16;
		((struct msi_route_access *)buffer)->len = 4;
		break;
	case MANGLE_DIRTY:
		buffer[*size + 4] = 1;
		*size += 8;
		may_fail(&e, true, E2BIG);
		break;
	case MANGLE_RESERVED:
		if (!requests[i].reserved)
			return true;
		*(__u32 *)(buffer + *size - 4) = ~0U;
		may_fail(&e, true, EOPNOTSUPP);
		/* An eventfd, a kind or a number of 0 may be wrong as well. */
		may_fail(&e, requests[i].size > 8, EINVAL);
		may_fail(&e, requests[i].size > 8, ENODEV);
		may_fail(&e, requests[i].size > 8, ECHRNG);
		may_fail(&e, requests[i].size > 8, EBADF);
		break;
	default:
		may_fail(&e, true, EFAULT);
		ret = call(requests[i].request, NOWHERE);
		return same_errors(&e, ret);
	}
	ret = call(requests[i].request, buffer);
	return same_errors(&e, ret);
}

bool do_create(const __u64 *arg)
{
	struct msi_route_create shape;
	struct function fn;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[0]);
	random_shape(&r, below(&r, NR_MACHINES), &shape);
	mangle_shape(&r, &shape);
	ret = function_try_open(&fn, pair.vm, shape);
	e = model_shape(&shape, pair.vm->flags & VM_X2APIC);
	if (ret >= 0)
		close(fn.fd);
	if (!same_errors(&e, ret)) {
		struct program p = { .shape = shape };

		print_program(stdout, &p);
		return false;
	}
	return true;
}
