// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of the devices without a guest: it uses registers and rings as a guest's driver does,
 * and leaves it to test_devices.c what they hold.
 */
#define _GNU_SOURCE
#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include "test_driver.h"

struct machine m;
struct device *const blk = &m.device[0], *const net = &m.device[1];
unsigned int resets;
uint16_t sent[MAX_QUEUES];

/* The machine under ports.c: it has no vCPUs. */
void machine_end(struct machine *machine, int status, const char *why)
{
	(void)machine;
	(void)status;
	(void)why;
	resets++;
}

/* ---- registers, as a driver uses them ---- */

uint32_t get(struct device *d, uint32_t offset, uint32_t len)
{
	uint32_t value = 0;

	bar_read(d, BAR_COMMON + offset, &value, len);
	return value;
}

bool needs_reset(struct device *d)
{
	return get(d, COMMON(device_status), 1) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Is an event pending?  It is no more. */
bool interrupted(struct device *d, unsigned int vector)
{
	uint64_t bits = 0;

	bar_read(d, BAR_PBA, &bits, sizeof(bits));
	mrv_clear_pending(&d->function, MSI_ROUTE_MSIX, vector);
	return bits >> vector & 1;
}

/* MSI-X is on, and all vectors are masked: each event shows in the PBA. */
void set_msix(struct device *d)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	const uint16_t control = PCI_MSIX_FLAGS_ENABLE;
	const uint32_t mask = 1, window = 0;
	unsigned int i;

	config_write(d, PCI_COMMAND, &command, sizeof(command));
	config_write(d, WINDOW_CAP + 4, &window, sizeof(window));
	config_write(d, MSIX_CAP + PCI_MSIX_FLAGS, &control, sizeof(control));
	for (i = 0; i < d->kind->nr_vectors; i++) {
		bar_write(d, BAR_TABLE + i * 16 + 12, &mask, sizeof(mask));
		interrupted(d, i);
	}
}

void set_queue(struct device *d, unsigned int q, uint64_t desc, uint64_t driver,
	       uint64_t device, uint16_t size)
{
	WRITE(d, uint16_t, queue_select, q);
	WRITE(d, uint16_t, queue_size, size);
	WRITE(d, uint16_t, queue_msix_vector, d->kind->nr_vectors > 2 ? q + 1 : 1);
	WRITE(d, uint32_t, queue_desc_lo, desc);
	WRITE(d, uint32_t, queue_desc_hi, desc >> 32);
	WRITE(d, uint32_t, queue_avail_lo, driver);
	WRITE(d, uint32_t, queue_avail_hi, driver >> 32);
	WRITE(d, uint32_t, queue_used_lo, device);
	WRITE(d, uint32_t, queue_used_hi, device >> 32);
	WRITE(d, uint16_t, queue_enable, 1);
}

/* Up to where queues are set up */
void begin(struct device *d)
{
	WRITE(d, uint8_t, device_status, 0);
	memset(m.memory.base, 0, m.memory.size);
	memset(sent, 0, sizeof(sent));
	set_msix(d);
	WRITE(d, uint8_t, device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	WRITE(d, uint32_t, guest_feature_select, 1);
	WRITE(d, uint32_t, guest_feature, 1);	/* VIRTIO_F_VERSION_1 */
	WRITE(d, uint32_t, guest_feature_select, 0);
	WRITE(d, uint32_t, guest_feature, 0);
	WRITE(d, uint8_t, device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
	      VIRTIO_CONFIG_S_FEATURES_OK);
	WRITE(d, uint16_t, msix_config, 0);
}

void go(struct device *d)
{
	WRITE(d, uint8_t, device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
	      VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

void set_up(struct device *d)
{
	unsigned int q;

	begin(d);
	for (q = 0; q < d->kind->nr_queues; q++)
		set_queue(d, q, RINGS(q), RINGS(q) + AVAILABLE, RINGS(q) + USED, QUEUE_SIZE);
	go(d);
	device_step(d, 0);
}

/* ---- rings ---- */

static struct vring_desc *desc(unsigned int q, unsigned int i)
{
	return (struct vring_desc *)(m.memory.base + RINGS(q)) + i;
}

void describe(unsigned int q, unsigned int i, uint64_t address, uint32_t len,
	      uint16_t flags, uint16_t next)
{
	*desc(q, i) = (struct vring_desc) {
		.addr = address, .len = len, .next = next,
		.flags = flags | (next == END ? 0 : VRING_DESC_F_NEXT),
	};
}

void notify(struct device *d, unsigned int q)
{
	const uint16_t which = q;

	bar_write(d, BAR_NOTIFY + q * NOTIFY_MULTIPLIER, &which, sizeof(which));
}

void offer(struct device *d, unsigned int q, uint16_t head)
{
	struct vring_avail *ring = (void *)(m.memory.base + RINGS(q) + AVAILABLE);

	ring->ring[sent[q]++ % QUEUE_SIZE] = head;
	ring->idx = sent[q];
	notify(d, q);
	device_step(d, 0);
}

/* What was offered last was used, and the guest told of it. */
bool answered(struct device *d, unsigned int q, uint16_t head, uint32_t len)
{
	struct vring_used *ring = (void *)(m.memory.base + RINGS(q) + USED);
	struct vring_used_elem *element = &ring->ring[(uint16_t)(sent[q] - 1) % QUEUE_SIZE];

	return ring->idx == sent[q] && element->id == head && element->len == len &&
	       interrupted(d, d->kind->nr_vectors > 2 ? q + 1 : 1);
}

/* ---- the machine ---- */

static void create_vm(bool kernel)
{
	int ret;

	m.kvm = -1;
	m.vm = -1;
	if (kernel) {
		m.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		m.vm = ioctl(m.kvm, KVM_CREATE_VM, 0);
		if (m.vm < 0 || ioctl(m.vm, KVM_CREATE_IRQCHIP, 0))
			err(1, "a VM");
	}
	/* Without a VM nothing can be sent.  All vectors are masked here. */
	ret = mrv_vm_init(&m.host, m.vm, -1, kernel ? MRV_VM_KERNEL : MRV_VM_USER);
	if (ret)
		errx(1, "msi_route: %s", strerror(-ret));
}

void create(bool kernel)
{
	char disk_name[64];
	int fd = memfd_create("disk", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, DISK))
		err(1, "the disk");
	snprintf(disk_name, sizeof(disk_name), "/proc/self/fd/%d", fd);
	pthread_mutex_init(&m.lock, NULL);
	memory_init(&m.memory, MEMORY);
	create_vm(kernel);
	m.nr_devices = 2;
	blk_init(blk, &m.memory, &m.host, 1, disk_name);
	net_init(net, &m.memory, &m.host, 2, NULL, false);
	close(fd);
}

void destroy(void)
{
	unsigned int i;

	for (i = 0; i < m.nr_devices; i++)
		device_fini(&m.device[i]);
	net_fini(net);
	mrv_vm_fini(&m.host);
	memory_fini(&m.memory);
}
