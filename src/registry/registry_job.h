/* SPDX-License-Identifier: Apache-2.0 */
/* Work on the registry's thread, which alone touches control.db, for somebody who waits. */
#pragma once

#include "binrelay/base/worker.h"

typedef enum status (*registry_job_fn)(void *context, struct error *error);

/* Runs it on the worker's thread, behind all that was posted before, and returns what it
 * returned. Any thread but the worker's. */
MUST_CHECK enum status registry_job_run(struct worker *worker,
                                        registry_job_fn run,
                                        void *context,
                                        struct error *error);
