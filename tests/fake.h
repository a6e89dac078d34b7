/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A function without a virtual machine, for the KUnit suites.  Its VM is a zeroed struct
 * kvm, and only message.c looks at it.  Messages to its vLAPICs end in a function here,
 * which records them and may call a hook in the middle of a delivery.
 */
#ifndef MR_KUNIT_H
#define MR_KUNIT_H

#include <kunit/test.h>
#include <linux/kvm_host.h>
#include <linux/pci_regs.h>

#include "../function/function.h"

struct task_struct;

/* Offsets of the fake's capabilities and MSI-X structures. */
#define FAKE_MSI_CAP		0x40
#define FAKE_MSIX_CAP		0x70
#define FAKE_TABLE_BIR		2
#define FAKE_TABLE_OFFSET	0x1000

#define FAKE_ADDRESS(dest)	(0xfee00000U | (u32)(dest) << 12)
#define FAKE_BROADCAST		FAKE_ADDRESS(0xff)

#define FAKE_KEPT		64
#define FAKE_THREADS		4

/* No test needs so long; without this limit a broken one would not end. */
#define FAKE_PATIENCE		(60 * HZ)

/* An hour: a write ends such a hold, or the test does not end. */
#define FAKE_LONG_HOLD		ns_to_ktime(3600 * NSEC_PER_SEC)

/**
 * struct mr_fake - a function, its VM, and what was delivered
 * @test: the running test
 * @fn: the function, valid if @made
 * @made: by fake_make()
 * @kind: which capability fake_address() and its like write
 * @cap: that capability
 * @hook: called in each delivery, in whatever context it happens
 * @arg: for the test
 * @answer: what the delivery returns
 * @nr_sent: number of messages
 * @sent: the first of them
 * @misuses: calls that KVM's function would not understand, and accesses that
 *	fake_read() and fake_write() saw fail
 * @task: threads
 * @nr_tasks: number of them
 * @kvm: the VM
 */
struct mr_fake {
	struct kunit *test;
	struct mr_function fn;
	bool made;
	u32 kind;
	struct mr_cap *cap;
	void (*hook)(struct mr_fake *f, const struct mr_message *msg);
	void *arg;
	int answer;
	atomic_t nr_sent;
	struct mr_message sent[FAKE_KEPT];
	atomic_t misuses;
	struct task_struct *task[FAKE_THREADS];
	int nr_tasks;
	struct kvm kvm;
};

/* init and exit of every suite; test->priv is the fake. */
int fake_init(struct kunit *test);
void fake_exit(struct kunit *test);

void fake_complete_hook(struct mr_fake *f, const struct mr_message *msg);

struct msi_route_create fake_msix(u16 vectors);
struct msi_route_create fake_msi(u8 vectors, u8 layout);
int fake_make(struct mr_fake *f, struct msi_route_create *c);
void fake_unmake(struct mr_fake *f);
void fake_check(struct mr_fake *f);

/* The guest's accesses, from any context that may access a function. */
u64 fake_read(struct mr_fake *f, u32 space, u32 offset, u32 len);
void fake_write(struct mr_fake *f, u32 space, u32 offset, u32 len, u64 value);
int fake_access(struct mr_fake *f, bool write, u32 space, u32 offset, u32 len,
		u64 *value);

/* The same operations for both kinds of capability. */
void fake_select(struct mr_fake *f, u32 kind);
void fake_make_kind(struct mr_fake *f, u32 kind, u32 vectors);
struct mr_fake *fake_make_going(struct kunit *test, u32 vectors);
u32 fake_data_of(u32 index);
void fake_address(struct mr_fake *f, u32 index, u32 address);
void fake_data(struct mr_fake *f, u32 index, u32 data);
void fake_mask(struct mr_fake *f, u32 index, bool masked);
void fake_control(struct mr_fake *f, bool enable, bool function_mask);
void fake_go(struct mr_fake *f);
u32 fake_raise(struct mr_fake *f, u32 index);
u32 fake_raise_atomic(struct mr_fake *f, u32 index);
bool fake_pending(struct mr_fake *f, u32 index);
u64 fake_count(const atomic64_t *counter);
u64 fake_events(struct mr_fake *f, u32 index);

void fake_expect(struct mr_fake *f, int n, u32 address, u32 data);

/* The kinds of capability, for tests of either. */
struct fake_kind {
	const char *name;
	u32 kind;
};

#define FAKE_NR_KINDS	2
extern const struct fake_kind fake_kinds[FAKE_NR_KINDS];

void fake_kind_name(const struct fake_kind *k, char *name);

/* Ways to keep a vector from sending, and to let it send again. */
enum fake_gate_how {
	FAKE_MASK,		/* its own mask [9] [20] */
	FAKE_FUNCTION_MASK,	/* [19] */
	FAKE_ENABLE,		/* [2] */
	FAKE_BUS_MASTER,	/* [31] */
	FAKE_BOTH_ENABLED,	/* MSI, while MSI-X is enabled [1] */
	FAKE_REMAPPABLE,	/* [33] */
	FAKE_REMAP_ALL,		/* likewise, by the VMM */
	FAKE_HOLD,		/* between address and data */
};

struct fake_gate {
	const char *name;
	u32 kind;
	enum fake_gate_how how;
};

#define FAKE_NR_GATES	14
extern const struct fake_gate fake_gates[FAKE_NR_GATES];

void fake_gate_name(const struct fake_gate *g, char *name);
void fake_gate_make(struct mr_fake *f, const struct fake_gate *g, u32 vectors);
void fake_close(struct mr_fake *f, const struct fake_gate *g);
void fake_open(struct mr_fake *f, const struct fake_gate *g);

/* Publishes what this thread did before: fake_heard() sees it. */
#define fake_tell(p, v)		smp_store_release(p, v)
/* Pairs with fake_tell(). */
#define fake_heard(p)		smp_load_acquire(p)

/* Threads: each runs on its CPU until fake_join(). */
void fake_need_cpus(struct mr_fake *f, int cpu[2]);
void fake_stay_on(int cpu);
void fake_thread(struct mr_fake *f, int cpu, int (*body)(void *), void *arg);
void fake_join(struct mr_fake *f);

static inline struct mr_vector *fake_vector(struct mr_fake *f, u32 index)
{
	/* No block is freed meanwhile. */
	const struct mr_block *b =
		rcu_dereference_raw(f->cap->blocks[index / MR_BLOCK]);

	return &b->vectors[index % MR_BLOCK];
}

static inline struct mr_vector_cold *fake_cold(struct mr_fake *f, u32 index)
{
	return mr_cold(fake_vector(f, index));
}

static inline int fake_sent(struct mr_fake *f)
{
	return atomic_read(&f->nr_sent);
}

#endif /* MR_KUNIT_H */
