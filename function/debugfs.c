// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: a directory for each function, for people to read.
 *
 * Programs use MSI_ROUTE_GET_FUNCTIONS and the like instead.  When a file is removed,
 * debugfs itself waits for whoever is reading it.
 */
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>

#include "function.h"
#include "../route/trace.h"

static struct dentry *root;

/* The names are those of the tracepoints. */
#undef EM
#undef EMe
#define EM(value, name)		[value] = name,
#define EMe(value, name)	[value] = name

static const char * const reasons[] = { MR_TRACE_REASONS };
static const char * const kinds[] = { MR_TRACE_KINDS };

/* ---- state ---- */

static bool mr_debugfs_bit(u32 state, u32 bit)
{
	return state & bit;
}

static int mr_state_show(struct seq_file *m, void *unused)
{
	struct msi_route_function f;
	u32 kind;

	mr_observe_function(m->private, &f);
	seq_printf(m, "function %s\nnumber %u\nid 0x%x\nvm %d-%d\nstopped %u\n",
		   f.name, f.number, f.id, f.vm_pid, f.vm_fd, f.stopped);
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		const struct msi_route_capability *c = &f.caps[kind];

		if (!c->max)
			continue;
		seq_printf(m, "%s vectors=%u of=%u enabled=%u function_mask=%u bus_master=%u open=%u reason=%s\n",
			   kinds[kind], c->nr, c->max,
			   mr_debugfs_bit(c->state, MSI_ROUTE_STATE_ENABLED),
			   mr_debugfs_bit(c->state, MSI_ROUTE_STATE_FUNCTION_MASK),
			   mr_debugfs_bit(c->state, MSI_ROUTE_STATE_BUS_MASTER),
			   !c->reason, reasons[c->reason]);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mr_state);

/* ---- counters ---- */

static void mr_debugfs_show_counters(struct seq_file *m, const char *kind,
				     const struct msi_route_counters *c)
{
	const struct {
		const char *name;
		u64 value;
	} lines[] = {
#define MR_COUNTER_LINE(name, end)	{ #name, c->name },
		MR_COUNTERS(MR_COUNTER_LINE)
#undef MR_COUNTER_LINE
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(m, "%s %s %llu\n", kind, lines[i].name,
			   lines[i].value);
}

static int mr_counters_show(struct seq_file *m, void *unused)
{
	struct msi_route_counters c;
	u32 kind;

	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		c = (struct msi_route_counters) {
			.kind = kind,
			.vector = MSI_ROUTE_ALL_VECTORS,
		};
		if (!mr_function_counters(m->private, &c))
			mr_debugfs_show_counters(m, kinds[kind], &c);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mr_counters);

/* ---- vectors: one at a time, however many there are ---- */

struct mr_debugfs_place {
	struct mr_cap *cap;
	u32 index;
};

/* Vector number @pos, counted over MSI-X, then MSI, then the message store. */
static bool mr_debugfs_find(struct mr_function *fn, loff_t pos, struct mr_debugfs_place *p)
{
	struct mr_cap *cap;

	mr_for_each_cap(cap, &fn->rq) {
		if (pos < cap->max) {
			p->cap = cap;
			p->index = pos;
			return true;
		}
		pos -= cap->max;
	}
	return false;
}

static void *mr_vectors_start(struct seq_file *m, loff_t *pos)
{
	struct mr_debugfs_place p;

	if (!*pos)
		return SEQ_START_TOKEN;
	return mr_debugfs_find(m->private, *pos - 1, &p) ? pos : NULL;
}

static void *mr_vectors_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct mr_debugfs_place p;

	for (++*pos; mr_debugfs_find(m->private, *pos - 1, &p); ++*pos) {
		if (p.index < READ_ONCE(p.cap->nr))
			return pos;
		/* The rest of the capability is not granted: skip it. */
		*pos += p.cap->max - p.index - 1;
	}
	return NULL;
}

static void mr_vectors_stop(struct seq_file *m, void *v)
{
}

static void mr_debugfs_show_vector(struct seq_file *m, const char *kind,
				   const struct msi_route_vector *d)
{
	seq_printf(m, "%s %u 0x%llx 0x%x 0x%llx 0x%x %u %u %u %u %s %s %llu %llu %llu\n",
		   kind, d->vector, d->address, d->data, d->sent_address,
		   d->sent_data, mr_debugfs_bit(d->state, MSI_ROUTE_STATE_MASKED),
		   mr_debugfs_bit(d->state, MSI_ROUTE_STATE_PENDING),
		   mr_debugfs_bit(d->state, MSI_ROUTE_STATE_HELD),
		   mr_debugfs_bit(d->state, MSI_ROUTE_STATE_EVENTFD), reasons[d->reason],
		   reasons[d->last], d->events, d->messages, d->coalesced);
}

static int mr_vectors_show(struct seq_file *m, void *token)
{
	struct msi_route_vector d;
	struct mr_vector *v;
	struct mr_debugfs_place p;

	if (token == SEQ_START_TOKEN) {
		seq_puts(m, "# kind vector address data sent_address sent_data masked pending held eventfd reason last events messages coalesced\n");
		return 0;
	}
	if (!mr_debugfs_find(m->private, *(loff_t *)token - 1, &p))
		return SEQ_SKIP;
	rcu_read_lock();
	v = mr_vector_find(p.cap, p.index);
	if (v)
		mr_observe_vector(v, &d);
	rcu_read_unlock();
	if (!v)
		return SEQ_SKIP;
	mr_debugfs_show_vector(m, kinds[p.cap->kind], &d);
	return 0;
}

static const struct seq_operations mr_vectors_sops = {
	.start = mr_vectors_start,
	.next = mr_vectors_next,
	.stop = mr_vectors_stop,
	.show = mr_vectors_show,
};
DEFINE_SEQ_ATTRIBUTE(mr_vectors);

/* ---- life ---- */

/**
 * mr_debugfs_add() - make a function's directory
 * @fn: the function, complete
 *
 * There is none if debugfs is missing or fails.
 *
 * Context: process, may sleep.
 */
void mr_debugfs_add(struct mr_function *fn)
{
	char name[40];

	scnprintf(name, sizeof(name), "%d-%d-%u", fn->rq.vm.pid, fn->rq.vm.fd,
		  fn->number);
	fn->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("state", 0400, fn->debugfs, fn, &mr_state_fops);
	debugfs_create_file("counters", 0400, fn->debugfs, fn,
			    &mr_counters_fops);
	debugfs_create_file("vectors", 0400, fn->debugfs, fn,
			    &mr_vectors_fops);
}

/**
 * mr_debugfs_remove() - remove a function's directory
 * @fn: the function
 *
 * Context: process, waits for whoever reads a file in it.
 */
void mr_debugfs_remove(struct mr_function *fn)
{
	debugfs_remove(fn->debugfs);
}

void mr_debugfs_module_init(void)
{
	root = debugfs_create_dir("msi_route", NULL);
}

void mr_debugfs_module_exit(void)
{
	debugfs_remove(root);
}
