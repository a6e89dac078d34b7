/* SPDX-License-Identifier: GPL-2.0 */
/* Runs a program on the module and on the model, and compares them. */
#ifndef FUZZ_DRIVE_H
#define FUZZ_DRIVE_H

#include "model.h"
#include "program.h"

/* vCPUs of each machine; software has switched the last one's local APIC off. */
#define NR_VCPUS	4

enum machine_kind {
	MACHINE_FLAT,		/* xAPIC, logical IDs in the flat format */
	MACHINE_CLUSTER,	/* ... in the cluster format */
	MACHINE_SHARED,		/* ... one for all vCPUs, in two formats: KVM has no map */
	MACHINE_X2APIC,		/* 32-bit IDs, and one more vCPU, which needs nine bits */
	NR_MACHINES,
};

/* Bounds of the update hold: one expires before the next look, one never in a run. */
#define SHORT_BOUND	1000U
#define LONG_BOUND	1000000000U

/* Bytes of an element of changes that the caller knows and the module does not. */
#define MAX_BEYOND	24

/* What OP_MANGLE does to a struct. */
enum mangle {
	MANGLE_EMPTY,		/* size 0 */
	MANGLE_SHORT,		/* size 4 */
	MANGLE_LONG,		/* longer, and zero there: valid */
	MANGLE_DIRTY,		/* longer, and not zero there */
	MANGLE_RESERVED,	/* all bits of the last field, if it is a reserved one */
	MANGLE_FAULT,		/* no struct at all */
	NR_MANGLES,
};

enum verdict {
	SAME,
	DIFFERENT,
	TOO_SLOW,		/* a long bound expired: no verdict is possible */
};

struct statistics {
	__u64 ops, refused, messages, replayed, unreached, dropped, held, expired, slow;
};

extern struct statistics statistics;
extern char difference[1024];

void drive_init(void);
/*
 * Compares everything after each @full operations, and after each operation what it is
 * likely to change.  *at: the operation with the difference.
 */
enum verdict drive(const struct program *p, unsigned int full, unsigned int *at);

#endif /* FUZZ_DRIVE_H */
