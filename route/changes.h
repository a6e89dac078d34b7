/* SPDX-License-Identifier: GPL-2.0 */
/* What the guest changed: marks, and how the VMM takes them. */
#ifndef MR_CHANGES_H
#define MR_CHANGES_H

#include <linux/atomic.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "../msi_route.h"

struct eventfd_ctx;
struct mr_cap;
struct mr_requester;
struct mr_vector;

/**
 * struct mr_changes - what the guest changed
 * @wanted: bits of enum msi_route_change that the VMM asked for.  If it is not 0,
 *	@marked exists
 * @cursor: where the next call goes on; under rq->config
 * @forgotten: how often all marks were forgotten; changed under rq->config
 * @notified: the VMM knows that there are marks
 * @marked: vectors with changes, and capabilities whose control registers changed
 * @ctx: the eventfd, or NULL; changed under rq->config, while @work does not run
 * @work: signals @ctx
 */
struct mr_changes {
	u32 wanted;
	u32 cursor;
	u32 forgotten;
	atomic_t notified;
	unsigned long *marked;
	struct eventfd_ctx *ctx;
	struct work_struct work;
};

/* All bits of enum msi_route_change that a VMM can ask for. */
#define MR_CHANGES_ALL							\
	(MSI_ROUTE_CHANGE_USED | MSI_ROUTE_CHANGE_UNMASKED |		\
	 MSI_ROUTE_CHANGE_MASKED | MSI_ROUTE_CHANGE_MESSAGE |		\
	 MSI_ROUTE_CHANGE_CONTROL | MSI_ROUTE_CHANGE_STEERING)

/* Largest element, in bytes, of a caller's array that the module fills. */
#define MR_MAX_STRIDE		4096

void mr_changes_init(struct mr_requester *rq);
void mr_changes_destroy(struct mr_requester *rq);
int mr_changes_configure(struct mr_requester *rq, u32 changes,
			 struct eventfd_ctx **ctx);
int mr_changes_set(struct mr_requester *rq, u32 changes, int fd);
u32 mr_changes_collect(struct mr_requester *rq,
		       struct msi_route_vector_change *r, u32 room);
bool mr_changes_left(struct mr_requester *rq);
void mr_changes_give_back(struct mr_requester *rq, u32 forgotten,
			  const struct msi_route_vector_change *r);
int mr_changes_take(struct mr_requester *rq, struct msi_route_get_changes *g);
void mr_changes_forget(struct mr_requester *rq);
u32 mr_change_written(const struct mr_vector *v);
void mr_change_vector(struct mr_vector *v, u32 changes);
void mr_change_used(struct mr_vector *v, bool masked);
void mr_change_forget(struct mr_vector *v);
void mr_change_opened(struct mr_cap *cap);
void mr_change_control(struct mr_cap *cap);
u32 mr_cap_state(const struct mr_cap *cap);
int mr_copy_elements(u64 user, u32 stride, const void *elements, u32 size, u32 nr);

#endif /* MR_CHANGES_H */
