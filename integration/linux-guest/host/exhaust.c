// SPDX-License-Identifier: GPL-2.0
/*
 * Takes all the interrupt vectors that a host has left, but a few: by a device
 * with more entries in its MSI-X table than all processors have vectors.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>

static unsigned int left = 2;
module_param(left, uint, 0644);
MODULE_PARM_DESC(left, "vectors that the host keeps");

static int taken;

static irqreturn_t exhaust_handler(int irq, void *arg)
{
	return IRQ_NONE;
}

static void exhaust_free(struct pci_dev *pdev, int few)
{
	while (taken > few) {
		taken--;
		free_irq(pci_irq_vector(pdev, taken), pdev);
	}
}

static int exhaust_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int n, ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	n = pci_alloc_irq_vectors(pdev, 1, pci_msix_vec_count(pdev), PCI_IRQ_MSIX);
	if (n < 0) {
		pci_disable_device(pdev);
		return n;
	}
	/* A vector is a processor's from here on, not when it is allocated. */
	while (taken < n && !request_irq(pci_irq_vector(pdev, taken), exhaust_handler, 0,
					 KBUILD_MODNAME, pdev))
		taken++;
	pr_info("%d of %d vectors taken\n", taken, n);
	exhaust_free(pdev, max(taken - (int)left, 0));
	return 0;
}

static void exhaust_remove(struct pci_dev *pdev)
{
	exhaust_free(pdev, 0);
	pci_free_irq_vectors(pdev);
	pci_disable_device(pdev);
}

/* None by itself: by driver_override */
static struct pci_driver exhaust_driver = {
	.name = KBUILD_MODNAME,
	.probe = exhaust_probe,
	.remove = exhaust_remove,
};
module_pci_driver(exhaust_driver);

MODULE_DESCRIPTION("A host without interrupt vectors, for tests");
MODULE_LICENSE("GPL");
