/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks, atomics, time and memory where threads run at the same time; proofs/kernel.h has the
 * rest.  What is assumed:
 *
 * - Each access is in effect at once, for all threads.
 * - A timer that is started may expire at any time from then on.  Its handler is a thread, so
 *   others may run meanwhile, but it must not wait for any of them except by a lock.
 * - A work item that is queued may run at any time from then on, once for each time.
 * - A grace period ends when no reader of before is left.
 * - Memory does not run out, and no task is killed.
 */
#ifndef THREADS_H
#define THREADS_H

#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))

/* ---- bitmaps ---- */

bool kernel_change_bit(unsigned long bit, unsigned long *bits, bool set);

#define test_bit(bit, bits) \
	((bool)(READ_ONCE((bits)[(bit) / BITS_PER_LONG]) >> (bit) % BITS_PER_LONG & 1))
#define set_bit(bit, bits)		((void)kernel_change_bit(bit, bits, true))
#define clear_bit(bit, bits)		((void)kernel_change_bit(bit, bits, false))
#define test_and_set_bit(bit, bits)	kernel_change_bit(bit, bits, true)
#define test_and_clear_bit(bit, bits)	kernel_change_bit(bit, bits, false)
#define __set_bit			set_bit

/* ---- order, atomics ---- */

void kernel_spin(void);
void kernel_add(int *p, int n);
void kernel_add64(s64 *p, s64 n);
int kernel_xchg(int *p, int v);

#define smp_mb()			((void)0)
#define smp_mb__before_atomic()		((void)0)
#define smp_mb__after_atomic()		((void)0)
#define smp_load_acquire(p)		READ_ONCE(*(p))
#define smp_store_release(p, v)		WRITE_ONCE(*(p), v)
#define cpu_relax()			kernel_spin()
#define preempt_disable()		((void)0)
#define preempt_enable()		((void)0)
#define preempt_disable_nested()	((void)0)
#define preempt_enable_nested()		((void)0)
#define cond_resched()			((void)0)

#define atomic_read(a)			READ_ONCE((a)->value)
#define atomic_read_acquire(a)		READ_ONCE((a)->value)
#define atomic_set(a, v)		WRITE_ONCE((a)->value, v)
#define atomic_inc(a)			kernel_add(&(a)->value, 1)
#define atomic_dec(a)			kernel_add(&(a)->value, -1)
#define atomic_xchg(a, v)		kernel_xchg(&(a)->value, v)
#define atomic64_read(a)		READ_ONCE((a)->value)
#define atomic64_inc(a)			kernel_add64(&(a)->value, 1)
#define atomic64_dec(a)			kernel_add64(&(a)->value, -1)
#define atomic64_add(n, a)		kernel_add64(&(a)->value, n)

/* ---- RCU ---- */

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);

#define rcu_read_lock_any_held()	true
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_dereference_check(p, c)	READ_ONCE(p)
#define rcu_dereference_protected(p, c)	(p)
#define rcu_access_pointer(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	WRITE_ONCE(p, v)
#define RCU_INIT_POINTER(p, v)		WRITE_ONCE(p, v)

/* ---- locks ---- */

void kernel_lock(int *held);
void kernel_unlock(int *held);
bool kernel_trylock(int *held);
void kernel_held(const int *held);

#define kernel_kill()			false
#define lockdep_assert_held(l)		kernel_held(&(l)->held)
#define lockdep_is_held(l)		true
#define mutex_lock_killable(l)		(kernel_lock(&(l)->held), 0)

/* ---- time, work ---- */

struct hrtimer {
	bool started, runs;
	ktime_t at;
	enum hrtimer_restart (*fn)(struct hrtimer *timer);
};

struct work_struct {
	bool queued, runs;
	void (*fn)(struct work_struct *work);
};

void hrtimer_start(struct hrtimer *timer, ktime_t at, enum hrtimer_mode mode);
void hrtimer_cancel(struct hrtimer *timer);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void cancel_work_sync(struct work_struct *work);
ktime_t ktime_get(void);
#define div_u64(n, d)			((u64)(n) / (u32)(d))
/* What a daemon does: waits until the timer is started, or the work item queued, and runs it. */
void kernel_expire(struct hrtimer *timer);
void kernel_work(struct work_struct *work);

#define hrtimer_setup(t, f, clock, mode)	((void)((t)->fn = (f)))
#define INIT_WORK(w, f)				((void)((w)->fn = (f)))
#define alloc_workqueue(...)			((struct workqueue_struct *)&kernel_task)

/* ---- memory ---- */

void *explorer_alloc(size_t size);
void explorer_free(void *p);

#define kernel_alloc(size, flags)	((void)(flags), explorer_alloc(size))
#define free(p)				explorer_free(p)

#endif /* THREADS_H */
