// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "message.h"
#include "table.h"

/* With a space between them they fit into 80 characters. */
static const struct column vm_columns[] = {
	{ "VM", 14, false }, { "NAME", 15, false }, { "FUNCS", 5, true },
	{ "VECTORS", 8, true }, { "EVENTS/s", 9, true }, { "SENT/s", 9, true },
	{ "PENDING", 7, true }, { "DROPS", 5, true },
};

static const struct column function_columns[] = {
	{ "FUNCTION", 16, false }, { "KIND", 4, false }, { "VECTORS", 8, true },
	{ "EVENTS/s", 9, true }, { "SENT/s", 9, true }, { "PENDING", 7, true },
	{ "DROPS", 5, true }, { "GATE", 13, false },
};

static const struct column vector_columns[] = {
	{ "VECTOR", 7, true }, { "TO", 11, false }, { "VEC", 3, false },
	{ "MODE", 7, false }, { "EVENTS/s", 9, true }, { "SENT", 8, true },
	{ "PEND", 4, false }, { "MASK", 4, false }, { "LOST", 5, true },
	{ "NOW", 13, false },
};

const struct column *columns_of(enum view view, int *nr)
{
	switch (view) {
	case VIEW_VMS:
		*nr = ARRAY_SIZE(vm_columns);
		return vm_columns;
	case VIEW_FUNCTIONS:
		*nr = ARRAY_SIZE(function_columns);
		return function_columns;
	default:
		*nr = ARRAY_SIZE(vector_columns);
		return vector_columns;
	}
}

/* ---- rows ---- */

static int make_table(struct table *t, enum view view, size_t nr)
{
	t->columns = columns_of(view, &t->nr_columns);
	t->nr = 0;
	t->rows = calloc(nr + 1, sizeof(*t->rows));
	return t->rows ? 0 : -ENOMEM;
}

void free_table(struct table *t)
{
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

static void __attribute__((format(printf, 3, 4)))
set_text(struct row *r, int column, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(r->cell[column], CELL_SIZE, format, list);
	va_end(list);
}

/* Four digits at least are seen of whatever it is. */
static void set_number(struct row *r, int column, double value)
{
	static const char units[] = " kMGTP";
	const char *unit = units;

	r->key[column] = value;
	for (; value >= 99999.5 && unit[1]; value /= 1000)
		unit++;
	if (unit == units)
		set_text(r, column, "%.0f", value);
	else
		set_text(r, column, "%.*f%c", value < 999.95 ? 1 : 0, value, *unit);
}

static double rate(__u64 now, __u64 before, double seconds)
{
	return seconds > 0 && now > before ? (now - before) / seconds : 0;
}

bool same_id(const struct id *a, const struct id *b)
{
	return !memcmp(a, b, sizeof(*a));
}

const struct function *find_function(const struct functions *all, __u32 number)
{
	size_t i;

	for (i = 0; i < all->nr; i++)
		if (all->list[i].f.number == number)
			return &all->list[i];
	return NULL;
}

/* What happened since @before; nothing is known of one that is new. */
struct activity {
	double events, sent;
	__u64 pending, lost;
	__u32 vectors;
};

static void add_activity(struct activity *a, const struct function *fn, __u32 kind,
			 const struct function *old, double seconds)
{
	const struct msi_route_counters *c = &fn->c[kind];

	a->vectors += fn->f.caps[kind].nr;
	a->pending += c->pending;
	a->lost += events_lost(c);
	if (!old)
		return;
	a->events += rate(c->events, old->c[kind].events, seconds);
	a->sent += rate(c->messages, old->c[kind].messages, seconds);
}

static void set_activity(struct row *r, int first, const struct activity *a)
{
	set_number(r, first, a->vectors);
	set_number(r, first + 1, a->events);
	set_number(r, first + 2, a->sent);
	set_number(r, first + 3, a->pending);
	set_number(r, first + 4, a->lost);
	r->warn = a->lost;
	r->wait = a->pending;
}

static bool of_vm(const struct msi_route_function *f, const struct id *id)
{
	return f->vm_pid == id->vm_pid && f->vm_fd == id->vm_fd;
}

static bool vm_is_known(const struct table *t, const struct msi_route_function *f)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (of_vm(f, &t->rows[i].id))
			return true;
	return false;
}

int table_of_vms(struct table *t, const struct functions *now, const struct functions *before)
{
	const double seconds = now->seconds - before->seconds;
	char name[VM_NAME_SIZE], comm[COMM_SIZE];
	size_t i, j;
	__u32 kind;

	if (make_table(t, VIEW_VMS, now->nr))
		return -ENOMEM;
	for (i = 0; i < now->nr; i++) {
		const struct msi_route_function *f = &now->list[i].f;
		struct row *r = &t->rows[t->nr];
		struct activity a = {};
		size_t functions = 0;

		if (vm_is_known(t, f))
			continue;
		for (j = i; j < now->nr; j++) {
			const struct function *fn = &now->list[j];

			if (fn->f.vm_pid != f->vm_pid || fn->f.vm_fd != f->vm_fd)
				continue;
			functions++;
			for (kind = 0; kind < NR_KINDS; kind++)
				add_activity(&a, fn, kind, find_function(before, fn->f.number),
					     seconds);
		}
		r->id.vm_pid = f->vm_pid;
		r->id.vm_fd = f->vm_fd;
		set_text(r, 0, "%s", vm_name(f, name));
		set_text(r, 1, "%.*s", CELL_SIZE - 1, vm_comm(f, comm));
		set_number(r, 2, functions);
		set_activity(r, 3, &a);
		t->nr++;
	}
	return 0;
}

int table_of_functions(struct table *t, const struct functions *now,
		       const struct functions *before, const struct id *of)
{
	const double seconds = now->seconds - before->seconds;
	size_t i;
	__u32 kind;

	if (make_table(t, VIEW_FUNCTIONS, now->nr * NR_KINDS))
		return -ENOMEM;
	for (i = 0; i < now->nr; i++) {
		const struct function *fn = &now->list[i];

		if (!of_vm(&fn->f, of))
			continue;
		for (kind = 0; kind < NR_KINDS; kind++) {
			const __u32 reason = fn->f.caps[kind].reason;
			struct row *r = &t->rows[t->nr];
			struct activity a = {};

			if (!fn->f.caps[kind].max)
				continue;
			r->id = (struct id) {
				.vm_pid = fn->f.vm_pid, .vm_fd = fn->f.vm_fd,
				.function = fn->f.number, .kind = kind,
			};
			add_activity(&a, fn, kind, find_function(before, fn->f.number), seconds);
			set_text(r, 0, "%s", fn->f.name);
			set_text(r, 1, "%s", kind_name(kind));
			set_activity(r, 2, &a);
			set_text(r, 7, "%s", reason ? reason_name(reason) : "open");
			t->nr++;
		}
	}
	return 0;
}

static const struct msi_route_vector *find_vector(const struct vectors *all,
						  const struct vector *v)
{
	size_t i = 0, guess;

	/* Most often they are as many as before. */
	for (guess = v->v.vector; guess < all->nr && i < NR_KINDS; guess++, i++)
		if (all->list[guess].kind == v->kind && all->list[guess].v.vector == v->v.vector)
			return &all->list[guess].v;
	for (i = 0; i < all->nr; i++)
		if (all->list[i].kind == v->kind && all->list[i].v.vector == v->v.vector)
			return &all->list[i].v;
	return NULL;
}

int table_of_vectors(struct table *t, const struct vectors *now, const struct vectors *before,
		     const struct id *of)
{
	const double seconds = now->seconds - before->seconds;
	char target[TARGET_SIZE];
	size_t i;

	if (make_table(t, VIEW_VECTORS, now->nr))
		return -ENOMEM;
	for (i = 0; i < now->nr; i++) {
		const struct msi_route_vector *v = &now->list[i].v, *old;
		struct message m = message_of(v->sent_address, v->sent_data);
		bool pending = v->state & MSI_ROUTE_STATE_PENDING;
		__u64 settled = v->messages + v->coalesced + pending;
		struct row *r = &t->rows[t->nr];

		if (now->list[i].kind != of->kind)
			continue;
		old = find_vector(before, &now->list[i]);
		r->id = *of;
		r->id.vector = v->vector;
		r->wait = pending;
		r->warn = v->events > settled;
		set_number(r, 0, v->vector);
		if (v->address || v->data) {
			set_text(r, 1, "%s", message_target(&m, target));
			set_text(r, 2, "%02x", m.vector);
			set_text(r, 3, "%s", m.mode);
		}
		set_number(r, 4, old ? rate(v->events, old->events, seconds) : 0);
		set_number(r, 5, v->messages);
		set_text(r, 6, "%s", pending ? "yes" : "");
		set_text(r, 7, "%s", v->state & MSI_ROUTE_STATE_MASKED ? "yes" : "");
		set_number(r, 8, v->events > settled ? v->events - settled : 0);
		set_text(r, 9, "%s", v->reason ? reason_name(v->reason) : "sent");
		t->nr++;
	}
	return 0;
}

/* ---- order ---- */

static bool matches(const struct table *t, const struct row *r, const char *filter)
{
	int i;

	if (!*filter)
		return true;
	for (i = 0; i < t->nr_columns; i++)
		if (strcasestr(r->cell[i], filter))
			return true;
	return false;
}

static const struct table *sorted;
static const struct order *sorted_by;

/* Rows that are equal stay where they are. */
static int compare_ids(const struct id *a, const struct id *b)
{
	const __u32 left[] = { a->vm_pid, a->vm_fd, a->function, a->kind, a->vector };
	const __u32 right[] = { b->vm_pid, b->vm_fd, b->function, b->kind, b->vector };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(left); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	const int i = sorted_by->column;
	int ret;

	if (sorted->columns[i].number)
		ret = (a->key[i] < b->key[i]) - (a->key[i] > b->key[i]);
	else
		ret = strcmp(a->cell[i], b->cell[i]);
	if (sorted_by->reverse)
		ret = -ret;
	return ret ?: compare_ids(&a->id, &b->id);
}

void table_order(struct table *t, const struct order *order)
{
	size_t i, nr = 0;

	for (i = 0; i < t->nr; i++)
		if (matches(t, &t->rows[i], order->filter))
			t->rows[nr++] = t->rows[i];
	t->nr = nr;
	sorted = t;
	sorted_by = order;
	qsort(t->rows, t->nr, sizeof(*t->rows), compare);
}
