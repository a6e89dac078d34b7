/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Records which basic blocks of the module the calls of this thread run.  Needs a kernel
 * with KCOV, and the module built by `make KCOV_INSTRUMENT=y`.  Interrupts and the
 * kernel's workers are not recorded.
 */
#ifndef FUZZ_KCOV_H
#define FUZZ_KCOV_H

#include <stdbool.h>

/* Records this thread from now on.  Returns false and sets errno on failure. */
bool kcov_begin(void);
/* Call it after every few calls: keeps the record and empties the kernel's buffer. */
void kcov_take(void);
/*
 * After kcov_begin(): adds the address of each block that was run to @file, in
 * hexadecimal, one a line.
 */
bool kcov_end(const char *file);

#endif /* FUZZ_KCOV_H */
