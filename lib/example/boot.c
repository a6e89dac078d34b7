// SPDX-License-Identifier: GPL-2.0
/*
 * What a boot loader does for Linux on x86: the kernel's 32-bit boot protocol
 * (Documentation/arch/x86/boot.rst of Linux), in memory that begins at 0.
 */
#include <err.h>
#include <string.h>
#include <sys/stat.h>
#include <asm/bootparam.h>
#include "vmm.h"

#define SECTOR		512U
#define HEADER		0x1f1U		/* struct setup_header in the file and the zero page */
#define LOADER		0xff		/* none that has a number */
#define LOW_END		0x9fc00U
#define E820_RAM	1
#define PAGE		0x1000U

static void *read_file(const char *name, size_t *size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	struct stat st;
	uint8_t *bytes;
	ssize_t ret;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", name);
	bytes = malloc(st.st_size + 1);
	if (!bytes)
		err(1, "%s", name);
	while (done < (size_t)st.st_size) {
		ret = read(fd, bytes + done, st.st_size - done);
		if (ret <= 0)
			err(1, "%s", name);
		done += ret;
	}
	close(fd);
	*size = done;
	return bytes;
}

static void put(const struct memory *m, uint64_t at, const void *bytes, size_t len,
		const char *what)
{
	void *place = memory_at(m, at, len);

	if (!place)
		errx(1, "%s: the guest has not enough memory", what);
	memcpy(place, bytes, len);
}

static void add_e820(struct boot_params *params, uint64_t begin, uint64_t end)
{
	struct boot_e820_entry *e = &params->e820_table[params->e820_entries++];

	e->addr = begin;
	e->size = end - begin;
	e->type = E820_RAM;
}

static void load_kernel(const struct memory *m, struct boot_params *params, const char *name)
{
	size_t size, setup;
	uint8_t *image = read_file(name, &size);
	struct setup_header *h = &params->hdr;
	size_t header;

	if (size < 2 * SECTOR || memcmp(image + 0x202, "HdrS", 4))
		errx(1, "%s is no bzImage", name);
	/* The header ends where its jump leads. */
	header = 0x202 + image[0x201] - HEADER;
	memcpy(h, image + HEADER, header < sizeof(*h) ? header : sizeof(*h));
	setup = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	if (h->version < 0x20a || !(h->loadflags & LOADED_HIGH) || setup >= size)
		errx(1, "%s is no bzImage of this protocol", name);
	put(m, KERNEL_ADDRESS, image + setup, size - setup, name);
	if (!memory_at(m, h->pref_address, h->init_size))
		errx(1, "%s: the guest has not enough memory", name);
	free(image);
}

/* As high as it may be: the kernel unpacks itself below. */
static void load_initrd(const struct memory *m, struct boot_params *params, const char *name)
{
	size_t size;
	void *image = read_file(name, &size);
	uint64_t at;

	if (size > m->size / 2)
		errx(1, "%s: the guest has not enough memory", name);
	at = (m->size - size) & ~(uint64_t)(PAGE - 1);
	if (at + size > params->hdr.initrd_addr_max)
		errx(1, "%s: the kernel wants it below %#x", name, params->hdr.initrd_addr_max);
	put(m, at, image, size, name);
	params->hdr.ramdisk_image = at;
	params->hdr.ramdisk_size = size;
	free(image);
}

void boot_load(struct machine *m, const char *kernel, const char *initrd, const char *command)
{
	static struct boot_params params;

	load_kernel(&m->memory, &params, kernel);
	if (initrd)
		load_initrd(&m->memory, &params, initrd);
	if (strlen(command) > params.hdr.cmdline_size)
		errx(1, "the kernel's command line is too long");
	put(&m->memory, COMMAND_LINE, command, strlen(command) + 1, "the command line");
	params.hdr.type_of_loader = LOADER;
	params.hdr.cmd_line_ptr = COMMAND_LINE;
	/* Between the two are what firmware keeps and the MP table. */
	add_e820(&params, 0, LOW_END);
	add_e820(&params, KERNEL_ADDRESS, m->memory.size);
	put(&m->memory, ZERO_PAGE, &params, sizeof(params), "the zero page");
	mptable_write(&m->memory, m->nr_vcpus);
}
