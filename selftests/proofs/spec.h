/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The specification: the registers of a function, and what a guest's access, an event and a
 * restore do to them, as Documentation/rules.rst and msi_route.h say.  Numbers in brackets
 * are those of the rules.
 *
 * Pure functions on plain values, and nothing of the module's: configuration space is
 * specified byte by byte, the table entry by entry, the Pending Bit Array bit by bit.
 */
#ifndef PROOF_SPEC_H
#define PROOF_SPEC_H

#include <stdbool.h>

#include "../../msi_route.h"

struct spec_message {
	__u64 address;
	__u32 data;
};

struct spec_entry {
	__u32 address_lo, address_hi, data, control;
};

/* How the function was made, and its registers. */
struct spec_function {
	__u32 flags;			/* enum msi_route_create_flag */
	bool ids_32;			/* the VM has KVM's 32-bit x2APIC format */
	bool ffh_is_an_id;		/* KVM's quirk is off: FFh is one vCPU in x2APIC mode */
	bool remap_all;			/* the unit lets nothing through untranslated */
	bool bus_master, stopped;

	__u8 msi_cap, msi_vectors, msi_flags;
	__u16 msi_control;		/* the bits that can be written */
	__u32 msi_lo, msi_hi, msi_data, msi_mask, msi_pending;

	__u8 msix_cap;
	__u16 msix_max, msix_granted;
	__u16 msix_control;		/* the bits that can be written */
	__u32 msix_table, msix_pba;	/* Offset and BIR */

	__u8 grant_cap;
	__u32 grant_request, grant_status;
};

/* ---- messages ---- */

/* What becomes of an event, apart from Enable, Function Mask and Bus Master Enable. */
enum spec_end {
	SPEC_MASKED,
	SPEC_UNTRANSLATED,
	SPEC_SENT,
	SPEC_DROPPED_ADDRESS,
	SPEC_DROPPED_MODE,
	SPEC_DROPPED_VECTOR,
};

/* Whom a message addresses. */
enum spec_target {
	SPEC_ONE,		/* or several that share an ID */
	SPEC_LOGICAL,
	SPEC_FFH,		/* all in xAPIC mode, one in x2APIC mode */
	SPEC_ALL,
};

struct spec_event {
	enum spec_end end;
	struct spec_message message;	/* if it is sent: what KVM gets */
	enum spec_target target;
};

/* Does a message go through the remapping unit [33]? */
bool spec_remapped(const struct spec_function *f, struct spec_message raw);
/*
 * @raw: what the registers hold.  @translation: what the VMM made of @raw, or NULL if it
 * made nothing of it.
 */
struct spec_event spec_event(const struct spec_function *f, struct spec_message raw, bool masked,
			     const struct spec_message *translation);

/* ---- what the registers say ---- */

bool spec_msi_masked(const struct spec_function *f, unsigned int vector);
struct spec_message spec_msi_message(const struct spec_function *f, unsigned int vector);
struct spec_message spec_entry_message(const struct spec_entry *e);
bool spec_entry_masked(const struct spec_entry *e);
/* May a capability send, if none of its vectors is masked? */
bool spec_open(const struct spec_function *f, __u32 kind);
/* Is an event that arrives now dropped because Enable is clear [2]? */
bool spec_drops_disabled(const struct spec_function *f, __u32 kind);

/* ---- accesses ---- */

/* A byte of configuration space; @vmm: what the VMM has there. */
__u8 spec_config_read(const struct spec_function *f, __u32 at, __u8 vmm);
/*
 * A write of a byte.  A request for vectors is not carried out; @requests says whether the
 * byte is a part of one.
 */
void spec_config_write(struct spec_function *f, __u32 at, __u8 value, bool *requests);
/* Does a write of the byte make the messages of MSI effective anew [10] [30]? */
bool spec_renews_msi(const struct spec_function *f, __u32 at);
/* Is an access of table or PBA defined [15]? */
bool spec_defined(__u32 offset, __u32 len);
void spec_entry_write(struct spec_entry *e, __u32 offset, __u32 len, __u64 value);
__u64 spec_entry_read(const struct spec_entry *e, __u32 offset, __u32 len);
/* What a write does to the update hold of its vector [17]. */
enum spec_hold {
	SPEC_KEEPS,
	SPEC_OPENS,		/* the address changes */
	SPEC_CLOSES,		/* data or Vector Control completes the message */
};

enum spec_hold spec_entry_hold(const struct spec_entry *before, const struct spec_entry *after,
			       __u32 offset, __u32 len);
/* Bits of enum msi_route_change, but for those of the mask. */
__u32 spec_entry_changes(__u32 offset, __u32 len);
struct spec_entry spec_entry_reset(void);
/* Of which vector is a bit of a byte of the PBA? */
__u32 spec_pba_vector(__u32 offset, __u32 bit);
__u32 spec_table_size(__u32 vectors);
__u32 spec_pba_size(__u32 vectors);
/* What creation makes of a request for MSI: 0 or its error [3] [5]. */
int spec_msi_error(const struct msi_route_create *c);
/* Can a function have MSI-X with this table, PBA and capability [13]? */
bool spec_msix_valid(const struct msi_route_create *c);

/* ---- the state ---- */

/* Can the function have these registers?  Entries and what is pending apart. */
bool spec_state_valid(const struct spec_function *f, const struct msi_route_state *s,
		      __u32 hold_max_ns);
/* The function once it has them. */
void spec_state_restore(struct spec_function *f, const struct msi_route_state *s);

/* Its registers after a reset [29]. */
void spec_reset(struct spec_function *f, bool keeps_bus_master);

/* ---- numbers ---- */

/* Are there vectors @first to @first + @nr - 1 among @has?  At least one is named. */
bool spec_has(__u64 has, __u64 first, __u64 nr);

/*
 * A request for vectors: of @max the function has @has, may get @limit and there is memory
 * for @room.  Returns the status, and in *granted how many it has then.
 */
__u32 spec_request(__u32 max, __u32 has, __u32 limit, __u32 room, __u32 least, __u32 asked,
		   __u32 *granted);

#endif /* PROOF_SPEC_H */
