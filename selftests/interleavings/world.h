/* SPDX-License-Identifier: GPL-2.0 */
/* A function with MSI-X, its guest, and what the guest may find: what the scenarios share. */
#ifndef WORLD_H
#define WORLD_H

#include "../proofs/kernel.h"

#include "../../function/function.h"
#include "../../mutate.h"
#include "explorer.h"

/* Messages; MIXED has the address of B and the data of A, ALL_A is A to all vCPUs. */
enum {
	A = 1,
	B = 2,
	MIXED = 4,
	ALL_A = 8,
};

/* The deliberate fault. */
extern enum mr_mutation world_mutant;

extern struct mr_function world_fn;
#define world_cap		mr_msix_cap(&world_fn)

/* Which messages may arrive now; and MIXED, once the update hold has expired. */
extern u32 world_allowed;
/* What a second writer has left of them. */
extern u32 world_allowed_too;
extern bool world_holds, world_expired;
/* Of each thread: messages that it has put into the IRR, events that it has raised. */
extern u32 world_sent[EXPLORER_THREADS], world_raised[EXPLORER_THREADS];

/* A function whose MSI-X is enabled; all vectors have a message, and are not masked. */
void world_make(u32 vectors, u32 message);
/* The vector that a scenario is about: the last one. */
struct mr_vector *world_vector(void);

/*
 * The guest's writes, to the vector's entry or to Message Control.  Until they return, what
 * was allowed before may still arrive, and so may @after; then only @after.
 */
void world_write(u32 reg, u32 len, u64 value, u32 after);
void world_control(u32 value, u32 after);
/* A write of Message Control alone. */
void world_set_control(u32 value);
u64 world_address(u32 message);
u32 world_data(u32 message);

/* One event; it is counted. */
u32 world_raise(void);
u32 world_sent_by_all(void);
bool world_is_pending(void);
/* After each run: no event is lost, and nothing waits that could be sent. */
void world_end(void);

#endif /* WORLD_H */
