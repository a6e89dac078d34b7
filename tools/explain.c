// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "message.h"

static const char *const rules[] = {
#include "rules.inc"
};

const char *rule_text(unsigned int rule)
{
	return rule < ARRAY_SIZE(rules) && rules[rule] ? rules[rule] : "";
}

/*
 * @now: why a new event is not sent at once; @then: what became of one.  A
 * rule for MSI is another one where it says the same for its own registers.
 */
static const struct reason {
	const char *name, *now, *then;
	unsigned int rule, msi_rule;
} reasons[] = {
	[MSI_ROUTE_REASON_NONE] = { "none", "", "", 0, 0 },
	[MSI_ROUTE_REASON_MASKED] = { "masked",
		"becomes pending: the vector's own mask is set",
		"became pending: the vector's own mask was set", 20, 9 },
	[MSI_ROUTE_REASON_HELD] = { "held",
		"becomes pending: the guest is just changing the message, and an update hold is open",
		"became pending: the guest was just changing the message, and an update hold was open",
		17, 10 },
	[MSI_ROUTE_REASON_UNTRANSLATED] = { "untranslated",
		"becomes pending: the message needs a translation, and the VMM has set none",
		"became pending: the message needed a translation, and the VMM had set none",
		33, 33 },
	[MSI_ROUTE_REASON_DISABLED] = { "disabled",
		"becomes pending: the capability's Enable is clear",
		"became pending: the capability's Enable was clear", 2, 2 },
	[MSI_ROUTE_REASON_FUNCTION_MASK] = { "function_mask",
		"becomes pending: Function Mask is set",
		"became pending: Function Mask was set", 19, 19 },
	[MSI_ROUTE_REASON_BUS_MASTER] = { "bus_master",
		"becomes pending: Bus Master Enable is clear, as far as the VMM has said",
		"became pending: Bus Master Enable was clear, as far as the VMM had said", 31, 31 },
	[MSI_ROUTE_REASON_STOPPED] = { "stopped",
		"becomes pending: the VMM has stopped the function",
		"became pending: the VMM had stopped the function", 0, 0 },
	[MSI_ROUTE_REASON_MSIX_ENABLED] = { "msix_enabled",
		"becomes pending: MSI-X is enabled as well, and wins",
		"became pending: MSI-X was enabled as well, and won", 1, 1 },
	[MSI_ROUTE_REASON_BROADCAST] = { "broadcast",
		"becomes pending: a broadcast of the vector is under way",
		"joined a broadcast of the vector that was under way", 26, 26 },
	[MSI_ROUTE_REASON_ADDRESS] = { "address",
		"is dropped: the address is not that of an interrupt",
		"was dropped: the address was not that of an interrupt", 32, 32 },
	[MSI_ROUTE_REASON_MODE] = { "mode",
		"is dropped: this delivery mode cannot come by MSI",
		"was dropped: its delivery mode cannot come by MSI", 34, 34 },
	[MSI_ROUTE_REASON_VECTOR] = { "vector",
		"is dropped: vectors 0 to 15 are illegal",
		"was dropped: its vector was one of 0 to 15, which are illegal", 34, 34 },
	[MSI_ROUTE_REASON_ABSENT] = { "absent",
		"is dropped: the function has given the vector back",
		"was dropped: the function was giving the vector back", 0, 0 },
	[MSI_ROUTE_REASON_UNREACHED] = { "unreached", "",
		"reached no vCPU: KVM found none at that destination that takes it", 0, 0 },
	[MSI_ROUTE_REASON_CLEARED] = { "cleared", "",
		"was pending, and the VMM cleared it", 21, 21 },
	[MSI_ROUTE_REASON_RESET] = { "reset", "",
		"was pending when the function was reset, or the vector freed", 29, 29 },
	[MSI_ROUTE_REASON_GIVEN_BACK] = { "given_back", "",
		"was pending when the vector was given back", 0, 0 },
	[MSI_ROUTE_REASON_RESTORED] = { "restored", "",
		"was pending when the VMM restored another state", 0, 0 },
	[MSI_ROUTE_REASON_EVENTFD] = { "eventfd", "",
		"came with others in one count of an eventfd", 22, 22 },
	[MSI_ROUTE_REASON_DROP_DISABLED] = { "drop_disabled",
		"is dropped: MSI's Enable is clear, and the function keeps no such event",
		"was dropped: MSI's Enable was clear, and the function keeps no such event", 2, 2 },
};

static const struct reason *reason_of(__u32 reason)
{
	static const struct reason unknown = {
		"unknown", "is treated in a way that this tool does not know",
		"was treated in a way that this tool does not know", 0, 0,
	};

	return reason < ARRAY_SIZE(reasons) ? &reasons[reason] : &unknown;
}

const char *reason_name(__u32 reason)
{
	return reason_of(reason)->name;
}

static struct finding __attribute__((format(printf, 3, 4)))
*find(struct explanation *e, const char *key, const char *format, ...)
{
	struct finding *f = &e->list[e->nr++];
	va_list list;

	f->key = key;
	f->reason = NULL;
	f->rule = 0;
	f->again = false;
	va_start(list, format);
	vsnprintf(f->text, sizeof(f->text), format, list);
	va_end(list);
	return f;
}

static void find_reason(struct explanation *e, const char *key, __u32 kind, __u32 reason,
			const char *subject, bool now)
{
	const struct reason *r = reason_of(reason);
	struct finding *f = find(e, key, "%s %s.", subject, now ? r->now : r->then);

	f->reason = r->name;
	f->rule = kind == MSI_ROUTE_MSI ? r->msi_rule : r->rule;
}

static void explain_message(const struct msi_route_vector *v, struct explanation *e)
{
	struct message m = message_of(v->sent_address, v->sent_data);
	char target[TARGET_SIZE], sent[96] = "";

	if (v->address != v->sent_address || v->data != v->sent_data)
		snprintf(sent, sizeof(sent), ", sent as address 0x%llx data 0x%x",
			 (unsigned long long)v->sent_address, v->sent_data);
	if (v->reason == MSI_ROUTE_REASON_UNTRANSLATED)
		find(e, "message", "The message is address 0x%llx data 0x%x: in %s format.",
		     (unsigned long long)v->address, v->data,
		     v->address & 0x10 ? "remappable" : "compatibility");
	else if (!m.interrupt)
		find(e, "message", "The message is address 0x%llx data 0x%x%s: a write to memory.",
		     (unsigned long long)v->address, v->data, sent);
	else
		find(e, "message",
		     "The message is address 0x%llx data 0x%x%s: vector 0x%x, %s, to %s.",
		     (unsigned long long)v->address, v->data, sent, m.vector, m.mode,
		     message_target(&m, target));
}

static void add_number(struct finding *f, __u64 number, const char *what)
{
	size_t used = strlen(f->text);

	if (number)
		snprintf(f->text + used, sizeof(f->text) - used, " %llu %s,",
			 (unsigned long long)number, what);
}

static void explain_events(const struct msi_route_vector *v, struct explanation *e)
{
	bool pending = v->state & MSI_ROUTE_STATE_PENDING;
	__u64 gone = v->events - v->messages - v->coalesced - pending;
	struct finding *f;

	if (!v->events) {
		find(e, "events", "No event was ever raised: the device did not raise one%s.",
		     v->state & MSI_ROUTE_STATE_EVENTFD ?
		     ", or signals another eventfd than the one that is attached" :
		     ", or signals an eventfd, and none is attached");
		return;
	}
	f = find(e, "events", "Events so far: %llu; of these", (unsigned long long)v->events);
	add_number(f, v->messages, "sent");
	add_number(f, v->coalesced, "coalesced with another one");
	add_number(f, pending, "pending");
	/* Not one instant's numbers: an event may be between two of them. */
	add_number(f, (long long)gone > 0 ? gone : 0, "dropped or cleared");
	/* The last comma. */
	f->text[strlen(f->text) - 1] = '.';
}

static void mark_rules(struct explanation *e)
{
	unsigned int i, j;

	for (i = 0; i < e->nr; i++)
		for (j = 0; j < i; j++)
			if (e->list[i].rule == e->list[j].rule)
				e->list[i].again = e->list[i].rule;
}

void explain(const struct function *fn, __u32 kind, const struct msi_route_vector *v,
	     struct explanation *e)
{
	const struct msi_route_counters *c = &fn->c[kind];

	e->nr = 0;
	if (v->reason)
		find_reason(e, "now", kind, v->reason, "A new event", true);
	else
		find(e, "now", "A new event is sent at once.")->reason =
			reason_name(MSI_ROUTE_REASON_NONE);
	explain_message(v, e);
	explain_events(v, e);
	if (v->last)
		find_reason(e, "last", kind, v->last,
			    "The last event that was not sent at once", false);
	if (v->messages && !v->reason)
		find(e, "hint",
		     "If the guest misses an event that was sent: KVM has put it into the local APIC; look at the guest's APIC and its handler.");
	if (c->holds_expired)
		find(e, "holds_expired",
		     "The guest left %llu changes of a message half done until the hold's bound: it wrote the address, but no data.",
		     (unsigned long long)c->holds_expired)->rule = 17;
	if (c->bad_accesses)
		find(e, "bad_accesses",
		     "%llu accesses of table or PBA were undefined and did nothing.",
		     (unsigned long long)c->bad_accesses)->rule = 15;
	mark_rules(e);
}
