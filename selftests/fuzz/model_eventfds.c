// SPDX-License-Identifier: GPL-2.0
/* Eventfds: which vector has one, and the calls that attach, replace and detach them. */
#include <stddef.h>

#include "model_parts.h"

/* Returns the vector that has the eventfd, or NULL. */
static struct vector *consumer(struct model *m, int eventfd, unsigned int *kind,
			       unsigned int *vector)
{
	for (*kind = 0; *kind < NR_KINDS; (*kind)++)
		for (*vector = 0; *vector < m->cap[*kind].nr; (*vector)++)
			if (m->cap[*kind].vector[*vector].eventfds & 1U << eventfd)
				return &m->cap[*kind].vector[*vector];
	return NULL;
}

void model_signal(struct model *m, int eventfd, __u64 count)
{
	unsigned int kind, vector;

	if (consumer(m, eventfd, &kind, &vector))
		take_count(m, kind, vector, count);
	else
		m->count[eventfd] += count;
}

#define EVENTFD_FLAGS	(MSI_ROUTE_EVENTFD_REPLACE | MSI_ROUTE_EVENTFD_ADD | \
			 MSI_ROUTE_EVENTFD_REMOVE)
#define ONE_OF_THEM	(MSI_ROUTE_EVENTFD_ADD | MSI_ROUTE_EVENTFD_REMOVE)

static void set_eventfd(struct model *m, __u32 flags, unsigned int kind, unsigned int vector,
			int eventfd)
{
	struct vector *v = &m->cap[kind].vector[vector];
	__u32 had = v->eventfds, bit = eventfd == NO_EVENTFD ? 0 : 1U << eventfd;
	__u64 count;

	if (flags & MSI_ROUTE_EVENTFD_REMOVE) {
		v->eventfds &= ~bit;
		return;
	}
	v->eventfds = flags & MSI_ROUTE_EVENTFD_ADD ? had | bit : bit;
	if (!bit || had & bit)
		return;
	count = m->count[eventfd];
	m->count[eventfd] = 0;
	take_count(m, kind, vector, count);
}

/* A call that sets the eventfds of consecutive vectors. */
struct setting {
	__u32 flags, kind, first, nr;
	const int *eventfds;
};

/* Does the call take the vector's eventfd for another vector? */
static bool gives_up(const struct setting *s, unsigned int kind, unsigned int vector)
{
	int eventfd;

	if (kind != s->kind || vector < s->first || vector - s->first >= s->nr)
		return false;
	eventfd = s->eventfds[vector - s->first];
	return eventfd != MSI_ROUTE_EVENTFD_KEEP && !(s->flags & ONE_OF_THEM) &&
	       (eventfd == NO_EVENTFD || s->flags & MSI_ROUTE_EVENTFD_REPLACE);
}

static struct errors eventfd_errors(struct model *m, const struct setting *s, unsigned int n)
{
	struct vector *has, *v = &m->cap[s->kind].vector[s->first + n];
	const int eventfd = s->eventfds[n];
	const __u32 flags = s->flags;
	struct errors e = none;
	unsigned int i, j;

	may_fail(&e, eventfd == BAD_FD, EBADF);
	may_fail(&e, eventfd == NO_EVENTFD && flags & ONE_OF_THEM, EBADF);
	may_fail(&e, eventfd == FOREIGN_FD, EINVAL);
	may_fail(&e, eventfd != NO_EVENTFD && v->eventfds && !flags, EEXIST);
	if (eventfd < 0)
		return e;
	has = consumer(m, eventfd, &i, &j);
	may_fail(&e, has == v && flags & MSI_ROUTE_EVENTFD_ADD, EEXIST);
	if (flags & MSI_ROUTE_EVENTFD_REMOVE)
		may_fail(&e, has != v, ENOENT);
	else
		may_fail(&e, has && has != v && !gives_up(s, i, j), EBUSY);
	return e;
}

struct errors model_set_eventfd(struct model *m, __u32 flags, __u32 kind, __u32 vector,
				int eventfd)
{
	const struct setting s = { flags, kind, vector, 1, &eventfd };
	struct errors e = vector_errors(m, kind, vector, 1);
	struct vector *v;

	may_fail(&e, flags & ~EVENTFD_FLAGS, EOPNOTSUPP);
	may_fail(&e, flags & (flags - 1), EINVAL);
	if (e.nr)
		return e;
	v = &m->cap[kind].vector[vector];
	e = eventfd_errors(m, &s, 0);
	may_fail(&e, eventfd == NO_EVENTFD && !v->eventfds, ENOENT);
	if (!e.nr)
		set_eventfd(m, flags, kind, vector, eventfd);
	return e;
}

struct errors model_set_eventfds(struct model *m, __u32 flags, __u32 kind, __u32 first,
				 __u32 nr, const int *eventfds)
{
	const struct setting s = { flags, kind, first, nr, eventfds };
	struct errors e = vector_errors(m, kind, first, nr);
	unsigned int i, j;

	may_fail(&e, !nr, EINVAL);
	may_fail(&e, m->fault, EFAULT);
	may_fail(&e, flags & ~EVENTFD_FLAGS, EOPNOTSUPP);
	may_fail(&e, flags & (flags - 1), EINVAL);
	if (e.nr)
		return e;
	for (i = 0; i < nr; i++) {
		struct errors one;

		if (eventfds[i] == MSI_ROUTE_EVENTFD_KEEP)
			continue;
		one = eventfd_errors(m, &s, i);
		for (j = 0; j < one.nr; j++)
			may_fail(&e, true, one.of[j]);
		for (j = 0; j < i; j++)
			may_fail(&e, eventfds[i] >= 0 && eventfds[j] == eventfds[i] &&
				     !(flags & MSI_ROUTE_EVENTFD_REMOVE), ENOTUNIQ);
	}
	if (e.nr)
		return e;
	for (i = 0; i < nr; i++)
		if (eventfds[i] != MSI_ROUTE_EVENTFD_KEEP)
			set_eventfd(m, flags, kind, first + i, eventfds[i]);
	return e;
}
