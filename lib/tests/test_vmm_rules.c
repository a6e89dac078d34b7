// SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
/*
 * The rules, by the helper's calls: once on msi_route, once on the fallback.  Those of MSI
 * are in test_vmm_msi.c.
 */
#include "helper.h"

#define NR		130	/* two full qwords of the PBA and 2 bits */
#define NR_MSI		8
#define VECTOR(entry)	(0x20 + (entry))
#define MSI_VECTOR	0xb0

FIXTURE(vmm_rules) {
	struct vm vm;
	struct vcpu *vcpu;
	struct side s;
};

FIXTURE_VARIANT(vmm_rules) {
	__u32 backend;
};

FIXTURE_VARIANT_ADD(vmm_rules, kernel) { MRV_VM_KERNEL };
FIXTURE_VARIANT_ADD(vmm_rules, user) { MRV_VM_USER };

/* A bus master; entry n is vector VECTOR(n) to vCPU 0. */
FIXTURE_SETUP(vmm_rules)
{
	unsigned int i;

	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	side_open(&self->s, &self->vm, variant->backend, NR, NR_MSI,
		  MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING);
	command_put(&self->s, 6);
	for (i = 0; i < NR; i++)
		entry_put(&self->s, i, MSI_TO(0), VECTOR(i), 0);
	msi_put(&self->s, MSI_TO(0), MSI_VECTOR);
	control_put(&self->s, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(vmm_rules)
{
	side_close(&self->s);
	vm_destroy(&self->vm);
}

/* Raises an event in one of the three ways that both backends have. */
enum how { BY_CALL, BY_EVENTFD, BY_TWO_EVENTFDS, NR_WAYS };

static void raise_by(struct side *s, __u32 kind, __u32 vector, enum how how)
{
	static int extra[2048];

	if (how == BY_CALL) {
		if (mrv_trigger(&s->fn, kind, vector) < 0)
			die("mrv_trigger");
		return;
	}
	signal_eventfd(mrv_eventfd(&s->fn, kind, vector), 1);
	if (how == BY_EVENTFD)
		return;
	if (!extra[vector]) {
		extra[vector] = new_eventfd();
		if (mrv_attach(&s->fn, kind, vector, extra[vector]))
			die("mrv_attach");
	}
	signal_eventfd(extra[vector], 1);
}

/* ---- Enable ---- */

TEST_F(vmm_rules, rule_01_enable)
{
	EXPECT_FALSE(mrv_intx_allowed(&self->s.fn));
	control_put(&self->s, 0);
	EXPECT_TRUE(mrv_intx_allowed(&self->s.fn));
	command_put(&self->s, 0x406);
	EXPECT_FALSE(mrv_intx_allowed(&self->s.fn));
	command_put(&self->s, 6);
	/* By one byte, and with others. */
	config_put(&self->s, MSI_CONTROL_AT, 1, MSI_ENABLE);
	EXPECT_FALSE(mrv_intx_allowed(&self->s.fn));
	config_put(&self->s, MSI_CAP, 4, 0);
	EXPECT_TRUE(mrv_intx_allowed(&self->s.fn));

	/* Both: MSI-X wins, and MSI keeps its event. */
	config_put(&self->s, MSI_CONTROL_AT, 2, MSI_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	control_put(&self->s, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
	control_put(&self->s, 0);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	ASSERT_EQ(0, mrv_reset(&self->s.fn));
	EXPECT_TRUE(mrv_intx_allowed(&self->s.fn));
}

TEST_F(vmm_rules, rule_02_disabled_is_pending)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		control_put(&self->s, 0);
		raise_by(&self->s, MSIX, 3, how);
		EXPECT_TRUE(is_pending(&self->s, 3));
		EXPECT_EQ(MSI_ROUTE_COALESCED, mrv_trigger(&self->s.fn, MSIX, 3));
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		control_put(&self->s, MSIX_ENABLE);
		EXPECT_FALSE(is_pending(&self->s, 3));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(3)));
	}
}

TEST_F(vmm_rules, rule_02_dropped_if_wanted)
{
	struct side s;
	__u8 config[256];

	fill_config(config, 0, 1, MSI_ROUTE_MSI_64BIT);
	side_open_flags(&s, &self->vm, variant->backend, config, MSI_ROUTE_CREATE_DROP_DISABLED);
	command_put(&s, 6);
	msi_put(&s, MSI_TO(0), MSI_VECTOR);
	EXPECT_EQ(MSI_ROUTE_DROPPED, mrv_trigger(&s.fn, MSI, 0));
	signal_eventfd(mrv_eventfd(&s.fn, MSI, 0), 2);
	config_put(&s, MSI_CONTROL_AT, 2, MSI_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* What waits for another reason is kept. */
	command_put(&s, 2);
	signal_eventfd(mrv_eventfd(&s.fn, MSI, 0), 1);
	config_put(&s, MSI_CONTROL_AT, 2, 0);
	signal_eventfd(mrv_eventfd(&s.fn, MSI, 0), 1);
	command_put(&s, 6);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	config_put(&s, MSI_CONTROL_AT, 2, MSI_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	side_close(&s);
}

/* ---- configuration space ---- */

TEST_F(vmm_rules, rule_11_any_length)
{
	__u8 written[256], read[256];
	__u32 offset, len, i;

	for (offset = 0; offset < 0x100; offset++) {
		for (len = 0; len <= 0x20 && offset + len <= 0x100; len++) {
			memset(read, 0xa5, sizeof(read));
			mrv_config_read(&self->s.fn, offset, read, len);
			for (i = len; i < sizeof(read); i++)
				ASSERT_EQ(0xa5, read[i]);
			for (i = 0; i < len; i++) {
				written[0] = 0xa5;
				mrv_config_read(&self->s.fn, offset + i, written, 1);
				ASSERT_EQ(written[0], read[i]) TH_LOG("%#x of %u", offset, len);
			}
		}
	}
	/* The whole of it in one piece: what is not the function's stays. */
	memset(written, 0x3c, sizeof(written));
	mrv_config_write(&self->s.fn, 0, written, sizeof(written));
	memset(read, 0xa5, sizeof(read));
	mrv_config_read(&self->s.fn, 0, read, sizeof(read));
	EXPECT_EQ(0xa5, read[0]);
	EXPECT_EQ(0xa5, read[MSIX_CAP + 1]);
	EXPECT_EQ(NR - 1, read[MSIX_CONTROL_AT]);
	EXPECT_EQ(0, read[MSIX_CONTROL_AT + 1]);
	EXPECT_EQ(0x3c, read[MSI_CAP + MSI_ADDRESS]);
	EXPECT_EQ(0xa5, read[MSI_CAP + 0x18]);
	/* Beyond its end, and PCI Express's. */
	memset(read, 0xa5, sizeof(read));
	mrv_config_read(&self->s.fn, 0xff8, read, 64);
	mrv_config_write(&self->s.fn, 0xff8, read, 64);
	mrv_config_read(&self->s.fn, ~0U - 3, read, 64);
	mrv_config_write(&self->s.fn, ~0U - 3, read, 64);
	for (i = 0; i < sizeof(read); i++)
		ASSERT_EQ(0xa5, read[i]);
}

TEST_F(vmm_rules, rule_12_13_control_table_pba)
{
	config_put(&self->s, MSIX_CONTROL_AT, 2, 0xffff);
	EXPECT_EQ((NR - 1) | 0xc000, config_get(&self->s, MSIX_CONTROL_AT, 2));
	config_put(&self->s, MSIX_CONTROL_AT + 1, 1, 0);
	EXPECT_EQ(NR - 1, config_get(&self->s, MSIX_CONTROL_AT, 2));
	EXPECT_EQ(TABLE_AT | TABLE_BAR, config_get(&self->s, MSIX_CAP + MSIX_TABLE, 4));
	EXPECT_EQ(PBA_AT | PBA_BAR, config_get(&self->s, MSIX_CAP + MSIX_PBA, 4));
	config_put(&self->s, MSIX_CAP + MSIX_TABLE, 4, 0);
	config_put(&self->s, MSIX_CAP + MSIX_PBA, 4, 0);
	EXPECT_EQ(TABLE_AT | TABLE_BAR, config_get(&self->s, MSIX_CAP + MSIX_TABLE, 4));
	EXPECT_EQ(PBA_AT | PBA_BAR, config_get(&self->s, MSIX_CAP + MSIX_PBA, 4));
}

/* ---- table and PBA ---- */

TEST_F(vmm_rules, rule_14_16_entry)
{
	table_put(&self->s, ENTRY(3) + ENTRY_CONTROL, 4, 0xfffffffe);
	table_put(&self->s, ENTRY(3) + ENTRY_ADDRESS, 8, ~0ULL);
	table_put(&self->s, ENTRY(3) + ENTRY_DATA, 4, 0x12345678);
	EXPECT_EQ(0xfffffffffffffffcULL, table_get(&self->s, ENTRY(3), 8));
	EXPECT_EQ(0xfffffffe12345678ULL, table_get(&self->s, ENTRY(3) + ENTRY_DATA, 8));

	/* The message is wrong until the write that unmasks it: one update. */
	entry_put(&self->s, 0, MSI_TO(0), VECTOR(1), ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSIX, 0));
	table_put(&self->s, ENTRY(0) + ENTRY_DATA, 8, VECTOR(2));
	EXPECT_EQ(1, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(2)));

	ASSERT_EQ(0, mrv_reset(&self->s.fn));
	EXPECT_EQ(0, table_get(&self->s, ENTRY(NR - 1), 8));
	EXPECT_EQ(1ULL << 32, table_get(&self->s, ENTRY(NR - 1) + ENTRY_DATA, 8));
}

TEST_F(vmm_rules, rule_17_18_what_stands_then)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		entry_put(&self->s, 0, MSI_TO(0), VECTOR(0), 0);
		table_put(&self->s, ENTRY(0) + ENTRY_DATA, 4, VECTOR(9));
		raise_by(&self->s, MSIX, 0, how);
		EXPECT_TRUE(comes(self->vcpu, VECTOR(9)));
		table_put(&self->s, ENTRY(0) + ENTRY_ADDRESS, 4, MSI_TO(1));
		raise_by(&self->s, MSIX, 0, how);
		EXPECT_TRUE(comes(&self->vm.vcpu[1], VECTOR(9)));
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

		mask_put(&self->s, 0, true);
		raise_by(&self->s, MSIX, 0, how);
		table_put(&self->s, ENTRY(0) + ENTRY_DATA, 4, VECTOR(10));
		mask_put(&self->s, 0, false);
		EXPECT_EQ(1, vcpu_irr_weight(&self->vm.vcpu[1]));
		EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR(10)));
		control_put(&self->s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
		raise_by(&self->s, MSIX, 0, how);
		table_put(&self->s, ENTRY(0) + ENTRY_DATA, 4, VECTOR(11));
		control_put(&self->s, MSIX_ENABLE);
		EXPECT_EQ(1, vcpu_irr_weight(&self->vm.vcpu[1]));
		EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR(11)));
	}
}

TEST_F(vmm_rules, rule_19_own_mask_or_function_mask)
{
	unsigned int own, function;
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		for (own = 0; own < 2; own++) {
			for (function = 0; function < 2; function++) {
				mask_put(&self->s, 5, own);
				control_put(&self->s, MSIX_ENABLE |
					    (function ? MSIX_FUNCTION_MASK : 0));
				EXPECT_EQ(own, table_get(&self->s, ENTRY(5) + ENTRY_CONTROL, 4));
				raise_by(&self->s, MSIX, 5, how);
				if (own || function) {
					EXPECT_TRUE(is_pending(&self->s, 5));
				} else {
					EXPECT_TRUE(comes(self->vcpu, VECTOR(5)));
				}
				EXPECT_EQ(own || function,
					  mrv_clear_pending(&self->s.fn, MSIX, 5));
				EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
			}
		}
	}
}

TEST_F(vmm_rules, rule_20_pending_until_unmask)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		mask_put(&self->s, 1, true);
		raise_by(&self->s, MSIX, 1, how);
		EXPECT_TRUE(is_pending(&self->s, 1));
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		mask_put(&self->s, 1, false);
		/* When the write has returned [26]. */
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(1)));
		EXPECT_FALSE(is_pending(&self->s, 1));
	}
}

TEST_F(vmm_rules, rule_20_many_at_once)
{
	const __u16 closed[] = { MSIX_ENABLE | MSIX_FUNCTION_MASK, 0 };
	unsigned int i, how;

	for (how = 0; how < ARRAY_SIZE(closed); how++) {
		control_put(&self->s, closed[how]);
		for (i = 0; i < NR; i++)
			raise_by(&self->s, MSIX, i, how ? BY_EVENTFD : BY_CALL);
		EXPECT_EQ(~0ULL, pba_get(&self->s, 0, 8));
		EXPECT_EQ(~0ULL, pba_get(&self->s, 8, 8));
		EXPECT_EQ(3, pba_get(&self->s, 16, 8));
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		control_put(&self->s, MSIX_ENABLE);
		EXPECT_EQ(NR, vcpu_irr_weight(self->vcpu));
		EXPECT_EQ(0, pba_get(&self->s, 0, 8));
		vcpu_clear_irr(self->vcpu);
	}
}

TEST_F(vmm_rules, rule_21_pending_can_be_cleared)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		mask_put(&self->s, 2, true);
		EXPECT_EQ(0, mrv_clear_pending(&self->s.fn, MSIX, 2));
		raise_by(&self->s, MSIX, 2, how);
		EXPECT_EQ(1, mrv_clear_pending(&self->s.fn, MSIX, 2));
		EXPECT_FALSE(is_pending(&self->s, 2));
		mask_put(&self->s, 2, false);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		mask_put(&self->s, 2, true);
		raise_by(&self->s, MSIX, 2, how);
		EXPECT_TRUE(is_pending(&self->s, 2));
		mask_put(&self->s, 2, false);
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(2)));
	}
}

TEST_F(vmm_rules, rule_22_equal_messages)
{
	entry_put(&self->s, 1, MSI_TO(0), VECTOR(0), ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
	EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSIX, 1));
	EXPECT_EQ(2, pba_get(&self->s, 0, 8));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	mask_put(&self->s, 1, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
}

TEST_F(vmm_rules, rule_23_pba)
{
	static const unsigned int bits[] = { 0, 31, 32, 63, 64, 127, 128, NR - 1 };
	unsigned int i;

	control_put(&self->s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	for (i = 0; i < ARRAY_SIZE(bits); i++)
		EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSIX, bits[i]));
	EXPECT_EQ(1ULL | 1ULL << 31 | 1ULL << 32 | 1ULL << 63, pba_get(&self->s, 0, 8));
	EXPECT_EQ(1ULL | 1ULL << 63, pba_get(&self->s, 8, 8));
	EXPECT_EQ(3, pba_get(&self->s, 16, 8));
	EXPECT_EQ(0x80000001, pba_get(&self->s, 4, 4));
	EXPECT_EQ(0, pba_get(&self->s, 20, 4));
	i = 0;
	EXPECT_TRUE(mrv_bar_write(&self->s.fn, PBA_BAR, PBA_AT, &i, 4));
	EXPECT_EQ(0x80000001, pba_get(&self->s, 0, 4));
}

TEST_F(vmm_rules, rule_24_one_event_one_message)
{
	unsigned int i;
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		for (i = 0; i < 20; i++) {
			mask_put(&self->s, 4, true);
			raise_by(&self->s, MSIX, 4, how);
			mask_put(&self->s, 4, false);
			mask_put(&self->s, 4, true);
			EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(4)));
			mask_put(&self->s, 4, false);
			control_put(&self->s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
			control_put(&self->s, MSIX_ENABLE);
			EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		}
	}
}

/* ---- order ---- */

struct source {
	struct side *s;
	int fd;				/* -1: by call */
	bool stop;
	__u32 beats;
};

static void *raise_without_pause(void *arg)
{
	struct source *source = arg;

	while (!load(&source->stop)) {
		if (source->fd >= 0)
			signal_eventfd(source->fd, 1);
		else if (mrv_trigger(&source->s->fn, MSIX, 0) < 0)
			die("mrv_trigger");
		atomic_inc(&source->beats);
		sched_yield();
	}
	return NULL;
}

static void wait_for_beats(struct source *source, __u32 nr)
{
	__u32 before = load(&source->beats);

	while (load(&source->beats) - before < nr)
		sched_yield();
}

/* Once the write has returned, nothing older comes; whatever masks, and however it came. */
static void nothing_after(struct __test_metadata *_metadata, struct side *s, struct vm *vm,
			  int fd)
{
	struct source source = { .s = s, .fd = fd };
	__u32 round, address, data;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_without_pause, &source));
	for (round = 0; round < 60; round++) {
		address = MSI_TO(round & 1);
		data = VECTOR(20 + round % 8);
		table_put(s, ENTRY(0) + ENTRY_DATA, 4, data);
		table_put(s, ENTRY(0) + ENTRY_ADDRESS, 4, address);
		vcpu_clear_irr(&vm->vcpu[0]);
		vcpu_clear_irr(&vm->vcpu[1]);
		mask_put(s, 0, false);
		wait_for_beats(&source, 3);
		/* The new message alone [25]. */
		ASSERT_EQ(0, vcpu_irr_weight(&vm->vcpu[!(round & 1)]));
		ASSERT_TRUE(comes(&vm->vcpu[round & 1], data));
		switch (round % 4) {
		case 0:
			mask_put(s, 0, true);
			break;
		case 1:
			control_put(s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
			break;
		case 2:
			command_put(s, 2);
			break;
		default:
			ASSERT_EQ(0, mrv_stop(&s->fn));
		}
		vcpu_clear_irr(&vm->vcpu[0]);
		vcpu_clear_irr(&vm->vcpu[1]);
		wait_for_beats(&source, 3);
		/* [27] */
		ASSERT_EQ(0, vcpu_irr_weight(&vm->vcpu[0]));
		ASSERT_EQ(0, vcpu_irr_weight(&vm->vcpu[1]));
		ASSERT_TRUE(is_pending(s, 0));
		mask_put(s, 0, true);
		control_put(s, MSIX_ENABLE);
		command_put(s, 6);
		ASSERT_EQ(0, mrv_run(&s->fn));
	}
	store(&source.stop, true);
	pthread_join(thread, NULL);
}

TEST_F(vmm_rules, rule_25_27_by_call)
{
	mask_put(&self->s, 0, true);
	nothing_after(_metadata, &self->s, &self->vm, -1);
}

TEST_F(vmm_rules, rule_25_27_by_eventfd)
{
	mask_put(&self->s, 0, true);
	nothing_after(_metadata, &self->s, &self->vm, mrv_eventfd(&self->s.fn, MSIX, 0));
}

/* Also a broadcast, and lowest priority. */
TEST_F(vmm_rules, rule_26_in_the_irr_at_unmask)
{
	static const struct { __u32 address, data, to; } messages[] = {
		{ MSI_TO(0), 0x51, 1 }, { MSI_TO(1), 0x52, 2 }, { MSI_TO(0xff), 0x53, 3 },
		{ MSI_TO(0xff) | 8, 0x154, 3 }, { MSI_TO(0), 0x155, 1 },
	};
	unsigned int i, cpu;
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		for (i = 0; i < ARRAY_SIZE(messages); i++) {
			entry_put(&self->s, 6, messages[i].address, messages[i].data, ENTRY_MASKED);
			raise_by(&self->s, MSIX, 6, how);
			mask_put(&self->s, 6, false);
			for (cpu = 0; cpu < 2; cpu++)
				EXPECT_EQ(messages[i].to >> cpu & 1,
					  vcpu_take_irr(&self->vm.vcpu[cpu], messages[i].data));
		}
	}
}

/* ---- reset and bus mastering ---- */

TEST_F(vmm_rules, rule_29_reset)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		control_put(&self->s, MSIX_ENABLE | MSIX_FUNCTION_MASK);
		config_put(&self->s, MSI_CONTROL_AT, 2, MSI_ENABLE | MSI_MME(2));
		config_put(&self->s, msi_data_at(&self->s) + 4, 4, 0xa);
		raise_by(&self->s, MSIX, 7, how);
		EXPECT_EQ(MSI_ROUTE_PENDING, mrv_trigger(&self->s.fn, MSI, 1));
		ASSERT_EQ(0, how == BY_CALL ? mrv_reset(&self->s.fn) :
					      mrv_reset_msi(&self->s.fn));
		EXPECT_EQ(NR - 1, config_get(&self->s, MSIX_CONTROL_AT, 2));
		EXPECT_EQ(0, pba_get(&self->s, 0, 8));
		EXPECT_EQ(0, config_get(&self->s, MSI_CAP + MSI_ADDRESS, 4));
		EXPECT_EQ(0, config_get(&self->s, msi_data_at(&self->s), 4));
		EXPECT_EQ(0, config_get(&self->s, msi_data_at(&self->s) + 4, 4));
		EXPECT_EQ(0, config_get(&self->s, msi_data_at(&self->s) + 8, 4));

		/* Eventfds stay, and Bus Master Enable if Command does. */
		entry_put(&self->s, 7, MSI_TO(0), VECTOR(7), 0);
		control_put(&self->s, MSIX_ENABLE);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		raise_by(&self->s, MSIX, 7, how);
		if (how == BY_CALL) {
			EXPECT_TRUE(is_pending(&self->s, 7));
			command_put(&self->s, 6);
		}
		EXPECT_TRUE(comes(self->vcpu, VECTOR(7)));
	}
}

/* The device has lost its table, and the guest writes it again. */
TEST_F(vmm_rules, rule_30_equal_values)
{
	entry_put(&self->s, 0, MSI_TO(0), VECTOR(0), 0);
	entry_put(&self->s, 0, MSI_TO(0), VECTOR(0), 0);
	EXPECT_EQ(MSI_ROUTE_SENT, mrv_trigger(&self->s.fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));
}

TEST_F(vmm_rules, rule_31_bus_master)
{
	enum how how;

	for (how = BY_CALL; how < NR_WAYS; how++) {
		command_put(&self->s, 2);
		raise_by(&self->s, MSIX, 6, how);
		EXPECT_TRUE(is_pending(&self->s, 6));
		mask_put(&self->s, 6, true);
		mask_put(&self->s, 6, false);
		control_put(&self->s, 0);
		control_put(&self->s, MSIX_ENABLE);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		ASSERT_EQ(0, mrv_set_command(&self->s.fn, 6));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(6)));
		EXPECT_FALSE(is_pending(&self->s, 6));
	}
}

/* ---- what is no interrupt ---- */

static int send_message(struct side *s, __u32 upper, __u32 address, __u32 data)
{
	table_put(s, ENTRY(0) + ENTRY_CONTROL, 4, ENTRY_MASKED);
	table_put(s, ENTRY(0) + ENTRY_ADDRESS, 4, address);
	table_put(s, ENTRY(0) + ENTRY_UPPER, 4, upper);
	table_put(s, ENTRY(0) + ENTRY_DATA, 4, data);
	table_put(s, ENTRY(0) + ENTRY_CONTROL, 4, 0);
	return mrv_trigger(&s->fn, MSIX, 0);
}

TEST_F(vmm_rules, rule_32_34_dropped)
{
	static const struct { __u32 upper, address, data; } messages[] = {
		{ 0, 0, 0x51 }, { 0, 0xfed01000, 0x51 }, { 0, 0xffe00000, 0x51 },
		{ 1, 0xfee00000, 0x51 }, { 0x80, 0xfee00000, 0x51 },
		{ 0, 0xfee00000, 0x351 }, { 0, 0xfee00000, 0x651 }, { 0, 0xfee00000, 0x751 },
		{ 0, 0xfee00000, 0x0f }, { 0, 0xfee00000, 0x10f },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(messages); i++) {
		EXPECT_EQ(MSI_ROUTE_DROPPED, send_message(&self->s, messages[i].upper,
							  messages[i].address, messages[i].data));
		/* An eventfd's event is dropped as well, and is not there later. */
		signal_eventfd(mrv_eventfd(&self->s.fn, MSIX, 0), 1);
		EXPECT_FALSE(is_pending(&self->s, 0));
		entry_put(&self->s, 0, MSI_TO(0), 0x51, 0);
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	}
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&self->s, 0, MSI_TO(0), 16));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, 16));
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send_message(&self->s, 0, MSI_TO(9), 0x51));
}

TEST_F(vmm_rules, rule_33_destinations)
{
	struct side s;
	__u8 config[256];
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 1);
	vm_add_vcpu(&vm, 0x302);
	fill_config(config, 2, 0, 0);
	side_open_flags(&s, &vm, variant->backend, config, MSI_ROUTE_CREATE_EXT_DEST_ID);
	command_put(&s, 6);
	control_put(&s, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&s, 0x300, MSI_TO(2), 0x51));
	EXPECT_TRUE(vcpu_take_irr(&vm.vcpu[1], 0x51));
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&s, 0, MSI_TO(2) | 3 << 5, 0x52));
	EXPECT_TRUE(vcpu_take_irr(&vm.vcpu[1], 0x52));
	EXPECT_EQ(MSI_TO(2) | 3 << 5, table_get(&s, ENTRY_ADDRESS, 4));
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&s, 0, MSI_TO(0) | 3 << 5 | 0x10, 0x53));
	EXPECT_TRUE(vcpu_take_irr(&vm.vcpu[0], 0x53));
	EXPECT_EQ(MSI_ROUTE_UNREACHED, send_message(&s, 0x10000, MSI_TO(2), 0x51));
	EXPECT_EQ(MSI_ROUTE_DROPPED, send_message(&s, 1, MSI_TO(2), 0x51));
	/* By an irqfd as well. */
	send_message(&s, 0, MSI_TO(2) | 3 << 5, 0x54);
	vcpu_clear_irr(&vm.vcpu[1]);
	signal_eventfd(mrv_eventfd(&s.fn, MSIX, 0), 1);
	EXPECT_TRUE(comes(&vm.vcpu[1], 0x54));
	side_close(&s);
	vm_destroy(&vm);
	/* Without 32-bit IDs there is no such thing. */
	EXPECT_EQ(-EADDRNOTAVAIL, mrv_create(&s.fn, &self->s.host, config, 0, NULL,
					     MSI_ROUTE_CREATE_EXT_DEST_ID));
}

TEST_F(vmm_rules, rule_34_modes)
{
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&self->s, 0, MSI_TO(1), 0x400));
	EXPECT_TRUE(vcpu_nmi_pending(&self->vm.vcpu[1]));
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&self->s, 0, MSI_TO(1), 0x100 | VECTOR(0)));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR(0)));
	EXPECT_EQ(MSI_ROUTE_SENT, send_message(&self->s, 0, MSI_TO(1), 0x500));
}

/* ---- calls ---- */

TEST_F(vmm_rules, errors)
{
	struct mrv_function *fn = &self->s.fn;
	int fd = new_eventfd(), other = new_eventfd();
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	EXPECT_EQ(-ECHRNG, mrv_trigger(fn, MSIX, NR));
	EXPECT_EQ(-ECHRNG, mrv_trigger(fn, MSI, NR_MSI));
	EXPECT_EQ(-EINVAL, mrv_trigger(fn, 2, 0));
	EXPECT_EQ(-ECHRNG, mrv_clear_pending(fn, MSIX, ~0U));
	EXPECT_EQ(-ECHRNG, mrv_eventfd(fn, MSIX, 0xffff));
	EXPECT_EQ(-EBADF, mrv_attach(fn, MSIX, 0, -1));
	EXPECT_EQ(-EBADF, mrv_attach(fn, MSIX, 0, 999));
	EXPECT_EQ(-EINVAL, mrv_attach(fn, MSIX, 0, null));
	EXPECT_EQ(-ENOENT, mrv_detach(fn, MSIX, 0, -1));
	EXPECT_EQ(-ENOENT, mrv_detach(fn, MSIX, 0, fd));
	ASSERT_EQ(0, mrv_attach(fn, MSIX, 0, fd));
	EXPECT_EQ(-EEXIST, mrv_attach(fn, MSIX, 0, fd));
	EXPECT_EQ(-EBUSY, mrv_attach(fn, MSIX, 1, fd));
	EXPECT_EQ(-EBUSY, mrv_replace(fn, MSI, 1, fd));
	ASSERT_EQ(0, mrv_attach(fn, MSIX, 0, other));
	ASSERT_EQ(0, mrv_detach(fn, MSIX, 0, fd));
	EXPECT_EQ(-ENOENT, mrv_detach(fn, MSIX, 0, fd));
	ASSERT_EQ(0, mrv_attach(fn, MSIX, 1, fd));
	ASSERT_EQ(0, mrv_detach(fn, MSIX, 0, -1));
	EXPECT_EQ(-EINVAL, mrv_placed(fn, 6, 0, true));
}

TEST_F(vmm_rules, replaced_and_detached)
{
	struct mrv_function *fn = &self->s.fn;
	int a = new_eventfd(), b = new_eventfd();

	/* A count that is there already, and one that is left. */
	signal_eventfd(a, 3);
	ASSERT_EQ(0, mrv_attach(fn, MSIX, 8, a));
	EXPECT_TRUE(comes(self->vcpu, VECTOR(8)));
	mask_put(&self->s, 8, true);
	signal_eventfd(a, 1);
	ASSERT_EQ(0, mrv_replace(fn, MSIX, 8, b));
	EXPECT_TRUE(is_pending(&self->s, 8));
	signal_eventfd(a, 1);
	mask_put(&self->s, 8, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(8)));
	mask_put(&self->s, 8, true);
	signal_eventfd(b, 1);
	ASSERT_EQ(0, mrv_detach(fn, MSIX, 8, b));
	EXPECT_TRUE(is_pending(&self->s, 8));
	mask_put(&self->s, 8, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(8)));
	signal_eventfd(b, 1);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_FALSE(is_pending(&self->s, 8));
}
