// SPDX-License-Identifier: GPL-2.0
/*
 * Tenants of one host: members of the group that may use the device, each with virtual
 * machines of their own.  What one of them holds, or does not provide, blocks nobody
 * else, nor root who observes.  When a tenant is killed, all that it had goes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest/absent.h"
#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define IMS		MSI_ROUTE_IMS
#define VECTOR		0x51
#define BROADCAST	0xfeeff000U
#define NR_VECTORS	4
#define DEBUGFS		"/sys/kernel/debug/msi_route"

/* ---- calls that stay in the kernel ---- */

static struct absent absent;

static struct msi_route_create all_shape(void)
{
	struct msi_route_create shape = msix_shape(NR_VECTORS);

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	shape.grant_cap = 0x80;
	shape.ims_vectors = NR_VECTORS;
	return shape;
}

static struct msi_route_state a_state(void *memory)
{
	return (struct msi_route_state) {
		.size = sizeof(struct msi_route_state), .msix_vectors = NR_VECTORS,
		.ims_max = NR_VECTORS, .ims_granted = NR_VECTORS,
		.entries = (unsigned long)memory, .pba = (unsigned long)memory,
		.held = (unsigned long)memory, .ims_entries = (unsigned long)memory,
		.ims_pending = (unsigned long)memory,
	};
}

static void call_restore(struct function *fn, void *memory)
{
	struct msi_route_state state = a_state(memory);

	ioctl(fn->fd, MSI_ROUTE_RESTORE, &state);
}

static void call_save(struct function *fn, void *memory)
{
	struct msi_route_state state = a_state(memory);

	ioctl(fn->fd, MSI_ROUTE_SAVE, &state);
}

static void call_get_changes(struct function *fn, void *memory)
{
	get_changes(fn, memory, 1, NULL);
}

static void call_set_eventfds(struct function *fn, void *memory)
{
	set_eventfds(fn, MSIX, 0, 1, memory, 0);
}

static void call_set_entries(struct function *fn, void *memory)
{
	set_entries(fn, 0, 1, memory);
}

static void call_set_ims(struct function *fn, void *memory)
{
	set_ims(fn, memory, 1);
}

static void call_get_vectors(struct function *fn, void *memory)
{
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .room = 1, .stride = sizeof(struct msi_route_vector),
		.vectors = (unsigned long)memory,
	};

	ioctl(fn->fd, MSI_ROUTE_GET_VECTORS, &g);
}

static void call_map(struct function *fn, void *memory)
{
	static unsigned int places;

	(void)memory;
	map(fn, MSI_ROUTE_MAP_TABLE,
	    TABLE_GPA(0) + __atomic_fetch_add(&places, 1, __ATOMIC_RELAXED) * 0x1000UL, 0);
}

static void call_get_map(struct function *fn, void *memory)
{
	struct msi_route_get_map m = { .size = sizeof(m) };

	(void)memory;
	ioctl(fn->fd, MSI_ROUTE_GET_MAP, &m);
}

struct caller {
	pthread_t thread;
	struct function *fn;
	void (*call)(struct function *fn, void *memory);
	pid_t tid;
};

static void *run_caller(void *arg)
{
	struct caller *c = arg;

	store(&c->tid, (pid_t)gettid());
	c->call(c->fn, absent.memory);
	return NULL;
}

static void start_caller(struct caller *c)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	if (pthread_create(&c->thread, &attr, run_caller, c))
		die("pthread_create");
}

static void wait_until_stuck(struct caller *c)
{
	while (!load(&c->tid))
		sched_yield();
	if (!task_stuck(getpid(), c->tid))
		die("a call that should wait has returned");
}

/* KVM itself holds slots_lock over the copy to its caller. */
static void call_dirty_log(struct function *fn, void *memory)
{
	static char pages[8192] __attribute__((aligned(4096)));
	struct kvm_userspace_memory_region region = {
		.slot = 100, .flags = KVM_MEM_LOG_DIRTY_PAGES, .guest_phys_addr = 0xa0000000,
		.memory_size = 4096, .userspace_addr = (unsigned long)pages,
	};
	struct kvm_dirty_log log = { .slot = 100, .dirty_bitmap = memory };

	if (ioctl(fn->vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
	ioctl(fn->vm->fd, KVM_GET_DIRTY_LOG, &log);
}

static void hold_slots_lock(struct caller *c, struct function *fn)
{
	c->fn = fn;
	c->call = call_dirty_log;
	start_caller(c);
	absent_wait(&absent, 1);
}

/* ---- a hostile tenant ---- */

/* More than a workqueue runs at a time. */
#define NR_FUNCTIONS	300

#define TENANT_UID	65534
#define TENANT_GID	4711

static struct vm attacking;
static struct function attackers[NR_FUNCTIONS];
static struct caller callers[NR_FUNCTIONS], holder;

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static int first_cpu(void)
{
	cpu_set_t set;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity");
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

static void become_tenant(void)
{
	if (setgroups(0, NULL) || setgid(TENANT_GID) || setuid(TENANT_UID))
		die("become a tenant");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
}

/*
 * Each of the tenant's functions has a thread in a call that does not return.  Then its
 * guest writes something that the VMM is to be notified of: from one CPU, whose workers
 * the victim uses as well.
 */
static void attack(void (*call)(struct function *fn, void *memory), bool copies, int cpu,
		   int ready)
{
	unsigned int i;

	if (!absent_make(&absent, 65536))
		_exit(KSFT_SKIP);
	become_tenant();
	vm_create(&attacking, 0, 1);
	for (i = 0; i < NR_FUNCTIONS; i++) {
		struct function *fn = &attackers[i];

		if (function_try_open(fn, &attacking, all_shape()) < 0)
			die("function %u", i);
		if (set_notify(fn, MSI_ROUTE_CHANGE_MESSAGE, new_eventfd()) || set_run(fn, 0))
			die("notify");
		/* Gives it something to copy; the next change notifies too. */
		if (call == call_get_changes)
			table_write(fn, 0, MSI_TO(0));
	}
	if (!copies)
		hold_slots_lock(&holder, &attackers[0]);
	for (i = 0; i < NR_FUNCTIONS; i++) {
		callers[i].fn = &attackers[i];
		callers[i].call = call;
		start_caller(&callers[i]);
	}
	if (copies)
		absent_wait(&absent, NR_FUNCTIONS);
	for (i = 0; !copies && i < NR_FUNCTIONS; i++)
		wait_until_stuck(&callers[i]);
	stay_on(cpu);
	for (i = 0; i < NR_FUNCTIONS; i++)
		table_write(&attackers[i], 0, MSI_TO(1));
	if (write(ready, "x", 1) != 1)
		die("write");
	for (;;)
		pause();
}

/* ---- another one ---- */

FIXTURE(tenants) {
	struct stat device, kvm;
	struct users users;
	unsigned int areas;
	struct vm vm;
	struct function fn;
	int notify, event, irqfd;
};

static void open_to_group(const char *path, struct stat *before)
{
	if (stat(path, before) || chown(path, 0, TENANT_GID) || chmod(path, 0660))
		die("%s", path);
}

FIXTURE_SETUP(tenants)
{
	struct kvm_irq_routing *routes = new_msi_routes(1);
	struct kvm_irqfd irqfd = { .gsi = FIRST_GSI };

	/* As udev does. */
	open_to_group(DEVICE, &self->device);
	open_to_group("/dev/kvm", &self->kvm);
	self->users = all_users();
	self->areas = module_areas();
	vm_create(&self->vm, 0, 2);
	/* A broadcast by KVM alone, which leaves it to the kernel's own workqueue. */
	routes->entries[0].u.msi.address_lo = BROADCAST;
	routes->entries[0].u.msi.data = VECTOR;
	vm_set_routes(&self->vm, routes);
	free(routes);
	self->irqfd = new_eventfd();
	irqfd.fd = self->irqfd;
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	/* And one by the module; and changes that the VMM is notified of. */
	ASSERT_LE(0, function_try_open(&self->fn, &self->vm, msix_shape(1)));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	entry_set(&self->fn, 0, BROADCAST, VECTOR + 1, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	self->event = new_eventfd();
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->event, 0));
	self->notify = new_eventfd();
	ASSERT_EQ(0, set_notify(&self->fn, MSI_ROUTE_CHANGE_CONTROL, self->notify));
}

FIXTURE_TEARDOWN(tenants)
{
	close(self->fn.fd);
	close(self->event);
	close(self->notify);
	close(self->irqfd);
	vm_destroy(&self->vm);
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
	EXPECT_EQ(0, chown(DEVICE, self->device.st_uid, self->device.st_gid));
	EXPECT_EQ(0, chmod(DEVICE, self->device.st_mode & 07777));
	EXPECT_EQ(0, chown("/dev/kvm", self->kvm.st_uid, self->kvm.st_gid));
	EXPECT_EQ(0, chmod("/dev/kvm", self->kvm.st_mode & 07777));
}

/* Each loop waits until it is so. */
static void be_told(FIXTURE_DATA(tenants) *self)
{
	struct pollfd notify = { .fd = self->notify, .events = POLLIN };
	struct msi_route_vector_change change;
	__u64 count;

	msix_control(&self->fn, MSIX_ENABLE);
	if (poll(&notify, 1, -1) != 1 || read(self->notify, &count, sizeof(count)) < 0)
		die("poll");
	if (get_changes(&self->fn, &change, 1, NULL) != 1)
		die("MSI_ROUTE_GET_CHANGES");
}

static void be_interrupted(FIXTURE_DATA(tenants) *self, int fd, __u8 vector)
{
	struct vcpu *vcpu = &self->vm.vcpu[1];

	vcpu_clear_irr(vcpu);
	signal_eventfd(fd, 1);
	while (!vcpu_irr(vcpu, vector))
		sched_yield();
}

static void be_served(FIXTURE_DATA(tenants) *self)
{
	be_told(self);
	be_interrupted(self, self->irqfd, VECTOR);
	be_interrupted(self, self->event, VECTOR + 1);
}

/* ---- and root ---- */

static unsigned int look_at_debugfs(void)
{
	static const char *const names[] = { "state", "counters", "vectors" };
	char path[512], text[4096];
	struct dirent *entry;
	unsigned int i, nr = 0;
	DIR *dir;

	dir = opendir(DEBUGFS);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		for (i = 0; entry->d_name[0] != '.' && i < ARRAY_SIZE(names); i++) {
			int fd;

			snprintf(path, sizeof(path), DEBUGFS "/%s/%s", entry->d_name, names[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			nr += fd >= 0 && read(fd, text, sizeof(text)) > 0;
			close(fd);
		}
	}
	closedir(dir);
	return nr;
}

static unsigned int look_at_functions(void)
{
	struct msi_route_function f;
	struct msi_route_get_functions g = {
		.size = sizeof(g), .room = 1, .stride = sizeof(f), .functions = (unsigned long)&f,
	};
	int device = open_device();
	unsigned int nr = 0;

	while (!ioctl(device, MSI_ROUTE_GET_FUNCTIONS, &g) && g.nr) {
		struct msi_route_counters c = {
			.size = sizeof(c), .vector = MSI_ROUTE_ALL_VECTORS, .function = f.number,
		};

		if (ioctl(device, MSI_ROUTE_GET_COUNTERS, &c))
			die("MSI_ROUTE_GET_COUNTERS");
		g.from = f.number + 1;
		nr++;
	}
	close(device);
	return nr;
}

FIXTURE_VARIANT(tenants) {
	void (*call)(struct function *fn, void *memory);
	bool copies;			/* from or to memory that is not there */
};

FIXTURE_VARIANT_ADD(tenants, restore) { .call = call_restore, .copies = true };
FIXTURE_VARIANT_ADD(tenants, get_changes) { .call = call_get_changes, .copies = true };
FIXTURE_VARIANT_ADD(tenants, map) { .call = call_map };

TEST_F(tenants, one_who_keeps_his_calls_in_the_kernel)
{
	int ready[2], status, cpu = first_cpu();
	unsigned int nr;
	pid_t pid;
	char byte;

	be_served(self);
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(ready[0]);
		attack(variant->call, variant->copies, cpu, ready[1]);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
			SKIP(return, "no userfaultfd");
		ASSERT_TRUE(false) TH_LOG("the attack has failed: %#x", status);
	}
	stay_on(cpu);
	be_served(self);
	nr = look_at_functions();
	EXPECT_LT(NR_FUNCTIONS, nr);
	nr = look_at_debugfs();
	EXPECT_TRUE(!nr || nr > NR_FUNCTIONS);
	REMARK("%u files in debugfs", nr);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	be_served(self);
}

/* ---- a function whose owner has a call in the kernel ---- */

static struct function fn;
static struct vm vm;

static void make_function(void)
{
	vm_create(&vm, 0, 1);
	if (function_try_open(&fn, &vm, all_shape()) < 0)
		die("MSI_ROUTE_CREATE");
	if (set_notify(&fn, MSI_ROUTE_CHANGE_MESSAGE, new_eventfd()) || set_run(&fn, 0))
		die("notify");
	table_write(&fn, 0, MSI_TO(0));
}

/* Operations that take no lock of the VMM: the guest's accesses, events, reading. */
static void use_function(void)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .flags = MSI_ROUTE_TRANSLATION_NONE,
		.raw_address = MSI_TO(0) | 0x10,
	};
	struct msi_route_vector vector;

	table_write(&fn, 0, MSI_TO(0));
	table_read(&fn, 0);
	pba_read(&fn, 0);
	msix_control(&fn, MSIX_ENABLE);
	config_read(&fn, fn.shape.grant_cap + 8, 4);
	if (trigger(&fn, MSIX, 0) < 0 || clear_pending(&fn, MSIX, 0) < 0 ||
	    set_bus_master(&fn, 1) || set_hold(&fn, 1000) || renew(&fn))
		die("a call");
	ioctl(fn.fd, MSI_ROUTE_SET_TRANSLATION, &t);
	call_get_vectors(&fn, &vector);
	totals(&fn, MSIX);
	totals(&fn, IMS);
}

static void call_set_eventfd(struct function *fn, void *memory)
{
	(void)memory;
	set_eventfd(fn, MSIX, 1, new_eventfd(), MSI_ROUTE_EVENTFD_REPLACE);
}

static void call_set_notify(struct function *fn, void *memory)
{
	(void)memory;
	set_notify(fn, MSI_ROUTE_CHANGE_MESSAGE, new_eventfd());
}

static void call_stop(struct function *fn, void *memory)
{
	(void)memory;
	set_run(fn, 0);
}

static void call_reset(struct function *fn, void *memory)
{
	(void)memory;
	reset(fn);
}

static void call_set_remapping(struct function *fn, void *memory)
{
	(void)memory;
	set_remapping(fn, MSI_ROUTE_REMAPPING_ALL);
}

static void call_resize(struct function *fn, void *memory)
{
	(void)memory;
	resize(fn, MSIX, 1, NR_VECTORS);
}

static void call_grant(struct function *fn, void *memory)
{
	(void)memory;
	config_write(fn, fn->shape.grant_cap + 0xc, 4, 1 << 16 | NR_VECTORS);
}

static const struct {
	const char *name;
	void (*call)(struct function *fn, void *memory);
	bool copies;
} calls[] = {
	{ "SAVE", call_save, true },
	{ "RESTORE", call_restore, true },
	{ "GET_CHANGES", call_get_changes, true },
	{ "SET_EVENTFDS", call_set_eventfds, true },
	{ "SET_ENTRIES", call_set_entries, true },
	{ "SET_IMS", call_set_ims, true },
	{ "MAP", call_map, false },
	{ "GET_MAP", call_get_map, false },
	{ "SET_EVENTFD", call_set_eventfd, false },
	{ "SET_NOTIFY", call_set_notify, false },
	{ "SET_RUN", call_stop, false },
	{ "RESET", call_reset, false },
	{ "SET_REMAPPING", call_set_remapping, false },
	{ "RESIZE", call_resize, false },
	{ "a guest's request for vectors", call_grant, false },
};

/* No lock is held during a copy: all other calls return, and a signal ends the copy. */
TEST(a_copy_keeps_nobody_waiting)
{
	unsigned int i, j;
	int status;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		pid_t pid;

		if (!calls[i].copies)
			continue;
		pid = fork();
		if (!pid) {
			static char memory[4096];
			struct caller c = { .fn = &fn, .call = calls[i].call };

			if (!absent_make(&absent, 65536))
				_exit(KSFT_SKIP);
			make_function();
			start_caller(&c);
			absent_wait(&absent, 1);
			use_function();
			for (j = 0; j < ARRAY_SIZE(calls); j++)
				calls[j].call(&fn, memory);
			kill(getpid(), SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
			SKIP(return, "no userfaultfd");
		EXPECT_TRUE(WIFSIGNALED(status)) TH_LOG("%s: %#x", calls[i].name, status);
	}
}

/*
 * Another process holds the function, too.  While the owner waits for KVM, that process
 * waits for the owner; it can be killed.
 */
TEST(each_wait_ends_with_a_signal)
{
	static char memory[4096];
	struct caller owner = { .fn = &fn, .call = call_map };
	unsigned int i;
	int status;

	if (!absent_make(&absent, 65536))
		SKIP(return, "no userfaultfd");
	make_function();
	hold_slots_lock(&holder, &fn);
	start_caller(&owner);
	wait_until_stuck(&owner);
	use_function();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			calls[i].call(&fn, memory);
			_exit(0);
		}
		EXPECT_TRUE(task_stuck(pid, pid)) TH_LOG("%s", calls[i].name);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status)) TH_LOG("%s", calls[i].name);
	}
}

/* ---- a guest whose page does not come ---- */

#define ABSENT_GPA	0xa0000000UL

static struct function passed;
static struct vm second;
static __u32 exits;

static void read_absent(void)
{
	guest_read32(ABSENT_GPA);
}

static void read_table_of_the_passed(void)
{
	guest_read32(TABLE_GPA(1));
}

static bool count_exit(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	(void)vm;
	(void)write;
	if (gpa == TABLE_GPA(1))
		atomic_inc(&exits);
	memset(data, 0, len);
	return true;
}

/* Its first vCPU stays in KVM until the process is killed. */
static void wait_for_a_page(void)
{
	struct kvm_userspace_memory_region region = {
		.slot = 1, .guest_phys_addr = ABSENT_GPA, .memory_size = absent.size,
		.userspace_addr = (unsigned long)absent.memory,
	};

	if (ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
	vcpu_start(&vm.vcpu[0], read_absent);
	absent_wait(&absent, 1);
}

static void call_close(struct function *fn, void *memory)
{
	(void)memory;
	close(fn->fd);
}

static void call_rebind(struct function *fn, void *memory)
{
	(void)memory;
	rebind(fn, &second);
}

/*
 * Another process has the last descriptor of a function.  It closes it and goes on.  The
 * place leads nowhere at once, whatever happens to it in the kernel.
 */
static void close_in_another_process(void)
{
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		die("pipe");
	pid = fork();
	if (!pid) {
		char byte;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			_exit(1);
		close(passed.fd);
		_exit(0);
	}
	close(passed.fd);
	if (write(fds[1], "x", 1) != 1 || waitpid(pid, &status, 0) != pid || status)
		die("close in another process");
	vm_mmio = count_exit;
	vcpu_start(&vm.vcpu[1], read_table_of_the_passed);
	vcpu_join(&vm.vcpu[1]);
	if (exits != 1)
		die("a function that is closed has its place");
}

static void (*const stuck[])(struct function *fn, void *memory) = {
	call_map, call_close, call_rebind,
};

static void keep_waiting(unsigned int which, int ready)
{
	struct caller c = { .fn = &fn, .call = stuck[which] };

	if (!absent_make(&absent, 65536))
		_exit(KSFT_SKIP);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	vm_create(&vm, 0, 2);
	vm_create(&second, 0, 1);
	if (function_try_open(&fn, &vm, all_shape()) < 0 ||
	    function_try_open(&passed, &vm, all_shape()) < 0 ||
	    map(&fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0) ||
	    map(&passed, MSI_ROUTE_MAP_TABLE, TABLE_GPA(1), 0) || set_run(&fn, 0))
		die("two functions");
	wait_for_a_page();
	start_caller(&c);
	wait_until_stuck(&c);
	close_in_another_process();
	if (write(ready, "x", 1) != 1)
		die("write");
	for (;;)
		pause();
}

TEST(a_vcpu_that_waits_for_a_page)
{
	struct users before = all_users();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stuck); i++) {
		int ready[2], status;
		struct function own;
		struct vm other;
		pid_t pid;
		char byte;

		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		if (!pid) {
			close(ready[0]);
			keep_waiting(i, ready[1]);
		}
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1) {
			ASSERT_EQ(pid, waitpid(pid, &status, 0));
			if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
				SKIP(return, "no userfaultfd");
			ASSERT_TRUE(false) TH_LOG("%u: %#x", i, status);
		}
		close(ready[0]);
		/* Another tenant is not affected. */
		vm_create(&other, 0, 1);
		ASSERT_LE(0, function_try_open(&own, &other, all_shape()));
		EXPECT_EQ(0, map(&own, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
		EXPECT_EQ(0, map(&own, MSI_ROUTE_MAP_TABLE, TABLE_GPA(1), 0));
		close(own.fd);
		vm_destroy(&other);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	wait_for_users(&before);
}
