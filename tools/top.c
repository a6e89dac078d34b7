// SPDX-License-Identifier: GPL-2.0
/* msi_route-top: what the functions of all virtual machines do. */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "json.h"
#include "message.h"
#include "openmetrics.h"
#include "screen.h"
#include "table.h"

static void usage(FILE *to)
{
	fputs("usage: msi_route-top [OPTION...]\n"
	      "Shows virtual machines, their functions and vectors, and what they do.\n"
	      "  -d, --delay SECONDS  between two looks: 1\n"
	      "  -f, --filter TEXT    show only rows with this text\n"
	      "      --no-colour      use no colours, as with NO_COLOR\n"
	      "  -1, --once           print what happened since the functions were created\n"
	      "      --json           likewise, for programs\n"
	      "      --openmetrics    likewise, for monitoring systems\n"
	      "      --vectors        with --once or --json: each vector, too\n"
	      "  -h, --help           this\n"
	      "In the terminal, ? shows the keys.\n", to);
}

/* ---- --once ---- */

static bool mentions(const char *text, const char *filter)
{
	return !*filter || strstr(text, filter);
}

static const char *gate_of(const struct msi_route_capability *c)
{
	return c->reason ? reason_name(c->reason) : "open";
}

static void print_vectors(int device, const struct msi_route_function *f, __u32 kind)
{
	char target[TARGET_SIZE];
	struct vectors all;
	size_t i;

	if (observe_vectors(device, f, &all))
		return;
	for (i = 0; i < all.nr; i++) {
		const struct msi_route_vector *v = &all.list[i].v;
		struct message m = message_of(v->sent_address, v->sent_data);

		if (all.list[i].kind != kind)
			continue;
		printf("  %s:%-5u %-12s %02x %-8s %12llu %12llu %-7s %-6s %s\n",
		       kind_name(kind), v->vector,
		       v->address || v->data ? message_target(&m, target) : "-", m.vector,
		       m.mode, (unsigned long long)v->events, (unsigned long long)v->messages,
		       v->state & MSI_ROUTE_STATE_PENDING ? "pending" : "-",
		       v->state & MSI_ROUTE_STATE_MASKED ? "masked" : "-",
		       v->reason ? reason_name(v->reason) : "sent");
	}
	free_vectors(&all);
}

static void print_once(int device, const struct functions *all, const char *filter,
		       bool vectors)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE], line[512];
	__u32 kind;
	size_t i;

	printf("%-14s %-15s %-16s %6s %-4s %7s %12s %12s %12s %7s %7s %s\n", "VM", "NAME",
	       "FUNCTION", "NUMBER", "KIND", "VECTORS", "EVENTS", "MESSAGES", "COALESCED",
	       "PENDING", "DROPPED", "GATE");
	for (i = 0; i < all->nr; i++) {
		const struct function *fn = &all->list[i];

		for (kind = 0; kind < NR_KINDS; kind++) {
			const struct msi_route_counters *c = &fn->c[kind];

			if (!fn->f.caps[kind].max)
				continue;
			snprintf(line, sizeof(line),
				 "%-14s %-15s %-16s %6u %-4s %7u %12llu %12llu %12llu %7u %7llu %s",
				 vm_name(&fn->f, vm), vm_comm(&fn->f, comm), fn->f.name,
				 fn->f.number, kind_name(kind), fn->f.caps[kind].nr,
				 (unsigned long long)c->events, (unsigned long long)c->messages,
				 (unsigned long long)c->coalesced, c->pending,
				 (unsigned long long)events_lost(c),
				 gate_of(&fn->f.caps[kind]));
			if (!mentions(line, filter))
				continue;
			puts(line);
			if (vectors)
				print_vectors(device, &fn->f, kind);
		}
	}
}

/* ---- --json ---- */

static void json_vectors(int device, const struct msi_route_function *f, __u32 kind)
{
	struct vectors all;
	size_t i;

	if (observe_vectors(device, f, &all))
		return;
	json_begin("vector_list", '[');
	for (i = 0; i < all.nr; i++) {
		if (all.list[i].kind != kind)
			continue;
		json_begin(NULL, '{');
		json_vector(&all.list[i].v);
		json_end('}');
	}
	json_end(']');
	free_vectors(&all);
}

static void json_capability(int device, const struct function *fn, __u32 kind, bool vectors)
{
	const struct msi_route_capability *cap = &fn->f.caps[kind];
	const struct msi_route_counters *c = &fn->c[kind];
	size_t i;

	json_begin(NULL, '{');
	json_string("kind", kind_name(kind));
	json_number("vectors", cap->nr);
	json_number("max", cap->max);
	json_bool("enabled", cap->state & MSI_ROUTE_STATE_ENABLED);
	json_bool("function_mask", cap->state & MSI_ROUTE_STATE_FUNCTION_MASK);
	json_bool("bus_master", cap->state & MSI_ROUTE_STATE_BUS_MASTER);
	json_bool("open", !cap->reason);
	json_string("reason", reason_name(cap->reason));
	json_number("pending", c->pending);
	for (i = 0; i < nr_counters; i++)
		json_number(counters[i].name, counter_value(c, i));
	if (vectors)
		json_vectors(device, &fn->f, kind);
	json_end('}');
}

static void print_json(int device, const struct functions *all, const char *filter,
		       bool vectors)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE];
	__u32 kind;
	size_t i;

	json_begin(NULL, '{');
	json_number("version", 1);
	json_begin("functions", '[');
	for (i = 0; i < all->nr; i++) {
		const struct function *fn = &all->list[i];

		if (!function_mentions(&fn->f, filter))
			continue;
		json_begin(NULL, '{');
		json_string("vm", vm_name(&fn->f, vm));
		json_string("comm", vm_comm(&fn->f, comm));
		json_string("function", fn->f.name);
		json_number("number", fn->f.number);
		json_number("id", fn->f.id);
		json_bool("stopped", fn->f.stopped);
		json_begin("capabilities", '[');
		for (kind = 0; kind < NR_KINDS; kind++)
			if (fn->f.caps[kind].max)
				json_capability(device, fn, kind, vectors);
		json_end(']');
		json_end('}');
	}
	json_end(']');
	json_end('}');
	json_finish();
}

/* ---- options ---- */

enum { OPTION_JSON = 256, OPTION_OPENMETRICS, OPTION_VECTORS, OPTION_NO_COLOUR };

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "delay", required_argument, NULL, 'd' },
		{ "filter", required_argument, NULL, 'f' },
		{ "once", no_argument, NULL, '1' },
		{ "json", no_argument, NULL, OPTION_JSON },
		{ "openmetrics", no_argument, NULL, OPTION_OPENMETRICS },
		{ "vectors", no_argument, NULL, OPTION_VECTORS },
		{ "no-colour", no_argument, NULL, OPTION_NO_COLOUR },
		{ "no-color", no_argument, NULL, OPTION_NO_COLOUR },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct screen_options screen = {
		.delay = 1, .colours = !getenv("NO_COLOR"), .filter = "",
	};
	bool once = false, json = false, openmetrics = false, vectors = false;
	struct functions all;
	int option, ret;
	char *end;

	while ((option = getopt_long(argc, argv, "d:f:1h", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			screen.delay = strtod(optarg, &end);
			if (*end || !(screen.delay >= 0.1 && screen.delay <= 3600))
				errx(2, "%s: a delay is from 0.1 to 3600 seconds", optarg);
			break;
		case 'f':
			screen.filter = optarg;
			break;
		case '1':
			once = true;
			break;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_OPENMETRICS:
			openmetrics = true;
			break;
		case OPTION_VECTORS:
			vectors = true;
			break;
		case OPTION_NO_COLOUR:
			screen.colours = false;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc || (vectors && !once && !json)) {
		usage(stderr);
		return 2;
	}
	screen.device = observe_open();
	if (screen.device < 0)
		errx(1, "%s", observe_error(screen.device));
	if (!once && !json && !openmetrics)
		return screen_run(&screen);
	ret = observe_functions(screen.device, &all);
	if (ret)
		errx(1, "%s", observe_error(ret));
	if (openmetrics)
		print_openmetrics(&all, screen.filter);
	else if (json)
		print_json(screen.device, &all, screen.filter, vectors);
	else
		print_once(screen.device, &all, screen.filter, vectors);
	free_functions(&all);
	/* Whoever replaces a file with this must not replace it with half. */
	if (fflush(stdout) || ferror(stdout))
		err(1, "standard output");
	return 0;
}
