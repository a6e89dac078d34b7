/* SPDX-License-Identifier: GPL-2.0 */
/* What updates.c keeps of the updates of the vector proof_kind, proof_index. */
#ifndef PROOF_UPDATES_H
#define PROOF_UPDATES_H

#include "harness.h"

struct proof_commit {
	u32 nr;			/* how many there were; the rest is of the last one */
	struct mr_message raw;
	bool masked;
	enum mr_hold hold;
	bool open;		/* was the gate open? */
};

extern struct proof_commit proof_commit;

#endif /* PROOF_UPDATES_H */
