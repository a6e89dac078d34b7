// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * What the helper's calls do besides the rules: shapes, hostile accesses, places, routes,
 * eventfds that KVM does not take, a jail.
 */
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include "helper.h"

#define NR		130
#define VECTOR(entry)	(0x20 + (entry))

FIXTURE(vmm_calls) {
	struct vm vm;
	struct vcpu *vcpu;
	struct side s;
};

FIXTURE_VARIANT(vmm_calls) {
	__u32 backend;
};

FIXTURE_VARIANT_ADD(vmm_calls, kernel) { MRV_VM_KERNEL };
FIXTURE_VARIANT_ADD(vmm_calls, user) { MRV_VM_USER };

static void set_up(struct side *s, unsigned int nr)
{
	unsigned int i;

	command_put(s, 6);
	for (i = 0; i < nr; i++)
		entry_put(s, i, MSI_TO(0), VECTOR(i), 0);
	control_put(s, MSIX_ENABLE);
}

FIXTURE_SETUP(vmm_calls)
{
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	side_open(&self->s, &self->vm, variant->backend, NR, 0, 0);
	set_up(&self->s, NR);
}

FIXTURE_TEARDOWN(vmm_calls)
{
	side_close(&self->s);
	vm_destroy(&self->vm);
}

/* ---- shapes ---- */

TEST_F(vmm_calls, from_configuration_space)
{
	static const struct { __u16 msix; __u8 msi, flags; } shapes[] = {
		{ 1, 0, 0 }, { 2048, 0, 0 }, { 0, 1, 0 }, { 0, 32, 7 }, { 5, 4, 3 }, { 65, 8, 1 },
	};
	struct msi_route_create *shape;
	struct mrv_function fn;
	__u8 config[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		fill_config(config, shapes[i].msix, shapes[i].msi, shapes[i].flags);
		ASSERT_EQ(0, mrv_create(&fn, &self->s.host, config, 1, NULL, 0));
		shape = &fn.shape;
		EXPECT_EQ(shapes[i].msix, shape->msix_vectors);
		EXPECT_EQ(shapes[i].msix ? TABLE_BAR : 0, shape->msix_table_bir);
		EXPECT_EQ(shapes[i].msix ? TABLE_AT : 0, shape->msix_table_offset);
		EXPECT_EQ(shapes[i].msix ? PBA_BAR : 0, shape->msix_pba_bir);
		EXPECT_EQ(shapes[i].msix ? PBA_AT : 0, shape->msix_pba_offset);
		EXPECT_EQ(shapes[i].msi, shape->msi_vectors);
		EXPECT_EQ(shapes[i].flags, shape->msi_flags);
		mrv_destroy(&fn);
	}
}

/* A list that ends nowhere, a capability at the end, none at all. */
TEST_F(vmm_calls, strange_configuration_space)
{
	struct mrv_function fn;
	__u8 config[256] = {};
	__u32 state = 1;
	unsigned int i, j;

	EXPECT_EQ(-ENODEV, mrv_create(&fn, &self->s.host, config, 0, NULL, 0));
	fill_config(config, 4, 1, 0);
	config[0x06] = 0;
	EXPECT_EQ(-ENODEV, mrv_create(&fn, &self->s.host, config, 0, NULL, 0));
	memset(config, 0x50, sizeof(config));
	EXPECT_EQ(-ENODEV, mrv_create(&fn, &self->s.host, config, 0, NULL, 0));
	memset(config, 0, sizeof(config));
	config[0x06] = 0x10;
	config[0x34] = 0xfc;
	config[0xfc] = 0x11;
	EXPECT_EQ(-ENODEV, mrv_create(&fn, &self->s.host, config, 0, NULL, 0));
	config[0xfc] = 0x05;
	EXPECT_EQ(-EINVAL, mrv_create(&fn, &self->s.host, config, 0, NULL, 0));
	/* Whatever they read, both backends agree. */
	for (i = 0; i < 2000; i++) {
		struct msi_route_create shape;
		int ret, expected;

		for (j = 0; j < sizeof(config); j++)
			config[j] = next_random(&state) % 4 ? next_random(&state) & 0xfc :
							      next_random(&state);
		config[0x06] |= 0x10;
		config[config[0x34] & 0xfc] = i & 1 ? 0x11 : 0x05;
		expected = mrv_shape_read(&shape, config);
		if (!expected)
			expected = mrv_shape_check(&shape, false);
		ret = mrv_create(&fn, &self->s.host, config, 0, NULL, 0);
		ASSERT_EQ(expected, ret) TH_LOG("configuration space %u", i);
		if (!ret)
			mrv_destroy(&fn);
	}
}

TEST_F(vmm_calls, only_in_the_kernel)
{
	struct msi_route_create shape = {
		.msix_vectors = 8, .msix_cap = MSIX_CAP, .msix_pba_offset = 0x800,
		.msix_granted = 4,
	};
	struct mrv_function fn;
	int ret = mrv_create_shape(&fn, &self->s.host, &shape);

	EXPECT_EQ(variant->backend == MRV_VM_USER ? -EOPNOTSUPP : 0, ret);
	if (!ret)
		mrv_destroy(&fn);
	shape.msix_granted = 0;
	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	ret = mrv_create_shape(&fn, &self->s.host, &shape);
	EXPECT_EQ(variant->backend == MRV_VM_USER ? -EOPNOTSUPP : 0, ret);
	if (!ret)
		mrv_destroy(&fn);
}

/* ---- which backend ---- */

TEST_F(vmm_calls, backends)
{
	struct mrv_vm vm;

	EXPECT_EQ(-EINVAL, mrv_vm_init(&vm, self->vm.fd, -1, MRV_VM_KERNEL | MRV_VM_USER));
	EXPECT_EQ(-EINVAL, mrv_vm_init(&vm, self->vm.fd, -1, 1U << 31));
	/* A descriptor that is no /dev/msi_route: an error if it must be, else the fallback. */
	EXPECT_EQ(-ENOTTY, mrv_vm_init(&vm, self->vm.fd, open("/dev/null", O_RDWR | O_CLOEXEC),
				       MRV_VM_KERNEL));
	ASSERT_EQ(0, mrv_vm_init(&vm, self->vm.fd, open("/dev/null", O_RDWR | O_CLOEXEC), 0));
	EXPECT_EQ(-1, vm.device);
	mrv_vm_fini(&vm);
	ASSERT_EQ(0, mrv_vm_init(&vm, self->vm.fd, open_device(), variant->backend));
	EXPECT_EQ(variant->backend == MRV_VM_KERNEL, vm.device >= 0);
	mrv_vm_fini(&vm);
	ASSERT_EQ(0, mrv_vm_init(&vm, self->vm.fd, -1, 0));
	EXPECT_LE(0, vm.device);
	mrv_vm_fini(&vm);
}

/* ---- accesses as never meant ---- */

#define GUARD	0x5a

/* Does an access touch what is the function's? */
static bool touches(__u64 offset, __u32 len, __u64 at, __u64 size)
{
	__u32 i;

	for (i = 0; i < len; i++)
		if (offset + i - at < size)
			return true;
	return false;
}

static bool defined(__u64 offset, __u32 len, __u64 at, __u64 size)
{
	return (len == 4 || len == 8) && offset % len == 0 && offset >= at &&
	       offset - at + len <= size;
}

/* Each length at each offset around an edge: whose it is, and what is in the buffer. */
static void cross(struct __test_metadata *_metadata, struct mrv_function *fn, __u32 bar,
		  __u64 edge, __u64 at, __u64 size)
{
	__u8 data[64];
	__u64 offset;
	__u32 len, i;
	int back;

	for (back = -17; back <= 17; back++) {
		for (len = 0; len <= 33; len++) {
			bool mine = touches(edge + back, len, at, size);

			offset = edge + back;
			memset(data, GUARD, sizeof(data));
			ASSERT_EQ(mine, mrv_bar_read(fn, bar, offset, data + 8, len))
				TH_LOG("%#llx of %u", (unsigned long long)offset, len);
			for (i = 0; i < sizeof(data); i++) {
				if (i < 8 || i >= 8 + len || !mine) {
					ASSERT_EQ(GUARD, data[i]);
				} else if (!defined(offset, len, at, size)) {
					ASSERT_EQ(0xff, data[i]);
				}
			}
			memset(data, 0xff, sizeof(data));
			ASSERT_EQ(mine, mrv_bar_write(fn, bar, offset, data + 8, len));
		}
	}
}

TEST_F(vmm_calls, each_length_at_each_edge)
{
	struct mrv_function *fn = &self->s.fn;
	__u64 first, second, table_size = NR * 16, pba_size = 24;
	__u32 bar;

	cross(_metadata, fn, TABLE_BAR, TABLE_AT, TABLE_AT, table_size);
	cross(_metadata, fn, TABLE_BAR, TABLE_AT + table_size, TABLE_AT, table_size);
	cross(_metadata, fn, PBA_BAR, PBA_AT, PBA_AT, pba_size);
	cross(_metadata, fn, PBA_BAR, PBA_AT + pba_size, PBA_AT, pba_size);
	for (bar = 0; bar < 8; bar++) {
		EXPECT_EQ(bar == TABLE_BAR, mrv_bar_read(fn, bar, TABLE_AT, &first, 8));
		cross(_metadata, fn, bar, 0, bar == PBA_BAR ? PBA_AT : TABLE_AT,
		      bar == PBA_BAR ? pba_size : bar == TABLE_BAR ? table_size : 0);
		cross(_metadata, fn, bar, 1ULL << 63, 0, 0);
	}
	/* Only what is defined has been written, and it works as before. */
	first = table_get(&self->s, 0, 8);
	second = table_get(&self->s, ENTRY(NR - 1) + ENTRY_DATA, 8);
	EXPECT_EQ(0xfffffffffffffffcULL, first);
	EXPECT_EQ(~0ULL, second);
	EXPECT_EQ(0xfee00000, table_get(&self->s, ENTRY(2), 8));
	entry_put(&self->s, 0, MSI_TO(0), VECTOR(0), 0);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
}

TEST_F(vmm_calls, random_accesses)
{
	struct mrv_function *fn = &self->s.fn;
	__u32 state = 7, i, j, len, where;
	__u8 data[64];

	for (i = 0; i < 6000; i++) {
		len = next_random(&state) % (sizeof(data) + 1);
		where = next_random(&state) % 0x2000;
		for (j = 0; j < sizeof(data); j++)
			data[j] = next_random(&state);
		switch (next_random(&state) % 6) {
		case 0:
			mrv_config_read(fn, where, data, len);
			break;
		case 1:
			mrv_config_write(fn, where % 0x120, data, len);
			break;
		case 2:
			mrv_bar_read(fn, where % 8, where / 8 * 8, data, len);
			break;
		case 3:
			mrv_bar_write(fn, where % 8, where / 8 * 8, data, len % 9);
			break;
		case 4:
			mrv_trigger(fn, next_random(&state) % 4, where % (NR + 2));
			break;
		default:
			/* Each guest page, and addresses beyond all. */
			mrv_placed(fn, where % 8, (__u64)where << (where % 64), where & 0x100);
			break;
		}
	}
	ASSERT_EQ(0, mrv_reset(fn));
	set_up(&self->s, NR);
	vcpu_clear_irr(self->vcpu);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(1)));
}

/* ---- places ---- */

#define TABLE_BAR_AT	0xd0000000ULL
#define PBA_BAR_AT	0xd4000000ULL
#define TABLE_PLACE	(TABLE_BAR_AT + TABLE_AT)
#define PBA_PLACE	(PBA_BAR_AT + PBA_AT)

static struct side *driven;
static __u32 table_exits, pba_exits, seen[4];

/* As a VMM: an address finds the BAR, and the BAR's access is somebody's. */
static bool exit_to_vmm(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	__u32 bar = gpa >= PBA_BAR_AT ? PBA_BAR : TABLE_BAR;
	__u64 offset = gpa - (bar == PBA_BAR ? PBA_BAR_AT : TABLE_BAR_AT);

	(void)vm;
	if (gpa < TABLE_BAR_AT || gpa >= PBA_BAR_AT + 0x10000)
		return false;
	if (bar == PBA_BAR)
		pba_exits++;
	else
		table_exits++;
	if (write ? mrv_bar_write(&driven->fn, bar, offset, data, len) :
		    mrv_bar_read(&driven->fn, bar, offset, data, len))
		return true;
	memset(data, 0, len);
	return true;
}

static void access_table_and_pba(void)
{
	guest_write32(TABLE_PLACE + ENTRY(3) + ENTRY_CONTROL, 1);
	seen[0] = guest_read32(TABLE_PLACE + ENTRY(3) + ENTRY_DATA);
	seen[1] = guest_read32(PBA_PLACE);
	/* Registers of the device's own are not the function's. */
	seen[2] = guest_read32(PBA_PLACE + 24);
	/* Across the edges: pieces of any length. */
	seen[3] = guest_read32(TABLE_PLACE - 2);
	guest_write64(TABLE_PLACE + NR * 16 - 3, ~0ULL);
}

static void run_guest(struct vm *vm)
{
	table_exits = pba_exits = 0;
	memset(seen, 0xa5, sizeof(seen));
	vcpu_start(&vm->vcpu[0], access_table_and_pba);
	vcpu_join(&vm->vcpu[0]);
}

TEST_F(vmm_calls, placed_in_different_bars)
{
	struct mrv_function *fn = &self->s.fn;
	const bool in_kernel = variant->backend == MRV_VM_KERNEL;
	__u32 exits;

	driven = &self->s;
	vm_mmio = exit_to_vmm;
	run_guest(&self->vm);
	exits = table_exits;
	EXPECT_EQ(5, exits);
	EXPECT_EQ(2, pba_exits);
	EXPECT_EQ(VECTOR(3), seen[0]);
	EXPECT_EQ(0, seen[2]);
	EXPECT_TRUE(mrv_trigger(fn, MSIX, 3) == MSI_ROUTE_PENDING);

	/* One after the other, other BARs, and Memory Space Enable off. */
	EXPECT_EQ(0, mrv_placed(fn, 0, 0xe0000000, true));
	EXPECT_EQ(0, mrv_placed(fn, TABLE_BAR, TABLE_BAR_AT, true));
	run_guest(&self->vm);
	EXPECT_EQ(in_kernel ? 2 : exits, table_exits);
	EXPECT_EQ(2, pba_exits);
	EXPECT_EQ(8, seen[1]);
	EXPECT_EQ(0, mrv_placed(fn, PBA_BAR, PBA_BAR_AT, true));
	run_guest(&self->vm);
	EXPECT_EQ(in_kernel ? 1 : 2, pba_exits);
	EXPECT_EQ(8, seen[1]);
	EXPECT_EQ(0, mrv_placed(fn, TABLE_BAR, 0, false));
	run_guest(&self->vm);
	EXPECT_EQ(exits, table_exits);
	EXPECT_EQ(in_kernel ? 1 : 2, pba_exits);

	/* Onto KVM's own: refused, or not noticed; either way accesses exit. */
	mrv_placed(fn, TABLE_BAR, 0xfec00000 - TABLE_AT, true);
	mrv_placed(fn, PBA_BAR, 0, false);
	run_guest(&self->vm);
	EXPECT_EQ(2, pba_exits);
	EXPECT_EQ(exits, table_exits);
}

/* ---- routes ---- */

/* The VM's pins work as before, whatever routes the fallback adds. */
TEST_F(vmm_calls, pins_stay)
{
	struct kvm_irq_level level = { .irq = 3, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	unsigned int i;

	for (i = 0; i < 4; i++)
		ASSERT_LE(0, mrv_eventfd(&self->s.fn, MSIX, i));
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQ_LINE, &level));
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(1 << 3, chip.chip.pic.irr & 1 << 3);
	chip.chip_id = KVM_IRQCHIP_IOAPIC;
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_GET_IRQCHIP, &chip));
	EXPECT_EQ(1 << 3, chip.chip.ioapic.irr & 1 << 3);
}

/* Routes of the VMM's own, before and after those of the fallback. */
TEST_F(vmm_calls, routes_of_the_vmm)
{
	struct kvm_irq_routing_entry own[2] = {
		{ .gsi = 5, .type = KVM_IRQ_ROUTING_MSI },
		{ .gsi = MRV_FIRST_GSI, .type = KVM_IRQ_ROUTING_MSI },
	};
	struct kvm_irq_level level = { .irq = 5, .level = 1 };
	int round;

	own[0].u.msi.address_lo = MSI_TO(0);
	own[0].u.msi.data = 0xc1;
	EXPECT_EQ(-EINVAL, mrv_vm_set_routes(&self->s.host, own, 2));
	ASSERT_EQ(0, mrv_vm_set_routes(&self->s.host, own, 1));
	for (round = 0; round < 2; round++) {
		signal_eventfd(mrv_eventfd(&self->s.fn, MSIX, round), 1);
		EXPECT_TRUE(comes(self->vcpu, VECTOR(round)));
		ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQ_LINE, &level));
		EXPECT_TRUE(comes(self->vcpu, 0xc1));
	}
	own[0].type = 77;
	EXPECT_EQ(-EINVAL, mrv_vm_set_routes(&self->s.host, own, 1));
	signal_eventfd(mrv_eventfd(&self->s.fn, MSIX, 0), 1);
	EXPECT_TRUE(comes(self->vcpu, VECTOR(0)));
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQ_LINE, &level));
	EXPECT_TRUE(comes(self->vcpu, 0xc1));
}

/* ---- eventfds that KVM does not take ---- */

struct loop {
	struct mrv_function *fn;
	bool stop;
};

static void *watch(void *arg)
{
	struct loop *loop = arg;
	struct pollfd p = { .fd = mrv_poll_fd(loop->fn), .events = POLLIN };

	while (!load(&loop->stop))
		if (poll(&p, 1, 10) > 0)
			mrv_poll(loop->fn);
	return NULL;
}

/* KVM's table has room for five: the VMM's loop relays the rest. */
TEST_F(vmm_calls, more_vectors_than_routes)
{
	struct loop loop = {};
	struct side s;
	unsigned int i, round;
	pthread_t thread;
	__u8 config[256];

	fill_config(config, 32, 0, 0);
	if (mrv_vm_init(&s.host, self->vm.fd, -1, variant->backend))
		die("mrv_vm_init");
	s.host.first_gsi = MRV_MAX_GSI - 4;
	ASSERT_EQ(0, mrv_create(&s.fn, &s.host, config, 0, NULL, 0));
	no_hold(&s.fn);
	set_up(&s, 32);
	loop.fn = &s.fn;
	ASSERT_EQ(0, pthread_create(&thread, NULL, watch, &loop));
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 32; i++) {
			signal_eventfd(mrv_eventfd(&s.fn, MSIX, i), 1);
			EXPECT_TRUE(comes(self->vcpu, VECTOR(i)));
			mask_put(&s, i, true);
			signal_eventfd(mrv_eventfd(&s.fn, MSIX, i), 1);
			EXPECT_TRUE(is_pending(&s, i));
			EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
			mask_put(&s, i, false);
			EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(i)));
		}
	}
	store(&loop.stop, true);
	pthread_join(thread, NULL);
	side_close(&s);
}

/* ---- a guest that masks while devices signal ---- */

struct device {
	struct vcpu *vcpu;
	int fd;
	bool stop;
	__u32 came;
};

static void *signal_and_wait(void *arg)
{
	struct device *d = arg;

	while (!load(&d->stop)) {
		signal_eventfd(d->fd, 1);
		comes(d->vcpu, VECTOR(1));
		atomic_inc(&d->came);
	}
	return NULL;
}

/* Each event comes, however it meets the masks: a lost one hangs the device. */
TEST_F(vmm_calls, masks_lose_no_event)
{
	struct device d = { .vcpu = self->vcpu, .fd = mrv_eventfd(&self->s.fn, MSIX, 1) };
	pthread_t thread;
	__u32 round, before;

	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_and_wait, &d));
	for (round = 0; round < 300; round++) {
		switch (round % 4) {
		case 0:
			mask_put(&self->s, 1, true);
			mask_put(&self->s, 1, false);
			break;
		case 1:
			control_put(&self->s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
			control_put(&self->s, MSIX_ENABLE);
			break;
		case 2:
			command_put(&self->s, 2);
			command_put(&self->s, 6);
			break;
		default:
			control_put(&self->s, 0);
			control_put(&self->s, MSIX_ENABLE);
		}
		before = load(&d.came);
		while (load(&d.came) - before < round % 3)
			sched_yield();
	}
	store(&d.stop, true);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_FALSE(is_pending(&self->s, 1));
	REMARK("%u masks, %u events, all came", round, d.came);
}

/* ---- a jail ---- */

static void append(struct sock_fprog *p, struct sock_filter f)
{
	p->filter[p->len++] = f;
}

/* Only what the helper's lists name, and the end of the process. */
static void enter_jail(bool kernel)
{
	static struct sock_filter filter[256];
	struct sock_fprog p = { .filter = filter };

	append(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						offsetof(struct seccomp_data, nr)));
#define CALL(name)									\
	if (__NR_##name != __NR_ioctl) {						\
		append(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,	\
							__NR_##name, 0, 1));		\
		append(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,		\
							SECCOMP_RET_ALLOW));		\
	}
	MRV_SYSCALLS(CALL)
	CALL(exit_group)
	append(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 1, 0));
	append(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	append(&p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						offsetof(struct seccomp_data, args[1])));
#define REQUEST(name)									\
	append(&p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, name, 0, 1)); \
	append(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	if (kernel) {
		MRV_KERNEL_IOCTLS(REQUEST)
	} else {
		MRV_USER_IOCTLS(REQUEST)
	}
	append(&p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
		die("seccomp");
}

/* All calls of the helper; returns what has failed, without a word. */
static int call_all(int vm_fd, __u32 backend, __u8 *state)
{
	struct side s;
	__u8 config[256];
	__u64 value = 0;

	fill_config(config, 8, 1, 0);
	if (mrv_vm_init(&s.host, vm_fd, -1, backend))
		return 1;
	if (mrv_create(&s.fn, &s.host, config, 0, "x", 0))
		return 2;
	set_up(&s, 8);
	mrv_config_read(&s.fn, 0, config, sizeof(config));
	if (mrv_trigger(&s.fn, MSIX, 0) < 0)
		return 3;
	if (mrv_eventfd(&s.fn, MSIX, 1) < 0 || mrv_detach(&s.fn, MSIX, 1, -1))
		return 4;
	if (mrv_placed(&s.fn, TABLE_BAR, TABLE_BAR_AT, true))
		return 5;
	mask_put(&s, 0, true);
	if (mrv_trigger(&s.fn, MSIX, 0) != MSI_ROUTE_PENDING ||
	    mrv_clear_pending(&s.fn, MSIX, 0) != 1)
		return 6;
	mrv_bar_read(&s.fn, PBA_BAR, PBA_AT, &value, 8);
	mrv_poll(&s.fn);
	if (mrv_hand_over(&s.fn, state, mrv_state_size(&s.fn)) ||
	    mrv_take_over(&s.fn, state, mrv_state_size(&s.fn)) || mrv_run(&s.fn))
		return 7;
	if (mrv_reset(&s.fn))
		return 8;
	side_close(&s);
	return 0;
}

struct jailed {
	int kvm;
	__u32 backend;
};

static void *in_jail(void *arg)
{
	static __u8 state[4096];
	const struct jailed *j = arg;
	/* The VM belongs to the process that makes it. */
	int vm = ioctl(j->kvm, KVM_CREATE_VM, 0);

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) || ioctl(vm, KVM_CREATE_VCPU, 0) < 0)
		_exit(99);
	enter_jail(j->backend == MRV_VM_KERNEL);
	_exit(call_all(vm, j->backend, state));
}

/* In each thread but the first, memory comes by other system calls. */
TEST_F(vmm_calls, in_a_jail)
{
	struct jailed j = { self->vm.kvm_fd, variant->backend };
	int status, pid, first;
	pthread_t thread;

	for (first = 0; first < 2; first++) {
		pid = fork();
		if (!pid && first)
			in_jail(&j);
		if (!pid) {
			pthread_create(&thread, NULL, in_jail, &j);
			pthread_join(thread, NULL);
			_exit(98);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status) TH_LOG("status %#x, first thread: %d", status, first);
	}
}
