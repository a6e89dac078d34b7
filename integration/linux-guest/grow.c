// SPDX-License-Identifier: GPL-2.0
/*
 * A test of MSI-X vectors on request, in a guest: takes one vector after the
 * other and gives them back, thousands of times, while others are in use without
 * pause.
 *
 * The device is QEMU's ivshmem-doorbell.  A write of its doorbell register with its
 * own number signals one of its own vectors.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitfield.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/wait.h>

/* Registers in BAR 0 */
#define IVSHMEM_POSITION	0x08
#define IVSHMEM_DOORBELL	0x0c

/* The capability by which vectors are requested: see msi_route.h */
#define GRANT_SIGNATURE		0x04
#define GRANT_SIGNATURE_MSIR	0x5249534d
#define GRANT_VECTORS		0x08
#define GRANT_VECTORS_GRANTED	GENMASK(31, 16)
#define GRANT_REQUEST		0x0c

#define GROW_MAX	64

static unsigned int base = 4;
module_param(base, uint, 0444);
MODULE_PARM_DESC(base, "vectors that are in use all the time");

static unsigned int top = 16;
module_param(top, uint, 0444);
MODULE_PARM_DESC(top, "vectors to grow to");

static unsigned int limit;
module_param(limit, uint, 0444);
MODULE_PARM_DESC(limit, "a vector that must be refused, if it is not 0");

static unsigned int grows = 10000;
module_param(grows, uint, 0444);
MODULE_PARM_DESC(grows, "how often to add a vector");

static unsigned int patience = 10;
module_param(patience, uint, 0444);
MODULE_PARM_DESC(patience, "seconds after which an interrupt is lost");

static unsigned int grown;
module_param(grown, uint, 0444);
MODULE_PARM_DESC(grown, "out: how often a vector was added");

struct grow;

struct grow_vector {
	struct grow *grow;
	unsigned int index;
	int irq;
	wait_queue_head_t wait;
	struct task_struct *task;
	unsigned long rung;	/* times that the doorbell was written */
	unsigned long seen;	/* what of it the handler knew of */
	unsigned long irqs;
	unsigned long lost;
};

struct grow {
	struct pci_dev *pdev;
	void __iomem *regs;
	u8 grant_cap;		/* 0: the device grants nothing */
	u32 position;
	unsigned long refused;	/* times that the limit was reached */
	unsigned long wrong;	/* times that another number was granted */
	unsigned int cases;
	unsigned int failed;	/* of them */
	struct grow_vector vectors[GROW_MAX];
};

static irqreturn_t grow_handler(int irq, void *arg)
{
	struct grow_vector *v = arg;

	v->irqs++;
	/* writel() in grow_ring() comes after its store, the interrupt after that. */
	WRITE_ONCE(v->seen, READ_ONCE(v->rung));
	wake_up(&v->wait);
	return IRQ_HANDLED;
}

/* Raises the vector once, and waits until it arrives. */
static void grow_ring(struct grow_vector *v)
{
	unsigned long rung = v->rung + 1;

	WRITE_ONCE(v->rung, rung);
	writel(v->grow->position << 16 | v->index,
	       v->grow->regs + IVSHMEM_DOORBELL);
	if (!wait_event_timeout(v->wait, READ_ONCE(v->seen) == rung,
				patience * HZ)) {
		v->lost++;
		pr_warn("an interrupt of vector %u is lost\n", v->index);
	}
}

static int grow_steadily(void *arg)
{
	struct grow_vector *v = arg;

	while (!kthread_should_stop())
		grow_ring(v);
	return 0;
}

static int grow_request_irq(struct grow *g, unsigned int index, int irq)
{
	struct grow_vector *v = &g->vectors[index];
	int ret;

	ret = request_irq(irq, grow_handler, 0, "grow", v);
	v->irq = ret ? 0 : irq;
	return ret;
}

static void grow_free_irq(struct grow_vector *v)
{
	if (v->irq)
		free_irq(v->irq, v);
	v->irq = 0;
}

static int grow_granted(struct grow *g)
{
	u32 vectors;

	pci_read_config_dword(g->pdev, g->grant_cap + GRANT_VECTORS, &vectors);
	return FIELD_GET(GRANT_VECTORS_GRANTED, vectors);
}

static void grow_check_granted(struct grow *g, int expected)
{
	int granted;

	if (!g->grant_cap)
		return;
	granted = grow_granted(g);
	if (granted == expected)
		return;
	g->wrong++;
	pr_warn_ratelimited("%d vectors granted instead of %d\n", granted,
			    expected);
}

/* Either the first free vector or that one, which are the same. */
static int grow_add(struct grow *g, unsigned int index)
{
	struct msi_map map;
	int ret;

	map = pci_msix_alloc_irq_at(g->pdev, grown & 1 ? index : MSI_ANY_INDEX, NULL);
	if (map.index < 0)
		return map.index;
	if (map.index != index)
		return -EBADSLT;
	grow_check_granted(g, index + 1);
	ret = grow_request_irq(g, index, map.virq);
	if (ret) {
		pci_msix_free_irq(g->pdev, map);
		return ret;
	}
	grow_ring(&g->vectors[index]);
	grown++;
	return 0;
}

static void grow_remove(struct grow *g, unsigned int index)
{
	struct msi_map map = { .index = index, .virq = g->vectors[index].irq };

	if (!map.virq)
		return;
	grow_free_irq(&g->vectors[index]);
	pci_msix_free_irq(g->pdev, map);
	grow_check_granted(g, index);
}

static void grow_check_limit(struct grow *g)
{
	struct msi_map map;

	if (!limit)
		return;
	map = pci_msix_alloc_irq_at(g->pdev, limit, NULL);
	if (map.index == -ENOSPC) {
		g->refused++;
		return;
	}
	g->wrong++;
	pr_warn_ratelimited("%d for vector %u, which is beyond the limit\n",
			    map.index, limit);
	if (map.index >= 0)
		pci_msix_free_irq(g->pdev, map);
}

static int grow_and_shrink(struct grow *g)
{
	unsigned int i;
	int ret = 0;

	while (!ret && grown < grows) {
		for (i = base; !ret && i < top; i++)
			ret = grow_add(g, i);
		if (!ret)
			grow_check_limit(g);
		while (i-- > base)
			grow_remove(g, i);
	}
	return ret;
}

static int grow_start(struct grow *g)
{
	struct grow_vector *v;
	unsigned int i;
	int ret;

	for (i = 0; i < base; i++) {
		v = &g->vectors[i];
		ret = grow_request_irq(g, i, pci_irq_vector(g->pdev, i));
		if (ret)
			return ret;
		v->task = kthread_run(grow_steadily, v, "grow/%u", i);
		if (IS_ERR(v->task)) {
			ret = PTR_ERR(v->task);
			v->task = NULL;
			return ret;
		}
	}
	return 0;
}

static void grow_stop(struct grow *g)
{
	unsigned int i;

	for (i = 0; i < base; i++) {
		if (g->vectors[i].task)
			kthread_stop(g->vectors[i].task);
		grow_free_irq(&g->vectors[i]);
	}
}

static void grow_case(struct grow *g, const char *what, int is, int expected)
{
	g->cases++;
	if (is == expected)
		return;
	g->failed++;
	pr_warn("%s: %d instead of %d\n", what, is, expected);
}

/* Return: interrupts of that vector after it was raised once. */
static int grow_count(struct grow *g, unsigned int index, int irq)
{
	struct grow_vector *v = &g->vectors[index];
	unsigned long before = v->irqs;

	if (grow_request_irq(g, index, irq))
		return -1;
	grow_ring(v);
	grow_free_irq(v);
	return v->irqs - before;
}

/* The driver picks entries, of which the last is beyond the limit. */
static void grow_case_entries(struct grow *g, int initial)
{
	struct msix_entry entries[] = { { .entry = 0 }, { .entry = 5 }, { .entry = limit } };

	grow_case(g, "picked entries",
		  pci_enable_msix_range(g->pdev, entries, 2, 3), 2);
	if (!g->pdev->msix_enabled)
		return;
	grow_case(g, "granted for picked entries", grow_granted(g), 6);
	grow_case(g, "interrupts of a picked entry",
		  grow_count(g, 5, entries[1].vector), 1);
	pci_disable_msix(g->pdev);
	grow_case(g, "left granted by picked entries", grow_granted(g), initial);
}

static void grow_case_limit(struct grow *g, int initial)
{
	struct pci_dev *pdev = g->pdev;

	grow_case(g, "a minimum beyond the limit",
		  pci_alloc_irq_vectors(pdev, limit + 1, limit + 1, PCI_IRQ_MSIX),
		  -ENOSPC);
	grow_case(g, "granted after a refusal", grow_granted(g), initial);
	grow_case(g, "more than the limit",
		  pci_alloc_irq_vectors(pdev, 1, limit + 2, PCI_IRQ_MSIX), limit);
	grow_case(g, "granted at the limit", grow_granted(g), limit);
	pci_free_irq_vectors(pdev);
}

/* The device loses its vectors, as if it were another one. */
static void grow_case_restore(struct grow *g, int initial)
{
	struct pci_dev *pdev = g->pdev;

	grow_case(g, "vectors to be restored",
		  pci_alloc_irq_vectors(pdev, base, base, PCI_IRQ_MSIX), base);
	pci_write_config_dword(pdev, g->grant_cap + GRANT_REQUEST, 1);
	grow_case(g, "granted to another device", grow_granted(g), 1);
	pci_restore_msi_state(pdev);
	grow_case(g, "granted again", grow_granted(g), base);
	grow_case(g, "interrupts of a restored vector",
		  grow_count(g, base - 1, pci_irq_vector(pdev, base - 1)), 1);
	pci_free_irq_vectors(pdev);
	grow_case(g, "left granted after all", grow_granted(g), initial);
}

static void grow_cases(struct grow *g)
{
	int initial;

	if (!g->grant_cap || limit < 6)
		return;
	initial = grow_granted(g);
	grow_case_entries(g, initial);
	grow_case_limit(g, initial);
	grow_case_restore(g, initial);
}

static void grow_report(struct grow *g, int ret)
{
	unsigned long rung = 0, irqs = 0, lost = 0, more = 0, more_lost = 0;
	unsigned int i;

	for (i = 0; i < top; i++) {
		struct grow_vector *v = &g->vectors[i];

		if (i < base) {
			rung += v->rung;
			irqs += v->irqs;
			lost += v->lost;
		} else {
			more += v->rung;
			more_lost += v->lost;
		}
	}
	pr_info("status=%d grown=%u rung=%lu interrupts=%lu lost=%lu grown_rung=%lu grown_lost=%lu refused=%lu wrong=%lu cases=%u failed=%u\n",
		ret, grown, rung, irqs, lost, more, more_lost, g->refused,
		g->wrong, g->cases, g->failed);
}

static void grow_find_capability(struct grow *g)
{
	u32 signature = 0;
	u8 pos;

	pos = pci_find_capability(g->pdev, PCI_CAP_ID_VNDR);
	while (pos) {
		pci_read_config_dword(g->pdev, pos + GRANT_SIGNATURE, &signature);
		if (signature == GRANT_SIGNATURE_MSIR)
			break;
		pos = pci_find_next_capability(g->pdev, pos, PCI_CAP_ID_VNDR);
	}
	g->grant_cap = pos;
}

static int grow_test(struct grow *g)
{
	int ret;

	grow_cases(g);
	ret = pci_alloc_irq_vectors(g->pdev, base, base, PCI_IRQ_MSIX);
	if (ret < 0)
		return ret;
	grow_check_granted(g, base);
	if (pci_msix_can_alloc_dyn(g->pdev)) {
		ret = grow_start(g);
		if (!ret)
			ret = grow_and_shrink(g);
		grow_stop(g);
	} else {
		ret = -EOPNOTSUPP;
	}
	pci_free_irq_vectors(g->pdev);
	return ret;
}

static int grow_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct grow *g;
	unsigned int i;
	int ret;

	if (!base || base > top || top > GROW_MAX)
		return -EINVAL;
	g = devm_kzalloc(&pdev->dev, sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->pdev = pdev;
	for (i = 0; i < GROW_MAX; i++) {
		g->vectors[i].grow = g;
		g->vectors[i].index = i;
		init_waitqueue_head(&g->vectors[i].wait);
	}
	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	g->regs = pci_iomap(pdev, 0, 0);
	if (g->regs) {
		g->position = readl(g->regs + IVSHMEM_POSITION);
		grow_find_capability(g);
		pci_set_master(pdev);
		ret = grow_test(g);
		grow_report(g, ret);
		pci_iounmap(pdev, g->regs);
	} else {
		ret = -ENOMEM;
	}
	pci_disable_device(pdev);
	return ret;
}

static const struct pci_device_id grow_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, 0x1110) },
	{ }
};
MODULE_DEVICE_TABLE(pci, grow_ids);

static struct pci_driver grow_driver = {
	.name = "grow",
	.id_table = grow_ids,
	.probe = grow_probe,
};
module_pci_driver(grow_driver);

MODULE_DESCRIPTION("Test of MSI-X vectors on request");
MODULE_LICENSE("GPL");
