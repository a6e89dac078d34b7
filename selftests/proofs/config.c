// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space: each read and each write, at any offset, of any length and value, of
 * a function with MSI in any layout and number of vectors, MSI-X of any size and the grant
 * capability, each of them there or not and anywhere, in any state that the specification
 * allows.  So what holds after one access holds after any number of them.
 */
#include <linux/pci_regs.h>

#include "updates.h"
#include "vectors.h"

//@ harness config_read_msi
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5
//@ options --unwindset mr_access_config.0:4,mr_msi_publish.0:33,mr_msi_size.0:8
//@ options --unwindset proof_make_block.0:33,msi_control.0:7
//@ options --unwindset config_read_of.0:9,config_written.0:9
//@ fault function/msi.c s/r >= MSI_ADDRESS_HI)/r > MSI_ADDRESS_HI)/

//@ harness config_read_msix
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 -D PROOF_VECTORS=1
//@ options --unwindset mr_access_config.0:4,mr_msi_publish.0:33,mr_msi_size.0:8
//@ options --unwindset proof_make_block.0:33,msi_control.0:7
//@ options --unwindset config_read_of.0:9,config_written.0:9
//@ fault function/msix.c s/control | (cap->max - 1)/control | cap->max/

//@ harness table_size
//@ sources updates.c vectors.c registers.c function/msi.c function/msix.c function/gate.c
//@ sources route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 -D PROOF_VECTORS=1 --unwindset mr_msi_size.0:8
//@ fault function/msix.c s/control | (cap->max - 1)/control | cap->max/

//@ harness config_read_both
//@ draft
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5
//@ options --unwindset mr_access_config.0:4,mr_msi_publish.0:33,mr_msi_size.0:8
//@ options --unwindset proof_make_block.0:33,msi_control.0:7
//@ options --unwindset config_read_of.0:9,config_written.0:9
//@ fault function/access.c s/value = mr_access_merge(value, lanes & owned, from)/value = from/

//@ harness config_write_msi
//@ draft
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 -D PROOF_VECTORS=4
//@ options --unwindset mr_access_config.0:2,mr_msi_size.0:8,mr_vm_vcpu_run_by.0:2
//@ options --unwindset msi_control.0:7,config_written.0:9
//@ mutants MR_MUT_CONTROL_ONLY MR_MUT_EQUAL_SKIPPED MR_MUT_DEAF MR_MUT_KEEPS_DISABLED

//@ harness config_write_msi_32
//@ draft
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5
//@ options --unwindset mr_access_config.0:2,mr_msi_size.0:8,mr_vm_vcpu_run_by.0:2
//@ options --unwindset mr_msi_publish.0:33,proof_make_block.0:33
//@ options --unwindset msi_control.0:7,config_written.0:9
//@ mutants MR_MUT_CONTROL_ONLY

//@ harness config_write_msix
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5
//@ options --unwindset mr_access_config.0:4,mr_msi_publish.0:33,mr_msi_size.0:8
//@ options --unwindset proof_make_block.0:33,msi_control.0:7
//@ options --unwindset config_read_of.0:9,config_written.0:9
//@ mutants MR_MUT_DEAF MR_MUT_SHORT_GRANT

//@ harness config_write_both
//@ draft
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 -D PROOF_VECTORS=2
//@ options --unwindset mr_access_config.0:2,mr_msi_size.0:8,mr_vm_vcpu_run_by.0:2
//@ options --unwindset msi_control.0:7,config_written.0:9
//@ mutants MR_MUT_CONTROL_ONLY MR_MUT_STALE_REASON

/* A capability in a place that creation accepts. */
static void config_place(u32 at, u32 size)
{
	ASSUME(at >= PCI_STD_HEADER_SIZEOF && !(at & 3) && at + size <= PCI_CFG_SPACE_SIZE);
}

/* Are two capabilities apart?  Creation refuses others. */
static bool config_apart(u32 a, u32 a_size, u32 b, u32 b_size)
{
	return !b || a + a_size <= b || b + b_size <= a;
}

/*
 * MSI-X has as many vectors as there can be.  Any number would be a capability that may be
 * there or not, and CBMC would follow both ways everywhere; table_size is for any number.
 */
static void config_any(bool msi, bool msix)
{
	const u32 max = MSI_ROUTE_MSIX_MAX_VECTORS;
	u8 msi_cap = nondet_u8(), msix_cap = nondet_u8(), grant_cap = nondet_u8();
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	struct msi_route_create c = { .msix_cap = 0x40 };

	proof_any_function();
	ASSUME(msi || !(proof_fn.rq.flags & MSI_ROUTE_CREATE_DROP_DISABLED));
	if (msi) {
		proof_any_msi(msi_cap);
		config_place(msi_cap, mr_msi_cap(&proof_fn)->config_size);
	}
	if (msix) {
		/* Entries are proved in table.c; here there is one. */
		proof_msix(&c, 1);
		CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
		cap->config_at = msix_cap;
		config_place(msix_cap, PCI_CAP_MSIX_SIZEOF);
		cap->max = max;
		cap->nr = nondet_u16();
		cap->limit = nondet_u16();
		ASSUME(cap->nr >= 1 && cap->nr <= max && cap->limit >= 1 && cap->limit <= max);
		proof_fn.msix.table_reg = nondet_u32();
		proof_fn.msix.pba_reg = nondet_u32();
		proof_fn.grant.offset = grant_cap;
		if (grant_cap)
			config_place(grant_cap, MSI_ROUTE_GRANT_CAP_SIZE);
		ASSUME(config_apart(msix_cap, PCI_CAP_MSIX_SIZEOF, grant_cap,
				    MSI_ROUTE_GRANT_CAP_SIZE));
	}
	ASSUME(!msi || !msix ||
	       (config_apart(msi_cap, mr_msi_cap(&proof_fn)->config_size, msix_cap,
			     PCI_CAP_MSIX_SIZEOF) &&
		config_apart(msi_cap, mr_msi_cap(&proof_fn)->config_size, grant_cap,
			     MSI_ROUTE_GRANT_CAP_SIZE)));
	proof_room = nondet_u16();
	proof_any_registers();
}

static struct msi_route_access config_any_access(void)
{
	return (struct msi_route_access) {
		.size = sizeof(struct msi_route_access),
		.space = MSI_ROUTE_CONFIG,
		.offset = nondet_u32(),
		.len = nondet_u32(),
		.value = nondet_u64(),
	};
}

static int config_error(const struct msi_route_access *a)
{
	if (a->len < 1 || a->len > 8)
		return -EMSGSIZE;
	return (u64)a->offset + a->len > PCI_CFG_SPACE_EXP_SIZE ? -ERANGE : 0;
}

static u8 config_byte(u64 value, u32 i)
{
	return value >> 8 * i;
}

static void config_read_of(bool msi, bool msix)
{
	struct spec_function before, after;
	struct msi_route_access a, was;
	u32 i;
	int ret;

	config_any(msi, msix);
	a = config_any_access();
	was = a;
	before = proof_spec();
	ret = mr_function_access(&proof_fn, &a, false);
	after = proof_spec();

	CLAIM(ret == config_error(&was), "an access within configuration space succeeds");
	CLAIM(proof_same_function(&before, &after), "a read changes nothing");
	CLAIM(!ret || a.value == was.value, "a read that fails has no value");
	for (i = 0; !ret && i < 8; i++)
		CLAIM(config_byte(a.value, i) ==
		      (i < a.len ? spec_config_read(&before, a.offset + i,
						    config_byte(was.value, i)) : 0),
		      "each byte is what the register holds, or the VMM's");
	REACHED();
}

/* What the specification makes of the whole access. */
static struct spec_function config_written(const struct spec_function *before,
					   const struct msi_route_access *a, bool *renews)
{
	struct spec_function f = *before;
	bool requests = false;
	u32 i, granted;

	*renews = false;
	for (i = 0; i < 8; i++) {
		if (i >= a->len)
			break;
		*renews |= spec_renews_msi(&f, a->offset + i);
		spec_config_write(&f, a->offset + i, config_byte(a->value, i), &requests);
	}
	if (kernel_killed) {
		f.grant_request = before->grant_request;
	} else if (requests) {
		f.grant_status = spec_request(f.msix_max, f.msix_granted,
					      mr_msix_cap(&proof_fn)->limit, proof_room,
					      f.grant_request >> 16, f.grant_request & 0xffff,
					      &granted);
		f.msix_granted = granted;
	}
	return f;
}

/* @dword: an access within a dword only; a longer one is several, which split.c proves */
static void config_write_of(bool msi, bool msix, u32 probe, bool dword)
{
	const struct mr_cap *msi_cap = mr_msi_cap(&proof_fn);
	const struct mr_cap *msix_cap = mr_msix_cap(&proof_fn);
	struct spec_function before, after, wanted;
	struct msi_route_access a;
	bool renews = false;
	int ret;

	config_any(msi, msix);
	a = config_any_access();
	before = proof_spec();
	proof_kind = MSI_ROUTE_MSI;
	proof_index = probe;
	ASSUME(!msi || proof_index < msi_cap->nr);
	ASSUME(!dword || a.offset % 4 + (u64)a.len <= 4);
	ret = mr_function_access(&proof_fn, &a, true);
	after = proof_spec();

	CLAIM(ret == config_error(&a), "an access within configuration space succeeds");
	wanted = ret ? before : config_written(&before, &a, &renews);
	CLAIM(proof_same_function(&after, &wanted), "each register has what was written");

	CLAIM(!msi || msi_cap->open == spec_open(&after, MSI_ROUTE_MSI),
	      "MSI may send if it may");
	CLAIM(!msix || msix_cap->open == spec_open(&after, MSI_ROUTE_MSIX),
	      "MSI-X may send if it may");
	CLAIM(!msi || msi_cap->open ||
	      (msi_cap->reason == MSI_ROUTE_REASON_DROP_DISABLED) ==
	      spec_drops_disabled(&after, MSI_ROUTE_MSI),
	      "an event is dropped where it has to be [2]");

	CLAIM(!renews || proof_commit.nr, "each write takes effect [10] [30]");
	CLAIM(!renews || (proof_same_message(proof_message(&proof_commit.raw),
					     spec_msi_message(&after, proof_index)) &&
			  proof_commit.masked == spec_msi_masked(&after, proof_index)),
	      "what takes effect is what the registers hold [5] [6] [7] [8]");
	/* A longer access is several, and one of them may open the gate for the next. */
	CLAIM(!proof_commit.nr || a.offset % 4 + a.len > 4 || !proof_commit.open ||
	      spec_open(&before, MSI_ROUTE_MSI),
	      "messages come before the gate opens [18]");
	REACHED();
}

/* Message Control of a capability with any number of vectors. */
void table_size(void)
{
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	struct msi_route_create c = { .msix_cap = 0x40 };
	struct spec_function f;
	u32 owned, value;

	proof_msix(&c, 1);
	CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
	cap->max = nondet_u32();
	ASSUME(cap->max >= 1 && cap->max <= MSI_ROUTE_MSIX_MAX_VECTORS);
	proof_fn.msix.control = nondet_u16() & mr_msix_writable_control();
	f = proof_spec();
	value = cap->ops->config_read(cap, 0, &owned);
	CLAIM(owned == 0xffff0000 &&
	      value >> 16 == (spec_config_read(&f, 0x42, 0) | spec_config_read(&f, 0x43, 0) << 8),
	      "Message Control says how many vectors there can be [12]");
	REACHED();
}

void config_read_msi(void)
{
	config_read_of(true, false);
}

void config_read_msix(void)
{
	config_read_of(false, true);
}

void config_read_both(void)
{
	config_read_of(true, true);
}

void config_write_msi(void)
{
	config_write_of(true, false, nondet_u8(), true);
}

/* One vector of 32, a constant: CBMC does not compose the messages of the others. */
void config_write_msi_32(void)
{
	config_write_of(true, false, 21, true);
}

void config_write_msix(void)
{
	config_write_of(false, true, nondet_u8(), false);
}

void config_write_both(void)
{
	config_write_of(true, true, nondet_u8(), true);
}
