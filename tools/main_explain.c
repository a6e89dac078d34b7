// SPDX-License-Identifier: GPL-2.0
/* msi_route-explain: where did my interrupt go? */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "json.h"

#define WIDTH	79

static void usage(FILE *to)
{
	fputs("usage: msi_route-explain [--json] VM FUNCTION VECTOR\n"
	      "Shows where the interrupts of a vector went, and which rule held them.\n"
	      "  VM        PID or PID-FD, its name in KVM's debugfs\n"
	      "  FUNCTION  its name, such as 0000:00:04.0, or the number that\n"
	      "            msi_route-top shows\n"
	      "  VECTOR    number, or KIND:NUMBER; KIND is msix, msi or ims\n"
	      "  --json    for programs\n"
	      "  --help    this\n"
	      "Status: 0 success, 1 there is no such vector or you may not see it, 2 usage.\n", to);
}

static bool is_vm(const struct msi_route_function *f, const char *vm)
{
	char name[VM_NAME_SIZE];
	size_t len = strlen(vm);

	vm_name(f, name);
	return !strcmp(name, vm) || (!strchr(vm, '-') && !strncmp(name, vm, len) &&
				     name[len] == '-');
}

static bool is_function(const struct msi_route_function *f, const char *function)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", f->number);
	return !strcmp(f->name, function) || !strcmp(number, function);
}

static const struct function *choose(const struct functions *all, const char *vm,
				     const char *function)
{
	const struct function *found = NULL;
	bool has_vm = false;
	size_t i;

	for (i = 0; i < all->nr; i++) {
		if (!is_vm(&all->list[i].f, vm))
			continue;
		has_vm = true;
		if (!is_function(&all->list[i].f, function))
			continue;
		if (found)
			errx(1, "VM %s has several functions %s: take the number, %u or %u",
			     vm, function, found->f.number, all->list[i].f.number);
		found = &all->list[i];
	}
	if (!has_vm)
		errx(1, "no function of a VM %s, or you may not see it (CAP_PERFMON)", vm);
	if (!found)
		errx(1, "VM %s has no function %s", vm, function);
	return found;
}

/* Without a kind: of the first one that the function has. */
static void parse_vector(const struct msi_route_function *f, const char *text, __u32 *kind,
			 __u32 *index)
{
	const char *number = strchr(text, ':');
	unsigned long value;
	char *end;

	if (number) {
		for (*kind = 0; *kind < NR_KINDS; (*kind)++)
			if (!strncmp(text, kind_name(*kind), number - text) &&
			    strlen(kind_name(*kind)) == (size_t)(number - text))
				break;
		if (*kind == NR_KINDS)
			errx(2, "%s: the kind is msix, msi or ims", text);
		number++;
	} else {
		for (*kind = 0; *kind < NR_KINDS - 1 && !f->caps[*kind].max; (*kind)++)
			;
		number = text;
	}
	errno = 0;
	value = strtoul(number, &end, 0);
	if (!isdigit((unsigned char)*number) || *end || errno || value > 0xffffffff)
		errx(2, "%s: no number of a vector", text);
	*index = value;
	if (!f->caps[*kind].max)
		errx(1, "function %s has no %s", f->name, kind_name(*kind));
}

/* Breaks lines at spaces. */
static void print_wrapped(const char *indent, const char *text)
{
	size_t width = WIDTH - strlen(indent), len;

	while (*text) {
		len = strcspn(text, "\n");
		if (len > width) {
			len = width;
			while (len && text[len] != ' ')
				len--;
			if (!len)
				len = strcspn(text, " \n");
		}
		printf("%s%.*s\n", indent, (int)len, text);
		text += len;
		text += strspn(text, " \n");
	}
}

static void print_text(const struct function *fn, __u32 kind,
		       const struct msi_route_vector *v, const struct explanation *e)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE];
	unsigned int i;

	printf("Vector %s:%u of function %s, VM %s", kind_name(kind), v->vector, fn->f.name,
	       vm_name(&fn->f, vm));
	if (vm_comm(&fn->f, comm)[0])
		printf(" (%s)", comm);
	putchar('\n');
	for (i = 0; i < e->nr; i++) {
		print_wrapped("", e->list[i].text);
		if (!e->list[i].rule)
			continue;
		printf("    Rule %u%c\n", e->list[i].rule, e->list[i].again ? '.' : ':');
		if (!e->list[i].again)
			print_wrapped("        ", rule_text(e->list[i].rule));
	}
}

static void print_json(const struct function *fn, __u32 kind,
		       const struct msi_route_vector *v, const struct explanation *e)
{
	char vm[VM_NAME_SIZE], comm[COMM_SIZE];
	unsigned int i;

	json_begin(NULL, '{');
	json_string("vm", vm_name(&fn->f, vm));
	json_string("comm", vm_comm(&fn->f, comm));
	json_string("function", fn->f.name);
	json_number("number", fn->f.number);
	json_string("kind", kind_name(kind));
	json_vector(v);
	json_begin("findings", '[');
	for (i = 0; i < e->nr; i++) {
		json_begin(NULL, '{');
		json_string("key", e->list[i].key);
		if (e->list[i].reason)
			json_string("reason", e->list[i].reason);
		json_string("text", e->list[i].text);
		if (e->list[i].rule) {
			json_number("rule", e->list[i].rule);
			json_string("rule_text", rule_text(e->list[i].rule));
		}
		json_end('}');
	}
	json_end(']');
	json_end('}');
	json_finish();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	const struct function *fn;
	struct msi_route_vector v;
	struct functions all;
	struct explanation e;
	int device, option, ret;
	bool json = false;
	__u32 kind, index;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind != 3) {
		usage(stderr);
		return 2;
	}
	device = observe_open();
	if (device < 0)
		errx(1, "%s", observe_error(device));
	ret = observe_functions(device, &all);
	if (ret)
		errx(1, "%s", observe_error(ret));
	fn = choose(&all, argv[optind], argv[optind + 1]);
	parse_vector(&fn->f, argv[optind + 2], &kind, &index);
	ret = observe_vector(device, fn->f.number, kind, index, &v);
	if (ret)
		errx(1, ret == -ECHRNG ? "function %s has no vector %s:%u" :
		     "function %s has gone, with vector %s:%u", fn->f.name,
		     kind_name(kind), index);
	explain(fn, kind, &v, &e);
	if (json)
		print_json(fn, kind, &v, &e);
	else
		print_text(fn, kind, &v, &e);
	free_functions(&all);
	return 0;
}
