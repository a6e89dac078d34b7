// SPDX-License-Identifier: GPL-2.0
/* Any registers that the specification allows, in the gates' order: all is in effect. */
#include "harness.h"

void proof_any_registers(void)
{
	struct spec_function f = proof_spec();
	struct msi_route_state s;	/* any */

	ASSUME(spec_state_valid(&f, &s, MR_HOLD_MAX_NS));
	proof_fn.rq.bus_master = s.bus_master;
	proof_fn.msix.control = s.msix_control;
	proof_fn.msi.control = s.msi_control;
	proof_fn.msi.address_lo = s.msi_address_lo;
	proof_fn.msi.address_hi = s.msi_address_hi;
	proof_fn.msi.data = s.msi_data;
	proof_fn.msi.mask = s.msi_mask;
	proof_fn.grant.request = s.grant_request;
	proof_fn.grant.status = s.grant_status;
	mr_function_gate(&proof_fn);
	proof_fn.msi.pending = s.msi_pending;
	/* What happened until now is not what a harness looks at. */
	proof_changes = 0;
	kernel_killed = false;
}
