// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X table and Pending Bit Array: each read and each write, at any offset, of any length
 * and value, in any state.  The table is a short one: an access of it reaches one entry, and
 * vector_found in ranges.c finds the vector of any.  pba_read has a longer Pending Bit Array.
 */
#include <linux/pci_regs.h>

#include "updates.h"
#include "vectors.h"

//@ harness table_read
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 --unwindset table_any.0:8 -D PROOF_VECTORS=3
//@ fault function/msix.c s/~0ULL >> (64 - 8 \* a->len)/~0ULL/
//@ fault function/msix.c s/fn->msix.image_pba :/fn->msix.image_table :/

//@ harness pba_read
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 -D PROOF_VECTORS=1
//@ fault function/msix.c s/DIV_ROUND_UP(nr, 64)/(nr \/ 64 + 1)/

//@ harness table_write
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 --unwindset table_any.0:6,table_write_defined.0:9,mr_vm_vcpu_run_by.0:2
//@ options -D PROOF_VECTORS=2
//@ mutants MR_MUT_CONTROL_ONLY MR_MUT_EQUAL_SKIPPED MR_MUT_UNSTEERED

//@ harness table_absent
//@ sources updates.c vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/block.c
//@ options --unwind 5 --unwindset table_any.0:8 -D PROOF_VECTORS=1
//@ fault function/access.c s/if (!size)/if (0)/

/* Of Pending bits, for pba_read */
#define TABLE_QWORDS	3

/* Of proof_index, in places that CBMC knows */
static struct spec_entry table_entry(void)
{
	struct spec_entry e = spec_entry_reset();
	u32 i;

	for (i = 0; i < PROOF_VECTORS; i++)
		if (i == proof_index)
			e = (struct spec_entry) {
				.address_lo = proof_table[2 * i],
				.address_hi = proof_table[2 * i] >> 32,
				.data = proof_table[2 * i + 1],
				.control = proof_table[2 * i + 1] >> 32,
			};
	/* A Pending bit that belongs to no entry has one as after reset. */
	return e;
}

static bool table_pending(u32 vector)
{
	return proof_table[2 * PROOF_VECTORS] >> vector & 1;
}

/* A table with any content; what is looked at is one entry and one Pending bit, any one. */
static void table_any(bool there)
{
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	struct msi_route_create c = { .msix_cap = PCI_STD_HEADER_SIZEOF };
	struct spec_entry e, reset = spec_entry_reset();
	u32 i;

	proof_any_function();
	if (there) {
		proof_msix(&c, PROOF_VECTORS);
		CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
		CLAIM(proof_fn.msix.image_table == 0 &&
		      proof_fn.msix.image_pba == 16 * PROOF_VECTORS,
		      "the image is where the harness has it");
		cap->nr = nondet_u16();
		ASSUME(cap->nr >= 1 && cap->nr <= cap->max);
	}
	proof_any_registers();
	proof_kind = MSI_ROUTE_MSIX;
	proof_index = nondet_u16();
	ASSUME(proof_index < 64);
	for (i = 0; i < 2 * PROOF_VECTORS + PROOF_BLOCKS; i++)
		proof_table[i] = nondet_u64();
	if (proof_index < PROOF_VECTORS) {
		e = table_entry();
		ASSUME(!(e.address_lo & 3));
		ASSUME(proof_index < cap->nr || proof_same_entry(&e, &reset));
	}
	for (i = 0; i < PROOF_VECTORS; i++)
		proof_cold[MSI_ROUTE_MSIX][i].absent = i >= cap->nr;
	ASSUME(proof_index < cap->nr || !table_pending(proof_index));
}

static struct msi_route_access table_any_access(u32 space)
{
	return (struct msi_route_access) {
		.size = sizeof(struct msi_route_access), .space = space,
		.offset = nondet_u32(), .len = nondet_u32(), .value = nondet_u64(),
	};
}

static int table_error(const struct msi_route_access *a)
{
	u32 max = mr_msix_cap(&proof_fn)->max;
	u32 size = a->space == MSI_ROUTE_TABLE ? spec_table_size(max) : spec_pba_size(max);

	if (a->len < 1 || a->len > 8)
		return -EMSGSIZE;
	if (!max)
		return -ENODEV;
	return (u64)a->offset + a->len > size ? -ERANGE : 0;
}

static void table_read_of(u32 space)
{
	struct msi_route_access a, was;
	struct spec_entry before, after;
	u32 first;
	int ret;

	a = table_any_access(space);
	was = a;
	before = table_entry();
	ret = mr_function_access(&proof_fn, &a, false);
	after = table_entry();
	first = spec_pba_vector(was.offset, 0);

	CLAIM(ret == table_error(&was), "an access within table and PBA succeeds");
	CLAIM(proof_same_entry(&before, &after), "a read changes nothing");
	if (ret)
		CLAIM(a.value == was.value, "a read that fails has no value");
	else if (!spec_defined(was.offset, was.len))
		CLAIM(a.value == ~0ULL >> (64 - 8 * was.len) &&
		      mr_msix_cap(&proof_fn)->count.bad_accesses.value == 1,
		      "an undefined read returns all ones and is counted [15]");
	else if (a.space == MSI_ROUTE_TABLE)
		CLAIM(proof_index != was.offset / 16 ||
		      a.value == spec_entry_read(&before, was.offset, was.len),
		      "an entry reads as it is [14], and as after reset if it is not granted");
	else
		CLAIM(proof_index < first || proof_index >= first + 8 * was.len ||
		      (a.value >> (proof_index - first) & 1) == table_pending(proof_index),
		      "a Pending bit is where it has to be, and others are zero [23]");
}

/* Each space by itself: CBMC then follows only the way of that one. */
void table_read(void)
{
	table_any(true);
	if (nondet_bool())
		table_read_of(MSI_ROUTE_TABLE);
	else
		table_read_of(MSI_ROUTE_PBA);
	REACHED();
}

/* Nothing but Pending bits is in the image, so CBMC looks for them nowhere else. */
void pba_read(void)
{
	static u64 pba[TABLE_QWORDS];
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	struct msi_route_create c = { .msix_cap = PCI_STD_HEADER_SIZEOF };
	struct msi_route_access a, was;
	u32 i, first, vector = nondet_u8();
	bool is;
	int ret;

	proof_any_function();
	proof_msix(&c, 1);
	CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
	cap->max = nondet_u8();
	ASSUME(cap->max >= 1 && cap->max <= 64 * TABLE_QWORDS && vector < 64 * TABLE_QWORDS);
	proof_fn.msix.image = pba;
	proof_fn.msix.image_pba = 0;
	for (i = 0; i < TABLE_QWORDS; i++)
		pba[i] = nondet_u64();
	is = pba[vector / 64] >> vector % 64 & 1;

	a = table_any_access(MSI_ROUTE_PBA);
	was = a;
	ret = mr_function_access(&proof_fn, &a, false);
	CLAIM(ret == table_error(&was), "an access within the PBA succeeds");
	first = spec_pba_vector(was.offset, 0);
	CLAIM(ret || !spec_defined(was.offset, was.len) || vector < first ||
	      vector >= first + 8 * was.len || (a.value >> (vector - first) & 1) == is,
	      "a Pending bit is where it has to be [23]");
	REACHED();
}

static void table_write_of(const struct msi_route_access *access)
{
	static const enum mr_hold hold[] = {
		[SPEC_KEEPS] = MR_HOLD_KEEP,
		[SPEC_OPENS] = MR_HOLD_OPEN,
		[SPEC_CLOSES] = MR_HOLD_CLOSE,
	};
	struct spec_entry before, after, wanted;
	struct msi_route_access a = *access;
	bool pending, writes;
	int ret;

	before = table_entry();
	pending = table_pending(proof_index);
	ret = mr_function_access(&proof_fn, &a, true);
	after = table_entry();

	CLAIM(ret == table_error(&a), "an access within table and PBA succeeds");
	writes = !ret && a.space == MSI_ROUTE_TABLE && spec_defined(a.offset, a.len) &&
		 proof_index == a.offset / 16 && proof_index < mr_msix_cap(&proof_fn)->nr;
	wanted = before;
	if (writes)
		spec_entry_write(&wanted, a.offset, a.len, a.value);
	CLAIM(proof_same_entry(&after, &wanted),
	      "the entry has what was written, and no other entry changes [14] [16]");
	CLAIM(table_pending(proof_index) == pending, "a write changes no Pending bit [23]");
	CLAIM(ret || spec_defined(a.offset, a.len) ||
	      mr_msix_cap(&proof_fn)->count.bad_accesses.value == 1,
	      "an undefined write is counted [15]");

	CLAIM(proof_commit.nr == writes, "each write takes effect, once [16] [30]");
	if (writes) {
		CLAIM(proof_same_message(proof_message(&proof_commit.raw),
					 spec_entry_message(&after)) &&
		      proof_commit.masked == spec_entry_masked(&after),
		      "what takes effect is what the entry holds");
		CLAIM(proof_commit.hold == hold[spec_entry_hold(&before, &after, a.offset, a.len)],
		      "the update hold opens and closes where it has to [17]");
		CLAIM(proof_changes == spec_entry_changes(a.offset, a.len),
		      "the VMM learns what was written");
	}
}

/* The case as constants */
static void table_write_at(u32 nr, u32 offset, u32 len)
{
	struct msi_route_access a = table_any_access(MSI_ROUTE_TABLE);

	mr_msix_cap(&proof_fn)->nr = nr;
	a.offset = offset;
	a.len = len;
	table_write_of(&a);
}

/* Without vectors: there is none to be looked for. */
static void table_write_any(u32 space)
{
	struct msi_route_access a = table_any_access(space);

	mr_msix_cap(&proof_fn)->nr = 0;
	table_write_of(&a);
}

/*
 * Each defined access by itself: CBMC then knows which vector it is for, and follows only
 * that one.  All others, which must find none, are tried on a function that has none.
 */
static void table_write_defined(void)
{
	const u32 has = mr_msix_cap(&proof_fn)->nr, offset = nondet_u32();
	const bool qword = nondet_bool();
	u32 nr, at;

	for (nr = 1; nr <= PROOF_VECTORS; nr++)
		for (at = 0; at < 16 * PROOF_VECTORS; at += 4) {
			if (has != nr || offset != at)
				continue;
			if (!qword)
				table_write_at(nr, at, 4);
			else if (at % 8 == 0)
				table_write_at(nr, at, 8);
		}
}

void table_write(void)
{
	table_any(true);
	switch (nondet_u8()) {
	case 0:
		table_write_any(MSI_ROUTE_TABLE);
		break;
	case 1:
		table_write_any(MSI_ROUTE_PBA);
		break;
	default:
		table_write_defined();
		break;
	}
	REACHED();
}

void table_absent(void)
{
	table_any(false);
	if (nondet_bool())
		table_read_of(MSI_ROUTE_TABLE);
	else
		table_write_any(MSI_ROUTE_PBA);
	REACHED();
}
