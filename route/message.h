/* SPDX-License-Identifier: GPL-2.0 */
/* Messages: what a guest writes, and what becomes of the events of a vector. */
#ifndef MR_MESSAGE_H
#define MR_MESSAGE_H

#include <linux/types.h>

#include "../msi_route.h"

struct mr_requester;
struct mr_vector;

/* What a message write transaction carries: raw as in registers, or effective. */
struct mr_message {
	u32 address_lo;
	u32 address_hi;
	u32 data;
};

/*
 * What becomes of an event.  It is decided when the message is written.  Up to
 * MR_UNTRANSLATED the Pending bit keeps the event, up to MR_SEND_BROADCAST it is sent,
 * and up to MR_DROP_VECTOR it is dropped.
 */
enum mr_action {
	MR_MASKED,		/* the entry's own mask [9] [20] */
	MR_HELD,		/* the message is being changed */
	MR_UNTRANSLATED,	/* needs a translation and has none [33] */
	MR_SEND,		/* to one target, unless several share its ID */
	MR_SEND_LOGICAL,	/* to few; to many if KVM has to search */
	MR_SEND_FFH,		/* to all; to few in x2APIC mode */
	MR_SEND_BROADCAST,	/* to all: takes too long with interrupts off */
	MR_DROP_ADDRESS,	/* [32] */
	MR_DROP_MODE,		/* [34] */
	MR_DROP_VECTOR,		/* [34] */
	/* The order ends here. */
	MR_ABSENT,		/* the vector was given back */
	MR_DISABLED,		/* Enable is clear [2]; the gate's, in no snapshot */
	MR_NR_ACTIONS
};

/* Does the Pending bit keep an event? */
static inline bool mr_action_pends(enum mr_action action)
{
	return action <= MR_UNTRANSLATED;
}

/* As the VMM sees it: a vector that was given back is masked, too. */
static inline bool mr_action_masked(enum mr_action action)
{
	return action == MR_MASKED || action == MR_ABSENT;
}

struct mr_snapshot {
	struct mr_message msg;
	enum mr_action action;
};

/* What a VMM with an interrupt remapping unit made of a message. */
struct mr_translation {
	bool valid;
	struct mr_message raw;
	struct mr_message msg;
};

enum msi_route_reason mr_action_reason(enum mr_action action);
bool mr_message_remapped(const struct mr_requester *rq,
			 const struct mr_message *raw);
void mr_snapshot_compose(const struct mr_requester *rq,
			 const struct mr_message *raw, bool masked,
			 const struct mr_translation *t,
			 struct mr_snapshot *snap);
void mr_vector_compose(struct mr_vector *v, struct mr_snapshot *snap);

#endif /* MR_MESSAGE_H */
