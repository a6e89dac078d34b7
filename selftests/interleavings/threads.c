// SPDX-License-Identifier: GPL-2.0
/* The kernel where threads run at the same time: threads.h says what is assumed of it. */
#include "../proofs/kernel.h"

#include "explorer.h"

#define WHERE	__builtin_return_address(0)

struct task_struct kernel_task;

static ktime_t now;
/* Of each thread: the depth of its RCU read-side sections; whether it is an interrupt. */
static int readers[EXPLORER_THREADS];
static bool is_interrupt[EXPLORER_THREADS];

bool nondet_bool(void)
{
	return false;
}

/* ---- bitmaps, atomics ---- */

bool kernel_change_bit(unsigned long bit, unsigned long *bits, bool set)
{
	unsigned long *p = &bits[bit / BITS_PER_LONG], mask = 1UL << bit % BITS_PER_LONG;
	bool was;

	explorer_access(p, sizeof(*p), true, WHERE);
	was = *p & mask;
	*p = set ? *p | mask : *p & ~mask;
	return was;
}

void kernel_add(int *p, int n)
{
	explorer_add(p, sizeof(*p), WHERE);
	*p += n;
}

void kernel_add64(s64 *p, s64 n)
{
	explorer_add(p, sizeof(*p), WHERE);
	*p += n;
}

int kernel_xchg(int *p, int v)
{
	int was;

	explorer_access(p, sizeof(*p), true, WHERE);
	was = *p;
	*p = v;
	return was;
}

void kernel_spin(void)
{
	CLAIM(!is_interrupt[explorer_self()], "an interrupt does not wait for a sender");
	explorer_spin(WHERE);
}

/* ---- RCU ---- */

void rcu_read_lock(void)
{
	int *depth = &readers[explorer_self()];

	explorer_access(depth, sizeof(*depth), true, WHERE);
	++*depth;
}

void rcu_read_unlock(void)
{
	int *depth = &readers[explorer_self()];

	explorer_access(depth, sizeof(*depth), true, WHERE);
	--*depth;
}

static bool is_no_reader(const void *p)
{
	return !*(const int *)p;
}

/* A moment at which the thread reads nothing comes after each section of before. */
void synchronize_rcu(void)
{
	unsigned int i;

	for (i = 0; i < EXPLORER_THREADS; i++)
		if (i != explorer_self())
			explorer_wait(&readers[i], sizeof(readers[i]), is_no_reader, WHERE);
}

/* ---- locks ---- */

void kernel_lock(int *held)
{
	explorer_lock(held, WHERE);
}

bool kernel_trylock(int *held)
{
	return explorer_trylock(held, WHERE);
}

void kernel_unlock(int *held)
{
	explorer_unlock(held, WHERE);
}

void kernel_held(const int *held)
{
	CLAIM(*held, "the lock is held");
}

/* ---- time, work ---- */

ktime_t ktime_get(void)
{
	explorer_access(&now, sizeof(now), false, WHERE);
	return now;
}

void hrtimer_start(struct hrtimer *timer, ktime_t at, enum hrtimer_mode mode)
{
	explorer_access(timer, sizeof(*timer), true, WHERE);
	timer->started = true;
	timer->at = at;
}

static bool is_started(const void *p)
{
	return ((const struct hrtimer *)p)->started;
}

static bool runs_no_handler(const void *p)
{
	return !((const struct hrtimer *)p)->runs;
}

void hrtimer_cancel(struct hrtimer *timer)
{
	explorer_wait(timer, sizeof(*timer), runs_no_handler, WHERE);
	timer->started = false;
}

void kernel_expire(struct hrtimer *timer)
{
	unsigned int self = explorer_self();

	explorer_wait(timer, sizeof(*timer), is_started, WHERE);
	timer->started = false;
	timer->runs = true;
	explorer_access(&now, sizeof(now), true, WHERE);
	now = max(now, timer->at);
	is_interrupt[self] = true;
	rcu_read_lock();
	timer->fn(timer);
	rcu_read_unlock();
	is_interrupt[self] = false;
	explorer_access(timer, sizeof(*timer), true, WHERE);
	timer->runs = false;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool was;

	explorer_access(work, sizeof(*work), true, WHERE);
	was = work->queued;
	work->queued = true;
	return !was;
}

static bool is_queued(const void *p)
{
	return ((const struct work_struct *)p)->queued;
}

static bool runs_no_work(const void *p)
{
	return !((const struct work_struct *)p)->runs;
}

void cancel_work_sync(struct work_struct *work)
{
	explorer_wait(work, sizeof(*work), runs_no_work, WHERE);
	work->queued = false;
}

void kernel_work(struct work_struct *work)
{
	explorer_wait(work, sizeof(*work), is_queued, WHERE);
	work->queued = false;
	work->runs = true;
	work->fn(work);
	explorer_access(work, sizeof(*work), true, WHERE);
	work->runs = false;
}

/* ---- memory ---- */

void *proof_image(size_t size)
{
	return explorer_alloc(size);
}
