/* SPDX-License-Identifier: GPL-2.0 */
/* What the harnesses share: claims, any function, and how the specification sees it. */
#ifndef PROOF_HARNESS_H
#define PROOF_HARNESS_H

#include "kernel.h"

#include "../../function/function.h"
#include "../../mutate.h"
#include "spec.h"

#define CLAIM(condition, text)	__CPROVER_assert(condition, text)
#define ASSUME(condition)	__CPROVER_assume(condition)

/*
 * Ends a harness.  With PROOF_END the run must find its way here: a harness whose
 * assumptions exclude each other would prove everything.
 */
#ifdef PROOF_END
#define REACHED()		CLAIM(false, "the end is not reached")
#else
#define REACHED()		((void)0)
#endif

/* The deliberate fault of mutate.h that is built in. */
#ifndef PROOF_MUTANT
#define PROOF_MUTANT		MR_MUT_NONE
#endif

extern struct mr_function proof_fn;
extern struct kvm proof_kvm;

/* What KVM was given. */
extern u32 proof_nr_sent;
extern struct spec_message proof_sent;

/* The vector that a harness looks at: any one, so what holds for it holds for all. */
extern u32 proof_kind, proof_index;
/* What was marked for the VMM: of that vector, and of the capabilities' controls. */
extern u32 proof_changes;

/* A function of any VM, with any flags that its creation accepts; without capabilities. */
void proof_any_function(void);
struct spec_function proof_spec(void);
struct spec_message proof_message(const struct mr_message *m);
struct spec_entry proof_entry(const struct msi_route_entry *e);
/* Gives the function any registers that the specification allows, and sets its gates. */
void proof_any_registers(void);
bool proof_same_function(const struct spec_function *a, const struct spec_function *b);
enum mr_action proof_action(const struct spec_event *e);
bool proof_same_message(struct spec_message a, struct spec_message b);
bool proof_same_entry(const struct spec_entry *a, const struct spec_entry *b);

#endif /* PROOF_HARNESS_H */
