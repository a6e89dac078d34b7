/* SPDX-License-Identifier: GPL-2.0 */
/* What monitoring systems read. */
#ifndef TOOLS_OPENMETRICS_H
#define TOOLS_OPENMETRICS_H

#include "observe.h"

/*
 * Prints the counters and the state of the functions that mention @filter, in the text
 * format that node_exporter's textfile collector reads.
 */
void print_openmetrics(const struct functions *all, const char *filter);

#endif /* TOOLS_OPENMETRICS_H */
