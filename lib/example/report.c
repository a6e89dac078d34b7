// SPDX-License-Identifier: GPL-2.0
/*
 * What became of each event.  With msi_route its counters tell; the fallback does not count, but
 * tells the outcome of each event that the VMM raises.
 */
#include <err.h>
#include <string.h>
#include "vmm.h"

struct account {
	uint64_t events;
	uint64_t messages;
	uint64_t coalesced;
	uint64_t pending;
	uint64_t lost;		/* cleared, dropped, or no vCPU took it */
};

static bool pending(struct device *d, unsigned int vector)
{
	uint64_t bits = 0;

	mrv_bar_read(&d->function, 0, BAR_PBA, &bits, sizeof(bits));
	return bits >> vector & 1;
}

static void count_kernel(struct device *d, unsigned int vector, struct account *a)
{
	struct msi_route_counters c = {
		.size = sizeof(c), .kind = MSI_ROUTE_MSIX, .vector = vector,
	};

	if (ioctl(d->function.fd, MSI_ROUTE_GET_COUNTERS, &c))
		err(1, "MSI_ROUTE_GET_COUNTERS");
	a->events = c.events;
	a->messages = c.messages;
	a->coalesced = c.coalesced;
	a->pending = c.pending;
	a->lost = c.cleared + c.unreached + c.dropped_address + c.dropped_mode +
		  c.dropped_vector + c.dropped_absent + c.dropped_disabled;
}

/* An event that became pending is a message by now, unless it still is. */
static void count_user(struct device *d, unsigned int vector, struct account *a)
{
	const uint64_t *n = d->outcome[vector];

	a->events = d->raised[vector];
	a->pending = pending(d, vector);
	a->messages = n[MSI_ROUTE_SENT] + n[MSI_ROUTE_PENDING] - a->pending;
	a->coalesced = n[MSI_ROUTE_COALESCED];
	a->lost = n[MSI_ROUTE_DROPPED] + n[MSI_ROUTE_UNREACHED];
}

/*
 * Prints a line for each vector that had events, of a device that has ended.  Returns false if
 * one of them is missing.
 */
bool report(struct device *d)
{
	bool kernel = d->function.fd >= 0, complete = true, equal;
	struct account a;
	unsigned int i;

	mrv_stop(&d->function);
	if (d->nr_wrong)
		printf("vmm: %s: broken %u times, last by %s\n", d->kind->name, d->nr_wrong,
		       d->wrong);
	if (!kernel && d->kind->offloaded) {
		printf("vmm: %s: its events went from vhost to KVM, which does not count them\n",
		       d->kind->name);
		return true;
	}
	for (i = 0; i < d->kind->nr_vectors; i++) {
		if (kernel)
			count_kernel(d, i, &a);
		else
			count_user(d, i, &a);
		if (!a.events && !d->raised[i])
			continue;
		/* vhost raises events of its own. */
		equal = a.events == a.messages + a.coalesced + a.pending + a.lost &&
			(d->kind->offloaded || a.events == d->raised[i]);
		complete = complete && equal;
		printf("vmm: %s vector %u: %llu events, %llu messages, %llu coalesced, ",
		       d->kind->name, i, (unsigned long long)a.events,
		       (unsigned long long)a.messages, (unsigned long long)a.coalesced);
		printf("%llu pending, %llu lost%s\n", (unsigned long long)a.pending,
		       (unsigned long long)a.lost, equal ? "" : ": NOT EQUAL");
	}
	return complete;
}
