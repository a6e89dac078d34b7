/* SPDX-License-Identifier: GPL-2.0 */
/* The view in a terminal. */
#ifndef TOOLS_SCREEN_H
#define TOOLS_SCREEN_H

#include <stdbool.h>

struct screen_options {
	int device;
	double delay;			/* seconds between two looks */
	bool colours;
	const char *filter;
};

/* Until the user quits. Returns the program's status. */
int screen_run(const struct screen_options *options);

#endif /* TOOLS_SCREEN_H */
