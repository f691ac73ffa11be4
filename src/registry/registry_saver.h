/* SPDX-License-Identifier: Apache-2.0 */
/* Saves what need not be durable at once: soon, and at most once a second. */
#pragma once

#include "registry_internal.h"

void registry_saver_prepare(struct registry *registry);

/* The worker's thread, or when it has ended: saves what has changed. */
void registry_saver_save(struct registry *registry);

/* Before the worker is stopped: what fails now is not tried again. */
void registry_saver_close(struct registry *registry);
