// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of message.c: what a message is translated to, and the outcome of its event
 * [32] [33] [34].
 */
#include "fake.h"

#define EXT	MSI_ROUTE_CREATE_EXT_DEST_ID
#define REMAP	MSI_ROUTE_CREATE_REMAPPING

enum vm_feature {
	X2APIC = 1 << 0,	/* KVM_X2APIC_API_USE_32BIT_IDS */
	NO_QUIRK = 1 << 1,	/* ..._DISABLE_BROADCAST_QUIRK */
	ALL = 1 << 2,		/* MSI_ROUTE_REMAPPING_ALL, which is the function's */
};

struct message_case {
	const char *name;
	u32 flags;		/* enum msi_route_create_flag */
	u32 vm;			/* enum vm_feature */
	bool masked;
	struct mr_message raw;
	enum mr_action action;
	struct mr_message effective;	/* all zero: equal to @raw */
};

static const struct message_case message_cases[] = {
	/* Which addresses are interrupts, and which are memory [32]. */
	{ "reset value", 0, 0, false, { 0, 0, 0 }, MR_DROP_ADDRESS },
	{ "lowest address", 0, 0, false, { 0xfee00000, 0, 0x10 }, MR_SEND },
	{ "highest unicast address", 0, 0, false,
	  { 0xfeefe00c, 0, 0x10 }, MR_SEND_LOGICAL },
	{ "below", 0, 0, false, { 0xfedffffc, 0, 0x40 }, MR_DROP_ADDRESS },
	{ "above", 0, 0, false, { 0xfef00000, 0, 0x40 }, MR_DROP_ADDRESS },
	{ "top bit clear", 0, 0, false, { 0x7ee00000, 0, 0x40 },
	  MR_DROP_ADDRESS },
	{ "above 4 GiB", 0, 0, false, { 0xfee01000, 1, 0x40 },
	  MR_DROP_ADDRESS },
	{ "far above 4 GiB", 0, 0, false, { 0xfee01000, 0x80000000, 0x40 },
	  MR_DROP_ADDRESS },
	{ "bits 31:8 above 4 GiB without the x2APIC format", 0, 0, false,
	  { 0xfee01000, 0x100, 0x40 }, MR_DROP_ADDRESS },

	/* KVM's 32-bit format [33]. */
	{ "x2APIC: destination 101h", 0, X2APIC, false,
	  { 0xfee01000, 0x100, 0x40 }, MR_SEND },
	{ "x2APIC: highest destination bit", 0, X2APIC, false,
	  { 0xfee01000, 0x80000000, 0x40 }, MR_SEND },
	{ "x2APIC: bits 7:0 of the high half", 0, X2APIC, false,
	  { 0xfee01000, 1, 0x40 }, MR_DROP_ADDRESS },
	{ "x2APIC: bit 7 of the high half", 0, X2APIC, false,
	  { 0xfee01000, 0x80, 0x40 }, MR_DROP_ADDRESS },
	{ "x2APIC: no interrupt's address", 0, X2APIC, false,
	  { 0xfed01000, 0x100, 0x40 }, MR_DROP_ADDRESS },

	/* The extended destination ID moves to its place in that format. */
	{ "ext: no bits", EXT, X2APIC, false, { 0xfee01000, 0, 0x40 },
	  MR_SEND },
	{ "ext: bit 8", EXT, X2APIC, false, { 0xfee01020, 0, 0x40 },
	  MR_SEND, { 0xfee01000, 0x100, 0x40 } },
	{ "ext: bit 14", EXT, X2APIC, false, { 0xfee01800, 0, 0x40 },
	  MR_SEND, { 0xfee01000, 0x4000, 0x40 } },
	{ "ext: bits 14:8", EXT, X2APIC, false, { 0xfee01fe0, 0, 0x40 },
	  MR_SEND, { 0xfee01000, 0x7f00, 0x40 } },
	{ "ext: the high half has bits of its own", EXT, X2APIC, false,
	  { 0xfee01020, 0x12340000, 0x40 }, MR_SEND },
	{ "ext: the high half has bits that are none", EXT, X2APIC, false,
	  { 0xfee01020, 1, 0x40 }, MR_DROP_ADDRESS },
	{ "ext: bit 4 is none of them", EXT, X2APIC, false,
	  { 0xfee01010, 0, 0x40 }, MR_SEND },
	{ "ext: none with bit 4", EXT, X2APIC, false,
	  { 0xfee01ff0, 0, 0x40 }, MR_SEND },
	{ "ext: FFh with bit 4 is a broadcast", EXT, X2APIC, false,
	  { 0xfeeff030, 0, 0x40 }, MR_SEND_BROADCAST },
	{ "ext: FFh beside other bits is no broadcast", EXT, X2APIC, false,
	  { 0xfeeff020, 0, 0x40 },
	  MR_SEND, { 0xfeeff000, 0x100, 0x40 } },
	{ "no ext: bits 11:5 stay", 0, X2APIC, false,
	  { 0xfee01fe0, 0, 0x40 }, MR_SEND },

	/* Remappable format, with and without a remapping unit [33]. */
	{ "remap: bit 4", REMAP, 0, false, { 0xfee00010, 0, 0 },
	  MR_UNTRANSLATED },
	{ "remap: compatibility format", REMAP, 0, false,
	  { 0xfee01000, 0, 0x40 }, MR_SEND },
	{ "remap: data counts for nothing", REMAP, 0, false,
	  { 0xfee00010, 0, 0x300 }, MR_UNTRANSLATED },
	{ "remap: bit 4 of no interrupt's address", REMAP, 0, false,
	  { 0xfed00010, 0, 0x40 }, MR_DROP_ADDRESS },
	{ "remap: masked", REMAP, 0, true, { 0xfee00010, 0, 0 }, MR_MASKED },
	{ "both: bit 4", EXT | REMAP, X2APIC, false, { 0xfee01030, 0, 0x40 },
	  MR_UNTRANSLATED },
	{ "both: compatibility format", EXT | REMAP, X2APIC, false,
	  { 0xfee01020, 0, 0x40 }, MR_SEND, { 0xfee01000, 0x100, 0x40 } },
	{ "no remap: bit 4", 0, 0, false, { 0xfee01010, 0, 0x40 }, MR_SEND },
	{ "all: bit 4", REMAP, ALL, false, { 0xfee00010, 0, 0 },
	  MR_UNTRANSLATED },
	{ "all: compatibility format", REMAP, ALL, false,
	  { 0xfee01000, 0, 0x40 }, MR_UNTRANSLATED },
	{ "all: a broadcast", REMAP, ALL, false, { 0xfeeff000, 0, 0x40 },
	  MR_UNTRANSLATED },
	{ "all: data counts for nothing", REMAP, ALL, false,
	  { 0xfee01000, 0, 0x300 }, MR_UNTRANSLATED },
	{ "all: no interrupt's address", REMAP, ALL, false,
	  { 0xfed01000, 0, 0x40 }, MR_DROP_ADDRESS },
	{ "all: masked", REMAP, ALL, true, { 0xfee01000, 0, 0x40 }, MR_MASKED },
	{ "all: no destination is extended", EXT | REMAP, X2APIC | ALL, false,
	  { 0xfee01020, 0, 0x40 }, MR_UNTRANSLATED },

	/* The mask is looked at before all else. */
	{ "masked", 0, 0, true, { 0xfee01000, 0, 0x40 }, MR_MASKED },
	{ "masked, no interrupt", 0, 0, true, { 0, 0, 0 }, MR_MASKED },
	{ "masked, illegal vector", 0, 0, true, { 0xfee01000, 0, 0 },
	  MR_MASKED },
	{ "masked broadcast", 0, 0, true, { 0xfeeff000, 0, 0x40 },
	  MR_MASKED },

	/* Broadcasts. */
	{ "broadcast", 0, 0, false, { 0xfeeff000, 0, 0x40 }, MR_SEND_BROADCAST },
	{ "logical broadcast", 0, 0, false, { 0xfeeff004, 0, 0x40 },
	  MR_SEND_BROADCAST },
	{ "logical, lowest priority, to all", 0, 0, false,
	  { 0xfeeff00c, 0, 0x140 }, MR_SEND_BROADCAST },
	{ "physical, lowest priority, to all", 0, 0, false,
	  { 0xfeeff008, 0, 0x140 },
	  MR_SEND_BROADCAST, { 0xfeeff000, 0, 0x40 } },
	{ "physical, redirected, to all", 0, 0, false,
	  { 0xfeeff008, 0, 0x40 },
	  MR_SEND_BROADCAST, { 0xfeeff000, 0, 0x40 } },
	{ "physical, lowest priority, to one", 0, 0, false,
	  { 0xfee01008, 0, 0x140 }, MR_SEND },
	{ "NMI to all", 0, 0, false, { 0xfeeff000, 0, 0x400 },
	  MR_SEND_BROADCAST },
	{ "x2APIC: FFh", 0, X2APIC, false, { 0xfeeff000, 0, 0x40 },
	  MR_SEND_BROADCAST },
	{ "x2APIC: FFFFFFFFh", 0, X2APIC, false,
	  { 0xfeeff000, 0xffffff00, 0x40 }, MR_SEND_BROADCAST },
	{ "x2APIC: FFFFFFFFh without the quirk", 0, X2APIC | NO_QUIRK,
	  false, { 0xfeeff000, 0xffffff00, 0x40 }, MR_SEND_BROADCAST },
	{ "x2APIC: 1FFh", 0, X2APIC, false, { 0xfeeff000, 0x100, 0x40 },
	  MR_SEND },
	{ "FFh without the quirk", 0, NO_QUIRK, false,
	  { 0xfeeff000, 0, 0x40 }, MR_SEND_FFH },
	{ "x2APIC: FFh without the quirk", 0, X2APIC | NO_QUIRK, false,
	  { 0xfeeff000, 0, 0x40 }, MR_SEND_FFH },
	{ "x2APIC: 1FFh without the quirk", 0, X2APIC | NO_QUIRK, false,
	  { 0xfeeff000, 0x100, 0x40 }, MR_SEND },
	{ "FFh without the quirk, logical", 0, NO_QUIRK, false,
	  { 0xfeeff00c, 0, 0x140 }, MR_SEND_FFH },
	{ "FFh without the quirk, lowest priority", 0, NO_QUIRK, false,
	  { 0xfeeff000, 0, 0x140 },
	  MR_SEND_FFH, { 0xfeeff000, 0, 0x40 } },
	{ "FFh without the quirk, redirected", 0, NO_QUIRK, false,
	  { 0xfeeff008, 0, 0x440 },
	  MR_SEND_FFH, { 0xfeeff000, 0, 0x440 } },

	/* The other bits of the data are left to KVM. */
	{ "level, assert", 0, 0, false, { 0xfee01000, 0, 0xc040 }, MR_SEND },
	{ "upper half of the data", 0, 0, false,
	  { 0xfee01000, 0, 0xabcd0040 }, MR_SEND },
	{ "logical", 0, 0, false, { 0xfee01004, 0, 0x40 }, MR_SEND_LOGICAL },
};

static void message_case_name(const struct message_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(message, message_cases, message_case_name);

static void set_features(struct mr_fake *f, u32 vm)
{
	f->kvm.arch.x2apic_format = !!(vm & X2APIC);
	f->kvm.arch.x2apic_broadcast_quirk_disabled = !!(vm & NO_QUIRK);
}

static void bare_function(struct mr_fake *f, u32 flags)
{
	f->fn.rq.flags = flags;
	f->fn.rq.vm.kvm = &f->kvm;
}

static void message_test(struct kunit *test)
{
	const struct message_case *c = test->param_value;
	struct mr_fake *f = test->priv;
	struct mr_message want = c->effective;
	struct mr_snapshot snap;

	bare_function(f, c->flags);
	f->fn.rq.remap_all = c->vm & ALL;
	set_features(f, c->vm);
	mr_snapshot_compose(&f->fn.rq, &c->raw, c->masked, NULL, &snap);
	KUNIT_EXPECT_EQ(test, (int)snap.action, (int)c->action);

	if (!want.address_lo)
		want = c->raw;
	KUNIT_EXPECT_EQ(test, snap.msg.address_lo, want.address_lo);
	KUNIT_EXPECT_EQ(test, snap.msg.address_hi, want.address_hi);
	KUNIT_EXPECT_EQ(test, snap.msg.data, want.data);
}

/*
 * Every delivery mode with every vector [34].  A vector below 16 is illegal in the modes
 * that have one: fixed and lowest priority.
 */
static void message_modes_test(struct kunit *test)
{
	static const enum mr_action mode_actions[] = {
		[0] = MR_SEND,			/* fixed */
		[1] = MR_SEND,			/* lowest priority */
		[2] = MR_SEND,			/* SMI */
		[3] = MR_DROP_MODE,		/* reserved */
		[4] = MR_SEND,			/* NMI */
		[5] = MR_SEND,			/* INIT */
		[6] = MR_DROP_MODE,		/* start-up */
		[7] = MR_DROP_MODE,		/* ExtINT */
	};
	struct mr_message raw = { .address_lo = FAKE_ADDRESS(1) };
	struct mr_fake *f = test->priv;
	struct mr_snapshot snap;
	u32 mode, vector;

	bare_function(f, 0);
	for (mode = 0; mode < ARRAY_SIZE(mode_actions); mode++) {
		for (vector = 0; vector < 256; vector++) {
			enum mr_action want = mode_actions[mode];

			if (mode <= 1 && vector < 16)
				want = MR_DROP_VECTOR;
			raw.data = mode << 8 | vector;
			mr_snapshot_compose(&f->fn.rq, &raw, false, NULL, &snap);
			KUNIT_EXPECT_EQ_MSG(test, (int)snap.action, (int)want,
					    "mode %u vector %u", mode, vector);
			KUNIT_EXPECT_EQ(test, snap.msg.data, raw.data);
		}
	}
}

/* Each of the 4,096 megabytes below 4 GiB: only one is for interrupts [32]. */
static void message_addresses_test(struct kunit *test)
{
	struct mr_message raw = { .data = 0x40 };
	struct mr_fake *f = test->priv;
	struct mr_snapshot snap;
	u32 megabyte;

	bare_function(f, 0);
	for (megabyte = 0; megabyte < 4096; megabyte++) {
		raw.address_lo = megabyte << 20 | 0x1000;
		mr_snapshot_compose(&f->fn.rq, &raw, false, NULL, &snap);
		KUNIT_EXPECT_EQ_MSG(test, (int)snap.action,
				    megabyte == 0xfee ? MR_SEND :
							MR_DROP_ADDRESS,
				    "address %08x", raw.address_lo);
	}
}

/* Every 15-bit destination ID arrives where KVM looks for it [33]. */
static void message_destinations_test(struct kunit *test)
{
	struct mr_message raw = { .data = 0x40 };
	struct mr_fake *f = test->priv;
	struct mr_snapshot snap;
	u32 dest, found;

	bare_function(f, EXT);
	f->kvm.arch.x2apic_format = true;
	for (dest = 0; dest < BIT(15); dest++) {
		raw.address_lo = FAKE_ADDRESS(dest & 0xff) | (dest >> 8) << 5;
		mr_snapshot_compose(&f->fn.rq, &raw, false, NULL, &snap);
		found = (snap.msg.address_lo >> 12 & 0xff) |
			(snap.msg.address_hi & ~0xffU);
		KUNIT_EXPECT_EQ(test, found, dest);
		KUNIT_EXPECT_EQ(test, snap.msg.address_lo & 0xfff, 0U);
		KUNIT_EXPECT_EQ_MSG(test, (int)snap.action,
				    dest == 0xff ? MR_SEND_BROADCAST : MR_SEND,
				    "destination %u", dest);
	}
}

/* The delivery gets the whole effective message. */
static void message_deliver_test(struct kunit *test)
{
	const struct mr_message msg = { 0xfee01004, 0x100, 0x4541 };
	struct mr_fake *f = test->priv;

	fake_make_kind(f, MSI_ROUTE_MSIX, 1);
	f->answer = 7;
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(&f->fn.rq.vm, &msg, MR_SEND_BROADCAST), 7);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, f->sent[0].address_lo, msg.address_lo);
	KUNIT_EXPECT_EQ(test, f->sent[0].address_hi, msg.address_hi);
	KUNIT_EXPECT_EQ(test, f->sent[0].data, msg.data);
}

/*
 * A message is sent only to few: those of its destination in KVM's map, or all vCPUs.
 * Without a map of IDs, as while local APICs share one, KVM asks each vCPU.
 */
static void message_deliver_few_test(struct kunit *test)
{
	const struct mr_message msg = { FAKE_ADDRESS(1), 0, 0x40 };
	struct mr_fake *f = test->priv;
	struct mr_vm *vm = &f->fn.rq.vm;

	fake_make_kind(f, MSI_ROUTE_MSIX, 1);
	atomic_set(&f->kvm.online_vcpus, 16);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND), 1);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND_FFH), 1);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	atomic_set(&f->kvm.online_vcpus, 17);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND), -EWOULDBLOCK);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND_FFH), -EWOULDBLOCK);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND_LOGICAL), -EWOULDBLOCK);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND_BROADCAST), 1);
	/* Only its presence matters, not its contents. */
	RCU_INIT_POINTER(f->kvm.arch.apic_map, (void *)f);
	KUNIT_EXPECT_EQ(test, mr_vm_deliver(vm, &msg, MR_SEND), 1);
	RCU_INIT_POINTER(f->kvm.arch.apic_map, NULL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);
}

static struct kunit_case message_test_cases[] = {
	KUNIT_CASE_PARAM(message_test, message_gen_params),
	KUNIT_CASE(message_modes_test),
	KUNIT_CASE(message_addresses_test),
	KUNIT_CASE(message_destinations_test),
	KUNIT_CASE(message_deliver_test),
	KUNIT_CASE(message_deliver_few_test),
	{}
};

static struct kunit_suite message_test_suite = {
	.name = "msi_route_message",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = message_test_cases,
};

kunit_test_suites(&message_test_suite);
