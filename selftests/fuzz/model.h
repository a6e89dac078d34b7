/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a function of msi_route does for one caller at a time, according to
 * Documentation/rules.rst, msi_route.h and the user guide.  It is the other side of the
 * fuzzer's comparison: it shares no idea with the module, has no snapshots and no locks,
 * and looks at everything after each operation.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <errno.h>
#include <stdbool.h>
#include <linux/types.h>

#include "../../msi_route.h"

#define NR_KINDS	3
#define NO_EVENTFD	(-1)
#define MAX_EVENTFDS	8

/*
 * The errors that a call may return: if several things are wrong with it, any of their
 * errors is right.  Without any the call must succeed.
 */
struct errors {
	unsigned int nr;
	int of[16];
};

struct message {
	__u64 address;
	__u32 data;
};

struct vector {
	/* For MSI-X and IMS; those of MSI are in the capability's registers. */
	__u32 lo, hi, data, control;
	bool pending, held;
	bool was_masked;
	bool used;			/* and the VMM is notified of it */
	bool gone;			/* and came again: its counts go on, or restart */
	bool translated;
	struct message raw, translation;
	__u32 marks;
	__u32 eventfds;			/* one bit for each of its eventfds */
	__u64 events, messages, coalesced;
};

struct capability {
	unsigned int max, nr, limit;	/* most ever, present, most to be granted */
	struct vector *vector;		/* max of them */
	__u32 marks;
	struct msi_route_counters total;
};

struct model {
	struct msi_route_create shape;
	bool x2apic;			/* the VM uses 32-bit IDs */
	bool bus_master, run;
	bool remap_all;			/* every message needs a translation */
	__u32 bound, bound_max;
	struct capability cap[NR_KINDS];
	__u16 msix_control;
	__u16 msi_control;
	__u32 msi_lo, msi_hi, msi_data, msi_mask;
	__u16 grant_count, grant_min;
	__u8 grant_status;
	__u32 notify;			/* the changes that the VMM asked for */
	bool signalled;			/* the VMM was notified, and has not looked yet */
	bool fault;			/* the next call's pointer is not readable */
	__u64 count[MAX_EVENTFDS];	/* of each eventfd */
	/* Does KVM find a vCPU that takes the message? */
	bool (*deliver)(struct model *m, const struct message *message);
};

void model_create(struct model *m, const struct msi_route_create *shape, bool x2apic,
		  __u32 bound, __u32 bound_max);
/* Ends the function; the eventfds stay as they are. */
void model_destroy(struct model *m);

/* ---- what a guest reads ---- */

/* An aligned dword of configuration space, and which of its bits are the function's. */
__u32 model_config(struct model *m, unsigned int offset, __u32 *owned);
__u32 model_table(struct model *m, unsigned int dword);
__u64 model_pba(struct model *m, unsigned int qword);
bool model_own_mask(struct model *m, unsigned int kind, unsigned int vector);
/* The message that the guest wrote. */
struct message model_message(struct model *m, unsigned int kind, unsigned int vector);
/* Is an update hold open that can expire?  model_expire() ends it. */
bool model_holds(struct model *m);
void model_expire(struct model *m);
/* The errors of a function to be created. */
struct errors model_shape(const struct msi_route_create *shape, bool x2apic);

/*
 * ---- calls ----
 * Each gets what the module gets and reports in *errors what it may fail with.
 * If there is any error it changes nothing.
 */
struct errors model_access(struct model *m, bool write, const struct msi_route_access *a,
			   __u64 *value);
struct errors model_trigger(struct model *m, __u32 kind, __u32 vector, __u32 *outcome);
struct errors model_clear(struct model *m, __u32 kind, __u32 vector, __u32 *outcome);
/* @eventfd: an index, NO_EVENTFD, MSI_ROUTE_EVENTFD_KEEP; or one of these bad ones. */
#define BAD_FD		(-100)		/* not open */
#define FOREIGN_FD	(-101)		/* open, and no eventfd */
struct errors model_set_eventfd(struct model *m, __u32 flags, __u32 kind, __u32 vector,
				int eventfd);
struct errors model_set_eventfds(struct model *m, __u32 flags, __u32 kind, __u32 first,
				 __u32 nr, const int *eventfds);
void model_signal(struct model *m, int eventfd, __u64 count);
struct errors model_bus_master(struct model *m, __u32 enable);
struct errors model_reset(struct model *m, __u32 flags);
struct errors model_set_hold(struct model *m, __u32 bound);
struct errors model_set_entries(struct model *m, __u32 first, __u32 nr,
				const struct msi_route_entry *entries);
/* @fd as for model_set_eventfd(); all eventfds are 0. */
struct errors model_set_notify(struct model *m, __u32 changes, int fd);
/* Takes the marks of @change, if a call may return it now. */
bool model_take_change(struct model *m, const struct msi_route_vector_change *change);
unsigned int model_changes(struct model *m);
struct errors model_set_run(struct model *m, __u32 run);
/* Fills in what MSI_ROUTE_SAVE does; the arrays are the caller's. */
struct errors model_save(struct model *m, struct msi_route_state *s);
struct errors model_restore(struct model *m, const struct msi_route_state *s);
struct errors model_translate(struct model *m, const struct msi_route_translation *t);
struct errors model_remapping(struct model *m, __u32 flags);
struct errors model_resize(struct model *m, const struct msi_route_resize *r, __u32 *granted);
struct errors model_set_ims(struct model *m, __u32 nr, const struct msi_route_ims_op *ops);
struct errors model_renew(struct model *m);
/* @fd as for model_set_eventfd(): what is wrong with the VM's descriptor; 0: nothing. */
struct errors model_rebind(struct model *m, int fd, bool x2apic);
struct errors model_counters(struct model *m, __u32 kind, __u32 vector,
			     struct msi_route_counters *c);

static inline void may_fail(struct errors *e, bool condition, int error)
{
	if (condition && e->nr < 16)
		e->of[e->nr++] = error;
}

#endif /* FUZZ_MODEL_H */
