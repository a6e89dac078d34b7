/* SPDX-License-Identifier: GPL-2.0 */
/* Where an interrupt went, in sentences, and by which rule. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include "observe.h"

/* One of the things that are known of a vector. */
struct finding {
	const char *key;		/* for programs */
	const char *reason;		/* likewise; or NULL */
	char text[512];
	unsigned int rule;		/* 0: none of Documentation/rules.rst */
	bool again;			/* an earlier finding has this rule */
};

#define MAX_FINDINGS	8

struct explanation {
	struct finding list[MAX_FINDINGS];
	unsigned int nr;
};

void explain(const struct function *fn, __u32 kind, const struct msi_route_vector *v,
	     struct explanation *e);

/* The name of a reason, as the tracepoints have it. */
const char *reason_name(__u32 reason);
/* The rule's text; "" if there is none of this number. */
const char *rule_text(unsigned int rule);

#endif /* TOOLS_EXPLAIN_H */
