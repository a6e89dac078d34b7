// SPDX-License-Identifier: GPL-2.0
/*
 * The guest of vmm.c: the driver of one PCI function, and nothing else.  It runs
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

static void in32s(u16 port, u32 *to, u32 number)
{
	asm volatile("rep insl" : "+D"(to), "+c"(number) : "d"(port) : "memory");
}

static void in8s(u16 port, void *to, u32 number)
{
	asm volatile("rep insb" : "+D"(to), "+c"(number) : "d"(port) : "memory");
}

static void out8s(u16 port, const void *from, u32 number)
{
	asm volatile("rep outsb" : "+S"(from), "+c"(number) : "d"(port) : "memory");
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

/* Sleeps until the interrupt has come; it cannot come between the look and the sleep. */
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

	/* There is no wait: when the write has returned, the message is in the IRR. */
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

/* ---- what no driver does, but each VMM must survive ---- */

/* Reads and writes 1, 2, 4 and 8 bytes at an address. */
static void access_all_sizes(u32 address)
{
	volatile u8 *byte = (volatile u8 *)address;
	volatile u16 *word = (volatile u16 *)address;

	(void)*byte;
	*byte = ~0;
	(void)*word;
	*word = ~0;
	*at(address);
	*at(address) = ~0u;
	asm volatile("movq (%0), %%mm0\n\tpcmpeqb %%mm0, %%mm0\n\tmovq %%mm0, (%0)\n\temms"
		     : : "r"(address) : "memory");
}

/* At each address around an edge: KVM splits some into pieces of 1 to 7 bytes. */
static void cross(u32 edge)
{
	u32 i;

	for (i = 0; i <= 16; i++)
		access_all_sizes(edge - 8 + i);
}

static void access_as_never_meant(void)
{
	volatile u16 *words = (volatile u16 *)(BAR + BAR_TABLE);
	volatile u8 *bytes = (volatile u8 *)(BAR + BAR_TABLE);
	u32 i;

	for (i = 0; i < 16; i++) {
		(void)bytes[i];
		bytes[i] = 0;
	}
	(void)words[1];
	words[1] = 0;
	cross(BAR);
	cross(BAR + BAR_TABLE + 16 * VECTORS);
	cross(BAR + BAR_PBA);
	cross(BAR + BAR_PBA + 8);
	cross(BAR + BAR_BELL);
	cross(BAR + BAR_SIZE);
	/* Of all that, aligned dwords and qwords have been written, and nothing else. */
	require(entry(0)[0] == (~0u & ~3u) && entry(0)[1] == ~0u && entry(0)[2] == ~0u &&
		entry(0)[3] == ~0u, "entry 0 is not as it should");
	require(entry(1)[0] == APIC && entry(1)[1] == 0 && entry(1)[2] == VECTOR + 1,
		"entry 1 is not as it was");
	require(entry(VECTORS - 1)[1] == 0 && entry(VECTORS - 1)[2] == ~0u,
		"the last entry is not as it should");
	set_entry(0);
	for (i = 2; i < 256; i++)
		ring(i < VECTORS ? VECTORS : i);
}

static void configure_as_never_meant(void)
{
	u32 dwords[4], i;

	for (i = 0; i < 256; i += 4) {
		config_index(i);
		in32(PORT_CONFIG_DATA + 1);
		in32(PORT_CONFIG_DATA + 3);
	}
	config_index(0);
	in32s(PORT_CONFIG_DATA, dwords, 4);
	require(dwords[3] == FUNCTION_ID, "there is no function by rep insl");
	require(in32(PORT_CONFIG_DATA + 1) == (0xff000000 | FUNCTION_ID >> 8),
		"a read across two ports is not both");
	/* Message Control, its upper byte and what is beyond 0xCFF. */
	config_index(MSIX_CAP);
	out32(PORT_CONFIG_DATA + 3, 0x80);
	out32(PORT_CONFIG_DATA + 2, 0x8000);
	require(in32(PORT_CONFIG_DATA) >> 31, "MSI-X is not enabled");
	out8(PORT_CONFIG_INDEX, 0);
}

/* Onto the guest's memory, the local APIC, the end of the address space. */
static void place_as_never_meant(void)
{
	static const u32 places[] = { 0x2000, 0x20000, APIC, 0xfec00000, 0xffffe000, 0 };
	u32 i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		config_write32(0x10, places[i]);
	config_write32(0x10, BAR);
	require(entry(0)[2] == VECTOR, "the BAR has not come back");
}

/* By instructions with several exits, while an event is under way. */
static void save_as_never_meant(void)
{
	void *bell = (void *)(BAR + BAR_BELL);
	u32 before = count[1];

	ring(1);
	out8s(PORT_SAVE, "", 1);
	wait_for(1, before + 1);
	out8s(PORT_SAVE, bell, 1);
	in8s(PORT_SAVE, bell, 2);
	in8s(PORT_END, bell, 2);
}

static void blunder(void)
{
	u32 before;

	access_as_never_meant();
	configure_as_never_meant();
	place_as_never_meant();
	save_as_never_meant();
	before = count[0];
	ring(0);
	wait_for(0, before + 1);
	say("guest: blundered, saved twice, and the bell still rings\n");
}

__attribute__((section(".entry"))) void start(void)
{
	set_up();
	drive();
	blunder();
	out8(PORT_END, 0);
	for (;;)
		asm volatile("cli\n\thlt");
}
