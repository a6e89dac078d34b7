// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: turns what the guest wrote (raw) into what is injected (effective), and
 * decides what becomes of an event, once for each write instead of for each event.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "route.h"
#include "../mutate.h"

/* Intel SDM, "Message Address Register Format" and "Data Register Format". */
#define MSI_ADDRESS_BASE	0xfee00000
#define MSI_ADDRESS_BASE_MASK	GENMASK(31, 20)
#define MSI_ADDRESS_EXT_DEST	GENMASK(11, 5)
#define MSI_ADDRESS_REMAPPABLE	BIT(4)
#define MSI_ADDRESS_REDIRECT	BIT(3)
#define MSI_ADDRESS_LOGICAL	BIT(2)
#define MSI_ADDRESS_HI_LOW	GENMASK(7, 0)

#define MSI_DATA_VECTOR		GENMASK(7, 0)
#define MSI_DATA_MODE		GENMASK(10, 8)
#define MSI_DATA_MODE_FIXED	0x000
#define MSI_DATA_MODE_LOWEST	0x100
#define MSI_DATA_MODE_RESERVED	0x300
#define MSI_DATA_MODE_STARTUP	0x600
#define MSI_DATA_MODE_EXTINT	0x700

#define FIRST_LEGAL_VECTOR	16

static bool mr_message_is_interrupt(const struct mr_vm *vm, const struct mr_message *msg)
{
	u32 high = msg->address_hi;

	/* KVM's 32-bit format has destination bits 31:8 there [33]. */
	if (mr_vm_x2apic_format(vm))
		high &= MSI_ADDRESS_HI_LOW;
	return !high &&
	       (msg->address_lo & MSI_ADDRESS_BASE_MASK) == MSI_ADDRESS_BASE;
}

/*
 * Moves destination bits 14:8 to where KVM's 32-bit format has them [33].  A guest that
 * sets bits there, or uses remappable format, does not know of the extended ID.
 */
static void mr_message_extend_destination(struct mr_message *msg)
{
	if (msg->address_hi || msg->address_lo & MSI_ADDRESS_REMAPPABLE)
		return;
	msg->address_hi = (msg->address_lo & MSI_ADDRESS_EXT_DEST) << 3;
	msg->address_lo &= ~MSI_ADDRESS_EXT_DEST;
}

static enum mr_action mr_message_classify(const struct mr_vm *vm, struct mr_message *msg)
{
	u32 mode = msg->data & MSI_DATA_MODE;
	enum mr_action action;

	if (!mr_message_is_interrupt(vm, msg))
		return MR_DROP_ADDRESS;
	if (mode == MSI_DATA_MODE_RESERVED || mode == MSI_DATA_MODE_STARTUP ||
	    mode == MSI_DATA_MODE_EXTINT)
		return MR_DROP_MODE;
	if ((mode == MSI_DATA_MODE_FIXED || mode == MSI_DATA_MODE_LOWEST) &&
	    (msg->data & MSI_DATA_VECTOR) < FIRST_LEGAL_VECTOR)
		return MR_DROP_VECTOR;
	action = mr_vm_broadcast(vm, msg);
	if (action == MR_SEND)
		return msg->address_lo & MSI_ADDRESS_LOGICAL ? MR_SEND_LOGICAL :
							       MR_SEND;

	/*
	 * A physical broadcast with lowest priority goes to all.  KVM does so,
	 * too, but prints a line each time.  For one vCPU it is the same.
	 */
	if (!(msg->address_lo & MSI_ADDRESS_LOGICAL) && !mr_mutant(MR_MUT_LOUD)) {
		msg->address_lo &= ~MSI_ADDRESS_REDIRECT;
		if (mode == MSI_DATA_MODE_LOWEST)
			msg->data &= ~MSI_DATA_MODE;
	}
	return action;
}

/**
 * mr_message_remapped() - does a message go through the remapping unit?
 * @rq: the function
 * @raw: what the registers hold, or held
 *
 * Context: any; the answer may change at any time, unless rq->config is held.
 * Return: whether it needs a translation to be sent [33].
 */
bool mr_message_remapped(const struct mr_requester *rq,
			 const struct mr_message *raw)
{
	return (rq->flags & MSI_ROUTE_CREATE_REMAPPING) &&
	       (raw->address_lo & MSI_ADDRESS_REMAPPABLE ||
		READ_ONCE(rq->remap_all)) &&
	       mr_message_is_interrupt(&rq->vm, raw);
}

/* A message that has changed in part is not the translated one, either. */
static bool mr_translation_fits(const struct mr_translation *t,
				const struct mr_message *raw)
{
	if (mr_mutant(MR_MUT_ANY_TRANSLATION))
		return t && t->valid;
	return t && t->valid && !memcmp(&t->raw, raw, sizeof(*raw));
}

/**
 * mr_action_reason() - find why an event is not sent
 * @action: what becomes of it
 *
 * Context: any.
 * Return: the reason, %MSI_ROUTE_REASON_NONE if it is sent.
 */
enum msi_route_reason mr_action_reason(enum mr_action action)
{
	static const u8 reasons[MR_NR_ACTIONS] = {
		[MR_MASKED] = MSI_ROUTE_REASON_MASKED,
		[MR_HELD] = MSI_ROUTE_REASON_HELD,
		[MR_UNTRANSLATED] = MSI_ROUTE_REASON_UNTRANSLATED,
		[MR_DROP_ADDRESS] = MSI_ROUTE_REASON_ADDRESS,
		[MR_DROP_MODE] = MSI_ROUTE_REASON_MODE,
		[MR_DROP_VECTOR] = MSI_ROUTE_REASON_VECTOR,
		[MR_ABSENT] = MSI_ROUTE_REASON_ABSENT,
		[MR_DISABLED] = MSI_ROUTE_REASON_DROP_DISABLED,
	};

	return reasons[action];
}

/**
 * mr_snapshot_compose() - make a snapshot of a raw message
 * @rq: the function
 * @raw: what the registers hold
 * @masked: the vector's own mask is set
 * @t: the VMM's translation, or NULL
 * @snap: out: the effective message and what becomes of an event
 *
 * Rules 32 to 34 of Documentation/rules.rst.
 *
 * Context: any, no locks needed beyond what keeps @raw stable.
 */
void mr_snapshot_compose(const struct mr_requester *rq,
			 const struct mr_message *raw, bool masked,
			 const struct mr_translation *t,
			 struct mr_snapshot *snap)
{
	bool remapped = mr_message_remapped(rq, raw);

	snap->msg = *raw;
	if (remapped && mr_translation_fits(t, raw))
		snap->msg = t->msg;
	else if (!remapped && rq->flags & MSI_ROUTE_CREATE_EXT_DEST_ID)
		mr_message_extend_destination(&snap->msg);

	if (masked)
		snap->action = MR_MASKED;
	else if (remapped && !mr_translation_fits(t, raw))
		snap->action = MR_UNTRANSLATED;
	else
		snap->action = mr_message_classify(&rq->vm, &snap->msg);
}

/*
 * A translation ends with its message.  If the guest writes that message again, the
 * remapping unit's tables may have changed, and the VMM was notified.  A translation also
 * ends when the VMM no longer says that the message needs one.
 */
static void mr_end_translation(struct mr_vector *v, struct mr_translation *t,
			       const struct mr_message *raw)
{
	if (!t)
		return;
	if (memcmp(&t->raw, raw, sizeof(*raw)) &&
	    !mr_mutant(MR_MUT_ANY_TRANSLATION))
		t->valid = false;
	if (!mr_message_remapped(mr_vector_cap(v)->rq, raw) &&
	    !mr_mutant(MR_MUT_KEPT_TRANSLATION))
		t->valid = false;
}

/**
 * mr_vector_compose() - make a snapshot of a vector's registers
 * @v: the vector, its lock held, or nobody else knows it
 * @snap: out
 *
 * Context: any.
 */
void mr_vector_compose(struct mr_vector *v, struct mr_snapshot *snap)
{
	struct mr_translation *t = mr_translation_of(v);
	struct mr_message raw;
	bool masked = mr_vector_message(v, &raw);

	mr_end_translation(v, t, &raw);
	mr_snapshot_compose(mr_vector_cap(v)->rq, &raw, masked, t, snap);
	if (mr_cold(v)->absent)
		snap->action = MR_ABSENT;
}
