/* SPDX-License-Identifier: GPL-2.0 */
/* A driver of the devices without a guest, for test_devices.c. */
#ifndef EXAMPLE_TEST_DRIVER_H
#define EXAMPLE_TEST_DRIVER_H

#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include "vmm.h"

#define MEMORY		0x400000U
#define DISK		0x100000U
#define RINGS(q)	(0x10000U * (1 + (q)))	/* descriptors; then the two rings */
#define AVAILABLE	0x4000U
#define USED		0x8000U
#define HEADER		0x100000U		/* of a request, and its status */
#define STATUS		0x100800U
#define DATA		0x110000U
#define END		0x1000			/* of the descriptors' "next" that ends a chain */

extern struct machine m;
extern struct device *const blk, *const net;
extern unsigned int resets;		/* how often the guest reset the machine */
extern uint16_t sent[MAX_QUEUES];	/* available indices of the device under test */

void create(bool kernel);
void destroy(void);

/* ---- registers ---- */

#define COMMON(field)	((uint32_t)offsetof(struct virtio_pci_common_cfg, field))
#define WRITE(d, type, field, to) do {					\
	type value_ = (to);						\
									\
	bar_write(d, BAR_COMMON + COMMON(field), &value_, sizeof(value_));	\
} while (0)

uint32_t get(struct device *d, uint32_t offset, uint32_t len);
bool needs_reset(struct device *d);
bool interrupted(struct device *d, unsigned int vector);
void set_msix(struct device *d);
void set_queue(struct device *d, unsigned int q, uint64_t desc, uint64_t driver, uint64_t device,
	       uint16_t size);
void begin(struct device *d);
void go(struct device *d);
void set_up(struct device *d);

/* ---- rings ---- */

void describe(unsigned int q, unsigned int i, uint64_t address, uint32_t len, uint16_t flags,
	      uint16_t next);
void notify(struct device *d, unsigned int q);
void offer(struct device *d, unsigned int q, uint16_t head);
bool answered(struct device *d, unsigned int q, uint16_t head, uint32_t len);

#endif
