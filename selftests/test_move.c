// SPDX-License-Identifier: GPL-2.0
/*
 * Moving an MSI that cannot be masked from vCPU to vCPU while its device
 * raises it without pause [10] [25] [28].
 *
 * The guest's driver runs on the vCPU that owns the interrupt.  A move gives
 * the next vCPU a vector that nobody uses, and takes the old one back: from
 * then on an interrupt there is a torn or a stale message.  The device posts
 * one piece of work at a time and raises it; the handler acknowledges it.  If
 * it is not acknowledged after the driver has been on both vCPUs with
 * interrupts on, it is lost: no clock is asked.
 *
 * The device counts the driver's register accesses, not time: it raises each
 * work at once or after a few more of them, chosen at random.  So it meets
 * every moment of a move, and never raises so fast that the guest does nothing
 * but take interrupts.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define NR_VCPUS		2
#define FIRST_VECTOR	0x40
#define NR_VECTORS	64
/* Above the device's, or the device would keep the next driver from waking. */
#define WAKE_VECTOR	0xf0

#define MSI		MSI_ROUTE_MSI
#define CONTROL		(MSI_CAP + MSI_CONTROL)
#define ADDRESS		(MSI_CAP + MSI_ADDRESS)
#define DATA		(MSI_CAP + 0x8)

/* Ten thousand, or what the environment says: tests of the tests need fewer. */
#define NR_MOVES	nr_moves()
/* The one that was under way when the event was raised, and whole ones. */
#define MOVES_UNTIL_LOST	4U
/* At most so many accesses between an acknowledgement and the next work. */
#define MAX_ACCESSES		8U

enum use {
	UNUSED,		/* an interrupt here is torn or stale */
	REGISTERED,	/* the device's */
	RETRIGGERED,	/* comes during a move, and is repeated on the new vCPU */
};

static __u8 use[NR_VCPUS][256];
static __u32 posted, acked;
static __u32 accesses, moves, retriggers, interrupts;
/* Torn or stale messages, the moves that had some, and the last one's vector. */
static __u32 torn, torn_moves, torn_vector;
static __u32 owner, owner_vector;
static bool two_steps, stop;

/* ---- the guest's driver ---- */

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	if (vector == WAKE_VECTOR)
		return;
	atomic_inc(&interrupts);
	switch (use[cpu->index][vector]) {
	case REGISTERED:
		store_max(&acked, load(&posted));
		break;
	case RETRIGGERED:
		break;
	default:
		/* Hand it to the device all the same, so that it goes on. */
		atomic_inc(&torn);
		if (__atomic_exchange_n(&torn_vector, vector, __ATOMIC_SEQ_CST) != vector)
			atomic_inc(&torn_moves);
		store_max(&acked, load(&posted));
		break;
	}
}

/* The accesses with which Linux writes a message of this layout. */
static void write_message(__u32 apic_id, __u8 vector)
{
	atomic_inc(&accesses);
	guest_write16(CONFIG_GPA(0) + CONTROL, MSI_ENABLE);
	atomic_inc(&accesses);
	guest_write32(CONFIG_GPA(0) + ADDRESS, MSI_TO(apic_id));
	atomic_inc(&accesses);
	guest_write16(CONFIG_GPA(0) + DATA, vector);
	atomic_inc(&accesses);
	guest_read16(CONFIG_GPA(0) + CONTROL);
}

/*
 * As msi_set_affinity() of Linux does it, on the old vCPU with interrupts off:
 * first to the new vector on the old vCPU, then to the new vCPU; what came
 * between the two is in the old vCPU's own IRR and is repeated on the new one.
 * Without @two_steps as today's Linux does it: straight, address first.
 */
static void move(struct guest_cpu *cpu, __u8 old, __u32 target, __u8 new)
{
	store(&use[target][new], REGISTERED);
	if (two_steps) {
		store(&use[cpu->index][new], RETRIGGERED);
		write_message(cpu->apic_id, new);
	}
	write_message(guest_cpus[target].apic_id, new);
	if (two_steps && guest_irr(new)) {
		atomic_inc(&retriggers);
		guest_send_ipi(guest_cpus[target].apic_id, new);
	}

	/*
	 * No message with an older address or data may come any more: what is
	 * in the IRR is all there is.
	 */
	guest_take_interrupts();
	store(&use[cpu->index][old], UNUSED);
	store(&use[cpu->index][new], UNUSED);
}

static void driver(void)
{
	struct guest_cpu *cpu = guest_this_cpu();
	__u32 target = (cpu->index + 1) % NR_VCPUS;

	for (;;) {
		__u8 old, new;

		guest_wait_until(load(&owner) == cpu->index || load(&stop));
		if (load(&stop))
			return;
		guest_cli();
		old = owner_vector;
		new = old + 1 < FIRST_VECTOR + NR_VECTORS ? old + 1 : FIRST_VECTOR;
		move(cpu, old, target, new);
		owner_vector = new;
		atomic_inc(&moves);
		store(&owner, target);
		guest_send_ipi(guest_cpus[target].apic_id, WAKE_VECTOR);
	}
}

static unsigned int nr_moves(void)
{
	const char *said = getenv("TEST_MOVES");

	return said ? atoi(said) : 10000;
}

/* ---- the device ---- */

FIXTURE(move) {
	struct vm vm;
	struct function fn;
	__u64 raised;
};

FIXTURE_SETUP(move)
{
	vm_create(&self->vm, VM_X2APIC, NR_VCPUS);
	function_open(&self->fn, &self->vm, msi_shape(1, 0));
	guest_handler = handler;
	owner_vector = FIRST_VECTOR;
	use[0][FIRST_VECTOR] = REGISTERED;
	msi_set(&self->fn, MSI_TO(0), FIRST_VECTOR);
	msi_control(&self->fn, MSI_ENABLE);
}

FIXTURE_TEARDOWN(move)
{
	vm_destroy(&self->vm);
	function_close(&self->fn);
}

/* Returns when the driver has made @nr more accesses, or its last one. */
static void wait_for_accesses(__u32 nr, __u32 last_move)
{
	__u32 before = load(&accesses);

	while (load(&accesses) - before < nr && load(&moves) < last_move)
		sched_yield();
}

/* Returns false if the work, which was raised, is lost. */
static bool wait_for_acknowledge(__u32 work)
{
	__u32 before = load(&moves);

	while (load(&acked) < work) {
		if (load(&moves) - before >= MOVES_UNTIL_LOST && load(&acked) < work)
			return false;
		sched_yield();
	}
	return true;
}

static void stop_driver(struct vm *vm)
{
	unsigned int i;

	store(&stop, true);
	for (i = 0; i < NR_VCPUS; i++) {
		struct kvm_msi wake = { .address_lo = MSI_TO(i), .data = WAKE_VECTOR };

		if (ioctl(vm->fd, KVM_SIGNAL_MSI, &wake) < 0)
			die("KVM_SIGNAL_MSI");
	}
	for (i = 0; i < NR_VCPUS; i++)
		vcpu_join(&vm->vcpu[i]);
}

/*
 * Raises until the driver has moved @nr times: by @eventfd, or, if it is -1,
 * by ioctl.  Returns the number of works that were lost, 0 or 1.
 */
static unsigned int raise_while_moving(FIXTURE_DATA(move) *self, __u32 nr, int eventfd)
{
	unsigned int i, lost = 0;
	__u32 state = 0x9e3779b9;

	for (i = 0; i < NR_VCPUS; i++)
		vcpu_start(&self->vm.vcpu[i], driver);
	while (load(&moves) < nr && !lost) {
		__u32 work;

		wait_for_accesses(next_random(&state) % (MAX_ACCESSES + 1), nr);
		work = atomic_inc(&posted);
		if (eventfd >= 0)
			signal_eventfd(eventfd, 1);
		else if (trigger(&self->fn, MSI, 0) < 0)
			die("MSI_ROUTE_TRIGGER");
		self->raised++;
		lost = !wait_for_acknowledge(work);
	}
	stop_driver(&self->vm);
	return lost;
}

/* Each event is one message, and each message one interrupt. */
#define EXPECT_ACCOUNTED()						\
	do {								\
		struct msi_route_counters c = totals(&self->fn, MSI);	\
									\
		EXPECT_EQ(self->raised, c.events);			\
		EXPECT_EQ(self->raised, c.messages);			\
		EXPECT_EQ(c.events, accounted(&c));			\
		EXPECT_EQ(posted, acked);				\
		EXPECT_EQ(c.messages + retriggers, interrupts);		\
		REMARK("%u moves, %llu events, %u retriggered, %u torn, "	\
		       "%llu holds, %llu of them expired", moves,	\
		       self->raised, retriggers, torn, c.holds, c.holds_expired);	\
	} while (0)

TEST_F(move, linux_two_steps)
{
	two_steps = true;
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES, -1));
	EXPECT_EQ(0, torn) TH_LOG("vector %#x", torn_vector);
	EXPECT_ACCOUNTED();
}

TEST_F(move, linux_two_steps_by_eventfd_without_hold)
{
	int fd = new_eventfd();

	two_steps = true;
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSI, 0, fd, 0));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES / 10, fd));
	EXPECT_EQ(0, torn) TH_LOG("vector %#x", torn_vector);
	EXPECT_ACCOUNTED();
}

/*
 * The guest's own mistake, shielded by the update hold.  Where the host is so
 * slow that a hold reaches its bound, that move may be torn as ever.
 */
TEST_F(move, one_step_with_hold)
{
	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES, -1));
	EXPECT_LE(torn_moves, totals(&self->fn, MSI).holds_expired)
		TH_LOG("vector %#x", torn_vector);
	EXPECT_LE(NR_MOVES, totals(&self->fn, MSI).holds)
		TH_LOG("%u moves, %llu updates", load(&moves), totals(&self->fn, MSI).updates);
	EXPECT_ACCOUNTED();
}

/* Nothing is promised here but that nothing is lost by the module. */
TEST_F(move, one_step_without_hold)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES / 20, -1));
	EXPECT_ACCOUNTED();
}
