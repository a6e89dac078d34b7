/* SPDX-License-Identifier: GPL-2.0 */
/* Runs a program on the module and on the model, and compares. */
#ifndef FUZZ_DRIVE_H
#define FUZZ_DRIVE_H

#include "model.h"
#include "program.h"

/* vCPUs of each machine; the last one's local APIC is switched off by software. */
#define NR_VCPUS	4

enum machine_kind {
	MACHINE_FLAT,		/* xAPIC, logical IDs in the flat format */
	MACHINE_CLUSTER,	/* ... in the cluster format */
	MACHINE_SHARED,		/* ... one for all vCPUs, in two formats: KVM has no map */
	MACHINE_X2APIC,		/* 32-bit IDs, and a vCPU more that needs nine bits */
	NR_MACHINES,
};

/* Bounds of the update hold: one that has run out when it is looked for, and one
 * that does not run out meanwhile.
 */
#define SHORT_BOUND	1000U
#define LONG_BOUND	1000000000U

/* What OP_MANGLE does to a struct. */
enum mangle {
	MANGLE_EMPTY,		/* size 0 */
	MANGLE_SHORT,		/* size 4 */
	MANGLE_LONG,		/* longer, and zero there: nothing wrong */
	MANGLE_DIRTY,		/* longer, and not zero there */
	MANGLE_RESERVED,	/* all bits of the last field, which is a reserved one */
	MANGLE_FAULT,		/* no struct at all */
	NR_MANGLES,
};

enum verdict {
	SAME,
	DIFFERENT,
	TOO_SLOW,		/* a long bound ran out: nothing can be said */
};

struct statistics {
	__u64 ops, refused, messages, replayed, unreached, dropped, held, expired, slow;
};

extern struct statistics statistics;
extern char difference[1024];

void drive_init(void);
/*
 * Everything is compared after each @full operations, and what an operation is
 * likely to change after each.  *at: the operation with the difference.
 */
enum verdict drive(const struct program *p, unsigned int full, unsigned int *at);

#endif /* FUZZ_DRIVE_H */
