// SPDX-License-Identifier: GPL-2.0
/*
 * qemu_access FUNCTION SUBJECT: the accesses of access.c, made by a program in a guest of
 * QEMU.  FUNCTION is the sysfs directory of a PCI function whose driver uses MSI-X and
 * leaves the device idle; meanwhile this program uses vector 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accesses.h"
#include "bench.h"

#define PCI_CAPABILITIES	0x34
#define PCI_CAP_ID_MSIX		0x11
#define BIR			7U	/* of an offset register; the rest: offset */

static int open_in(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s", path);
	return fd;
}

static void config(int fd, unsigned int offset, void *value, unsigned int len)
{
	if (pread(fd, value, len, offset) != len)
		die("configuration space at %#x", offset);
}

static __u8 msix_capability(int fd)
{
	__u8 at, id;

	config(fd, PCI_CAPABILITIES, &at, 1);
	while (at) {
		config(fd, at, &id, 1);
		if (id == PCI_CAP_ID_MSIX)
			return at;
		config(fd, at + 1, &at, 1);
	}
	die("no MSI-X");
}

/* Maps the page where the table or the PBA begins. */
static unsigned long map_place(const char *dir, int fd, unsigned int offset_register)
{
	const unsigned int size = 4096;
	unsigned int offset;
	char name[16];
	__u32 place;
	void *page;
	int bar;

	config(fd, offset_register, &place, sizeof(place));
	offset = place & ~BIR;
	snprintf(name, sizeof(name), "resource%u", place & BIR);
	bar = open_in(dir, name);
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bar, offset & ~(size - 1));
	if (page == MAP_FAILED)
		die("%s", name);
	close(bar);
	return (unsigned long)page + offset % size;
}

int main(int argc, char **argv)
{
	unsigned long entry;
	unsigned int round;
	__u8 cap;
	int fd;

	if (argc != 3)
		die("usage: qemu_access FUNCTION SUBJECT");
	fd = open_in(argv[1], "config");
	cap = msix_capability(fd);
	accessed.table = map_place(argv[1], fd, cap + 4);
	accessed.pba = map_place(argv[1], fd, cap + 8);
	entry = accessed.table + ENTRY(1);
	accessed.address = guest_read32(entry + ENTRY_ADDRESS);
	accessed.upper = guest_read32(entry + ENTRY_UPPER);
	accessed.data = guest_read32(entry + ENTRY_DATA);
	for (round = 0; round < rounds(); round++) {
		take_accesses();
		tell_accesses(argv[2], "guest");
	}
	return 0;
}
