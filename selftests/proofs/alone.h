/* SPDX-License-Identifier: GPL-2.0 */
/* Locks, atomics, time and memory where one call runs at a time; kernel.h has the rest. */
#ifndef PROOF_ALONE_H
#define PROOF_ALONE_H

#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, v)	((x) = (v))

/* ---- bitmaps ---- */

static inline bool test_bit(unsigned long bit, const unsigned long *bits)
{
	return bits[bit / BITS_PER_LONG] >> bit % BITS_PER_LONG & 1;
}

static inline void set_bit(unsigned long bit, unsigned long *bits)
{
	bits[bit / BITS_PER_LONG] |= 1UL << bit % BITS_PER_LONG;
}

static inline void clear_bit(unsigned long bit, unsigned long *bits)
{
	bits[bit / BITS_PER_LONG] &= ~(1UL << bit % BITS_PER_LONG);
}

#define __set_bit		set_bit

static inline bool test_and_set_bit(unsigned long bit, unsigned long *bits)
{
	bool was = test_bit(bit, bits);

	set_bit(bit, bits);
	return was;
}

static inline bool test_and_clear_bit(unsigned long bit, unsigned long *bits)
{
	bool was = test_bit(bit, bits);

	clear_bit(bit, bits);
	return was;
}

/* ---- one call at a time ---- */

#define smp_mb()			((void)0)
#define smp_mb__before_atomic()		((void)0)
#define smp_mb__after_atomic()		((void)0)
#define smp_load_acquire(p)		(*(p))
#define smp_store_release(p, v)		(*(p) = (v))
#define cpu_relax()			((void)0)
#define preempt_disable()		((void)0)
#define preempt_enable()		((void)0)
#define cond_resched()			((void)0)

#define atomic_read(a)			((a)->value)
#define atomic_read_acquire(a)		((a)->value)
#define atomic_set(a, v)		((a)->value = (v))
#define atomic_inc(a)			((void)(a)->value++)
#define atomic_dec(a)			((void)(a)->value--)
#define atomic64_read(a)		((a)->value)
#define atomic64_inc(a)			((void)(a)->value++)
#define atomic64_dec(a)			((void)(a)->value--)
/* Counters wrap around, as the kernel's do. */
#define atomic64_add(n, a)		((void)((a)->value = (s64)((u64)(a)->value + (u64)(n))))

#define rcu_read_lock()			((void)0)
#define rcu_read_unlock()		((void)0)
#define rcu_read_lock_any_held()	true
#define synchronize_rcu()		((void)0)
#define rcu_dereference(p)		(p)
#define rcu_dereference_check(p, c)	(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_access_pointer(p)		(p)
#define rcu_assign_pointer(p, v)	((p) = (v))
#define RCU_INIT_POINTER(p, v)		((p) = (v))

/* ---- locks ---- */

static inline void kernel_lock(int *held)
{
	__CPROVER_assert(!*held, "a lock is free when it is taken");
	*held = 1;
}

static inline void kernel_unlock(int *held)
{
	__CPROVER_assert(*held == 1, "a lock is held when it is released");
	*held = 0;
}

/* Whether a task was killed in a wait: its call did nothing, or not all. */
extern bool kernel_killed;
/* Set while a harness makes its function: nobody kills the task then. */
extern bool kernel_safe;

static inline bool kernel_kill(void)
{
	bool kill = !kernel_safe && nondet_bool();

	kernel_killed |= kill;
	return kill;
}

static inline int kernel_lock_killable(int *held)
{
	if (kernel_kill())
		return -EINTR;
	kernel_lock(held);
	return 0;
}

static inline bool kernel_trylock(int *held)
{
	if (*held)
		return false;
	*held = 1;
	return true;
}

#define lockdep_assert_held(l)		__CPROVER_assert((l)->held, "the lock is held")
#define lockdep_is_held(l)		((l)->held)
#define mutex_lock_killable(l)		kernel_lock_killable(&(l)->held)

/* ---- time, work ---- */

/* The module divides by powers of two only, which a model checker does by a shift. */
static inline u64 div_u64(u64 n, u32 d)
{
	__CPROVER_assert(is_power_of_2(d), "a division is one by a power of two");
	return n >> __builtin_ctz(d);
}

struct hrtimer {
	bool started;
};

struct work_struct {
	bool queued;
};

#define hrtimer_setup(t, fn, clock, mode)	((void)(fn), (void)((t)->started = false))
#define hrtimer_start(t, at, mode)		((void)((t)->started = true))
#define hrtimer_cancel(t)			((void)((t)->started = false))
#define INIT_WORK(w, fn)			((void)(fn), (void)((w)->queued = false))
#define queue_work(wq, w)			((void)(wq), (void)((w)->queued = true))
#define cancel_work_sync(w)			((void)((w)->queued = false))
#define alloc_workqueue(...)			((struct workqueue_struct *)NULL)

static inline ktime_t ktime_get(void)
{
	static ktime_t now;
	ktime_t later = (ktime_t)(nondet_u64() >> 2);

	__CPROVER_assume(later >= now);
	now = later;
	return now;
}

/* ---- memory ---- */

/* Set once a harness has made its function: from then on any allocation may fail. */
extern bool kernel_short;

static inline void *kernel_alloc(size_t size, gfp_t flags)
{
	if (kernel_short && nondet_bool())
		return NULL;
	return __CPROVER_allocate(size, (flags & __GFP_ZERO) != 0);
}

#endif /* PROOF_ALONE_H */
