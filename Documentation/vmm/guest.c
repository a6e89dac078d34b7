// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of vmm.c: the driver of one PCI function, and nothing besides.  It runs
 * in 32-bit mode without paging.
 */
#include "machine.h"

#define BAR		0xd0000000u
#define APIC		0xfee00000u
#define APIC_EOI	0xb0
#define APIC_SPURIOUS	0xf0
#define VECTOR		0x40		/* of the local APIC, for entry 0 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* ---- the processor ---- */

static volatile u32 *at(u32 address)
{
	return (volatile u32 *)address;
}

static void out8(u16 port, u8 value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(u16 port, u32 value)
{
	asm volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(u16 port, u16 value)
{
	asm volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static u32 in32(u16 port)
{
	u32 value;

	asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void say(const char *text)
{
	while (*text)
		out8(PORT_PRINT, *text++);
}

static void require(int fulfilled, const char *what)
{
	if (fulfilled)
		return;
	say("guest: FAILED: ");
	say(what);
	say("\n");
	out8(PORT_END, 1);
}

/* ---- interrupts ---- */

struct frame;

static volatile u32 count[VECTORS];

static void came(u32 entry)
{
	count[entry]++;
	*at(APIC + APIC_EOI) = 0;
}

static __attribute__((interrupt)) void interrupt_0(struct frame *frame)
{
	(void)frame;
	came(0);
}

static __attribute__((interrupt)) void interrupt_1(struct frame *frame)
{
	(void)frame;
	came(1);
}

static u64 gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
static u64 idt[VECTOR + VECTORS];

static void load_tables(void)
{
	struct __attribute__((packed)) {
		u16 limit;
		u32 base;
	} g = { sizeof(gdt) - 1, (u32)gdt }, i = { sizeof(idt) - 1, (u32)idt };

	asm volatile("lgdt %0\n\tlidt %1" : : "m"(g), "m"(i) : "memory");
}

static void set_handler(u8 vector, void (*handler)(struct frame *))
{
	u64 address = (u32)handler;

	idt[vector] = (address & 0xffff) | 0x8e0000080000 | (address >> 16) << 48;
}

/* Sleeps until it has come; it cannot come between the look and the sleep. */
static void wait_for(u32 entry, u32 number)
{
	asm volatile("cli");
	while (count[entry] < number)
		asm volatile("sti\n\thlt\n\tcli" : : : "memory");
	asm volatile("sti");
}

/* ---- the function ---- */

static void config_index(u32 offset)
{
	out32(PORT_CONFIG_INDEX, 0x80000000 | 1 << 11 | (offset & ~3u));
}

static u32 config_read(u32 offset)
{
	config_index(offset);
	return in32(PORT_CONFIG_DATA);
}

static void config_write32(u32 offset, u32 value)
{
	config_index(offset);
	out32(PORT_CONFIG_DATA, value);
}

static void config_write16(u32 offset, u16 value)
{
	config_index(offset);
	out16(PORT_CONFIG_DATA + (offset & 2), value);
}

static volatile u32 *entry(u32 n)
{
	return at(BAR + BAR_TABLE + 16 * n);
}

static void set_entry(u32 n)
{
	entry(n)[0] = APIC;
	entry(n)[1] = 0;
	entry(n)[2] = VECTOR + n;
	entry(n)[3] = 0;
}

static void mask(u32 n)
{
	entry(n)[3] = 1;
}

static void unmask(u32 n)
{
	entry(n)[3] = 0;
}

static u32 pending(void)
{
	return *at(BAR + BAR_PBA);
}

static void ring(u32 n)
{
	*at(BAR + BAR_BELL) = n;
}

/* ---- what it does ---- */

static void set_up(void)
{
	load_tables();
	set_handler(VECTOR + 0, interrupt_0);
	set_handler(VECTOR + 1, interrupt_1);
	*at(APIC + APIC_SPURIOUS) = 0x1ff;

	require(config_read(0) == FUNCTION_ID, "there is no function");
	config_write32(0x10, BAR);
	/* Memory Space Enable, Bus Master Enable */
	config_write16(0x04, 0x6);
	set_entry(0);
	set_entry(1);
	/* MSI-X Enable in Message Control */
	config_write16(MSIX_CAP + 2, 0x8000);
	asm volatile("sti");
}

static void drive(void)
{
	ring(0);
	wait_for(0, 1);
	say("guest: the bell rang, an interrupt came\n");

	mask(0);
	ring(0);
	ring(0);
	require(count[0] == 1, "it came in spite of the mask");
	require(pending() == 1, "it is not pending");
	say("guest: masked, rang twice: pending\n");

	/* No wait: when the write has returned, the message is in the IRR. */
	unmask(0);
	require(count[0] == 2, "it did not come at once");
	require(pending() == 0, "it is still pending");
	say("guest: unmasked: one came, at once\n");

	ring(1);
	wait_for(1, 1);
	say("guest: rang for entry 1: it came by an eventfd\n");

	mask(0);
	ring(0);
	say("guest: masked, rang, and am saved now\n");
	out8(PORT_SAVE, 0);
	require(pending() == 1, "it is not pending after the restore");
	unmask(0);
	require(count[0] == 3, "it is lost");
	say("guest: restored and unmasked: it came\n");
	ring(1);
	wait_for(1, 2);
	say("guest: the eventfd works as well\n");
}

__attribute__((section(".entry"))) void start(void)
{
	set_up();
	drive();
	out8(PORT_END, 0);
	for (;;)
		asm volatile("cli\n\thlt");
}
