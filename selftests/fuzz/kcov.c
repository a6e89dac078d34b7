// SPDX-License-Identifier: GPL-2.0
/* Which basic blocks the calls run: see kcov.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kcov.h"

/* Words of the kernel's buffer; the first one counts the others in use. */
#define BUFFER_WORDS	(1UL << 19)
/* Several times as many slots as the module has blocks. */
#define SET_BITS	15
#define SET_SLOTS	(1UL << SET_BITS)

static unsigned long *buffer;
static unsigned long set[SET_SLOTS], in_set;
static bool lost;

bool kcov_begin(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	/* The descriptor stays open: the recording ends with its last reference. */
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, BUFFER_WORDS))
		return false;
	buffer = mmap(NULL, BUFFER_WORDS * sizeof(*buffer), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	if (buffer == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) {
		buffer = NULL;
		return false;
	}
	return true;
}

static void add(unsigned long address)
{
	unsigned long slot = (address * 0x9e3779b97f4a7c15UL) >> (64 - SET_BITS);

	while (set[slot] && set[slot] != address)
		slot = (slot + 1) % SET_SLOTS;
	if (set[slot])
		return;
	if (in_set == SET_SLOTS / 2) {
		lost = true;
		return;
	}
	set[slot] = address;
	in_set++;
}

void kcov_take(void)
{
	unsigned long i, nr;

	if (!buffer)
		return;
	nr = __atomic_load_n(&buffer[0], __ATOMIC_RELAXED);
	/* A full buffer may have been too small. */
	lost |= nr >= BUFFER_WORDS - 1;
	for (i = 1; i <= nr; i++)
		add(buffer[i]);
	__atomic_store_n(&buffer[0], 0, __ATOMIC_RELAXED);
}

bool kcov_end(const char *file)
{
	unsigned long slot;
	FILE *to;

	kcov_take();
	if (lost) {
		errno = ENOSPC;
		return false;
	}
	to = fopen(file, "a");
	if (!to)
		return false;
	for (slot = 0; slot < SET_SLOTS; slot++)
		if (set[slot])
			fprintf(to, "%lx\n", set[slot]);
	return !fclose(to);
}
