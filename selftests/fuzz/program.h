/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of the fuzzer: a machine, a function's shape, and operations on it. */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stdio.h>
#include <stdbool.h>
#include <linux/types.h>

#include "../../msi_route.h"

enum code {
	OP_WRITE,	/* space offset len value */
	OP_READ,	/* space offset len value-before */
	OP_TRIGGER,	/* kind vector */
	OP_CLEAR,	/* kind vector */
	OP_SIGNAL,	/* eventfd count */
	OP_ATTACH,	/* flags kind vector eventfd */
	OP_ATTACH_MANY,	/* flags kind first nr seed */
	OP_BUS_MASTER,	/* enable */
	OP_RESET,	/* flags */
	OP_HOLD,	/* bound */
	OP_ENTRIES,	/* first nr seed */
	OP_NOTIFY,	/* changes eventfd */
	OP_CHANGES,	/* room, bytes of an element beyond those that it has */
	OP_RUN,		/* run */
	OP_SAVE,	/* flags */
	OP_RESTORE,	/* seed; 0: what was saved, unchanged */
	OP_MIGRATE,	/* run afterwards, and twice the flags of the save */
	OP_TRANSLATE,	/* flags kind vector seed; of this message, unless seed % 4 is 0 */
	OP_RESIZE,	/* flags kind min nr limit */
	OP_IMS,		/* nr seed */
	OP_RENEW,
	OP_REMAPPING,	/* flags */
	OP_COUNTERS,	/* kind vector */
	OP_MANGLE,	/* request how: a struct of wrong size or with reserved bits */
	OP_CREATE,	/* seed: try to create a function of a strange shape */
	OP_REBIND,	/* machine to move to, or a bad one; 1: stop before, 2: run after */
	NR_OPS,
};

#define MAX_ARGS	5

struct op {
	enum code code;
	__u64 arg[MAX_ARGS];
};

struct program {
	unsigned int machine;
	struct msi_route_create shape;
	unsigned int nr;
	struct op *op;
};

/* ---- random numbers, the same everywhere ---- */

struct rng {
	__u64 state;
};

void seed_rng(struct rng *r, __u64 seed);
__u64 next(struct rng *r);

static inline unsigned int below(struct rng *r, unsigned int n)
{
	return next(r) % n;
}

/* True in @percent of 100 cases. */
static inline bool chance(struct rng *r, unsigned int percent)
{
	return below(r, 100) < percent;
}

/* Parts of messages, most of them sensible for the machine. */
__u32 random_lo(struct rng *r);
__u32 random_hi(struct rng *r);
__u32 random_data(struct rng *r);
struct msi_route_entry random_entry(struct rng *r);
/* Changes some fields, so that the shape may become invalid. */
void random_shape(struct rng *r, unsigned int machine, struct msi_route_create *shape);
void mangle_shape(struct rng *r, struct msi_route_create *shape);

void random_program(struct program *p, __u64 seed, unsigned int nr);
void print_op(FILE *to, const struct op *op);
void print_program(FILE *to, const struct program *p);
/* Returns false, with a message on standard error, if it is invalid. */
bool read_program(FILE *from, struct program *p);

#endif /* FUZZ_PROGRAM_H */
