// SPDX-License-Identifier: GPL-2.0
/* MSI-X of one function in msi_route, by the ioctls alone: what after.c does by the helper. */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include "../../msi_route.h"
#include "msix.h"

#define CAPABILITY	0x40
#define TABLE		0x0
#define PBA		0x800

struct msix {
	int fd;
};

/* ---- irqfds ---- */

static void set_eventfds(struct msix *x, const int *eventfd)
{
	struct msi_route_eventfds attach = {
		.size = sizeof(attach),
		.kind = MSI_ROUTE_MSIX,
		.nr = MSIX_VECTORS,
		.fds = (uintptr_t)eventfd,
	};

	if (ioctl(x->fd, MSI_ROUTE_SET_EVENTFDS, &attach))
		err(1, "MSI_ROUTE_SET_EVENTFDS");
}

/* ---- masks ---- */

static void guest_writes(struct msix *x, uint32_t space, uint32_t offset, uint32_t len,
			 uint64_t value)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = space,
		.offset = offset, .len = len, .value = value,
	};

	if (ioctl(x->fd, MSI_ROUTE_WRITE, &access))
		err(1, "MSI_ROUTE_WRITE");
}

void msix_write_control(struct msix *x, uint16_t value)
{
	guest_writes(x, MSI_ROUTE_CONFIG, CAPABILITY + 2, 2, value);
}

void msix_bus_master(struct msix *x, int enable)
{
	struct msi_route_bus_master master = {
		.size = sizeof(master), .enable = enable,
	};

	if (ioctl(x->fd, MSI_ROUTE_SET_BUS_MASTER, &master))
		err(1, "MSI_ROUTE_SET_BUS_MASTER");
}

void msix_write_table(struct msix *x, uint32_t offset, uint32_t value)
{
	guest_writes(x, MSI_ROUTE_TABLE, offset, 4, value);
}

/* ---- pending ---- */

uint64_t msix_read_pba(struct msix *x)
{
	struct msi_route_access access = {
		.size = sizeof(access), .space = MSI_ROUTE_PBA, .len = 8,
	};

	if (ioctl(x->fd, MSI_ROUTE_READ, &access))
		err(1, "MSI_ROUTE_READ");
	return access.value;
}

/* ---- events ---- */

void msix_raise(struct msix *x, uint32_t i)
{
	struct msi_route_trigger event = {
		.size = sizeof(event), .kind = MSI_ROUTE_MSIX, .vector = i,
	};

	if (ioctl(x->fd, MSI_ROUTE_TRIGGER, &event))
		err(1, "MSI_ROUTE_TRIGGER");
}

/* ---- life ---- */

struct msix *msix_create(int vm, const int *eventfd)
{
	struct msi_route_create create = {
		.size = sizeof(create), .vm_fd = vm,
		.msix_vectors = MSIX_VECTORS, .msix_cap = CAPABILITY,
		.msix_table_offset = TABLE, .msix_pba_offset = PBA,
	};
	struct msix *x = malloc(sizeof(*x));
	int device = open("/dev/msi_route", O_RDWR | O_CLOEXEC);

	if (!x || device < 0)
		err(1, "/dev/msi_route");
	x->fd = ioctl(device, MSI_ROUTE_CREATE, &create);
	if (x->fd < 0)
		err(1, "MSI_ROUTE_CREATE");
	close(device);
	set_eventfds(x, eventfd);
	return x;
}

void msix_destroy(struct msix *x)
{
	close(x->fd);
	free(x);
}
