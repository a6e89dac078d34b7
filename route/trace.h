/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: every decision about an event, and its reason.
 *
 * Each costs a nop while nobody listens.  They are called from any context: hard
 * interrupts, and with raw locks held.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM msi_route

#if !defined(MR_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MR_TRACE_H

#include <linux/string.h>
#include <linux/tracepoint.h>

#include "route.h"

/* Names of the values, also for programs that read the raw trace. */
#define MR_TRACE_KINDS							\
	EM(MSI_ROUTE_MSIX, "msix")					\
	EM(MSI_ROUTE_MSI, "msi")					\
	EMe(MSI_ROUTE_IMS, "ims")

#define MR_TRACE_REASONS						\
	EM(MSI_ROUTE_REASON_NONE, "none")				\
	EM(MSI_ROUTE_REASON_MASKED, "masked")				\
	EM(MSI_ROUTE_REASON_HELD, "held")				\
	EM(MSI_ROUTE_REASON_UNTRANSLATED, "untranslated")		\
	EM(MSI_ROUTE_REASON_DISABLED, "disabled")			\
	EM(MSI_ROUTE_REASON_FUNCTION_MASK, "function_mask")		\
	EM(MSI_ROUTE_REASON_BUS_MASTER, "bus_master")			\
	EM(MSI_ROUTE_REASON_STOPPED, "stopped")				\
	EM(MSI_ROUTE_REASON_MSIX_ENABLED, "msix_enabled")		\
	EM(MSI_ROUTE_REASON_BROADCAST, "broadcast")			\
	EM(MSI_ROUTE_REASON_ADDRESS, "address")				\
	EM(MSI_ROUTE_REASON_MODE, "mode")				\
	EM(MSI_ROUTE_REASON_VECTOR, "vector")				\
	EM(MSI_ROUTE_REASON_ABSENT, "absent")				\
	EM(MSI_ROUTE_REASON_UNREACHED, "unreached")			\
	EM(MSI_ROUTE_REASON_CLEARED, "cleared")				\
	EM(MSI_ROUTE_REASON_RESET, "reset")				\
	EM(MSI_ROUTE_REASON_GIVEN_BACK, "given_back")			\
	EM(MSI_ROUTE_REASON_RESTORED, "restored")			\
	EM(MSI_ROUTE_REASON_EVENTFD, "eventfd")				\
	EMe(MSI_ROUTE_REASON_DROP_DISABLED, "drop_disabled")

#define MR_TRACE_HOLDS							\
	EM(MR_HOLD_OPENED, "opened")					\
	EM(MR_HOLD_CLOSED, "closed")					\
	EMe(MR_HOLD_EXPIRED, "expired")

#undef EM
#undef EMe
#define EM(value, name)		TRACE_DEFINE_ENUM(value);
#define EMe(value, name)	TRACE_DEFINE_ENUM(value);

MR_TRACE_KINDS
MR_TRACE_REASONS
MR_TRACE_HOLDS

#undef EM
#undef EMe
#define EM(value, name)		{ value, name },
#define EMe(value, name)	{ value, name }

/* The function, for people to read: the VM has its name in KVM's debugfs. */
#define MR_TRACE_FUNCTION						\
	__field(pid_t, vm_pid)						\
	__field(int, vm_fd)						\
	__field(u32, id)						\
	__array(char, function, MSI_ROUTE_NAME_SIZE)

#define mr_trace_function(rq)						\
	do {								\
		__entry->vm_pid = READ_ONCE((rq)->vm.pid);		\
		__entry->vm_fd = READ_ONCE((rq)->vm.fd);		\
		__entry->id = (rq)->id;					\
		memcpy(__entry->function, (rq)->name,			\
		       sizeof(__entry->function));			\
	} while (0)

#define MR_TRACE_FUNCTION_FORMAT	"vm=%d-%d function=%s"
#define MR_TRACE_FUNCTION_ARGS						\
	__entry->vm_pid, __entry->vm_fd, __entry->function

/* The function, and which of its vectors. */
#define MR_TRACE_VECTOR							\
	MR_TRACE_FUNCTION						\
	__field(u32, kind)						\
	__field(u32, vector)

#define mr_trace_vector(v)						\
	do {								\
		mr_trace_function(mr_vector_cap(v)->rq);		\
		__entry->kind = mr_vector_cap(v)->kind;			\
		__entry->vector = mr_vector_index(v);			\
	} while (0)

#define MR_TRACE_VECTOR_FORMAT						\
	MR_TRACE_FUNCTION_FORMAT " vector=%s:%u"
#define MR_TRACE_VECTOR_ARGS						\
	MR_TRACE_FUNCTION_ARGS,						\
	__print_symbolic(__entry->kind, MR_TRACE_KINDS), __entry->vector

#define MR_TRACE_MESSAGE						\
	__field(u64, address)						\
	__field(u32, data)

#define mr_trace_message(msg)						\
	do {								\
		__entry->address = (u64)(msg)->address_hi << 32 |	\
				   (msg)->address_lo;			\
		__entry->data = (msg)->data;				\
	} while (0)

#define MR_TRACE_MESSAGE_FORMAT	"address=0x%llx data=0x%x"
#define MR_TRACE_MESSAGE_ARGS	__entry->address, __entry->data

/* ---- what the guest, or the VMM, wrote ---- */

DECLARE_EVENT_CLASS(msi_route_messages,
	TP_PROTO(const struct mr_vector *v, const struct mr_message *msg,
		 enum msi_route_reason reason),
	TP_ARGS(v, msg, reason),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		MR_TRACE_MESSAGE
		__field(u32, reason)
	),
	TP_fast_assign(
		mr_trace_vector(v);
		mr_trace_message(msg);
		__entry->reason = reason;
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " " MR_TRACE_MESSAGE_FORMAT " reason=%s",
		  MR_TRACE_VECTOR_ARGS, MR_TRACE_MESSAGE_ARGS,
		  __print_symbolic(__entry->reason, MR_TRACE_REASONS))
);

/*
 * A vector's message changes, or what becomes of its events.  This comes before the
 * change takes effect, so that no message precedes the line about it.
 */
DEFINE_EVENT_CONDITION(msi_route_messages, msi_route_update,
	TP_PROTO(const struct mr_vector *v, const struct mr_message *msg,
		 enum msi_route_reason reason),
	TP_ARGS(v, msg, reason),
	TP_CONDITION(memcmp(&v->live->snap.msg, msg, sizeof(*msg)) ||
		     mr_action_reason(v->live->snap.action) != reason)
);

/* The gate of a capability opens, or closes, or stays closed for another reason. */
TRACE_EVENT_CONDITION(msi_route_gate,
	TP_PROTO(const struct mr_cap *cap, enum msi_route_reason reason),
	TP_ARGS(cap, reason),
	TP_CONDITION(cap->open != !reason || (reason && cap->reason != reason)),
	TP_STRUCT__entry(
		MR_TRACE_FUNCTION
		__field(u32, kind)
		__field(u32, reason)
	),
	TP_fast_assign(
		mr_trace_function(cap->rq);
		__entry->kind = cap->kind;
		__entry->reason = reason;
	),
	TP_printk(MR_TRACE_FUNCTION_FORMAT " kind=%s open=%d reason=%s",
		  MR_TRACE_FUNCTION_ARGS,
		  __print_symbolic(__entry->kind, MR_TRACE_KINDS),
		  !__entry->reason,
		  __print_symbolic(__entry->reason, MR_TRACE_REASONS))
);

TRACE_EVENT(msi_route_hold,
	TP_PROTO(const struct mr_vector *v, enum mr_hold_change change),
	TP_ARGS(v, change),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		__field(u32, change)
	),
	TP_fast_assign(
		mr_trace_vector(v);
		__entry->change = change;
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " change=%s", MR_TRACE_VECTOR_ARGS,
		  __print_symbolic(__entry->change, MR_TRACE_HOLDS))
);

/* An update has waited for senders of the old message. */
TRACE_EVENT(msi_route_drain,
	TP_PROTO(const struct mr_vector *v, u64 ns),
	TP_ARGS(v, ns),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		__field(u64, ns)
	),
	TP_fast_assign(
		mr_trace_vector(v);
		__entry->ns = ns;
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " ns=%llu", MR_TRACE_VECTOR_ARGS,
		  __entry->ns)
);

TRACE_EVENT(msi_route_reset,
	TP_PROTO(const struct mr_requester *rq),
	TP_ARGS(rq),
	TP_STRUCT__entry(
		MR_TRACE_FUNCTION
	),
	TP_fast_assign(
		mr_trace_function(rq);
	),
	TP_printk(MR_TRACE_FUNCTION_FORMAT, MR_TRACE_FUNCTION_ARGS)
);

/* ---- what becomes of an event ---- */

/* KVM has taken a message.  @replayed: the event had to wait. */
TRACE_EVENT(msi_route_send,
	TP_PROTO(const struct mr_vector *v, const struct mr_message *msg,
		 bool replayed),
	TP_ARGS(v, msg, replayed),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		MR_TRACE_MESSAGE
		__field(bool, replayed)
	),
	TP_fast_assign(
		mr_trace_vector(v);
		mr_trace_message(msg);
		__entry->replayed = replayed;
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " " MR_TRACE_MESSAGE_FORMAT " replayed=%d",
		  MR_TRACE_VECTOR_ARGS, MR_TRACE_MESSAGE_ARGS,
		  __entry->replayed)
);

/* The guest will never see an event. */
DEFINE_EVENT(msi_route_messages, msi_route_drop,
	TP_PROTO(const struct mr_vector *v, const struct mr_message *msg,
		 enum msi_route_reason reason),
	TP_ARGS(v, msg, reason)
);

/* A broadcast is left to mr_cap_sync(), or to a work item. */
TRACE_EVENT(msi_route_defer,
	TP_PROTO(const struct mr_vector *v, const struct mr_message *msg),
	TP_ARGS(v, msg),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		MR_TRACE_MESSAGE
	),
	TP_fast_assign(
		mr_trace_vector(v);
		mr_trace_message(msg);
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " " MR_TRACE_MESSAGE_FORMAT,
		  MR_TRACE_VECTOR_ARGS, MR_TRACE_MESSAGE_ARGS)
);

DECLARE_EVENT_CLASS(msi_route_events,
	TP_PROTO(const struct mr_vector *v, enum msi_route_reason reason,
		 u64 count),
	TP_ARGS(v, reason, count),
	TP_STRUCT__entry(
		MR_TRACE_VECTOR
		__field(u32, reason)
		__field(u64, count)
	),
	TP_fast_assign(
		mr_trace_vector(v);
		__entry->reason = reason;
		__entry->count = count;
	),
	TP_printk(MR_TRACE_VECTOR_FORMAT " reason=%s count=%llu",
		  MR_TRACE_VECTOR_ARGS,
		  __print_symbolic(__entry->reason, MR_TRACE_REASONS),
		  __entry->count)
);

/* An event has set the Pending bit, and waits. */
DEFINE_EVENT(msi_route_events, msi_route_pend,
	TP_PROTO(const struct mr_vector *v, enum msi_route_reason reason,
		 u64 count),
	TP_ARGS(v, reason, count)
);

/* Another event stands for these. */
DEFINE_EVENT(msi_route_events, msi_route_coalesce,
	TP_PROTO(const struct mr_vector *v, enum msi_route_reason reason,
		 u64 count),
	TP_ARGS(v, reason, count)
);

/* The Pending bit was cleared, and nothing was sent. */
DEFINE_EVENT(msi_route_events, msi_route_clear,
	TP_PROTO(const struct mr_vector *v, enum msi_route_reason reason,
		 u64 count),
	TP_ARGS(v, reason, count)
);

#endif /* MR_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH route
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
