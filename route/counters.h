/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only list of the counters of a capability.
 *
 * MR_VECTOR_COUNTERS belong to single vectors, MR_CAP_COUNTERS to the whole capability.
 * Each line has the name, which &struct msi_route_counters and debugfs use as well, and
 * whether the counter counts a way in which events end:
 *
 *   events = the sum of all MR_END counters, once nothing is under way.
 *
 * A new counter needs a line here, a field in msi_route.h, and code that counts.
 */
#ifndef MR_COUNTERS_H
#define MR_COUNTERS_H

#include <linux/atomic.h>
#include <linux/types.h>

#define MR_END		true
#define MR_NOTE		false

#define MR_VECTOR_COUNTERS(X)						\
	X(pending, MR_END)						\
	X(events, MR_NOTE)						\
	X(messages, MR_END)						\
	X(coalesced, MR_END)

#define MR_CAP_COUNTERS(X)						\
	X(cleared, MR_END)						\
	X(unreached, MR_END)						\
	X(dropped_address, MR_END)					\
	X(dropped_mode, MR_END)						\
	X(dropped_vector, MR_END)					\
	X(replayed, MR_NOTE)						\
	X(held, MR_NOTE)						\
	X(updates, MR_NOTE)						\
	X(drained, MR_NOTE)						\
	X(holds, MR_NOTE)						\
	X(holds_expired, MR_NOTE)					\
	X(bad_accesses, MR_NOTE)					\
	X(both_enabled, MR_NOTE)					\
	X(remappable, MR_NOTE)						\
	X(dropped_absent, MR_END)					\
	X(dropped_disabled, MR_END)					\
	X(disabled, MR_NOTE)

#define MR_COUNTERS(X)	MR_VECTOR_COUNTERS(X) MR_CAP_COUNTERS(X)

/* Rare events and decisions, counted for the whole capability. */
struct mr_counters {
#define MR_COUNTER_FIELD(name, end)	atomic64_t name;
	MR_CAP_COUNTERS(MR_COUNTER_FIELD)
#undef MR_COUNTER_FIELD
};

/* What happened to vectors. */
struct mr_vector_count {
	u64 events;
	u64 messages;
	u64 coalesced;
	u32 pending;
};

#endif /* MR_COUNTERS_H */
