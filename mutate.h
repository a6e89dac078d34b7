/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate faults, as a test of the tests.  A build with
 * MSI_ROUTE_MUTATIONS=1 has a module parameter that breaks the module in one
 * named way; the selftests must then fail.  In every other build all of this
 * is constant and vanishes.
 */
#ifndef MR_MUTATE_H
#define MR_MUTATE_H

#include <linux/types.h>

enum mr_mutation {
	MR_MUT_NONE,
	MR_MUT_NO_DRAIN,	/* publish, and do not wait for senders */
	MR_MUT_MASK_LATE,	/* mask, and do not wait for senders */
	MR_MUT_NO_RECHECK,	/* set pending, and do not look again */
	MR_MUT_CONTROL_ONLY,	/* address and data count at the next control write */
	MR_MUT_NO_HOLD,		/* an address change takes effect at once */
	MR_MUT_NO_REPLAY,	/* what is pending stays so */
	MR_MUT_HALF_UPDATE,	/* change the published snapshot in place */
	MR_MUT_NO_PENDING,	/* masked: forget the event */
	MR_MUT_LOST_DETACH,	/* forget what an eventfd held */
	MR_MUT_STALE_RESET,	/* pending bits survive reset */
	MR_MUT_EQUAL_SKIPPED,	/* writing an equal value does nothing */
	MR_MUT_STALE_PLACE,	/* a moved function is looked for at its old place */
	MR_MUT_LOST_CHANGE,	/* a change while the VMM takes another is forgotten */
	MR_MUT_NO_FREEZE,	/* holds run out while the function is stopped */
	MR_MUT_ANY_TRANSLATION,	/* a translation is of whatever the guest writes */
	MR_MUT_STAYS_ON,	/* a vector that is given back goes on */
	MR_MUT_GONE_UNCOUNTED,	/* events of vectors that were freed are forgotten */
	MR_MUT_STALE_TRANSLATION,	/* ESTALE leaves the one of another message */
	MR_MUT_STALE_REASON,	/* a gate tells the first reason that shut it */
	MR_MUT_ANY_SIZE,	/* a struct may be larger than a page */
	MR_MUT_LOST_IMAGE,	/* the image stays when the function goes */
	MR_MUT_KEPT_BLOCK,	/* memory of vectors that were given back is lost */
	MR_MUT_WRITE_TAKES,	/* a write of the table takes memory, for good */
	MR_MUT_LOUD,		/* KVM is given what it prints a line of */
	MR_MUT_HALF_BATCH,	/* a batch that fails keeps what it had attached */
	MR_MUT_ADD_REPLACES,	/* an eventfd that is added takes the others' place */
	MR_MUT_BOTH_PLACED,	/* two functions at one place on the MMIO bus */
	MR_MUT_LATE_DETACH,	/* a save detaches when it has read the state */
	MR_MUT_SHORT_GRANT,	/* granted below the minimum, for want of memory */
	MR_MUT_TELL_WAITS,	/* who tells the VMM waits for its calls */
	MR_MUT_OOM,		/* for want of memory the VMM is killed */
	/* Which only a kernel's checkers see: */
	MR_MUT_STAYS_QUEUED,	/* a trigger is freed, and stays in its eventfd's queue */
	MR_MUT_SLEEPS_LOCKED,	/* wait for memory under a vector's lock */
	MR_MUT_OVERREAD,	/* believe how many entries a saved state has */
	MR_MUT_LEAK,		/* what a state was copied to is not freed */
	MR_MUT_TIMER_LEFT,	/* free a capability whose timer is started */
	MR_MUT_UNMARKED,	/* look at the published slot as if nobody changed it */
	MR_MUT_COUNT,
};

#ifdef MSI_ROUTE_MUTATIONS
bool mr_mutant(enum mr_mutation m);
void mr_stretch(void);	/* hold a race window open for stretch_us */
#else
static inline bool mr_mutant(enum mr_mutation m)
{
	return false;
}

static inline void mr_stretch(void)
{
}
#endif

#endif /* MR_MUTATE_H */
