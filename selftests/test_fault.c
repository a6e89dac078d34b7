// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation fails once.  A call is made with the first of its allocations
 * failing, with the second one, and so on, each time on a new function, until none
 * fails.  A call that failed has changed nothing, and works when it is made again.
 *
 * The kernel makes the failures, and counts copies from and to the caller among
 * them: "Fault injection capabilities infrastructure" in its documentation.
 */
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

/* The capability that asks for vectors. */
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

/* Can this kernel do it?  Those that may wait fail as well, and say nothing. */
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

/* The @n-th allocation or copy of this thread fails, from here on. */
static void arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (write(fail_nth, text, len) != len)
		die("fail-nth");
}

/* Did it?  Now it will not any more. */
static bool disarm(void)
{
	char left[16] = "";
	/* Copying this may be what fails; then nothing had before. */
	bool failed = pread(fail_nth, left, sizeof(left) - 1, 0) > 0 && !atoi(left);

	while (write(fail_nth, "0", 1) != 1)
		;
	return failed;
}

/*
 * How many allocations a call takes is not always the same, because the kernel's
 * checkers take some for themselves now and then.  So the end is when several calls
 * one after the other had no failure.
 */
#define for_each_failure(n, failed, calm) \
	for (n = 1, calm = 0; calm < 4; n++, calm = (failed) ? 0 : calm + 1)

/* ---- a function, and all that can be seen of it ---- */

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
	struct function witness;	/* that something is on the MMIO bus */
	int device;
	bool stopped;
	/* What calls make, take or give. */
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

/* ---- the calls: each, where it begins, what it is for ---- */

static int create(struct world *w, struct msi_route_create c)
{
	c.vm_fd = w->vm.fd;
	w->other = ioctl(w->device, MSI_ROUTE_CREATE, &c);
	return w->other < 0 ? -errno : 0;
}

static int create_all(struct world *w)
{
	struct msi_route_create c = shape();

	c.msix_granted = 0;
	return create(w, c);
}

/* Blocks that are no whole ones. */
static int create_few(struct world *w)
{
	struct msi_route_create c = both_shape(3, 1);

	c.ims_vectors = 2;
	return create(w, c);
}

static bool created(struct world *w)
{
	struct function fn = { .vm = &w->vm, .fd = w->other };
	struct msi_route_ims_op op = { .op = MSI_ROUTE_IMS_MASK };

	return !set_bus_master(&fn, 1) && !set_ims(&fn, &op, 1) &&
	       trigger(&fn, MSIX, 2) == MSI_ROUTE_PENDING;
}

/* A signal of @fd is an event of the vector. */
static bool raises(struct world *w, __u32 vector, int fd)
{
	__u64 events = counters(&w->fn, MSIX, vector).events;

	signal_eventfd(fd, 1);
	return counters(&w->fn, MSIX, vector).events == events + 1;
}

/* A signal of @fd stays in it. */
static bool idle(int fd)
{
	__u64 count = 0;

	signal_eventfd(fd, 1);
	return read(fd, &count, sizeof(count)) == sizeof(count) && count == 1;
}

static void attach_old(struct world *w)
{
	if (set_eventfd(&w->fn, MSIX, 0, w->old[0], 0) ||
	    set_eventfd(&w->fn, MSIX, 7, w->old[1], 0))
		die("MSI_ROUTE_SET_EVENTFD");
}

static bool old_attached(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (!idle(w->fd[i]))
			return false;
	return raises(w, 0, w->old[0]) && raises(w, 7, w->old[1]);
}

static int attach(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 1, w->fd[1], 0);
}

static bool attached(struct world *w)
{
	return raises(w, 1, w->fd[1]);
}

static int replace(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, w->fd[0], MSI_ROUTE_EVENTFD_REPLACE);
}

static bool replaced(struct world *w)
{
	return raises(w, 0, w->fd[0]) && idle(w->old[0]) && raises(w, 7, w->old[1]);
}

static int add(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, w->fd[0], MSI_ROUTE_EVENTFD_ADD);
}

static bool added(struct world *w)
{
	return raises(w, 0, w->fd[0]) && raises(w, 0, w->old[0]) && raises(w, 7, w->old[1]);
}

static int detach(struct world *w)
{
	return set_eventfd(&w->fn, MSIX, 0, -1, 0);
}

static bool detached(struct world *w)
{
	return idle(w->old[0]);
}

/* One in an old one's place, one detached, one kept. */
static int attach_many(struct world *w)
{
	__s32 fds[FIRST];

	memcpy(fds, w->fd, sizeof(fds));
	fds[3] = -1;
	fds[7] = MSI_ROUTE_EVENTFD_KEEP;
	return set_eventfds(&w->fn, MSIX, 0, FIRST, fds, MSI_ROUTE_EVENTFD_REPLACE);
}

static bool many_attached(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (i != 3 && i != 7 && !raises(w, i, w->fd[i]))
			return false;
	return idle(w->old[0]) && idle(w->fd[3]) && raises(w, 7, w->old[1]);
}

static int write_entries(struct world *w)
{
	struct msi_route_entry entries[FIRST];
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		entries[i] = (struct msi_route_entry) { MSI_TO(0), 0, VECTOR + i, 1 };
	return set_entries(&w->fn, 0, FIRST, entries);
}

static bool entries_written(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		if (table_read(&w->fn, ENTRY(i) + ENTRY_DATA) != VECTOR + i)
			return false;
	return true;
}

static int ask_to_be_told(struct world *w)
{
	return set_notify(&w->fn, MSI_ROUTE_CHANGE_MESSAGE, w->fd[0]);
}

static void change_messages(struct world *w)
{
	unsigned int i;

	for (i = 0; i < FIRST; i++)
		table_write(&w->fn, ENTRY(i) + ENTRY_DATA, VECTOR);
}

static void be_told(struct world *w)
{
	if (ask_to_be_told(w))
		die("MSI_ROUTE_SET_NOTIFY");
	change_messages(w);
}

static int take_changes(struct world *w)
{
	int nr = get_changes(&w->fn, w->change, FIRST, NULL);

	return nr < 0 ? nr : 0;
}

static bool none_is_told(struct world *w)
{
	change_messages(w);
	return get_changes(&w->fn, w->change, FIRST, NULL) == 0;
}

/* Those of all vectors, in whatever order. */
static bool changes_taken(struct world *w)
{
	unsigned int i, seen = 0;

	for (i = 0; i < FIRST; i++)
		if (w->change[i].changes == MSI_ROUTE_CHANGE_MESSAGE)
			seen |= 1U << w->change[i].vector;
	return seen == (1U << FIRST) - 1;
}

static bool told(struct world *w)
{
	change_messages(w);
	return !take_changes(w) && changes_taken(w);
}

static void be_stopped(struct world *w)
{
	if (stop(w))
		die("MSI_ROUTE_SET_RUN");
}

static int save(struct world *w)
{
	return transfer(&w->fn, MSI_ROUTE_SAVE, &w->saved);
}

static bool was_saved(struct world *w)
{
	return w->saved.entries[0].data == VECTOR && w->saved.pba[0] == 2 &&
	       w->saved.ims_pending[1] == 1ULL << (NR_IMS - 1 - 64);
}

/* The state of another one, which has @msix and @ims vectors. */
static void save_another(struct world *w, unsigned int msix, unsigned int ims)
{
	struct function fn;

	function_open(&fn, &w->vm, shape());
	if (resize(&fn, MSIX, msix, msix) != (int)msix ||
	    resize(&fn, IMS, ims, ims) != (int)ims)
		die("MSI_ROUTE_RESIZE");
	entry_set(&fn, msix - 1, MSI_TO(0), VECTOR + 7, 0);
	if (set_run(&fn, 0) || transfer(&fn, MSI_ROUTE_SAVE, &w->saved))
		die("MSI_ROUTE_SAVE");
	function_close(&fn);
	be_stopped(w);
}

static void save_more(struct world *w)
{
	save_another(w, NR, MAX_IMS);
}

static void save_fewer(struct world *w)
{
	save_another(w, FIRST - 1, NR_IMS - 1);
}

static int restore(struct world *w)
{
	return transfer(&w->fn, MSI_ROUTE_RESTORE, &w->saved);
}

static bool restored(struct world *w)
{
	unsigned int last = w->saved.state.msix_granted - 1;

	return config_read(&w->fn, VECTORS, 4) >> 16 == last + 1 &&
	       table_read(&w->fn, ENTRY(last) + ENTRY_DATA) == VECTOR + 7 &&
	       trigger(&w->fn, IMS, w->saved.state.ims_granted - 1) == MSI_ROUTE_PENDING &&
	       trigger(&w->fn, IMS, w->saved.state.ims_granted) == -ECHRNG;
}

static int operate(struct world *w)
{
	const struct msi_route_ims_op ops[] = {
		{ .vector = 0, .op = MSI_ROUTE_IMS_MASK },
		{ .vector = 1, .op = MSI_ROUTE_IMS_SET,
		  .entry = { .address_lo = MSI_TO(0), .data = VECTOR + 3 } },
		{ .vector = NR_IMS - 1, .op = MSI_ROUTE_IMS_FREE },
	};

	return set_ims(&w->fn, ops, ARRAY_SIZE(ops));
}

static bool operated(struct world *w)
{
	return trigger(&w->fn, IMS, 0) == MSI_ROUTE_PENDING &&
	       trigger(&w->fn, IMS, 1) == MSI_ROUTE_SENT &&
	       totals(&w->fn, IMS).cleared == 1;
}

static int resize_to(struct world *w, __u32 kind, __u32 nr)
{
	int granted = resize(&w->fn, kind, nr, nr);

	return granted < 0 ? granted : 0;
}

static int grow_msix(struct world *w)
{
	return resize_to(w, MSIX, NR);
}

static bool grown_msix(struct world *w)
{
	entry_set(&w->fn, NR - 1, MSI_TO(0), VECTOR, 0);
	return trigger(&w->fn, MSIX, NR - 1) == MSI_ROUTE_SENT;
}

static int grow_ims(struct world *w)
{
	return resize_to(w, IMS, MAX_IMS);
}

static bool grown_ims(struct world *w)
{
	return trigger(&w->fn, IMS, MAX_IMS - 1) == MSI_ROUTE_PENDING;
}

static int shrink(struct world *w)
{
	return resize_to(w, MSIX, 1);
}

static bool shrunk(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_SENT &&
	       trigger(&w->fn, MSIX, 1) == -ECHRNG;
}

/* The limit of before is there again, if there is no memory. */
static int limit_and_grow(struct world *w)
{
	struct msi_route_resize arg = {
		.size = sizeof(arg), .flags = MSI_ROUTE_RESIZE_LIMIT, .kind = MSIX,
		.min = NR - 1, .nr = NR - 1, .limit = NR - 1,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_RESIZE, &arg) ? -errno : 0;
}

static bool not_limited(struct world *w)
{
	return resize(&w->fn, MSIX, 1, NR) == NR && resize(&w->fn, MSIX, 1, FIRST) == FIRST;
}

static bool limited_and_grown(struct world *w)
{
	return resize(&w->fn, MSIX, 1, NR) == NR - 1;
}

#define OLD_PLACE	TABLE_GPA(6)
#define NEW_PLACE	TABLE_GPA(7)

/* Does what a vCPU does there reach the function? */
static bool occupied(struct world *w, __u64 place)
{
	struct msi_route_get_map m = get_map(&w->fn);

	return (m.reached & MSI_ROUTE_MAP_TABLE && m.table == place) ||
	       (m.reached & MSI_ROUTE_MAP_PBA && m.pba == place);
}

static int place(struct world *w)
{
	return map(&w->fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, NEW_PLACE,
		   NEW_PLACE + PBA_OFFSET);
}

static bool placed(struct world *w)
{
	return occupied(w, NEW_PLACE) && occupied(w, NEW_PLACE + PBA_OFFSET) &&
	       !occupied(w, OLD_PLACE);
}

static bool not_placed(struct world *w)
{
	return !occupied(w, NEW_PLACE) && !occupied(w, NEW_PLACE + PBA_OFFSET);
}

static void have_place(struct world *w)
{
	if (map(&w->fn, MSI_ROUTE_MAP_TABLE, OLD_PLACE, 0))
		die("MSI_ROUTE_MAP");
}

static bool at_old_place(struct world *w)
{
	return occupied(w, OLD_PLACE) && not_placed(w);
}

static int take_away(struct world *w)
{
	return map(&w->fn, 0, 0, 0);
}

static bool taken_away(struct world *w)
{
	return !occupied(w, OLD_PLACE);
}

static int map_image(struct world *w)
{
	w->image = mmap(NULL, w->fn.shape.mmap_size, PROT_READ, MAP_SHARED, w->fn.fd, 0);
	return w->image == MAP_FAILED ? -errno : 0;
}

static bool image_mapped(struct world *w)
{
	const __u8 *table = (const __u8 *)w->image + w->fn.shape.mmap_table;
	const __u8 *pba = (const __u8 *)w->image + w->fn.shape.mmap_pba;

	return *(const __u32 *)(table + ENTRY_DATA) == VECTOR && *pba == 2;
}

static int translate(struct world *w)
{
	struct msi_route_translation arg = {
		.size = sizeof(arg), .kind = MSIX, .vector = HANDLED,
		.raw_address = HANDLE, .address = MSI_TO(0), .data = VECTOR,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_SET_TRANSLATION, &arg) ? -errno : 0;
}

static bool translated(struct world *w)
{
	return trigger(&w->fn, MSIX, HANDLED) == MSI_ROUTE_SENT;
}

static bool not_translated(struct world *w)
{
	return trigger(&w->fn, MSIX, HANDLED) >= MSI_ROUTE_PENDING;
}

static int describe_functions(struct world *w)
{
	struct msi_route_get_functions arg = {
		.size = sizeof(arg), .room = 2, .stride = sizeof(w->functions[0]),
		.functions = (unsigned long)w->functions,
	};

	return ioctl(w->device, MSI_ROUTE_GET_FUNCTIONS, &arg) ? -errno : 0;
}

/* The witness, and this one, whichever has the lower number. */
static bool functions_described(struct world *w)
{
	const struct msi_route_function *f = w->functions;
	int witness = f[0].caps[IMS].max == MAX_IMS;

	return f[witness].caps[MSIX].max == 1 && f[!witness].caps[IMS].max == MAX_IMS;
}

static int describe_vectors(struct world *w)
{
	struct msi_route_get_vectors arg = {
		.size = sizeof(arg), .kind = MSIX, .room = FIRST,
		.stride = sizeof(w->vectors[0]), .vectors = (unsigned long)w->vectors,
	};

	return ioctl(w->fn.fd, MSI_ROUTE_GET_VECTORS, &arg) ? -errno : 0;
}

static bool vectors_described(struct world *w)
{
	return w->vectors[1].events == 1 && w->vectors[FIRST - 1].vector == FIRST - 1;
}

/* Those that need no memory: a copy may fail. */

static int unmask(struct world *w)
{
	__u64 value = 0;

	return function_access(&w->fn, MSI_ROUTE_WRITE, MSI_ROUTE_TABLE,
			       ENTRY(1) + ENTRY_CONTROL, 4, &value);
}

static bool sent_what_was_pending(struct world *w)
{
	return counters(&w->fn, MSIX, 1).messages == 1;
}

static int read_pba(struct world *w)
{
	__u64 value = 0;

	return function_access(&w->fn, MSI_ROUTE_READ, MSI_ROUTE_PBA, 0, 8, &value);
}

static int raise_event(struct world *w)
{
	int outcome = trigger(&w->fn, MSIX, 0);

	return outcome < 0 ? outcome : 0;
}

static bool event_raised(struct world *w)
{
	return counters(&w->fn, MSIX, 0).messages >= 1;
}

static int clear(struct world *w)
{
	int was = clear_pending(&w->fn, MSIX, 1);

	return was < 0 ? was : 0;
}

static bool cleared(struct world *w)
{
	return !pba_bit(&w->fn, 1) && totals(&w->fn, MSIX).cleared == 1;
}

static int master_off(struct world *w)
{
	return set_bus_master(&w->fn, 0);
}

static bool no_master(struct world *w)
{
	return trigger(&w->fn, MSIX, 0) == MSI_ROUTE_PENDING;
}

static int be_reset(struct world *w)
{
	return reset(&w->fn);
}

static bool was_reset(struct world *w)
{
	return !pba_read(&w->fn, 0) && !table_read(&w->fn, ENTRY_DATA);
}

static int hold(struct world *w)
{
	return set_hold(&w->fn, 1);
}

static int renew_it(struct world *w)
{
	return renew(&w->fn);
}

static bool nothing(struct world *w)
{
	return w;
}

/* ---- a call and its failures ---- */

FIXTURE(fault) {
	struct world *w;
};

FIXTURE_VARIANT(fault) {
	int (*call)(struct world *w);		/* 0 or -errno */
	void (*prepare)(struct world *w);	/* where it begins */
	bool (*done)(struct world *w);		/* what it is for was done */
	bool (*undone)(struct world *w);	/* what the image does not show was not */
	bool copies_only;			/* needs no memory */
	bool returns;				/* its last copy may fail after the deed */
};

#define CALL(_name, ...) FIXTURE_VARIANT_ADD(fault, _name) { __VA_ARGS__ }

CALL(create, .call = create_all, .done = created);
CALL(create_few, .call = create_few, .done = created);
CALL(eventfd, .call = attach, .done = attached, .prepare = attach_old, .undone = old_attached);
CALL(eventfd_replaced, .call = replace, .done = replaced, .prepare = attach_old,
     .undone = old_attached);
CALL(eventfd_added, .call = add, .done = added, .prepare = attach_old,
     .undone = old_attached);
CALL(eventfd_detached, .call = detach, .done = detached, .prepare = attach_old,
     .undone = old_attached, .copies_only = true);
CALL(eventfds, .call = attach_many, .done = many_attached, .prepare = attach_old,
     .undone = old_attached);
CALL(entries, .call = write_entries, .done = entries_written);
CALL(notify, .call = ask_to_be_told, .done = told, .undone = none_is_told);
CALL(changes, .call = take_changes, .done = changes_taken, .prepare = be_told);
CALL(save, .call = save, .done = was_saved, .prepare = be_stopped);
CALL(restore_more, .call = restore, .done = restored, .prepare = save_more);
CALL(restore_fewer, .call = restore, .done = restored, .prepare = save_fewer);
CALL(ims, .call = operate, .done = operated);
CALL(grow_msix, .call = grow_msix, .done = grown_msix, .returns = true);
CALL(grow_ims, .call = grow_ims, .done = grown_ims, .returns = true);
CALL(shrink, .call = shrink, .done = shrunk, .copies_only = true, .returns = true);
CALL(limit, .call = limit_and_grow, .done = limited_and_grown, .undone = not_limited,
     .returns = true);
CALL(map, .call = place, .done = placed, .undone = not_placed);
CALL(move, .call = place, .done = placed, .prepare = have_place, .undone = at_old_place);
CALL(unmap, .call = take_away, .done = taken_away, .prepare = have_place,
     .undone = at_old_place, .copies_only = true);
CALL(mmap, .call = map_image, .done = image_mapped);
CALL(translation, .call = translate, .done = translated, .undone = not_translated,
     .copies_only = true);
CALL(functions, .call = describe_functions, .done = functions_described);
CALL(vectors, .call = describe_vectors, .done = vectors_described);
CALL(write, .call = unmask, .done = sent_what_was_pending, .copies_only = true);
CALL(read, .call = read_pba, .done = nothing, .copies_only = true);
CALL(trigger, .call = raise_event, .done = event_raised, .copies_only = true, .returns = true);
CALL(clear_pending, .call = clear, .done = cleared, .copies_only = true, .returns = true);
CALL(bus_master, .call = master_off, .done = no_master, .copies_only = true);
CALL(reset, .call = be_reset, .done = was_reset, .copies_only = true);
CALL(hold, .call = hold, .done = nothing, .copies_only = true);
CALL(run, .call = stop, .done = no_master, .copies_only = true);
CALL(renew, .call = renew_it, .done = nothing, .copies_only = true);

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

/* ---- what cannot return an error ---- */

FIXTURE(memory) {
	struct world *w;
};

FIXTURE_SETUP(memory)
{
	self->w = calloc(1, sizeof(*self->w));
	if (!self->w)
		die("calloc");
	world_make(self->w);
}

FIXTURE_TEARDOWN(memory)
{
	world_end(self->w);
	free(self->w);
}

static int ask(struct world *w, unsigned int min, unsigned int count)
{
	__u64 value = ASK(min, count);

	return function_access(&w->fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG, REQUEST, 4, &value);
}

/* What a request that was refused leaves: itself, and its status. */
static void forget_request(struct image *image)
{
	image->config[REQUEST / 4] = 0;
	image->config[STATUS / 4] = 0;
	image->saved.state.grant_request = 0;
	image->saved.state.grant_status = 0;
}

/* A guest's request for vectors is refused, and its status says why. */
TEST_F(memory, a_guests_request)
{
	unsigned int n, calm, refused = 0;
	struct world *w = self->w;
	bool failed;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		unsigned int status;
		int ret;

		begin(w);
		look(w, &before);
		arm(n);
		ret = ask(w, NR, NR);
		failed = disarm();
		status = config_read(&w->fn, STATUS, 4);
		if (ret || status != MSI_ROUTE_GRANT_ALL) {
			ASSERT_TRUE(failed);
			ASSERT_EQ(ret ? MSI_ROUTE_GRANT_NONE : MSI_ROUTE_GRANT_MEMORY, status);
			ASSERT_EQ(ret ? -EFAULT : 0, ret);
			look(w, &after);
			forget_request(&after);
			ASSERT_FALSE(differ(&before, &after));
			ASSERT_EQ(0, ask(w, NR, NR));
			ASSERT_EQ(MSI_ROUTE_GRANT_ALL, config_read(&w->fn, STATUS, 4));
			refused += !ret;
		}
		ASSERT_EQ(NR, config_read(&w->fn, VECTORS, 4) >> 16);
		ASSERT_TRUE(grown_msix(w));
		end(w);
	}
	EXPECT_LT(0, refused);
}

/* One that is content with less gets what there is memory for. */
TEST_F(memory, a_modest_guests_request)
{
	unsigned int n, calm, fewer = 0;
	struct world *w = self->w;
	bool failed;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		unsigned int granted, status;
		int ret;

		begin(w);
		arm(n);
		ret = ask(w, 1, NR);
		failed = disarm();
		status = config_read(&w->fn, STATUS, 4);
		granted = config_read(&w->fn, VECTORS, 4) >> 16;
		if (!ret && status == MSI_ROUTE_GRANT_FEWER) {
			fewer++;
			ASSERT_TRUE(failed);
			ASSERT_LE(FIRST, granted);
			ASSERT_GT(NR, granted);
			entry_set(&w->fn, granted - 1, MSI_TO(0), VECTOR, 0);
			ASSERT_EQ(MSI_ROUTE_SENT, trigger(&w->fn, MSIX, granted - 1));
			ASSERT_EQ(-ECHRNG, trigger(&w->fn, MSIX, granted));
		} else if (!ret) {
			ASSERT_EQ(MSI_ROUTE_GRANT_ALL, status);
			ASSERT_EQ(NR, granted);
		}
		ASSERT_EQ(0, ask(w, NR, NR));
		ASSERT_EQ(NR, config_read(&w->fn, VECTORS, 4) >> 16);
		end(w);
	}
	EXPECT_LT(0, fewer);
}

/* A function is closed in any case, with all that it has. */
TEST_F(memory, close)
{
	long users = module_users("msi_route");
	struct world *w = self->w;
	unsigned int calm;
	bool failed;
	unsigned int n;

	NEED_FAILURES();
	for_each_failure(n, failed, calm) {
		int fd;

		begin(w);
		attach_old(w);
		have_place(w);
		be_told(w);
		ASSERT_EQ(users + 1, module_users("msi_route"));
		/* For end(). */
		fd = fcntl(w->device, F_DUPFD_CLOEXEC, 0);
		ASSERT_LE(0, fd);
		arm(n);
		close(w->fn.fd);
		failed = disarm();
		w->fn.fd = fd;
		/* Whatever is on KVM's bus uses the module. */
		ASSERT_EQ(users, module_users("msi_route"));
		ASSERT_TRUE(idle(w->old[0]));
		end(w);
	}
}
