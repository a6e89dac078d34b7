// SPDX-License-Identifier: GPL-2.0
/* The guest's own code: interrupts and its local APIC. */
#include "guest.h"

struct guest_cpu guest_cpus[GUEST_MAX_CPUS];
void (*guest_handler)(struct guest_cpu *cpu, __u8 vector);
const char *guest_panic_text;
__u64 guest_panic_value[2];

#define MSR_X2APIC	0x800

static __u64 guest_rdmsr(__u32 msr)
{
	__u32 low, high;

	__asm__ __volatile__("rdmsr" : "=a" (low), "=d" (high) : "c" (msr) : "memory");
	return (__u64)high << 32 | low;
}

static void guest_wrmsr(__u32 msr, __u64 value)
{
	__asm__ __volatile__("wrmsr"
			     :: "c" (msr), "a" ((__u32)value), "d" ((__u32)(value >> 32))
			     : "memory");
}

__u32 guest_apic_read(unsigned int reg)
{
	if (guest_this_cpu()->x2apic)
		return guest_rdmsr(MSR_X2APIC + reg / 16);
	return guest_read32(APIC_BASE + reg);
}

void guest_apic_write(unsigned int reg, __u32 value)
{
	if (guest_this_cpu()->x2apic)
		guest_wrmsr(MSR_X2APIC + reg / 16, value);
	else
		guest_write32(APIC_BASE + reg, value);
}

static bool guest_apic_bit(unsigned int reg, __u8 vector)
{
	return guest_apic_read(reg + vector / 32 * 16) >> (vector % 32) & 1;
}

bool guest_irr(__u8 vector)
{
	return guest_apic_bit(APIC_IRR, vector);
}

bool guest_isr(__u8 vector)
{
	return guest_apic_bit(APIC_ISR, vector);
}

/* Sends a fixed, edge-triggered interrupt to one physical destination. */
void guest_send_ipi(__u32 apic_id, __u8 vector)
{
	if (guest_this_cpu()->x2apic) {
		guest_wrmsr(MSR_X2APIC + APIC_ICR / 16, (__u64)apic_id << 32 | vector);
		return;
	}
	guest_write32(APIC_BASE + APIC_ICR2, apic_id << 24);
	guest_write32(APIC_BASE + APIC_ICR, vector);
}

void guest_panic(const char *text, __u64 value0, __u64 value1)
{
	guest_panic_value[0] = value0;
	guest_panic_value[1] = value1;
	guest_panic_text = text;
	for (;;)
		guest_out32(GUEST_PORT_PANIC, 0);
}

/* Called by guest_common in entry.S. */
void guest_interrupt(__u8 vector, unsigned long ip);

void guest_interrupt(__u8 vector, unsigned long ip)
{
	struct guest_cpu *cpu = guest_this_cpu();

	store(&cpu->count[vector], cpu->count[vector] + 1);
	if (vector == NMI_VECTOR)
		return;
	if (vector < FIRST_INTERRUPT)
		guest_panic("exception (vector, RIP)", vector, ip);
	if (guest_handler)
		guest_handler(cpu, vector);
	if (vector != SPURIOUS_VECTOR || guest_isr(vector))
		guest_apic_write(APIC_EOI, 0);
}
