// SPDX-License-Identifier: GPL-2.0
/*
 * Drives the devices as a guest does, without a guest: as a driver should, and as no driver may.
 * No access may end the VMM, and after a reset each device works again.  Built with sanitizers,
 * which see what a wrong access would only damage.
 *
 *	test_devices			on the fallback, without a VM
 *	test_devices kernel		in a VM, on msi_route
 *	test_devices mutation NUMBER	with one of vmm.h's mutations: must fail, or end badly
 */
#include <err.h>
#include <string.h>
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include "random.h"
#include "test_driver.h"

enum mutation mutation;

static unsigned int number, failures;
/* Of the accesses one in so many is made: on an emulated host all of them take minutes. */
static unsigned int step = 1;

static void result(bool ok, const char *name)
{
	number++;
	failures += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", number, name);
	fflush(stdout);
}

/* ---- requests of the disk ---- */

static void set_header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr *header = (void *)(m.memory.base + HEADER);

	header->type = type;
	header->sector = sector;
	m.memory.base[STATUS] = 0xff;
}

/* Returns the status, or -1 if the request was not answered. */
static int disk(unsigned int q, uint32_t type, uint64_t sector, uint32_t len)
{
	bool in = type == VIRTIO_BLK_T_IN;

	set_header(type, sector);
	describe(q, 0, HEADER, sizeof(struct virtio_blk_outhdr), 0, 1);
	describe(q, 1, DATA, len, in ? VRING_DESC_F_WRITE : 0, 2);
	describe(q, 2, STATUS, 1, VRING_DESC_F_WRITE, END);
	offer(blk, q, 0);
	if (!answered(blk, q, 0, in && !m.memory.base[STATUS] ? len + 1 : 1))
		return -1;
	return m.memory.base[STATUS];
}

static bool disk_works(void)
{
	uint8_t *data = m.memory.base + DATA;
	unsigned int i, k;

	set_up(blk);
	/* More than once around both rings */
	for (i = 0; i < 700 / step; i++) {
		for (k = 0; k < 1024; k++)
			data[k] = i * 7 + k;
		if (disk(i & 1, VIRTIO_BLK_T_OUT, i, 1024))
			return false;
		memset(data, 0, 1024);
		if (disk(i & 1, VIRTIO_BLK_T_IN, i, 1024))
			return false;
		for (k = 0; k < 1024; k++)
			if (data[k] != (uint8_t)(i * 7 + k))
				return false;
	}
	return !needs_reset(blk);
}

static bool disk_has_an_end(void)
{
	const uint64_t sectors = DISK / 512;

	set_up(blk);
	return disk(0, VIRTIO_BLK_T_OUT, sectors - 1, 512) == VIRTIO_BLK_S_OK &&
	       disk(0, VIRTIO_BLK_T_OUT, sectors, 512) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_OUT, sectors - 1, 1024) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_IN, sectors - 1, 1024) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_OUT, UINT64_MAX, 512) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_IN, UINT64_MAX / 512, 512) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_OUT, 0, 511) == VIRTIO_BLK_S_IOERR &&
	       disk(0, VIRTIO_BLK_T_OUT, sectors, 0) == VIRTIO_BLK_S_OK &&
	       disk(0, 0x12345678, 0, 512) == VIRTIO_BLK_S_UNSUPP &&
	       lseek(blk->backend, 0, SEEK_END) == DISK;
}

/* ---- frames ---- */

static bool net_works(void)
{
	uint8_t *out = m.memory.base + DATA, *in = m.memory.base + DATA + 0x1000;
	unsigned int i, k;

	set_up(net);
	for (i = 0; i < 700 / step; i++) {
		for (k = 0; k < 200; k++)
			out[k] = k < 12 ? 0 : i * 5 + k;
		describe(0, 0, DATA + 0x1000, 2048, VRING_DESC_F_WRITE, END);
		describe(1, 0, DATA, 200, 0, END);
		offer(net, 0, 0);
		offer(net, 1, 0);
		if (!answered(net, 1, 0, 0) || !answered(net, 0, 0, 200))
			return false;
		/* The header says one buffer; the two addresses have changed places. */
		if (in[10] != 1 || memcmp(in + 12, out + 18, 6) || memcmp(in + 18, out + 12, 6) ||
		    memcmp(in + 24, out + 24, 200 - 24))
			return false;
	}
	return !needs_reset(net);
}

static bool all_work(void)
{
	return disk_works() && net_works();
}

/* ---- accesses ---- */

static const uint64_t patterns[] = { 0, ~0ULL, 0x5555555555555555, 0x8000000080000001 };

static bool any_access_of_bars(void)
{
	const uint64_t far[] = { BAR_SIZE, BAR_SIZE + 1, 0xffffffff, 1ULL << 32, UINT64_MAX };
	uint8_t data[8];
	unsigned int i, k, len;
	uint64_t at;

	for (i = 0; i < m.nr_devices; i++) {
		for (len = 1; len <= 8; len++) {
			for (at = 0; at < BAR_SIZE; at += step) {
				bar_read(&m.device[i], at, data, len);
				memcpy(data, &patterns[at % ARRAY_SIZE(patterns)], 8);
				bar_write(&m.device[i], at, data, len);
			}
			for (k = 0; k < ARRAY_SIZE(far); k++) {
				bar_read(&m.device[i], far[k], data, len);
				if (data[0] != 0xff || data[len - 1] != 0xff)
					return false;
				bar_write(&m.device[i], far[k], data, len);
			}
		}
		device_step(&m.device[i], 0);
	}
	return all_work();
}

static bool any_access_of_common(void)
{
	unsigned int i, k, len, at;
	uint8_t data[8];

	for (i = 0; i < m.nr_devices; i++) {
		for (k = 0; k < 2000 / step; k++) {
			at = next_random() % 0x48;
			len = 1 + next_random() % 8;
			memcpy(data, &patterns[k % ARRAY_SIZE(patterns)], 8);
			if (k % 3)
				data[0] = next_random();
			bar_write(&m.device[i], at, data, len);
			bar_read(&m.device[i], at, data, len);
			/* There is nothing behind the registers. */
			bar_read(&m.device[i], sizeof(struct virtio_pci_common_cfg) - 1, data, 8);
			if (data[1] || data[7])
				return false;
			device_step(&m.device[i], 0);
		}
	}
	return all_work();
}

static void place_again(unsigned int i)
{
	const uint32_t bar = 0xc0000000U + (i + 1) * 0x10000;

	config_write(&m.device[i], PCI_BASE_ADDRESS_0, &bar, sizeof(bar));
}

static bool any_access_of_config(void)
{
	unsigned int i, k, at, len;
	uint8_t data[8];

	for (i = 0; i < m.nr_devices; i++) {
		for (k = 0; k < ARRAY_SIZE(patterns); k++) {
			for (len = 1; len <= 8; len++) {
				for (at = 0; at < CONFIG_SIZE + 16; at++) {
					config_read(&m.device[i], at, data, len);
					memcpy(data, &patterns[k], 8);
					config_write(&m.device[i], at, data, len);
				}
			}
		}
		config_read(&m.device[i], UINT32_MAX, data, 8);
		config_write(&m.device[i], UINT32_MAX, data, 8);
		place_again(i);
	}
	return all_work();
}

/* Every port, and each register of mechanism #1, at each size */
static bool any_access_of_ports(void)
{
	static const uint32_t sizes[] = { 1, 2, 4 };
	uint32_t port, index, i, k;
	uint64_t data;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (port = 0; port < 0x10000; port++) {
			port_access(&m, false, port, &data, sizes[i]);
			data = next_random();
			/* What it would print is of no use here. */
			if (port != 0x3f8)
				port_access(&m, true, port, &data, sizes[i]);
		}
		for (k = 0; k < 20000; k += step) {
			index = k < 0x400 ? 0x80000000 | k << 4 : next_random();
			port_access(&m, true, 0xcf8, &index, 4);
			for (port = 0xcfc; port <= 0xcff; port++) {
				port_access(&m, false, port, &data, sizes[i]);
				data = next_random();
				port_access(&m, true, port, &data, sizes[i]);
			}
		}
	}
	for (i = 0; i < m.nr_devices; i++)
		place_again(i);
	return resets && all_work();
}

static bool any_access_of_memory(void)
{
	uint64_t base, at, data;
	unsigned int i, len;

	set_msix(blk);
	set_msix(net);
	base = net->bar;
	for (i = 0; i < 200000 / step; i++) {
		at = i % 2 ? base + next_random() % (2 * BAR_SIZE) : next_random();
		len = 1 + next_random() % 8;
		mmio_access(&m, false, at, &data, len);
		data = next_random();
		mmio_access(&m, true, at, &data, len);
	}
	mmio_access(&m, false, UINT64_MAX, &data, 8);
	return base && all_work();
}

/* The BAR by way of configuration space */
static void set_window(struct device *d, uint8_t bar, uint32_t offset, uint32_t len)
{
	config_write(d, WINDOW_CAP + 4, &bar, sizeof(bar));
	config_write(d, WINDOW_CAP + 8, &offset, sizeof(offset));
	config_write(d, WINDOW_CAP + 12, &len, sizeof(len));
}

static bool window_is_the_bar(void)
{
	uint32_t value, select, i;

	for (i = 0; i < 100000 / step; i++) {
		set_window(blk, i % 4 ? 0 : next_random(), next_random() >> i % 64,
			   next_random() >> i % 64);
		config_read(blk, WINDOW_CAP + 16, &value, 1 + i % 4);
		config_write(blk, WINDOW_CAP + 16, &value, 1 + i % 4);
	}
	set_window(blk, 0, COMMON(device_feature_select), 4);
	for (select = 0; select < 3; select++) {
		config_write(blk, WINDOW_CAP + 16, &select, sizeof(select));
		set_window(blk, 0, COMMON(device_feature), 4);
		config_read(blk, WINDOW_CAP + 16, &value, sizeof(value));
		if (value != get(blk, COMMON(device_feature), 4) ||
		    value != (select < 2 ? blk->kind->features >> 32 * select & 0xffffffff : 0))
			return false;
		set_window(blk, 0, COMMON(device_feature_select), 4);
	}
	return all_work();
}

/* ---- rings that are wrong ---- */

struct place {
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	bool right;
};

/* Where 256 elements end exactly with the memory, or later */
static const struct place places[] = {
	{ RINGS(0), RINGS(0) + AVAILABLE, RINGS(0) + USED, true },
	{ MEMORY - 4096, RINGS(0) + AVAILABLE, RINGS(0) + USED, true },
	{ MEMORY - 4096 + 16, RINGS(0) + AVAILABLE, RINGS(0) + USED, false },
	{ RINGS(0), MEMORY - 516, RINGS(0) + USED, true },
	{ RINGS(0), MEMORY - 514, RINGS(0) + USED, false },
	{ RINGS(0), RINGS(0) + AVAILABLE, MEMORY - 2052, true },
	{ RINGS(0), RINGS(0) + AVAILABLE, MEMORY - 2048, false },
	{ RINGS(0) + 8, RINGS(0) + AVAILABLE, RINGS(0) + USED, false },
	{ RINGS(0), RINGS(0) + AVAILABLE + 1, RINGS(0) + USED, false },
	{ RINGS(0), RINGS(0) + AVAILABLE, RINGS(0) + USED + 2, false },
	{ MEMORY, RINGS(0) + AVAILABLE, RINGS(0) + USED, false },
	{ RINGS(0), 1ULL << 32, RINGS(0) + USED, false },
	{ RINGS(0), RINGS(0) + AVAILABLE, -16ULL, false },
	{ -16ULL, -2ULL, -4ULL, false },
};

static bool rings_anywhere(void)
{
	unsigned int i;
	bool taken;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		begin(blk);
		set_queue(blk, 0, places[i].desc, places[i].driver, places[i].device, QUEUE_SIZE);
		taken = get(blk, COMMON(queue_enable), 2);
		go(blk);
		notify(blk, 0);
		device_step(blk, 0);
		if (taken != places[i].right || needs_reset(blk) == places[i].right)
			return false;
	}
	return all_work();
}

static bool sizes_of_rings(void)
{
	static const uint16_t wrong[] = { 0, 3, 255, 257, 512, 0x8000, 0xffff };
	unsigned int i, size;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		begin(blk);
		WRITE(blk, uint16_t, queue_size, wrong[i]);
		if (get(blk, COMMON(queue_size), 2) != QUEUE_SIZE)
			return false;
	}
	for (size = 1; size <= QUEUE_SIZE; size *= 2) {
		begin(blk);
		set_queue(blk, 0, RINGS(0), RINGS(0) + AVAILABLE, RINGS(0) + USED, size);
		go(blk);
		describe(0, 0, HEADER, 16, 0, size);
		((struct vring_avail *)(m.memory.base + RINGS(0) + AVAILABLE))->idx = 1;
		notify(blk, 0);
		device_step(blk, 0);
		/* A chain that goes on where the queue ends */
		if (!needs_reset(blk))
			return false;
	}
	return all_work();
}

/* ---- chains that are wrong ---- */

static void loop(void)
{
	describe(0, 0, HEADER, 16, 0, 1);
	describe(0, 1, DATA, 16, 0, 0);
}

static void itself(void)
{
	describe(0, 0, DATA, 16, VRING_DESC_F_WRITE, 0);
}

static void beyond_memory(void)
{
	describe(0, 0, MEMORY, 16, 0, END);
}

static void across_the_end(void)
{
	describe(0, 0, MEMORY - 8, 16, 0, END);
}

static void around_zero(void)
{
	describe(0, 0, -8ULL, 16, 0, END);
}

static void too_long(void)
{
	describe(0, 0, 0, UINT32_MAX, 0, END);
}

static void more_than_4_gib(void)
{
	unsigned int i;

	/* 256 descriptors of 16 MiB each would be that; so much memory there is not. */
	for (i = 0; i < QUEUE_SIZE; i++)
		describe(0, i, 0, MEMORY, VRING_DESC_F_WRITE, i + 1 < QUEUE_SIZE ? i + 1 : END);
	describe(0, QUEUE_SIZE - 1, 0, UINT32_MAX, VRING_DESC_F_WRITE, END);
}

static void next_beyond(void)
{
	describe(0, 0, HEADER, 16, 0, QUEUE_SIZE);
}

static void next_far(void)
{
	describe(0, 0, HEADER, 16, 0, 0xffff);
}

static void indirect(void)
{
	describe(0, 0, HEADER, 16, VRING_DESC_F_INDIRECT, END);
}

static void in_before_out(void)
{
	describe(0, 0, DATA, 16, VRING_DESC_F_WRITE, 1);
	describe(0, 1, HEADER, 16, 0, END);
}

static void all_flags(void)
{
	describe(0, 0, HEADER, 16, 0xffff, 1);
}

static const struct {
	const char *name;
	void (*make)(void);
} chains[] = {
	{ "a loop", loop },
	{ "a descriptor that follows itself", itself },
	{ "a descriptor beyond memory", beyond_memory },
	{ "one across its end", across_the_end },
	{ "one around address 0", around_zero },
	{ "a length of 4 GiB", too_long },
	{ "256 descriptors, the last too long", more_than_4_gib },
	{ "a next descriptor just behind the table", next_beyond },
	{ "a next descriptor far behind it", next_far },
	{ "an indirect descriptor", indirect },
	{ "in before out", in_before_out },
	{ "all flags", all_flags },
};

/* The device waits for its reset, has said so, and uses nothing. */
static bool refuses(struct device *d)
{
	return needs_reset(d) && interrupted(d, 0) &&
	       !((struct vring_used *)(m.memory.base + RINGS(0) + USED))->idx;
}

static void wrong_chains(struct device *d)
{
	unsigned int i;
	char name[128];
	bool ok;

	for (i = 0; i < ARRAY_SIZE(chains); i++) {
		set_up(d);
		chains[i].make();
		offer(d, 0, 0);
		ok = refuses(d);
		/* It does not come back by itself. */
		offer(d, 0, 0);
		go(d);
		ok = ok && needs_reset(d) && all_work();
		snprintf(name, sizeof(name), "%s: %s", d->kind->name, chains[i].name);
		result(ok, name);
	}
}

static bool wrong_heads(void)
{
	static const uint16_t heads[] = { QUEUE_SIZE, QUEUE_SIZE + 1, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		set_up(blk);
		offer(blk, 0, heads[i]);
		if (!refuses(blk))
			return false;
	}
	return all_work();
}

static bool index_jumps(void)
{
	static const uint16_t jumps[] = { QUEUE_SIZE + 1, 0x7fff, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(jumps); i++) {
		set_up(blk);
		sent[0] = jumps[i] - 1;
		offer(blk, 0, 0);
		if (!refuses(blk))
			return false;
	}
	return all_work();
}

/* Requests without a place for the status or without a whole header; empty descriptors */
static bool wrong_requests(void)
{
	uint32_t len;

	set_up(blk);
	describe(0, 0, HEADER, 16, 0, END);
	offer(blk, 0, 0);
	if (!refuses(blk))
		return false;
	for (len = 0; len < 16; len++) {
		set_up(blk);
		describe(0, 0, HEADER, len, 0, 1);
		describe(0, 1, STATUS, 1, VRING_DESC_F_WRITE, END);
		offer(blk, 0, 0);
		if (!refuses(blk))
			return false;
	}
	set_up(blk);
	describe(0, 0, 0, 0, 0, 1);
	describe(0, 1, MEMORY, 0, VRING_DESC_F_WRITE, END);
	offer(blk, 0, 0);
	return refuses(blk) && all_work();
}

/* A request that is in as many pieces as possible is still one. */
static bool pieces(void)
{
	unsigned int i;

	set_up(blk);
	set_header(VIRTIO_BLK_T_IN, 3);
	for (i = 0; i < 16; i++)
		describe(0, i, HEADER + i, 1, 0, i + 1);
	describe(0, 16, MEMORY, 0, VRING_DESC_F_WRITE, 17);
	for (i = 17; i < 17 + 128; i++)
		describe(0, i, DATA + i * 4, 4, VRING_DESC_F_WRITE, i + 1);
	describe(0, i, STATUS, 1, VRING_DESC_F_WRITE, END);
	offer(blk, 0, 0);
	return answered(blk, 0, 0, 513) && !m.memory.base[STATUS] && !needs_reset(blk);
}

/* Frames of any length, and buffers of any; what does not fit is lost or cut. */
static bool any_frame(void)
{
	static const uint32_t lens[] = { 0, 1, 11, 12, 13, 25, 26, 27, 1525, 1526, 1527, 0x100000 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		for (k = 0; k < ARRAY_SIZE(lens); k++) {
			set_up(net);
			describe(0, 0, DATA, lens[k], VRING_DESC_F_WRITE, END);
			describe(1, 0, DATA, lens[i], 0, END);
			offer(net, 0, 0);
			offer(net, 1, 0);
			if (!answered(net, 1, 0, 0) || needs_reset(net))
				return false;
		}
	}
	/* More of them than the peer keeps, and nobody to receive them */
	set_up(net);
	describe(1, 0, DATA, 100, 0, END);
	for (i = 0; i < 2 * QUEUE_SIZE; i++)
		offer(net, 1, 0);
	return answered(net, 1, 0, 0) && net_works();
}

/* ---- anything ---- */

static uint64_t any_address(void)
{
	switch (next_random() % 8) {
	case 0:
		return next_random();
	case 1:
		return MEMORY - next_random() % 32;
	case 2:
		return RINGS(0) + next_random() % 0x10000;
	default:
		return next_random() % MEMORY;
	}
}

static bool anything(void)
{
	struct device *d;
	unsigned int i, k, q;
	uint64_t data;

	for (i = 0; i < 3000 / step; i++) {
		d = &m.device[i & 1];
		if (needs_reset(d) || i % 50 < 2)
			set_up(d);
		for (k = 0; k < 8; k++) {
			q = next_random() & 1;
			describe(q, next_random() % 16, any_address(),
				 next_random() >> (32 + next_random() % 32), next_random() & 2,
				 next_random() % 4 ? END : next_random() % 16);
		}
		set_header(next_random() % 10, next_random() >> (next_random() % 64));
		offer(d, q, next_random() % 16);
		data = next_random();
		if (!(i % 16))
			bar_write(d, next_random() % BAR_SIZE, &data, 1U << next_random() % 4);
	}
	return all_work() && lseek(blk->backend, 0, SEEK_END) == DISK;
}

/* ---- all of it ---- */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} tests[] = {
		{ "the disk works: data, used ring, an interrupt for each request", disk_works },
		{ "the network works: data, used rings, an interrupt for each frame", net_works },
		{ "a request beyond the disk's end fails", disk_has_an_end },
		{ "a request in many pieces", pieces },
		{ "each size at each offset of BARs", any_access_of_bars },
		{ "any write of the common configuration", any_access_of_common },
		{ "each size at each offset of configuration space", any_access_of_config },
		{ "each size at each port", any_access_of_ports },
		{ "any address that is no memory", any_access_of_memory },
		{ "any window of configuration space on the BAR", window_is_the_bar },
		{ "rings anywhere", rings_anywhere },
		{ "rings of any size", sizes_of_rings },
		{ "a head that does not exist", wrong_heads },
		{ "an available index that jumps", index_jumps },
		{ "requests without header or status", wrong_requests },
		{ "frames and buffers of any length", any_frame },
		{ "anything", anything },
	};
	bool kernel = argc == 2 && !strcmp(argv[1], "kernel");
	unsigned int i;

	if (argc == 3 && !strcmp(argv[1], "mutation"))
		mutation = strtoul(argv[2], NULL, 10);
	if (mutation >= NR_MUTATIONS)
		errx(2, "there is no such mutation");
	if (kernel)
		step = 7;
	create(kernel);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		result(tests[i].run(), tests[i].name);
	wrong_chains(blk);
	wrong_chains(net);
	destroy();
	printf("1..%u\n", number);
	return failures != 0;
}
