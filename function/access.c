// SPDX-License-Identifier: GPL-2.0
/* Finds the capability and the register that a guest's access is for. */
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/pci_regs.h>

#include "../mutate.h"
#include "function.h"

/* ---- configuration space ---- */

/* Is the dword in the capability's part of configuration space? */
static bool mr_access_in_cap(u32 dword, u32 cap, u32 size)
{
	return dword >= cap && dword < cap + size;
}

static u32 mr_access_merge(u32 value, u32 lanes, u32 from)
{
	return (value & ~lanes) | (from & lanes);
}

static bool mr_access_grant(const struct mr_function *fn, u32 dword)
{
	return fn->grant.offset &&
	       mr_access_in_cap(dword, fn->grant.offset, MSI_ROUTE_GRANT_CAP_SIZE);
}

static u32 mr_access_config_read(struct mr_function *fn, u32 dword, u32 lanes, u32 value)
{
	u32 owned, from;
	struct mr_cap *cap;

	mr_for_each_cap(cap, &fn->rq) {
		if (!mr_access_in_cap(dword, cap->config_at, cap->config_size))
			continue;
		from = cap->ops->config_read(cap, dword - cap->config_at, &owned);
		value = mr_access_merge(value, lanes & owned, from);
	}
	if (mr_access_grant(fn, dword)) {
		from = mr_grant_config_read(fn, dword - fn->grant.offset, &owned);
		value = mr_access_merge(value, lanes & owned, from);
	}
	return value;
}

static void mr_access_config_write(struct mr_function *fn, u32 dword, u32 lanes,
				   u32 value)
{
	struct mr_config_access a = { .lanes = lanes, .value = value };
	struct mr_cap *cap;

	/* The VMM keeps the register itself [31]. */
	if (dword == PCI_COMMAND && lanes & 0xff &&
	    fn->rq.flags & MSI_ROUTE_CREATE_COMMAND && !mr_mutant(MR_MUT_DEAF))
		mr_function_set_bus_master(fn, value & PCI_COMMAND_MASTER);
	mr_for_each_cap(cap, &fn->rq) {
		if (!mr_access_in_cap(dword, cap->config_at, cap->config_size))
			continue;
		a.reg = dword - cap->config_at;
		cap->ops->config_write(cap, &a);
	}
	if (mr_access_grant(fn, dword)) {
		a.reg = dword - fn->grant.offset;
		mr_grant_config_write(fn, &a);
	}
}

static int mr_access_config(struct mr_function *fn, struct msi_route_access *a,
			    bool write)
{
	u32 at = a->offset, end = at + a->len;
	u32 next, shift, lanes, value;
	u64 read = 0;

	if (a->offset > PCI_CFG_SPACE_EXP_SIZE - a->len)
		return -ERANGE;

	/* One access for each dword, the lowest first [11]. */
	for (; at < end; at = next) {
		next = min(round_down(at, 4) + 4, end);
		shift = (at & 3) * 8;
		lanes = (~0U >> (32 - 8 * (next - at))) << shift;
		value = (u32)(a->value >> (at - a->offset) * 8) << shift;
		if (write) {
			mr_access_config_write(fn, round_down(at, 4), lanes, value);
			/* What this released must arrive before the next write. */
			mr_function_sync(fn);
			continue;
		}
		value = mr_access_config_read(fn, round_down(at, 4), lanes, value) & lanes;
		read |= (u64)(value >> shift) << (at - a->offset) * 8;
	}
	if (!write)
		a->value = read;
	return 0;
}

/* ---- table and PBA ---- */

static int mr_access_memory(struct mr_function *fn, struct msi_route_access *a,
			    bool write)
{
	u32 size = mr_msix_space_size(fn, a->space);

	if (!size)
		return -ENODEV;
	if (a->offset > size - a->len)
		return -ERANGE;

	a->offset = array_index_nospec(a->offset, size);
	if (write)
		mr_msix_write(fn, a);
	else
		mr_msix_read(fn, a, &a->value);
	return 0;
}

/**
 * mr_function_access() - do a guest's access of the function's registers
 * @fn: the function
 * @a: the access; a read fills in its value
 * @write: true for a write, false for a read
 *
 * Context: process, interrupts on, no lock held; waits for no other task, except
 * for one that sends a broadcast, and in mr_grant_config_write().
 * Return: 0, or -EINVAL, -EMSGSIZE, -ERANGE, -ENODEV as
 * &struct msi_route_access documents them.
 */
int mr_function_access(struct mr_function *fn, struct msi_route_access *a,
		       bool write)
{
	int ret;

	if (!a->len || a->len > sizeof(a->value))
		return -EMSGSIZE;
	if (!write)
		mr_function_sync(fn);
	switch (a->space) {
	case MSI_ROUTE_CONFIG:
		ret = mr_access_config(fn, a, write);
		break;
	case MSI_ROUTE_TABLE:
	case MSI_ROUTE_PBA:
		ret = mr_access_memory(fn, a, write);
		break;
	default:
		ret = -EINVAL;
		break;
	}
	if (write)
		mr_function_sync(fn);
	return ret;
}
