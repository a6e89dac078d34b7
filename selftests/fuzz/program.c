// SPDX-License-Identifier: GPL-2.0
/* Programs of the fuzzer: made at random; written and read as text. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drive.h"
#include "program.h"

static const struct {
	const char *name;
	unsigned int args;
} ops[NR_OPS] = {
	[OP_WRITE] = { "write", 4 },
	[OP_READ] = { "read", 4 },
	[OP_TRIGGER] = { "trigger", 2 },
	[OP_CLEAR] = { "clear", 2 },
	[OP_SIGNAL] = { "signal", 2 },
	[OP_ATTACH] = { "attach", 4 },
	[OP_ATTACH_MANY] = { "attach-many", 5 },
	[OP_BUS_MASTER] = { "bus-master", 1 },
	[OP_RESET] = { "reset", 1 },
	[OP_HOLD] = { "hold", 1 },
	[OP_ENTRIES] = { "entries", 3 },
	[OP_NOTIFY] = { "notify", 2 },
	[OP_CHANGES] = { "changes", 2 },
	[OP_RUN] = { "run", 1 },
	[OP_SAVE] = { "save", 1 },
	[OP_RESTORE] = { "restore", 1 },
	[OP_MIGRATE] = { "migrate", 1 },
	[OP_TRANSLATE] = { "translate", 4 },
	[OP_RESIZE] = { "resize", 5 },
	[OP_IMS] = { "ims", 2 },
	[OP_RENEW] = { "renew", 0 },
	[OP_REMAPPING] = { "remapping", 1 },
	[OP_COUNTERS] = { "counters", 2 },
	[OP_MANGLE] = { "mangle", 2 },
	[OP_CREATE] = { "create", 1 },
	[OP_REBIND] = { "rebind", 2 },
};

/* ---- random numbers ---- */

void seed_rng(struct rng *r, __u64 seed)
{
	/* Neighbouring seeds must differ in all bits. */
	r->state = (seed + 1) * 0x9e3779b97f4a7c15ULL ?: 1;
	next(r);
	next(r);
}

__u64 next(struct rng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * 0x2545f4914f6cdd1dULL >> 11;
}

/* ---- messages ---- */

__u32 random_lo(struct rng *r)
{
	__u32 lo = 0xfee00000;

	switch (below(r, 16)) {
	case 0:
		return next(r);
	case 1:
		return lo ^ 1U << below(r, 32);
	case 2:
	case 3:
		lo |= 0xff000;
		break;
	case 4 ... 6:
		/* One vCPU or more by logical ID. */
		lo |= 4 | below(r, 0x20) << 12;
		break;
	case 7:
		lo |= below(r, 0x100) << 12;
		break;
	default:
		lo |= below(r, NR_VCPUS) << 12;
	}
	if (chance(r, 10))
		lo |= 4;
	if (chance(r, 10))
		lo |= 8;
	if (chance(r, 10))
		lo |= 0x10;
	if (chance(r, 15))
		lo |= below(r, 4) << 5;
	if (chance(r, 5))
		lo |= below(r, 4);
	return lo;
}

__u32 random_hi(struct rng *r)
{
	switch (below(r, 24)) {
	case 0:
		return next(r);
	case 1:
		return 1U << below(r, 32);
	case 2 ... 3:
		return 0xffffff00;
	case 4 ... 5:
		return 0x100;
	default:
		return 0;
	}
}

__u32 random_data(struct rng *r)
{
	static const __u16 modes[] = { 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7 };
	__u32 data = chance(r, 5) ? below(r, 16) : 16 + below(r, 240);

	if (chance(r, 5))
		return next(r);
	if (chance(r, 30))
		data |= modes[below(r, sizeof(modes) / sizeof(modes[0]))] << 8;
	if (chance(r, 5))
		data |= (__u32)below(r, 0x10000) << 16;
	if (chance(r, 5))
		data |= 0xc000;
	return data;
}

static __u32 random_control(struct rng *r)
{
	__u32 control = chance(r, 20);

	if (chance(r, 5))
		control |= next(r) & ~1U;
	return control;
}

struct msi_route_entry random_entry(struct rng *r)
{
	struct msi_route_entry entry;

	entry.address_lo = random_lo(r);
	entry.address_hi = random_hi(r);
	entry.data = random_data(r);
	entry.control = random_control(r);
	return entry;
}

/* ---- shapes ---- */

void random_shape(struct rng *r, unsigned int machine, struct msi_route_create *s)
{
	static const __u16 sizes[] = { 1, 2, 3, 5, 8, 8, 33, 63, 64, 65, 130, 200 };
	bool msix = chance(r, 70), msi = chance(r, msix ? 40 : 85);
	unsigned int at = 0x40;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	if (chance(r, 30))
		s->flags |= MSI_ROUTE_CREATE_REMAPPING;
	if (machine == MACHINE_X2APIC && chance(r, 50))
		s->flags |= MSI_ROUTE_CREATE_EXT_DEST_ID;
	if (chance(r, 30))
		s->flags |= MSI_ROUTE_CREATE_COMMAND;
	if (msix) {
		s->msix_vectors = chance(r, 3) ? 2048 : sizes[below(r, sizeof(sizes) / 2)];
		s->msix_cap = at;
		at += 0xc;
		s->msix_table_bir = below(r, 6);
		s->msix_pba_bir = below(r, 6);
		s->msix_table_offset = below(r, 4) * 0x800;
		s->msix_pba_offset = s->msix_table_offset + 16 * s->msix_vectors + below(r, 3) * 8;
		if (chance(r, 40)) {
			s->msix_granted = 1 + below(r, s->msix_vectors);
			s->grant_cap = 0x100 - MSI_ROUTE_GRANT_CAP_SIZE;
		}
		if (chance(r, 10))
			s->grant_cap = 0x100 - MSI_ROUTE_GRANT_CAP_SIZE;
	}
	if (msi) {
		s->msi_cap = at + below(r, 2) * 0x20;
		s->msi_vectors = 1 << below(r, 6);
		s->msi_flags = below(r, 8);
		if (!(s->msi_flags & MSI_ROUTE_MSI_MASKING) && chance(r, 40))
			s->flags |= MSI_ROUTE_CREATE_DROP_DISABLED;
	}
	if ((!msix && !msi) || chance(r, 15)) {
		s->ims_vectors = 1 + below(r, 70);
		if (chance(r, 50))
			s->ims_max = s->ims_vectors + below(r, 100);
	}
}

void mangle_shape(struct rng *r, struct msi_route_create *s)
{
	unsigned int i, times = 1 + below(r, 2);

	for (i = 0; i < times; i++) {
		switch (below(r, 17)) {
		case 0:
			s->flags ^= 1U << below(r, 6);
			break;
		case 1:
			s->msix_vectors = next(r) >> below(r, 16);
			break;
		case 2:
			s->msix_cap = next(r) & (chance(r, 50) ? 0xfc : 0xff);
			break;
		case 3:
			s->msix_table_bir = below(r, 9);
			break;
		case 4:
			s->msix_pba_bir = below(r, 9);
			break;
		case 5:
			s->msix_table_offset = chance(r, 50) ? below(r, 0x1000) :
							       next(r) & 0x7fffffff;
			break;
		case 6:
			s->msix_pba_offset = chance(r, 50) ? below(r, 0x1000) :
							     next(r) & 0x7fffffff;
			break;
		case 7:
			s->msi_cap = next(r) & (chance(r, 50) ? 0xfc : 0xff);
			break;
		case 8:
			s->msi_vectors = below(r, 40);
			break;
		case 9:
			s->msi_flags = below(r, 16);
			break;
		case 10:
			s->reserved = below(r, 2);
			break;
		case 11:
			s->msix_granted = below(r, 300);
			break;
		case 12:
			s->grant_cap = next(r) & (chance(r, 50) ? 0xfc : 0xff);
			break;
		case 13:
			s->reserved2 = below(r, 2);
			break;
		case 14:
			s->ims_vectors = chance(r, 90) ? below(r, 100) :
							 MSI_ROUTE_IMS_MAX_VECTORS + 1;
			break;
		case 15:
			/* Values in output fields are ignored. */
			s->mmap_size = next(r);
			s->mmap_table = next(r);
			s->mmap_pba = next(r);
			break;
		default:
			s->ims_max = chance(r, 90) ? below(r, 100) :
						     MSI_ROUTE_IMS_MAX_VECTORS + 1;
		}
	}
}

/* ---- operations ---- */

static __u32 random_kind(struct rng *r, const struct msi_route_create *s)
{
	unsigned int i;
	__u32 kind;

	if (chance(r, 1))
		return below(r, 5);
	for (i = 0; i < 20; i++) {
		kind = below(r, 3);
		if (kind == MSI_ROUTE_MSIX ? s->msix_vectors :
		    kind == MSI_ROUTE_MSI ? s->msi_vectors : s->ims_vectors)
			break;
	}
	return kind;
}

static unsigned int vectors(const struct msi_route_create *s, __u32 kind)
{
	switch (kind) {
	case MSI_ROUTE_MSIX:
		return s->msix_vectors;
	case MSI_ROUTE_MSI:
		return s->msi_vectors;
	default:
		return s->ims_max ?: s->ims_vectors;
	}
}

/* Only a few vectors, so that operations on the same one meet. */
static __u32 random_vector(struct rng *r, unsigned int nr)
{
	if (!nr || chance(r, 1))
		return chance(r, 50) ? nr : next(r);
	switch (below(r, 8)) {
	case 0:
		return below(r, nr);
	case 1:
		return nr - 1;
	default:
		return below(r, nr < 4 ? nr : 4);
	}
}

static void random_table_access(struct rng *r, const struct msi_route_create *s, __u64 *arg)
{
	unsigned int field = below(r, 4);

	arg[0] = MSI_ROUTE_TABLE;
	arg[1] = random_vector(r, s->msix_vectors) % (s->msix_vectors ?: 1) * 16;
	if (chance(r, 20)) {
		struct msi_route_entry e = random_entry(r);

		arg[1] += field / 2 * 8;
		arg[2] = 8;
		arg[3] = field < 2 ? e.address_lo | (__u64)e.address_hi << 32 :
				     e.data | (__u64)e.control << 32;
		return;
	}
	arg[1] += field * 4;
	arg[2] = 4;
	arg[3] = field == 0 ? random_lo(r) : field == 1 ? random_hi(r) :
		 field == 2 ? random_data(r) : random_control(r);
	if (chance(r, 3)) {
		arg[1] += below(r, 8);
		arg[2] = 1 + below(r, 8);
	}
}

static void random_config_access(struct rng *r, const struct msi_route_create *s, __u64 *arg)
{
	const unsigned int caps[] = { s->msix_cap, s->msi_cap, s->grant_cap };
	unsigned int which, base, data, at, tries = 0;
	__u32 value = next(r);

	arg[0] = MSI_ROUTE_CONFIG;
	do {
		which = below(r, 3);
		base = caps[which];
	} while (!base && ++tries < 5);
	switch (which) {
	case 0:
		at = chance(r, 90) ? 0 : below(r, 3) * 4;
		/* Enabled in most cases. */
		value = (chance(r, 92) ? 0x8000U : 0) << 16 | (chance(r, 12) ? 0x4000U : 0) << 16 |
			(value & 0x3fffffff);
		break;
	case 1:
		data = s->msi_flags & MSI_ROUTE_MSI_64BIT ? 0xc : 8;
		at = below(r, 4) * 4 + (chance(r, 40) ? data - 8 : 0);
		if (at == 0)
			value = (value & ~0x10000U) | (chance(r, 92) ? 0x10000U : 0);
		else if (at == 4)
			value = random_lo(r);
		else if (at == data)
			value = random_data(r);
		else if (at == 8)
			value = random_hi(r);
		else if (chance(r, 50))
			value &= next(r);
		break;
	default:
		at = chance(r, 80) ? 0xc : below(r, 5) * 4;
		value = below(r, 6) << 16 | below(r, s->msix_vectors + 2);
	}
	if (!base)
		at = below(r, 0x40) * 4;
	arg[1] = (base + at) & 0xff;
	arg[2] = 4;
	arg[3] = value;
	if (at == 0 && chance(r, 70)) {
		arg[1] += 2;
		arg[2] = 2;
		arg[3] >>= 16;
	} else if (chance(r, 30)) {
		unsigned int byte = below(r, 4);

		arg[2] = chance(r, 50) ? 1 : 2;
		byte &= arg[2] == 2 ? 2 : 3;
		arg[1] += byte;
		arg[3] >>= byte * 8;
	} else if (chance(r, 10)) {
		/* Across dwords. */
		arg[1] -= below(r, 4);
		arg[2] = 1 + below(r, 8);
		arg[3] = next(r);
	}
}

/* Command, alone or with its neighbours; mostly a bus master. */
static void random_command_access(struct rng *r, __u64 *arg)
{
	arg[0] = MSI_ROUTE_CONFIG;
	arg[1] = chance(r, 70) ? 4 : 1 + below(r, 5);
	arg[2] = chance(r, 70) ? 1U << below(r, 3) : 1 + below(r, 8);
	arg[3] = next(r);
	if (arg[1] <= 4) {
		unsigned int bit = 2 + (4 - arg[1]) * 8;

		arg[3] &= ~(1ULL << bit);
		arg[3] |= (__u64)chance(r, 85) << bit;
	}
}

/* Behind a remapping unit many messages are in remappable format. */
static void make_remappable(struct rng *r, const struct msi_route_create *s, __u64 *arg)
{
	bool lo = arg[0] == MSI_ROUTE_TABLE ? arg[1] % 16 == 0 :
		  arg[0] == MSI_ROUTE_CONFIG && s->msi_vectors && arg[1] == s->msi_cap + 4U;

	if (lo && s->flags & MSI_ROUTE_CREATE_REMAPPING && chance(r, 50))
		arg[3] |= 0x10;
}

static void random_access(struct rng *r, const struct msi_route_create *s, __u64 *arg)
{
	if (s->msix_vectors && chance(r, s->msi_vectors || s->grant_cap ? 55 : 85))
		random_table_access(r, s, arg);
	else
		random_config_access(r, s, arg);
	make_remappable(r, s, arg);
	if (s->flags & MSI_ROUTE_CREATE_COMMAND ? chance(r, 8) : chance(r, 1))
		random_command_access(r, arg);
	if (chance(r, 1)) {
		arg[0] = below(r, 5);
		arg[1] = chance(r, 50) ? below(r, 0x1020) : next(r);
		arg[2] = chance(r, 80) ? 1 + below(r, 8) : below(r, 20);
		arg[3] = next(r);
	}
}

static __s64 random_fd(struct rng *r)
{
	if (chance(r, 3))
		return chance(r, 50) ? BAD_FD : FOREIGN_FD;
	return below(r, MAX_EVENTFDS);
}

/* @replace: percentage of REPLACE among the flags that neither add nor remove. */
static __u32 random_eventfd_flags(struct rng *r, unsigned int replace)
{
	if (chance(r, 2))
		return next(r) & 0xff;
	if (chance(r, 30))
		return MSI_ROUTE_EVENTFD_ADD;
	if (chance(r, 15))
		return MSI_ROUTE_EVENTFD_REMOVE;
	return chance(r, replace) ? MSI_ROUTE_EVENTFD_REPLACE : 0;
}

/* Bounds that have expired by the next look, or that do not expire during the run. */
static __u32 random_bound(struct rng *r)
{
	static const __u32 bounds[] = {
		0, SHORT_BOUND, LONG_BOUND, LONG_BOUND, LONG_BOUND, LONG_BOUND + 1, ~0U,
	};

	return bounds[below(r, sizeof(bounds) / sizeof(bounds[0]))];
}

static const unsigned short weights[NR_OPS] = {
	[OP_WRITE] = 400, [OP_READ] = 50, [OP_TRIGGER] = 200, [OP_CLEAR] = 30, [OP_SIGNAL] = 80,
	[OP_ATTACH] = 50, [OP_ATTACH_MANY] = 10, [OP_BUS_MASTER] = 15, [OP_RESET] = 4,
	[OP_HOLD] = 6, [OP_ENTRIES] = 12, [OP_NOTIFY] = 8, [OP_CHANGES] = 20, [OP_RUN] = 15,
	[OP_SAVE] = 6, [OP_RESTORE] = 6, [OP_MIGRATE] = 3, [OP_TRANSLATE] = 60, [OP_RESIZE] = 12,
	[OP_IMS] = 80, [OP_RENEW] = 5, [OP_REMAPPING] = 15, [OP_COUNTERS] = 20, [OP_MANGLE] = 8,
	[OP_CREATE] = 2, [OP_REBIND] = 4,
};

/* Some operations fail on most functions, and are useless there. */
static bool of_use(const struct msi_route_create *s, enum code code)
{
	switch (code) {
	case OP_TRANSLATE:
	case OP_REMAPPING:
		return s->flags & MSI_ROUTE_CREATE_REMAPPING;
	case OP_IMS:
		return s->ims_vectors;
	case OP_ENTRIES:
		return s->msix_vectors;
	case OP_RESIZE:
		return s->msix_vectors || s->ims_vectors;
	default:
		return true;
	}
}

static enum code random_code(struct rng *r, const struct msi_route_create *s)
{
	unsigned int code, pick, sum = 0;

	for (code = 0; code < NR_OPS; code++)
		sum += weights[code];
	do {
		pick = below(r, sum);
		for (code = 0; pick >= weights[code]; code++)
			pick -= weights[code];
	} while (!of_use(s, code) && !chance(r, 2));
	return code;
}

static void random_op(struct rng *r, const struct msi_route_create *s, struct op *op)
{
	__u64 *arg = op->arg;
	__u32 kind = random_kind(r, s), nr = vectors(s, kind);

	memset(op, 0, sizeof(*op));
	op->code = random_code(r, s);
	switch (op->code) {
	case OP_WRITE:
		random_access(r, s, arg);
		break;
	case OP_READ:
		random_access(r, s, arg);
		if (s->msix_vectors && chance(r, 20)) {
			arg[0] = MSI_ROUTE_PBA;
			arg[1] = below(r, (s->msix_vectors + 63) / 64 * 2) * 4;
		}
		break;
	case OP_TRIGGER:
	case OP_CLEAR:
		arg[0] = kind;
		arg[1] = random_vector(r, nr);
		break;
	case OP_SIGNAL:
		arg[0] = below(r, MAX_EVENTFDS);
		arg[1] = chance(r, 80) ? 1 : 1 + below(r, 5);
		break;
	case OP_ATTACH:
		arg[0] = random_eventfd_flags(r, 40);
		arg[1] = kind;
		arg[2] = random_vector(r, nr);
		arg[3] = chance(r, 25) ? -1 : random_fd(r);
		break;
	case OP_ATTACH_MANY:
		arg[0] = random_eventfd_flags(r, 60);
		arg[1] = kind;
		arg[2] = random_vector(r, nr);
		arg[3] = chance(r, 5) ? below(r, nr + 2) : 1 + below(r, 4);
		arg[4] = next(r) & 0xffffff;
		break;
	case OP_BUS_MASTER:
		arg[0] = chance(r, 1) ? next(r) & 0xff : chance(r, 90);
		break;
	case OP_RESET:
		arg[0] = chance(r, 5) ? next(r) & 0xff : chance(r, 40);
		break;
	case OP_HOLD:
		arg[0] = random_bound(r);
		break;
	case OP_ENTRIES:
		arg[0] = random_vector(r, s->msix_vectors);
		arg[1] = chance(r, 10) ? below(r, s->msix_vectors + 2) : 1 + below(r, 4);
		arg[2] = next(r) & 0xffffff;
		break;
	case OP_NOTIFY:
		arg[0] = chance(r, 60) ? 0x3f : chance(r, 95) ? below(r, 0x40) : next(r) & 0xff;
		arg[1] = chance(r, 95) ? (arg[0] ? 0 : -1) : chance(r, 50) ? -1 : random_fd(r);
		break;
	case OP_CHANGES:
		arg[0] = chance(r, 2) ? 0 : chance(r, 70) ? 1000 : 1 + below(r, 4);
		arg[1] = chance(r, 2) ? next(r) : chance(r, 10) ? below(r, MAX_BEYOND + 1) : 0;
		break;
	case OP_RUN:
		arg[0] = chance(r, 1) ? next(r) & 0xff : chance(r, 90);
		break;
	case OP_SAVE:
		arg[0] = chance(r, 2) ? next(r) & 0xff : chance(r, 20);
		break;
	case OP_RESTORE:
		arg[0] = chance(r, 30) ? 0 : next(r) & 0xffffff;
		break;
	case OP_MIGRATE:
		arg[0] = chance(r, 90) | chance(r, 50) << 1;
		break;
	case OP_TRANSLATE:
		arg[0] = chance(r, 2) ? next(r) & 0xff : chance(r, 10);
		arg[1] = kind;
		arg[2] = random_vector(r, nr);
		arg[3] = next(r) & 0xffffff;
		break;
	case OP_RESIZE:
		arg[0] = chance(r, 2) ? next(r) & 0xff : chance(r, 30);
		arg[1] = chance(r, 5) ? kind : s->ims_vectors ? MSI_ROUTE_IMS : MSI_ROUTE_MSIX;
		if (s->msix_vectors && chance(r, 50))
			arg[1] = MSI_ROUTE_MSIX;
		nr = vectors(s, arg[1]);
		arg[2] = below(r, 5);
		arg[3] = chance(r, 50) ? below(r, nr + 2) : nr;
		arg[4] = arg[0] & MSI_ROUTE_RESIZE_LIMIT ? below(r, nr + 2) : chance(r, 1);
		break;
	case OP_IMS:
		arg[0] = chance(r, 95) ? 1 + below(r, 4) : chance(r, 90) ? below(r, 40) : 65537;
		arg[1] = next(r) & 0xffffff;
		break;
	case OP_REMAPPING:
		arg[0] = chance(r, 2) ? next(r) & 0xff : chance(r, 50);
		break;
	case OP_COUNTERS:
		arg[0] = kind;
		arg[1] = chance(r, 10) ? MSI_ROUTE_ALL_VECTORS : random_vector(r, nr);
		break;
	case OP_MANGLE:
		arg[0] = below(r, 0x2c);
		arg[1] = below(r, NR_MANGLES);
		break;
	case OP_CREATE:
		arg[0] = next(r) & 0xffffff;
		break;
	case OP_REBIND:
		arg[0] = below(r, chance(r, 5) ? NR_MACHINES + 2 : NR_MACHINES);
		arg[1] = chance(r, 90) | chance(r, 90) << 1;
		break;
	default:
		break;
	}
}

static struct op make_op(enum code code, __u64 a, __u64 b, __u64 c, __u64 d)
{
	return (struct op) { code, { a, b, c, d, 0 } };
}

/* A driver that has set up its device; random operations follow. */
static unsigned int set_up(struct rng *r, const struct msi_route_create *s, struct op *op)
{
	unsigned int n = 0;

	op[n++] = make_op(OP_RUN, 1, 0, 0, 0);
	op[n++] = make_op(OP_BUS_MASTER, 1, 0, 0, 0);
	if (s->msix_vectors) {
		op[n] = make_op(OP_ENTRIES, 0, s->msix_granted ?: s->msix_vectors, 0, 0);
		if (chance(r, 80) && op[n].arg[1] > 4)
			op[n].arg[1] = 4;
		op[n++].arg[2] = next(r) & 0xffffff;
		op[n++] = make_op(OP_WRITE, MSI_ROUTE_CONFIG, s->msix_cap + 2, 2, 0x8000);
	}
	if (s->msi_vectors && !s->msix_vectors) {
		op[n++] = make_op(OP_WRITE, MSI_ROUTE_CONFIG, s->msi_cap + 4, 4, random_lo(r));
		op[n++] = make_op(OP_WRITE, MSI_ROUTE_CONFIG, s->msi_cap + 2, 2,
				  1 | below(r, 6) << 4);
	}
	if (s->ims_vectors) {
		op[n] = make_op(OP_IMS, 8, 0, 0, 0);
		op[n++].arg[1] = next(r) & 0xffffff;
	}
	op[n++] = make_op(OP_NOTIFY, 0x3f, 0, 0, 0);
	return n;
}

void random_program(struct program *p, __u64 seed, unsigned int nr)
{
	struct rng r;
	unsigned int i = 0;

	seed_rng(&r, seed);
	p->machine = below(&r, NR_MACHINES);
	random_shape(&r, p->machine, &p->shape);
	p->op = calloc(nr + 8, sizeof(*p->op));
	if (chance(&r, 90))
		i = set_up(&r, &p->shape, p->op);
	while (i < nr) {
		/* Now and then the guest's driver starts again. */
		if (chance(&r, 3))
			i += set_up(&r, &p->shape, p->op + i);
		else
			random_op(&r, &p->shape, &p->op[i++]);
	}
	p->nr = i;
}

/* ---- as text ---- */

void print_op(FILE *to, const struct op *op)
{
	unsigned int i;

	fprintf(to, "%s", ops[op->code].name);
	for (i = 0; i < ops[op->code].args; i++) {
		if ((__s64)op->arg[i] < 0 && (__s64)op->arg[i] > -1000)
			fprintf(to, " %lld", (long long)op->arg[i]);
		else if (op->arg[i] < 10)
			fprintf(to, " %llu", (unsigned long long)op->arg[i]);
		else
			fprintf(to, " %#llx", (unsigned long long)op->arg[i]);
	}
	fprintf(to, "\n");
}

static const struct {
	const char *name;
	size_t offset, size;
} fields[] = {
#define FIELD(name) { #name, offsetof(struct msi_route_create, name), \
		      sizeof(((struct msi_route_create *)0)->name) }
	FIELD(flags), FIELD(msix_vectors), FIELD(msix_cap), FIELD(msix_table_bir),
	FIELD(msix_table_offset), FIELD(msix_pba_offset), FIELD(msix_pba_bir), FIELD(msi_cap),
	FIELD(msi_vectors), FIELD(msi_flags), FIELD(msix_granted), FIELD(grant_cap),
	FIELD(ims_vectors), FIELD(ims_max),
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

void print_program(FILE *to, const struct program *p)
{
	unsigned int i;

	fprintf(to, "machine %u\n", p->machine);
	for (i = 0; i < NR_FIELDS; i++) {
		__u32 value = 0;

		memcpy(&value, (const char *)&p->shape + fields[i].offset, fields[i].size);
		if (value)
			fprintf(to, "%s %#x\n", fields[i].name, value);
	}
	for (i = 0; i < p->nr; i++)
		print_op(to, &p->op[i]);
}

static bool read_op(char *word, struct program *p)
{
	struct op op = { 0 };
	unsigned int i;

	for (op.code = 0; op.code < NR_OPS; op.code++)
		if (!strcmp(word, ops[op.code].name))
			break;
	if (op.code == NR_OPS)
		return false;
	for (i = 0; i < ops[op.code].args; i++) {
		word = strtok(NULL, " \n");
		if (!word)
			return false;
		op.arg[i] = word[0] == '-' ? (__u64)strtoll(word, NULL, 0) :
					     strtoull(word, NULL, 0);
	}
	p->op = realloc(p->op, (p->nr + 1) * sizeof(*p->op));
	p->op[p->nr++] = op;
	return true;
}

static bool read_field(const char *word, struct program *p)
{
	const char *value = strtok(NULL, " \n");
	unsigned int i;
	__u32 number;

	if (!value)
		return false;
	number = strtoul(value, NULL, 0);
	if (!strcmp(word, "machine")) {
		p->machine = number;
		return number < NR_MACHINES;
	}
	for (i = 0; i < NR_FIELDS; i++) {
		if (strcmp(word, fields[i].name))
			continue;
		memcpy((char *)&p->shape + fields[i].offset, &number, fields[i].size);
		return true;
	}
	return false;
}

/* The machine and the shape come first, one field a line; '#' begins a comment. */
bool read_program(FILE *from, struct program *p)
{
	unsigned int number = 0;
	char line[256], *word;

	memset(p, 0, sizeof(*p));
	p->shape.size = sizeof(p->shape);
	while (fgets(line, sizeof(line), from)) {
		number++;
		word = strchr(line, '#');
		if (word)
			*word = 0;
		word = strtok(line, " \n");
		if (!word || read_op(word, p))
			continue;
		if (p->nr || !read_field(word, p)) {
			fprintf(stderr, "fuzz: line %u is no operation\n", number);
			return false;
		}
	}
	return true;
}
