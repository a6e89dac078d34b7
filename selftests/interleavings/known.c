// SPDX-License-Identifier: GPL-2.0
/* Threads whose number of orders is known: they test the explorer itself. */
#include "eventfds.h"
#include "explorer.h"
#include "known.h"

static int x, lock;
static int of_thread[EXPLORER_THREADS];
static atomic_t sum;

static void threads(u32 nr, void (*run)(void))
{
	static const char * const names[] = { "a", "b", "c", "d" };
	u32 i;

	for (i = 0; i < nr; i++)
		explorer_thread(names[i], run, false);
}

static void write_twice(void)
{
	WRITE_ONCE(x, 1);
	WRITE_ONCE(x, 2);
}

/* 6! / (2! 2! 2!) */
void known_writes(void)
{
	threads(3, write_twice);
}

static void write_own(void)
{
	WRITE_ONCE(of_thread[explorer_self()], 1);
	WRITE_ONCE(of_thread[explorer_self()], 2);
}

/* Whoever writes what nobody else looks at needs no order. */
void known_apart(void)
{
	threads(4, write_own);
}

static void take_lock(void)
{
	kernel_lock(&lock);
	x++;
	kernel_unlock(&lock);
}

/* 4! */
void known_locks(void)
{
	threads(4, take_lock);
}

static void increase(void)
{
	WRITE_ONCE(x, READ_ONCE(x) + 1);
}

/* One after the other, either first; or both read first, and either writes first. */
void known_lost(void)
{
	threads(2, increase);
}

static void add(void)
{
	atomic_inc(&sum);
}

static void look(void)
{
	of_thread[explorer_self()] = atomic_read(&sum);
}

/* Each addition is before or after the look: 2^3. */
void known_sums(void)
{
	threads(3, add);
	explorer_thread("look", look, false);
}

static void publish(void)
{
	WRITE_ONCE(x, 1);
}

static void wait_for_it(void)
{
	while (!READ_ONCE(x))
		cpu_relax();
}

/* The look comes after the store; before it, it is a wait. */
void known_wait(void)
{
	explorer_thread("store", publish, false);
	explorer_thread("wait", wait_for_it, false);
}

static void wait_in_vain(void)
{
	while (READ_ONCE(x) != 2)
		cpu_relax();
}

void known_vain(void)
{
	explorer_thread("store", publish, false);
	explorer_thread("wait", wait_in_vain, false);
}

static int other_lock;

static void take_both(void)
{
	kernel_lock(&lock);
	kernel_lock(&other_lock);
	kernel_unlock(&other_lock);
	kernel_unlock(&lock);
}

static void take_both_otherwise(void)
{
	kernel_lock(&other_lock);
	kernel_lock(&lock);
	kernel_unlock(&lock);
	kernel_unlock(&other_lock);
}

void known_deadlock(void)
{
	explorer_thread("a", take_both, false);
	explorer_thread("b", take_both_otherwise, false);
}

static int *in_heap;

static void use(void)
{
	WRITE_ONCE(*in_heap, 1);
}

static void release(void)
{
	kfree(in_heap);
}

void known_freed(void)
{
	in_heap = kmalloc(sizeof(*in_heap), GFP_KERNEL);
	explorer_thread("use", use, false);
	explorer_thread("free", release, false);
}
