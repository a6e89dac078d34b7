// SPDX-License-Identifier: GPL-2.0
/* What the harnesses share, and what stands for the module's files that none of them proves. */
#include "harness.h"
#include "../../route/eventfd.h"

struct mr_function proof_fn;
struct kvm proof_kvm;
u32 proof_nr_sent;
struct spec_message proof_sent;
u32 proof_kind, proof_index;
u32 proof_changes;
bool kernel_killed, kernel_safe, kernel_short;
struct task_struct kernel_task;

bool mr_mutant(enum mr_mutation m)
{
	return m == PROOF_MUTANT;
}

void mr_stretch(void)
{
}

/* ---- any function ---- */

static void proof_any_vm(void)
{
	u32 i;

	proof_kvm.arch.x2apic_format = nondet_bool();
	proof_kvm.arch.x2apic_broadcast_quirk_disabled = nondet_bool();
	proof_kvm.arch.apic_map = nondet_bool() ? &proof_kvm : NULL;
	proof_kvm.online_vcpus.value = nondet_int();
	ASSUME(proof_kvm.online_vcpus.value >= 0 &&
	       proof_kvm.online_vcpus.value <= PROOF_VCPUS);
	for (i = 0; i < PROOF_VCPUS; i++) {
		proof_kvm.vcpu[i].vcpu_idx = i;
		proof_kvm.vcpu[i].pid = nondet_bool() ? kernel_task.pid : NULL;
	}
	proof_fn.rq.vm.kvm = &proof_kvm;
	mr_vm_use(kvm_set_msi);
}

void proof_any_function(void)
{
	struct mr_requester *rq = &proof_fn.rq;

	kernel_task.pid = (struct pid *)&kernel_task;
	proof_any_vm();
	rq->flags = nondet_u32();
	ASSUME(!(rq->flags & ~(MSI_ROUTE_CREATE_EXT_DEST_ID | MSI_ROUTE_CREATE_REMAPPING |
			       MSI_ROUTE_CREATE_COMMAND | MSI_ROUTE_CREATE_DROP_DISABLED)));
	/* EADDRNOTAVAIL otherwise. */
	ASSUME(!(rq->flags & MSI_ROUTE_CREATE_EXT_DEST_ID) || proof_kvm.arch.x2apic_format);
	rq->remap_all = nondet_bool();
	rq->bus_master = nondet_bool();
	rq->stopped = nondet_bool();
}

/* ---- as the specification sees it ---- */

struct spec_function proof_spec(void)
{
	const struct mr_function *fn = &proof_fn;

	return (struct spec_function) {
		.flags = fn->rq.flags,
		.ids_32 = proof_kvm.arch.x2apic_format,
		.ffh_is_an_id = proof_kvm.arch.x2apic_broadcast_quirk_disabled,
		.remap_all = fn->rq.remap_all,
		.bus_master = fn->rq.bus_master,
		.stopped = fn->rq.stopped,
		.msi_cap = mr_msi_cap(fn)->config_at,
		.msi_vectors = mr_msi_cap(fn)->nr,
		.msi_flags = fn->msi.layout,
		.msi_control = fn->msi.control,
		.msi_lo = fn->msi.address_lo,
		.msi_hi = fn->msi.address_hi,
		.msi_data = fn->msi.data,
		.msi_mask = fn->msi.mask,
		.msi_pending = fn->msi.pending,
		.msix_cap = mr_msix_cap(fn)->config_at,
		.msix_max = mr_msix_cap(fn)->max,
		.msix_granted = mr_msix_cap(fn)->nr,
		.msix_control = fn->msix.control,
		.msix_table = fn->msix.table_reg,
		.msix_pba = fn->msix.pba_reg,
		.grant_cap = fn->grant.offset,
		.grant_request = fn->grant.request,
		.grant_status = fn->grant.status,
	};
}

struct spec_message proof_message(const struct mr_message *m)
{
	return (struct spec_message) {
		.address = (u64)m->address_hi << 32 | m->address_lo,
		.data = m->data,
	};
}

struct spec_entry proof_entry(const struct msi_route_entry *e)
{
	return (struct spec_entry) {
		.address_lo = e->address_lo,
		.address_hi = e->address_hi,
		.data = e->data,
		.control = e->control,
	};
}

enum mr_action proof_action(const struct spec_event *e)
{
	static const enum mr_action sent[] = {
		[SPEC_ONE] = MR_SEND,
		[SPEC_LOGICAL] = MR_SEND_LOGICAL,
		[SPEC_FFH] = MR_SEND_FFH,
		[SPEC_ALL] = MR_SEND_BROADCAST,
	};

	switch (e->end) {
	case SPEC_MASKED:
		return MR_MASKED;
	case SPEC_UNTRANSLATED:
		return MR_UNTRANSLATED;
	case SPEC_DROPPED_ADDRESS:
		return MR_DROP_ADDRESS;
	case SPEC_DROPPED_MODE:
		return MR_DROP_MODE;
	case SPEC_DROPPED_VECTOR:
		return MR_DROP_VECTOR;
	default:
		return sent[e->target];
	}
}

bool proof_same_function(const struct spec_function *a, const struct spec_function *b)
{
	return a->flags == b->flags && a->ids_32 == b->ids_32 &&
	       a->ffh_is_an_id == b->ffh_is_an_id && a->remap_all == b->remap_all &&
	       a->bus_master == b->bus_master && a->stopped == b->stopped &&
	       a->msi_cap == b->msi_cap && a->msi_vectors == b->msi_vectors &&
	       a->msi_flags == b->msi_flags && a->msi_control == b->msi_control &&
	       a->msi_lo == b->msi_lo && a->msi_hi == b->msi_hi &&
	       a->msi_data == b->msi_data && a->msi_mask == b->msi_mask &&
	       a->msi_pending == b->msi_pending && a->msix_cap == b->msix_cap &&
	       a->msix_max == b->msix_max && a->msix_granted == b->msix_granted &&
	       a->msix_control == b->msix_control && a->msix_table == b->msix_table &&
	       a->msix_pba == b->msix_pba && a->grant_cap == b->grant_cap &&
	       a->grant_request == b->grant_request && a->grant_status == b->grant_status;
}

bool proof_same_message(struct spec_message a, struct spec_message b)
{
	return a.address == b.address && a.data == b.data;
}

bool proof_same_entry(const struct spec_entry *a, const struct spec_entry *b)
{
	return a->address_lo == b->address_lo && a->address_hi == b->address_hi &&
	       a->data == b->data && a->control == b->control;
}

/* ---- KVM ---- */

int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		int level, bool line_status)
{
	int reached = nondet_int();

	CLAIM(e->type == KVM_IRQ_ROUTING_MSI && kvm == &proof_kvm && level == 1,
	      "KVM is called as it wants to be");
	proof_nr_sent++;
	proof_sent.address = (u64)e->msi.address_hi << 32 | e->msi.address_lo;
	proof_sent.data = e->msi.data;
	/* KVM does not return this one. */
	ASSUME(reached != -EWOULDBLOCK);
	return reached;
}

/* ---- what the VMM is notified of: changes.c ---- */

static bool proof_is_probe(const struct mr_vector *v)
{
	return mr_vector_cap(v)->kind == proof_kind && mr_vector_index(v) == proof_index;
}

void mr_change_vector(struct mr_vector *v, u32 changes)
{
	if (proof_is_probe(v))
		proof_changes |= changes;
}

u32 mr_change_written(const struct mr_vector *v)
{
	return mr_vector_cap(v)->changes & (MSI_ROUTE_CHANGE_MESSAGE | MSI_ROUTE_CHANGE_STEERING);
}

void mr_change_used(struct mr_vector *v, bool masked)
{
}

void mr_change_forget(struct mr_vector *v)
{
}

void mr_change_opened(struct mr_cap *cap)
{
}

void mr_change_control(struct mr_cap *cap)
{
	if (cap->kind == proof_kind)
		proof_changes |= MSI_ROUTE_CHANGE_CONTROL;
}

/* ---- eventfds: eventfd.c ---- */

void mr_eventfd_remove(struct mr_cap *cap, u32 index)
{
	CLAIM(index < cap->max, "an eventfd is one of a vector's");
}

/* What was in the eventfds becomes pending. */
void mr_eventfd_detach_all(struct mr_cap *cap)
{
	if (nondet_bool() && proof_index < cap->nr)
		set_bit(proof_index, cap->pending);
}
