/* SPDX-License-Identifier: Apache-2.0 */
/* The router as the registry makes and ends it. */
#pragma once

#include "binrelay/registry/report_router.h"
#include "registry_internal.h"

/* Routes to the appliers that the registry opens. Borrows it. */
struct report_router *report_router_new(struct registry *registry);

/* Accepts NULL. */
void report_router_free(struct report_router *router);
