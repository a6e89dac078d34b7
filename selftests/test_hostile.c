// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile threads: all calls at once, functions and VMs that go away during calls, the image
 * unmapped while it is read, the module unloaded meanwhile.
 *
 * TEST_HOSTILE=N in the environment makes it N times as long.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "hostile.h"

#define MODULE		"msi_route"
#define NR_THREADS	4

/* ---- threads ---- */

struct thread {
	pthread_t id;
	unsigned int number, rounds;
	void (*round)(unsigned int number, __u32 random);
};

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	__u32 state = 0x9e3779b9 * (t->number + 1);
	unsigned int i;

	for (i = 0; i < t->rounds; i++)
		t->round(t->number, next_random(&state));
	return NULL;
}

/* Each thread runs its own @round that many times. */
static void run_threads(struct thread *threads, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		threads[i].number = i;
		if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]))
			die("pthread_create");
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
}

static void call_victim(unsigned int number, __u32 random)
{
	(void)number;
	call_something(&victim, random);
}

/* The function exists, so the module is in use. */
static void try_to_unload(unsigned int number, __u32 random)
{
	(void)number;
	(void)random;
	if (rmmod(MODULE) != -EAGAIN)
		die("unloaded while in use");
	sched_yield();
}

/* The equation of struct msi_route_counters, whatever happened. */
#define EXPECT_ACCOUNTED(fn, kind)					\
	do {								\
		struct msi_route_counters c = totals(fn, kind);		\
									\
		EXPECT_EQ(c.events, accounted(&c)) TH_LOG("kind %u", kind);	\
	} while (0)

TEST_F(hostile, all_calls_on_one_function)
{
	struct thread threads[NR_THREADS + 1];
	unsigned int i;
	struct vm vm, other;

	vm_create(&vm, 0, 1);
	vm_create(&other, 0, 1);
	vms[0] = vm.fd;
	vms[1] = other.fd;
	make_victim(&victim, &vm);
	for (i = 0; i < NR_THREADS; i++)
		threads[i] = (struct thread) { .rounds = times(4000), .round = call_victim };
	threads[i] = (struct thread) { .rounds = times(200), .round = try_to_unload };
	run_threads(threads, NR_THREADS + 1);
	EXPECT_ACCOUNTED(&victim.fn, MSIX);
	EXPECT_ACCOUNTED(&victim.fn, MSI);
	EXPECT_ACCOUNTED(&victim.fn, IMS);
	REMARK("%llu, %llu and %llu events", totals(&victim.fn, MSIX).events,
	       totals(&victim.fn, MSI).events, totals(&victim.fn, IMS).events);
	free_victim(&victim);
	vm_destroy(&other);
	vm_destroy(&vm);
}

TEST_F(hostile, all_calls_while_the_guest_runs)
{
	struct thread threads[NR_THREADS];
	unsigned int i;
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 2);
	vm_mmio = nobody_there;
	make_victim(&victim, &vm);
	for (i = 0; i < 2; i++)
		vcpu_start(&vm.vcpu[i], use_table);
	for (i = 0; i < NR_THREADS; i++)
		threads[i] = (struct thread) { .rounds = times(1000), .round = call_victim };
	run_threads(threads, NR_THREADS);
	/* The function goes first, while the vCPUs still run. */
	free_victim(&victim);
	vm_destroy(&vm);
}

/* ---- functions and VMs that appear and disappear ---- */

#define NR_SLOTS	8

static struct {
	struct vm vm;
	int slot[NR_SLOTS];		/* a function's descriptor, or -1 */
	__u32 created, refused;
} market;

static int exchange(int *slot, int fd)
{
	return __atomic_exchange_n(slot, fd, __ATOMIC_SEQ_CST);
}

static void put_function(unsigned int number, __u32 random)
{
	struct msi_route_create shape = all_shape();
	struct function fn;
	int old;

	(void)number;
	if (random & 1)
		shape = random & 2 ? msix_shape(1 + (random >> 16 & 0xff)) : msi_shape(1, 0);
	if (function_try_open(&fn, &market.vm, shape) < 0) {
		atomic_inc(&market.refused);
		return;
	}
	atomic_inc(&market.created);
	set_bus_master(&fn, 1);
	map(&fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(random >> 8 & 7), 0);
	old = exchange(&market.slot[random >> 4 & (NR_SLOTS - 1)], fn.fd);
	if (old >= 0)
		close(old);
}

/* The descriptor is one that another thread may close, and reuse, right now. */
static void use_function(unsigned int number, __u32 random)
{
	struct victim borrowed = { .fn.fd = load(&market.slot[random >> 4 & (NR_SLOTS - 1)]) };
	unsigned int i;

	(void)number;
	for (i = 0; i < NR_FDS; i++)
		borrowed.fds[i] = victim.fds[i];
	if (borrowed.fn.fd >= 0)
		call_something(&borrowed, random);
}

static void take_function(unsigned int number, __u32 random)
{
	int fd = exchange(&market.slot[random >> 4 & (NR_SLOTS - 1)], -1);

	(void)number;
	if (fd >= 0)
		close(fd);
	else
		sched_yield();
}

/* The VM's last descriptor is closed; each of its functions keeps it alive. */
static void renew_vm(unsigned int number, __u32 random)
{
	int vm = ioctl(market.vm.kvm_fd, KVM_CREATE_VM, 0);

	(void)number;
	if (vm < 0)
		die("KVM_CREATE_VM");
	/* One in four has no irqchip and is of no use. */
	if (random & 3 && ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		die("KVM_CREATE_IRQCHIP");
	dup3(vm, market.vm.fd, O_CLOEXEC);
	close(vm);
}

TEST_F(hostile, functions_and_vms_come_and_go)
{
	struct thread threads[] = {
		{ .rounds = times(150), .round = put_function },
		{ .rounds = times(150), .round = put_function },
		{ .rounds = times(1500), .round = use_function },
		{ .rounds = times(1500), .round = use_function },
		{ .rounds = times(300), .round = take_function },
		{ .rounds = times(20), .round = renew_vm },
		{ .rounds = times(50), .round = try_to_unload },
	};
	int device = open_device();
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		market.slot[i] = -1;
	for (i = 0; i < NR_FDS; i++)
		victim.fds[i] = new_eventfd();
	vm_create(&market.vm, 0, 0);
	run_threads(threads, ARRAY_SIZE(threads));
	for (i = 0; i < NR_SLOTS; i++)
		if (market.slot[i] >= 0)
			close(market.slot[i]);
	for (i = 0; i < NR_FDS; i++)
		close(victim.fds[i]);
	vm_destroy(&market.vm);
	close(device);
	EXPECT_LT(0, market.created);
	REMARK("%u functions created, %u refused", market.created, market.refused);
}

/* ---- the image ---- */

static struct {
	struct function fn;
	void *image;			/* one page, or unmapped */
	int sink;
} reader;

/* Reads through the kernel, which answers EFAULT where nothing is mapped. */
static void read_image(unsigned int number, __u32 random)
{
	ssize_t done = pwrite(reader.sink, reader.image, 16 + (random & 1023), 0);

	(void)number;
	if (done < 0 && errno != EFAULT)
		die("pwrite");
}

static void map_and_unmap(unsigned int number, __u32 random)
{
	(void)number;
	if (random & 1)
		munmap(reader.image, 4096);
	else
		mmap(reader.image, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, reader.fn.fd,
		     random & 2 ? 4096 : 0);
}

static void change_table(unsigned int number, __u32 random)
{
	__u64 value = random;

	(void)number;
	function_access(&reader.fn, MSI_ROUTE_WRITE, MSI_ROUTE_TABLE, random & 0x3fc, 4, &value);
}

TEST_F(hostile, image_mapped_and_unmapped_while_it_is_read)
{
	struct thread threads[] = {
		{ .rounds = times(3000), .round = read_image },
		{ .rounds = times(3000), .round = map_and_unmap },
		{ .rounds = times(2000), .round = change_table },
	};
	struct vm vm;

	vm_create(&vm, 0, 0);
	ASSERT_LE(0, function_try_open(&reader.fn, &vm, msix_shape(NR_MSIX)));
	reader.sink = memfd_create("sink", MFD_CLOEXEC);
	ASSERT_LE(0, reader.sink);
	reader.image = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader.fn.fd, 0);
	ASSERT_NE(MAP_FAILED, reader.image);
	run_threads(threads, ARRAY_SIZE(threads));
	munmap(reader.image, 4096);
	close(reader.sink);
	close(reader.fn.fd);
	vm_destroy(&vm);
}

/* Each offset and length outside the image is refused. */
TEST_F(hostile, image_at_odd_places)
{
	static const long at[] = { 0, 1, 2, 3, 7, 0x7ffffffffL, 0x7ffffffffffffL, -1L, -2L };
	struct function fn;
	unsigned int i;
	long pages, nr;
	struct vm vm;

	vm_create(&vm, 0, 0);
	ASSERT_LE(0, function_try_open(&fn, &vm, msix_shape(NR_MSIX)));
	nr = fn.shape.mmap_size / 4096;
	ASSERT_LT(0, nr);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (pages = 1; pages <= nr + 2; pages++) {
			bool within = at[i] >= 0 && at[i] + pages <= nr;
			void *image = mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, fn.fd,
					   at[i] * 4096);

			EXPECT_EQ(within, image != MAP_FAILED)
				TH_LOG("%ld pages at %#lx", pages, at[i]);
			if (image == MAP_FAILED)
				continue;
			/* The mapping neither grows nor becomes writable. */
			EXPECT_EQ(MAP_FAILED, mremap(image, pages * 4096, (pages + 1) * 4096,
						     MREMAP_MAYMOVE));
			EXPECT_EQ(-1, mprotect(image, 4096, PROT_READ | PROT_WRITE));
			EXPECT_EQ(-1, mprotect(image, 4096, PROT_READ | PROT_EXEC));
			EXPECT_EQ(0, munmap(image, pages * 4096));
		}
	}
	/* Another page offset; no length at all. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fn.fd, 8));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 0, PROT_READ, MAP_SHARED, fn.fd, 0));
	close(fn.fd);
	vm_destroy(&vm);
}

/* ---- the module itself ---- */

static const char *const parameters[] = { "hold_ns", "mutation", "stretch_us" };

struct parameter {
	char text[64];
};

static void parameter_path(char *path, size_t size, unsigned int i)
{
	snprintf(path, size, "/sys/module/msi_route/parameters/%s", parameters[i]);
}

static void get_parameters(struct parameter *values)
{
	unsigned int i;
	char path[96];
	int fd;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		parameter_path(path, sizeof(path), i);
		memset(&values[i], 0, sizeof(values[i]));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, values[i].text, sizeof(values[i].text) - 1) < 0)
			die("%s", path);
		close(fd);
	}
}

static void set_parameters(const struct parameter *values)
{
	unsigned int i;
	char path[96];
	int fd;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		if (!values[i].text[0])
			continue;
		parameter_path(path, sizeof(path), i);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, values[i].text, strlen(values[i].text)) < 0)
			die("%s", path);
		close(fd);
	}
}

static __u32 served, attempts;
static bool creators;

static void create_and_close(unsigned int number, __u32 random)
{
	struct function fn = { .shape = msix_shape(1 + (random & 0x7f)) };
	__u32 before = load(&attempts);
	int device;

	(void)number;
	/* Now and then nobody uses the module. */
	while (load(&attempts) - before < (random >> 8 & 3))
		sched_yield();
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	fn.shape.vm_fd = market.vm.fd;
	fn.fd = device < 0 ? -1 : ioctl(device, MSI_ROUTE_CREATE, &fn.shape);
	close(device);
	if (fn.fd < 0) {
		/* Between unload and load. */
		sched_yield();
		return;
	}
	set_bus_master(&fn, 1);
	trigger(&fn, MSIX, 0);
	atomic_inc(&served);
	close(fn.fd);
}

static __u32 unloaded;
static const char *file_of_module;

/* A load takes long on an emulated host, so there are only a few. */
static void *unload_and_load(void *arg)
{
	int ret;

	while (load(&creators)) {
		atomic_inc(&attempts);
		sched_yield();
		if (unloaded == times(5))
			continue;
		ret = rmmod(MODULE);
		if (ret == -EAGAIN)
			continue;
		unloaded++;
		if (ret || insmod(file_of_module))
			die("unload and load %s", file_of_module);
	}
	return arg;
}

TEST_F(hostile, unloaded_and_loaded)
{
	struct thread threads[] = {
		{ .rounds = times(80), .round = create_and_close },
		{ .rounds = times(80), .round = create_and_close },
	};
	struct parameter values[ARRAY_SIZE(parameters)];
	pthread_t unloader;

	file_of_module = getenv("LAB_MODULE");
	if (!file_of_module)
		SKIP(return, "LAB_MODULE does not name the file to load again");
	get_parameters(values);
	vm_create(&market.vm, 0, 1);
	creators = true;
	ASSERT_EQ(0, pthread_create(&unloader, NULL, unload_and_load, NULL));
	run_threads(threads, ARRAY_SIZE(threads));
	store(&creators, false);
	pthread_join(unloader, NULL);
	/* Once for certain, with nothing left of what was done before. */
	while (rmmod(MODULE))
		sched_yield();
	ASSERT_EQ(0, insmod(file_of_module));
	set_parameters(values);
	vm_destroy(&market.vm);
	REMARK("%u functions created, unloaded %u times", served, unloaded + 1);
}
