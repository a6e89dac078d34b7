// SPDX-License-Identifier: GPL-2.0
/* The function without a virtual machine that all KUnit suites use. */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "fake.h"

/* ---- the VM ---- */

static int fake_set(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm,
		    int irq_source_id, int level, bool line_status)
{
	struct mr_fake *f = container_of(kvm, struct mr_fake, kvm);
	const struct mr_message msg = {
		.address_lo = e->msi.address_lo,
		.address_hi = e->msi.address_hi,
		.data = e->msi.data,
	};
	int n = atomic_inc_return(&f->nr_sent) - 1;

	/* KVM takes an MSI at level 1 only. */
	if (e->type != KVM_IRQ_ROUTING_MSI || level != 1)
		atomic_inc(&f->misuses);
	if (n < FAKE_KEPT)
		f->sent[n] = msg;
	if (f->hook)
		f->hook(f, &msg);
	return f->answer;
}

/* A hook: @arg is a struct completion. */
void fake_complete_hook(struct mr_fake *f, const struct mr_message *msg)
{
	complete(f->arg);
}

/* ---- life ---- */

int fake_init(struct kunit *test)
{
	struct mr_fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f || mr_route_module_init())
		return -ENOMEM;
	/* A function with a VM takes KVM's again. */
	mr_vm_use(fake_set);
	f->test = test;
	f->answer = 1;
	test->priv = f;
	return 0;
}

struct msi_route_create fake_msix(u16 vectors)
{
	struct msi_route_create c = {
		.size = sizeof(c),
		.msix_vectors = vectors,
		.msix_cap = FAKE_MSIX_CAP,
		.msix_table_bir = FAKE_TABLE_BIR,
		.msix_table_offset = FAKE_TABLE_OFFSET,
		.msix_pba_bir = FAKE_TABLE_BIR,
		.msix_pba_offset = FAKE_TABLE_OFFSET +
				   vectors * PCI_MSIX_ENTRY_SIZE,
	};

	return c;
}

struct msi_route_create fake_msi(u8 vectors, u8 layout)
{
	struct msi_route_create c = {
		.size = sizeof(c),
		.msi_vectors = vectors,
		.msi_cap = FAKE_MSI_CAP,
		.msi_flags = layout,
	};

	return c;
}

/* Like mr_function_create(), which insists on a VM. */
int fake_make(struct mr_fake *f, struct msi_route_create *c)
{
	struct mr_function *fn = &f->fn;
	struct mr_cap *cap;
	int ret;

	memset(fn, 0, sizeof(*fn));
	fn->rq.vm.kvm = &f->kvm;
	ret = mr_function_init(fn, c);
	if (ret)
		return ret;
	f->made = true;
	fake_select(f, mr_msix_cap(fn)->nr ? MSI_ROUTE_MSIX : MSI_ROUTE_MSI);
	/* The hold is on by default; but a test may take long between two writes. */
	mr_for_each_cap(cap, &fn->rq) {
		KUNIT_EXPECT_EQ(f->test, cap->hold_bound,
				ns_to_ktime(mr_hold_default()));
		cap->hold_bound = 0;
	}
	return 0;
}

void fake_unmake(struct mr_fake *f)
{
	if (!f->made)
		return;
	f->made = false;
	mr_function_fini(&f->fn);
}

static void check_equation(struct mr_fake *f, u32 kind)
{
	struct msi_route_counters c = {
		.size = sizeof(c),
		.kind = kind,
		.vector = MSI_ROUTE_ALL_VECTORS,
	};
	struct kunit *test = f->test;
	u64 ends = 0;

	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
#define FAKE_ENDS(name, end)	ends += (end) ? c.name : 0;
	MR_COUNTERS(FAKE_ENDS)
#undef FAKE_ENDS
	KUNIT_EXPECT_EQ(test, c.events, ends);
	KUNIT_EXPECT_LE(test, c.replayed, c.messages + c.unreached +
					  c.dropped_address + c.dropped_mode +
					  c.dropped_vector + c.dropped_absent);
	KUNIT_EXPECT_LE(test, c.holds_expired, c.holds);
}

static void check_idle(struct mr_fake *f, struct mr_cap *cap)
{
	struct kunit *test = f->test;
	struct mr_vector *v;
	int in_flight = 0;
	u32 i;

	for (i = 0; i < cap->nr; i++) {
		v = &rcu_dereference_raw(cap->blocks[i / MR_BLOCK])->vectors[i % MR_BLOCK];
		in_flight |= atomic_read(&v->slot[0].in_flight);
		in_flight |= atomic_read(&v->slot[1].in_flight);
	}
	KUNIT_EXPECT_EQ(test, in_flight, 0);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(cap->deferred, cap->nr));
}

/* True after every test: nothing is under way, every event is accounted for. */
void fake_check(struct mr_fake *f)
{
	struct kunit *test = f->test;
	struct mr_cap *cap;

	if (!f->made)
		return;
	mr_function_sync(&f->fn);
	mr_for_each_cap(cap, &f->fn.rq) {
		check_equation(f, cap->kind);
		check_idle(f, cap);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&f->misuses), 0);
}

void fake_exit(struct kunit *test)
{
	struct mr_fake *f = test->priv;

	if (!f)
		return;
	fake_join(f);
	fake_check(f);
	fake_unmake(f);
}

/* ---- accesses ---- */

int fake_access(struct mr_fake *f, bool write, u32 space, u32 offset, u32 len,
		u64 *value)
{
	struct msi_route_access a = {
		.size = sizeof(a),
		.space = space,
		.offset = offset,
		.len = len,
		.value = *value,
	};
	int ret = mr_function_access(&f->fn, &a, write);

	*value = a.value;
	return ret;
}

/* Reads zero from bytes that the function does not own. */
u64 fake_read(struct mr_fake *f, u32 space, u32 offset, u32 len)
{
	u64 value = 0;

	if (fake_access(f, false, space, offset, len, &value))
		atomic_inc(&f->misuses);
	return value;
}

void fake_write(struct mr_fake *f, u32 space, u32 offset, u32 len, u64 value)
{
	if (fake_access(f, true, space, offset, len, &value))
		atomic_inc(&f->misuses);
}

/* ---- either kind ---- */

const struct fake_kind fake_kinds[FAKE_NR_KINDS] = {
	{ "MSI-X", MSI_ROUTE_MSIX },
	{ "MSI", MSI_ROUTE_MSI },
};

void fake_kind_name(const struct fake_kind *k, char *name)
{
	strscpy(name, k->name, KUNIT_PARAM_DESC_SIZE);
}

void fake_select(struct mr_fake *f, u32 kind)
{
	f->kind = kind;
	f->cap = kind == MSI_ROUTE_MSIX ? mr_msix_cap(&f->fn) : mr_msi_cap(&f->fn);
}

/* MSI has a 64-bit address and mask bits here. */
void fake_make_kind(struct mr_fake *f, u32 kind, u32 vectors)
{
	struct msi_route_create c;

	if (kind == MSI_ROUTE_MSIX)
		c = fake_msix(vectors);
	else
		c = fake_msi(vectors, MSI_ROUTE_MSI_64BIT |
				      MSI_ROUTE_MSI_MASKING);
	KUNIT_ASSERT_EQ(f->test, fake_make(f, &c), 0);
}

static void write_entry(struct mr_fake *f, u32 index, u32 reg, u32 value)
{
	fake_write(f, MSI_ROUTE_TABLE, index * PCI_MSIX_ENTRY_SIZE + reg, 4,
		   value);
}

/* Writes the low half; the high half stays. */
void fake_address(struct mr_fake *f, u32 index, u32 address)
{
	if (f->kind == MSI_ROUTE_MSIX)
		write_entry(f, index, PCI_MSIX_ENTRY_LOWER_ADDR, address);
	else
		fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP +
			   PCI_MSI_ADDRESS_LO, 4, address);
}

void fake_data(struct mr_fake *f, u32 index, u32 data)
{
	if (f->kind == MSI_ROUTE_MSIX)
		write_entry(f, index, PCI_MSIX_ENTRY_DATA, data);
	else
		fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP +
			   (f->fn.msi.layout & MSI_ROUTE_MSI_64BIT ?
			    PCI_MSI_DATA_64 : PCI_MSI_DATA_32), 2, data);
}

/*
 * For one thread at a time: MSI's mask bits share a register.  A guest's read of that
 * register would complete what is under way, so this does not use one.
 */
void fake_mask(struct mr_fake *f, u32 index, bool masked)
{
	u32 bits = f->fn.msi.mask;
	u32 reg;

	if (f->kind == MSI_ROUTE_MSIX) {
		write_entry(f, index, PCI_MSIX_ENTRY_VECTOR_CTRL, masked);
		return;
	}
	reg = FAKE_MSI_CAP + (f->fn.msi.layout & MSI_ROUTE_MSI_64BIT ?
			      PCI_MSI_MASK_64 : PCI_MSI_MASK_32);
	if (masked)
		bits |= BIT(index);
	else
		bits &= ~BIT(index);
	fake_write(f, MSI_ROUTE_CONFIG, reg, 4, bits);
}

/* Message Control.  MSI: all vectors granted; it has no Function Mask. */
void fake_control(struct mr_fake *f, bool enable, bool function_mask)
{
	u16 control;

	if (f->kind == MSI_ROUTE_MSIX) {
		control = (enable ? PCI_MSIX_FLAGS_ENABLE : 0) |
			  (function_mask ? PCI_MSIX_FLAGS_MASKALL : 0);
		fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP + PCI_MSIX_FLAGS,
			   2, control);
		return;
	}
	control = (enable ? PCI_MSI_FLAGS_ENABLE : 0) |
		  ilog2(f->cap->nr) << 4;
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP + PCI_MSI_FLAGS, 2,
		   control);
}

/* Vector i gets data 40h + i and destination 1; all are unmasked and enabled. */
void fake_go(struct mr_fake *f)
{
	u32 i;

	for (i = 0; i < f->cap->nr; i++) {
		fake_address(f, i, FAKE_ADDRESS(1));
		fake_data(f, i, f->kind == MSI_ROUTE_MSIX ? 0x40 + i : 0x40);
		fake_mask(f, i, false);
	}
	fake_control(f, true, false);
	mr_function_set_bus_master(&f->fn, true);
}

/* Of the kind that is the test's parameter; it may send. */
struct mr_fake *fake_make_going(struct kunit *test, u32 vectors)
{
	const struct fake_kind *c = test->param_value;
	struct mr_fake *f = test->priv;

	fake_make_kind(f, c->kind, vectors);
	fake_go(f);
	return f;
}

/* The data of a vector after fake_go(). */
u32 fake_data_of(u32 index)
{
	return 0x40 + index;
}

u32 fake_raise(struct mr_fake *f, u32 index)
{
	struct msi_route_trigger t = { .kind = f->kind, .vector = index };

	if (mr_function_trigger(&f->fn, &t))
		atomic_inc(&f->misuses);
	return t.outcome;
}

/*
 * A broadcast that is raised where it must not be sent is sent later, but before the
 * guest's next access returns [26].  With preemption off the work item, which is on this
 * CPU, does not run.
 */
u32 fake_raise_atomic(struct mr_fake *f, u32 index)
{
	return mr_vector_raise(fake_vector(f, index), 1, false);
}

/* The Pending bit as the guest sees it. */
bool fake_pending(struct mr_fake *f, u32 index)
{
	if (f->kind == MSI_ROUTE_MSIX)
		return fake_read(f, MSI_ROUTE_PBA, index / 64 * 8, 8) &
		       BIT_ULL(index % 64);
	return fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP +
			 (f->fn.msi.layout & MSI_ROUTE_MSI_64BIT ?
			  PCI_MSI_PENDING_64 : PCI_MSI_PENDING_32), 4) &
	       BIT(index);
}

u64 fake_count(const atomic64_t *counter)
{
	return atomic64_read(counter);
}

/* How often a vector was raised. */
u64 fake_events(struct mr_fake *f, u32 index)
{
	struct mr_vector_count count = {};

	mr_vector_count(fake_vector(f, index), &count);
	return count.events;
}

void fake_expect(struct mr_fake *f, int n, u32 address, u32 data)
{
	struct kunit *test = f->test;

	KUNIT_ASSERT_LT(test, n, FAKE_KEPT);
	KUNIT_ASSERT_GT_MSG(test, fake_sent(f), n, "message %d", n);
	KUNIT_EXPECT_EQ_MSG(test, f->sent[n].address_lo, address,
			    "message %d", n);
	KUNIT_EXPECT_EQ_MSG(test, f->sent[n].address_hi, 0U, "message %d", n);
	KUNIT_EXPECT_EQ_MSG(test, f->sent[n].data, data, "message %d", n);
}

/* ---- gates: they act on vector 0, or on all ---- */

const struct fake_gate fake_gates[FAKE_NR_GATES] = {
	{ "MSI-X, mask", MSI_ROUTE_MSIX, FAKE_MASK },
	{ "MSI-X, Function Mask", MSI_ROUTE_MSIX, FAKE_FUNCTION_MASK },
	{ "MSI-X, Enable", MSI_ROUTE_MSIX, FAKE_ENABLE },
	{ "MSI-X, Bus Master Enable", MSI_ROUTE_MSIX, FAKE_BUS_MASTER },
	{ "MSI-X, remappable format", MSI_ROUTE_MSIX, FAKE_REMAPPABLE },
	{ "MSI-X, every message remapped", MSI_ROUTE_MSIX, FAKE_REMAP_ALL },
	{ "MSI-X, update hold", MSI_ROUTE_MSIX, FAKE_HOLD },
	{ "MSI, mask", MSI_ROUTE_MSI, FAKE_MASK },
	{ "MSI, Enable", MSI_ROUTE_MSI, FAKE_ENABLE },
	{ "MSI, Bus Master Enable", MSI_ROUTE_MSI, FAKE_BUS_MASTER },
	{ "MSI, both enabled", MSI_ROUTE_MSI, FAKE_BOTH_ENABLED },
	{ "MSI, remappable format", MSI_ROUTE_MSI, FAKE_REMAPPABLE },
	{ "MSI, every message remapped", MSI_ROUTE_MSI, FAKE_REMAP_ALL },
	{ "MSI, update hold", MSI_ROUTE_MSI, FAKE_HOLD },
};

void fake_gate_name(const struct fake_gate *g, char *name)
{
	strscpy(name, g->name, KUNIT_PARAM_DESC_SIZE);
}

/* The gate is open, with the messages of fake_go(). */
void fake_gate_make(struct mr_fake *f, const struct fake_gate *g, u32 vectors)
{
	struct msi_route_create c = fake_msix(vectors);

	if (g->kind == MSI_ROUTE_MSI) {
		c = fake_msix(1);
		if (g->how != FAKE_BOTH_ENABLED)
			memset(&c, 0, sizeof(c));
		c.msi_vectors = vectors;
		c.msi_cap = FAKE_MSI_CAP;
		c.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING;
	}
	if (g->how == FAKE_REMAPPABLE || g->how == FAKE_REMAP_ALL)
		c.flags = MSI_ROUTE_CREATE_REMAPPING;
	KUNIT_ASSERT_EQ(f->test, fake_make(f, &c), 0);
	fake_select(f, g->kind);
	if (g->how == FAKE_HOLD)
		f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_go(f);
}

/* Does not read as the guest does: that would complete what is under way. */
static u32 *entry_0(struct mr_fake *f)
{
	return f->fn.msix.image + f->fn.msix.image_table;
}

static u32 address_now(struct mr_fake *f)
{
	return f->kind == MSI_ROUTE_MSIX ? *entry_0(f) : f->fn.msi.address_lo;
}

static u32 data_now(struct mr_fake *f)
{
	return f->kind == MSI_ROUTE_MSIX ? entry_0(f)[PCI_MSIX_ENTRY_DATA / 4] :
					   f->fn.msi.data;
}

static void write_msix_control(struct mr_fake *f, u16 control)
{
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP + PCI_MSIX_FLAGS, 2,
		   control);
}

void fake_close(struct mr_fake *f, const struct fake_gate *g)
{
	switch (g->how) {
	case FAKE_MASK:
		fake_mask(f, 0, true);
		break;
	case FAKE_FUNCTION_MASK:
		fake_control(f, true, true);
		break;
	case FAKE_ENABLE:
		fake_control(f, false, false);
		break;
	case FAKE_BUS_MASTER:
		mr_function_set_bus_master(&f->fn, false);
		break;
	case FAKE_BOTH_ENABLED:
		write_msix_control(f, PCI_MSIX_FLAGS_ENABLE);
		break;
	case FAKE_REMAPPABLE:
		fake_address(f, 0, address_now(f) | BIT(4));
		break;
	case FAKE_REMAP_ALL:
		KUNIT_EXPECT_EQ(f->test, mr_function_set_remapping(&f->fn, true), 0);
		break;
	case FAKE_HOLD:
		/* To another destination, because the same one would be no change. */
		fake_address(f, 0, address_now(f) ^ FAKE_ADDRESS(3) ^
				   FAKE_ADDRESS(0));
		break;
	}
}

void fake_open(struct mr_fake *f, const struct fake_gate *g)
{
	switch (g->how) {
	case FAKE_MASK:
		fake_mask(f, 0, false);
		break;
	case FAKE_FUNCTION_MASK:
	case FAKE_ENABLE:
		fake_control(f, true, false);
		break;
	case FAKE_BUS_MASTER:
		mr_function_set_bus_master(&f->fn, true);
		break;
	case FAKE_BOTH_ENABLED:
		write_msix_control(f, 0);
		break;
	case FAKE_REMAPPABLE:
		fake_address(f, 0, address_now(f) & ~BIT(4));
		break;
	case FAKE_REMAP_ALL:
		KUNIT_EXPECT_EQ(f->test, mr_function_set_remapping(&f->fn, false), 0);
		break;
	case FAKE_HOLD:
		fake_data(f, 0, data_now(f));
		break;
	}
}

/* ---- threads ---- */

/* Chooses two CPUs, one of them for the test itself; else skips the test. */
void fake_need_cpus(struct mr_fake *f, int cpu[2])
{
	cpu[0] = cpumask_first(cpu_online_mask);
	cpu[1] = cpumask_next(cpu[0], cpu_online_mask);
	if (cpu[1] >= nr_cpu_ids)
		kunit_skip(f->test, "needs two CPUs");
	fake_stay_on(cpu[0]);
}

void fake_stay_on(int cpu)
{
	set_cpus_allowed_ptr(current, cpumask_of(cpu));
}

/* @body returns at kthread_should_stop() at the latest, and must not assert. */
void fake_thread(struct mr_fake *f, int cpu, int (*body)(void *), void *arg)
{
	struct task_struct *task;

	KUNIT_ASSERT_LT(f->test, f->nr_tasks, FAKE_THREADS);
	task = kthread_create(body, arg, "mr_fake/%d", f->nr_tasks);
	KUNIT_ASSERT_FALSE(f->test, IS_ERR(task));
	kthread_bind(task, cpu);
	/* The thread may end before it is told to. */
	get_task_struct(task);
	f->task[f->nr_tasks++] = task;
	wake_up_process(task);
}

void fake_join(struct mr_fake *f)
{
	while (f->nr_tasks) {
		struct task_struct *task = f->task[--f->nr_tasks];

		kthread_stop(task);
		put_task_struct(task);
	}
}
