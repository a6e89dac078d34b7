// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio device's configuration space and BAR.  MSI-X is the helper's: it gets each access,
 * and takes what belongs to it.
 */
#include <stddef.h>
#include <string.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include "vmm.h"

/* Where the firmware of this machine puts BARs: above memory, below the local APIC. */
#define BARS		0xc0000000U
#define WINDOW_DATA	(WINDOW_CAP + sizeof(struct virtio_pci_cap))

/* ---- configuration space ---- */

static void put(struct device *d, uint32_t offset, uint32_t value, uint32_t len)
{
	memcpy(d->config + offset, &value, len);
}

static void let_write(struct device *d, uint32_t offset, uint32_t mask)
{
	memcpy(d->writable + offset, &mask, sizeof(mask));
}

/* One of virtio's capabilities: a structure's place in the BAR. */
static uint8_t *structure(struct device *d, uint8_t at, uint8_t next, uint8_t type, uint8_t size,
			  uint32_t place, uint32_t len)
{
	struct virtio_pci_cap cap = {
		.cap_vndr = PCI_CAP_ID_VNDR, .cap_next = next, .cap_len = size,
		.cfg_type = type, .offset = place, .length = len,
	};

	memcpy(d->config + at, &cap, sizeof(cap));
	return d->config + at + sizeof(cap);
}

static void structures(struct device *d)
{
	const uint8_t size = sizeof(struct virtio_pci_cap);
	const uint32_t multiplier = NOTIFY_MULTIPLIER;
	uint8_t *more;

	structure(d, 0x50, 0x60, VIRTIO_PCI_CAP_COMMON_CFG, size, BAR_COMMON,
		  sizeof(struct virtio_pci_common_cfg));
	structure(d, 0x60, 0x70, VIRTIO_PCI_CAP_ISR_CFG, size, BAR_ISR, 1);
	structure(d, 0x70, 0x80, VIRTIO_PCI_CAP_DEVICE_CFG, size, BAR_DEVICE,
		  d->kind->config_size);
	more = structure(d, 0x80, WINDOW_CAP, VIRTIO_PCI_CAP_NOTIFY_CFG,
			 sizeof(struct virtio_pci_notify_cap), BAR_NOTIFY,
			 d->kind->nr_queues * NOTIFY_MULTIPLIER);
	memcpy(more, &multiplier, sizeof(multiplier));
	/* BAR, offset and length are the guest's, and what is there. */
	structure(d, WINDOW_CAP, 0, VIRTIO_PCI_CAP_PCI_CFG, sizeof(struct virtio_pci_cfg_cap),
		  0, 0);
	let_write(d, WINDOW_CAP + offsetof(struct virtio_pci_cap, bar), 0xff);
	let_write(d, WINDOW_CAP + offsetof(struct virtio_pci_cap, offset), 0xffffffff);
	let_write(d, WINDOW_CAP + offsetof(struct virtio_pci_cap, length), 0xffffffff);
	let_write(d, WINDOW_DATA, 0xffffffff);
}

void config_init(struct device *d, unsigned int slot)
{
	put(d, PCI_VENDOR_ID, 0x1af4, 2);
	put(d, PCI_DEVICE_ID, 0x1040 + d->kind->id, 2);
	put(d, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(d, PCI_REVISION_ID, 1, 1);
	put(d, PCI_CLASS_DEVICE + 1, d->kind->class, 1);
	put(d, PCI_SUBSYSTEM_VENDOR_ID, 0x1af4, 2);
	put(d, PCI_SUBSYSTEM_ID, 0x1040 + d->kind->id, 2);
	put(d, PCI_BASE_ADDRESS_0, BARS + slot * 0x10000, 4);
	put(d, PCI_CAPABILITY_LIST, MSIX_CAP, 1);
	/* No pin: whoever lets a device interrupt uses MSI-X. */
	put(d, PCI_INTERRUPT_PIN, 0, 1);
	let_write(d, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
		  PCI_COMMAND_INTX_DISABLE);
	let_write(d, PCI_BASE_ADDRESS_0, ~(BAR_SIZE - 1U));
	let_write(d, PCI_INTERRUPT_LINE, 0xff);

	put(d, MSIX_CAP, PCI_CAP_ID_MSIX, 1);
	put(d, MSIX_CAP + 1, 0x50, 1);
	put(d, MSIX_CAP + PCI_MSIX_FLAGS, d->kind->nr_vectors - 1, 2);
	put(d, MSIX_CAP + PCI_MSIX_TABLE, BAR_TABLE, 4);
	put(d, MSIX_CAP + PCI_MSIX_PBA, BAR_PBA, 4);
	structures(d);
}

/* The guest may have placed BAR 0, or switched Memory Space Enable. */
static void place(struct device *d)
{
	uint32_t command, bar;

	memcpy(&command, d->config + PCI_COMMAND, sizeof(command));
	memcpy(&bar, d->config + PCI_BASE_ADDRESS_0, sizeof(bar));
	if (!(command & PCI_COMMAND_MEMORY))
		bar = 0;
	if (bar == d->bar)
		return;
	__atomic_store_n(&d->bar, bar, __ATOMIC_SEQ_CST);
	/* If it is over something else, accesses of table and PBA come here. */
	mrv_placed(&d->function, 0, bar, bar);
}

static void registers(struct device *d, bool write, uint64_t offset, void *data, uint32_t len);

/* Does an access begin at the window's data, and is the window open on a piece of BAR 0? */
static bool window(const struct device *d, uint32_t offset, uint32_t len,
		   struct virtio_pci_cap *cap)
{
	memcpy(cap, d->config + WINDOW_CAP, sizeof(*cap));
	return offset == WINDOW_DATA && len && !cap->bar && cap->length <= len &&
	       (cap->length == 1 || cap->length == 2 || cap->length == 4) &&
	       !(cap->offset % cap->length) && cap->offset < BAR_SIZE;
}

void config_read(struct device *d, uint32_t offset, void *data, uint32_t len)
{
	struct virtio_pci_cap cap;

	memset(data, 0xff, len);
	if (offset >= CONFIG_SIZE || len > CONFIG_SIZE - offset)
		return;
	pthread_mutex_lock(&d->lock);
	if (window(d, offset, len, &cap))
		registers(d, false, cap.offset, d->config + WINDOW_DATA, cap.length);
	memcpy(data, d->config + offset, len);
	/* The function replaces its own bytes. */
	mrv_config_read(&d->function, offset, data, len);
	pthread_mutex_unlock(&d->lock);
}

void config_write(struct device *d, uint32_t offset, const void *data, uint32_t len)
{
	const uint8_t *bytes = data;
	struct virtio_pci_cap cap;
	uint32_t i;

	if (offset >= CONFIG_SIZE || len > CONFIG_SIZE - offset)
		return;
	pthread_mutex_lock(&d->lock);
	mrv_config_write(&d->function, offset, data, len);
	for (i = 0; i < len; i++) {
		d->config[offset + i] &= ~d->writable[offset + i];
		d->config[offset + i] |= bytes[i] & d->writable[offset + i];
	}
	place(d);
	if (window(d, offset, len, &cap))
		registers(d, true, cap.offset, d->config + WINDOW_DATA, cap.length);
	pthread_mutex_unlock(&d->lock);
}

/* ---- the BAR ---- */

/* A structure of bytes that the guest cannot write */
static void bytes_read(const void *from, uint32_t size, uint64_t offset, void *data, uint32_t len)
{
	if (offset >= size)
		return;
	memcpy(data, (const uint8_t *)from + offset, len < size - offset ? len : size - offset);
}

/* What is not the function's; under the lock. */
static void own_registers(struct device *d, bool write, uint64_t offset, void *data, uint32_t len)
{
	uint32_t page = offset & ~0xfffULL, at = offset & 0xfff;

	if (!write)
		memset(data, 0, len);
	if (page == BAR_COMMON && write)
		common_write(d, at, data, len);
	else if (page == BAR_COMMON)
		common_read(d, at, data, len);
	else if (page == BAR_DEVICE && !write)
		bytes_read(d->device_config, d->kind->config_size, at, data, len);
	else if (page == BAR_NOTIFY && write && !(at % NOTIFY_MULTIPLIER) &&
		 at / NOTIFY_MULTIPLIER < d->kind->nr_queues)
		eventfd_write(d->queue[at / NOTIFY_MULTIPLIER].kick, 1);
	/* The ISR status is for INTx, and reads as zero. */
}

static void registers(struct device *d, bool write, uint64_t offset, void *data, uint32_t len)
{
	bool done = write ? mrv_bar_write(&d->function, 0, offset, data, len) :
			    mrv_bar_read(&d->function, 0, offset, data, len);

	if (!done)
		own_registers(d, write, offset, data, len);
}

/* Table and PBA are not under the lock: a mask does not wait for a request of the disk. */
void bar_read(struct device *d, uint64_t offset, void *data, uint32_t len)
{
	memset(data, 0xff, len);
	if (offset >= BAR_SIZE || len > BAR_SIZE - offset ||
	    mrv_bar_read(&d->function, 0, offset, data, len))
		return;
	pthread_mutex_lock(&d->lock);
	own_registers(d, false, offset, data, len);
	pthread_mutex_unlock(&d->lock);
}

void bar_write(struct device *d, uint64_t offset, const void *data, uint32_t len)
{
	if (offset >= BAR_SIZE || len > BAR_SIZE - offset ||
	    mrv_bar_write(&d->function, 0, offset, data, len))
		return;
	pthread_mutex_lock(&d->lock);
	own_registers(d, true, offset, (void *)(uintptr_t)data, len);
	pthread_mutex_unlock(&d->lock);
}
