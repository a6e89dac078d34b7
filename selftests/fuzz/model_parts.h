/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the model know of each other. */
#ifndef FUZZ_MODEL_PARTS_H
#define FUZZ_MODEL_PARTS_H

#include "model.h"

#define MSIX	MSI_ROUTE_MSIX
#define MSI	MSI_ROUTE_MSI
#define IMS	MSI_ROUTE_IMS

#define MSIX_ENABLE		0x8000
#define MSIX_FUNCTION_MASK	0x4000
#define MSI_ENABLE		0x0001
#define MSI_MME			0x0070
#define MSI_EXT_CAPABLE		0x0200
#define MSI_EXT_ENABLE		0x0400
#define MASKED			1U	/* Vector Control */
#define LOGICAL			0x04	/* address: destination mode, */
#define REDIRECT		0x08	/* redirection hint, */
#define REMAPPABLE		0x10	/* remappable format */

static const struct errors none;

/* ---- model.c: a function as a whole ---- */

struct errors vector_errors(struct model *m, __u32 kind, __u32 first, __u32 nr);
void reset_registers(struct model *m);
void write_bus_master(struct model *m, bool enable);
/* After each change of a register. */
void changed(struct model *m);

/* ---- model_message.c: which message a vector sends, and whether it may ---- */

bool wide(struct model *m);
bool maskable(struct model *m);
bool extended(struct model *m);
__u32 msi_implemented(struct model *m);
bool is_interrupt(struct model *m, struct message message);
/* Unmasked, in an enabled capability of a running bus master. */
bool in_use(struct model *m, unsigned int kind, unsigned int vector);
/* Apart from an update hold. */
bool could_send(struct model *m, unsigned int kind, unsigned int vector);
bool can_send(struct model *m, unsigned int kind, unsigned int vector);
struct message effective(struct model *m, unsigned int kind, unsigned int vector);
void drop_translations(struct model *m);

/* ---- model_events.c: what becomes of an event ---- */

/* What can be sent now is no longer pending. */
void settle(struct model *m);
bool clear(struct model *m, unsigned int kind, unsigned int vector);
/* A count gives at most one message; the other events are coalesced with it. */
void take_count(struct model *m, unsigned int kind, unsigned int vector, __u64 count);
void open_hold(struct model *m, unsigned int kind, unsigned int vector);
void close_holds(struct model *m, unsigned int kind);

/* ---- model_changes.c: what the VMM is notified of ---- */

void mark(struct model *m, __u32 *marks, __u32 change);
/* Also forgets which vectors were used. */
void forget_marks(struct model *m);
/* Vectors that were first used since the VMM asked. */
void mark_used(struct model *m);
/* Vectors whose masks have changed. */
void mark_masks(struct model *m);
void mark_messages(struct model *m, unsigned int kind);
void mark_tags(struct model *m);

/* ---- model_grant.c: vectors that come and go ---- */

void new_vector(struct vector *v);
void set_number(struct model *m, unsigned int kind, unsigned int nr);
/* Returns how many vectors a request gets, or why it is refused. */
unsigned int granted(struct capability *cap, unsigned int min, unsigned int count, __u8 *status);

/* ---- model_config.c: the registers in configuration space ---- */

__u32 msi_pending_bits(struct model *m);
bool both(struct model *m);
void came_to_be_both(struct model *m, bool before);
/* Writes the bits of @mask; each byte goes to its register [11]. */
void write_config(struct model *m, unsigned int offset, __u32 mask, __u32 value);

/* ---- model_table.c: the MSI-X table ---- */

/* Writes dwords of an entry, as bits of @which, in one update [16]. */
void write_entry(struct model *m, unsigned int kind, unsigned int vector, unsigned int which,
		 const __u32 *value);

#endif /* FUZZ_MODEL_PARTS_H */
