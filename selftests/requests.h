/* SPDX-License-Identifier: GPL-2.0 */
/* The requests of a function's descriptor, each with a valid argument. */
#ifndef SELFTESTS_REQUESTS_H
#define SELFTESTS_REQUESTS_H

#include "guest/function.h"
#include "harness.h"

/*
 * Each request with a valid argument, which the tests then spoil.  No argument changes
 * what another request needs.
 */
union argument {
	__u32 size;
	struct msi_route_query query;
	struct msi_route_access access;
	struct msi_route_trigger trigger;
	struct msi_route_eventfd eventfd;
	struct msi_route_bus_master bus_master;
	struct msi_route_reset reset;
	struct msi_route_set_hold hold;
	struct msi_route_counters counters;
	struct msi_route_map map;
	struct msi_route_eventfds eventfds;
	struct msi_route_entries entries;
	struct msi_route_set_notify notify;
	struct msi_route_get_changes changes;
	struct msi_route_set_run run;
	struct msi_route_resize resize;
	struct msi_route_ims ims;
	struct msi_route_renew renew;
	struct msi_route_get_vectors vectors;
	struct msi_route_get_map get_map;
};

/* What requests point to. */
static __s32 keep_one = MSI_ROUTE_EVENTFD_KEEP;
static struct msi_route_entry an_entry = { .address_lo = APIC_BASE };
static struct msi_route_vector_change a_change;
static struct msi_route_vector a_vector;
static struct msi_route_ims_op an_op = { .op = MSI_ROUTE_IMS_MASK };

static struct request {
	const char *name;
	unsigned long number;
	bool returns;			/* writes the struct back */
	union argument valid;		/* without addresses, see below */
} requests[] = {
	{ "QUERY", MSI_ROUTE_QUERY, true, { .query = { .size = sizeof(struct msi_route_query) } } },
	{ "READ", MSI_ROUTE_READ, true, { .access = {
		.size = sizeof(struct msi_route_access), .space = MSI_ROUTE_TABLE, .len = 4 } } },
	{ "WRITE", MSI_ROUTE_WRITE, false, { .access = {
		.size = sizeof(struct msi_route_access), .space = MSI_ROUTE_TABLE, .len = 4,
		.value = APIC_BASE } } },
	{ "TRIGGER", MSI_ROUTE_TRIGGER, true, { .trigger = {
		.size = sizeof(struct msi_route_trigger) } } },
	{ "CLEAR_PENDING", MSI_ROUTE_CLEAR_PENDING, true, { .trigger = {
		.size = sizeof(struct msi_route_trigger) } } },
	{ "SET_BUS_MASTER", MSI_ROUTE_SET_BUS_MASTER, false, { .bus_master = {
		.size = sizeof(struct msi_route_bus_master), .enable = 1 } } },
	{ "SET_HOLD", MSI_ROUTE_SET_HOLD, false, { .hold = {
		.size = sizeof(struct msi_route_set_hold), .bound_ns = 1000 } } },
	{ "GET_COUNTERS", MSI_ROUTE_GET_COUNTERS, true, { .counters = {
		.size = sizeof(struct msi_route_counters) } } },
	{ "GET_VECTORS", MSI_ROUTE_GET_VECTORS, true, { .vectors = {
		.size = sizeof(struct msi_route_get_vectors), .room = 1,
		.stride = sizeof(a_vector) } } },
	{ "MAP", MSI_ROUTE_MAP, false, { .map = {
		.size = sizeof(struct msi_route_map), .flags = MSI_ROUTE_MAP_TABLE,
		.table = TABLE_GPA(7) } } },
	{ "GET_MAP", MSI_ROUTE_GET_MAP, true, { .get_map = {
		.size = sizeof(struct msi_route_get_map) } } },
	{ "SET_EVENTFDS", MSI_ROUTE_SET_EVENTFDS, false, { .eventfds = {
		.size = sizeof(struct msi_route_eventfds), .nr = 1 } } },
	{ "SET_ENTRIES", MSI_ROUTE_SET_ENTRIES, false, { .entries = {
		.size = sizeof(struct msi_route_entries), .nr = 1 } } },
	{ "SET_NOTIFY", MSI_ROUTE_SET_NOTIFY, false, { .notify = {
		.size = sizeof(struct msi_route_set_notify), .fd = -1 } } },
	{ "GET_CHANGES", MSI_ROUTE_GET_CHANGES, true, { .changes = {
		.size = sizeof(struct msi_route_get_changes), .room = 1,
		.stride = sizeof(a_change) } } },
	{ "SET_RUN", MSI_ROUTE_SET_RUN, false, { .run = {
		.size = sizeof(struct msi_route_set_run), .run = 1 } } },
	{ "RESIZE", MSI_ROUTE_RESIZE, true, { .resize = {
		.size = sizeof(struct msi_route_resize) } } },
	{ "SET_IMS", MSI_ROUTE_SET_IMS, false, { .ims = {
		.size = sizeof(struct msi_route_ims), .nr = 1 } } },
	{ "RENEW", MSI_ROUTE_RENEW, false, { .renew = {
		.size = sizeof(struct msi_route_renew) } } },
	{ "RESET", MSI_ROUTE_RESET, false, { .reset = {
		.size = sizeof(struct msi_route_reset) } } },
};

#define for_each_request(r) \
	for (r = requests; r < requests + ARRAY_SIZE(requests); r++)

/* In a program of 32 bits an address is no constant for a field of 64. */
__attribute__((constructor)) static void set_addresses(void)
{
	struct request *r;

	for_each_request(r) {
		switch (r->number) {
		case MSI_ROUTE_GET_VECTORS:
			r->valid.vectors.vectors = (unsigned long)&a_vector;
			break;
		case MSI_ROUTE_SET_EVENTFDS:
			r->valid.eventfds.fds = (unsigned long)&keep_one;
			break;
		case MSI_ROUTE_SET_ENTRIES:
			r->valid.entries.entries = (unsigned long)&an_entry;
			break;
		case MSI_ROUTE_GET_CHANGES:
			r->valid.changes.changes = (unsigned long)&a_change;
			break;
		case MSI_ROUTE_SET_IMS:
			r->valid.ims.ops = (unsigned long)&an_op;
			break;
		}
	}
}

#endif /* SELFTESTS_REQUESTS_H */
