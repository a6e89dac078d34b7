/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the example share.  Above a struct device is the machine, which knows
 * KVM; below it there are only the guest's memory and the helper.  So a program without a
 * virtual machine can drive the devices as a guest does (test_devices.c).
 */
#ifndef EXAMPLE_VMM_H
#define EXAMPLE_VMM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>
#include <linux/kvm.h>
#include "../../msi_route.h"
#include "../msi_route_vmm.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * What a build with MUTATIONS can break on purpose, to see that the tests fail.  lib/example/check
 * runs each of them.
 */
enum mutation {
	MUTATION_NONE,
	NO_INTERRUPT,		/* every eighth event is not raised */
	NO_USED_INDEX,		/* the used ring gets its element, but not its index */
	NO_RANGE_CHECK,		/* a descriptor may point anywhere */
	NO_LENGTH_OF_CHAIN,	/* a chain may be a loop */
	NO_SIZE_CHECK,		/* an access may be longer than the registers are */
	NO_CAPACITY,		/* a request may lie beyond the disk's end */
	NR_MUTATIONS,
};

#ifdef MUTATIONS
extern enum mutation mutation;
#define mutant(which) ((which) == mutation)
#else
#define mutant(which) false
#endif

/* ---- memory.c: the guest's memory, which begins at 0 ---- */

struct memory {
	uint8_t *base;
	uint64_t size;
};

void memory_init(struct memory *m, uint64_t size);
void memory_fini(struct memory *m);
void *memory_at(const struct memory *m, uint64_t address, uint64_t len);

/* Pieces of a buffer; they return the number of bytes that there were. */
size_t iov_size(const struct iovec *iov, unsigned int nr);
size_t iov_read(const struct iovec *iov, unsigned int nr, size_t at, void *to, size_t len);
size_t iov_write(const struct iovec *iov, unsigned int nr, size_t at, const void *from, size_t len);
unsigned int iov_cut(struct iovec *iov, unsigned int nr, size_t at, size_t len);

/* ---- virtqueue.c: split virtqueues ---- */

#define QUEUE_SIZE	256U

struct queue {
	uint16_t size;
	uint16_t vector;
	bool enabled;
	uint16_t next;		/* in the available ring */
	uint16_t used;		/* index of the used ring */
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	int kick;		/* eventfd: the guest has notified the device */
};

/* Descriptors that belong together: what the device reads, then what it writes. */
struct chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	struct iovec iov[QUEUE_SIZE];
};

struct device;
bool queue_valid(const struct device *d, const struct queue *q);
bool queue_has(struct device *d, struct queue *q);
bool queue_pop(struct device *d, struct queue *q, struct chain *c);
void queue_unpop(struct queue *q);
void queue_push(struct device *d, struct queue *q, uint16_t head, uint32_t len);
void queue_interrupt(struct device *d, struct queue *q);

/* ---- device.c: a virtio device on PCI ---- */

#define MAX_QUEUES	2
#define MAX_VECTORS	3

/* BAR 0: each structure in a page of its own. */
#define BAR_COMMON	0x0000
#define BAR_ISR		0x1000
#define BAR_DEVICE	0x2000
#define BAR_NOTIFY	0x3000
#define BAR_TABLE	0x4000
#define BAR_PBA		0x5000
#define BAR_SIZE	0x8000
#define NOTIFY_MULTIPLIER	4

#define CONFIG_SIZE	256
#define MSIX_CAP	0x40
#define WINDOW_CAP	0xa0	/* BAR 0 by way of configuration space */

/* What a kind of device is; all calls are under the device's lock. */
struct device_kind {
	const char *name;
	uint16_t id;			/* virtio's */
	uint8_t class;			/* PCI's */
	uint16_t nr_queues;
	uint16_t nr_vectors;
	uint64_t features;
	uint16_t config_size;
	bool offloaded;			/* the queues are the kernel's */
	bool (*start)(struct device *d);
	void (*stop)(struct device *d);
	void (*serve)(struct device *d);	/* looks at all queues */
	bool (*wants_input)(struct device *d);
};

struct device {
	const struct device_kind *kind;
	const struct memory *memory;
	struct mrv_function function;
	pthread_mutex_t lock;

	uint8_t config[CONFIG_SIZE];	/* the VMM's part of configuration space */
	uint8_t writable[CONFIG_SIZE];
	uint64_t bar;			/* where BAR 0 is, or 0; read without the lock */

	uint8_t status;
	bool started;
	uint16_t config_vector;
	uint16_t queue_select;
	uint32_t feature_select;
	uint32_t driver_feature_select;
	uint64_t driver_features;
	uint8_t device_config[64];
	struct queue queue[MAX_QUEUES];

	int backend;			/* a file, a TAP interface, or -1 */
	int vhost;
	int wake;
	bool ending;
	pthread_t thread;
	uint64_t capacity;		/* of a disk, in bytes */
	struct echo *echo;

	const char *wrong;		/* what its driver did last, and how often */
	unsigned int nr_wrong;
	uint64_t raised[MAX_VECTORS];
	uint64_t outcome[MAX_VECTORS][MSI_ROUTE_UNREACHED + 1];
};

void device_init(struct device *d, const struct device_kind *kind, const struct memory *memory,
		 struct mrv_vm *host, unsigned int slot);
void device_fini(struct device *d);
void device_raise(struct device *d, uint16_t vector);
void device_broken(struct device *d, const char *why);
void device_step(struct device *d, int timeout);
void device_run(struct device *d);
void device_end(struct device *d);

/* ---- virtio_pci.c: registers ---- */

void config_init(struct device *d, unsigned int slot);
void config_read(struct device *d, uint32_t offset, void *data, uint32_t len);
void config_write(struct device *d, uint32_t offset, const void *data, uint32_t len);
void bar_read(struct device *d, uint64_t offset, void *data, uint32_t len);
void bar_write(struct device *d, uint64_t offset, const void *data, uint32_t len);

/* ---- common.c: virtio's registers in BAR 0, under the lock ---- */

void common_read(struct device *d, uint32_t offset, void *data, uint32_t len);
void common_write(struct device *d, uint32_t offset, const void *data, uint32_t len);
void virtio_reset(struct device *d);

/* ---- blk.c, net.c, vhost.c: the devices ---- */

void blk_init(struct device *d, const struct memory *memory, struct mrv_vm *host,
	      unsigned int slot, const char *file);
/* @tap: NULL: a peer that sends each frame back; @vhost: serve it in the kernel, if that can */
void net_init(struct device *d, const struct memory *memory, struct mrv_vm *host,
	      unsigned int slot, const char *tap, bool vhost);
void net_fini(struct device *d);

int vhost_open(void);
bool vhost_start(struct device *d);
void vhost_stop(struct device *d);

/* ---- ports.c: the rest of a PC ---- */

#define MAX_DEVICES	4

struct machine {
	struct memory memory;
	struct mrv_vm host;
	int kvm;
	int vm;
	bool split;			/* no PIC and I/O APIC */
	unsigned int nr_vcpus;
	struct vcpu *vcpu;
	struct device device[MAX_DEVICES];
	unsigned int nr_devices;

	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t change;
	uint32_t config_index;
	uint8_t serial[8];
	uint8_t serial_divisor[2];
	int status;			/* of the guest's end; -1: it runs */
};

void machine_end(struct machine *m, int status, const char *why);
void port_access(struct machine *m, bool write, uint16_t port, void *data, uint32_t len);
void mmio_access(struct machine *m, bool write, uint64_t address, void *data, uint32_t len);

/* ---- boot.c, mptable.c: what a boot loader and firmware do ---- */

#define KERNEL_ADDRESS	0x100000
#define ZERO_PAGE	0x10000
#define COMMAND_LINE	0x20000
#define MP_TABLE	0xf0000

void boot_load(struct machine *m, const char *kernel, const char *initrd, const char *command);
void mptable_write(const struct memory *memory, unsigned int nr_vcpus);

/* ---- vcpu.c, report.c ---- */

void machine_create(struct machine *m, uint64_t memory, unsigned int nr_vcpus, bool split);
void machine_run(struct machine *m);
void machine_destroy(struct machine *m);

bool report(struct device *d);

#endif
