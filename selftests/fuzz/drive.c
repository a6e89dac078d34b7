// SPDX-License-Identifier: GPL-2.0
/*
 * Each message that the model sends goes to a second virtual machine, the twin, by
 * KVM_SIGNAL_MSI.  So it is KVM itself that says whom a message reaches: the
 * local APICs of machine and twin must be equal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "../guest/function.h"
#include "drive.h"
#include "kcov.h"

#define MSIX	MSI_ROUTE_MSIX
#define MSI	MSI_ROUTE_MSI
#define IMS	MSI_ROUTE_IMS

#define NOWHERE		((void *)8)	/* an address that is not readable */
#define MAX_ENTRIES	4096
#define QWORDS		(MAX_ENTRIES / 64)
#define REARM_NS	200000000ULL	/* of a bound of 1 s */
#define CLEAR_EVERY	16
#define WINDOW		16		/* entries of the table that are looked at each time */

struct statistics statistics;
char difference[1024];

static struct vm machines[NR_MACHINES], twins[NR_MACHINES];

/* The function that is driven. */
static struct {
	struct function fn;
	struct model model;
	struct vm *vm, *twin;
	const __u8 *image;
	int eventfd[MAX_EVENTFDS];
	int notify_fd, foreign_fd;
	bool sent;		/* a message, since the local APICs were compared */
	bool other_mode;	/* one that is not seen in the IRR */
	bool broad;		/* one that may be for many vCPUs */
	unsigned int since_clear;
	unsigned int window;
	__u64 armed;		/* when the bounds of holds began, at the latest */
	bool flush;
	__u32 config_at;	/* what an operation wrote */
	bool config_written;
} now;

static bool differ(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool differ(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(difference, sizeof(difference), format, args);
	va_end(args);
	return false;
}

/* ---- machines ---- */

static void set_apic(struct vm *vm, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS && kind != MACHINE_X2APIC; i++) {
		bool cluster = kind == MACHINE_CLUSTER || (kind == MACHINE_SHARED && !i);
		__u32 id = 1 << (24 + i);

		if (kind == MACHINE_CLUSTER)
			id = (i / 2 << 28) | (1 << i % 2 << 24);
		if (kind == MACHINE_SHARED)
			id = 1 << 24;
		vcpu_apic_write(&vm->vcpu[i], APIC_DFR, cluster ? 0x0fffffff : 0xffffffff);
		vcpu_apic_write(&vm->vcpu[i], APIC_LDR, id);
	}
	if (kind == MACHINE_X2APIC)
		vm_add_vcpu(vm, 0x101);
	vcpu_apic_write(&vm->vcpu[NR_VCPUS - 1], APIC_SVR, SPURIOUS_VECTOR);
}

void drive_init(void)
{
	unsigned int i;

	for (i = 0; i < NR_MACHINES; i++) {
		vm_create(&machines[i], i == MACHINE_X2APIC ? VM_X2APIC : 0, NR_VCPUS);
		vm_create(&twins[i], i == MACHINE_X2APIC ? VM_X2APIC : 0, NR_VCPUS);
		set_apic(&machines[i], i);
		set_apic(&twins[i], i);
	}
	for (i = 0; i < MAX_EVENTFDS; i++)
		now.eventfd[i] = new_eventfd();
	now.notify_fd = new_eventfd();
	now.foreign_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static bool deliver(struct model *m, const struct message *message)
{
	struct kvm_msi msi = {
		.address_lo = message->address, .address_hi = message->address >> 32,
		.data = message->data,
	};
	__u32 mode = message->data >> 8 & 7;

	(void)m;
	now.sent = true;
	if (mode > 1)
		now.other_mode = true;
	/* What may be for many is SENT before it is known who takes it. */
	if (message->address & 4 || (message->address >> 12 & 0xff) == 0xff)
		now.broad = true;
	return ioctl(now.twin->fd, KVM_SIGNAL_MSI, &msi) > 0;
}

static void get_irr(struct vcpu *vcpu, __u32 *irr)
{
	struct kvm_lapic_state lapic;
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic))
		die("KVM_GET_LAPIC");
	for (i = 0; i < 8; i++)
		irr[i] = *(__u32 *)(lapic.regs + APIC_IRR + i * 16);
}

/* What is not seen in the IRR; an INIT is not seen at all. */
static unsigned int take_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;
	unsigned int seen;

	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events))
		die("KVM_GET_VCPU_EVENTS");
	seen = events.nmi.pending | events.smi.pending << 1;
	events.nmi.pending = 0;
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	if (seen & 1 && ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events))
		die("KVM_SET_VCPU_EVENTS");
	return seen;
}

static void clear_machines(void)
{
	unsigned int i;

	for (i = 0; i < now.vm->nr_vcpus; i++) {
		vcpu_clear_irr(&now.vm->vcpu[i]);
		vcpu_clear_irr(&now.twin->vcpu[i]);
		take_events(&now.vm->vcpu[i]);
		take_events(&now.twin->vcpu[i]);
	}
	now.since_clear = 0;
}

static bool same_messages(bool full)
{
	__u32 irr[8], twin_irr[8];
	unsigned int i, j;

	if (!full && !now.sent)
		return true;
	for (i = 0; i < now.vm->nr_vcpus; i++) {
		get_irr(&now.vm->vcpu[i], irr);
		get_irr(&now.twin->vcpu[i], twin_irr);
		for (j = 0; j < 256; j++)
			if ((irr[j / 32] ^ twin_irr[j / 32]) >> j % 32 & 1)
				return differ("IRR of vCPU %u: vector %#x is %s", i, j,
					      irr[j / 32] >> j % 32 & 1 ?
					      "there, and should not" : "missing");
		if (full || now.other_mode) {
			unsigned int seen = take_events(&now.vm->vcpu[i]);
			unsigned int twin_seen = take_events(&now.twin->vcpu[i]);

			if (seen != twin_seen)
				return differ("vCPU %u: NMI (1), SMI (2): %u, not %u", i, seen,
					      twin_seen);
		}
	}
	now.other_mode = false;
	if (now.sent && ++now.since_clear == CLEAR_EVERY)
		clear_machines();
	now.sent = false;
	return true;
}

/* ---- comparing ---- */

static int call(unsigned long request, void *arg)
{
	int ret = ioctl(now.fn.fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static bool same_errors(const struct errors *e, int ret)
{
	char right[256] = "";
	unsigned int i;

	for (i = 0; i < e->nr; i++) {
		if (ret == -e->of[i]) {
			statistics.refused++;
			return true;
		}
		snprintf(right + strlen(right), sizeof(right) - strlen(right), " %s",
			 strerrorname_np(e->of[i]));
	}
	if (!e->nr && ret >= 0)
		return true;
	return differ("%s, and should: %s", ret < 0 ? strerrorname_np(-ret) : "succeeded",
		      e->nr ? right : "succeed");
}

static bool same_config(unsigned int offset)
{
	struct msi_route_access access = {
		.size = sizeof(access), .offset = offset, .len = 4, .value = 0xa5c35a3c,
	};
	__u32 owned, value = model_config(&now.model, offset, &owned);
	int ret = call(MSI_ROUTE_READ, &access);

	value = (value & owned) | (0xa5c35a3c & ~owned);
	if (ret || (__u32)access.value != value)
		return differ("configuration space %#x: %#x, not %#x", offset,
			      (__u32)access.value, value);
	return true;
}

static bool same_all_config(bool everything)
{
	unsigned int offset;
	__u32 owned;

	for (offset = 0; offset < 0x100; offset += 4) {
		model_config(&now.model, offset, &owned);
		if ((owned || everything) && !same_config(offset))
			return false;
	}
	return true;
}

static bool same_entry(unsigned int entry)
{
	const __u32 *dwords = (const void *)(now.image + now.fn.shape.mmap_table + entry * 16);
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (dwords[i] != model_table(&now.model, entry * 4 + i))
			return differ("table entry %u dword %u: %#x, not %#x", entry, i, dwords[i],
				      model_table(&now.model, entry * 4 + i));
	return true;
}

/* The first ones, where most is done, and a window that moves over the others. */
static bool same_image(bool full)
{
	const __u64 *pba = (const void *)(now.image + now.fn.shape.mmap_pba);
	unsigned int i, n = now.model.cap[MSIX].max;

	if (!n)
		return true;
	for (i = 0; i < n && (full || i < 4); i++)
		if (!same_entry(i))
			return false;
	for (i = 0; i < WINDOW && !full; i++)
		if (!same_entry(now.window++ % n))
			return false;
	for (i = 0; i < (n + 63) / 64 && (full || i < 4); i++)
		if (pba[i] != model_pba(&now.model, i))
			return differ("PBA qword %u: %#llx, not %#llx", i,
				      (unsigned long long)pba[i],
				      (unsigned long long)model_pba(&now.model, i));
	return true;
}

static const struct {
	const char *name;
	size_t offset;
} counted[] = {
#define COUNTER(name) { #name, offsetof(struct msi_route_counters, name) }
	COUNTER(events), COUNTER(messages), COUNTER(coalesced), COUNTER(cleared),
	COUNTER(unreached), COUNTER(dropped_address), COUNTER(dropped_mode),
	COUNTER(dropped_vector), COUNTER(replayed), COUNTER(held), COUNTER(holds),
	COUNTER(holds_expired), COUNTER(bad_accesses), COUNTER(both_enabled),
	COUNTER(dropped_absent),
};

/* Events, messages, coalesced of a vector that was given back: until its block is freed. */
static bool skip(__u32 kind, __u32 vector, unsigned int counter)
{
	return counter < 3 && vector != MSI_ROUTE_ALL_VECTORS &&
	       now.model.cap[kind].vector[vector].gone;
}

static bool get_counters(__u32 kind, __u32 vector, struct msi_route_counters *c)
{
	memset(c, 0, sizeof(*c));
	c->size = sizeof(*c);
	c->kind = kind;
	c->vector = vector;
	return !call(MSI_ROUTE_GET_COUNTERS, c);
}

static bool same_counters(__u32 kind, __u32 vector)
{
	struct msi_route_counters c, right;
	unsigned int i;

	if (!get_counters(kind, vector, &c))
		return differ("counters of kind %u: %s", kind, strerror(errno));
	model_counters(&now.model, kind, vector, &right);
	if (c.pending != right.pending)
		return differ("counters of kind %u, vector %d: pending is %u, not %u", kind,
			      (int)vector, c.pending, right.pending);
	for (i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		__u64 is = *(__u64 *)((char *)&c + counted[i].offset);
		__u64 should = *(__u64 *)((char *)&right + counted[i].offset);

		if (is != should && !skip(kind, vector, i))
			return differ("counters of kind %u, vector %d: %s is %llu, not %llu",
				      kind, (int)vector, counted[i].name,
				      (unsigned long long)is, (unsigned long long)should);
	}
	return true;
}

static bool same_totals(void)
{
	unsigned int kind;

	for (kind = 0; kind < NR_KINDS; kind++)
		if (now.model.cap[kind].max && !same_counters(kind, MSI_ROUTE_ALL_VECTORS))
			return false;
	return true;
}

static bool same_vectors(void)
{
	unsigned int kind, i;

	for (kind = 0; kind < NR_KINDS; kind++)
		for (i = 0; i < now.model.cap[kind].nr; i++)
			if (!same_counters(kind, i))
				return false;
	return true;
}

static __u64 drain_eventfd(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* What nobody takes is there, and what a vector takes is not. */
static bool same_eventfds(void)
{
	unsigned int i;

	for (i = 0; i < MAX_EVENTFDS; i++) {
		__u64 count = drain_eventfd(now.eventfd[i]);

		if (count != now.model.count[i])
			return differ("eventfd %u: %llu, not %llu", i, (unsigned long long)count,
				      (unsigned long long)now.model.count[i]);
		if (count)
			signal_eventfd(now.eventfd[i], count);
	}
	return true;
}

static bool same(bool full)
{
	if (now.flush) {
		/* A broadcast that a signal left to a work item is there then. */
		if (!same_config(0))
			return false;
		now.flush = false;
	}
	if (!same_totals() || !same_image(full) || !same_messages(full))
		return false;
	if (full)
		return same_all_config(true) && same_vectors() && same_eventfds();
	if (now.config_written) {
		now.config_written = false;
		return same_all_config(false);
	}
	return true;
}

/* ---- time ---- */

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* A short bound runs out by itself; it may take as long as it takes. */
static bool wait_for_expiry(void)
{
	unsigned int tries;

	model_expire(&now.model);
	statistics.expired++;
	/* A read completes what was deferred. */
	for (tries = 0; tries < 100000; tries++)
		if (!same_config(0) || same_totals())
			break;
	return true;
}

/* Nothing changes when a function is stopped and runs again, but that bounds begin anew. */
static bool rearm(void)
{
	struct msi_route_set_run arg = { .size = sizeof(arg) };
	int ret = call(MSI_ROUTE_SET_RUN, &arg);

	arg.run = 1;
	ret = ret ?: call(MSI_ROUTE_SET_RUN, &arg);
	now.armed = now_ns();
	return !ret || differ("MSI_ROUTE_SET_RUN: %s", strerror(-ret));
}

/* A bound that should not have: a difference says nothing then. */
static bool ran_out(void)
{
	struct msi_route_counters c;
	unsigned int kind;

	for (kind = MSIX; kind <= MSI && now.model.bound == LONG_BOUND; kind++)
		if (get_counters(kind, MSI_ROUTE_ALL_VECTORS, &c) &&
		    c.holds_expired > now.model.cap[kind].total.holds_expired)
			return true;
	return false;
}

static bool mind_the_time(void)
{
	if (!model_holds(&now.model)) {
		now.armed = 0;
		return true;
	}
	if (now.model.bound == SHORT_BOUND)
		return wait_for_expiry();
	if (!now.armed)
		now.armed = now_ns();
	else if (now_ns() - now.armed > REARM_NS)
		return rearm();
	return true;
}

/* ---- the function ---- */

static void add_statistics(void)
{
	unsigned int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		const struct msi_route_counters *total = &now.model.cap[kind].total;

		statistics.messages += total->messages;
		statistics.replayed += total->replayed;
		statistics.unreached += total->unreached;
		statistics.dropped += total->dropped_address + total->dropped_mode +
				      total->dropped_vector;
		statistics.held += total->held;
	}
}

static void open_image(void)
{
	now.image = NULL;
	if (!now.fn.shape.mmap_size)
		return;
	now.image = mmap(NULL, now.fn.shape.mmap_size, PROT_READ, MAP_SHARED, now.fn.fd, 0);
	if (now.image == MAP_FAILED)
		die("mmap of a function");
}

static void close_image(void)
{
	if (now.image)
		munmap((void *)now.image, now.fn.shape.mmap_size);
}

static bool begin(const struct program *p)
{
	struct msi_route_set_hold hold = { .size = sizeof(hold), .bound_ns = LONG_BOUND };
	unsigned int i;

	now.vm = &machines[p->machine];
	now.twin = &twins[p->machine];
	now.model.deliver = deliver;
	now.sent = now.other_mode = now.flush = now.config_written = false;
	now.window = 0;
	now.armed = 0;
	if (function_try_open(&now.fn, now.vm, p->shape) < 0)
		return differ("MSI_ROUTE_CREATE: %s", strerror(-now.fn.fd));
	model_create(&now.model, &p->shape, now.vm->flags & VM_X2APIC, LONG_BOUND, LONG_BOUND);
	open_image();
	clear_machines();
	for (i = 0; i < MAX_EVENTFDS; i++)
		drain_eventfd(now.eventfd[i]);
	drain_eventfd(now.notify_fd);
	return !call(MSI_ROUTE_SET_HOLD, &hold) || differ("MSI_ROUTE_SET_HOLD");
}

static void end(void)
{
	add_statistics();
	close_image();
	close(now.fn.fd);
	model_destroy(&now.model);
}

/* ---- operations ---- */

static bool do_access(const __u64 *arg, bool write)
{
	struct msi_route_access a = {
		.size = sizeof(a), .space = arg[0], .offset = arg[1], .len = arg[2],
		.value = arg[3],
	};
	struct msi_route_access given = a;
	struct errors e;
	__u64 value;
	int ret;

	/* A hold that the first dword opens may run out before the next is written. */
	if (write && a.space == MSI_ROUTE_CONFIG && a.offset % 4 + a.len > 4 &&
	    now.model.bound == SHORT_BOUND)
		return true;
	ret = call(write ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, &a);
	e = model_access(&now.model, write, &given, &value);
	now.config_written = write && given.space == MSI_ROUTE_CONFIG;
	if (!same_errors(&e, ret))
		return false;
	if (!write && !ret && (a.value ^ value) << (64 - given.len * 8))
		return differ("read %#llx, not %#llx", (unsigned long long)a.value,
			      (unsigned long long)value);
	return true;
}

static bool do_trigger(const __u64 *arg, unsigned long request)
{
	struct msi_route_trigger t = {
		.size = sizeof(t), .kind = arg[0], .vector = arg[1], .outcome = ~0U,
	};
	int ret = call(request, &t);
	__u32 outcome = 0;
	struct errors e;

	now.broad = false;
	e = request == MSI_ROUTE_TRIGGER ? model_trigger(&now.model, arg[0], arg[1], &outcome) :
					   model_clear(&now.model, arg[0], arg[1], &outcome);
	if (!same_errors(&e, ret))
		return false;
	if (!ret && t.outcome != outcome &&
	    !(now.broad && t.outcome == MSI_ROUTE_SENT && outcome == MSI_ROUTE_UNREACHED))
		return differ("outcome %u, not %u", t.outcome, outcome);
	return true;
}

static bool do_signal(const __u64 *arg)
{
	signal_eventfd(now.eventfd[arg[0]], arg[1]);
	model_signal(&now.model, arg[0], arg[1]);
	now.flush = true;
	return true;
}

/* The descriptor of what the model knows by a small number. */
static int descriptor(int eventfd)
{
	switch (eventfd) {
	case BAD_FD:
		return 100000;
	case FOREIGN_FD:
		return now.foreign_fd;
	default:
		return eventfd < 0 ? eventfd : now.eventfd[eventfd];
	}
}

static bool do_attach(const __u64 *arg)
{
	int eventfd = arg[3];
	struct errors e;
	int ret;

	ret = set_eventfd(&now.fn, arg[1], arg[2], descriptor(eventfd), arg[0]);
	e = model_set_eventfd(&now.model, arg[0], arg[1], arg[2], eventfd);
	return same_errors(&e, ret);
}

static bool do_attach_many(const __u64 *arg)
{
	static int eventfds[MAX_ENTRIES], fds[MAX_ENTRIES];
	unsigned int i, used = 0, nr = arg[3] < MAX_ENTRIES ? arg[3] : MAX_ENTRIES;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[4]);
	for (i = 0; i < nr; i++) {
		bool detach = !(arg[0] & (MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE)) ||
			      chance(&r, 2);

		eventfds[i] = detach && chance(&r, 20) ? NO_EVENTFD : MSI_ROUTE_EVENTFD_KEEP;
		if (chance(&r, 40))
			eventfds[i] = chance(&r, 90) ? (int)(used++ + arg[4]) % MAX_EVENTFDS :
						       (int)below(&r, MAX_EVENTFDS);
		if (chance(&r, 1))
			eventfds[i] = chance(&r, 50) ? BAD_FD : FOREIGN_FD;
		fds[i] = descriptor(eventfds[i]);
	}
	now.model.fault = arg[4] % 32 == 0;
	ret = set_eventfds(&now.fn, arg[1], arg[2], nr, now.model.fault ? NOWHERE : fds, arg[0]);
	e = model_set_eventfds(&now.model, arg[0], arg[1], arg[2], nr, eventfds);
	return same_errors(&e, ret);
}

static bool do_entries(const __u64 *arg)
{
	static struct msi_route_entry entries[MAX_ENTRIES];
	unsigned int i, nr = arg[1] < MAX_ENTRIES ? arg[1] : MAX_ENTRIES;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[2]);
	for (i = 0; i < nr; i++)
		entries[i] = random_entry(&r);
	now.model.fault = arg[2] % 32 == 0;
	ret = set_entries(&now.fn, arg[0], nr, now.model.fault ? NOWHERE : entries);
	e = model_set_entries(&now.model, arg[0], nr, entries);
	return same_errors(&e, ret);
}

/* A work item signals it: what is to come may take its time. */
static __u64 wait_notified(void)
{
	struct pollfd p = { .fd = now.notify_fd, .events = POLLIN };

	if (now.model.signalled)
		poll(&p, 1, 10000);
	return drain_eventfd(now.notify_fd);
}

static bool do_notify(const __u64 *arg)
{
	int which = arg[1];
	int fd = which >= 0 ? now.notify_fd : descriptor(which);
	__u64 count = wait_notified();
	struct errors e;
	int ret;

	ret = set_notify(&now.fn, arg[0], fd);
	e = model_set_notify(&now.model, arg[0], which);
	if (ret && count)
		signal_eventfd(now.notify_fd, count);
	return same_errors(&e, ret);
}

static bool do_changes(const __u64 *arg)
{
	static struct msi_route_vector_change changes[MAX_ENTRIES];
	struct errors e = { 0 };
	bool more, signalled;
	int i, ret, left;

	signalled = wait_notified();
	if (signalled != now.model.signalled)
		return differ("the VMM was%s told that something changed", signalled ? "" : " not");
	now.model.signalled = false;
	ret = get_changes(&now.fn, changes, arg[0], &more);
	may_fail(&e, !arg[0], EINVAL);
	if (!same_errors(&e, ret) || ret < 0)
		return e.nr && ret < 0;
	for (i = 0; i < ret; i++)
		if (!model_take_change(&now.model, &changes[i]))
			return differ("change %d of %d is wrong: kind %u vector %u changes %#x "
				      "state %#x address %#llx data %#x", i, ret, changes[i].kind,
				      changes[i].vector, changes[i].changes, changes[i].state,
				      (unsigned long long)changes[i].address, changes[i].data);
	left = model_changes(&now.model);
	if (more != !!left || (left && ret != (int)arg[0]))
		return differ("%d changes of %d, and %d should be left", ret, (int)arg[0], left);
	now.model.signalled = more;
	return true;
}

static bool do_run(__u32 run)
{
	int ret = set_run(&now.fn, run);
	struct errors e = model_set_run(&now.model, run);

	now.armed = 0;
	return same_errors(&e, ret);
}

struct arrays {
	struct msi_route_entry entries[MAX_ENTRIES], ims[MAX_ENTRIES];
	__u64 pba[QWORDS], held[QWORDS], ims_pending[QWORDS];
};

static struct arrays saved, right;

static void prepare(struct msi_route_state *s, struct arrays *a, int byte)
{
	memset(a, byte, sizeof(*a));
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->msix_vectors = now.model.shape.msix_vectors;
	s->msi_vectors = now.model.shape.msi_vectors;
	s->msi_flags = now.model.shape.msi_flags;
	s->ims_max = now.model.cap[IMS].max;
	s->entries = (unsigned long)a->entries;
	s->pba = (unsigned long)a->pba;
	s->held = (unsigned long)a->held;
	s->ims_entries = (unsigned long)a->ims;
	s->ims_pending = (unsigned long)a->ims_pending;
}

static bool same_state(const struct msi_route_state *s, const struct msi_route_state *expected)
{
	const struct msi_route_state a = *s, b = *expected;
	unsigned int msix = now.model.cap[MSIX].max, ims = now.model.cap[IMS].nr;
	unsigned int i;

	/* Pointers differ. */
	if (memcmp(&a, &b, offsetof(struct msi_route_state, entries)) ||
	    memcmp(&a.msix_granted, &b.msix_granted, offsetof(struct msi_route_state, ims_entries) -
		   offsetof(struct msi_route_state, msix_granted))) {
		for (i = 0; i < sizeof(a); i += 4)
			if (memcmp((char *)&a + i, (char *)&b + i, 4))
				break;
		return differ("saved state differs at byte %u: %#x, not %#x", i,
			      *(__u32 *)((char *)&a + i), *(__u32 *)((char *)&b + i));
	}
	if (memcmp(saved.entries, right.entries, msix * sizeof(saved.entries[0])))
		return differ("saved entries differ");
	if (memcmp(saved.pba, right.pba, (msix + 63) / 64 * 8) ||
	    memcmp(saved.held, right.held, (msix + 63) / 64 * 8))
		return differ("saved Pending bits or holds differ");
	if (memcmp(saved.ims, right.ims, ims * sizeof(saved.ims[0])))
		return differ("saved entries of the message store differ");
	for (i = 0; i < ims; i++)
		if ((saved.ims_pending[i / 64] ^ right.ims_pending[i / 64]) >> i % 64 & 1)
			return differ("saved Pending bit %u of the message store differs", i);
	return true;
}

static bool save_state(struct msi_route_state *s, __u32 flags)
{
	struct msi_route_state expected;
	struct errors e;
	int ret;

	prepare(s, &saved, 0xa5);
	prepare(&expected, &right, 0);
	s->flags = expected.flags = flags;
	ret = call(MSI_ROUTE_SAVE, s);
	e = model_save(&now.model, &expected);
	if (!same_errors(&e, ret))
		return false;
	return ret || same_state(s, &expected);
}

/* Something that another host may send, and that may be refused. */
static void mangle_state(struct rng *r, struct msi_route_state *s)
{
	__u32 one = 1U << below(r, 32), which;

	switch (below(r, 24)) {
	case 0:
		s->hold_bound_ns = LONG_BOUND + below(r, 2);
		break;
	case 1:
		s->bus_master = below(r, 3);
		break;
	case 2:
		s->msix_vectors += below(r, 2);
		break;
	case 3:
		s->msix_control ^= one;
		break;
	case 4:
		s->msi_vectors ^= one;
		break;
	case 5:
		s->msi_flags ^= 1 << below(r, 4);
		break;
	case 6:
		s->msi_control ^= one;
		break;
	case 7:
		s->msi_address_lo ^= one;
		break;
	case 8:
		s->msi_address_hi ^= one;
		break;
	case 9:
		s->msi_data ^= one;
		break;
	case 10:
		s->msi_mask ^= one;
		break;
	case 11:
		s->msi_pending ^= one;
		break;
	case 12:
		s->msi_held ^= one;
		break;
	case 13:
		s->msix_granted = below(r, s->msix_vectors + 2);
		break;
	case 14:
		s->grant_request ^= one;
		break;
	case 15:
		s->grant_status = below(r, 8);
		break;
	case 16:
		s->ims_granted = below(r, s->ims_max + 2);
		break;
	case 17:
		s->ims_max += below(r, 2);
		break;
	case 18:
		which = below(r, 3);
		*(which == 0 ? &s->flags : which == 1 ? &s->reserved3 : &s->grant_status) =
			1 + !which;
		break;
	case 19:
		saved.entries[below(r, s->msix_vectors + 1)].address_lo ^= one;
		break;
	case 20:
		saved.entries[below(r, s->msix_vectors + 1)].control ^= 1;
		break;
	case 21:
		saved.pba[below(r, (s->msix_vectors + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
		break;
	case 22:
		saved.held[below(r, (s->msix_vectors + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
		break;
	default:
		saved.ims_pending[below(r, (s->ims_max + 63) / 64 + 1)] ^= 1ULL << below(r, 64);
	}
}

static bool do_restore(const __u64 *arg)
{
	struct msi_route_state s;
	struct errors e;
	struct rng r;
	int ret;

	if (!save_state(&s, 0))
		return false;
	seed_rng(&r, arg[0]);
	now.model.fault = arg[0] && now.model.shape.msix_vectors && arg[0] % 32 == 0;
	if (arg[0])
		mangle_state(&r, &s);
	if (now.model.fault)
		s.entries = (unsigned long)NOWHERE;
	ret = call(MSI_ROUTE_RESTORE, &s);
	s.entries = (unsigned long)saved.entries;
	e = model_restore(&now.model, &s);
	now.config_written = true;
	return same_errors(&e, ret);
}

/* To a fresh function, which then is the one that is driven. */
static bool do_migrate(const __u64 *arg)
{
	struct function from = now.fn;
	struct msi_route_state s;
	struct errors e;
	__u64 count[MAX_EVENTFDS];
	int ret;

	if (!do_run(0) || !save_state(&s, arg[0] >> 1))
		return false;
	close_image();
	/* As it came back. */
	if (function_try_open(&now.fn, now.vm, from.shape) < 0)
		return differ("MSI_ROUTE_CREATE: %s", strerror(-now.fn.fd));
	close(from.fd);
	open_image();
	drain_eventfd(now.notify_fd);
	memcpy(count, now.model.count, sizeof(count));
	{
		struct msi_route_create shape = now.model.shape;
		bool x2apic = now.model.x2apic;

		add_statistics();
		model_destroy(&now.model);
		model_create(&now.model, &shape, x2apic, LONG_BOUND, LONG_BOUND);
	}
	memcpy(now.model.count, count, sizeof(count));
	if (!do_run(0))
		return false;
	ret = call(MSI_ROUTE_RESTORE, &s);
	e = model_restore(&now.model, &s);
	if (!same_errors(&e, ret))
		return false;
	return !(arg[0] & 1) || do_run(1);
}

static bool do_translate(const __u64 *arg)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .flags = arg[0], .kind = arg[1], .vector = arg[2],
	};
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[3]);
	if (t.kind < NR_KINDS && t.vector < now.model.cap[t.kind].nr) {
		struct message raw = model_message(&now.model, t.kind, t.vector);

		t.raw_address = raw.address;
		t.raw_data = raw.data;
	}
	if (arg[3] % 4 == 0) {
		t.raw_address ^= 1ULL << below(&r, 64);
		t.raw_data ^= below(&r, 2);
	}
	if (!(t.flags & MSI_ROUTE_TRANSLATION_NONE) || chance(&r, 5)) {
		t.address = random_lo(&r);
		t.address |= (__u64)random_hi(&r) << 32;
		t.data = random_data(&r);
	}
	ret = call(MSI_ROUTE_SET_TRANSLATION, &t);
	e = model_translate(&now.model, &t);
	return same_errors(&e, ret);
}

static bool do_resize(const __u64 *arg)
{
	struct msi_route_resize s = {
		.size = sizeof(s), .flags = arg[0], .kind = arg[1], .min = arg[2], .nr = arg[3],
		.limit = arg[4], .granted = ~0U,
	};
	__u32 granted = 0;
	struct errors e;
	int ret;

	ret = call(MSI_ROUTE_RESIZE, &s);
	e = model_resize(&now.model, &s, &granted);
	now.config_written = true;
	if (!same_errors(&e, ret))
		return false;
	if (!ret && s.granted != granted)
		return differ("granted %u, not %u", s.granted, granted);
	return true;
}

static bool do_ims(const __u64 *arg)
{
	static struct msi_route_ims_op ims[MAX_ENTRIES];
	unsigned int i, n = now.model.cap[IMS].nr, nr = arg[0] < MAX_ENTRIES ? arg[0] : MAX_ENTRIES;
	struct msi_route_ims s = { .size = sizeof(s), .nr = arg[0], .ops = (unsigned long)ims };
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[1]);
	memset(ims, 0, nr * sizeof(ims[0]));
	for (i = 0; i < nr; i++) {
		ims[i].vector = chance(&r, 70) ? below(&r, n < 4 ? n ?: 1 : 4) : below(&r, n ?: 1);
		ims[i].op = chance(&r, 50) ? MSI_ROUTE_IMS_SET : below(&r, 4);
		if (ims[i].op == MSI_ROUTE_IMS_FREE && chance(&r, 50))
			ims[i].op = MSI_ROUTE_IMS_UNMASK;
		if (ims[i].op == MSI_ROUTE_IMS_SET || chance(&r, 1))
			ims[i].entry = random_entry(&r);
		if (chance(&r, 1))
			ims[i].vector += n;
		if (chance(&r, 1))
			ims[i].op += 4;
	}
	now.model.fault = arg[1] % 32 == 0;
	if (now.model.fault)
		s.ops = (unsigned long)NOWHERE;
	ret = call(MSI_ROUTE_SET_IMS, &s);
	e = model_set_ims(&now.model, arg[0], ims);
	return same_errors(&e, ret);
}

static bool do_counters(const __u64 *arg)
{
	struct msi_route_counters c, should;
	struct errors e = model_counters(&now.model, arg[0], arg[1], &should);
	int ret = get_counters(arg[0], arg[1], &c) ? 0 : -errno;

	if (!same_errors(&e, ret))
		return false;
	return ret || same_counters(arg[0], arg[1]);
}

/* Requests and their structs; last: the last field is a reserved one. */
static const struct {
	unsigned long request;
	unsigned int size;
	bool reserved;
} requests[] = {
	{ MSI_ROUTE_READ, sizeof(struct msi_route_access), false },
	{ MSI_ROUTE_WRITE, sizeof(struct msi_route_access), false },
	{ MSI_ROUTE_TRIGGER, sizeof(struct msi_route_trigger), false },
	{ MSI_ROUTE_CLEAR_PENDING, sizeof(struct msi_route_trigger), false },
	{ MSI_ROUTE_SET_EVENTFD, sizeof(struct msi_route_eventfd), true },
	{ MSI_ROUTE_SET_BUS_MASTER, sizeof(struct msi_route_bus_master), false },
	{ MSI_ROUTE_RESET, sizeof(struct msi_route_reset), true },
	{ MSI_ROUTE_SET_HOLD, sizeof(struct msi_route_set_hold), false },
	{ MSI_ROUTE_GET_COUNTERS, sizeof(struct msi_route_counters), false },
	{ MSI_ROUTE_MAP, sizeof(struct msi_route_map), false },
	{ MSI_ROUTE_GET_MAP, sizeof(struct msi_route_get_map), false },
	{ MSI_ROUTE_SET_EVENTFDS, sizeof(struct msi_route_eventfds), false },
	{ MSI_ROUTE_SET_ENTRIES, sizeof(struct msi_route_entries), false },
	{ MSI_ROUTE_SET_NOTIFY, sizeof(struct msi_route_set_notify), true },
	{ MSI_ROUTE_GET_CHANGES, sizeof(struct msi_route_get_changes), false },
	{ MSI_ROUTE_SET_RUN, sizeof(struct msi_route_set_run), false },
	{ MSI_ROUTE_SAVE, sizeof(struct msi_route_state), false },
	{ MSI_ROUTE_RESTORE, sizeof(struct msi_route_state), false },
	{ MSI_ROUTE_SET_TRANSLATION, sizeof(struct msi_route_translation), false },
	{ MSI_ROUTE_RESIZE, sizeof(struct msi_route_resize), true },
	{ MSI_ROUTE_SET_IMS, sizeof(struct msi_route_ims), false },
	{ MSI_ROUTE_RENEW, sizeof(struct msi_route_renew), true },
	{ MSI_ROUTE_GET_VECTORS, sizeof(struct msi_route_get_vectors), false },
	{ MSI_ROUTE_QUERY, sizeof(struct msi_route_query), false },
};

static bool do_mangle(const __u64 *arg)
{
	unsigned int i, how = arg[1];
	struct errors e = { 0 };
	__u8 buffer[256] = { 0 };
	__u32 *size = (__u32 *)buffer;
	int ret;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].request == _IO(MSI_ROUTE_TYPE, arg[0]))
			break;
	if (i == sizeof(requests) / sizeof(requests[0])) {
		*size = 16;
		may_fail(&e, true, ENOTTY);
		ret = call(_IO(MSI_ROUTE_TYPE, arg[0]), buffer);
		return same_errors(&e, ret);
	}
	*size = requests[i].size;
	switch (how) {
	case MANGLE_EMPTY:
	case MANGLE_SHORT:
		*size = how == MANGLE_SHORT ? 4 : 0;
		may_fail(&e, true, EINVAL);
		break;
	case MANGLE_LONG:
		/* Whatever it is otherwise, this one is right. */
		i = 0;
		*size = requests[i].size + 16;
		((struct msi_route_access *)buffer)->len = 4;
		break;
	case MANGLE_DIRTY:
		buffer[*size + 4] = 1;
		*size += 8;
		may_fail(&e, true, E2BIG);
		break;
	case MANGLE_RESERVED:
		if (!requests[i].reserved)
			return true;
		*(__u32 *)(buffer + *size - 4) = ~0U;
		may_fail(&e, true, EOPNOTSUPP);
		/* An eventfd, a kind, a number that are 0 may be wrong as well. */
		may_fail(&e, requests[i].size > 8, EINVAL);
		may_fail(&e, requests[i].size > 8, ENODEV);
		may_fail(&e, requests[i].size > 8, ECHRNG);
		may_fail(&e, requests[i].size > 8, EBADF);
		break;
	default:
		may_fail(&e, true, EFAULT);
		ret = call(requests[i].request, NOWHERE);
		return same_errors(&e, ret);
	}
	ret = call(requests[i].request, buffer);
	return same_errors(&e, ret);
}

static bool do_create(const __u64 *arg)
{
	struct msi_route_create shape;
	struct function fn;
	struct errors e;
	struct rng r;
	int ret;

	seed_rng(&r, arg[0]);
	random_shape(&r, below(&r, NR_MACHINES), &shape);
	mangle_shape(&r, &shape);
	ret = function_try_open(&fn, now.vm, shape);
	e = model_shape(&shape, now.vm->flags & VM_X2APIC);
	if (ret >= 0)
		close(fn.fd);
	if (!same_errors(&e, ret)) {
		struct program p = { .shape = shape };

		print_program(stdout, &p);
		return false;
	}
	return true;
}

static bool do_op(const struct op *op)
{
	const __u64 *arg = op->arg;
	struct errors e;
	int ret;

	now.model.fault = false;
	switch (op->code) {
	case OP_WRITE:
		return do_access(arg, true);
	case OP_READ:
		return do_access(arg, false);
	case OP_TRIGGER:
		return do_trigger(arg, MSI_ROUTE_TRIGGER);
	case OP_CLEAR:
		return do_trigger(arg, MSI_ROUTE_CLEAR_PENDING);
	case OP_SIGNAL:
		return do_signal(arg);
	case OP_ATTACH:
		return do_attach(arg);
	case OP_ATTACH_MANY:
		return do_attach_many(arg);
	case OP_BUS_MASTER:
		ret = set_bus_master(&now.fn, arg[0]);
		e = model_bus_master(&now.model, arg[0]);
		return same_errors(&e, ret);
	case OP_RESET:
		/* The VMM reads its eventfd before; of what a reset changes it may be told. */
		wait_notified();
		now.model.signalled = false;
		ret = reset(&now.fn);
		drain_eventfd(now.notify_fd);
		e = model_reset(&now.model);
		now.config_written = true;
		return same_errors(&e, ret);
	case OP_HOLD:
		ret = set_hold(&now.fn, arg[0]);
		e = model_set_hold(&now.model, arg[0]);
		return same_errors(&e, ret);
	case OP_ENTRIES:
		return do_entries(arg);
	case OP_NOTIFY:
		return do_notify(arg);
	case OP_CHANGES:
		return do_changes(arg);
	case OP_RUN:
		return do_run(arg[0]);
	case OP_SAVE: {
		struct msi_route_state s;

		return save_state(&s, arg[0]);
	}
	case OP_RESTORE:
		return do_restore(arg);
	case OP_MIGRATE:
		return do_migrate(arg);
	case OP_TRANSLATE:
		return do_translate(arg);
	case OP_RESIZE:
		return do_resize(arg);
	case OP_IMS:
		return do_ims(arg);
	case OP_RENEW:
		ret = renew(&now.fn);
		e = model_renew(&now.model);
		return same_errors(&e, ret);
	case OP_COUNTERS:
		return do_counters(arg);
	case OP_MANGLE:
		return do_mangle(arg);
	case OP_CREATE:
		return do_create(arg);
	default:
		return differ("unknown operation");
	}
}

enum verdict drive(const struct program *p, unsigned int full, unsigned int *at)
{
	bool right = begin(p), slow;
	unsigned int i;

	for (i = 0; right && i < p->nr; i++) {
		bool last = i == p->nr - 1;

		*at = i;
		right = do_op(&p->op[i]) && mind_the_time() && same(last || i % full == full - 1);
		statistics.ops++;
		kcov_take();
	}
	slow = !right && ran_out();
	if (now.fn.fd >= 0)
		end();
	if (right)
		return SAME;
	if (slow) {
		statistics.slow++;
		return TOO_SLOW;
	}
	return DIFFERENT;
}
