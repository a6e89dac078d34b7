// SPDX-License-Identifier: GPL-2.0
/*
 * Rules 20 and 25 to 28: what a guest may rely on after its write has returned, while
 * devices raise without pause.
 */
#include <sched.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "guest/pace.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define NR_ENTRIES	2
#define NR_DEVICES	2
#define ROUNDS		1000
#define NR_VECTORS	16
#define VECTOR_A	0x50	/* of the first vCPU */
#define VECTOR_B	0x60	/* of the second vCPU, or the other message */
#define NEVER		0x70	/* is only ever in a masked entry */

#define TABLE(entry, reg)	(TABLE_GPA(0) + ENTRY(entry) + (reg))
#define UPPER_HALF(data, control) ((__u64)(control) << 32 | (data))

static __u32 wrong, wrong_vector, rounds;
static bool stop;
/* Vectors that may come on each vCPU now. */
static __u8 allowed[2][256];

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	if (!load(&allowed[cpu->index][vector])) {
		store(&wrong_vector, (cpu->index + 1) << 8 | vector);
		atomic_inc(&wrong);
	}
}

FIXTURE(order) {
	struct vm vm;
	struct function fn;
	pthread_t device[NR_DEVICES];
	__u64 raised[NR_DEVICES];
};

FIXTURE_SETUP(order)
{
	unsigned int i;

	vm_create(&self->vm, VM_X2APIC, 2);
	function_open(&self->fn, &self->vm, msix_shape(NR_ENTRIES));
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	guest_handler = handler;
	for (i = 0; i < NR_ENTRIES; i++)
		entry_set(&self->fn, i, MSI_TO(0), VECTOR_A, ENTRY_MASKED);
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(order)
{
	vm_destroy(&self->vm);
	function_close(&self->fn);
}

/* ---- devices ---- */

struct device {
	struct function *fn;
	int eventfd;
	__u64 *raised;
};

/* Signs of life of the guest. */
static __u32 beat;

static void *raise_without_pause(void *arg)
{
	struct device *device = arg;
	struct pace pace = {};

	while (!load(&stop)) {
		if (!pace_may_raise(&pace, &beat))
			continue;
		if (device->eventfd >= 0)
			signal_eventfd(device->eventfd, 1);
		else if (trigger(device->fn, MSIX, 0) < 0)
			die("MSI_ROUTE_TRIGGER");
		++*device->raised;
		sched_yield();
	}
	return NULL;
}

/* Runs @guest on vCPU 0 while one device raises by ioctl and one by eventfd. */
static void run(FIXTURE_DATA(order) *self, void (*guest)(void))
{
	struct device devices[NR_DEVICES] = {
		{ &self->fn, -1, &self->raised[0] },
		{ &self->fn, new_eventfd(), &self->raised[1] },
	};
	unsigned int i;

	if (set_eventfd(&self->fn, MSIX, 0, devices[1].eventfd, 0))
		die("MSI_ROUTE_SET_EVENTFD");
	for (i = 0; i < NR_DEVICES; i++)
		if (pthread_create(&self->device[i], NULL, raise_without_pause, &devices[i]))
			die("pthread_create");
	vcpu_start(&self->vm.vcpu[0], guest);
	vcpu_join(&self->vm.vcpu[0]);
	store(&stop, true);
	for (i = 0; i < NR_DEVICES; i++)
		pthread_join(self->device[i], NULL);
	set_eventfd(&self->fn, MSIX, 0, -1, 0);
}

#define EXPECT_RIGHT()							\
	do {								\
		struct msi_route_counters c = totals(&self->fn, MSIX);	\
									\
		EXPECT_EQ(0, wrong) TH_LOG("vector %#x", wrong_vector);	\
		EXPECT_EQ(self->raised[0] + self->raised[1], c.events);	\
		EXPECT_EQ(c.events, accounted(&c));			\
		REMARK("%u rounds, %llu events, %llu messages, %llu updates drained",	\
		       rounds, c.events, c.messages, c.drained);	\
	} while (0)

/*
 * Lets @nr interrupts come; the devices do not pause.  So the next write meets them in
 * the middle of their work.
 */
static void take_interrupts(__u8 vector, unsigned int nr)
{
	struct guest_cpu *cpu = guest_this_cpu();
	__u32 before = READ_ONCE(cpu->count[vector]);

	while (READ_ONCE(cpu->count[vector]) - before < nr) {
		atomic_inc(&beat);
		guest_take_interrupts();
	}
}

/* ---- rule 20 ---- */

/* One event a round: the round that may begin, and the one that was raised. */
static __u32 begun, raised, taken, lost;

static void take_one(struct guest_cpu *cpu, __u8 vector)
{
	(void)cpu;
	if (vector == VECTOR_A)
		atomic_inc(&taken);
}

/*
 * Event and unmask happen at once.  When both have returned, the message is in the IRR,
 * whichever came first: nobody looks again.
 */
static void mask_and_unmask(void)
{
	unsigned long control = CONFIG_GPA(0) + MSIX_CAP + MSIX_CONTROL;

	guest_cli();
	guest_write32(TABLE(0, ENTRY_DATA), VECTOR_A);
	guest_write32(TABLE(0, ENTRY_CONTROL), 0);
	for (rounds = 1; rounds <= ROUNDS && !load(&lost); rounds++) {
		bool own = rounds % 3 == 0;
		unsigned int i;

		if (own)
			guest_write32(TABLE(0, ENTRY_CONTROL), ENTRY_MASKED);
		else
			guest_write16(control, rounds % 3 == 1 ? 0 :
					       MSIX_ENABLE | MSIX_FUNCTION_MASK);
		store(&begun, rounds);
		/* After a varying delay: each read exits to KVM. */
		for (i = 0; i < rounds / 3 % 16; i++)
			guest_irr(VECTOR_A);
		if (own)
			guest_write32(TABLE(0, ENTRY_CONTROL), 0);
		else
			guest_write16(control, MSIX_ENABLE);
		while (load(&raised) < rounds)
			guest_relax();
		guest_take_interrupts();
		if (load(&taken) != rounds)
			store(&lost, rounds);
	}
	store(&stop, true);
}

static void *raise_each_round(void *arg)
{
	struct device *device = arg;
	__u32 round;

	for (round = 1; !load(&stop); round++) {
		while (load(&begun) < round && !load(&stop))
			sched_yield();
		if (load(&begun) < round)
			break;
		if (trigger(device->fn, MSIX, 0) < 0)
			die("MSI_ROUTE_TRIGGER");
		store(&raised, round);
	}
	return NULL;
}

TEST_F(order, rule_20_event_and_unmask_at_once)
{
	struct device device = { .fn = &self->fn };
	struct msi_route_counters c;

	guest_handler = take_one;
	ASSERT_EQ(0, pthread_create(&self->device[0], NULL, raise_each_round, &device));
	vcpu_start(&self->vm.vcpu[0], mask_and_unmask);
	vcpu_join(&self->vm.vcpu[0]);
	pthread_join(self->device[0], NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(0, lost);
	EXPECT_EQ(raised, c.messages);
	EXPECT_EQ(c.events, accounted(&c));
}

/* ---- rule 25 ---- */

/*
 * The data changes while the entry is unmasked and this vCPU's interrupts are off.  A
 * message with the old data is in the IRR when the write returns, and is taken; no
 * message with the old data may come after that.
 */
static void change_data(void)
{
	__u8 current = VECTOR_A;

	guest_cli();
	store(&allowed[0][current], 1);
	guest_write32(TABLE(0, ENTRY_DATA), current);
	guest_write32(TABLE(0, ENTRY_CONTROL), 0);
	for (rounds = 0; rounds < ROUNDS && !load(&wrong); rounds++) {
		atomic_inc(&beat);
		/* A vector is reused only after a long time. */
		__u8 next = VECTOR_A + (rounds + 1) % NR_VECTORS;

		store(&allowed[0][next], 1);
		guest_write32(TABLE(0, ENTRY_DATA), next);
		guest_take_interrupts();
		store(&allowed[0][current], 0);
		current = next;
	}
}

TEST_F(order, rule_25_no_old_data_after_a_write)
{
	run(self, change_data);
	EXPECT_RIGHT();
}

/* The same for the address: away from this vCPU, and back. */
static void change_address(void)
{
	unsigned int i;

	guest_cli();
	store(&allowed[1][VECTOR_A], 1);
	guest_write32(TABLE(0, ENTRY_DATA), VECTOR_A);
	guest_write32(TABLE(0, ENTRY_CONTROL), 0);
	for (rounds = 0; rounds < ROUNDS && !load(&wrong); rounds++) {
		atomic_inc(&beat);
		guest_write32(TABLE(0, ENTRY_ADDRESS), MSI_TO(1));
		store(&allowed[0][VECTOR_A], 1);
		guest_take_interrupts();
		store(&allowed[0][VECTOR_A], 0);
		for (i = 0; i < 10; i++) {
			atomic_inc(&beat);
			guest_take_interrupts();
			if (guest_irr(VECTOR_A))
				atomic_inc(&wrong);
		}
		store(&allowed[0][VECTOR_A], 1);
		guest_write32(TABLE(0, ENTRY_ADDRESS), MSI_TO(0));
		guest_take_interrupts();
	}
}

TEST_F(order, rule_25_no_old_address_after_a_write)
{
	run(self, change_address);
	EXPECT_RIGHT();
}

/* ---- rule 26 ---- */

static __u32 not_in_irr;

/* Each way to release a pending message: its IRR bit is set on return. */
static void release_and_look(void)
{
	guest_cli();
	store(&allowed[0][VECTOR_A], 1);
	guest_write32(TABLE(0, ENTRY_DATA), VECTOR_A);
	for (rounds = 0; rounds < ROUNDS / 2; rounds++) {
		atomic_inc(&beat);
		unsigned long control = CONFIG_GPA(0) + MSIX_CAP + MSIX_CONTROL;

		switch (rounds % 3) {
		case 0:
			guest_write32(TABLE(0, ENTRY_CONTROL), ENTRY_MASKED);
			break;
		case 1:
			guest_write16(control, MSIX_ENABLE | MSIX_FUNCTION_MASK);
			break;
		case 2:
			guest_write16(control, 0);
			break;
		}
		guest_take_interrupts();
		/* The devices do not pause: an event becomes pending. */
		while (!(guest_read32(PBA_GPA(0)) & 1))
			atomic_inc(&beat);
		if (guest_irr(VECTOR_A))
			atomic_inc(&wrong);
		guest_write32(TABLE(0, ENTRY_CONTROL), 0);
		guest_write16(control, MSIX_ENABLE);
		if (!guest_irr(VECTOR_A))
			atomic_inc(&not_in_irr);
		guest_take_interrupts();
	}
}

TEST_F(order, rule_26_in_the_irr_when_the_unmask_returns)
{
	run(self, release_and_look);
	EXPECT_EQ(0, not_in_irr);
	EXPECT_RIGHT();
}

/* ---- rule 27 ---- */

/* Masked by its own bit, Function Mask or Enable: nothing comes any more. */
static void mask_and_look(void)
{
	unsigned long control = CONFIG_GPA(0) + MSIX_CAP + MSIX_CONTROL;
	unsigned int i;

	guest_cli();
	guest_write32(TABLE(0, ENTRY_DATA), VECTOR_A);
	for (rounds = 0; rounds < ROUNDS / 2 && !load(&wrong); rounds++) {
		atomic_inc(&beat);
		store(&allowed[0][VECTOR_A], 1);
		guest_write32(TABLE(0, ENTRY_CONTROL), 0);
		guest_write16(control, MSIX_ENABLE);
		take_interrupts(VECTOR_A, 1 + rounds / 3 % 3);
		switch (rounds % 3) {
		case 0:
			guest_write32(TABLE(0, ENTRY_CONTROL), ENTRY_MASKED);
			break;
		case 1:
			guest_write16(control, MSIX_ENABLE | MSIX_FUNCTION_MASK);
			break;
		case 2:
			guest_write16(control, 0);
			break;
		}
		guest_take_interrupts();
		store(&allowed[0][VECTOR_A], 0);
		for (i = 0; i < 10; i++) {
			atomic_inc(&beat);
			guest_take_interrupts();
			if (guest_irr(VECTOR_A))
				atomic_inc(&wrong);
		}
	}
}

TEST_F(order, rule_27_nothing_after_a_mask)
{
	run(self, mask_and_look);
	EXPECT_RIGHT();
}

/* ---- rules 16 and 28 ---- */

/*
 * NEVER is in the data register only while the entry is masked: each write changes data
 * and mask together.  Half of a write would send it.
 */
static void change_data_with_mask(void)
{
	guest_cli();
	store(&allowed[0][VECTOR_A], 1);
	store(&allowed[0][VECTOR_B], 1);
	for (rounds = 0; rounds < ROUNDS && !load(&wrong); rounds++) {
		atomic_inc(&beat);
		guest_write64(TABLE(0, ENTRY_DATA), UPPER_HALF(VECTOR_A, 0));
		take_interrupts(VECTOR_A, 1 + rounds % 2);
		guest_write64(TABLE(0, ENTRY_DATA), UPPER_HALF(NEVER, ENTRY_MASKED));
		guest_take_interrupts();
		guest_write64(TABLE(0, ENTRY_DATA), UPPER_HALF(VECTOR_B, 0));
		take_interrupts(VECTOR_B, 1 + rounds % 2);
		guest_write64(TABLE(0, ENTRY_DATA), UPPER_HALF(NEVER, ENTRY_MASKED));
		guest_take_interrupts();
	}
}

TEST_F(order, rule_28_qword_is_never_half)
{
	run(self, change_data_with_mask);
	EXPECT_RIGHT();
}

static void take_all(void)
{
	guest_cli();
	while (!load(&stop))
		guest_halt();
}

/*
 * Alternates two whole messages, (vCPU 0, A) and (vCPU 1, B), while masked: (0, B) and
 * (1, A) are never in the registers.
 */
static void change_message(void)
{
	guest_cli();
	store(&allowed[0][VECTOR_A], 1);
	store(&allowed[1][VECTOR_B], 1);
	for (rounds = 0; rounds < ROUNDS && !load(&wrong); rounds++) {
		atomic_inc(&beat);
		guest_write32(TABLE(0, ENTRY_CONTROL), ENTRY_MASKED);
		guest_write32(TABLE(0, ENTRY_ADDRESS), MSI_TO(rounds & 1));
		guest_write64(TABLE(0, ENTRY_DATA),
			      UPPER_HALF(rounds & 1 ? VECTOR_B : VECTOR_A, 0));
		guest_take_interrupts();
	}
}

TEST_F(order, rule_28_message_is_never_torn)
{
	struct kvm_msi wake = { .address_lo = MSI_TO(1), .data = VECTOR_B };

	vcpu_start(&self->vm.vcpu[1], take_all);
	run(self, change_message);
	if (ioctl(self->vm.fd, KVM_SIGNAL_MSI, &wake) < 0)
		die("KVM_SIGNAL_MSI");
	vcpu_join(&self->vm.vcpu[1]);
	EXPECT_RIGHT();
}
