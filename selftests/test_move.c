// SPDX-License-Identifier: GPL-2.0
/*
 * Moves an unmasked interrupt from vCPU to vCPU, while its device raises it without pause
 * [10] [17] [25] [28]: an MSI that cannot be masked, and an MSI-X entry.
 *
 * The guest's driver runs on the vCPU that owns the interrupt.  A move gives the next
 * vCPU an unused vector, and frees the old one: from then on an interrupt there is a torn
 * or a stale message.  The device posts one piece of work at a time and raises the
 * interrupt; the handler acknowledges it.  If it is not acknowledged after the driver has
 * been on both vCPUs with interrupts on, it is lost: no clock is needed.
 *
 * The device counts the driver's register accesses, not time: it raises each work at once
 * or after a few more accesses, chosen at random.  So it meets every moment of a move,
 * and never raises so fast that the guest only takes interrupts.
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
#define MSIX		MSI_ROUTE_MSIX
#define MSI_REG(offset)	(CONFIG_GPA(0) + MSI_CAP + (offset))
#define ENTRY_REG(offset) (TABLE_GPA(0) + ENTRY(0) + (offset))
#define MSI_DATA_64	0xc

/* Or as the environment says: tests of the tests need fewer. */
#define NR_MOVES	nr_moves(variant->moves, variant->always)
/* The move that was under way when the event was raised, and whole ones. */
#define MOVES_UNTIL_LOST	4U
/* At most so many accesses between an EOI and the next work. */
#define MAX_ACCESSES		8U

enum use {
	UNUSED,		/* an interrupt here is torn or stale */
	REGISTERED,	/* the device's */
	RETRIGGERED,	/* comes during a move, and is repeated on the new vCPU */
};

static __u8 use[NR_VCPUS][256];
static __u32 posted, acked;
static __u32 accesses, moves, retriggers, interrupts;
/* Torn or stale messages, the moves that had any, and the last one's vector. */
static __u32 torn, torn_moves, torn_vector;
/* How many of them came to the new vCPU with the old vector. */
static __u32 crossed;
/* The move that is under way, or the last one. */
static __u32 move_target, move_old;
static __u32 owner, owner_vector;
static bool msix, two_steps, stop;

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
		/* The device gets it all the same, so that it goes on. */
		atomic_inc(&torn);
		if (__atomic_exchange_n(&torn_vector, vector, __ATOMIC_SEQ_CST) != vector)
			atomic_inc(&torn_moves);
		if (cpu->index == load(&move_target) && vector == load(&move_old))
			atomic_inc(&crossed);
		store_max(&acked, load(&posted));
		break;
	}
}

/*
 * The accesses with which Linux writes a message of this layout: address low,
 * address high, data, in one pass, and a read that flushes them.
 */
static void write_message(__u32 apic_id, __u8 vector)
{
	if (!msix) {
		atomic_inc(&accesses);
		guest_write16(MSI_REG(MSI_CONTROL), MSI_ENABLE);
	}
	atomic_inc(&accesses);
	guest_write32(msix ? ENTRY_REG(ENTRY_ADDRESS) : MSI_REG(MSI_ADDRESS), MSI_TO(apic_id));
	atomic_inc(&accesses);
	guest_write32(msix ? ENTRY_REG(ENTRY_UPPER) : MSI_REG(MSI_UPPER), 0);
	atomic_inc(&accesses);
	if (msix)
		guest_write32(ENTRY_REG(ENTRY_DATA), vector);
	else
		guest_write16(MSI_REG(MSI_DATA_64), vector);
	atomic_inc(&accesses);
	if (msix)
		guest_read32(ENTRY_REG(ENTRY_DATA));
	else
		guest_read16(MSI_REG(MSI_CONTROL));
}

/*
 * Moves as msi_set_affinity() of Linux does, on the old vCPU with interrupts off: first
 * to the new vector on the old vCPU, then to the new vCPU.  What came between the two is
 * in the old vCPU's own IRR and is repeated on the new one.  Without @two_steps as
 * today's Linux does: directly, address first.
 */
static void move(struct guest_cpu *cpu, __u8 old, __u32 target, __u8 new)
{
	store(&move_target, target);
	store(&move_old, old);
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
	 * No message with an older address or data may come any more: everything that is
	 * still to come is in the IRR.
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

static unsigned int nr_moves(unsigned int without, bool always)
{
	const char *said = getenv("TEST_MOVES");
	unsigned int nr = said ? (unsigned int)atoi(said) : without;

	return always && nr > without ? without : nr;
}

/* ---- the device ---- */

FIXTURE(move) {
	struct vm vm;
	struct function fn;
	__u64 raised;
};

FIXTURE_VARIANT(move) {
	__u32 kind;
	bool in_kernel;		/* the table is in-kernel MMIO */
	unsigned int moves;
	bool always;		/* as many, whatever the environment says */
};

FIXTURE_VARIANT_ADD(move, msi) { MSI, false, 10000, false };
FIXTURE_VARIANT_ADD(move, msix) { MSIX, false, 1000, true };
FIXTURE_VARIANT_ADD(move, msix_in_kernel) { MSIX, true, 1000, false };

FIXTURE_SETUP(move)
{
	msix = variant->kind == MSIX;
	vm_create(&self->vm, VM_X2APIC, NR_VCPUS);
	function_open(&self->fn, &self->vm,
		      msix ? msix_shape(1) : msi_shape(1, MSI_ROUTE_MSI_64BIT));
	if (variant->in_kernel)
		ASSERT_EQ(0, map(&self->fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
	guest_handler = handler;
	owner_vector = FIRST_VECTOR;
	use[0][FIRST_VECTOR] = REGISTERED;
	if (msix) {
		entry_set(&self->fn, 0, MSI_TO(0), FIRST_VECTOR, 0);
		msix_control(&self->fn, MSIX_ENABLE);
	} else {
		msi_set(&self->fn, MSI_TO(0), FIRST_VECTOR);
		msi_control(&self->fn, MSI_ENABLE);
	}
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

/* Returns false if the raised work is lost. */
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
 * Raises until the driver has moved @nr times or, if @nr is UNTIL_TORN, until a message
 * was torn.  @eventfd is signalled; -1: by ioctl.  Returns the number of lost works, 0 or
 * 1.
 */
#define UNTIL_TORN	~0U
static unsigned int raise_while_moving(FIXTURE_DATA(move) *self, __u32 nr, int eventfd)
{
	unsigned int i, lost = 0;
	__u32 state = 0x9e3779b9;

	for (i = 0; i < NR_VCPUS; i++)
		vcpu_start(&self->vm.vcpu[i], driver);
	while (load(&moves) < nr && !lost && !(nr == UNTIL_TORN && load(&torn))) {
		__u32 work;

		wait_for_accesses(next_random(&state) % (MAX_ACCESSES + 1), nr);
		work = atomic_inc(&posted);
		if (eventfd >= 0)
			signal_eventfd(eventfd, 1);
		else if (trigger(&self->fn, msix ? MSIX : MSI, 0) < 0)
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
		struct msi_route_counters c = totals(&self->fn, variant->kind);	\
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

/*
 * With the default bound, which a slow host reaches nearly each time; or, for MSI-X, with
 * a bound that it does not reach.  Nothing is lost, and nothing is torn.
 */
TEST_F(move, linux_two_steps)
{
	two_steps = true;
	if (msix)
		ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES, -1));
	EXPECT_EQ(0, torn) TH_LOG("vector %#x", torn_vector);
	EXPECT_ACCOUNTED();
}

TEST_F(move, linux_two_steps_by_eventfd_without_hold)
{
	int fd = new_eventfd();

	two_steps = true;
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, variant->kind, 0, fd, 0));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES / 10, fd));
	EXPECT_EQ(0, torn) TH_LOG("vector %#x", torn_vector);
	EXPECT_ACCOUNTED();
}

/*
 * The guest's own mistake, which the update hold covers.  On a host so slow that a hold
 * reaches its bound, that move may be torn as without a hold.
 */
TEST_F_TIMEOUT(move, one_step_with_hold, 1800)
{
	struct msi_route_counters c;

	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	EXPECT_EQ(0, raise_while_moving(self, NR_MOVES, -1));
	c = totals(&self->fn, variant->kind);
	EXPECT_LE(torn_moves, c.holds_expired) TH_LOG("vector %#x", torn_vector);
	EXPECT_LE(NR_MOVES, c.holds)
		TH_LOG("%u moves, %llu updates", load(&moves), c.updates);
	EXPECT_ACCOUNTED();
}

/*
 * Without the hold some events come to the new vCPU with the old vector.  The module
 * loses nothing: each is one message and one interrupt, but no handler takes it.
 */
TEST_F(move, one_step_without_hold)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	EXPECT_EQ(0, raise_while_moving(self, UNTIL_TORN, -1));
	EXPECT_LT(0, torn);
	EXPECT_EQ(torn, crossed) TH_LOG("vector %#x", torn_vector);
	EXPECT_EQ(0, totals(&self->fn, variant->kind).holds);
	EXPECT_ACCOUNTED();
}
