// SPDX-License-Identifier: GPL-2.0
/* How long calls of a kernel function take, by ftrace's function_graph. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../guest/vm.h"
#include "ftrace.h"

#define TRACEFS		"/sys/kernel/tracing/"

static bool set(const char *file, const char *value)
{
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), TRACEFS "%s", file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		die("%s", path);
	written = write(fd, value, strlen(value));
	close(fd);
	return written >= 0;
}

bool ftrace_start(const char *function)
{
	set("tracing_on", "0");
	set("current_tracer", "nop");
	set("buffer_size_kb", "65536");
	if (!set("set_ftrace_filter", function))
		return false;
	if (!set("current_tracer", "function_graph"))
		die("no function_graph tracer");
	/* Without the marks for long durations, and without a caller's sleep. */
	set("trace_options", "nofuncgraph-overhead");
	set("trace_options", "nosleep-time");
	set("trace", "");
	set("tracing_on", "1");
	return true;
}

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* "  1)   12.345 us    |  function();"; only the end of a call has "us". */
static bool parse(const char *line, __u64 *ns)
{
	const char *p = strchr(line, ')'), *unit = strstr(line, " us ");
	char *end;

	if (!p || !unit || unit < p)
		return false;
	*ns = strtoull(p + 1, &end, 10) * 1000;
	if (*end == '.') {
		char fraction[4] = "000";
		unsigned int i;

		for (i = 0; i < 3 && end[i + 1] >= '0' && end[i + 1] <= '9'; i++)
			fraction[i] = end[i + 1];
		*ns += atoi(fraction);
	}
	return true;
}

struct durations ftrace_stop(void)
{
	struct durations d = {};
	unsigned int room = 0;
	char line[512];
	FILE *trace;
	__u64 ns;

	set("tracing_on", "0");
	trace = fopen(TRACEFS "trace", "r");
	if (!trace)
		die("trace");
	while (fgets(line, sizeof(line), trace)) {
		if (!parse(line, &ns))
			continue;
		if (d.nr == room) {
			room = room ? room * 2 : 1024;
			d.ns = realloc(d.ns, room * sizeof(*d.ns));
			if (!d.ns)
				die("realloc");
		}
		d.ns[d.nr++] = ns;
	}
	fclose(trace);
	set("current_tracer", "nop");
	set("set_ftrace_filter", "");
	if (d.nr)
		qsort(d.ns, d.nr, sizeof(*d.ns), compare);
	return d;
}
