/* SPDX-License-Identifier: GPL-2.0 */
/* The memory that vectors.c gives to capabilities. */
#ifndef PROOF_VECTORS_H
#define PROOF_VECTORS_H

#include "harness.h"

/* As many as MSI has; the capabilities of a harness have no more. */
#ifndef PROOF_VECTORS
#define PROOF_VECTORS		32
#endif
#define PROOF_BLOCKS		((PROOF_VECTORS + MR_BLOCK - 1) / MR_BLOCK)

extern struct mr_vector proof_vectors[MSI_ROUTE_NR_KINDS][PROOF_VECTORS];
extern struct mr_vector_cold proof_cold[MSI_ROUTE_NR_KINDS][PROOF_VECTORS];
extern struct msi_route_entry proof_entries[PROOF_VECTORS];
/* Table and PBA: entries, then pending bits. */
extern u64 proof_table[2 * PROOF_VECTORS + PROOF_BLOCKS];
/* For how many vectors there is memory. */
extern u32 proof_room;

/* A BAR that is nothing but table and PBA. */
void proof_msix(struct msi_route_create *c, u16 vectors);

/*
 * MSI of any form that a function can be created with, at @at; place.c proves which forms
 * that are.  Nobody looks at the number in cap->max but for whether it is 0, and CBMC does
 * less if it knows that: only cap->nr is any.
 */
void proof_any_msi(u8 at);

#endif /* PROOF_VECTORS_H */
