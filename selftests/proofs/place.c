// SPDX-License-Identifier: GPL-2.0
/*
 * Which capabilities a function can be created with, and where its table and PBA are in the
 * image, for each size and each place of them.
 */
#include <linux/pci_regs.h>

#include "harness.h"

//@ harness msix_placed
//@ sources function/msix.c
//@ mutants MR_MUT_IMAGE_APART

//@ harness msi_made
//@ sources function/msi.c
//@ options --unwind 8
//@ mutants MR_MUT_DROPS_MASKED

static size_t place_size;

/* The image is not made: what follows is not looked at here. */
void *proof_image(size_t size)
{
	place_size = size;
	return NULL;
}

int mr_cap_init(struct mr_function *fn, u32 kind, const struct mr_cap_ops *ops, u32 nr, u32 max,
		unsigned long *pending)
{
	CLAIM(nr == max && pending == &fn->msi.pending, "MSI has all its vectors");
	return 0;
}

static bool place_apart(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a + a_size <= b || b + b_size <= a;
}

/* Do the two have a page of the BAR in common? */
static bool place_shares(const struct msi_route_create *c, u64 table_size, u64 pba_size)
{
	u64 table = c->msix_table_offset, pba = c->msix_pba_offset;

	return c->msix_table_bir == c->msix_pba_bir &&
	       table / PAGE_SIZE <= (pba + pba_size - 1) / PAGE_SIZE &&
	       pba / PAGE_SIZE <= (table + table_size - 1) / PAGE_SIZE;
}

void msix_placed(void)
{
	const struct mr_msix *x = &proof_fn.msix;
	struct msi_route_create c;
	u64 table_size, pba_size;
	int ret;

	__CPROVER_havoc_slice(&c, sizeof(c));
	ret = mr_msix_init(&proof_fn, &c);
	if (!c.msix_vectors) {
		CLAIM(ret == 0 || ret == -EINVAL, "without vectors there is no image");
		return;
	}
	CLAIM(ret == (spec_msix_valid(&c) ? -ENOMEM : -EINVAL),
	      "what the rules allow can be created, and nothing else [13]");
	if (ret == -EINVAL)
		return;
	table_size = spec_table_size(c.msix_vectors);
	pba_size = spec_pba_size(c.msix_vectors);
	CLAIM(x->image_size == place_size && place_size && !(place_size % PAGE_SIZE),
	      "the image is made of whole pages");
	CLAIM((u64)x->image_table + table_size <= place_size &&
	      (u64)x->image_pba + pba_size <= place_size,
	      "table and PBA are in the image");
	CLAIM(place_apart(x->image_table, table_size, x->image_pba, pba_size),
	      "table and PBA do not overlap in the image");
	CLAIM(x->image_table % PAGE_SIZE == c.msix_table_offset % PAGE_SIZE &&
	      x->image_pba % PAGE_SIZE == c.msix_pba_offset % PAGE_SIZE,
	      "offsets within a page are those of the BAR");
	CLAIM(!place_shares(&c, table_size, pba_size) ||
	      x->image_pba - x->image_table == c.msix_pba_offset - c.msix_table_offset,
	      "what shares a page of the BAR lies alike in the image");
	CLAIM(x->table_reg == (c.msix_table_offset | c.msix_table_bir) &&
	      x->pba_reg == (c.msix_pba_offset | c.msix_pba_bir),
	      "the registers say where the two are");
	REACHED();
}

void msi_made(void)
{
	const struct mr_cap *cap = mr_msi_cap(&proof_fn);
	struct msi_route_create c;
	int ret;

	__CPROVER_havoc_slice(&c, sizeof(c));
	ret = mr_msi_init(&proof_fn, &c);
	CLAIM(ret == spec_msi_error(&c),
	      "what the rules allow can be created, and nothing else [3]");
	CLAIM(ret || !c.msi_vectors ||
	      (proof_fn.msi.layout == c.msi_flags && cap->config_at == c.msi_cap &&
	       cap->config_size == mr_msi_size(c.msi_flags)),
	      "the capability is where the VMM wants it");
	REACHED();
}
