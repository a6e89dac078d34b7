/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way of an event that is sent at once: take the published snapshot, read the gate,
 * deliver, put the snapshot back.  Inline, so that the wake-up of an eventfd runs through
 * one function up to the vLAPIC; what is rare is called.  route.c tells how senders and
 * writers agree.
 */
#ifndef MR_SEND_H
#define MR_SEND_H

#include <linux/atomic.h>

#include "../mutate.h"
#include "route.h"
#include "trace.h"

/* No message left the vector.  Values of enum msi_route_outcome are at least 0. */
#define MR_NOT_RELEASED		(-1)

/* May it be sent with interrupts off?  mr_vm_deliver() refuses if that takes too long. */
static inline bool mr_can_send_atomic(enum mr_action action)
{
	return action >= MR_SEND && action < MR_SEND_BROADCAST;
}

static inline void mr_slot_put(struct mr_slot *slot)
{
	/* The delivery comes before the end of the drain: mr_update_drain(). */
	smp_mb__before_atomic();
	atomic_dec(&slot->in_flight);
}

/*
 * Takes a reference to the published snapshot, and reads the gate at one instant while
 * that snapshot is published [28].
 *
 * Preemption is off until mr_slot_put(), so that a drain waits only for a running CPU.
 * A reference counts only after a look at @live: a late sender may touch in_flight of
 * the idle slot, but not its snapshot.
 */
static __always_inline struct mr_slot *mr_slot_get(struct mr_vector *v,
						   const struct mr_cap *cap, bool *open)
{
	struct mr_slot *slot;

	for (;;) {
		slot = READ_ONCE(v->live);
		if (mr_mutant(MR_MUT_UNMARKED))
			slot = v->live;
		atomic_inc(&slot->in_flight);
		/*
		 * Pairs with mr_update_publish() and mr_cap_closed(): either the look
		 * below sees what they published, or their drain sees this reference.
		 */
		smp_mb__after_atomic();
		/* Before the reads of the snapshot and of the gate. */
		if (likely(smp_load_acquire(&v->live) == slot)) {
			mr_stretch();
			/* Before the second look at @live. */
			*open = smp_load_acquire(&cap->open);
			/*
			 * Now the slot cannot be refilled.  So if it is still
			 * published, it was published when the gate was read.
			 */
			if (likely(READ_ONCE(v->live) == slot))
				return slot;
		}
		mr_slot_put(slot);
	}
}

/*
 * @replayed: the event had to wait.  Returns MR_NOT_RELEASED if the message may go to
 * more vCPUs than @how allows.
 */
static __always_inline int mr_deliver(struct mr_vector *v, const struct mr_cap *cap,
				      const struct mr_message *msg,
				      enum mr_action how, bool replayed)
{
	int reached = mr_vm_deliver(&cap->rq->vm, msg, how);

	/* 0: KVM looked up the destination, and no vCPU took the message. */
	if (unlikely(reached <= 0))
		return mr_not_delivered(v, msg, reached);
	atomic64_inc(&v->messages);
	trace_msi_route_send(v, msg, replayed);
	return MSI_ROUTE_SENT;
}

/*
 * Sends an event if the vector may send now.  Any context, preemption off: see
 * mr_slot_get().  Returns MR_NOT_RELEASED if mr_raise_unsent() has to do with it.
 */
static __always_inline int mr_send_now(struct mr_vector *v)
{
	struct mr_cap *cap = mr_vector_cap(v);
	int outcome = MR_NOT_RELEASED;
	struct mr_slot *slot;
	bool open;

	slot = mr_slot_get(v, cap, &open);
	if (likely(open && mr_can_send_atomic(slot->snap.action)))
		outcome = mr_deliver(v, cap, &slot->snap.msg, slot->snap.action, false);
	mr_slot_put(slot);
	return outcome;
}

#endif /* MR_SEND_H */
