/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which basic blocks of the module the calls of this thread run, told by KCOV of a
 * kernel that has it, with the module built by `make KCOV_INSTRUMENT=y`.  What runs
 * in an interrupt or in a worker of the kernel's is not told.
 */
#ifndef FUZZ_KCOV_H
#define FUZZ_KCOV_H

#include <stdbool.h>

/* Of this thread, from now on.  false: errno says why. */
bool kcov_begin(void);
/* After every few calls: what has been run is kept, and the kernel's buffer emptied. */
void kcov_take(void);
/*
 * After kcov_begin(): adds the address of each block that was run to @file, in
 * hexadecimal, a line each.
 */
bool kcov_end(const char *file);

#endif /* FUZZ_KCOV_H */
