// SPDX-License-Identifier: GPL-2.0
/*
 * The common configuration of a virtio device (virtio 1.2, 4.1.4.3).  A read may have any
 * length and offset.  A write counts if it is one of a whole register, or of half of one of 64
 * bits, as virtio demands of drivers.
 */
#include <stddef.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include "vmm.h"

#define NO_VECTOR	0xffff
#define VERSION_1	(1ULL << VIRTIO_F_VERSION_1)

static struct queue *selected(struct device *d)
{
	return d->queue_select < d->kind->nr_queues ? &d->queue[d->queue_select] : NULL;
}

static uint32_t half(uint64_t value, uint32_t which)
{
	return which == 0 ? value : which == 1 ? value >> 32 : 0;
}

/* All registers, as they are now. */
static void fill(struct device *d, struct virtio_pci_common_cfg *c)
{
	const struct queue *q = selected(d);

	memset(c, 0, sizeof(*c));
	c->device_feature_select = d->feature_select;
	c->device_feature = half(d->kind->features, d->feature_select);
	c->guest_feature_select = d->driver_feature_select;
	c->guest_feature = half(d->driver_features, d->driver_feature_select);
	c->msix_config = d->config_vector;
	c->num_queues = d->kind->nr_queues;
	c->device_status = d->status;
	c->queue_select = d->queue_select;
	if (!q)
		return;
	c->queue_size = q->size;
	c->queue_msix_vector = q->vector;
	c->queue_enable = q->enabled;
	c->queue_notify_off = d->queue_select;
	c->queue_desc_lo = q->desc;
	c->queue_desc_hi = q->desc >> 32;
	c->queue_avail_lo = q->driver;
	c->queue_avail_hi = q->driver >> 32;
	c->queue_used_lo = q->device;
	c->queue_used_hi = q->device >> 32;
}

void common_read(struct device *d, uint32_t offset, void *data, uint32_t len)
{
	struct virtio_pci_common_cfg c;

	fill(d, &c);
	memset(data, 0, len);
	if (offset >= sizeof(c))
		return;
	if (len > sizeof(c) - offset && !mutant(NO_SIZE_CHECK))
		len = sizeof(c) - offset;
	memcpy(data, (uint8_t *)&c + offset, len);
}

void virtio_reset(struct device *d)
{
	unsigned int i;
	int kick;

	if (d->started && d->kind->stop)
		d->kind->stop(d);
	d->started = false;
	d->status = 0;
	d->config_vector = NO_VECTOR;
	d->queue_select = 0;
	d->feature_select = 0;
	d->driver_feature_select = 0;
	d->driver_features = 0;
	for (i = 0; i < MAX_QUEUES; i++) {
		kick = d->queue[i].kick;
		memset(&d->queue[i], 0, sizeof(d->queue[i]));
		d->queue[i].kick = kick;
		d->queue[i].size = QUEUE_SIZE;
		d->queue[i].vector = NO_VECTOR;
	}
}

static void start(struct device *d)
{
	d->started = true;
	if (d->kind->start && !d->kind->start(d))
		device_broken(d, "its queues cannot be served");
	/* It may wait for input now, and the guest may have notified it before. */
	eventfd_write(d->wake, 1);
}

static void set_status(struct device *d, uint8_t status)
{
	uint8_t old = d->status;
	bool acceptable = !(d->driver_features & ~d->kind->features) &&
			  d->driver_features & VERSION_1;

	if (!status) {
		virtio_reset(d);
		return;
	}
	if (!acceptable)
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* Only a reset clears a bit. */
	d->status = old | (status & ~VIRTIO_CONFIG_S_NEEDS_RESET);
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK && !(old & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    d->status & VIRTIO_CONFIG_S_FEATURES_OK && !(old & VIRTIO_CONFIG_S_NEEDS_RESET))
		start(d);
}

static void set_driver_feature(struct device *d, uint32_t value)
{
	uint32_t which = d->driver_feature_select;

	if (d->status & VIRTIO_CONFIG_S_FEATURES_OK || which > 1)
		return;
	d->driver_features &= which ? 0xffffffff : 0xffffffffULL << 32;
	d->driver_features |= (uint64_t)value << 32 * which;
}

static void enable(struct device *d, struct queue *q)
{
	if (queue_valid(d, q))
		q->enabled = true;
	else
		device_broken(d, "a queue is not in memory");
}

static void set_half(uint64_t *value, bool high, uint32_t to)
{
	*value = high ? (*value & 0xffffffff) | (uint64_t)to << 32 : (*value & ~0xffffffffULL) | to;
}

/* What a vector's register holds after a write: a vector that does not exist is refused. */
static uint16_t vector_of(const struct device *d, uint32_t value)
{
	return value < d->kind->nr_vectors ? value : NO_VECTOR;
}

#define AT(field) \
	(offsetof(struct virtio_pci_common_cfg, field) << 4 | \
	 sizeof(((struct virtio_pci_common_cfg *)0)->field))

/* Registers of the selected queue, which is fixed once it is enabled. */
static void queue_write(struct device *d, struct queue *q, uint32_t at, uint32_t value)
{
	switch (at) {
	case AT(queue_size):
		if (value && value <= QUEUE_SIZE && !(value & (value - 1)))
			q->size = value;
		break;
	case AT(queue_msix_vector):
		q->vector = vector_of(d, value);
		break;
	case AT(queue_enable):
		if (value == 1)
			enable(d, q);
		break;
	case AT(queue_desc_lo):
	case AT(queue_desc_hi):
		set_half(&q->desc, at == AT(queue_desc_hi), value);
		break;
	case AT(queue_avail_lo):
	case AT(queue_avail_hi):
		set_half(&q->driver, at == AT(queue_avail_hi), value);
		break;
	case AT(queue_used_lo):
	case AT(queue_used_hi):
		set_half(&q->device, at == AT(queue_used_hi), value);
		break;
	}
}

void common_write(struct device *d, uint32_t offset, const void *data, uint32_t len)
{
	struct queue *q = selected(d);
	uint32_t value = 0;

	/* Not the beginning of another register, and of no register's length */
	if (offset >= sizeof(struct virtio_pci_common_cfg) || len > sizeof(value))
		return;
	memcpy(&value, data, len);
	switch (offset << 4 | len) {
	case AT(device_feature_select):
		d->feature_select = value;
		break;
	case AT(guest_feature_select):
		d->driver_feature_select = value;
		break;
	case AT(guest_feature):
		set_driver_feature(d, value);
		break;
	case AT(msix_config):
		d->config_vector = vector_of(d, value);
		break;
	case AT(device_status):
		set_status(d, value);
		break;
	case AT(queue_select):
		d->queue_select = value;
		break;
	default:
		if (q && !q->enabled)
			queue_write(d, q, offset << 4 | len, value);
	}
}
