// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of route.c: senders against writers.  One sender loops on a CPU of its own.
 * The other is the hard interrupt of a timer, which interrupts the writer.
 *
 * Built with MSI_ROUTE_MUTATIONS=1 and one of the mutations as its default, the tests
 * that name it must fail; stretch_us is not needed.  It must be the default: KUnit runs a
 * module's suites before its parameters are set.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "../compat.h"
#include "fake.h"

/* A storm ends when both have been reached, or when it has taken too long. */
#define ROUNDS		2000
#define MESSAGES	2000
#define PATIENCE	(60 * HZ)

#define IRQ_PERIOD_NS	(300 * NSEC_PER_USEC)

struct storm_case {
	const char *name;
	u32 kind;
	bool by_guest;		/* two writes and a hold, not one update */
	bool many;		/* every fourth message is a broadcast */
};

static const struct storm_case storm_cases[] = {
	{ "MSI-X, one update", MSI_ROUTE_MSIX, false, false },
	{ "MSI-X, one update, broadcasts", MSI_ROUTE_MSIX, false, true },
	{ "MSI-X, two writes", MSI_ROUTE_MSIX, true, false },
	{ "MSI-X, two writes, broadcasts", MSI_ROUTE_MSIX, true, true },
	{ "MSI, one update", MSI_ROUTE_MSI, false, false },
	{ "MSI, one update, broadcasts", MSI_ROUTE_MSI, false, true },
	{ "MSI, two writes", MSI_ROUTE_MSI, true, false },
	{ "MSI, two writes, broadcasts", MSI_ROUTE_MSI, true, true },
};

static void storm_name(const struct storm_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

static const struct storm_case kind_cases[] = {
	{ "MSI-X", MSI_ROUTE_MSIX },
	{ "MSI", MSI_ROUTE_MSI },
};

KUNIT_ARRAY_PARAM(storm, storm_cases, storm_name);
KUNIT_ARRAY_PARAM(kind, kind_cases, storm_name);
KUNIT_ARRAY_PARAM(gate, fake_gates, fake_gate_name);

/**
 * struct storm - what the threads of a test share
 * @f: the fake
 * @timer: the sender that is a hard interrupt
 * @many: broadcasts among the messages
 * @published: the newest message whose update has returned
 * @closed: the write that closed the gate has returned
 * @torn: messages that were never whole in the registers
 * @late: messages after the write that should have stopped them, or events that
 *	stay pending after the write that should have released them
 * @opened: of storm_recheck(): changes of the gate, odd while it is closed
 * @checks: looks at the Pending bit of what must have been sent
 * @seed: of delays
 */
struct storm {
	struct mr_fake *f;
	struct hrtimer timer;
	bool many;
	u32 published;
	bool closed;
	atomic_t torn;
	atomic_t late;
	u32 opened;
	atomic_t checks;
	u32 seed;
};

static struct storm *storm_new(struct mr_fake *f)
{
	struct storm *s = kunit_kzalloc(f->test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, s);
	s->f = f;
	f->arg = s;
	return s;
}

static void short_while(u32 *seed)
{
	u32 i;

	*seed = *seed * 1664525 + 1013904223;
	for (i = *seed >> 26; i; i--)
		cpu_relax();
}

/* ---- senders ---- */

static int storm_sender(void *arg)
{
	struct storm *s = arg;

	while (!kthread_should_stop()) {
		fake_raise(s->f, 0);
		cond_resched();
	}
	return 0;
}

static enum hrtimer_restart storm_irq(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, timer);

	mr_vector_raise(fake_vector(s->f, 0), 1, false);
	hrtimer_forward_now(timer, ns_to_ktime(IRQ_PERIOD_NS));
	return HRTIMER_RESTART;
}

/* From here to storm_end() the test must not assert. */
static void storm_begin(struct storm *s, int cpu)
{
	fake_thread(s->f, cpu, storm_sender, s);
	hrtimer_setup(&s->timer, storm_irq, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&s->timer, ns_to_ktime(IRQ_PERIOD_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static void storm_report(struct storm *s)
{
	struct kunit *test = s->f->test;

	fake_join(s->f);
	mr_function_sync(&s->f->fn);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->torn), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->late), 0);
	KUNIT_EXPECT_GE(test, fake_sent(s->f), MESSAGES);
	kunit_info(test, "%d messages, %llu updates, %llu drained, %llu held",
		   fake_sent(s->f), fake_count(&s->f->cap->count.updates),
		   fake_count(&s->f->cap->count.drained),
		   fake_count(&s->f->cap->count.held));
}

static void storm_end(struct storm *s)
{
	hrtimer_cancel(&s->timer);
	storm_report(s);
}

static bool storm_goes_on(struct storm *s, u32 round, unsigned long end)
{
	cond_resched();
	return (round < ROUNDS || fake_sent(s->f) < MESSAGES) &&
	       time_before(jiffies, end);
}

/* ---- whole messages only, and no old ones ---- */

/* Address and data of a message both tell which one it is. */
#define GENERATIONS	32

static u32 address_of(const struct storm *s, u32 generation)
{
	if (s->many && !(generation % 4))
		return FAKE_BROADCAST;
	return FAKE_ADDRESS(generation % GENERATIONS);
}

static u32 data_of(u32 generation)
{
	return generation % GENERATIONS << 11 | 0x40;
}

static void flip_hook(struct mr_fake *f, const struct mr_message *msg)
{
	struct storm *s = f->arg;
	u32 generation = msg->data >> 11;
	u32 age;

	if (msg->address_lo != address_of(s, generation) ||
	    msg->data != data_of(generation) || msg->address_hi)
		atomic_inc(&s->torn);

	/* The update must also wait for a slow sender. */
	if (!(atomic_read(&f->nr_sent) % 8))
		udelay(2);
	age = (fake_heard(&s->published) - generation) % GENERATIONS;
	/* A message that is being published is ahead: it counts as 31 behind. */
	if (age && age < GENERATIONS / 2)
		atomic_inc(&s->late);
}

/* Writes all registers of a message in one update. */
static void write_at_once(struct storm *s, u32 generation)
{
	struct mr_fake *f = s->f;
	struct mr_update u;
	unsigned long flags;
	u32 *entry;

	mr_update_begin(&u, fake_vector(f, 0));
	if (f->kind == MSI_ROUTE_MSIX) {
		entry = f->fn.msix.image + f->fn.msix.image_table;
		WRITE_ONCE(entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4],
			   address_of(s, generation));
		WRITE_ONCE(entry[PCI_MSIX_ENTRY_DATA / 4],
			   data_of(generation));
	} else {
		raw_spin_lock_irqsave(&f->fn.rq.lock, flags);
		f->fn.msi.address_lo = address_of(s, generation);
		f->fn.msi.data = data_of(generation);
		raw_spin_unlock_irqrestore(&f->fn.rq.lock, flags);
	}
	mr_hold_commit(&u, MR_HOLD_CLOSE);
	mr_update_end(&u);
}

/* Writes one register after the other, as a guest does. */
static void write_by_guest(struct storm *s, u32 generation)
{
	fake_address(s->f, 0, address_of(s, generation));
	fake_data(s->f, 0, data_of(generation));
}

/*
 * Every message is one that was in the registers [28].  When the update has returned, no
 * older one is on its way [25].  Mutations half-update, no-drain and (of two writes)
 * no-hold fail here.
 */
static void storm_flip_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	u32 generation = 0;
	struct storm *s;
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 1);
	s = storm_new(f);
	s->many = c->many;
	fake_go(f);
	write_by_guest(s, 0);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	f->hook = flip_hook;

	storm_begin(s, cpu[1]);
	while (storm_goes_on(s, generation, end)) {
		generation++;
		if (c->by_guest)
			write_by_guest(s, generation);
		else
			write_at_once(s, generation);
		fake_tell(&s->published, generation);
		short_while(&s->seed);
	}
	storm_end(s);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
}

static int flip_writer(void *arg)
{
	struct storm *s = arg;
	u32 generation = 0;

	while (!kthread_should_stop()) {
		write_at_once(s, generation++);
		cond_resched();
	}
	return 0;
}

static void torn_hook(struct mr_fake *f, const struct mr_message *msg)
{
	struct storm *s = f->arg;
	u32 generation = msg->data >> 11;

	if (msg->address_lo != address_of(s, generation) ||
	    msg->data != data_of(generation))
		atomic_inc(&s->torn);
}

/*
 * Two writers of one vector wait for each other's senders.  The last writer's registers
 * are what is sent.
 */
static void storm_two_writers_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	u32 generation = 0;
	struct mr_message want;
	struct storm *s;
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 1);
	s = storm_new(f);
	fake_go(f);
	write_by_guest(s, 0);
	f->hook = torn_hook;

	storm_begin(s, cpu[1]);
	fake_thread(f, cpu[1], flip_writer, s);
	while (storm_goes_on(s, generation, end))
		write_at_once(s, generation++);
	storm_end(s);

	mr_vector_message(fake_vector(f, 0), &want);
	atomic_set(&f->nr_sent, 0);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	fake_expect(f, 0, want.address_lo, want.data);
}

/* ---- nothing after a gate has closed ---- */

static void closed_hook(struct mr_fake *f, const struct mr_message *msg)
{
	struct storm *s = f->arg;
	bool closed = fake_heard(&s->closed);

	if (!(atomic_read(&f->nr_sent) % 8))
		udelay(2);
	if (closed || fake_heard(&s->closed))
		atomic_inc(&s->late);
}

/* One vector with a whole message behind the gate @g; @cpu: the two CPUs to use. */
static struct storm *storm_at_gate(struct mr_fake *f, const struct fake_gate *g,
				   u32 address, int *cpu)
{
	struct storm *s;

	fake_need_cpus(f, cpu);
	fake_gate_make(f, g, 1);
	s = storm_new(f);
	fake_address(f, 0, address);
	fake_data(f, 0, 0x40);
	return s;
}

static void storm_close(struct kunit *test, u32 address)
{
	const struct fake_gate *g = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	struct storm *s;
	u32 round = 0;
	int cpu[2];

	s = storm_at_gate(f, g, address, cpu);
	f->hook = closed_hook;

	storm_begin(s, cpu[1]);
	while (storm_goes_on(s, round++, end)) {
		fake_close(f, g);
		fake_tell(&s->closed, true);
		short_while(&s->seed);
		/* Before the gate opens: the release itself sends. */
		fake_tell(&s->closed, false);
		fake_open(f, g);
		short_while(&s->seed);
	}
	storm_end(s);
	/* Nothing is left behind: the equation does not include pending events. */
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
}

/*
 * After the write that closes a gate has returned nothing is sent [27], and toggling the
 * gate loses nothing [20].  Mutations no-drain and mask-late fail here.
 */
static void storm_close_test(struct kunit *test)
{
	storm_close(test, FAKE_ADDRESS(1));
}

static void storm_close_broadcast_test(struct kunit *test)
{
	storm_close(test, FAKE_BROADCAST);
}

/* ---- nothing is left behind an open gate ---- */

/*
 * The only sender.  If its raise has returned, and the gate was open before and still is,
 * and the writes that opened it have returned, then nothing may be pending: nobody would
 * release it.
 */
static int recheck_sender(void *arg)
{
	struct storm *s = arg;
	struct mr_fake *f = s->f;
	u32 round;
	bool stuck;

	while (!kthread_should_stop()) {
		fake_raise(f, 0);
		round = fake_heard(&s->opened);
		/* Odd while it is closed, or between the two. */
		if (!(round & 1)) {
			stuck = test_bit(0, f->cap->pending);
			/* Pairs with storm_recheck(): the bit comes first. */
			smp_rmb();
			if (round == READ_ONCE(s->opened)) {
				atomic_add(stuck, &s->late);
				atomic_inc(&s->checks);
			}
		}
		cond_resched();
	}
	return 0;
}

static void storm_recheck(struct kunit *test, u32 address)
{
	const struct fake_gate *g = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	struct storm *s;
	u32 round = 0;
	int cpu[2];

	s = storm_at_gate(f, g, address, cpu);

	fake_thread(f, cpu[1], recheck_sender, s);
	while (storm_goes_on(s, round++, end) ||
	       (atomic_read(&s->checks) < MESSAGES &&
		time_before(jiffies, end))) {
		WRITE_ONCE(s->opened, s->opened + 1);
		/* Pairs with recheck_sender(): before it closes. */
		smp_wmb();
		fake_close(f, g);
		short_while(&s->seed);
		fake_open(f, g);
		fake_tell(&s->opened, s->opened + 1);
		short_while(&s->seed);
	}
	storm_report(s);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_EQ(test, fake_sent(f),
			(int)fake_count(&fake_vector(f, 0)->messages));
}

/*
 * Dekker's pattern between sender and gate [20] [24] [26]: no event is stuck in its
 * Pending bit.  fake_check() sees that none was lost or sent twice.  Mutations
 * no-recheck, no-pending and no-replay fail here.
 */
static void storm_recheck_test(struct kunit *test)
{
	storm_recheck(test, FAKE_ADDRESS(1));
}

static void storm_recheck_broadcast_test(struct kunit *test)
{
	storm_recheck(test, FAKE_BROADCAST);
}

struct broadcaster {
	struct storm *s;
	u32 index;
};

static int broadcaster(void *arg)
{
	struct broadcaster *b = arg;
	struct storm *s = b->s;

	while (!kthread_should_stop()) {
		fake_raise(s->f, b->index);
		if (test_bit(b->index, s->f->cap->pending))
			atomic_inc(&s->late);
		atomic_inc(&s->checks);
		cond_resched();
	}
	return 0;
}

/*
 * Broadcasts of one vector complete while those of another are deferred: each has been
 * sent when its own raise returns, without anybody's help.
 */
static void storm_broadcasters_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	struct broadcaster *b;
	struct storm *s;
	int cpu[2], i;

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 2);
	s = storm_new(f);
	b = kunit_kcalloc(test, 2, sizeof(*b), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	fake_go(f);
	for (i = 0; i < 2; i++) {
		fake_address(f, i, FAKE_BROADCAST);
		b[i].s = s;
		b[i].index = i;
	}

	for (i = 0; i < 2; i++)
		fake_thread(f, cpu[i], broadcaster, &b[i]);
	while (atomic_read(&s->checks) < 50 * MESSAGES &&
	       time_before(jiffies, end))
		usleep_range(1000, 10000);
	storm_report(s);
}

/* ---- resets, clearing, holds that expire ---- */

/* Resets clear what is pending, count it, and send nothing afterwards [29]. */
static void storm_reset_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	struct storm *s;
	u32 round = 0;
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 1);
	s = storm_new(f);
	fake_go(f);
	f->hook = closed_hook;

	storm_begin(s, cpu[1]);
	while (storm_goes_on(s, round++, end)) {
		mr_function_reset(&f->fn, false);
		fake_tell(&s->closed, true);
		short_while(&s->seed);
		fake_tell(&s->closed, false);
		fake_go(f);
		short_while(&s->seed);
	}
	storm_end(s);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_EQ(test, fake_sent(f),
			(int)fake_count(&fake_vector(f, 0)->messages));
}

/* Every event is sent, coalesced or cleared: see fake_check() [21]. */
static void storm_clear_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	u64 cleared = 0;
	struct storm *s;
	u32 round = 0;
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 1);
	s = storm_new(f);
	fake_go(f);

	storm_begin(s, cpu[1]);
	while (storm_goes_on(s, round++, end)) {
		fake_mask(f, 0, true);
		short_while(&s->seed);
		cleared += mr_vector_clear(fake_vector(f, 0));
		fake_mask(f, 0, false);
		cleared += mr_vector_clear(fake_vector(f, 0));
	}
	storm_end(s);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), cleared);
}

/*
 * Holds that the guest never closes, closes in time, or closes just as they end: none
 * stays open, and no event is left behind.
 */
static void storm_hold_bound_test(struct kunit *test)
{
	const struct storm_case *c = test->param_value;
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = test->priv;
	struct storm *s;
	u32 round = 0;
	bool held;
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_make_kind(f, c->kind, 1);
	s = storm_new(f);
	fake_go(f);
	f->cap->hold_bound = ns_to_ktime(20 * NSEC_PER_USEC);

	storm_begin(s, cpu[1]);
	while (storm_goes_on(s, round++, end)) {
		fake_address(f, 0, FAKE_ADDRESS(1 + round % 100));
		short_while(&s->seed);
		if (round % 3 == 0)
			fake_data(f, 0, 0x40);
		else if (round % 16 == 0)
			fake_control(f, true, false);
	}
	storm_end(s);

	do {
		usleep_range(100, 1000);
		raw_spin_lock_irq(&fake_cold(f, 0)->lock);
		held = fake_cold(f, 0)->held;
		raw_spin_unlock_irq(&fake_cold(f, 0)->lock);
	} while (held && time_before(jiffies, end));
	KUNIT_EXPECT_FALSE(test, held);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_GT(test, fake_count(&f->cap->count.holds_expired), 0ULL);
}

static struct kunit_case storm_test_cases[] = {
	KUNIT_CASE_PARAM(storm_flip_test, storm_gen_params),
	KUNIT_CASE_PARAM(storm_two_writers_test, kind_gen_params),
	KUNIT_CASE_PARAM(storm_close_test, gate_gen_params),
	KUNIT_CASE_PARAM(storm_close_broadcast_test, gate_gen_params),
	KUNIT_CASE_PARAM(storm_recheck_test, gate_gen_params),
	KUNIT_CASE_PARAM(storm_recheck_broadcast_test, gate_gen_params),
	KUNIT_CASE_PARAM(storm_broadcasters_test, kind_gen_params),
	KUNIT_CASE_PARAM(storm_reset_test, kind_gen_params),
	KUNIT_CASE_PARAM(storm_clear_test, kind_gen_params),
	KUNIT_CASE_PARAM(storm_hold_bound_test, kind_gen_params),
	{}
};

static struct kunit_suite storm_test_suite = {
	.name = "msi_route_storm",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = storm_test_cases,
};

kunit_test_suites(&storm_test_suite);
