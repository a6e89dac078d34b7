// SPDX-License-Identifier: GPL-2.0
/* MSI-X of one function in user space, as in a VMM without msi_route. */
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>
#include "msix.h"

#define FIRST_GSI	24
#define ENABLE		0x8000
#define FUNCTION_MASK	0x4000

struct msix {
	int vm;
	const int *eventfd;
	bool bus_master;
	uint16_t control;
	uint32_t table[MSIX_VECTORS][4];
	bool sending[MSIX_VECTORS];	/* the irqfd is assigned */
	uint64_t pba;
};

static bool may_send(const struct msix *x, uint32_t i)
{
	return x->bus_master && x->control & ENABLE &&
	       !(x->control & FUNCTION_MASK) && !(x->table[i][3] & 1);
}

/* ---- routes ---- */

/* This replaces the VM's whole table of routes; here it has only one function's. */
static void set_routes(struct msix *x)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[MSIX_VECTORS];
	} routes = { .head.nr = MSIX_VECTORS };
	uint32_t i;

	for (i = 0; i < MSIX_VECTORS; i++) {
		routes.entry[i].gsi = FIRST_GSI + i;
		routes.entry[i].type = KVM_IRQ_ROUTING_MSI;
		routes.entry[i].u.msi.address_lo = x->table[i][0];
		routes.entry[i].u.msi.address_hi = x->table[i][1];
		routes.entry[i].u.msi.data = x->table[i][2];
	}
	if (ioctl(x->vm, KVM_SET_GSI_ROUTING, &routes))
		err(1, "KVM_SET_GSI_ROUTING");
}

/* ---- irqfds ---- */

static void set_irqfd(struct msix *x, uint32_t i, bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = x->eventfd[i],
		.gsi = FIRST_GSI + i,
		.flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (ioctl(x->vm, KVM_IRQFD, &irqfd))
		err(1, "KVM_IRQFD");
	x->sending[i] = assign;
}

/* ---- masks ---- */

static void update(struct msix *x, uint32_t i)
{
	bool send = may_send(x, i);

	if (send && !x->sending[i]) {
		set_routes(x);
		/* A count that the eventfd holds goes out with it. */
		set_irqfd(x, i, true);
		if (x->pba >> i & 1) {
			x->pba &= ~(1ULL << i);
			msix_raise(x, i);
		}
	} else if (!send && x->sending[i]) {
		set_irqfd(x, i, false);
	} else if (send) {
		set_routes(x);
	}
}

static void update_all(struct msix *x)
{
	uint32_t i;

	for (i = 0; i < MSIX_VECTORS; i++)
		update(x, i);
}

void msix_write_control(struct msix *x, uint16_t value)
{
	x->control = value & (ENABLE | FUNCTION_MASK);
	update_all(x);
}

void msix_bus_master(struct msix *x, int enable)
{
	x->bus_master = enable;
	update_all(x);
}

void msix_write_table(struct msix *x, uint32_t offset, uint32_t value)
{
	x->table[offset / 16][offset / 4 % 4] = value;
	update(x, offset / 16);
}

/* ---- pending ---- */

uint64_t msix_read_pba(struct msix *x)
{
	uint64_t pba = x->pba;
	uint32_t i;

	/* A count in a masked vector's eventfd is pending, too. */
	for (i = 0; i < MSIX_VECTORS; i++) {
		struct pollfd p = { .fd = x->eventfd[i], .events = POLLIN };

		if (!x->sending[i] && poll(&p, 1, 0) == 1)
			pba |= 1ULL << i;
	}
	return pba;
}

/* ---- events ---- */

void msix_raise(struct msix *x, uint32_t i)
{
	struct kvm_msi msi = {
		.address_lo = x->table[i][0],
		.address_hi = x->table[i][1],
		.data = x->table[i][2],
	};

	if (!may_send(x, i))
		x->pba |= 1ULL << i;
	else if (ioctl(x->vm, KVM_SIGNAL_MSI, &msi) < 0)
		err(1, "KVM_SIGNAL_MSI");
}

/* ---- life ---- */

struct msix *msix_create(int vm, const int *eventfd)
{
	struct msix *x = calloc(1, sizeof(*x));
	uint32_t i;

	if (!x)
		err(1, "calloc");
	x->vm = vm;
	x->eventfd = eventfd;
	for (i = 0; i < MSIX_VECTORS; i++)
		x->table[i][3] = 1;
	return x;
}

void msix_destroy(struct msix *x)
{
	uint32_t i;

	for (i = 0; i < MSIX_VECTORS; i++)
		if (x->sending[i])
			set_irqfd(x, i, false);
	free(x);
}
