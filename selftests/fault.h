/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Each allocation fails once.  A call is made with its first allocation failing, then
 * with the second one, and so on, each time on a new function, until none fails.  A call
 * that failed has changed nothing, and works when it is repeated.
 *
 * The kernel injects the failures, and counts copies from and to the caller among them:
 * "Fault injection capabilities infrastructure" in its documentation.
 *
 * The programs that include this file have the calls.
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define IMS		MSI_ROUTE_IMS

#define NR		130		/* of the table: three blocks of vectors */
#define FIRST		10		/* granted from the beginning */
#define NR_IMS		70
#define MAX_IMS		200
#define NR_MSI		4
#define QWORDS(n)	(((n) + 63) / 64)
#define VECTOR		0x51

/* The capability that requests vectors. */
#define GRANT_CAP	0x80
#define VECTORS		(GRANT_CAP + 0x08)
#define REQUEST		(GRANT_CAP + 0x0c)
#define STATUS		(GRANT_CAP + 0x10)
#define ASK(min, count)	((__u32)(min) << 16 | (count))

/* The entry whose message waits for a translation, and its address. */
#define HANDLED		2
#define HANDLE		0xfee00010U

/* ---- failures ---- */

static int fail_nth = -1;

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	ssize_t len = fd < 0 ? -1 : write(fd, text, strlen(text));

	close(fd);
	return len > 0;
}

/* Can this kernel do it?  Allocations that may wait fail as well, and print nothing. */
static bool failures_possible(void)
{
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	put("/sys/kernel/debug/fail_usercopy/verbose", "0");
	return fail_nth >= 0 &&
	       put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") &&
	       put("/sys/kernel/debug/failslab/verbose", "0") &&
	       put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N") &&
	       put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N") &&
	       put("/sys/kernel/debug/fail_page_alloc/min-order", "0") &&
	       put("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

#define NEED_FAILURES() \
	do { \
		if (!failures_possible()) \
			SKIP(return, "this kernel makes no allocation fail"); \
	} while (0)

/* From here on the @n-th allocation or copy of this thread fails. */
static void arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (write(fail_nth, text, len) != len)
		die("fail-nth");
}

/* Has it failed?  From now on nothing does. */
static bool disarm(void)
{
	char left[16] = "";
	/* This copy may be the one that fails; then nothing failed before. */
	bool failed = pread(fail_nth, left, sizeof(left) - 1, 0) > 0 && !atoi(left);

	while (write(fail_nth, "0", 1) != 1)
		;
	return failed;
}

/*
 * A call does not always take the same number of allocations: the kernel's checkers take
 * some for themselves now and then.  So the loop ends when several calls in a row had no
 * failure.
 */
#define for_each_failure(n, failed, calm) \
	for (n = 1, calm = 0; calm < 4; n++, calm = (failed) ? 0 : calm + 1)

/* ---- a function, and all its visible state ---- */

struct saved {
	struct msi_route_state state;
	struct msi_route_entry entries[NR], ims_entries[MAX_IMS];
	__u64 pba[QWORDS(NR)], held[QWORDS(NR)], ims_pending[QWORDS(MAX_IMS)];
};

static int transfer(struct function *fn, unsigned long request, struct saved *s)
{
	s->state.size = sizeof(s->state);
	s->state.msix_vectors = fn->shape.msix_vectors;
	s->state.msi_vectors = fn->shape.msi_vectors;
	s->state.msi_flags = fn->shape.msi_flags;
	s->state.ims_max = fn->shape.ims_max;
	s->state.entries = (unsigned long)s->entries;
	s->state.pba = (unsigned long)s->pba;
	s->state.held = (unsigned long)s->held;
	s->state.ims_entries = (unsigned long)s->ims_entries;
	s->state.ims_pending = (unsigned long)s->ims_pending;
	return ioctl(fn->fd, request, &s->state) ? -errno : 0;
}

struct world {
	struct vm vm;
	struct function fn;
	struct function witness;	/* keeps something on the MMIO bus */
	int device;
	bool stopped;
	/* What calls create, take or give back. */
	int fd[FIRST], old[2], other;
	void *image;
	struct msi_route_vector_change change[FIRST];
	struct msi_route_function functions[2];
	struct msi_route_vector vectors[FIRST];
	struct saved saved;
};

struct image {
	long users;
	struct msi_route_counters counters[3];
	__u32 config[64];
	struct saved saved;
};

static struct msi_route_create shape(void)
{
	struct msi_route_create c = both_shape(NR, NR_MSI);

	c.flags = MSI_ROUTE_CREATE_REMAPPING | MSI_ROUTE_CREATE_EXT_DEST_ID;
	c.msix_granted = FIRST;
	c.grant_cap = GRANT_CAP;
	c.ims_vectors = NR_IMS;
	c.ims_max = MAX_IMS;
	return c;
}

static void world_make(struct world *w)
{
	vm_create(&w->vm, VM_X2APIC, 1);
	w->device = open_device();
	function_open(&w->witness, &w->vm, msix_shape(1));
}

static void world_end(struct world *w)
{
	function_close(&w->witness);
	close(w->device);
	vm_destroy(&w->vm);
}

static int stop(struct world *w)
{
	int ret = set_run(&w->fn, 0);

	w->stopped |= !ret;
	return ret;
}

/* A new function, with something in each of its parts. */
static void begin(struct world *w)
{
	const struct msi_route_ims_op ops[] = {
		{ .vector = 0, .op = MSI_ROUTE_IMS_SET,
		  .entry = { .address_lo = MSI_TO(0), .data = VECTOR + 1 } },
		{ .vector = NR_IMS - 1, .op = MSI_ROUTE_IMS_SET,
		  .entry = { .address_lo = MSI_TO(0), .data = VECTOR + 2, .control = 1 } },
	};
	unsigned int i;

	function_open(&w->fn, &w->vm, shape());
	w->stopped = false;
	entry_set(&w->fn, 0, MSI_TO(0), VECTOR, 0);
	entry_set(&w->fn, 1, MSI_TO(0), VECTOR, ENTRY_MASKED);
	entry_set(&w->fn, HANDLED, HANDLE, 0, 0);
	msi_set(&w->fn, MSI_TO(0), VECTOR + 4);
	msi_mask(&w->fn, 2);
	msix_control(&w->fn, MSIX_ENABLE);
	if (set_ims(&w->fn, ops, ARRAY_SIZE(ops)) ||
	    trigger(&w->fn, MSIX, 1) != MSI_ROUTE_PENDING ||
	    trigger(&w->fn, MSI, 1) != MSI_ROUTE_PENDING ||
	    trigger(&w->fn, IMS, NR_IMS - 1) != MSI_ROUTE_PENDING)
		die("a new function");
	for (i = 0; i < ARRAY_SIZE(w->fd); i++)
		w->fd[i] = new_eventfd();
	for (i = 0; i < ARRAY_SIZE(w->old); i++)
		w->old[i] = new_eventfd();
	w->other = -1;
	w->image = MAP_FAILED;
	memset(w->change, 0, sizeof(w->change));
	memset(w->functions, 0, sizeof(w->functions));
	memset(w->vectors, 0, sizeof(w->vectors));
	memset(&w->saved, 0, sizeof(w->saved));
}

static void end(struct world *w)
{
	unsigned int i;

	function_close(&w->fn);
	for (i = 0; i < ARRAY_SIZE(w->fd); i++)
		close(w->fd[i]);
	for (i = 0; i < ARRAY_SIZE(w->old); i++)
		close(w->old[i]);
	if (w->other >= 0)
		close(w->other);
	if (w->image != MAP_FAILED)
		munmap(w->image, w->fn.shape.mmap_size);
}

static void look(struct world *w, struct image *image)
{
	struct function *fn = &w->fn;
	struct saved *s = &image->saved;
	unsigned int i;

	memset(image, 0, sizeof(*image));
	image->users = module_users("msi_route");
	for (i = 0; i < ARRAY_SIZE(image->counters); i++)
		image->counters[i] = totals(fn, i);
	for (i = 0; i < ARRAY_SIZE(image->config); i++)
		image->config[i] = config_read(fn, i * 4, 4);
	if ((!w->stopped && set_run(fn, 0)) || transfer(fn, MSI_ROUTE_SAVE, s) ||
	    (!w->stopped && set_run(fn, 1)))
		die("a look at the state");
	s->state.entries = s->state.pba = s->state.held = 0;
	s->state.ims_entries = s->state.ims_pending = 0;
}

static bool differ(const struct image *a, const struct image *b)
{
	return memcmp(a, b, sizeof(*a));
}

static struct image before, after;

/* ---- a call and its failures ---- */

FIXTURE(fault) {
	struct world *w;
};

FIXTURE_VARIANT(fault) {
	int (*call)(struct world *w);		/* returns 0 or -errno */
	void (*prepare)(struct world *w);	/* the state before the call */
	bool (*done)(struct world *w);		/* the call has done its work */
	bool (*undone)(struct world *w);	/* it has not, beyond the image */
	bool copies_only;			/* needs no memory */
	bool returns;				/* last copy may fail after the work */
};

#define CALL(_name, ...) FIXTURE_VARIANT_ADD(fault, _name) { __VA_ARGS__ }

FIXTURE_SETUP(fault)
{
	self->w = calloc(1, sizeof(*self->w));
	if (!self->w)
		die("calloc");
	world_make(self->w);
}

FIXTURE_TEARDOWN(fault)
{
	world_end(self->w);
	free(self->w);
}

TEST_F(fault, changes_nothing)
{
	unsigned int n, refused = 0, not_copied = 0, another_way = 0;
	struct world *w = self->w;
	unsigned int calm;
	bool failed;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		int ret;

		begin(w);
		if (variant->prepare)
			variant->prepare(w);
		look(w, &before);
		arm(n);
		ret = variant->call(w);
		failed = disarm();
		if (ret) {
			ASSERT_TRUE(failed)
				TH_LOG("no failure, and yet %s", strerror(-ret));
			ASSERT_TRUE(ret == -EFAULT || (ret == -ENOMEM && !variant->copies_only))
				TH_LOG("failure %u: %s", n, strerror(-ret));
			look(w, &after);
			if (!(variant->returns && ret == -EFAULT && differ(&before, &after))) {
				ASSERT_FALSE(differ(&before, &after))
					TH_LOG("failure %u changes something", n);
				if (variant->undone && !(variant->returns && ret == -EFAULT))
					ASSERT_TRUE(variant->undone(w));
			}
			ASSERT_EQ(0, variant->call(w));
			refused += ret == -ENOMEM;
			not_copied += ret == -EFAULT;
		} else {
			another_way += failed;
		}
		ASSERT_TRUE(variant->done(w))
			TH_LOG("failure %u: done, but it is not", n);
		end(w);
	}
	if (!variant->copies_only)
		EXPECT_LT(0, refused);
	REMARK("%u times ENOMEM, %u times EFAULT, %u times another way", refused, not_copied,
	       another_way);
}

/* ---- what calls need, and what they leave ---- */

/* A signal of @fd stays in it. */
static inline bool idle(int fd)
{
	__u64 count = 0;

	signal_eventfd(fd, 1);
	return read(fd, &count, sizeof(count)) == sizeof(count) && count == 1;
}

static inline void attach_old(struct world *w)
{
	if (set_eventfd(&w->fn, MSIX, 0, w->old[0], 0) ||
	    set_eventfd(&w->fn, MSIX, 7, w->old[1], 0))
		die("MSI_ROUTE_SET_EVENTFD");
}

static inline int ask_to_be_told(struct world *w)
{
	return set_notify(&w->fn, MSI_ROUTE_CHANGE_MESSAGE, w->fd[0]);
}

static inline void change_messages(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		table_write(&w->fn, ENTRY(i) + ENTRY_DATA, VECTOR);
}

static inline void be_told(struct world *w)
{
	if (ask_to_be_told(w))
		die("MSI_ROUTE_SET_NOTIFY");
	change_messages(w);
}

static inline void be_stopped(struct world *w)
{
	if (stop(w))
		die("MSI_ROUTE_SET_RUN");
}

#endif /* SELFTESTS_FAULT_H */
