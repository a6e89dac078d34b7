// SPDX-License-Identifier: GPL-2.0
/* The guest's memory, and buffers that are in several pieces of it. */
#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include "vmm.h"

void memory_init(struct memory *m, uint64_t size)
{
	m->size = size;
	m->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->base == MAP_FAILED)
		err(1, "the guest's memory");
}

void memory_fini(struct memory *m)
{
	munmap(m->base, m->size);
}

/* Where it is here; NULL if it is not wholly the guest's memory. */
void *memory_at(const struct memory *m, uint64_t address, uint64_t len)
{
	if (!mutant(NO_RANGE_CHECK) && (address > m->size || len > m->size - address))
		return NULL;
	return m->base + address;
}

size_t iov_size(const struct iovec *iov, unsigned int nr)
{
	size_t size = 0;

	while (nr--)
		size += iov[nr].iov_len;
	return size;
}

static size_t iov_copy(const struct iovec *iov, unsigned int nr, size_t at, uint8_t *bytes,
		       size_t len, bool write)
{
	size_t done = 0, piece;
	uint8_t *place;

	for (; nr && done < len; nr--, iov++) {
		if (at >= iov->iov_len) {
			at -= iov->iov_len;
			continue;
		}
		piece = iov->iov_len - at;
		if (piece > len - done)
			piece = len - done;
		place = (uint8_t *)iov->iov_base + at;
		memcpy(write ? place : bytes + done, write ? bytes + done : place, piece);
		done += piece;
		at = 0;
	}
	return done;
}

size_t iov_read(const struct iovec *iov, unsigned int nr, size_t at, void *to, size_t len)
{
	return iov_copy(iov, nr, at, to, len, false);
}

size_t iov_write(const struct iovec *iov, unsigned int nr, size_t at, const void *from, size_t len)
{
	return iov_copy(iov, nr, at, (void *)(uintptr_t)from, len, true);
}

/* Keeps @len bytes from @at on.  Returns how many pieces they are in. */
unsigned int iov_cut(struct iovec *iov, unsigned int nr, size_t at, size_t len)
{
	unsigned int i, kept = 0;

	for (i = 0; i < nr && len; i++) {
		struct iovec piece = iov[i];

		if (at >= piece.iov_len) {
			at -= piece.iov_len;
			continue;
		}
		piece.iov_base = (uint8_t *)piece.iov_base + at;
		piece.iov_len -= at;
		at = 0;
		if (piece.iov_len > len)
			piece.iov_len = len;
		len -= piece.iov_len;
		iov[kept++] = piece;
	}
	return kept;
}
