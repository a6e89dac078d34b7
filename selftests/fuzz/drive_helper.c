// SPDX-License-Identifier: GPL-2.0
/*
 * Drives the helper for VMMs (lib/msi_route_vmm.h): each program on the module and on the
 * fallback, and from one to the other where it migrates.  What only the module has is left
 * out: update holds, changes, translations, vectors that come and go, a message store,
 * counters.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "../guest/function.h"
#include "../../lib/msi_route_vmm.h"
#include "drive.h"
#include "kcov.h"
#include "machines.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define WINDOW		16
#define LOOK_EVERY	4	/* at the PBA: a look takes what eventfds hold */
#define MAX_STATE	(1 << 16)
#define PATIENCE_NS	5000000000ULL	/* for a work item of KVM's */
#define FILLER		0xa5c35a3cU

enum backend { KERNEL, USER, NR_BACKENDS };

static const char *const names[NR_BACKENDS] = { "module", "fallback" };

struct statistics statistics;

/* A machine has a struct for each backend; only one of them has a function at a time. */
static struct mrv_vm hosts[NR_MACHINES][NR_BACKENDS];

static struct {
	struct mrv_function fn[2], *f;	/* the one under test, and room for another */
	enum backend backend;
	unsigned int machine;
	struct model model;
	int eventfd[MAX_EVENTFDS], foreign_fd;
	unsigned int window, looks;
} now;

static __u8 state[MAX_STATE];

void drive_init(void)
{
	const __u32 backend[NR_BACKENDS] = { MRV_VM_KERNEL, MRV_VM_USER };
	unsigned int i, j;

	machines_init();
	for (i = 0; i < NR_MACHINES; i++)
		for (j = 0; j < NR_BACKENDS; j++)
			if (mrv_vm_init(&hosts[i][j], machine(i)->fd, -1, backend[j] |
					(i == MACHINE_X2APIC ? MRV_VM_32BIT_IDS : 0)))
				die("mrv_vm_init");
	for (i = 0; i < MAX_EVENTFDS; i++)
		now.eventfd[i] = new_eventfd();
	now.foreign_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* ---- comparing ---- */

static bool same_errors(const struct errors *e, int ret)
{
	return same_outcome(names[now.backend], e, ret);
}

static bool same_config(void)
{
	unsigned int offset;
	__u32 owned, is, should;

	for (offset = 0; offset < 0x100; offset += 4) {
		is = FILLER;
		mrv_config_read(now.f, offset, &is, 4);
		should = model_config(&now.model, offset, &owned);
		should = (should & owned) | (FILLER & ~owned);
		if (is != should)
			return differ("%s: configuration space %#x: %#x, not %#x",
				      names[now.backend], offset, is, should);
	}
	return true;
}

static bool same_dword(unsigned int dword)
{
	const struct msi_route_create *s = &now.f->shape;
	__u32 value = 0, should = model_table(&now.model, dword);

	if (!mrv_bar_read(now.f, s->msix_table_bir, s->msix_table_offset + dword * 4ULL, &value, 4))
		return differ("%s: the table is not the function's", names[now.backend]);
	if (value != should)
		return differ("%s: table dword %#x: %#x, not %#x", names[now.backend], dword,
			      value, should);
	return true;
}

static bool same_pba(void)
{
	const struct msi_route_create *s = &now.f->shape;
	unsigned int i;
	__u64 value;

	for (i = 0; i < (s->msix_vectors + 63U) / 64; i++) {
		value = 0;
		mrv_bar_read(now.f, s->msix_pba_bir, s->msix_pba_offset + i * 8ULL, &value, 8);
		if (value != model_pba(&now.model, i))
			return differ("%s: PBA qword %u: %#llx, not %#llx", names[now.backend], i,
				      (unsigned long long)value,
				      (unsigned long long)model_pba(&now.model, i));
	}
	return true;
}

static bool same_table(bool full)
{
	unsigned int i, n = now.f->shape.msix_vectors * 4;

	for (i = 0; i < n && (full || i < WINDOW); i++)
		if (!same_dword(i))
			return false;
	for (i = 0; n && i < WINDOW; i++)
		if (!same_dword(now.window++ % n))
			return false;
	return true;
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static bool same(bool full)
{
	bool enabled[] = { now.model.msix_control & 0x8000, now.model.msi_control & 1 };
	__u64 begin = now_ns();

	/* KVM raises an irqfd's event by a work item if it cannot do so at once. */
	while ((full || pair.sent) && !settled() && now_ns() - begin < PATIENCE_NS)
		sched_yield();
	if (mrv_intx_allowed(now.f) && (enabled[MSIX] || enabled[MSI]))
		return differ("%s: INTx is allowed", names[now.backend]);
	return same_messages(full) && same_table(full) &&
	       ((!full && ++now.looks % LOOK_EVERY) || same_pba()) && (!full || same_config());
}

/* ---- the function ---- */

static void no_hold(void)
{
	struct msi_route_set_hold hold = { .size = sizeof(hold) };

	if (now.f->fd >= 0 && ioctl(now.f->fd, MSI_ROUTE_SET_HOLD, &hold))
		die("MSI_ROUTE_SET_HOLD");
}

static bool create(const struct msi_route_create *shape)
{
	int ret;

	now.f = now.f == &now.fn[0] ? &now.fn[1] : &now.fn[0];
	ret = mrv_create_shape(now.f, &hosts[now.machine][now.backend], shape);
	if (ret)
		return differ("%s: create: %s", names[now.backend], strerror(-ret));
	no_hold();
	model_create(&now.model, shape, pair.vm->flags & VM_X2APIC, 0, 0);
	return true;
}

/* What both backends have. */
static struct msi_route_create common(struct msi_route_create shape)
{
	shape.flags &= MSI_ROUTE_CREATE_EXT_DEST_ID | MSI_ROUTE_CREATE_DROP_DISABLED;
	shape.flags |= MSI_ROUTE_CREATE_COMMAND;
	shape.msix_granted = 0;
	shape.grant_cap = 0;
	shape.ims_vectors = 0;
	shape.ims_max = 0;
	if (!shape.msix_vectors && !shape.msi_vectors) {
		shape.msix_vectors = 5;
		shape.msix_cap = 0x40;
		shape.msix_pba_offset = 0x800;
	}
	return shape;
}

static void end(void)
{
	unsigned int kind;

	for (kind = 0; kind < MRV_NR_KINDS; kind++) {
		const struct msi_route_counters *total = &now.model.cap[kind].total;

		statistics.messages += total->messages;
		statistics.replayed += total->replayed;
		statistics.unreached += total->unreached;
		statistics.dropped += total->dropped_address + total->dropped_mode +
				      total->dropped_vector + total->dropped_disabled;
	}
	mrv_destroy(now.f);
	model_destroy(&now.model);
}

/* ---- operations ---- */

static bool access_bar(struct msi_route_access *a, bool write)
{
	const struct msi_route_create *s = &now.f->shape;
	bool table = a->space == MSI_ROUTE_TABLE;
	__u32 bar = table ? s->msix_table_bir : s->msix_pba_bir;
	__u64 at = a->offset + (__u64)(table ? s->msix_table_offset : s->msix_pba_offset);

	if (!s->msix_vectors)
		return false;
	return write ? mrv_bar_write(now.f, bar, at, &a->value, a->len) :
		       mrv_bar_read(now.f, bar, at, &a->value, a->len);
}

static bool do_access(const __u64 *arg, bool write)
{
	struct msi_route_access a = {
		.size = sizeof(a), .space = arg[0], .offset = arg[1], .len = arg[2],
		.value = arg[3],
	};
	struct errors e;
	__u64 value;
	bool mine = true;

	if (a.len > 8)
		return true;
	e = model_access(&now.model, write, &a, &value);
	if (a.space != MSI_ROUTE_CONFIG)
		mine = access_bar(&a, write);
	else if (write)
		mrv_config_write(now.f, a.offset, &a.value, a.len);
	else
		mrv_config_read(now.f, a.offset, &a.value, a.len);
	/* It may reach into what is beyond: the model says nothing of that. */
	if (e.nr)
		return true;
	if (!mine)
		return differ("%s: an access is not the function's", names[now.backend]);
	if (!write && (a.value ^ value) << (64 - a.len * 8))
		return differ("%s: read %#llx, not %#llx", names[now.backend],
			      (unsigned long long)a.value, (unsigned long long)value);
	return true;
}

static bool do_trigger(const __u64 *arg, bool clear)
{
	__u32 outcome = 0;
	struct errors e;
	int ret;

	if (arg[0] >= MRV_NR_KINDS)
		return true;
	pair.broad = false;
	e = clear ? model_clear(&now.model, arg[0], arg[1], &outcome) :
		    model_trigger(&now.model, arg[0], arg[1], &outcome);
	ret = clear ? mrv_clear_pending(now.f, arg[0], arg[1]) :
		      mrv_trigger(now.f, arg[0], arg[1]);
	if (!same_errors(&e, ret))
		return false;
	if (ret >= 0 && (__u32)ret != outcome &&
	    !(pair.broad && ret == MSI_ROUTE_SENT && outcome == MSI_ROUTE_UNREACHED))
		return differ("%s: outcome %d, not %u", names[now.backend], ret, outcome);
	return true;
}

static bool do_signal(const __u64 *arg)
{
	signal_eventfd(now.eventfd[arg[0]], arg[1]);
	model_signal(&now.model, arg[0], arg[1]);
	mrv_poll(now.f);
	return true;
}

static bool do_attach(const __u64 *arg)
{
	const __u32 known = MSI_ROUTE_EVENTFD_REPLACE | MSI_ROUTE_EVENTFD_ADD |
			    MSI_ROUTE_EVENTFD_REMOVE;
	const __u32 flags = arg[0];
	int eventfd = arg[3], fd = eventfd;
	struct errors e;
	int ret;

	if (arg[1] >= MRV_NR_KINDS || flags & ~known || flags & (flags - 1))
		return true;
	if (eventfd >= 0)
		fd = now.eventfd[eventfd];
	else if (eventfd == BAD_FD)
		fd = 100000;
	else if (eventfd == FOREIGN_FD)
		fd = now.foreign_fd;
	e = model_set_eventfd(&now.model, flags, arg[1], arg[2], eventfd);
	ret = mrv_set_eventfd(now.f, arg[1], arg[2], fd, flags);
	return same_errors(&e, ret);
}

static bool do_bus_master(const __u64 *arg)
{
	struct errors e;

	if (arg[0] > 1)
		return true;
	e = model_bus_master(&now.model, arg[0]);
	return same_errors(&e, mrv_set_command(now.f, arg[0] ? MRV_COMMAND_MASTER : 0));
}

static bool do_reset(const __u64 *arg)
{
	struct errors e;

	if (arg[0] & ~MSI_ROUTE_RESET_KEEP_BUS_MASTER)
		return true;
	e = model_reset(&now.model, arg[0]);
	return same_errors(&e, arg[0] ? mrv_reset_msi(now.f) : mrv_reset(now.f));
}

static bool do_run(__u64 run)
{
	struct errors e;

	if (run > 1)
		return true;
	e = model_set_run(&now.model, run);
	return same_errors(&e, run ? mrv_run(now.f) : mrv_stop(now.f));
}

/* The model's idea of the state is compared when the next function has it. */
static struct msi_route_state expected;
static struct msi_route_entry entries[MSI_ROUTE_MSIX_MAX_VECTORS + 64];
static __u64 pba[64], held[64];

static bool do_save(__u32 flags)
{
	struct errors e;
	int ret;

	if (flags & ~MSI_ROUTE_STATE_DETACH)
		return true;
	memset(&expected, 0, sizeof(expected));
	memset(pba, 0, sizeof(pba));
	memset(held, 0, sizeof(held));
	expected.size = sizeof(expected);
	expected.flags = flags;
	expected.msix_vectors = now.model.shape.msix_vectors;
	expected.msi_vectors = now.model.shape.msi_vectors;
	expected.msi_flags = now.model.shape.msi_flags;
	expected.entries = (unsigned long)entries;
	expected.pba = (unsigned long)pba;
	expected.held = (unsigned long)held;
	e = model_save(&now.model, &expected);
	ret = mrv_save_with(now.f, state, sizeof(state), flags & MSI_ROUTE_STATE_DETACH);
	return same_errors(&e, ret);
}

static bool restore(void)
{
	struct errors e = model_restore(&now.model, &expected);
	int ret = mrv_restore(now.f, state, sizeof(state));

	no_hold();
	return same_errors(&e, ret);
}

/* Into itself, if it is stopped. */
static bool do_restore(const __u64 *arg)
{
	if (arg[0] || now.model.run)
		return true;
	return do_save(0) && restore();
}

/* To a function of the other backend, which is the one under test from then on. */
static bool do_migrate(const __u64 *arg)
{
	const struct msi_route_create shape = now.model.shape;
	struct mrv_function *from = now.f;
	__u64 count[MAX_EVENTFDS];

	if (arg[0] >> 1 & ~MSI_ROUTE_STATE_DETACH)
		return true;
	if (!do_run(0) || !do_save(arg[0] >> 1))
		return false;
	memcpy(count, now.model.count, sizeof(count));
	model_destroy(&now.model);
	mrv_destroy(from);
	now.backend = !now.backend;
	if (!create(&shape))
		return false;
	memcpy(now.model.count, count, sizeof(count));
	if (!do_run(0) || !restore())
		return false;
	return !(arg[0] & 1) || do_run(1);
}

static bool do_op(const struct op *op)
{
	const __u64 *arg = op->arg;

	switch (op->code) {
	case OP_WRITE:
		return do_access(arg, true);
	case OP_READ:
		return do_access(arg, false);
	case OP_TRIGGER:
		return do_trigger(arg, false);
	case OP_CLEAR:
		return do_trigger(arg, true);
	case OP_SIGNAL:
		return do_signal(arg);
	case OP_ATTACH:
		return do_attach(arg);
	case OP_BUS_MASTER:
		return do_bus_master(arg);
	case OP_RESET:
		return do_reset(arg);
	case OP_RUN:
		return do_run(arg[0]);
	case OP_SAVE:
		return do_save(arg[0]);
	case OP_RESTORE:
		return do_restore(arg);
	case OP_MIGRATE:
		return do_migrate(arg);
	default:
		return true;
	}
}

static enum verdict drive_on(const struct program *p, enum backend backend, unsigned int full,
			     unsigned int *at)
{
	const struct msi_route_create shape = common(p->shape);
	__u64 count;
	unsigned int i;
	bool right;

	now.backend = backend;
	now.machine = p->machine;
	now.window = 0;
	machines_use(p->machine);
	now.model.deliver = deliver;
	clear_machines();
	for (i = 0; i < MAX_EVENTFDS; i++)
		if (read(now.eventfd[i], &count, sizeof(count)) < 0)
			continue;
	if (!create(&shape))
		return DIFFERENT;
	for (i = 0, right = true; right && i < p->nr; i++) {
		*at = i;
		right = do_op(&p->op[i]) && same(i == p->nr - 1 || i % full == full - 1);
		statistics.ops++;
		kcov_take();
	}
	end();
	return right ? SAME : DIFFERENT;
}

enum verdict drive(const struct program *p, unsigned int full, unsigned int *at)
{
	enum verdict verdict = drive_on(p, KERNEL, full, at);

	return verdict == SAME ? drive_on(p, USER, full, at) : verdict;
}
