// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses of configuration space by index and data, from two vCPUs [25] [27].
 *
 * The two write in turn.  When a write has returned, its vCPU tells the other one through
 * memory.  From then on the other one reads the new value, gets no message of an older
 * state, and each event is treated by the new state, while devices raise without pause.
 *
 * A device that raises by ioctl knows which writes had begun before and had returned
 * after: where no write was under way, the outcome is that of the state.
 */
#include <sched.h>

#include "guest/function.h"
#include "guest/pace.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define STEPS		200U
#define NR_DEVICES	2
/* The vCPU that all messages go to. */
#define TARGET		1
#define FIRST_VECTOR	0x40
#define NR_VECTORS	64
#define REDIRECT	0x8U

/* Ports of the host bridge: index and data. */
#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
/* The VMM answers a write here by giving its CPU to others. */
#define WAIT_PORT	0x80
/* A window in memory: the index, and the data one page above it. */
#define WINDOW_GPA	0xc0000000UL
#define WINDOW_DATA	(WINDOW_GPA + 0x1000)

#define MSI_DATA_64	0xc
#define MSI_MASK_64	0x10
#define MSI_PENDING_64	0x14

/* ---- the VMM: the index is its own, and it has one lock ---- */

static struct function *current;
static bool (*forward)(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __u32 config_address;

static void access_config(__u32 offset, void *data, __u32 len, bool write)
{
	__u64 value = 0;

	memcpy(&value, data, len);
	if (write)
		function_write(current, MSI_ROUTE_CONFIG, offset, len, value);
	else
		value = function_read(current, MSI_ROUTE_CONFIG, offset, len);
	memcpy(data, &value, len);
}

static bool port(struct vm *vm, __u16 at, void *data, __u32 len, bool write)
{
	(void)vm;
	if (at == WAIT_PORT) {
		sched_yield();
		return true;
	}
	pthread_mutex_lock(&lock);
	if (at == CONFIG_ADDRESS)
		memcpy(&config_address, data, len);
	else
		access_config((config_address & 0xfc) + at - CONFIG_DATA, data, len, write);
	pthread_mutex_unlock(&lock);
	return true;
}

/* The index selects a function; there is one. */
static bool window(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	if (gpa < WINDOW_GPA || gpa >= WINDOW_DATA + 0x100)
		return forward(vm, gpa, data, len, write);
	pthread_mutex_lock(&lock);
	if (gpa == WINDOW_GPA)
		memcpy(&config_address, data, len);
	else if (config_address == 1)
		access_config(gpa - WINDOW_DATA, data, len, write);
	pthread_mutex_unlock(&lock);
	return true;
}

/* ---- the guest: index and data make one access ---- */

static bool by_port, msix;

static void wait_a_little(void)
{
	guest_out32(WAIT_PORT, 0);
}

/* First come, first served: one of the two vCPUs asks again and again. */
static __u32 tickets, served;

static void begin_access(__u32 offset)
{
	__u32 ticket = atomic_inc(&tickets) - 1;

	while (load(&served) != ticket)
		wait_a_little();
	if (by_port)
		guest_out32(CONFIG_ADDRESS, 0x80000000U | (offset & 0xfc));
	else
		guest_write32(WINDOW_GPA, 1);
}

static void end_access(void)
{
	atomic_inc(&served);
}

static __u32 read_config(__u32 offset, bool word)
{
	__u32 value;

	begin_access(offset);
	if (by_port)
		value = word ? guest_in16(CONFIG_DATA + (offset & 3)) : guest_in32(CONFIG_DATA);
	else
		value = word ? guest_read16(WINDOW_DATA + offset) :
			       guest_read32(WINDOW_DATA + offset);
	end_access();
	return value;
}

static void write_config(__u32 offset, bool word, __u32 value)
{
	begin_access(offset);
	if (by_port && word)
		guest_out16(CONFIG_DATA + (offset & 3), value);
	else if (by_port)
		guest_out32(CONFIG_DATA, value);
	else if (word)
		guest_write16(WINDOW_DATA + offset, value);
	else
		guest_write32(WINDOW_DATA + offset, value);
	end_access();
}

/* ---- the registers, and what was written to them last ---- */

enum reg {
	CONTROL,
	MASK,		/* of the vector */
	ADDRESS,
	DATA,
	NR_REGS,
};

static __u32 written[NR_REGS];

/* Message Control is in configuration space; with MSI everything else is, too. */
static const __u32 msi_offset[NR_REGS] = { MSI_CONTROL, MSI_MASK_64, MSI_ADDRESS, MSI_DATA_64 };
static const __u32 entry_offset[NR_REGS] = { 0, ENTRY_CONTROL, ENTRY_ADDRESS, ENTRY_DATA };

static bool is_word(enum reg reg)
{
	return reg == CONTROL || (reg == DATA && !msix);
}

static void write_reg(enum reg reg, __u32 value)
{
	if (!msix)
		write_config(MSI_CAP + msi_offset[reg], is_word(reg), value);
	else if (reg == CONTROL)
		write_config(MSIX_CAP + MSIX_CONTROL, true, value);
	else
		guest_write32(TABLE_GPA(0) + entry_offset[reg], value);
}

static __u32 read_reg(enum reg reg)
{
	if (!msix)
		return read_config(MSI_CAP + msi_offset[reg], is_word(reg));
	if (reg == CONTROL)
		return read_config(MSIX_CAP + MSIX_CONTROL, true);
	return guest_read32(TABLE_GPA(0) + entry_offset[reg]);
}

static bool is_pending(void)
{
	return (msix ? guest_read32(PBA_GPA(0)) :
		       read_config(MSI_CAP + MSI_PENDING_64, false)) & 1;
}

static bool is_open(void)
{
	if (written[MASK])
		return false;
	return msix ? (written[CONTROL] & (MSIX_ENABLE | MSIX_FUNCTION_MASK)) == MSIX_ENABLE :
		      written[CONTROL] & MSI_ENABLE;
}

/* ---- writing in turn ---- */

/* Writes that were begun, and that have returned; whose turn it is. */
static __u32 begun, returned, turn;
/* Whether an event is sent, by the number of writes that have returned. */
static __u8 sent_after[STEPS + 1];
static __u8 allowed[256];
static __u32 wrong, wrong_vector, wrong_read, not_pending;
/* The devices' record: the last number that they looked at, and what they saw. */
static __u32 looked, looks[2], wrong_outcome;
static __u32 beat;
static bool stop;

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	if (cpu->index != TARGET || !load(&allowed[vector])) {
		store(&wrong_vector, (cpu->index + 1) << 8 | vector);
		atomic_inc(&wrong);
	}
}

/* On TARGET: takes what has been sent; afterwards nothing old may come. */
static void settle(void)
{
	unsigned int i;

	guest_take_interrupts();
	for (i = 0; i < NR_VECTORS; i++)
		if (FIRST_VECTOR + i != written[DATA] || !is_open())
			store(&allowed[FIRST_VECTOR + i], 0);
	for (i = 0; i < 4; i++) {
		atomic_inc(&beat);
		guest_take_interrupts();
	}
}

static void change_something(__u32 random)
{
	enum reg reg = random % NR_REGS;
	__u32 value = written[reg];

	switch (reg) {
	case CONTROL:
		if (msix)
			value ^= random & 0x100 ? MSIX_ENABLE : MSIX_FUNCTION_MASK;
		else
			value ^= MSI_ENABLE;
		break;
	case MASK:
		value ^= 1;
		break;
	case ADDRESS:
		value ^= REDIRECT;
		break;
	default:
		value = value + 1 < FIRST_VECTOR + NR_VECTORS ? value + 1 : FIRST_VECTOR;
		break;
	}
	written[reg] = value;
	/* New messages may come once the write begins; old ones, until it is told. */
	if (is_open())
		store(&allowed[written[DATA]], 1);
	atomic_inc(&begun);
	write_reg(reg, value);
	sent_after[begun] = is_open();
	atomic_inc(&returned);
}

/* Looks for what the other one wrote and told. */
static void look(void)
{
	enum reg reg;

	for (reg = 0; reg < NR_REGS; reg++) {
		__u32 value = read_reg(reg);

		/* The register also has the read-only bits of Message Control. */
		if (reg == CONTROL)
			value &= msix ? MSIX_ENABLE | MSIX_FUNCTION_MASK : MSI_ENABLE;
		if (value != written[reg])
			atomic_inc(&wrong_read);
	}
	/* The devices have raised since then, and know the outcome. */
	while (load(&looked) < load(&returned) && !load(&stop)) {
		atomic_inc(&beat);
		wait_a_little();
		guest_take_interrupts();
	}
	if (!is_open() && !is_pending())
		atomic_inc(&not_pending);
}

static void guest(void)
{
	__u32 me = guest_this_cpu()->index, state = 0x9e3779b9 * (me + 1), idle = 0;

	guest_cli();
	for (;;) {
		__u32 step = load(&turn);

		if (step >= STEPS || load(&wrong))
			break;
		if (step % 2 != me) {
			/* Now and then set its own index, between the other's. */
			if (++idle % 16 == 0 && read_config(MSIX_CAP + MSIX_TABLE, false))
				atomic_inc(&wrong_read);
			wait_a_little();
			guest_take_interrupts();
			continue;
		}
		if (me == TARGET)
			settle();
		look();
		change_something(next_random(&state));
		if (me == TARGET)
			settle();
		store(&turn, step + 1);
	}
	store(&stop, true);
}

/* ---- the devices ---- */

FIXTURE(config_order) {
	struct vm vm;
	struct function fn;
	__u32 kind;
	int eventfd;
	__u64 raised;
};

FIXTURE_VARIANT(config_order) {
	__u32 kind;
	bool by_port;
};

FIXTURE_VARIANT_ADD(config_order, msi_by_ports) { MSI, true };
FIXTURE_VARIANT_ADD(config_order, msi_by_window) { MSI, false };
FIXTURE_VARIANT_ADD(config_order, msix_by_ports) { MSIX, true };
FIXTURE_VARIANT_ADD(config_order, msix_by_window) { MSIX, false };

FIXTURE_SETUP(config_order)
{
	self->kind = variant->kind;
	msix = variant->kind == MSIX;
	by_port = variant->by_port;
	vm_create(&self->vm, VM_X2APIC, 2);
	function_open(&self->fn, &self->vm, both_shape(1, 1));
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	current = &self->fn;
	forward = vm_mmio;
	vm_mmio = window;
	vm_pio = port;
	guest_handler = handler;
	written[ADDRESS] = MSI_TO(TARGET);
	written[DATA] = FIRST_VECTOR;
	written[CONTROL] = msix ? MSIX_ENABLE : MSI_ENABLE;
	allowed[FIRST_VECTOR] = 1;
	sent_after[0] = 1;
	if (msix) {
		entry_set(&self->fn, 0, MSI_TO(TARGET), FIRST_VECTOR, 0);
		msix_control(&self->fn, MSIX_ENABLE);
	} else {
		msi_set(&self->fn, MSI_TO(TARGET), FIRST_VECTOR);
		msi_control(&self->fn, MSI_ENABLE);
	}
	self->eventfd = new_eventfd();
	ASSERT_EQ(0, set_eventfd(&self->fn, self->kind, 0, self->eventfd, 0));
}

FIXTURE_TEARDOWN(config_order)
{
	vm_destroy(&self->vm);
	function_close(&self->fn);
}

static void *signal_without_pause(void *arg)
{
	FIXTURE_DATA(config_order) *self = arg;
	struct pace pace = {};

	while (!load(&stop)) {
		if (!pace_may_raise(&pace, &beat))
			continue;
		signal_eventfd(self->eventfd, 1);
		atomic_inc(&self->raised);
		sched_yield();
	}
	return NULL;
}

static void *raise_and_look(void *arg)
{
	FIXTURE_DATA(config_order) *self = arg;
	struct pace pace = {};

	while (!load(&stop)) {
		__u32 number;
		int outcome;

		if (!pace_may_raise(&pace, &beat))
			continue;
		number = load(&returned);
		outcome = trigger(&self->fn, self->kind, 0);
		if (outcome < 0)
			die("MSI_ROUTE_TRIGGER");
		atomic_inc(&self->raised);
		if (load(&begun) == number) {
			bool sent = outcome == MSI_ROUTE_SENT;
			bool kept = outcome == MSI_ROUTE_PENDING ||
				    outcome == MSI_ROUTE_COALESCED;

			if (sent_after[number] ? !sent : !kept)
				atomic_inc(&wrong_outcome);
			looks[sent_after[number]]++;
			store(&looked, number);
		}
		sched_yield();
	}
	return NULL;
}

TEST_F(config_order, of_two_vcpus)
{
	void *(*device[NR_DEVICES])(void *) = { signal_without_pause, raise_and_look };
	struct msi_route_counters c;
	pthread_t thread[NR_DEVICES];
	unsigned int i;

	for (i = 0; i < NR_DEVICES; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, device[i], self));
	for (i = 0; i < 2; i++)
		vcpu_start(&self->vm.vcpu[i], guest);
	for (i = 0; i < 2; i++)
		vcpu_join(&self->vm.vcpu[i]);
	for (i = 0; i < NR_DEVICES; i++)
		pthread_join(thread[i], NULL);

	EXPECT_EQ(0, wrong) TH_LOG("vector %#x", wrong_vector);
	EXPECT_EQ(0, wrong_read);
	EXPECT_EQ(0, wrong_outcome);
	EXPECT_EQ(0, not_pending);
	EXPECT_EQ(STEPS, turn);
	EXPECT_LT(0, looks[0]);
	EXPECT_LT(0, looks[1]);
	c = totals(&self->fn, self->kind);
	EXPECT_EQ(self->raised, c.events);
	EXPECT_EQ(c.events, accounted(&c));
	REMARK("%u writes, %llu events, %u looks while open, %u while not, %llu drained",
	       returned, c.events, looks[1], looks[0], c.drained);
}
