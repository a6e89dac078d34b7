/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the proofs assume of the kernel, all in this file and in alone.h.  Each <linux/...>
 * header that the module includes is a file that includes this one; see run.
 * selftests/interleavings takes this one, too, with its own file instead of alone.h.
 *
 * - One call runs at a time: barriers, atomics and RCU are plain accesses.  selftests/litmus
 *   proves what this leaves out.
 * - A lock is free when it is taken, and held when it is released.  Both are claims that are
 *   proved, not assumptions.  The same holds for lockdep_assert_held().
 * - An allocation, a copy from or to user space, and the wait for a lock in a killable way
 *   may each fail.  What is copied from user space may be anything.
 * - A work item and a timer do not run meanwhile.
 * - Time does not go back, and does not reach 2^62 ns.
 * - KVM: any format of IDs, any map, up to PROOF_VCPUS vCPUs.  What is delivered goes to
 *   the harness.
 */
#ifndef PROOF_KERNEL_H
#define PROOF_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

/* ---- CBMC ---- */

#ifndef __CPROVER__
/* So that a compiler can check the syntax. */
void __CPROVER_assert(bool claim, const char *text);
void __CPROVER_assume(bool assumption);
void *__CPROVER_allocate(size_t size, bool zero);
void __CPROVER_havoc_slice(void *p, size_t size);
bool __CPROVER_r_ok(const void *p, size_t size);
bool __CPROVER_w_ok(const void *p, size_t size);
#endif

bool nondet_bool(void);
unsigned char nondet_u8(void);
unsigned short nondet_u16(void);
unsigned int nondet_u32(void);
unsigned long long nondet_u64(void);
int nondet_int(void);

void free(void *p);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);
size_t strnlen(const char *s, size_t n);

/* ---- types ---- */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed int s32;
typedef signed long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef int pid_t;
typedef s64 ktime_t;
typedef unsigned int gfp_t;
typedef long ssize_t;
typedef struct { int value; } atomic_t;
typedef struct { s64 value; } atomic64_t;
typedef struct { int value; } refcount_t;

#define U16_MAX			0xffff
#define U32_MAX			0xffffffffU
#define BITS_PER_LONG		64
#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L
#define SZ_32K			0x8000

#define EPERM			1
#define EINTR			4
#define ENXIO			6
#define EBADF			9
#define EAGAIN			11
#define EWOULDBLOCK		EAGAIN
#define ENOMEM			12
#define EFAULT			14
#define EBUSY			16
#define ENODEV			19
#define EINVAL			22
#define ENOSPC			28
#define ERANGE			34
#define ECHRNG			44
#define EBADFD			77
#define EMSGSIZE		90
#define EOPNOTSUPP		95
#define EADDRNOTAVAIL		99
#define ESTALE			116

/* ---- names ---- */

#define scnprintf(buffer, size, ...)	((void)((buffer)[0] = 0))
#define isascii(c)			((unsigned char)(c) < 0x80)
#define isgraph(c)			((c) > ' ' && (c) < 0x7f)
void *memchr_inv(const void *p, int c, size_t n);

/* ---- the compiler ---- */

#undef __always_inline
#define __always_inline		inline
#define noinline
#define __rcu
#define __force
#define __user
#define __acquires(x)
#define __releases(x)
#define likely(x)		(x)
#define unlikely(x)		(x)
#define BUILD_BUG_ON(x)		_Static_assert(!(x), "BUILD_BUG_ON")
#define module_param(...)	extern int kernel_nothing
#define MODULE_PARM_DESC(...)	extern int kernel_nothing
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define ERR_PTR(e)		((void *)(long)(e))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-4095)

/* ---- numbers ---- */

#define min(a, b) \
	({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b) \
	({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#define min3(a, b, c)		min(min(a, b), c)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))
#define clamp_t(type, v, low, high) min_t(type, max_t(type, v, low), high)
#define round_down(x, y)	((x) & ~((typeof(x))(y) - 1))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define BITS_TO_LONGS(n)	DIV_ROUND_UP(n, BITS_PER_LONG)
#define BIT(n)			(1UL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))
#define ilog2(n)		(63 - __builtin_clzll(n))
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define offset_in_page(x)	((x) & (PAGE_SIZE - 1))
#define __ffs(word)		((unsigned long)__builtin_ctzl(word))
#define array_size(n, size)	((size_t)(n) * (size))

/* The processor's guess is not a part of what is proved. */
static inline unsigned long array_index_nospec(unsigned long index, unsigned long size)
{
	return index < size ? index : 0;
}

/* ---- bitmaps ---- */

static inline unsigned long find_next_bit(const unsigned long *bits, unsigned long size,
					  unsigned long from)
{
	unsigned long word, at = from;

	while (at < size) {
		word = bits[at / BITS_PER_LONG] >> at % BITS_PER_LONG;
		if (word)
			return min(at + __ffs(word), size);
		at = round_down(at, BITS_PER_LONG) + BITS_PER_LONG;
	}
	return size;
}

/* ---- time, work ---- */

enum hrtimer_restart { HRTIMER_NORESTART };
enum hrtimer_mode { HRTIMER_MODE_ABS_HARD };
#define CLOCK_MONOTONIC		1
#define ktime_get_ns()		((u64)ktime_get())
#define ktime_to_ns(t)		(t)
#define ns_to_ktime(ns)		((ktime_t)(ns))
#define ktime_add_ns(t, ns)	((ktime_t)((t) + (ktime_t)(ns)))
#define ktime_before(a, b)	((a) < (b))

struct workqueue_struct;

#define destroy_workqueue(wq)	((void)(wq))
#define WQ_UNBOUND		0

/* ---- one call at a time, or several ---- */

#define GFP_KERNEL		0x01U
#define GFP_KERNEL_ACCOUNT	0x03U
#define GFP_NOWAIT		0x04U
#define __GFP_RETRY_MAYFAIL	0x08U
#define __GFP_NOWARN		0x10U
#define __GFP_NORETRY		0x20U
#define __GFP_ZERO		0x40U

/* Each of the two headers has kernel_lock(), kernel_unlock() and kernel_trylock(). */
typedef struct { int held; } raw_spinlock_t;
struct mutex { int held; };

#ifdef KERNEL_THREADS
#include "../interleavings/threads.h"
#else
#include "alone.h"
#endif

#define raw_spin_lock_init(l)		((void)((l)->held = 0))
#define raw_spin_lock(l)		kernel_lock(&(l)->held)
#define raw_spin_unlock(l)		kernel_unlock(&(l)->held)
#define raw_spin_lock_irqsave(l, flags) \
	do { (flags) = 0; kernel_lock(&(l)->held); } while (0)
#define raw_spin_unlock_irqrestore(l, flags) \
	do { (void)(flags); kernel_unlock(&(l)->held); } while (0)
#define mutex_init(l)			((void)((l)->held = 0))
#define mutex_lock(l)			kernel_lock(&(l)->held)
#define mutex_unlock(l)			kernel_unlock(&(l)->held)
#define mutex_trylock(l)		kernel_trylock(&(l)->held)

/* ---- lists ---- */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	WRITE_ONCE(l->next, l);
	l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return READ_ONCE(l->next) == l;
}

static inline void list_add(struct list_head *new, struct list_head *after)
{
	new->next = after->next;
	new->prev = after;
	after->next->prev = new;
	after->next = new;
}

static inline void list_add_tail(struct list_head *new, struct list_head *head)
{
	list_add(new, head->prev);
}

static inline void list_del_init(struct list_head *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	INIT_LIST_HEAD(l);
}

#define list_entry(p, type, member)	container_of(p, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_entry((head)->next, type, member))
#define list_for_each_entry(p, head, member) \
	for (p = list_entry((head)->next, typeof(*p), member); &p->member != (head); \
	     p = list_entry(p->member.next, typeof(*p), member))

/* ---- memory ---- */

#define kmalloc(size, flags)		kernel_alloc(size, flags)
#define kvmalloc(size, flags)		kernel_alloc(size, flags)
#define kzalloc(size, flags)		kernel_alloc(size, (flags) | __GFP_ZERO)
#define kcalloc(n, size, flags)		kernel_alloc(array_size(n, size), (flags) | __GFP_ZERO)
#define kvcalloc(n, size, flags)	kcalloc(n, size, flags)
#define kvmalloc_array(n, size, flags)	kernel_alloc(array_size(n, size), flags)
#define kfree(p)			free((void *)(p))
#define kvfree(p)			free((void *)(p))

/* The image of a table is the harness's. */
void *proof_image(size_t size);
#define __vmalloc(size, flags)		proof_image(size)
#define vfree(p)			((void)(p))

struct kmem_cache {
	size_t size;
};

static inline struct kmem_cache *kernel_cache(size_t size)
{
	static struct kmem_cache cache;

	cache.size = size;
	return &cache;
}

#define SLAB_ACCOUNT					0
#define kmem_cache_create(name, size, align, flags, ctor) kernel_cache(size)
#define kmem_cache_destroy(cache)			((void)(cache))
#define kmem_cache_zalloc(cache, flags)			kzalloc((cache)->size, flags)
#define kmem_cache_free(cache, p)			kfree(p)

#define u64_to_user_ptr(address)	((void *)(unsigned long)(address))

static inline unsigned long copy_from_user(void *to, const void *from, size_t n)
{
	__CPROVER_assert(__CPROVER_w_ok(to, n), "the copy from user space has room");
	if (nondet_bool())
		return n;
	__CPROVER_havoc_slice(to, n);
	return 0;
}

static inline unsigned long copy_to_user(void *to, const void *from, size_t n)
{
	__CPROVER_assert(__CPROVER_r_ok(from, n), "what is copied to user space exists");
	return nondet_bool() ? n : 0;
}

#define VM_WRITE		0x02UL
#define VM_EXEC			0x04UL
#define VM_MAYWRITE		0x20UL
#define VM_MAYEXEC		0x40UL
#define VM_DONTEXPAND		0x40000UL
#define VM_DONTDUMP		0x4000000UL

struct page;

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_pgoff, vm_flags;
};

struct page *vmalloc_to_page(const void *p);
int vm_insert_page(struct vm_area_struct *vma, unsigned long at, struct page *page);
#define vm_flags_mod(vma, set, clear) \
	((void)((vma)->vm_flags = ((vma)->vm_flags | (set)) & ~(clear)))

/* ---- tasks, files ---- */

struct mm_struct;
struct module;
struct pid;
struct dentry;
struct eventfd_ctx;

struct task_struct {
	const struct mm_struct *mm;
	struct pid *pid;
};

extern struct task_struct kernel_task;
#define current			(&kernel_task)
#define task_pid(task)		((task)->pid)
#define hash_ptr(p, bits)	((void)(p), 0)
#define fatal_signal_pending(task)	((void)(task), kernel_kill())

struct file_operations {
	struct module *owner;
};

struct file {
	void *private_data;
	const struct file_operations *f_op;
};

struct file *fget(int fd);
void fput(struct file *file);
bool try_module_get(struct module *module);
void module_put(struct module *module);

struct rb_node {
	struct rb_node *left;
};

struct completion {
	int done;
};

struct xarray {
	int nothing;
};

#define XA_FLAGS_ACCOUNT		0
#define xa_init_flags(xa, flags)	((void)((xa)->nothing = 0))

/* ---- KVM ---- */

#ifndef PROOF_VCPUS
#define PROOF_VCPUS			1
#endif
#define IN_GUEST_MODE			1
#define KVM_IRQCHIP_NONE		0
#define KVM_IRQ_ROUTING_MSI		2
#define KVM_USERSPACE_IRQ_SOURCE_ID	0

struct kvm_vcpu {
	struct pid *pid;
	u32 vcpu_idx;
	int mode;
	struct { struct { u64 blocking; } generic; } stat;
	struct { u8 handling_intr_from_guest; } arch;
};

struct kvm {
	const struct mm_struct *mm;
	pid_t userspace_pid;
	atomic_t online_vcpus;
	struct {
		bool x2apic_format;
		bool x2apic_broadcast_quirk_disabled;
		int irqchip_mode;
		void *apic_map;
	} arch;
	struct kvm_vcpu vcpu[PROOF_VCPUS];
};

struct kvm_kernel_irq_routing_entry {
	u32 type;
	struct { u32 address_lo, address_hi, data, flags, devid; } msi;
};

#define kvm_get_vcpu(kvm, i)		(&(kvm)->vcpu[i])
#define kvm_for_each_vcpu(i, v, kvm) \
	for ((i) = 0; (i) < (unsigned long)(kvm)->online_vcpus.value && \
		      ((v) = &(kvm)->vcpu[i], true); (i)++)
#define kvm_apic_map_has_logical(kvm)	nondet_bool()
#define kvm_apic_map_is_x2apic(kvm)	nondet_bool()
bool file_is_kvm(struct file *file);
void kvm_get_kvm(struct kvm *kvm);
void kvm_put_kvm(struct kvm *kvm);
#define DEFINE_STATIC_CALL_NULL(name, f)	static __typeof__(f) *(name)
#define static_call(name)		(*(name))
#define static_call_query(name)		(name)
#define static_call_update(name, f)	((name) = (f))
/* The harness's. */
int kvm_set_msi(struct kvm_kernel_irq_routing_entry *e, struct kvm *kvm, int irq_source_id,
		int level, bool line_status);

/* ---- tracepoints: nothing listens ---- */

#define TP_PROTO(...)		__VA_ARGS__
#define TP_ARGS(...)
#define TP_CONDITION(...)
#define TP_STRUCT__entry(...)
#define TP_fast_assign(...)
#define TP_printk(...)
#define TRACE_DEFINE_ENUM(x)	extern int kernel_nothing
#define KERNEL_TRACE(name, ...) \
	static inline void trace_##name(__VA_ARGS__) \
	{ \
	} \
	static inline bool trace_##name##_enabled(void) \
	{ \
		return false; \
	}
#define TRACE_EVENT(name, proto, ...)				KERNEL_TRACE(name, proto)
#define TRACE_EVENT_CONDITION(name, proto, ...)			KERNEL_TRACE(name, proto)
#define DEFINE_EVENT(class, name, proto, ...)			KERNEL_TRACE(name, proto)
#define DEFINE_EVENT_CONDITION(class, name, proto, ...)		KERNEL_TRACE(name, proto)
#define DECLARE_EVENT_CLASS(...)

#endif /* PROOF_KERNEL_H */
