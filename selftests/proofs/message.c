// SPDX-License-Identifier: GPL-2.0
/*
 * Messages: each message that registers can hold, in each setting, becomes what the rules
 * say [32] [33] [34].
 */
#include "harness.h"

//@ harness message_composed
//@ sources route/message.c route/vlapic.c
//@ mutants MR_MUT_LOUD MR_MUT_ANY_TRANSLATION

//@ harness message_translated
//@ sources route/message.c route/vlapic.c
//@ mutants MR_MUT_ANY_TRANSLATION MR_MUT_KEPT_TRANSLATION

static struct mr_message message_any(void)
{
	return (struct mr_message) { nondet_u32(), nondet_u32(), nondet_u32() };
}

static struct mr_translation message_any_translation(void)
{
	return (struct mr_translation) {
		.valid = nondet_bool(), .raw = message_any(), .msg = message_any(),
	};
}

static bool message_fits(const struct mr_translation *t, struct spec_message raw)
{
	return t->valid && proof_same_message(proof_message(&t->raw), raw);
}

/* What is published for a raw message, with any translation or none. */
void message_composed(void)
{
	struct mr_translation t = message_any_translation();
	struct mr_message raw = message_any();
	bool masked = nondet_bool(), any = nondet_bool();
	struct mr_snapshot snap;
	struct spec_message translation = proof_message(&t.msg);
	struct spec_function f;
	struct spec_event e;

	proof_any_function();
	f = proof_spec();
	mr_snapshot_compose(&proof_fn.rq, &raw, masked, any ? &t : NULL, &snap);

	any = any && message_fits(&t, proof_message(&raw));
	e = spec_event(&f, proof_message(&raw), masked, any ? &translation : NULL);
	CLAIM(snap.action == proof_action(&e), "what becomes of an event is what the rules say");
	CLAIM(e.end != SPEC_SENT || proof_same_message(proof_message(&snap.msg), e.message),
	      "the message is what the rules say");
	CLAIM((mr_action_reason(snap.action) == MSI_ROUTE_REASON_NONE) == (e.end == SPEC_SENT),
	      "what is not sent has a reason");
	REACHED();
}

/* A vector whose registers hold any message: its translation ends where it has to. */
static struct mr_message message_registers;
static bool message_mask;

static bool message_of_vector(struct mr_vector *v, struct mr_message *raw)
{
	*raw = message_registers;
	return message_mask;
}

void message_translated(void)
{
	static const struct mr_cap_ops ops = { .message = message_of_vector };
	static struct mr_translation t;
	static struct mr_vector_cold cold;
	static struct mr_vector v;
	static struct mr_block b = { .nr = 1, .vectors = &v, .cold = &cold };
	struct mr_cap *cap = mr_msix_cap(&proof_fn);
	struct spec_message translation;
	struct mr_snapshot snap;
	struct spec_message raw;
	struct spec_function f;
	struct spec_event e;
	bool fits;

	proof_any_function();
	f = proof_spec();
	t = message_any_translation();
	message_registers = message_any();
	message_mask = nondet_bool();
	cold.absent = nondet_bool();
	b.cap = cap;
	b.translations = nondet_bool() ? &t : NULL;
	v.block = &b;
	cap->rq = &proof_fn.rq;
	cap->ops = &ops;

	raw = proof_message(&message_registers);
	translation = proof_message(&t.msg);
	fits = b.translations && message_fits(&t, raw) && spec_remapped(&f, raw);
	mr_vector_compose(&v, &snap);

	e = spec_event(&f, raw, message_mask, fits ? &translation : NULL);
	CLAIM(!b.translations || t.valid == fits,
	      "a translation ends with its message, and where none is needed [33]");
	CLAIM(snap.action == (cold.absent ? MR_ABSENT : proof_action(&e)),
	      "a vector that was given back sends nothing");
	CLAIM(cold.absent || e.end != SPEC_SENT ||
	      proof_same_message(proof_message(&snap.msg), e.message),
	      "the message is the translated one");
	REACHED();
}
