// SPDX-License-Identifier: GPL-2.0
/*
 * A whole VMM: a machine with one vCPU and one PCI function, whose MSI-X is msi_route's, or
 * the helper's own on a host without it.  Documentation/vmm-guide.rst explains it piece by
 * piece.  It uses only the helper, the kernel's interfaces and a C library, so you can copy
 * any part of it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/kvm.h>
#include "../../msi_route.h"
#include "../../lib/msi_route_vmm.h"
#include "machine.h"

/* How the guest's accesses of table and PBA are handled. */
enum way { BY_CALLS, IN_KERNEL, WITH_PAGES, WITHOUT_MODULE };

struct machine {
	enum way way;
	void *memory;
	int vm;
	int vcpu;
	struct kvm_run *run;
	size_t run_size;

	struct mrv_vm host;
	struct mrv_function function;
	void *image;		/* table and PBA, as the guest reads them */
	bool pages;		/* the guest sees the image as memory */
	uint8_t config[256];	/* the VMM's part of configuration space */
	uint32_t config_index;

	pthread_t device;
	int kick;		/* to the device's thread */
	int call;		/* from it: the eventfd of vector 1 */
	unsigned int exits;	/* accesses of table and PBA that came here */
};

static void *guest_memory;

/* The guest: guest.c, as one piece. */
asm(".section .rodata\n"
    "guest_image: .incbin \"guest.bin\"\n"
    "guest_image_end:\n"
    ".previous");
extern const uint8_t guest_image[], guest_image_end[];

#define CALL(fd, request, arg) call(fd, request, arg, #request)

static int call(int fd, unsigned long request, void *arg, const char *name)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		err(1, "%s", name);
	return ret;
}

static void need(int error, const char *what)
{
	errno = -error;
	if (error)
		err(1, "%s", what);
}

/* ---- the VM ---- */

static void create_vm(struct machine *m)
{
	struct kvm_userspace_memory_region ram = {
		.slot = 0, .memory_size = MEMORY_SIZE,
		.userspace_addr = (uintptr_t)m->memory,
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		err(1, "/dev/kvm");
	m->vm = CALL(kvm, KVM_CREATE_VM, NULL);
	CALL(m->vm, KVM_CREATE_IRQCHIP, NULL);
	CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &ram);

	m->vcpu = CALL(m->vm, KVM_CREATE_VCPU, NULL);
	m->run_size = CALL(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
	m->run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		err(1, "mmap of the vCPU");
	close(kvm);
}

/* ---- the function ---- */

/* As the guest will find it: the header, and where MSI-X, its table and its PBA are. */
static void fill_config(struct machine *m)
{
	const uint32_t id = FUNCTION_ID, table = BAR_TABLE, pba = BAR_PBA;	/* in BAR 0 */

	memcpy(m->config, &id, sizeof(id));
	m->config[0x06] = 0x10;		/* Status: there is a list of capabilities, */
	m->config[0x34] = MSIX_CAP;	/* which begins here */
	m->config[MSIX_CAP] = 0x11;	/* MSI-X; the link to the next is 0 */
	m->config[MSIX_CAP + 2] = VECTORS - 1;
	memcpy(m->config + MSIX_CAP + 4, &table, sizeof(table));
	memcpy(m->config + MSIX_CAP + 8, &pba, sizeof(pba));
}

static void create_function(struct machine *m)
{
	/* A VMM passes 0: msi_route if the host has it. */
	const uint32_t flags = m->way == WITHOUT_MODULE ? MRV_VM_USER : MRV_VM_KERNEL;

	fill_config(m);
	need(mrv_vm_init(&m->host, m->vm, -1, flags), "msi_route");
	need(mrv_create(&m->function, &m->host, m->config, 0x0008, "00:01.0", 0), "create");
}

/* ---- configuration space ---- */

static uint32_t config_dword(const struct machine *m, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, m->config + offset, sizeof(value));
	return value;
}

static void place(struct machine *m);

/* Of the VMM's registers, the guest can write Command and BAR 0. */
static bool writable(uint32_t offset)
{
	return offset == 0x04 || offset == 0x05 || (offset >= 0x10 && offset < 0x14);
}

static void config_write(struct machine *m, uint32_t offset, uint32_t len, uint32_t value)
{
	uint32_t i;

	/* The function takes its own bytes and follows Command; the rest is the VMM's. */
	mrv_config_write(&m->function, offset, &value, len);
	for (i = 0; i < len; i++)
		if (writable(offset + i))
			m->config[offset + i] = value >> 8 * i;
	/* A BAR of 8 KiB: address bits 31:13 */
	m->config[0x10] = 0;
	m->config[0x11] &= ~(BAR_SIZE - 1) >> 8;
	if (offset < 0x14)
		place(m);
}

static uint32_t config_read(struct machine *m, uint32_t offset, uint32_t len)
{
	uint32_t value = 0;

	/* The function replaces its own bytes in the VMM's value. */
	memcpy(&value, m->config + offset, len);
	mrv_config_read(&m->function, offset, &value, len);
	return value;
}

/* ---- the BAR ---- */

/* Its address, or 0 while Memory Space Enable is clear. */
static uint32_t bar_address(const struct machine *m)
{
	return m->config[0x04] & 2 ? config_dword(m, 0x10) : 0;
}

/* Was it an access of table or PBA? */
static bool access_function(struct machine *m, uint64_t offset)
{
	uint8_t *data = m->run->mmio.data;
	uint32_t len = m->run->mmio.len;

	return m->run->mmio.is_write ? mrv_bar_write(&m->function, 0, offset, data, len) :
				       mrv_bar_read(&m->function, 0, offset, data, len);
}

static void ring(struct machine *m, uint32_t vector);

static void handle_mmio(struct machine *m)
{
	uint64_t offset = m->run->mmio.phys_addr - bar_address(m);

	/* A guest may cause pieces of any length, across any edge. */
	if (!bar_address(m) || offset >= BAR_SIZE)
		memset(m->run->mmio.data, 0xff, m->run->mmio.len);
	else if (access_function(m, offset))
		m->exits++;
	else if (offset == BAR_BELL && m->run->mmio.is_write)
		ring(m, m->run->mmio.data[0]);
	else
		memset(m->run->mmio.data, 0, m->run->mmio.len);
}

/* ---- in the kernel ---- */

static void set_pages(struct machine *m, uint64_t address, uint64_t size)
{
	struct kvm_userspace_memory_region pages = {
		.slot = 1, .flags = KVM_MEM_READONLY,
		.guest_phys_addr = address, .memory_size = size,
		.userspace_addr = (uintptr_t)m->image,
	};

	/* KVM refuses the slot where there is memory already. */
	m->pages = !ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &pages) && size;
}

/* The guest has placed the BAR, or switched Memory Space Enable. */
static void place(struct machine *m)
{
	uint32_t bar = bar_address(m);
	bool placed;

	if (m->way == BY_CALLS)
		return;
	/* If it is over something else, accesses come here. */
	placed = !mrv_placed(&m->function, 0, bar, bar) && bar;
	if (m->way != WITH_PAGES)
		return;
	if (m->pages)
		set_pages(m, 0, 0);
	if (placed)
		set_pages(m, bar, m->function.shape.mmap_size);
}

static void map_image(struct machine *m)
{
	if (m->way != WITH_PAGES)
		return;
	m->image = mmap(NULL, m->function.shape.mmap_size, PROT_READ, MAP_SHARED,
			m->function.fd, 0);
	if (m->image == MAP_FAILED)
		err(1, "mmap of the function");
}

/* ---- the device ---- */

/* An event of vector 0 is raised here, one of vector 1 by the device's thread. */
static void ring(struct machine *m, uint32_t vector)
{
	if (vector == 1)
		eventfd_write(m->kick, 1);
	else
		/* The guest chose the vector: if there is none, that is its mistake. */
		mrv_trigger(&m->function, MSI_ROUTE_MSIX, vector);
}

#define STOP	(1ULL << 32)

/* What vhost, VFIO or a thread of the VMM does: it knows two eventfds. */
static void *device(void *arg)
{
	struct machine *m = arg;
	struct pollfd wait[2] = {
		{ .fd = m->kick, .events = POLLIN },
		/* The loop of the VMM: without msi_route there may be something to relay. */
		{ .fd = mrv_poll_fd(&m->function), .events = POLLIN },
	};
	eventfd_t kicks = 0;

	/* A ring before the stop is still raised. */
	while (kicks < STOP && poll(wait, 2, -1) > 0) {
		if (wait[1].revents)
			mrv_poll(&m->function);
		if (wait[0].revents && !eventfd_read(m->kick, &kicks) && kicks % STOP)
			eventfd_write(m->call, 1);
	}
	return NULL;
}

static void start_device(struct machine *m)
{
	m->kick = eventfd(0, EFD_CLOEXEC);
	m->call = mrv_eventfd(&m->function, MSI_ROUTE_MSIX, 1);
	if (m->kick < 0 || m->call < 0)
		errx(1, "no eventfd");
	errno = pthread_create(&m->device, NULL, device, m);
	if (errno)
		err(1, "pthread_create");
}

static void stop_device(struct machine *m)
{
	eventfd_write(m->kick, STOP);
	pthread_join(m->device, NULL);
	close(m->kick);
}

/* ---- the machine ---- */

static void create_machine(struct machine *m, enum way way)
{
	memset(m, 0, sizeof(*m));
	m->way = way;
	m->memory = guest_memory;
	create_vm(m);
	create_function(m);
	map_image(m);
}

static void destroy_machine(struct machine *m)
{
	if (m->way == WITH_PAGES)
		munmap(m->image, m->function.shape.mmap_size);
	mrv_destroy(&m->function);
	mrv_vm_fini(&m->host);
	close(m->vm);
	close(m->vcpu);
	munmap(m->run, m->run_size);
}

/* 32-bit mode, segments of 4 GiB, no paging. */
static void set_vcpu(struct machine *m)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 8, .type = 11, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_regs regs = {
		.rip = IMAGE_ADDRESS, .rsp = STACK_ADDRESS, .rflags = 2,
	};
	struct kvm_sregs sregs;

	data.selector = 16;
	data.type = 3;
	CALL(m->vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 |= 1;
	CALL(m->vcpu, KVM_SET_SREGS, &sregs);
	CALL(m->vcpu, KVM_SET_REGS, &regs);
}

/* ---- save and restore ---- */

struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_lapic_state lapic;
};

/* Bytes that may go through a file or a socket. */
static uint8_t function_state[4096];

static void tell_counters(const struct machine *m);

/* run() makes sure that the vCPU is between two instructions. */
static void save(struct machine *m, struct vcpu_state *cpu)
{
	stop_device(m);
	/* From here on nothing is sent: the local APIC stands still. */
	need(mrv_stop(&m->function), "stop");
	tell_counters(m);
	CALL(m->vcpu, KVM_GET_REGS, &cpu->regs);
	CALL(m->vcpu, KVM_GET_SREGS, &cpu->sregs);
	CALL(m->vcpu, KVM_GET_LAPIC, &cpu->lapic);
	need(mrv_save(&m->function, function_state, sizeof(function_state)), "save");
}

/* Into a machine that was created like the saved one. */
static void restore(struct machine *m, struct vcpu_state *cpu)
{
	need(mrv_stop(&m->function), "stop");
	need(mrv_restore(&m->function, function_state, sizeof(function_state)), "restore");
	CALL(m->vcpu, KVM_SET_SREGS, &cpu->sregs);
	CALL(m->vcpu, KVM_SET_REGS, &cpu->regs);
	CALL(m->vcpu, KVM_SET_LAPIC, &cpu->lapic);
	start_device(m);
	place(m);
	/* What is pending and may be sent goes out now, once. */
	need(mrv_run(&m->function), "run");
}

static void move_to_new_machine(struct machine *m)
{
	static struct vcpu_state cpu;
	struct machine old;

	save(m, &cpu);
	/* What the VMM keeps itself */
	old = *m;
	destroy_machine(m);
	create_machine(m, old.way);
	memcpy(m->config, old.config, sizeof(m->config));
	m->config_index = old.config_index;
	m->exits = old.exits;
	restore(m, &cpu);
}

/* ---- what happened ---- */

static void tell_counters(const struct machine *m)
{
	struct msi_route_counters c = {
		.size = sizeof(c), .kind = MSI_ROUTE_MSIX,
		.vector = MSI_ROUTE_ALL_VECTORS,
	};
	uint64_t sum;

	/* The fallback does not count. */
	if (m->function.fd < 0)
		return;
	CALL(m->function.fd, MSI_ROUTE_GET_COUNTERS, &c);
	/* Each event is in one place. */
	sum = c.messages + c.coalesced + c.cleared + c.unreached +
	      c.dropped_address + c.dropped_mode + c.dropped_vector +
	      c.dropped_absent + c.dropped_disabled + c.pending;
	if (c.events != sum)
		errx(1, "%llu events, %llu told", c.events, (unsigned long long)sum);
	printf("vmm: %llu events: %llu messages, %llu coalesced, %u pending\n",
	       c.events, c.messages, c.coalesced, c.pending);
}

/* ---- exits ---- */

static void handle_config(struct machine *m, uint8_t *data)
{
	uint32_t byte = m->run->io.port & 3;
	uint32_t offset = (m->config_index & 0xfc) | byte;
	uint32_t value = 0, len = m->run->io.size;
	bool in = m->run->io.direction == KVM_EXIT_IO_IN;

	/* Bus 0, device 1, function 0; no others exist. */
	if ((m->config_index & ~0xffu) != (0x80000000 | 1 << 11))
		return;
	/* Bytes beyond 0xCFF are at other ports, which do not exist. */
	if (len > 4 - byte)
		len = 4 - byte;
	if (in) {
		value = config_read(m, offset, len);
		memcpy(data, &value, len);
	} else {
		memcpy(&value, data, len);
		config_write(m, offset, len, value);
	}
}

/* Returns the guest's status when it has ended, else -1. */
static int handle_port(struct machine *m)
{
	uint8_t *data = (uint8_t *)m->run + m->run->io.data_offset;
	uint32_t size = m->run->io.size, count = m->run->io.count;
	bool in = m->run->io.direction == KVM_EXIT_IO_IN;
	uint32_t i;

	/* Reads of ports that do not exist, or are only written */
	if (in)
		memset(data, 0xff, size * count);
	switch (m->run->io.port) {
	case PORT_CONFIG_INDEX:
		if (!in && size == sizeof(m->config_index))
			memcpy(&m->config_index, data, sizeof(m->config_index));
		break;
	case PORT_CONFIG_DATA ... PORT_CONFIG_DATA + 3:
		/* One instruction may do several, such as rep insl. */
		for (i = 0; i < count; i++)
			handle_config(m, data + i * size);
		break;
	case PORT_PRINT:
		if (!in)
			fwrite(data, size, count, stdout);
		break;
	case PORT_SAVE:
		/* Let KVM complete the instruction, and begin no other one. */
		if (!in)
			m->run->immediate_exit = 1;
		break;
	case PORT_END:
		if (!in)
			return data[0];
		break;
	}
	return -1;
}

static int run(struct machine *m)
{
	int status = -1;

	while (status < 0) {
		if (ioctl(m->vcpu, KVM_RUN, NULL)) {
			if (errno != EINTR) {
				/* Such as memory that does not exist: ends the guest, too */
				warn("the guest ended: KVM_RUN");
				return 2;
			}
			/* After the last exit of an instruction, which may have several. */
			if (m->run->immediate_exit)
				move_to_new_machine(m);
			continue;
		}
		switch (m->run->exit_reason) {
		case KVM_EXIT_IO:
			status = handle_port(m);
			break;
		case KVM_EXIT_MMIO:
			handle_mmio(m);
			break;
		default:
			/* Such as a triple fault: this ends the guest, not the VMM */
			warnx("the guest ended: exit %u", m->run->exit_reason);
			return 2;
		}
	}
	return status;
}

/* ---- all of it ---- */

static int run_guest(enum way way)
{
	struct machine m;
	int status;

	memset(guest_memory, 0, MEMORY_SIZE);
	memcpy((uint8_t *)guest_memory + IMAGE_ADDRESS, guest_image,
	       guest_image_end - guest_image);
	create_machine(&m, way);
	set_vcpu(&m);
	start_device(&m);
	status = run(&m);
	stop_device(&m);
	/* Broadcasts of the guest may be under way. */
	need(mrv_stop(&m.function), "stop");
	tell_counters(&m);
	printf("vmm: %u accesses of table and PBA came here\n", m.exits);
	destroy_machine(&m);
	return status;
}

int main(void)
{
	static const char *const name[] = {
		[BY_CALLS] = "by calls",
		[IN_KERNEL] = "in the kernel",
		[WITH_PAGES] = "in the kernel, with read-only pages",
		[WITHOUT_MODULE] = "without msi_route",
	};
	enum way way;

	guest_memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guest_memory == MAP_FAILED)
		err(1, "mmap of the guest's memory");
	for (way = BY_CALLS; way <= WITHOUT_MODULE; way++) {
		printf("vmm: table and PBA %s\n", name[way]);
		if (run_guest(way))
			return 1;
	}
	return 0;
}
