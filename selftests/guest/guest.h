/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The code inside a test's virtual machine, and what it shares with the test.
 *
 * A test program is linked at a fixed address below 4 GiB, and its own image is the
 * guest's memory, at the same addresses.  So guest code is an ordinary function of the
 * test, a mailbox is an ordinary variable, and a pointer means the same on both sides.
 * Two things are not ordinary: guest code runs in ring 0 and has no C library, and it
 * sees only static storage (no heap, no host stack).  In a program of 32 bits it runs in
 * 32-bit mode.
 *
 * Functions whose names begin with guest_ are for the guest only.
 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include <stdbool.h>
#include <linux/types.h>

#define GUEST_MAX_CPUS		8
#define GUEST_STACK_SIZE	16384

/* The guest's side of the two ports that end a vCPU's run. */
#define GUEST_PORT_DONE		0x10
#define GUEST_PORT_PANIC	0x11

/* Registers of the local APIC, as offsets of its xAPIC page. */
#define APIC_ID			0x020
#define APIC_EOI		0x0b0
#define APIC_LDR		0x0d0
#define APIC_DFR		0x0e0
#define APIC_SVR		0x0f0
#define APIC_ISR		0x100
#define APIC_IRR		0x200
#define APIC_ICR		0x300
#define APIC_ICR2		0x310

#define APIC_BASE		0xfee00000UL
#define NMI_VECTOR		2
#define FIRST_INTERRUPT		16
#define SPURIOUS_VECTOR		255

/*
 * A virtual CPU as its own code sees it, and all that it tells the host.  GS points here
 * while the guest runs; @self must come first.
 */
struct guest_cpu {
	struct guest_cpu *self;
	__u32 index;
	__u32 apic_id;
	bool x2apic;
	__u32 count[256];		/* interrupts taken, by vector */
	__u8 stack[GUEST_STACK_SIZE] __attribute__((aligned(16)));
};

extern struct guest_cpu guest_cpus[GUEST_MAX_CPUS];

/*
 * Called for every interrupt (not for NMIs) after it is counted and before it is
 * acknowledged, with interrupts off.
 */
extern void (*guest_handler)(struct guest_cpu *cpu, __u8 vector);

/* The guest's message when it gives up; the host reads it. */
extern const char *guest_panic_text;
extern __u64 guest_panic_value[2];

void guest_panic(const char *text, __u64 value0, __u64 value1)
	__attribute__((noreturn));

/* Reads and writes a shared variable as a whole, once, in program order. */
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()	__asm__ __volatile__("" ::: "memory")
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define atomic_inc(p)	__atomic_add_fetch((p), 1, __ATOMIC_SEQ_CST)
#define load(p)		__atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

static inline void store_max(__u32 *p, __u32 value)
{
	__u32 old = load(p);

	while (old < value &&
	       !__atomic_compare_exchange_n(p, &old, value, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* The same numbers in each run, for guest and host; @state must not be 0. */
static inline __u32 next_random(__u32 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline struct guest_cpu *guest_this_cpu(void)
{
	struct guest_cpu *cpu;

	__asm__ ("mov %%gs:0, %0" : "=r" (cpu));
	return cpu;
}

static inline void guest_out32(__u16 port, __u32 value)
{
	__asm__ __volatile__("outl %0, %1" :: "a" (value), "Nd" (port) : "memory");
}

static inline void guest_out16(__u16 port, __u16 value)
{
	__asm__ __volatile__("outw %0, %1" :: "a" (value), "Nd" (port) : "memory");
}

static inline __u32 guest_in32(__u16 port)
{
	__u32 value;

	__asm__ __volatile__("inl %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

static inline __u16 guest_in16(__u16 port)
{
	__u16 value;

	__asm__ __volatile__("inw %1, %0" : "=a" (value) : "Nd" (port) : "memory");
	return value;
}

/* Accesses that the host's side forwards to the module. */
static inline __u8 guest_read8(unsigned long gpa)
{
	__u8 value;

	__asm__ __volatile__("movb (%1), %0" : "=q" (value) : "r" (gpa) : "memory");
	return value;
}

static inline __u16 guest_read16(unsigned long gpa)
{
	__u16 value;

	__asm__ __volatile__("movw (%1), %0" : "=r" (value) : "r" (gpa) : "memory");
	return value;
}

static inline __u32 guest_read32(unsigned long gpa)
{
	__u32 value;

	__asm__ __volatile__("movl (%1), %0" : "=r" (value) : "r" (gpa) : "memory");
	return value;
}

#ifdef __x86_64__
static inline __u64 guest_read64(unsigned long gpa)
{
	__u64 value;

	__asm__ __volatile__("movq (%1), %0" : "=r" (value) : "r" (gpa) : "memory");
	return value;
}

static inline void guest_write64(unsigned long gpa, __u64 value)
{
	__asm__ __volatile__("movq %0, (%1)" :: "r" (value), "r" (gpa) : "memory");
}
#endif

static inline void guest_write8(unsigned long gpa, __u8 value)
{
	__asm__ __volatile__("movb %0, (%1)" :: "q" (value), "r" (gpa) : "memory");
}

static inline void guest_write16(unsigned long gpa, __u16 value)
{
	__asm__ __volatile__("movw %0, (%1)" :: "r" (value), "r" (gpa) : "memory");
}

static inline void guest_write32(unsigned long gpa, __u32 value)
{
	__asm__ __volatile__("movl %0, (%1)" :: "r" (value), "r" (gpa) : "memory");
}

static inline void guest_cli(void)
{
	__asm__ __volatile__("cli" ::: "memory");
}

static inline void guest_sti(void)
{
	__asm__ __volatile__("sti" ::: "memory");
}

static inline void guest_relax(void)
{
	__asm__ __volatile__("pause" ::: "memory");
}

/*
 * Takes what is in the IRR.  Interrupts are off on entry and on return.  The first
 * instruction after STI still runs with interrupts held back.
 */
static inline void guest_take_interrupts(void)
{
	__asm__ __volatile__("sti; nop; nop; nop; cli" ::: "memory");
}

/* Sleeps until an interrupt.  Interrupts are off on entry and on return. */
static inline void guest_halt(void)
{
	__asm__ __volatile__("sti; hlt; cli" ::: "memory");
}

/* Sleeps until @condition, which an interrupt handler must make true. */
#define guest_wait_until(condition)		\
	do {					\
		guest_cli();			\
		while (!(condition))		\
			guest_halt();		\
		guest_sti();			\
	} while (0)

__u32 guest_apic_read(unsigned int reg);
void guest_apic_write(unsigned int reg, __u32 value);
bool guest_irr(__u8 vector);
bool guest_isr(__u8 vector);
void guest_send_ipi(__u32 apic_id, __u8 vector);

#endif /* SELFTESTS_GUEST_H */
