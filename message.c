// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: what the guest wrote (raw) is made into what is injected
 * (effective), and it is decided what becomes of an event, once for each
 * write instead of for each event.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "mr.h"
#include "mutate.h"

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

static bool is_interrupt(const struct mr_vm *vm, const struct mr_message *msg)
{
	u32 high = msg->address_hi;

	/* KVM's 32-bit format keeps destination bits 31:8 there [33]. */
	if (mr_vm_x2apic_format(vm))
		high &= MSI_ADDRESS_HI_LOW;
	return !high &&
	       (msg->address_lo & MSI_ADDRESS_BASE_MASK) == MSI_ADDRESS_BASE;
}

/*
 * Destination bits 14:8 move to where KVM's 32-bit format has them [33].  A message
 * that has some there, or is in remappable format, was not written by who knows of
 * the extended ID.
 */
static void extend_destination(struct mr_message *msg)
{
	if (msg->address_hi || msg->address_lo & MSI_ADDRESS_REMAPPABLE)
		return;
	msg->address_hi = (msg->address_lo & MSI_ADDRESS_EXT_DEST) << 3;
	msg->address_lo &= ~MSI_ADDRESS_EXT_DEST;
}

static enum mr_action classify(const struct mr_vm *vm, struct mr_message *msg)
{
	u32 mode = msg->data & MSI_DATA_MODE;

	if (!is_interrupt(vm, msg))
		return MR_DROP_ADDRESS;
	if (mode == MSI_DATA_MODE_RESERVED || mode == MSI_DATA_MODE_STARTUP ||
	    mode == MSI_DATA_MODE_EXTINT)
		return MR_DROP_MODE;
	if ((mode == MSI_DATA_MODE_FIXED || mode == MSI_DATA_MODE_LOWEST) &&
	    (msg->data & MSI_DATA_VECTOR) < FIRST_LEGAL_VECTOR)
		return MR_DROP_VECTOR;
	if (!mr_vm_broadcast(vm, msg))
		return msg->address_lo & MSI_ADDRESS_LOGICAL ? MR_SEND_LOGICAL :
							       MR_SEND;

	/*
	 * A physical broadcast with lowest priority goes to all.  KVM makes it
	 * so as well, but prints a line each time.
	 */
	if (!(msg->address_lo & MSI_ADDRESS_LOGICAL) && !mr_mutant(MR_MUT_LOUD)) {
		msg->address_lo &= ~MSI_ADDRESS_REDIRECT;
		if (mode == MSI_DATA_MODE_LOWEST)
			msg->data &= ~MSI_DATA_MODE;
	}
	return MR_SEND_MANY;
}

static bool is_remappable(const struct mr_function *fn,
			  const struct mr_message *raw)
{
	return (fn->flags & MSI_ROUTE_CREATE_REMAPPING) &&
	       (raw->address_lo & MSI_ADDRESS_REMAPPABLE) &&
	       is_interrupt(&fn->vm, raw);
}

/* Also a part of a new message is not the one that was translated. */
static bool translates(const struct mr_translation *t,
		       const struct mr_message *raw)
{
	if (mr_mutant(MR_MUT_ANY_TRANSLATION))
		return t && t->valid;
	return t && t->valid && !memcmp(&t->raw, raw, sizeof(*raw));
}

/**
 * mr_action_reason() - why an event is not sent
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
		[MR_DROP_ABSENT] = MSI_ROUTE_REASON_ABSENT,
	};

	return reasons[action];
}

/**
 * mr_snapshot_compose() - make a snapshot of a raw message
 * @fn: the function
 * @raw: what the registers hold
 * @masked: the vector's own mask is set
 * @t: the VMM's translation of a message in remappable format, or NULL
 * @snap: out: the effective message and what becomes of an event
 *
 * Rules 32 to 34 of Documentation/rules.rst.
 *
 * Context: any, no locks needed beyond what keeps @raw stable.
 */
void mr_snapshot_compose(const struct mr_function *fn,
			 const struct mr_message *raw, bool masked,
			 const struct mr_translation *t,
			 struct mr_snapshot *snap)
{
	bool remappable = is_remappable(fn, raw);

	snap->msg = *raw;
	if (remappable && translates(t, raw))
		snap->msg = t->msg;
	else if (!remappable && fn->flags & MSI_ROUTE_CREATE_EXT_DEST_ID)
		extend_destination(&snap->msg);

	if (masked)
		snap->action = MR_MASKED;
	else if (remappable && !translates(t, raw))
		snap->action = MR_UNTRANSLATED;
	else
		snap->action = classify(&fn->vm, &snap->msg);
}
