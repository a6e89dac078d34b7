/* SPDX-License-Identifier: GPL-2.0 */
/* Eventfds that are attached to vectors. */
#ifndef MR_EVENTFD_H
#define MR_EVENTFD_H

#include <linux/types.h>

struct mr_cap;

int mr_eventfd_set(struct mr_cap *cap, u32 index, int fd, u32 flags);
int mr_eventfd_set_many(struct mr_cap *cap, u32 first, const s32 *fds, u32 nr,
			u32 flags);
void mr_eventfd_remove(struct mr_cap *cap, u32 index);
void mr_eventfd_detach_all(struct mr_cap *cap);
void mr_eventfd_remove_all(struct mr_cap *cap);

#endif /* MR_EVENTFD_H */
