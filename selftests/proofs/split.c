// SPDX-License-Identifier: GPL-2.0
/*
 * An access of configuration space, at any offset, of any length and value, reaches the
 * registers of a capability anywhere as the bus does it: each byte once, dword by dword [11].
 * What is looked at is one byte of configuration space, any one.  What a register then does
 * is another proof's.
 */
#include <linux/pci_regs.h>

#include "harness.h"

//@ harness config_split
//@ sources function/access.c
//@ options --unwind 5 --unwindset mr_access_config.0:4
//@ mutants MR_MUT_DEAF

/* Nothing is sent. */
void mr_vm_use(mr_set_fn set)
{
}

/* The byte, and what reached the capability of it. */
static u32 split_at;
static u32 split_nr;
static u8 split_written;
static u32 split_dword;		/* of the last access of the capability, plus 1 */
static bool split_bus_master;
static u32 split_syncs;

/* What the capability has in the byte's dword, and which bits of it are its own. */
static u32 split_value, split_owned;

static bool split_in_dword(const struct mr_cap *cap, u32 reg)
{
	CLAIM(!(reg & 3) && reg < cap->config_size, "a capability is asked for its own dwords");
	CLAIM(reg >= split_dword, "the lowest dword comes first");
	split_dword = reg + 4;
	return split_at >= cap->config_at + reg && split_at < cap->config_at + reg + 4;
}

static u32 split_read(struct mr_cap *cap, u32 reg, u32 *owned)
{
	bool is = split_in_dword(cap, reg);

	*owned = is ? split_owned : nondet_u32();
	return is ? split_value : nondet_u32();
}

static void split_write(struct mr_cap *cap, const struct mr_config_access *a)
{
	u32 shift = 8 * (split_at & 3), lane = a->lanes >> shift & 0xff;

	if (!split_in_dword(cap, a->reg))
		return;
	CLAIM(lane == 0 || lane == 0xff, "a byte is written as a whole");
	if (!lane)
		return;
	split_nr++;
	split_written = a->value >> shift;
}

void mr_function_sync(struct mr_function *fn)
{
	split_syncs++;
}

void mr_function_set_bus_master(struct mr_function *fn, bool enable)
{
	fn->rq.bus_master = enable;
}

static void split_any(void)
{
	static const struct mr_cap_ops ops = {
		.config_read = split_read, .config_write = split_write,
	};
	struct mr_cap *cap = mr_msi_cap(&proof_fn);

	proof_any_function();
	split_bus_master = proof_fn.rq.bus_master;
	cap->max = 1;
	cap->ops = &ops;
	cap->config_at = nondet_u8();
	cap->config_size = nondet_u8();
	ASSUME(cap->config_at >= PCI_STD_HEADER_SIZEOF && !(cap->config_at & 3) &&
	       !(cap->config_size & 3) &&
	       cap->config_at + cap->config_size <= PCI_CFG_SPACE_SIZE);
	split_at = nondet_u32();
	split_value = nondet_u32();
	split_owned = nondet_u32();
}

static bool split_owns(u32 at)
{
	const struct mr_cap *cap = mr_msi_cap(&proof_fn);

	return at >= cap->config_at && at < cap->config_at + cap->config_size;
}

/* The byte of @value that is at split_at in an access at @offset. */
static u8 split_byte(u64 value, u32 offset)
{
	return value >> 8 * (split_at - offset);
}

static int split_error(const struct msi_route_access *a)
{
	if (a->len < 1 || a->len > 8)
		return -EMSGSIZE;
	return (u64)a->offset + a->len > PCI_CFG_SPACE_EXP_SIZE ? -ERANGE : 0;
}

void config_split(void)
{
	struct msi_route_access a = {
		.space = MSI_ROUTE_CONFIG, .offset = nondet_u32(), .len = nondet_u32(),
		.value = nondet_u64(),
	};
	struct msi_route_access was = a;
	u32 shift, owned, vmm;
	bool write, reaches;
	int ret;

	split_any();
	write = nondet_bool();
	if (write)
		ret = mr_function_access(&proof_fn, &a, true);
	else
		ret = mr_function_access(&proof_fn, &a, false);
	CLAIM(ret == split_error(&was), "an access within configuration space succeeds");
	reaches = !ret && split_at >= was.offset && split_at < (u64)was.offset + was.len;
	CLAIM(split_nr == (write && reaches && split_owns(split_at)),
	      "a byte that is written is written once, and no other");
	CLAIM(!split_nr || split_written == split_byte(was.value, was.offset),
	      "a byte is written with its value");
	CLAIM(proof_fn.rq.bus_master ==
	      (write && !ret && was.offset <= PCI_COMMAND &&
	       was.offset + was.len > PCI_COMMAND &&
	       proof_fn.rq.flags & MSI_ROUTE_CREATE_COMMAND ?
	       !!(was.value >> 8 * (PCI_COMMAND - was.offset) & PCI_COMMAND_MASTER) :
	       split_bus_master),
	      "Bus Master Enable follows Command [31]");
	CLAIM(ret == -EMSGSIZE || split_syncs, "what was deferred is completed [26]");
	if (write || !reaches)
		return;
	shift = 8 * (split_at & 3);
	owned = split_owns(split_at) ? split_owned >> shift & 0xff : 0;
	vmm = split_byte(was.value, was.offset);
	CLAIM(split_byte(a.value, was.offset) ==
	      (u8)((vmm & ~owned) | (split_value >> shift & owned)),
	      "a byte that is read is the register's, or the VMM's where it has none");
	REACHED();
}
