// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X registers: Message Control, the table, the Pending Bit Array.
 *
 * Table and PBA are in the image, which user space can map.  An entry changes
 * under its vector's lock, Message Control under rq->lock.
 */
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "function.h"
#include "../mutate.h"

#define MSIX_CONTROL_RW		(PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE)

static u32 *mr_msix_entry_at(const struct mr_msix *x, u32 index)
{
	return x->image + x->image_table + index * PCI_MSIX_ENTRY_SIZE;
}

static u32 *mr_msix_entry(const struct mr_vector *v)
{
	return mr_msix_entry_at(&mr_function_of(mr_vector_cap(v))->msix, mr_vector_index(v));
}

/* ---- layout ---- */

static u32 mr_msix_table_size(u32 nr)
{
	return nr * PCI_MSIX_ENTRY_SIZE;
}

static u32 mr_msix_pba_size(u32 nr)
{
	return DIV_ROUND_UP(nr, 64) * 8;
}

static bool mr_msix_overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

static int mr_msix_check(const struct msi_route_create *c)
{
	u64 table_end = (u64)c->msix_table_offset + mr_msix_table_size(c->msix_vectors);
	u64 pba_end = (u64)c->msix_pba_offset + mr_msix_pba_size(c->msix_vectors);

	if (!c->msix_vectors) {
		if (c->msix_cap || c->msix_table_bir || c->msix_table_offset ||
		    c->msix_pba_bir || c->msix_pba_offset || c->msix_granted ||
		    c->grant_cap)
			return -EINVAL;
		return 0;
	}
	if (c->msix_vectors > MSI_ROUTE_MSIX_MAX_VECTORS ||
	    c->msix_granted > c->msix_vectors ||
	    c->msix_cap < PCI_STD_HEADER_SIZEOF || c->msix_cap & 3 ||
	    c->msix_cap + PCI_CAP_MSIX_SIZEOF > PCI_CFG_SPACE_SIZE ||
	    c->msix_table_bir >= PCI_STD_NUM_BARS ||
	    c->msix_pba_bir >= PCI_STD_NUM_BARS ||
	    (c->msix_table_offset | c->msix_pba_offset) & ~PCI_MSIX_TABLE_OFFSET ||
	    table_end > U32_MAX || pba_end > U32_MAX)
		return -EINVAL;
	if (c->msix_table_bir == c->msix_pba_bir &&
	    mr_msix_overlap(c->msix_table_offset, mr_msix_table_size(c->msix_vectors),
			    c->msix_pba_offset, mr_msix_pba_size(c->msix_vectors)))
		return -EINVAL;
	return 0;
}

/*
 * Offsets within a page are those of the BAR, so that the image can take the
 * BAR's place.  If table and PBA share a page of the BAR, they share one of the
 * image.  Otherwise the PBA follows the table.
 */
static void mr_msix_place(struct mr_msix *x, const struct msi_route_create *c)
{
	u32 table_page = c->msix_table_offset >> PAGE_SHIFT;
	u32 pba_page = c->msix_pba_offset >> PAGE_SHIFT;
	u32 table_last = (c->msix_table_offset + mr_msix_table_size(c->msix_vectors) - 1)
			 >> PAGE_SHIFT;
	u32 pba_last = (c->msix_pba_offset + mr_msix_pba_size(c->msix_vectors) - 1)
		       >> PAGE_SHIFT;
	u32 table_at = 0;
	u32 pba_at = table_last - table_page + 1;

	if (c->msix_table_bir == c->msix_pba_bir && !mr_mutant(MR_MUT_IMAGE_APART)) {
		if (pba_page == table_last) {
			pba_at = table_last - table_page;
		} else if (table_page == pba_last) {
			pba_at = 0;
			table_at = pba_last - pba_page;
		}
	}
	x->image_table = (table_at << PAGE_SHIFT) +
			 offset_in_page(c->msix_table_offset);
	x->image_pba = (pba_at << PAGE_SHIFT) +
		       offset_in_page(c->msix_pba_offset);
	x->image_size = max(table_at + table_last - table_page + 1,
			    pba_at + pba_last - pba_page + 1) << PAGE_SHIFT;
}

/* ---- Message Control ---- */

/* Under rq->lock. */
bool mr_msix_enabled(const struct mr_function *fn)
{
	return fn->msix.control & PCI_MSIX_FLAGS_ENABLE;
}

/* Under rq->lock.  Why may senders of this capability not send? */
static enum msi_route_reason mr_msix_blocked(const struct mr_cap *cap)
{
	const struct mr_function *fn = mr_function_of(cap);

	if (!mr_msix_enabled(fn))
		return MSI_ROUTE_REASON_DISABLED;
	if (fn->msix.control & PCI_MSIX_FLAGS_MASKALL)
		return MSI_ROUTE_REASON_FUNCTION_MASK;
	return mr_function_blocked(fn);
}

static u32 mr_msix_state(const struct mr_cap *cap)
{
	u16 control = mr_function_of(cap)->msix.control;

	return (control & PCI_MSIX_FLAGS_ENABLE ? MSI_ROUTE_STATE_ENABLED : 0) |
	       (control & PCI_MSIX_FLAGS_MASKALL ? MSI_ROUTE_STATE_FUNCTION_MASK : 0);
}

static void mr_msix_reset(struct mr_cap *cap)
{
	WRITE_ONCE(mr_function_of(cap)->msix.control, 0);
}

/* The bits of Message Control that the guest can change [12]. */
u16 mr_msix_writable_control(void)
{
	return MSIX_CONTROL_RW;
}

static u32 mr_msix_config_read(struct mr_cap *cap, u32 reg, u32 *owned)
{
	struct mr_function *fn = mr_function_of(cap);
	unsigned long flags;
	u16 control;

	*owned = ~0U;
	switch (reg) {
	case 0:
		*owned = 0xffff0000;
		/* Under the lock, so that the value is effective: mr_function_shut(). */
		raw_spin_lock_irqsave(&fn->rq.lock, flags);
		control = fn->msix.control;
		raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
		return (u32)(control | (cap->max - 1)) << 16;
	case PCI_MSIX_TABLE:
		return fn->msix.table_reg;
	default:
		return fn->msix.pba_reg;
	}
}

/* Only Message Control can be written [12] [13]. */
static void mr_msix_config_write(struct mr_cap *cap, const struct mr_config_access *a)
{
	struct mr_function *fn = mr_function_of(cap);
	u32 lanes = (a->lanes >> 16) & MSIX_CONTROL_RW;
	unsigned long flags;

	if (a->reg || !(a->lanes >> 16))
		return;
	raw_spin_lock_irqsave(&fn->rq.lock, flags);
	WRITE_ONCE(fn->msix.control, (fn->msix.control & ~lanes) |
				     ((a->value >> 16) & lanes));
	mr_function_shut(fn);
	raw_spin_unlock_irqrestore(&fn->rq.lock, flags);
	/* Only now: a write that masks must not send what was held. */
	mr_cap_close_holds(cap);
	mr_function_gate(fn);
	mr_change_control(cap);
}

/* ---- table and PBA ---- */

/**
 * mr_msix_space_size() - size of the table or of the PBA
 * @fn: the function
 * @space: MSI_ROUTE_TABLE or MSI_ROUTE_PBA
 *
 * Return: bytes; 0 without MSI-X.
 */
u32 mr_msix_space_size(const struct mr_function *fn, u32 space)
{
	u32 nr = mr_msix_cap(fn)->max;

	return space == MSI_ROUTE_TABLE ? mr_msix_table_size(nr) : mr_msix_pba_size(nr);
}

/* Only aligned dwords and aligned qwords are defined [15]. */
static bool mr_msix_defined_access(struct mr_function *fn,
				   const struct msi_route_access *a)
{
	if ((a->len == 4 || a->len == 8) && !(a->offset & (a->len - 1)))
		return true;
	atomic64_inc(&mr_msix_cap(fn)->count.bad_accesses);
	return false;
}

/**
 * mr_msix_read() - read table or PBA
 * @fn: the function
 * @a: the access, within table or PBA
 * @value: out
 *
 * Context: process, no lock held.
 */
void mr_msix_read(struct mr_function *fn, const struct msi_route_access *a,
		  u64 *value)
{
	const void *p = fn->msix.image + a->offset;

	p += a->space == MSI_ROUTE_PBA ? fn->msix.image_pba :
					 fn->msix.image_table;
	if (!mr_msix_defined_access(fn, a))
		*value = ~0ULL >> (64 - 8 * a->len);
	else if (a->len == 8)
		*value = READ_ONCE(*(const u64 *)p);
	else
		*value = READ_ONCE(*(const u32 *)p);
}

static bool mr_msix_message(struct mr_vector *v, struct mr_message *raw)
{
	const u32 *entry = mr_msix_entry(v);

	raw->address_lo = entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4];
	raw->address_hi = entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4];
	raw->data = entry[PCI_MSIX_ENTRY_DATA / 4];
	return entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] &
	       PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/*
 * A write of data or Vector Control completes a message, whatever the value [30].
 * A changed address makes it incomplete.
 */
static enum mr_hold mr_msix_hold(u32 first, u32 last, bool address_changes)
{
	if (last >= PCI_MSIX_ENTRY_DATA)
		return MR_HOLD_CLOSE;
	return address_changes ? MR_HOLD_OPEN : MR_HOLD_KEEP;
}

static void mr_msix_write_entry(struct mr_vector *v, u32 reg, u32 len, u64 value)
{
	u32 *p = mr_msix_entry(v) + reg / 4;
	struct mr_update u;
	u64 old;

	if (reg == PCI_MSIX_ENTRY_LOWER_ADDR)
		value &= ~3ULL;

	if (mr_mutant(MR_MUT_WRITE_TAKES))
		kzalloc(8, GFP_NOWAIT);
	if (reg < PCI_MSIX_ENTRY_DATA)
		mr_vm_note_writer(&mr_function_of(mr_vector_cap(v))->rq.vm, NULL);
	mr_update_begin(&u, v);
	old = len == 8 ? *(u64 *)p : *p;
	/* The vector was given back after the lookup. */
	if (u.s->absent)
		goto end;
	if (mr_mutant(MR_MUT_EQUAL_SKIPPED) && value == old)
		goto end;
	/* Even if the value is equal, or Vector Control comes with the data [30]. */
	if (reg < PCI_MSIX_ENTRY_VECTOR_CTRL)
		u.changes = MSI_ROUTE_CHANGE_MESSAGE;
	if (reg + len > PCI_MSIX_ENTRY_VECTOR_CTRL && !mr_mutant(MR_MUT_UNSTEERED))
		u.changes |= MSI_ROUTE_CHANGE_STEERING;
	/* One store, also for whoever reads the image [16]. */
	if (len == 8)
		WRITE_ONCE(*(u64 *)p, value);
	else
		WRITE_ONCE(*p, value);
	if (!mr_mutant(MR_MUT_CONTROL_ONLY) ||
	    reg + len > PCI_MSIX_ENTRY_VECTOR_CTRL)
		mr_hold_commit(&u, mr_msix_hold(reg, reg + len - 4,
						value != old));
end:
	mr_update_end(&u);
}

/**
 * mr_msix_write() - write table or PBA
 * @fn: the function
 * @a: the access, within table or PBA
 *
 * Context: process, no lock held.
 */
void mr_msix_write(struct mr_function *fn, const struct msi_route_access *a)
{
	struct mr_vector *v;
	u64 value = a->len == 8 ? a->value : (u32)a->value;

	if (!mr_msix_defined_access(fn, a) || a->space == MSI_ROUTE_PBA)
		return;
	rcu_read_lock();
	v = mr_vector_find(mr_msix_cap(fn), a->offset / PCI_MSIX_ENTRY_SIZE);
	if (v)
		mr_msix_write_entry(v, a->offset % PCI_MSIX_ENTRY_SIZE, a->len, value);
	rcu_read_unlock();
}

/* Two stores, as if a guest wrote two qwords. */
static void mr_msix_store_entry(struct mr_vector *v, const struct msi_route_entry *e)
{
	u32 *entry = mr_msix_entry(v);

	WRITE_ONCE(*(u64 *)entry,
		   (u64)e->address_hi << 32 | (e->address_lo & ~3U));
	WRITE_ONCE(*(u64 *)(entry + PCI_MSIX_ENTRY_DATA / 4),
		   (u64)e->control << 32 | e->data);
}

/* May mix old and new values while the entry is being written. */
static void mr_msix_load_entry(struct mr_cap *cap, u32 index, struct msi_route_entry *e)
{
	const u32 *entry = mr_msix_entry_at(&mr_function_of(cap)->msix, index);

	e->address_lo = READ_ONCE(entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4]);
	e->address_hi = READ_ONCE(entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4]);
	e->data = READ_ONCE(entry[PCI_MSIX_ENTRY_DATA / 4]);
	e->control = READ_ONCE(entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4]);
}

/**
 * mr_msix_set_entry() - write a whole entry in one update
 * @v: the vector
 * @e: the entry
 *
 * Context: process, interrupts on, no spinlock held.
 */
void mr_msix_set_entry(struct mr_vector *v, const struct msi_route_entry *e)
{
	struct mr_update u;

	mr_update_begin(&u, v);
	if (!u.s->absent) {
		u.changes = mr_change_written(v);
		mr_msix_store_entry(v, e);
		mr_hold_commit(&u, MR_HOLD_CLOSE);
	}
	mr_update_end(&u);
}

/* ---- the image ---- */

/**
 * mr_msix_mmap() - map table and PBA into user space
 * @fn: the function
 * @vma: where to; it may cover only a part of the image
 *
 * Read-only for ever: the image is the only copy of the registers.  When the function
 * goes, mapped pages stay as they are until they are unmapped.
 *
 * Context: process, mmap lock held.
 * Return: 0, or -ENODEV without MSI-X, -EPERM if @vma may be written or executed,
 * -ENXIO outside the image, -ENOMEM.
 */
int mr_msix_mmap(struct mr_function *fn, struct vm_area_struct *vma)
{
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long at;
	int ret;

	if (!mr_msix_cap(fn)->max)
		return -ENODEV;
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	if (vma->vm_pgoff >= fn->msix.image_size >> PAGE_SHIFT ||
	    size > fn->msix.image_size - (vma->vm_pgoff << PAGE_SHIFT))
		return -ENXIO;

	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP,
		     VM_MAYWRITE | VM_MAYEXEC);
	for (at = 0; at < size; at += PAGE_SIZE) {
		const void *page = fn->msix.image +
				   (vma->vm_pgoff << PAGE_SHIFT) + at;

		ret = vm_insert_page(vma, vma->vm_start + at,
				     vmalloc_to_page(page));
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- life ---- */

static const struct mr_cap_ops mr_msix_ops = {
	.message = mr_msix_message,
	.store = mr_msix_store_entry,
	.load = mr_msix_load_entry,
	.reset = mr_msix_reset,
	.blocked = mr_msix_blocked,
	.state = mr_msix_state,
	.config_read = mr_msix_config_read,
	.config_write = mr_msix_config_write,
};

/**
 * mr_msix_init() - make the MSI-X capability of a function
 * @fn: the function, its VM bound
 * @c: what the VMM asked for; the mmap fields are filled in
 *
 * Return: 0, also without MSI-X, or -EINVAL, -ENOMEM.
 */
int mr_msix_init(struct mr_function *fn, struct msi_route_create *c)
{
	struct mr_cap *cap = mr_msix_cap(fn);
	struct mr_msix *x = &fn->msix;
	u32 i;
	int ret;

	ret = mr_msix_check(c);
	if (ret || !c->msix_vectors)
		return ret;

	x->table_reg = c->msix_table_offset | c->msix_table_bir;
	x->pba_reg = c->msix_pba_offset | c->msix_pba_bir;
	mr_msix_place(x, c);
	/* The nearest to MR_GFP that vmalloc() supports. */
	x->image = __vmalloc(x->image_size, GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
					    __GFP_NOWARN | __GFP_ZERO);
	if (!x->image)
		return -ENOMEM;
	for (i = 0; i < c->msix_vectors; i++)
		mr_msix_entry_at(x, i)[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;

	fn->grant.offset = c->grant_cap;
	cap->config_at = c->msix_cap;
	cap->config_size = PCI_CAP_MSIX_SIZEOF;
	cap->changes = MR_CHANGES_ALL;
	ret = mr_cap_init(fn, MSI_ROUTE_MSIX, &mr_msix_ops,
			  c->msix_granted ?: c->msix_vectors, c->msix_vectors,
			  x->image + x->image_pba);
	if (ret) {
		vfree(x->image);
		return ret;
	}
	c->mmap_size = x->image_size;
	c->mmap_table = x->image_table;
	c->mmap_pba = x->image_pba;
	return 0;
}

/**
 * mr_msix_destroy() - free the MSI-X capability of a function
 * @fn: the function
 */
void mr_msix_destroy(struct mr_function *fn)
{
	if (!mr_msix_cap(fn)->max)
		return;
	mr_cap_destroy(mr_msix_cap(fn));
	if (!mr_mutant(MR_MUT_LOST_IMAGE))
		vfree(fn->msix.image);
}
