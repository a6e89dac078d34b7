// SPDX-License-Identifier: GPL-2.0
/*
 * The series' grant.c by itself, in user space: a device that grants vectors as
 * msi_route.h says, and the few things of the kernel that grant.c calls. What a
 * guest does with it is tested by grow.c, and this by the script "logic".
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

#define BIT_OF(mask)		((mask) & -(mask))
#define FIELD_GET(mask, reg)	(((u32)(reg) & (mask)) / BIT_OF(mask))
#define FIELD_PREP(mask, val)	(((u32)(val) * BIT_OF(mask)) & (mask))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))

#define PCI_CAP_ID_VNDR		0x09
#define PCI_POSSIBLE_ERROR(val)	((val) == ~0U)
#define MSI_ANY_INDEX		~0U
#define X86_FEATURE_HYPERVISOR	hypervisor
#define cpu_feature_enabled(x)	(x)

static bool hypervisor = true;
static unsigned int complaints;
#define pci_dbg(dev, ...)	((void)(dev), (void)snprintf(NULL, 0, __VA_ARGS__))
#define pci_err(dev, ...)	(complaints++, pci_dbg(dev, __VA_ARGS__))

struct mutex {
	bool held;
};

static unsigned int wrong;

static void mutex_init(struct mutex *m)
{
	m->held = false;
}

static struct mutex *mutex_lock(struct mutex *m)
{
	wrong += m->held;
	m->held = true;
	return m;
}

static void mutex_unlock(struct mutex *m)
{
	wrong += !m->held;
	m->held = false;
}

static void guard_end(struct mutex **m)
{
	mutex_unlock(*m);
}

#define guard(type) struct type *guarded __attribute__((cleanup(guard_end), unused)) = mutex_lock

#define TABLE	64	/* entries */
#define OTHER	0x50	/* a capability of the vendor's own */
#define GRANT	0x70

struct device {
	bool irq[TABLE];
};

struct pci_dev {
	struct device dev;
	u8 msix_cap;
	u8 msix_grant_cap;
	u16 msix_grant_initial;
	struct mutex msix_grant_lock;
	bool gone;
	/* The device, and what its hypervisor has */
	unsigned int granted, limit, memory, status, requests;
	u32 request, signature, revision;
};

struct msix_entry {
	u32 vector;
	u16 entry;
};

static bool pci_dev_is_disconnected(struct pci_dev *dev)
{
	return dev->gone;
}

static int pci_msix_vec_count(struct pci_dev *dev)
{
	(void)dev;
	return TABLE;
}

static unsigned int msi_get_virq(struct device *dev, unsigned int index)
{
	return index < TABLE && dev->irq[index];
}

static u8 pci_find_capability(struct pci_dev *dev, int id)
{
	return dev->signature && id == PCI_CAP_ID_VNDR ? OTHER : 0;
}

static u8 pci_find_next_capability(struct pci_dev *dev, u8 pos, int id)
{
	(void)dev;
	return pos == OTHER && id == PCI_CAP_ID_VNDR ? GRANT : 0;
}

static void pci_read_config_dword(struct pci_dev *dev, int at, u32 *val)
{
	if (dev->gone) {
		*val = ~0U;
		return;
	}
	switch (at) {
	case GRANT:		*val = dev->revision << 24 | 0x14 << 16; break;
	case GRANT + 0x04:	*val = dev->signature; break;
	case GRANT + 0x08:	*val = dev->granted << 16 | TABLE; break;
	case GRANT + 0x0c:	*val = dev->request; break;
	case GRANT + 0x10:	*val = dev->status; break;
	default:		*val = 0x00ff0009; break;
	}
}

/* Statuses: 1 all, 2 fewer, 3 range, 4 limit, 5 memory */
static unsigned int grant_request(struct pci_dev *dev, unsigned int fewest, unsigned int nr)
{
	unsigned int most = max(min(min(nr, dev->limit), TABLE), dev->granted);
	unsigned int got = max(min(most, dev->memory), dev->granted);

	if (!nr || fewest > nr || fewest > TABLE)
		return 3;
	if (nr > dev->granted) {
		if (most < fewest)
			return 4;
		if (got < fewest)
			return 5;
		dev->granted = got;
		return got == nr ? 1 : 2;
	}
	dev->granted = nr;
	return 1;
}

static void pci_write_config_dword(struct pci_dev *dev, int at, u32 val)
{
	if (dev->gone || at != GRANT + 0x0c)
		return;
	dev->request = val;
	dev->requests++;
	dev->status = grant_request(dev, val >> 16, val & 0xffff);
}

#include "grant.c"

/* ---- tests ---- */

#define FIRST	16

static unsigned int tests;

static void is(const char *what, int value, int expected)
{
	bool ok = value == expected && !wrong;

	printf("%sok %u - %s%s\n", ok ? "" : "not ", ++tests, what, wrong ? " (lock)" : "");
	if (value != expected)
		printf("# %d instead of %d\n", value, expected);
	wrong = 0;
}

static struct pci_dev device(unsigned int limit)
{
	struct pci_dev dev = {
		.msix_cap = 0x40, .granted = FIRST, .limit = limit, .memory = TABLE,
		.signature = 0x5249534d, .revision = 1,
	};

	pci_msix_grant_init(&dev);
	return dev;
}

static void use(struct pci_dev *dev, unsigned int from, unsigned int to, bool irq)
{
	for (; from < to; from++)
		dev->dev.irq[from] = irq;
}

/* As pci_msix_alloc_irq_at() and pci_msix_free_irq() do. Returns the index, or errno. */
static int add(struct pci_dev *dev, unsigned int index, bool works)
{
	int ret;

	pci_msix_grant_lock(dev);
	ret = pci_msix_grant_add(dev, &index);
	if (!ret && works && index < TABLE) {
		dev->dev.irq[index] = true;
		ret = index < dev->granted ? (int)index : -EFAULT;
	}
	pci_msix_grant_unlock(dev);
	return ret;
}

static void take(struct pci_dev *dev, unsigned int index)
{
	pci_msix_grant_lock(dev);
	dev->dev.irq[index] = false;
	pci_msix_grant_unlock(dev);
}

static void test_find(void)
{
	struct pci_dev dev = device(TABLE);

	is("found behind another capability", dev.msix_grant_cap, GRANT);
	is("what it has at first", dev.msix_grant_initial, FIRST);
	dev = (struct pci_dev){ .msix_cap = 0x40, .signature = 0x5249534d, .revision = 2 };
	pci_msix_grant_init(&dev);
	is("not found: another revision", dev.msix_grant_cap, 0);
	dev = (struct pci_dev){ .msix_cap = 0x40, .signature = 1, .revision = 1 };
	pci_msix_grant_init(&dev);
	is("not found: another signature", dev.msix_grant_cap, 0);
	hypervisor = false;
	dev = device(TABLE);
	is("not looked for on bare metal", dev.msix_grant_cap, 0);
	is("no capability: all are there", pci_msix_grant_enable(&dev, NULL, 1, 9), 0);
	is("no capability: no request", dev.requests, 0);
	is("no capability: one more", add(&dev, MSI_ANY_INDEX, false), 0);
	hypervisor = true;
}

static void test_enable(void)
{
	struct msix_entry picked[] = { { .entry = 0 }, { .entry = 40 }, { .entry = 9 } };
	struct pci_dev dev = device(30);

	is("all of them", pci_msix_grant_enable(&dev, NULL, 1, 20), 0);
	is("all of them are granted", dev.granted, 20);
	is("the minimum goes along", dev.request >> 16, 1);
	is("fewer", pci_msix_grant_enable(&dev, NULL, 8, 50), 30);
	is("not the minimum", pci_msix_grant_enable(&dev, NULL, 31, 50), -ENOSPC);
	is("nothing has changed", dev.granted, 30);
	is("fewer than before", pci_msix_grant_enable(&dev, NULL, 4, 4), 0);
	is("the others are given back", dev.granted, 4);
	pci_msix_grant_release(&dev);
	is("left as found", dev.granted, FIRST);
	is("of which none is used", dev.request >> 16, 0);

	is("picked entries, up to the limit", pci_msix_grant_enable(&dev, picked, 1, 3), 1);
	is("picked entries, the rest refused", pci_msix_grant_enable(&dev, picked, 2, 3), -ENOSPC);
	is("picked entries, these alone", pci_msix_grant_enable(&dev, picked, 1, 1), 0);
	is("up to the last of them", dev.granted, 1);
	dev = device(TABLE);
	is("picked entries, all", pci_msix_grant_enable(&dev, picked, 3, 3), 0);
	is("up to the highest of them", dev.granted, 41);

	is("virtual vectors take no entry",
	   pci_msix_grant_enable(&dev, NULL, TABLE + 2, TABLE + 8), 0);
	is("the table is all there is", dev.granted, TABLE);
	dev = device(TABLE);
	dev.memory = 10;
	dev.granted = 2;
	is("no memory for the minimum", pci_msix_grant_enable(&dev, NULL, 11, 20), -ENOSPC);
	is("memory for fewer", pci_msix_grant_enable(&dev, NULL, 5, 20), 10);
	dev.gone = true;
	is("no answer", pci_msix_grant_enable(&dev, NULL, 1, 1), -EIO);
}

static void test_grow(void)
{
	struct pci_dev dev = device(20);
	int i, bad = 0;

	pci_msix_grant_enable(&dev, NULL, 4, 4);
	use(&dev, 0, 4, true);
	is("the first free one", add(&dev, MSI_ANY_INDEX, true), 4);
	is("it is granted", dev.granted, 5);
	is("that one", add(&dev, 9, true), 9);
	is("all before it are granted", dev.granted, 10);
	is("a gap needs no request", add(&dev, MSI_ANY_INDEX, true), 5);
	is("it is granted already", dev.granted, 10);
	is("beyond the limit", add(&dev, 20, true), -ENOSPC);
	is("nothing has changed by that", dev.granted, 10);
	is("beyond the table: the core's error", add(&dev, TABLE, true), 0);
	is("no interrupt for it: given back", add(&dev, 15, false), 0);
	is("as before", dev.granted, 10);
	take(&dev, 5);
	is("not the last one: stays", dev.granted, 10);
	take(&dev, 9);
	is("the last one goes, with the gap", dev.granted, 5);
	use(&dev, 0, 5, false);
	take(&dev, 0);
	is("one is always left", dev.granted, 1);
	use(&dev, 0, 1, true);
	for (i = 1; i < 20; i++)
		bad += add(&dev, MSI_ANY_INDEX, true) != i || dev.granted != (unsigned int)i + 1;
	while (--i > 0) {
		take(&dev, i);
		bad += dev.granted != (unsigned int)i;
	}
	is("one by one, up and down", bad, 0);
	dev = device(TABLE);
	pci_msix_grant_enable(&dev, NULL, TABLE, TABLE);
	use(&dev, 0, TABLE, true);
	is("the table is full: the core's error", add(&dev, MSI_ANY_INDEX, true), 0);
	is("and no request", dev.requests, 1);
}

static void test_restore(void)
{
	struct pci_dev dev = device(20);

	pci_msix_grant_enable(&dev, NULL, 8, 8);
	use(&dev, 0, 8, true);
	pci_msix_grant_restore(&dev);
	is("after a reset what is in use is requested again", dev.requests, 2);
	dev.granted = 2;
	pci_msix_grant_restore(&dev);
	is("another device gets as many", dev.granted, 8);
	is("no complaint", complaints, 0);
	dev.granted = 2;
	dev.limit = 5;
	pci_msix_grant_restore(&dev);
	is("it cannot: a complaint", complaints, 1);
	dev.granted = 12;
	pci_msix_grant_restore(&dev);
	is("it has more: the others are given back", dev.granted, 8);
}

int main(void)
{
	test_find();
	test_enable();
	test_grow();
	test_restore();
	printf("1..%u\n", tests);
	return 0;
}
