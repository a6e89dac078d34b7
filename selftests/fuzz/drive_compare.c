// SPDX-License-Identifier: GPL-2.0
/* Compares what a guest and a VMM see of the module's function with what the model has. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "drive_parts.h"

#define WINDOW		16		/* table entries that are compared each time */

bool same_errors(const struct errors *e, int ret)
{
	return same_outcome("", e, ret);
}

bool same_config(unsigned int offset)
{
	struct msi_route_access access = {
		.size = sizeof(access), .offset = offset, .len = 4, .value = 0xa5c35a3c,
	};
	__u32 owned, value = model_config(&now.model, offset, &owned);
	int ret = call(MSI_ROUTE_READ, &access);

	value = (value & owned) | (0xa5c35a3c & ~owned);
	if (ret || (__u32)access.value != value)
		return differ("configuration space %#x: %#x, not %#x", offset,
			      (__u32)access.value, value);
	return true;
}

static bool same_all_config(bool everything)
{
	unsigned int offset;
	__u32 owned;

	for (offset = 0; offset < 0x100; offset += 4) {
		model_config(&now.model, offset, &owned);
		if ((owned || everything) && !same_config(offset))
			return false;
	}
	return true;
}

static bool same_entry(unsigned int entry)
{
	const __u32 *dwords = (const void *)(now.image + now.fn.shape.mmap_table + entry * 16);
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (dwords[i] != model_table(&now.model, entry * 4 + i))
			return differ("table entry %u dword %u: %#x, not %#x", entry, i, dwords[i],
				      model_table(&now.model, entry * 4 + i));
	return true;
}

/* The first entries, where most is done, and a window that moves over the others. */
static bool same_image(bool full)
{
	const __u64 *pba = (const void *)(now.image + now.fn.shape.mmap_pba);
	unsigned int i, n = now.model.cap[MSIX].max;

	if (!n)
		return true;
	for (i = 0; i < n && (full || i < 4); i++)
		if (!same_entry(i))
			return false;
	for (i = 0; i < WINDOW && !full; i++)
		if (!same_entry(now.window++ % n))
			return false;
	for (i = 0; i < (n + 63) / 64 && (full || i < 4); i++)
		if (pba[i] != model_pba(&now.model, i))
			return differ("PBA qword %u: %#llx, not %#llx", i,
				      (unsigned long long)pba[i],
				      (unsigned long long)model_pba(&now.model, i));
	return true;
}

/* ---- counters ---- */

static const struct {
	const char *name;
	size_t offset;
} counted[] = {
#define COUNTER(name) { #name, offsetof(struct msi_route_counters, name) }
	COUNTER(events), COUNTER(messages), COUNTER(coalesced), COUNTER(cleared),
	COUNTER(unreached), COUNTER(dropped_address), COUNTER(dropped_mode),
	COUNTER(dropped_vector), COUNTER(replayed), COUNTER(held), COUNTER(holds),
	COUNTER(holds_expired), COUNTER(bad_accesses), COUNTER(both_enabled),
	COUNTER(dropped_absent), COUNTER(dropped_disabled), COUNTER(disabled),
};

/* Events, messages, coalesced of a vector that is gone, until its block is freed. */
static bool skip(__u32 kind, __u32 vector, unsigned int counter)
{
	return counter < 3 && vector != MSI_ROUTE_ALL_VECTORS &&
	       now.model.cap[kind].vector[vector].gone;
}

bool get_counters(__u32 kind, __u32 vector, struct msi_route_counters *c)
{
	memset(c, 0, sizeof(*c));
	c->size = sizeof(*c);
	c->kind = kind;
	c->vector = vector;
	return !call(MSI_ROUTE_GET_COUNTERS, c);
}

static bool same_counters(__u32 kind, __u32 vector)
{
	struct msi_route_counters c, right;
	unsigned int i;

	if (!get_counters(kind, vector, &c))
		return differ("counters of kind %u: %s", kind, strerror(errno));
	model_counters(&now.model, kind, vector, &right);
	if (c.pending != right.pending)
		return differ("counters of kind %u, vector %d: pending is %u, not %u", kind,
			      (int)vector, c.pending, right.pending);
	for (i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		__u64 is = *(__u64 *)((char *)&c + counted[i].offset);
		__u64 should = *(__u64 *)((char *)&right + counted[i].offset);

		if (is != should && !skip(kind, vector, i))
			return differ("counters of kind %u, vector %d: %s is %llu, not %llu",
				      kind, (int)vector, counted[i].name,
				      (unsigned long long)is, (unsigned long long)should);
	}
	return true;
}

bool same_totals(void)
{
	unsigned int kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		if (now.model.cap[kind].max && !same_counters(kind, MSI_ROUTE_ALL_VECTORS))
			return false;
	return true;
}

static bool same_vectors(void)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < now.model.cap[kind].nr; i++)
			if (!same_counters(kind, i))
				return false;
	return true;
}

bool do_counters(const __u64 *arg)
{
	struct msi_route_counters c, should;
	struct errors e = model_counters(&now.model, arg[0], arg[1], &should);
	int ret = get_counters(arg[0], arg[1], &c) ? 0 : -errno;

	if (!same_errors(&e, ret))
		return false;
	return ret || same_counters(arg[0], arg[1]);
}

/* ---- eventfds ---- */

__u64 drain_eventfd(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* An eventfd holds what no vector took, and nothing that a vector took. */
static bool same_eventfds(void)
{
	unsigned int i;

	for (i = 0; i < MAX_EVENTFDS; i++) {
		__u64 count = drain_eventfd(now.eventfd[i]);

		if (count != now.model.count[i])
			return differ("eventfd %u: %llu, not %llu", i, (unsigned long long)count,
				      (unsigned long long)now.model.count[i]);
		if (count)
			signal_eventfd(now.eventfd[i], count);
	}
	return true;
}

/* ---- all of it ---- */

bool same(bool full)
{
	if (now.flush) {
		/* Completes a broadcast that a signal left to a work item. */
		if (!same_config(0))
			return false;
		now.flush = false;
	}
	if (!same_totals() || !same_image(full) || !same_messages(full))
		return false;
	if (full)
		return same_all_config(true) && same_vectors() && same_eventfds();
	if (now.config_written) {
		now.config_written = false;
		return same_all_config(false);
	}
	return true;
}
