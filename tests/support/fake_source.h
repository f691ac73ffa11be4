/* SPDX-License-Identifier: Apache-2.0 */
/* A fake_session behind a port of 127.0.0.1, in a thread of its own; one connection at a time.
 */
#pragma once

#include <stdint.h>

#include "fake_session.h"

struct fake_source;

/* Takes the script over. */
struct fake_source *fake_source_start(struct fake_script script);

/* Releases the script too. */
void fake_source_stop(struct fake_source *source);

uint16_t fake_source_port(const struct fake_source *source);

/* The script, to be read or changed until it is unlocked; then a dump goes on with it. */
struct fake_script *fake_source_lock(struct fake_source *source);
void fake_source_unlock(struct fake_source *source);

/* Hangs up on whoever is connected. */
void fake_source_disconnect(struct fake_source *source);
