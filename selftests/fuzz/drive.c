// SPDX-License-Identifier: GPL-2.0
/* Drives the module: by its ioctls, with everything that it can do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "drive_parts.h"
#include "kcov.h"

#define REARM_NS	200000000ULL	/* for a bound of 1 s */

struct statistics statistics;

struct driven now;

void drive_init(void)
{
	unsigned int i;

	machines_init();
	for (i = 0; i < MAX_EVENTFDS; i++)
		now.eventfd[i] = new_eventfd();
	now.notify_fd = new_eventfd();
	now.foreign_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
}

int call(unsigned long request, void *arg)
{
	int ret = ioctl(now.fn.fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int descriptor(int eventfd)
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

/* ---- time ---- */

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* A short bound expires by itself, however long this takes. */
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

/* A function is stopped and run again: only the bounds begin anew. */
static bool rearm(void)
{
	struct msi_route_set_run arg = { .size = sizeof(arg) };
	int ret = call(MSI_ROUTE_SET_RUN, &arg);

	arg.run = 1;
	ret = ret ?: call(MSI_ROUTE_SET_RUN, &arg);
	now.armed = now_ns();
	return !ret || differ("MSI_ROUTE_SET_RUN: %s", strerror(-ret));
}

/* A bound that should not have expired has: then a difference says nothing. */
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

void add_statistics(void)
{
	unsigned int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		const struct msi_route_counters *total = &now.model.cap[kind].total;

		statistics.messages += total->messages;
		statistics.replayed += total->replayed;
		statistics.unreached += total->unreached;
		statistics.dropped += total->dropped_address + total->dropped_mode +
				      total->dropped_vector + total->dropped_disabled;
		statistics.held += total->held;
	}
}

void open_image(void)
{
	now.image = NULL;
	if (!now.fn.shape.mmap_size)
		return;
	now.image = mmap(NULL, now.fn.shape.mmap_size, PROT_READ, MAP_SHARED, now.fn.fd, 0);
	if (now.image == MAP_FAILED)
		die("mmap of a function");
}

void close_image(void)
{
	if (now.image)
		munmap((void *)now.image, now.fn.shape.mmap_size);
}

static bool begin(const struct program *p)
{
	struct msi_route_set_hold hold = { .size = sizeof(hold), .bound_ns = LONG_BOUND };
	unsigned int i;

	machines_use(p->machine);
	now.model.deliver = deliver;
	now.flush = now.config_written = false;
	now.window = 0;
	now.armed = 0;
	if (function_try_open(&now.fn, pair.vm, p->shape) < 0)
		return differ("MSI_ROUTE_CREATE: %s", strerror(-now.fn.fd));
	model_create(&now.model, &p->shape, pair.vm->flags & VM_X2APIC, LONG_BOUND, LONG_BOUND);
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

bool do_run(__u32 run)
{
	int ret = set_run(&now.fn, run);
	struct errors e = model_set_run(&now.model, run);

	now.armed = 0;
	return same_errors(&e, ret);
}

/* ---- operations ---- */

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
		/* Reads the eventfd before: a reset's changes may notify the VMM. */
		wait_notified();
		now.model.signalled = false;
		ret = reset_with(&now.fn, arg[0]);
		drain_eventfd(now.notify_fd);
		e = model_reset(&now.model, arg[0]);
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
	case OP_REMAPPING:
		ret = set_remapping(&now.fn, arg[0]);
		e = model_remapping(&now.model, arg[0]);
		return same_errors(&e, ret);
	case OP_REBIND:
		return do_rebind(arg);
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
