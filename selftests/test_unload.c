// SPDX-License-Identifier: GPL-2.0
/* Unloading the module: refused while something uses it, and complete after that. */
#include <sched.h>
#include <sys/mman.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define IMS		MSI_ROUTE_IMS
#define MODULE		"msi_route"
#define NR		130
#define NR_FIRED	4
#define VECTOR		0x51
#define ROUNDS		10

FIXTURE(unload) {
	struct vm vm;
	struct function fn;
};

/* Nobody else uses the module: the last moments of an earlier test are over. */
FIXTURE_SETUP(unload)
{
	while (module_users(MODULE) > 0)
		sched_yield();
	vm_create(&self->vm, 0, 1);
}

FIXTURE_TEARDOWN(unload)
{
	vm_destroy(&self->vm);
}

#define NEED_A_MODULE() \
	do { \
		if (module_users(MODULE) < 0) \
			SKIP(return, "msi_route is no module in this kernel"); \
	} while (0)

static void make(struct function *fn, struct vm *vm)
{
	struct msi_route_create shape = msix_shape(NR);

	shape.ims_vectors = NR;
	function_open(fn, vm, shape);
	entry_set(fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(fn, MSIX_ENABLE);
}

TEST_F(unload, refused_while_in_use)
{
	int device = open_device();
	void *image;

	NEED_A_MODULE();
	EXPECT_EQ(-EWOULDBLOCK, rmmod(MODULE));
	make(&self->fn, &self->vm);
	close(device);
	EXPECT_EQ(-EWOULDBLOCK, rmmod(MODULE));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	/* The mapped image alone holds it. */
	image = mmap(NULL, self->fn.shape.mmap_size, PROT_READ, MAP_SHARED, self->fn.fd, 0);
	ASSERT_NE(MAP_FAILED, image);
	function_close(&self->fn);
	EXPECT_EQ(-EWOULDBLOCK, rmmod(MODULE));
	EXPECT_EQ(VECTOR, ((__u32 *)image)[ENTRY_DATA / 4]);
	ASSERT_EQ(0, munmap(image, self->fn.shape.mmap_size));
	EXPECT_EQ(0, module_users(MODULE));
}

static bool stop;

static void *fire(void *arg)
{
	int *fds = arg;
	unsigned int i = 0;

	while (!load(&stop)) {
		signal_eventfd(fds[i++ % NR_FIRED], 1);
		sched_yield();
	}
	return NULL;
}

/* Work items, a timer, blocks that wait for a grace period, places on the bus. */
static void make_busy(struct function *fn, struct vm *vm, const int *fds, int told)
{
	unsigned int i;

	make(fn, vm);
	if (set_hold(fn, 1000000000) ||
	    set_notify(fn, MSI_ROUTE_CHANGE_MESSAGE, told) ||
	    map(fn, MSI_ROUTE_MAP_TABLE | MSI_ROUTE_MAP_PBA, TABLE_GPA(7), PBA_GPA(7)))
		die("a function");
	for (i = 0; i < NR_FIRED; i++) {
		/* The first is a broadcast, which a work item sends. */
		entry_set(fn, i, MSI_TO(i ? 0 : 0xff), VECTOR + i, 0);
		if (set_eventfd(fn, MSIX, i, fds[i], 0))
			die("MSI_ROUTE_SET_EVENTFD");
	}
	/* This one is held when the function is closed. */
	table_write(fn, ENTRY(1), MSI_TO(0) | 8);
	while (!totals(fn, MSIX).messages || !totals(fn, MSIX).held)
		sched_yield();
	if (resize(fn, MSIX, NR_FIRED, NR_FIRED) != NR_FIRED ||
	    resize(fn, IMS, 1, 1) != 1)
		die("MSI_ROUTE_RESIZE");
}

/* At once after the last close, although its eventfds go on. */
TEST_F(unload, complete_after_the_last_close)
{
	const char *path = getenv("LAB_MODULE");
	int fds[NR_FIRED], told = new_eventfd();
	unsigned int round, i;
	pthread_t thread;

	NEED_A_MODULE();
	if (!path)
		SKIP(return, "LAB_MODULE does not name the file to load again");
	for (i = 0; i < NR_FIRED; i++)
		fds[i] = new_eventfd();
	ASSERT_EQ(0, pthread_create(&thread, NULL, fire, fds));
	for (round = 0; round < ROUNDS; round++) {
		make_busy(&self->fn, &self->vm, fds, told);
		function_close(&self->fn);
		ASSERT_EQ(0, rmmod(MODULE));
		EXPECT_EQ(-1, access(DEVICE, F_OK));
		ASSERT_EQ(0, insmod(path));
	}
	store(&stop, true);
	pthread_join(thread, NULL);
	make(&self->fn, &self->vm);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	function_close(&self->fn);
}

/* Of the first VM that a module sees. */
TEST_F(unload, enodata_until_a_route_is_set)
{
	const char *path = getenv("LAB_MODULE");
	struct msi_route_create shape = msix_shape(NR);
	struct vm vm;

	NEED_A_MODULE();
	if (!path)
		SKIP(return, "LAB_MODULE does not name the file to load again");
	ASSERT_EQ(0, rmmod(MODULE));
	ASSERT_EQ(0, insmod(path));
	vm_create(&vm, VM_NO_MSI_ROUTE, 1);
	EXPECT_EQ(-ENODATA, function_try_open(&self->fn, &vm, shape));
	vm_set_msi_routes(&vm, 1);
	ASSERT_LE(0, function_try_open(&self->fn, &vm, shape));
	function_close(&self->fn);
	vm_destroy(&vm);
}
