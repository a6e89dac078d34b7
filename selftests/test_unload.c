// SPDX-License-Identifier: GPL-2.0
/* Unloading the module: refused while something uses it, and complete after that. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

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

/* Nobody else uses the module: the remains of an earlier test are gone. */
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
	image = mmap(NULL, self->fn.shape.mmap_size, PROT_READ, MAP_SHARED, self->fn.fd, 0);
	ASSERT_NE(MAP_FAILED, image);
	EXPECT_EQ(-EWOULDBLOCK, rmmod(MODULE));
	function_close(&self->fn);
	EXPECT_EQ(0, module_users(MODULE));
	EXPECT_EQ(VECTOR, ((__u32 *)image)[ENTRY_DATA / 4]);
	ASSERT_EQ(0, munmap(image, self->fn.shape.mmap_size));
}

/* A mapped image does not hold the module, and does not affect the next module's. */
TEST_F(unload, while_an_image_is_mapped)
{
	const char *path = getenv("LAB_MODULE");
	__u32 *image, *next;
	int status;

	NEED_A_MODULE();
	if (!path)
		SKIP(return, "LAB_MODULE does not name the file to load again");
	make(&self->fn, &self->vm);
	image = mmap(NULL, self->fn.shape.mmap_size, PROT_READ, MAP_SHARED, self->fn.fd, 0);
	ASSERT_NE(MAP_FAILED, image);
	function_close(&self->fn);
	ASSERT_EQ(0, rmmod(MODULE));
	EXPECT_EQ(VECTOR, load(&image[ENTRY_DATA / 4]));
	ASSERT_EQ(0, insmod(path));
	make(&self->fn, &self->vm);
	next = mmap(NULL, self->fn.shape.mmap_size, PROT_READ, MAP_SHARED, self->fn.fd, 0);
	ASSERT_NE(MAP_FAILED, next);
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR + 1, 0);
	EXPECT_EQ(VECTOR, load(&image[ENTRY_DATA / 4]));
	EXPECT_EQ(VECTOR + 1, load(&next[ENTRY_DATA / 4]));
	/* A child has it too, and exits with it. */
	if (!fork())
		_exit(load(&image[ENTRY_DATA / 4]) != VECTOR);
	wait(&status);
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, munmap(image, self->fn.shape.mmap_size));
	EXPECT_EQ(0, munmap(next, self->fn.shape.mmap_size));
	function_close(&self->fn);
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
	/* This vector is held when the function is closed. */
	table_write(fn, ENTRY(1), MSI_TO(0) | 8);
	while (!totals(fn, MSIX).messages || !totals(fn, MSIX).held)
		sched_yield();
	if (resize(fn, MSIX, NR_FIRED, NR_FIRED) != NR_FIRED ||
	    resize(fn, IMS, 1, 1) != 1)
		die("MSI_ROUTE_RESIZE");
}

/* Immediately after the last close, although its eventfds are still signalled. */
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

/* ---- the first function of a module ---- */

#define KVM_DEVICE	"/dev/kvm"
#define HIDDEN		"/dev/kvm.hidden"

/* A module that nobody has used yet, with KVM's device visible or not. */
FIXTURE(first) {
	struct vm vm;
	const char *path;
};

static void show_kvm(void)
{
	rename(HIDDEN, KVM_DEVICE);
}

static void hide_kvm(void)
{
	if (rename(KVM_DEVICE, HIDDEN))
		die("hide %s", KVM_DEVICE);
}

FIXTURE_SETUP(first)
{
	show_kvm();
	self->path = getenv("LAB_MODULE");
	while (module_users(MODULE) > 0)
		sched_yield();
	vm_create(&self->vm, 0, 1);
}

FIXTURE_TEARDOWN(first)
{
	show_kvm();
	vm_destroy(&self->vm);
}

#define NEED_A_FILE() \
	do { \
		NEED_A_MODULE(); \
		if (!self->path) \
			SKIP(return, "LAB_MODULE does not name the file to load again"); \
	} while (0)

static void load_hidden(const char *path)
{
	hide_kvm();
	if (load_again(path))
		die("load %s", path);
}

static int create_one(struct vm *vm)
{
	struct function fn;
	int ret = function_try_open(&fn, vm, msix_shape(1));

	if (ret >= 0)
		close(fn.fd);
	return ret < 0 ? ret : 0;
}

static bool is_served(struct vm *vm)
{
	struct function fn;
	bool served;

	make(&fn, vm);
	served = trigger(&fn, MSIX, 0) == MSI_ROUTE_SENT && vcpu_take_irr(&vm->vcpu[0], VECTOR);
	function_close(&fn);
	return served;
}

/* Learnt at load time: from then on nobody needs to open KVM's device. */
TEST_F(first, at_once)
{
	NEED_A_FILE();
	ASSERT_EQ(0, load_again(self->path));
	hide_kvm();
	ASSERT_EQ(0, create_one(&self->vm));
	EXPECT_TRUE(is_served(&self->vm));
}

static unsigned int nr_of_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	while (dir && readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* Counts lines, without own memory. */
static unsigned int nr_of_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned int nr = 0;
	char byte;

	while (read(fd, &byte, 1) == 1)
		nr += byte == '\n';
	close(fd);
	return nr;
}

/* KVM's driver came after the module: learnt with the first function, without a trace. */
TEST_F(first, learns_from_a_vm_of_its_own)
{
	unsigned int fds, maps;
	struct users before;

	NEED_A_FILE();
	load_hidden(self->path);
	show_kvm();
	before = all_users();
	fds = nr_of_fds();
	maps = nr_of_maps();
	ASSERT_EQ(0, create_one(&self->vm));
	EXPECT_EQ(fds, nr_of_fds());
	EXPECT_EQ(maps, nr_of_maps());
	wait_for_users(&before);
	hide_kvm();
	ASSERT_EQ(0, create_one(&self->vm));
	EXPECT_TRUE(is_served(&self->vm));
}

/* As in a jail without it; a route of the VM works as well, and then for all VMs. */
TEST_F(first, enodata_without_kvm_s_device)
{
	struct vm other;
	int fd;

	NEED_A_FILE();
	vm_create(&other, 0, 1);
	load_hidden(self->path);
	EXPECT_EQ(-ENODATA, create_one(&self->vm));
	/* A file that is not KVM's device is not used. */
	fd = open(KVM_DEVICE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODATA, create_one(&self->vm));
	close(fd);
	ASSERT_EQ(0, unlink(KVM_DEVICE));
	ASSERT_EQ(0, mknod(KVM_DEVICE, S_IFCHR | 0600, makedev(1, 5)));
	EXPECT_EQ(-ENODATA, create_one(&self->vm));
	ASSERT_EQ(0, unlink(KVM_DEVICE));

	vm_set_msi_routes(&self->vm, 1);
	ASSERT_EQ(0, create_one(&self->vm));
	ASSERT_EQ(0, create_one(&other));
	EXPECT_TRUE(is_served(&other));
	vm_destroy(&other);
}

/* Nobody gets a VM this way without the permission. */
TEST_F(first, enodata_for_who_may_not_open_it)
{
	struct stat before;
	int status;
	pid_t pid;

	NEED_A_FILE();
	load_hidden(self->path);
	show_kvm();
	ASSERT_EQ(0, stat(KVM_DEVICE, &before));
	ASSERT_EQ(0, chmod(KVM_DEVICE, 0600));
	pid = fork();
	if (!pid) {
		struct msi_route_create shape = msix_shape(1);
		int device = open_device();
		struct vm vm;

		vm_create(&vm, 0, 1);
		shape.vm_fd = vm.fd;
		if (setgid(65534) || setuid(65534))
			die("setuid");
		_exit(ioctl(device, MSI_ROUTE_CREATE, &shape) != -1 || errno != ENODATA);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, chmod(KVM_DEVICE, before.st_mode & 07777));
	ASSERT_EQ(0, create_one(&self->vm));
}

static int create_with_limit(struct vm *vm, int resource, rlim_t limit)
{
	struct msi_route_create shape = msix_shape(1);
	struct rlimit before, lower;
	int device = open_device();
	int ret;

	shape.vm_fd = vm->fd;
	if (getrlimit(resource, &before))
		die("getrlimit");
	lower = (struct rlimit) { .rlim_cur = limit, .rlim_max = before.rlim_max };
	if (setrlimit(resource, &lower))
		die("setrlimit");
	ret = ioctl(device, MSI_ROUTE_CREATE, &shape) < 0 ? -errno : 0;
	if (setrlimit(resource, &before))
		die("setrlimit");
	close(device);
	return ret;
}

TEST_F(first, emfile_and_enomem)
{
	struct users before;

	NEED_A_FILE();
	load_hidden(self->path);
	show_kvm();
	before = all_users();
	EXPECT_EQ(-EMFILE, create_with_limit(&self->vm, RLIMIT_NOFILE, 0));
	EXPECT_EQ(-ENOMEM, create_with_limit(&self->vm, RLIMIT_AS, 0));
	wait_for_users(&before);
	ASSERT_EQ(0, create_one(&self->vm));
}
