// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/* The helper's state: saved by one backend, restored by the other or by the same. */
#include "helper.h"

#define NR		70
#define NR_MSI		4
#define QWORDS		((NR + 63) / 64)
#define SIZE		(sizeof(struct mrv_state) + NR * 16 + QWORDS * 16)
#define VECTOR(entry)	(0x30 + (entry))
#define MSI_VECTOR	0xb0

/* Each in a VM of its own, as in real life. */
FIXTURE(vmm_state) {
	struct vm from_vm, to_vm;
	struct vcpu *vcpu;		/* the first one of the second VM */
	struct side from, to;
	/* At an odd address, as in a stream. */
	__u8 room[SIZE + 2], *state;
};

FIXTURE_VARIANT(vmm_state) {
	__u32 from, to;
};

FIXTURE_VARIANT_ADD(vmm_state, kernel_to_kernel) { MRV_VM_KERNEL, MRV_VM_KERNEL };
FIXTURE_VARIANT_ADD(vmm_state, kernel_to_user) { MRV_VM_KERNEL, MRV_VM_USER };
FIXTURE_VARIANT_ADD(vmm_state, user_to_kernel) { MRV_VM_USER, MRV_VM_KERNEL };
FIXTURE_VARIANT_ADD(vmm_state, user_to_user) { MRV_VM_USER, MRV_VM_USER };

static void open_one(struct side *s, struct vm *vm, __u32 backend)
{
	side_open(s, vm, backend, NR, NR_MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING);
}

FIXTURE_SETUP(vmm_state)
{
	unsigned int i;

	vm_create(&self->from_vm, 0, 2);
	vm_create(&self->to_vm, 0, 2);
	self->vcpu = &self->to_vm.vcpu[0];
	self->state = self->room + 1;
	open_one(&self->from, &self->from_vm, variant->from);
	open_one(&self->to, &self->to_vm, variant->to);
	command_put(&self->from, 6);
	for (i = 0; i < NR; i++) {
		entry_put(&self->from, i, MSI_TO(i & 1), VECTOR(i), i % 3 == 0);
		table_put(&self->from, ENTRY(i) + ENTRY_UPPER, 4, i % 5 ? 0 : i << 8);
	}
	msi_put(&self->from, MSI_TO(1), MSI_VECTOR);
	config_put(&self->from, msi_data_at(&self->from) + 4, 4, 5);
	config_put(&self->from, MSI_CONTROL_AT, 2, MSI_MME(2));
}

FIXTURE_TEARDOWN(vmm_state)
{
	side_close(&self->from);
	side_close(&self->to);
	vm_destroy(&self->from_vm);
	vm_destroy(&self->to_vm);
}

TEST_F(vmm_state, all_registers)
{
	__u8 again[SIZE];
	unsigned int i;

	control_put(&self->from, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	ASSERT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->from.fn, MSIX, 69));
	signal_eventfd(mrv_eventfd(&self->from.fn, MSIX, 1), 1);
	ASSERT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->from.fn, MSI, 2));
	ASSERT_EQ(SIZE, mrv_state_size(&self->from.fn));
	EXPECT_EQ(-EBUSY, mrv_save(&self->from.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_stop(&self->from.fn));
	EXPECT_EQ(-EINVAL, mrv_save(&self->from.fn, self->state, SIZE - 1));
	self->room[0] = self->room[SIZE + 1] = 0xa5;
	ASSERT_EQ(0, mrv_save(&self->from.fn, self->state, SIZE));
	EXPECT_EQ(0xa5, self->room[0]);
	EXPECT_EQ(0xa5, self->room[SIZE + 1]);

	EXPECT_EQ(-EBUSY, mrv_restore(&self->to.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_take_over(&self->to.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_save(&self->to.fn, again, SIZE));
	EXPECT_EQ(0, memcmp(self->state, again, SIZE));
	ASSERT_EQ(0, mrv_run(&self->to.fn));
	for (i = 0; i < NR * 2; i++)
		EXPECT_EQ(table_get(&self->from, i * 8, 8), table_get(&self->to, i * 8, 8));
	for (i = 0; i < 24; i += 4)
		EXPECT_EQ(config_get(&self->from, MSI_CAP + i, 4),
			  config_get(&self->to, MSI_CAP + i, 4));
	EXPECT_EQ(config_get(&self->from, MSIX_CAP, 4), config_get(&self->to, MSIX_CAP, 4));
	EXPECT_TRUE(is_pending(&self->to, 69));
	EXPECT_TRUE(is_pending(&self->to, 1));
	EXPECT_FALSE(is_pending(&self->to, 2));
	EXPECT_FALSE(mrv_intx_allowed(&self->to.fn));
}

TEST_F(vmm_state, pending_is_sent_once)
{
	control_put(&self->from, MSIX_ENABLE);
	ASSERT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->from.fn, MSIX, 3));
	ASSERT_EQ(0, mrv_stop(&self->from.fn));
	ASSERT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->from.fn, MSIX, 4));
	ASSERT_EQ(0, mrv_save(&self->from.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_take_over(&self->to.fn, self->state, SIZE));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, mrv_run(&self->to.fn));
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(4)));
	EXPECT_TRUE(is_pending(&self->to, 3));
	EXPECT_FALSE(is_pending(&self->to, 4));
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->to.fn, MSIX, 4));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(4)));
}

/* A restore replaces what was there, and Command's two bits go along. */
TEST_F(vmm_state, replaces)
{
	command_put(&self->from, 0x402);
	ASSERT_EQ(0, mrv_stop(&self->from.fn));
	ASSERT_EQ(0, mrv_save(&self->from.fn, self->state, SIZE));
	command_put(&self->to, 6);
	entry_put(&self->to, 0, MSI_TO(0), VECTOR(0), ENTRY_MASKED);
	control_put(&self->to, MSIX_ENABLE);
	ASSERT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->to.fn, MSIX, 0));
	signal_eventfd(mrv_eventfd(&self->to.fn, MSIX, 0), 1);
	ASSERT_EQ(0, mrv_take_over(&self->to.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_run(&self->to.fn));
	EXPECT_FALSE(is_pending(&self->to, 0));
	EXPECT_FALSE(mrv_intx_allowed(&self->to.fn));
	control_put(&self->to, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->to.fn, MSIX, 1));
	command_put(&self->to, 0x6);
	EXPECT_TRUE(vcpu_take_irr(&self->to_vm.vcpu[1], VECTOR(1)));
	control_put(&self->to, 0);
	EXPECT_TRUE(mrv_intx_allowed(&self->to.fn));
}

/* ---- states from anywhere ---- */

/* Each bit of the head and some of the rest: restored as a whole or refused as a whole. */
TEST_F(vmm_state, spoilt)
{
	__u8 before[SIZE], after[SIZE];
	unsigned int bit, refused = 0, taken = 0;
	struct mrv_state head;
	int ret;

	ASSERT_EQ(0, mrv_stop(&self->from.fn));
	ASSERT_EQ(0, mrv_save(&self->from.fn, self->state, SIZE));
	ASSERT_EQ(0, mrv_stop(&self->to.fn));
	ASSERT_EQ(0, mrv_restore(&self->to.fn, self->state, SIZE));
	for (bit = 0; bit < SIZE * 8; bit += bit / 8 < sizeof(head) ? 1 : 13) {
		ASSERT_EQ(0, mrv_save(&self->to.fn, before, SIZE));
		self->state[bit / 8] ^= 1 << bit % 8;
		ret = mrv_restore(&self->to.fn, self->state, SIZE);
		ASSERT_EQ(0, mrv_save(&self->to.fn, after, SIZE));
		if (ret) {
			refused++;
			EXPECT_TRUE(ret == -EINVAL || ret == -EOPNOTSUPP) TH_LOG("bit %u", bit);
			EXPECT_EQ(0, memcmp(before, after, SIZE)) TH_LOG("bit %u", bit);
		} else {
			taken++;
		}
		self->state[bit / 8] ^= 1 << bit % 8;
	}
	EXPECT_LT(100, refused);
	EXPECT_LT(300, taken);
	for (bit = 0; bit < SIZE; bit++)
		ASSERT_EQ(-EINVAL, mrv_restore(&self->to.fn, self->state, bit));
	ASSERT_EQ(0, mrv_restore(&self->to.fn, self->state, SIZE));

	memcpy(&head, self->state, sizeof(head));
	head.version++;
	memcpy(self->state, &head, sizeof(head));
	EXPECT_EQ(-EOPNOTSUPP, mrv_restore(&self->to.fn, self->state, SIZE));
	REMARK("%u refused, %u taken", refused, taken);
}

TEST_F(vmm_state, of_another_shape)
{
	struct side other;
	__u8 config[256];

	ASSERT_EQ(0, mrv_stop(&self->from.fn));
	ASSERT_EQ(0, mrv_save(&self->from.fn, self->state, SIZE));
	fill_config(config, NR - 1, NR_MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING);
	side_open_flags(&other, &self->to_vm, variant->to, config, 0);
	EXPECT_EQ(-EINVAL, mrv_take_over(&other.fn, self->state, SIZE));
	side_close(&other);
	fill_config(config, NR, 0, 0);
	side_open_flags(&other, &self->to_vm, variant->to, config, 0);
	EXPECT_EQ(-EINVAL, mrv_take_over(&other.fn, self->state, SIZE));
	side_close(&other);
}

/* ---- live update ---- */

struct signaller {
	struct vcpu *vcpu[2];
	int fd;
	__u32 came;
	bool stop;
};

/* One event at a time: if one is lost, it waits for ever, and the harness ends the test. */
static void *signal_and_wait(void *arg)
{
	struct signaller *s = arg;

	unsigned int i;

	while (!load(&s->stop)) {
		signal_eventfd(s->fd, 1);
		for (i = 0; !vcpu_irr(s->vcpu[i], VECTOR(1)); i = !i)
			sched_yield();
		vcpu_clear_irr(s->vcpu[i]);
		atomic_inc(&s->came);
	}
	return NULL;
}

/* The device does not pause, and each of its events comes. */
TEST_F(vmm_state, live_update)
{
	struct signaller source = {
		.vcpu = { &self->from_vm.vcpu[1], &self->to_vm.vcpu[1] }, .fd = new_eventfd(),
	};
	struct side *old = &self->from, *new = &self->to, *other;
	__u32 round, before;
	pthread_t thread;

	control_put(&self->from, MSIX_ENABLE);
	ASSERT_EQ(0, mrv_attach(&self->from.fn, MSIX, 1, source.fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, signal_and_wait, &source));
	for (round = 0; round < 100; round++) {
		ASSERT_EQ(0, mrv_hand_over(&old->fn, self->state, SIZE));
		ASSERT_EQ(0, mrv_take_over(&new->fn, self->state, SIZE));
		ASSERT_EQ(0, mrv_attach(&new->fn, MSIX, 1, source.fd));
		ASSERT_EQ(0, mrv_run(&new->fn));
		before = load(&source.came);
		while (load(&source.came) - before < round % 4)
			sched_yield();
		other = old;
		old = new;
		new = other;
	}
	store(&source.stop, true);
	pthread_join(thread, NULL);
	/* Once each. */
	EXPECT_EQ(0, vcpu_irr_weight(source.vcpu[0]));
	EXPECT_EQ(0, vcpu_irr_weight(source.vcpu[1]));
	REMARK("%u updates, %u events, all came", round, source.came);
}
