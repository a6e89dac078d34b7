/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Deliberate faults, to test the tests.  A build with MSI_ROUTE_MUTATIONS=1 has
 * a module parameter that breaks the module in one named way.  The selftests must
 * then fail.  In every other build all of this is constant, and the compiler
 * removes it.
 */
#ifndef MR_MUTATE_H
#define MR_MUTATE_H

#include <linux/types.h>

enum mr_mutation {
	MR_MUT_NONE,
	MR_MUT_NO_DRAIN,	/* publish without waiting for senders */
	MR_MUT_MASK_LATE,	/* mask without waiting for senders */
	MR_MUT_NO_RECHECK,	/* set pending without looking again */
	MR_MUT_CONTROL_ONLY,	/* address and data take effect at a control write */
	MR_MUT_NO_HOLD,		/* an address change takes effect at once */
	MR_MUT_NO_REPLAY,	/* never send what is pending */
	MR_MUT_HALF_UPDATE,	/* change the published snapshot in place */
	MR_MUT_NO_PENDING,	/* forget an event of a masked vector */
	MR_MUT_LOST_DETACH,	/* forget what an eventfd held */
	MR_MUT_STALE_RESET,	/* pending bits survive reset */
	MR_MUT_EQUAL_SKIPPED,	/* writing an equal value does nothing */
	MR_MUT_STALE_PLACE,	/* look up an access by the new place, not its own */
	MR_MUT_LOST_CHANGE,	/* forget a change while the VMM takes another */
	MR_MUT_NO_FREEZE,	/* holds run out while the function is stopped */
	MR_MUT_PAUSE_COUNTS,	/* holds run out while the vCPU is stopped */
	MR_MUT_ANY_TRANSLATION,	/* a translation fits whatever the guest writes */
	MR_MUT_STAYS_ON,	/* a vector that was given back still sends */
	MR_MUT_GONE_UNCOUNTED,	/* forget the events of freed vectors */
	MR_MUT_STALE_TRANSLATION,	/* ESTALE leaves another message's translation */
	MR_MUT_STALE_REASON,	/* a gate keeps the first reason that closed it */
	MR_MUT_ANY_SIZE,	/* a struct may be larger than a page */
	MR_MUT_LOST_IMAGE,	/* do not free the image with the function */
	MR_MUT_IMAGE_KEEPS,	/* a mapping of the image keeps the function */
	MR_MUT_KEPT_BLOCK,	/* never free the memory of vectors given back */
	MR_MUT_WRITE_TAKES,	/* each write of the table leaks memory */
	MR_MUT_LOUD,		/* give KVM messages that make it log a line */
	MR_MUT_HALF_BATCH,	/* a batch that fails keeps what it attached */
	MR_MUT_ADD_REPLACES,	/* an added eventfd replaces the others */
	MR_MUT_LOST_MOVE,	/* forget signals of an eventfd while it moves */
	MR_MUT_BOTH_PLACED,	/* two functions at one place on the MMIO bus */
	MR_MUT_LATE_DETACH,	/* a save detaches after it has read the state */
	MR_MUT_SHORT_GRANT,	/* grant less than the minimum if memory is short */
	MR_MUT_TELL_WAITS,	/* whoever notifies the VMM waits for its calls */
	MR_MUT_OOM,		/* kill the VMM if memory is short */
	MR_MUT_UNSTEERED,	/* do not notify the VMM of a steering tag */
	MR_MUT_DEAF,		/* ignore a write of Command */
	MR_MUT_KEEPS_DISABLED,	/* keep what should be dropped while Enable is clear */
	MR_MUT_RESETS_ALL,	/* a reset always clears Bus Master Enable */
	MR_MUT_LATE_REMAPPING,	/* the switch affects only what is written later */
	MR_MUT_KEPT_TRANSLATION,	/* a translation survives the switch */
	MR_MUT_IN_PLACE,	/* deliver to any number of vCPUs, interrupts off */
	MR_MUT_WAITING_CLOSE,	/* whoever closes a function waits for its vCPUs */
	MR_MUT_NO_LEARNING,	/* learn the way into the vLAPIC from others' routes only */
	MR_MUT_STALE_VM,	/* messages keep the old VM's form */
	/* Only a kernel's checkers see these: */
	MR_MUT_STAYS_QUEUED,	/* free what is still in an eventfd's queue */
	MR_MUT_SLEEPS_LOCKED,	/* wait for memory under a vector's lock */
	MR_MUT_OVERREAD,	/* believe a saved state's number of entries */
	MR_MUT_LEAK,		/* do not free the copy of a state */
	MR_MUT_TIMER_LEFT,	/* free a capability whose timer is started */
	MR_MUT_UNMARKED,	/* read the published slot as if nobody changed it */
	/* Only selftests/proofs sees these: */
	MR_MUT_IMAGE_APART,	/* table and PBA never share a page of the image */
	MR_MUT_ANY_RANGE,	/* believe a caller's range of vectors */
	MR_MUT_DROPS_MASKED,	/* drop events where there are Pending bits */
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
