// SPDX-License-Identifier: GPL-2.0
/*
 * Events: what becomes of one, and of one that is pending when the guest writes.  These proofs
 * are made with the whole way of an event, route.c and hold.c included, for a capability with
 * one vector.
 *
 * A vector is in any state in which all that was written is in effect: what its snapshot says
 * is what its registers say, its gate is open if they permit it, and nothing is pending that
 * could be sent.  Each harness claims that this is so again in the end.  So what holds for one
 * event or write holds for any number of them.
 */
#include <linux/pci_regs.h>

#include "vectors.h"

//@ harness event_raised
//@ draft
//@ sources vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/route.c
//@ sources route/hold.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_msi_size.0:8,msi_control.0:7,proof_any_vm.0:18
//@ options --unwindset mr_update_begin.0:2,mr_slot_get.0:2,mr_update_drain.0:2
//@ options --unwindset mr_cap_for_each.0:2,mr_cap_for_each.1:2
//@ options --unwindset mr_cap_opened.0:2,mr_cap_sync.0:2,mr_next_bit.0:2
//@ options --unwindset mr_cap_close_holds.0:2,mr_vm_vcpu_run_by.0:2
//@ options -D PROOF_VECTORS=1 -D PROOF_VCPUS=17
//@ mutants MR_MUT_NO_PENDING MR_MUT_NO_RECHECK MR_MUT_KEEPS_DISABLED

//@ harness event_written_msix
//@ draft
//@ sources vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/route.c
//@ sources route/hold.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_access_config.0:2,mr_msi_size.0:8,msi_control.0:7
//@ options --unwindset mr_update_begin.0:2,mr_slot_get.0:2,mr_update_drain.0:2
//@ options --unwindset mr_cap_for_each.0:2,mr_cap_for_each.1:2
//@ options --unwindset mr_cap_opened.0:2,mr_cap_sync.0:2,mr_next_bit.0:2
//@ options --unwindset mr_cap_close_holds.0:2,mr_vm_vcpu_run_by.0:2
//@ options --unwindset mr_msi_publish.0:2,mr_cap_thaw_holds.0:3 -D PROOF_VECTORS=1
//@ mutants MR_MUT_NO_REPLAY MR_MUT_NO_HOLD MR_MUT_CONTROL_ONLY MR_MUT_EQUAL_SKIPPED

//@ harness event_written_msi
//@ draft
//@ sources vectors.c registers.c function/access.c function/msi.c function/msix.c
//@ sources function/grant.c function/gate.c route/message.c route/vlapic.c route/route.c
//@ sources route/hold.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_access_config.0:2,mr_msi_size.0:8,msi_control.0:7
//@ options --unwindset mr_update_begin.0:2,mr_slot_get.0:2,mr_update_drain.0:2
//@ options --unwindset mr_cap_for_each.0:2,mr_cap_for_each.1:2
//@ options --unwindset mr_cap_opened.0:2,mr_cap_sync.0:2,mr_next_bit.0:2
//@ options --unwindset mr_cap_close_holds.0:2,mr_vm_vcpu_run_by.0:2
//@ options --unwindset mr_msi_publish.0:2,mr_cap_thaw_holds.0:3 -D PROOF_VECTORS=1
//@ mutants MR_MUT_NO_REPLAY MR_MUT_CONTROL_ONLY

//@ harness event_called
//@ draft
//@ sources vectors.c registers.c function/function.c function/state.c function/access.c
//@ sources function/msi.c function/msix.c function/grant.c function/gate.c route/message.c
//@ sources route/vlapic.c route/route.c route/hold.c route/vector.c route/block.c
//@ options --unwind 5 --unwindset mr_access_config.0:2,mr_msi_size.0:8,msi_control.0:7
//@ options --unwindset mr_update_begin.0:2,mr_slot_get.0:2,mr_update_drain.0:2
//@ options --unwindset mr_cap_for_each.0:2,mr_cap_for_each.1:2
//@ options --unwindset mr_cap_opened.0:2,mr_cap_sync.0:2,mr_next_bit.0:2
//@ options --unwindset mr_cap_close_holds.0:2,mr_vm_vcpu_run_by.0:2
//@ options --unwindset mr_msi_publish.0:2,mr_cap_thaw_holds.0:3 -D PROOF_VECTORS=1
//@ mutants MR_MUT_NO_REPLAY MR_MUT_STALE_TRANSLATION MR_MUT_STALE_VM

static unsigned long event_deferred;
static struct mr_translation event_translation;

/* ---- one vector, as the specification sees it ---- */

struct event_vector {
	struct spec_event event;	/* what its registers say */
	bool open;
	bool held, pending;
	u64 nr;				/* what became of events, but for the pending one */
};

static struct mr_cap *event_cap(void)
{
	return &proof_fn.rq.caps[proof_kind];
}

static struct mr_vector *event_of(void)
{
	return &proof_vectors[proof_kind][0];
}

static struct spec_entry event_entry(void)
{
	return (struct spec_entry) {
		.address_lo = proof_table[0], .address_hi = proof_table[0] >> 32,
		.data = proof_table[1], .control = proof_table[1] >> 32,
	};
}

static struct spec_message event_raw(void)
{
	struct spec_function f = proof_spec();
	struct spec_entry e = event_entry();

	return proof_kind == MSI_ROUTE_MSI ? spec_msi_message(&f, 0) : spec_entry_message(&e);
}

static struct spec_event event_says(void)
{
	struct spec_message raw = event_raw(), translation = proof_message(&event_translation.msg);
	struct spec_function f = proof_spec();
	struct spec_entry e = event_entry();
	bool masked, translated;

	masked = proof_kind == MSI_ROUTE_MSI ? spec_msi_masked(&f, 0) : spec_entry_masked(&e);
	translated = event_translation.valid &&
		     proof_same_message(proof_message(&event_translation.raw), raw);
	return spec_event(&f, raw, masked, translated ? &translation : NULL);
}

static u64 event_ends(void)
{
	const struct mr_counters *c = &event_cap()->count;

	return event_of()->messages.value + mr_cold(event_of())->coalesced.value +
	       c->cleared.value + c->unreached.value + c->dropped_address.value +
	       c->dropped_mode.value + c->dropped_vector.value + c->dropped_absent.value +
	       c->dropped_disabled.value;
}

static u64 event_count(void)
{
	return event_of()->messages.value + mr_cold(event_of())->unsent.value;
}

static struct event_vector event_look(void)
{
	struct spec_function f = proof_spec();

	return (struct event_vector) {
		.event = event_says(),
		.open = spec_open(&f, proof_kind),
		.held = mr_cold(event_of())->held,
		.pending = test_bit(0, event_cap()->pending),
		.nr = event_ends(),
	};
}

/* Would an event that arrives now leave the vector, as a message or dropped? */
static bool event_leaves(const struct event_vector *v)
{
	return v->open && !v->held && v->event.end >= SPEC_SENT;
}

/* All that was written is in effect, and all events are accounted for. */
static bool event_settled(const struct event_vector *v)
{
	const struct mr_snapshot *snap = &event_of()->live->snap;
	enum mr_action action = proof_action(&v->event);

	if (v->held && action != MR_MASKED)
		action = MR_HELD;
	return snap->action == action &&
	       (action < MR_SEND || action > MR_SEND_BROADCAST ||
		proof_same_message(proof_message(&snap->msg), v->event.message)) &&
	       event_cap()->open == v->open && !(v->pending && event_leaves(v)) &&
	       event_count() == event_ends() + v->pending && !event_deferred &&
	       !event_cap()->nr_deferred.value && !event_of()->slot[0].in_flight.value &&
	       !event_of()->slot[1].in_flight.value &&
	       mr_cold(event_of())->held == !list_empty(&event_cap()->holds);
}

/* ---- any state ---- */

static void event_make(u32 kind, bool remapping)
{
	struct msi_route_create c = { .msix_cap = 0x40 };
	struct mr_cap *cap;

	proof_kind = kind;
	proof_any_function();
	if (kind == MSI_ROUTE_MSIX) {
		proof_msix(&c, 1);
		CLAIM(!mr_msix_init(&proof_fn, &c), "MSI-X of this form can be made");
		ASSUME(!(proof_fn.rq.flags & MSI_ROUTE_CREATE_DROP_DISABLED));
	} else {
		proof_any_msi(0x40);
		ASSUME(mr_msi_cap(&proof_fn)->nr == 1);
		/* As a constant */
		mr_msi_cap(&proof_fn)->nr = 1;
	}
	cap = event_cap();
	cap->deferred = &event_deferred;
	cap->hold_bound = nondet_u32();
	ASSUME(cap->hold_bound <= MR_HOLD_MAX_NS);
	INIT_LIST_HEAD(&cap->holds);
	ASSUME(!(proof_fn.rq.flags & MSI_ROUTE_CREATE_REMAPPING) == !remapping);
	if (remapping)
		event_of()->block->translations = &event_translation;
	mr_vector_init(event_of(), false);
}

static void event_any_registers(bool remapping)
{
	proof_any_registers();
	/* Of the entry only, if it is MSI-X. */
	if (proof_kind == MSI_ROUTE_MSIX) {
		proof_table[0] = nondet_u64() & ~3ULL;
		proof_table[1] = nondet_u64();
	}
	if (remapping) {
		event_translation.valid = nondet_bool();
		event_translation.msg = (struct mr_message) {
			nondet_u32(), nondet_u32(), nondet_u32(),
		};
		/* As mr_vector_translate() makes one. */
		mr_vector_message(event_of(), &event_translation.raw);
		event_translation.valid &= mr_message_remapped(&proof_fn.rq,
							       &event_translation.raw);
	}
}

static void event_any(u32 kind, bool remapping)
{
	struct mr_vector_cold *s;
	struct event_vector v;
	struct mr_slot *slot;

	event_make(kind, remapping);
	event_any_registers(remapping);
	s = mr_cold(event_of());
	/* mr_vector_init() publishes this one; the other one is no different. */
	slot = &event_of()->slot[0];
	mr_vector_compose(event_of(), &slot->snap);
	/* What cannot be sent anyway needs no hold. */
	if (event_cap()->hold_bound && nondet_bool()) {
		s->held = true;
		list_add(&s->hold_node, &event_cap()->holds);
		if (slot->snap.action != MR_MASKED)
			slot->snap.action = MR_HELD;
	}
	if (nondet_bool()) {
		set_bit(0, event_cap()->pending);
		s->replay = true;
		s->unsent.value = 1;
	} else {
		clear_bit(0, event_cap()->pending);
	}
	v = event_look();
	ASSUME(event_settled(&v));
}

/* ---- harnesses ---- */

static void event_raise(u32 kind, bool remapping)
{
	struct event_vector before, after;
	struct spec_function f;
	bool drops;
	u32 outcome;
	u64 events;

	event_any(kind, remapping);
	before = event_look();
	events = event_count();
	f = proof_spec();
	drops = spec_drops_disabled(&f, proof_kind);
	outcome = mr_vector_raise(event_of(), 1, true);
	mr_cap_sync(event_cap());
	if (kernel_killed)
		return;
	after = event_look();

	CLAIM(event_count() == events + 1, "an event is counted");
	CLAIM(event_settled(&after), "an event is accounted for, and all is in effect");
	CLAIM(after.held == before.held, "an event leaves the update hold as it is");
	if (event_leaves(&before)) {
		CLAIM(outcome == MSI_ROUTE_SENT || outcome == MSI_ROUTE_UNREACHED ||
		      outcome == MSI_ROUTE_DROPPED, "an event that can leave leaves");
		CLAIM(proof_nr_sent == (before.event.end == SPEC_SENT),
		      "it is one message, or none if it is dropped");
		CLAIM(!proof_nr_sent || proof_same_message(proof_sent, before.event.message),
		      "the message is that of the registers [28]");
		CLAIM((outcome == MSI_ROUTE_DROPPED) == (before.event.end != SPEC_SENT),
		      "what the rules drop is dropped [32] [34]");
		CLAIM(!after.pending, "nothing is left");
	} else {
		CLAIM(!proof_nr_sent,
		      "an event that cannot leave sends nothing [9] [20] [27] [31]");
		CLAIM(after.pending == (before.pending || !drops),
		      "it becomes pending, or is dropped if Enable is clear [2]");
		CLAIM(outcome == (drops ? MSI_ROUTE_DROPPED :
				  before.pending ? MSI_ROUTE_COALESCED : MSI_ROUTE_PENDING),
		      "the caller learns what became of it");
	}
	REACHED();
}

/* Each form by itself: CBMC then follows only the way of that one. */
void event_raised(void)
{
	switch (nondet_u8()) {
	case 0:
		event_raise(MSI_ROUTE_MSIX, false);
		break;
	case 1:
		event_raise(MSI_ROUTE_MSIX, true);
		break;
	case 2:
		event_raise(MSI_ROUTE_MSI, false);
		break;
	default:
		event_raise(MSI_ROUTE_MSI, true);
		break;
	}
}

/* After a write: whatever it released has been sent as the registers are now, and once. */
static void event_claim_released(const struct event_vector *before, u64 events)
{
	struct event_vector after = event_look();
	bool leaves = before->pending && event_leaves(&after);

	CLAIM(event_count() == events, "a write is no event");
	CLAIM(event_settled(&after), "all that was written is in effect [10] [25] [27]");
	CLAIM(after.pending == (before->pending && !leaves),
	      "what can be sent is no longer pending [9] [20] [26]");
	CLAIM(proof_nr_sent == (leaves && after.event.end == SPEC_SENT),
	      "a pending event is one message, and nothing else is sent [24]");
	CLAIM(!proof_nr_sent || proof_same_message(proof_sent, after.event.message),
	      "it is sent with the message that is valid now [18] [28]");
}

static struct msi_route_access event_any_write(u32 space)
{
	return (struct msi_route_access) {
		.size = sizeof(struct msi_route_access), .space = space,
		.offset = nondet_u32(), .len = nondet_u32(), .value = nondet_u64(),
	};
}

/* Does it write Message Control of MSI-X at 40h? */
static bool event_writes_control(const struct msi_route_access *a)
{
	return a->space == MSI_ROUTE_CONFIG && a->offset <= 0x43 &&
	       (u64)a->offset + a->len > 0x42;
}

static void event_write_msix(struct msi_route_access a)
{
	struct spec_entry entry, now;
	struct event_vector before;
	bool held, could;
	u64 events;
	int ret;

	before = event_look();
	events = event_count();
	entry = event_entry();
	ret = mr_function_access(&proof_fn, &a, true);
	if (kernel_killed)
		return;
	event_claim_released(&before, events);

	now = event_entry();
	held = before.held;
	could = event_leaves(&before) && event_cap()->hold_bound;
	if (!ret && event_writes_control(&a)) {
		held = false;
	} else if (!ret && a.space == MSI_ROUTE_TABLE &&
		   spec_defined(a.offset, a.len)) {
		switch (spec_entry_hold(&entry, &now, a.offset, a.len)) {
		case SPEC_CLOSES:
			held = false;
			break;
		case SPEC_OPENS:
			held |= could;
			break;
		default:
			break;
		}
	}
	CLAIM(mr_cold(event_of())->held == held,
	      "the hold opens while a message could be sent, and closes with the message [17]");
	REACHED();
}

static void event_write_entry(u32 offset, u32 len)
{
	struct msi_route_access a = event_any_write(MSI_ROUTE_TABLE);

	a.offset = offset;
	a.len = len;
	event_write_msix(a);
}

/* An access within a dword: a longer one is several, which split.c proves. */
static struct msi_route_access event_any_config_write(void)
{
	struct msi_route_access a = event_any_write(MSI_ROUTE_CONFIG);

	ASSUME(a.offset % 4 + (u64)a.len <= 4);
	return a;
}

/*
 * Each defined access of the entry by itself, so that CBMC knows the place of what is
 * written.  table.c proves that any other access of table and PBA writes nothing.
 */
static void event_write_any_msix(void)
{
	switch (nondet_u8()) {
	case 0:
		event_write_entry(PCI_MSIX_ENTRY_LOWER_ADDR, 4);
		break;
	case 1:
		event_write_entry(PCI_MSIX_ENTRY_UPPER_ADDR, 4);
		break;
	case 2:
		event_write_entry(PCI_MSIX_ENTRY_DATA, 4);
		break;
	case 3:
		event_write_entry(PCI_MSIX_ENTRY_VECTOR_CTRL, 4);
		break;
	case 4:
		event_write_entry(PCI_MSIX_ENTRY_LOWER_ADDR, 8);
		break;
	case 5:
		event_write_entry(PCI_MSIX_ENTRY_DATA, 8);
		break;
	default:
		event_write_msix(event_any_config_write());
		break;
	}
}

void event_written_msix(void)
{
	if (nondet_bool()) {
		event_any(MSI_ROUTE_MSIX, false);
		event_write_any_msix();
	} else {
		event_any(MSI_ROUTE_MSIX, true);
		event_write_any_msix();
	}
}

static void event_write_msi(bool remapping)
{
	struct event_vector before;
	struct msi_route_access a;
	u64 events;

	event_any(MSI_ROUTE_MSI, remapping);
	before = event_look();
	events = event_count();
	a = event_any_config_write();
	mr_function_access(&proof_fn, &a, true);
	if (kernel_killed)
		return;
	event_claim_released(&before, events);
	REACHED();
}

void event_written_msi(void)
{
	if (nondet_bool())
		event_write_msi(false);
	else
		event_write_msi(true);
}

/* ---- calls of the VMM's ---- */

/* A translation of the vector's message, or of another one. */
static void event_translate(void)
{
	struct mr_translation t = { .valid = true };
	int ret;

	t.raw = (struct mr_message) { nondet_u32(), nondet_u32(), nondet_u32() };
	t.msg = (struct mr_message) { nondet_u32(), nondet_u32(), nondet_u32() };
	ret = mr_vector_translate(event_of(), &t);
	CLAIM(ret != -ESTALE || !event_translation.valid,
	      "after a translation of another message there is none [33]");
	CLAIM(!event_translation.valid ||
	      proof_same_message(proof_message(&event_translation.raw), event_raw()),
	      "no translation of another message is left [33]");
}

/* Another VM; the function is stopped meanwhile. */
static void event_rebind(void)
{
	ASSUME(proof_fn.rq.stopped);
	proof_kvm.arch.x2apic_format = nondet_bool();
	proof_kvm.arch.x2apic_broadcast_quirk_disabled = nondet_bool();
	ASSUME(!(proof_fn.rq.flags & MSI_ROUTE_CREATE_EXT_DEST_ID) ||
	       proof_kvm.arch.x2apic_format);
	mr_vector_rebind(event_of());
}

/* One call; returns whether it forgets what is pending. */
static bool event_call(bool remapping)
{
	switch (nondet_u8()) {
	case 0:
		mr_function_set_bus_master(&proof_fn, nondet_bool());
		return false;
	case 1:
		mr_state_set_run(&proof_fn, nondet_bool());
		return false;
	case 2:
		if (remapping)
			event_translate();
		mr_cap_sync(event_cap());
		return false;
	case 3:
		mr_vector_clear(event_of());
		return true;
	case 4:
		mr_vector_renew(event_of());
		mr_cap_sync(event_cap());
		return false;
	case 5:
		event_rebind();
		return false;
	default:
		return false;
	}
}

static void event_call_of(u32 kind, bool remapping)
{
	struct event_vector before;
	u64 events;

	event_any(kind, remapping);
	before = event_look();
	events = event_count();
	if (event_call(remapping))
		before.pending = false;
	if (kernel_killed)
		return;
	event_claim_released(&before, events);
	REACHED();
}

void event_called(void)
{
	switch (nondet_u8()) {
	case 0:
		event_call_of(MSI_ROUTE_MSIX, false);
		break;
	case 1:
		event_call_of(MSI_ROUTE_MSIX, true);
		break;
	case 2:
		event_call_of(MSI_ROUTE_MSI, false);
		break;
	default:
		event_call_of(MSI_ROUTE_MSI, true);
		break;
	}
}
