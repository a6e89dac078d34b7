/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KNOWN_H
#define KNOWN_H

void known_writes(void);
void known_apart(void);
void known_locks(void);
void known_lost(void);
void known_sums(void);
void known_wait(void);
/* Wrong in some order. */
void known_vain(void);
void known_deadlock(void);
void known_freed(void);

#endif /* KNOWN_H */
