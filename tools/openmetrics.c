// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "openmetrics.h"

/* A metric has one value for each capability of each function. */
struct metric {
	const char *name, *help;
	__u64 (*value)(const struct function *fn, __u32 kind);
};

static __u64 vectors(const struct function *fn, __u32 kind)
{
	return fn->f.caps[kind].nr;
}

static __u64 pending(const struct function *fn, __u32 kind)
{
	return fn->c[kind].pending;
}

static __u64 enabled(const struct function *fn, __u32 kind)
{
	return !!(fn->f.caps[kind].state & MSI_ROUTE_STATE_ENABLED);
}

static __u64 open_gate(const struct function *fn, __u32 kind)
{
	return !fn->f.caps[kind].reason;
}

static __u64 stopped(const struct function *fn, __u32 kind)
{
	(void)kind;
	return fn->f.stopped;
}

static const struct metric gauges[] = {
	{ "vectors", "vectors that the capability has now", vectors },
	{ "pending", "Pending bits that are set now", pending },
	{ "enabled", "whether the capability's Enable is set", enabled },
	{ "open", "whether the capability as a whole may send now", open_gate },
	{ "stopped", "whether the VMM has stopped the function", stopped },
};

/* ---- whose values ---- */

/* A function that is printed, and the labels of its samples but for the kind. */
struct subject {
	const struct function *fn;
	char labels[512];
};

/* Names are anything; a file of metrics is UTF-8, which these may not be. */
static char *escape(char *to, const char *value)
{
	for (; *value; value++) {
		unsigned char c = *value;

		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = isascii(c) && isprint(c) ? c : '?';
	}
	*to = '\0';
	return to;
}

/* A function's number makes its labels differ from those of all others. */
static void set_subject(struct subject *s, const struct function *fn)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE];
	char task[2 * COMM_SIZE], name[2 * sizeof(fn->f.name)];

	escape(task, vm_comm(&fn->f, comm));
	escape(name, fn->f.name);
	s->fn = fn;
	snprintf(s->labels, sizeof(s->labels),
		 "vm=\"%s\",comm=\"%s\",function=\"%s\",number=\"%u\"",
		 vm_name(&fn->f, vm), task, name, fn->f.number);
}

/* ---- printing ---- */

static void head(const char *name, const char *suffix, const char *help, const char *type)
{
	printf("# HELP msi_route_%s%s %c%s\n", name, suffix, toupper((unsigned char)*help),
	       help + 1);
	printf("# TYPE msi_route_%s%s %s\n", name, suffix, type);
}

static void sample(const char *name, const char *suffix, const struct subject *s, __u32 kind,
		   __u64 value)
{
	printf("msi_route_%s%s{%s,kind=\"%s\"} %llu\n", name, suffix, s->labels,
	       kind_name(kind), (unsigned long long)value);
}

/* All samples of a metric stand together: the format wants it. */
#define for_each_capability(s, list, nr, kind)				\
	for (s = (list); s < (list) + (nr); s++)			\
		for (kind = 0; kind < NR_KINDS; kind++)			\
			if (s->fn->f.caps[kind].max)

static void print_gauge(const struct metric *m, const struct subject *list, size_t nr)
{
	const struct subject *s;
	__u32 kind;

	head(m->name, "", m->help, "gauge");
	for_each_capability(s, list, nr, kind)
		sample(m->name, "", s, kind, m->value(s->fn, kind));
}

static void print_counter(size_t i, const struct subject *list, size_t nr)
{
	const struct subject *s;
	__u32 kind;

	head(counters[i].name, "_total", counters[i].help, "counter");
	for_each_capability(s, list, nr, kind)
		sample(counters[i].name, "_total", s, kind, counter_value(&s->fn->c[kind], i));
}

void print_openmetrics(const struct functions *all, const char *filter)
{
	struct subject *list = calloc(all->nr + 1, sizeof(*list));
	size_t i, nr = 0;

	if (!list)
		err(1, "functions");
	for (i = 0; i < all->nr; i++)
		if (function_mentions(&all->list[i].f, filter))
			set_subject(&list[nr++], &all->list[i]);
	head("functions", "", "PCI functions that the module keeps", "gauge");
	printf("msi_route_functions %zu\n", nr);
	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		print_gauge(&gauges[i], list, nr);
	for (i = 0; i < nr_counters; i++)
		print_counter(i, list, nr);
	free(list);
}
