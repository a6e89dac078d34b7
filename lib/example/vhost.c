// SPDX-License-Identifier: GPL-2.0
/*
 * vhost-net: the host's kernel serves the queues.  It knows nothing of MSI-X: each queue has an
 * eventfd, which is one of the helper's.
 */
#include <err.h>
#include <string.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include "vmm.h"

#define VERSION_1	(1ULL << VIRTIO_F_VERSION_1)

/* Returns its descriptor, or -1 if this host has none that serves such a device. */
int vhost_open(void)
{
	int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	uint64_t features;

	if (fd < 0)
		return -1;
	if (ioctl(fd, VHOST_SET_OWNER, NULL) || ioctl(fd, VHOST_GET_FEATURES, &features) ||
	    !(features & VERSION_1)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool set_memory(const struct device *d)
{
	struct {
		struct vhost_memory table;
		struct vhost_memory_region region;
	} m = {
		.table = { .nregions = 1 },
		.region = {
			.memory_size = d->memory->size,
			.userspace_addr = (uintptr_t)d->memory->base,
		},
	};

	return !ioctl(d->vhost, VHOST_SET_MEM_TABLE, &m);
}

static bool set_fd(const struct device *d, unsigned long request, unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	return !ioctl(d->vhost, request, &file);
}

static bool set_number(const struct device *d, unsigned long request, unsigned int index,
		       unsigned int number)
{
	struct vhost_vring_state state = { .index = index, .num = number };

	return !ioctl(d->vhost, request, &state);
}

/* The guest chose the vector: without one, nobody is told. */
static int call_of(struct device *d, const struct queue *q)
{
	int fd = mrv_eventfd(&d->function, MSI_ROUTE_MSIX, q->vector);

	return fd < 0 ? VHOST_FILE_UNBIND : fd;
}

static bool start_queue(struct device *d, unsigned int index)
{
	struct queue *q = &d->queue[index];
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = (uintptr_t)memory_at(d->memory, q->desc, 0),
		.avail_user_addr = (uintptr_t)memory_at(d->memory, q->driver, 0),
		.used_user_addr = (uintptr_t)memory_at(d->memory, q->device, 0),
	};

	/* queue_enable has checked that the rings are in memory. */
	return q->enabled && set_number(d, VHOST_SET_VRING_NUM, index, q->size) &&
	       set_number(d, VHOST_SET_VRING_BASE, index, q->next) &&
	       !ioctl(d->vhost, VHOST_SET_VRING_ADDR, &addr) &&
	       set_fd(d, VHOST_SET_VRING_KICK, index, q->kick) &&
	       set_fd(d, VHOST_SET_VRING_CALL, index, call_of(d, q)) &&
	       set_fd(d, VHOST_NET_SET_BACKEND, index, d->backend);
}

bool vhost_start(struct device *d)
{
	const uint64_t features = VERSION_1;
	unsigned int i;

	if (ioctl(d->vhost, VHOST_SET_FEATURES, &features) || !set_memory(d))
		return false;
	for (i = 0; i < d->kind->nr_queues; i++)
		if (!start_queue(d, i))
			return false;
	return true;
}

/* When it returns, vhost has left the guest's memory alone. */
void vhost_stop(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->kind->nr_queues; i++)
		set_fd(d, VHOST_NET_SET_BACKEND, i, -1);
	for (i = 0; i < d->kind->nr_queues; i++)
		set_fd(d, VHOST_SET_VRING_KICK, i, VHOST_FILE_UNBIND);
}
