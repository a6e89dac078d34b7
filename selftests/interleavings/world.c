// SPDX-License-Identifier: GPL-2.0
#include <linux/pci_regs.h>

#include "eventfds.h"
#include "world.h"

#define CAP		0x40
#define PBA		0x800

enum mr_mutation world_mutant;
struct mr_function world_fn;
u32 world_allowed, world_allowed_too = ~0U;
bool world_holds, world_expired;
u32 world_sent[EXPLORER_THREADS], world_raised[EXPLORER_THREADS];

static struct kvm world_kvm;
static u32 world_index;
static u32 world_raised_before;

bool mr_mutant(enum mr_mutation m)
{
	return m == world_mutant;
}

void mr_stretch(void)
{
}

/* ---- the guest's local APIC ---- */

u64 world_address(u32 message)
{
	switch (message) {
	case A:
		return 0xfee01000;
	case ALL_A:
		return 0xfeeff000;
	default:
		return 0xfee02000;
	}
}

u32 world_data(u32 message)
{
	return message == B ? 0x42 : 0x41;
}

static u32 world_message_of(const struct kvm_kernel_irq_routing_entry *e)
{
	u32 message;

	for (message = A; message <= ALL_A; message <<= 1)
		if (!e->msi.address_hi && e->msi.address_lo == world_address(message) &&
		    e->msi.data == world_data(message))
			return message;
	return 0;
}

int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		int level, bool line_status)
{
	u32 message = world_message_of(e);
	bool allowed = READ_ONCE(world_allowed) & READ_ONCE(world_allowed_too) & message;

	CLAIM(message, "a message has address and data of one instant [28]");
	if (message == MIXED && READ_ONCE(world_holds))
		allowed = READ_ONCE(world_expired);
	CLAIM(allowed, "no message arrives that the guest has forbidden [25] [27]");
	world_sent[explorer_self()]++;
	return 1;
}

/* ---- the guest ---- */

static void world_access(u32 space, u32 offset, u32 len, u64 value)
{
	struct msi_route_access a = {
		.size = sizeof(a), .space = space, .offset = offset, .len = len, .value = value,
	};

	CLAIM(!mr_function_access(&world_fn, &a, true), "a guest's write succeeds");
}

void world_write(u32 reg, u32 len, u64 value, u32 after)
{
	WRITE_ONCE(world_allowed, world_allowed | after);
	world_access(MSI_ROUTE_TABLE, world_index * PCI_MSIX_ENTRY_SIZE + reg, len, value);
	WRITE_ONCE(world_allowed, after);
}

void world_set_control(u32 value)
{
	world_access(MSI_ROUTE_CONFIG, CAP + PCI_MSIX_FLAGS, 2, value);
}

void world_control(u32 value, u32 after)
{
	WRITE_ONCE(world_allowed, world_allowed | after);
	world_set_control(value);
	WRITE_ONCE(world_allowed, after);
}

struct mr_vector *world_vector(void)
{
	return mr_vector_at(world_cap, world_index);
}

void world_make(u32 vectors, u32 message)
{
	struct msi_route_create c = {
		.msix_vectors = vectors, .msix_cap = CAP, .msix_pba_offset = PBA,
	};

	kernel_task.pid = (struct pid *)&kernel_task;
	world_kvm.arch.apic_map = &world_kvm;
	world_kvm.online_vcpus.value = 1;
	world_fn.rq.vm.kvm = &world_kvm;
	mr_vm_use(kvm_set_msi);
	CLAIM(!mr_route_module_init() && !mr_function_init(&world_fn, &c), "it can be made");
	world_index = vectors - 1;
	world_write(PCI_MSIX_ENTRY_LOWER_ADDR, 8, world_address(message), 0);
	world_write(PCI_MSIX_ENTRY_DATA, 8, world_data(message), 0);
	mr_function_set_bus_master(&world_fn, true);
	world_control(PCI_MSIX_FLAGS_ENABLE, message);
}

/* ---- events ---- */

u32 world_raise(void)
{
	u32 *sent = &world_sent[explorer_self()], before = *sent;
	u32 outcome = mr_vector_raise(world_vector(), 1, true);

	world_raised[explorer_self()]++;
	mr_cap_sync(world_cap);
	CLAIM(outcome != MSI_ROUTE_SENT || *sent > before ||
	      mr_action_reason(world_vector()->live->snap.action) == MSI_ROUTE_REASON_NONE,
	      "what is called sent is in the IRR");
	return outcome;
}

static u32 world_sum(const u32 *of)
{
	u32 i, sum = 0;

	for (i = 0; i < EXPLORER_THREADS; i++)
		sum += of[i];
	return sum;
}

u32 world_sent_by_all(void)
{
	return world_sum(world_sent);
}

bool world_is_pending(void)
{
	return test_bit(world_index, world_cap->pending);
}

void world_end(void)
{
	const struct mr_counters *c = &world_cap->count;
	struct mr_vector_count count = {};
	struct mr_vector *v = world_vector();

	CLAIM(!mr_vectors_count(world_cap, &count), "counters can be read");
	CLAIM(count.messages == world_sent_by_all(), "each message is counted");
	CLAIM(count.events + world_eventfd.count == world_sum(world_raised),
	      "each event is counted once");
	CLAIM(count.events == count.messages + count.coalesced + count.pending +
	      c->cleared.value + c->dropped_absent.value, "no event is lost");
	CLAIM(!(world_allowed & world_allowed_too) || !world_is_pending() || mr_cold(v)->held,
	      "nothing is left pending that can be sent [9] [20]");
	CLAIM(!world_cap->nr_deferred.value && !world_cap->deferred[world_index / 64],
	      "no broadcast is forgotten");
	CLAIM(!world_eventfd.count || list_empty(&world_eventfd.wqh.head),
	      "an eventfd that is attached holds nothing");
	CLAIM(!v || !mr_cold(v)->held || world_cap->hold_timer.started,
	      "an open hold has its timer");
	CLAIM(!v || (!v->slot[0].in_flight.value && !v->slot[1].in_flight.value),
	      "no sender is left");
}
