// SPDX-License-Identifier: GPL-2.0
/*
 * Each message that the model sends also goes to a second virtual machine, the twin, by
 * KVM_SIGNAL_MSI.  So KVM itself decides whom a message reaches: the local APICs of
 * machine and twin must be equal.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../guest/vm.h"
#include "drive.h"
#include "machines.h"

#define CLEAR_EVERY	16

char difference[1024];
struct pair pair;

static struct vm machines[NR_MACHINES], twins[NR_MACHINES];

bool differ(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(difference, sizeof(difference), format, args);
	va_end(args);
	return false;
}

bool same_outcome(const char *who, const struct errors *e, int ret)
{
	char right[256] = "";
	unsigned int i;

	for (i = 0; i < e->nr; i++) {
		if (ret == -e->of[i]) {
			statistics.refused++;
			return true;
		}
		snprintf(right + strlen(right), sizeof(right) - strlen(right), " %s",
			 strerrorname_np(e->of[i]));
	}
	if (!e->nr && ret >= 0)
		return true;
	return differ("%s%s%s, and should: %s", who, *who ? ": " : "",
		      ret < 0 ? strerrorname_np(-ret) : "succeeded", e->nr ? right : "succeed");
}

/* ---- machines ---- */

static void set_apic(struct vm *vm, unsigned int kind)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS && kind != MACHINE_X2APIC; i++) {
		bool cluster = kind == MACHINE_CLUSTER || (kind == MACHINE_SHARED && !i);
		__u32 id = 1 << (24 + i);

		if (kind == MACHINE_CLUSTER)
			id = (i / 2 << 28) | (1 << i % 2 << 24);
		if (kind == MACHINE_SHARED)
			id = 1 << 24;
		vcpu_apic_write(&vm->vcpu[i], APIC_DFR, cluster ? 0x0fffffff : 0xffffffff);
		vcpu_apic_write(&vm->vcpu[i], APIC_LDR, id);
	}
	if (kind == MACHINE_X2APIC)
		vm_add_vcpu(vm, 0x101);
	vcpu_apic_write(&vm->vcpu[NR_VCPUS - 1], APIC_SVR, SPURIOUS_VECTOR);
}

void machines_init(void)
{
	unsigned int i;

	for (i = 0; i < NR_MACHINES; i++) {
		vm_create(&machines[i], i == MACHINE_X2APIC ? VM_X2APIC : 0, NR_VCPUS);
		vm_create(&twins[i], i == MACHINE_X2APIC ? VM_X2APIC : 0, NR_VCPUS);
		set_apic(&machines[i], i);
		set_apic(&twins[i], i);
	}
}

struct vm *machine(unsigned int kind)
{
	return &machines[kind];
}

void machines_use(unsigned int kind)
{
	pair.vm = &machines[kind];
	pair.twin = &twins[kind];
	pair.sent = pair.other_mode = false;
}

bool deliver(struct model *m, const struct message *message)
{
	struct kvm_msi msi = {
		.address_lo = message->address, .address_hi = message->address >> 32,
		.data = message->data,
	};
	__u32 mode = message->data >> 8 & 7;

	(void)m;
	pair.sent = true;
	if (mode > 1)
		pair.other_mode = true;
	/* What may be for many is SENT before it is known whether any vCPU takes it. */
	if (message->address & 4 || (message->address >> 12 & 0xff) == 0xff)
		pair.broad = true;
	return ioctl(pair.twin->fd, KVM_SIGNAL_MSI, &msi) > 0;
}

static void get_irr(struct vcpu *vcpu, __u32 *irr)
{
	struct kvm_lapic_state lapic;
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic))
		die("KVM_GET_LAPIC");
	for (i = 0; i < 8; i++)
		irr[i] = *(__u32 *)(lapic.regs + APIC_IRR + i * 16);
}

static void get_events(struct vcpu *vcpu, struct kvm_vcpu_events *events)
{
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, events))
		die("KVM_GET_VCPU_EVENTS");
}

/* What the IRR does not show; an INIT is not visible at all. */
static unsigned int seen_in(const struct kvm_vcpu_events *events)
{
	return events->nmi.pending | events->smi.pending << 1;
}

static unsigned int take_events(struct vcpu *vcpu)
{
	struct kvm_vcpu_events events;
	unsigned int seen;

	get_events(vcpu, &events);
	seen = seen_in(&events);
	/* A KVM without SMM refuses its flag. */
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
		       (seen & 2 ? KVM_VCPUEVENT_VALID_SMM : 0);
	events.nmi.pending = 0;
	events.smi.pending = 0;
	if (seen && ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events))
		die("KVM_SET_VCPU_EVENTS");
	return seen;
}

bool settled(void)
{
	struct kvm_vcpu_events events, twin_events;
	__u32 irr[8], twin_irr[8];
	unsigned int i;

	for (i = 0; i < pair.vm->nr_vcpus; i++) {
		get_irr(&pair.vm->vcpu[i], irr);
		get_irr(&pair.twin->vcpu[i], twin_irr);
		get_events(&pair.vm->vcpu[i], &events);
		get_events(&pair.twin->vcpu[i], &twin_events);
		if (memcmp(irr, twin_irr, sizeof(irr)) ||
		    seen_in(&events) != seen_in(&twin_events))
			return false;
	}
	return true;
}

void clear_machines(void)
{
	unsigned int i;

	for (i = 0; i < pair.vm->nr_vcpus; i++) {
		vcpu_clear_irr(&pair.vm->vcpu[i]);
		vcpu_clear_irr(&pair.twin->vcpu[i]);
		take_events(&pair.vm->vcpu[i]);
		take_events(&pair.twin->vcpu[i]);
	}
	pair.since_clear = 0;
}

bool same_messages(bool full)
{
	__u32 irr[8], twin_irr[8];
	unsigned int i, j;

	if (!full && !pair.sent)
		return true;
	for (i = 0; i < pair.vm->nr_vcpus; i++) {
		get_irr(&pair.vm->vcpu[i], irr);
		get_irr(&pair.twin->vcpu[i], twin_irr);
		for (j = 0; j < 256; j++)
			if ((irr[j / 32] ^ twin_irr[j / 32]) >> j % 32 & 1)
				return differ("IRR of vCPU %u: vector %#x is %s", i, j,
					      irr[j / 32] >> j % 32 & 1 ?
					      "there, and should not" : "missing");
		if (full || pair.other_mode) {
			unsigned int seen = take_events(&pair.vm->vcpu[i]);
			unsigned int twin_seen = take_events(&pair.twin->vcpu[i]);

			if (seen != twin_seen)
				return differ("vCPU %u: NMI (1), SMI (2): %u, not %u", i, seen,
					      twin_seen);
		}
	}
	pair.other_mode = false;
	if (pair.sent && ++pair.since_clear == CLEAR_EVERY)
		clear_machines();
	pair.sent = false;
	return true;
}
