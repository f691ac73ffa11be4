/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of upstream_*.c share: the steps of the state table, and their tools. */
#pragma once

#include "upstream.h"

/* The steps, one for each state. */
enum upstream_step upstream_greet(struct upstream *upstream);
enum upstream_step upstream_wait_for_tls(struct upstream *upstream);
enum upstream_step upstream_authenticate(struct upstream *upstream);
enum upstream_step upstream_ask(struct upstream *upstream);
enum upstream_step upstream_locate(struct upstream *upstream);
enum upstream_step upstream_register(struct upstream *upstream);
enum upstream_step upstream_dump(struct upstream *upstream);

/* The only way to change state. Asserts that the move is one of the table. */
void upstream_move_to(struct upstream *upstream, enum upstream_state next);

/* Login, from the greeting on: sends the handshake response. */
void upstream_send_login(struct upstream *upstream);

/* Sends the first question. */
void upstream_begin_asking(struct upstream *upstream);

/* All questions are answered: decides between locating and pulling, and moves there. */
enum upstream_step upstream_choose_place(struct upstream *upstream);

/* upstream->error is filled. */
enum upstream_step upstream_fail(struct upstream *upstream, enum pull_state blame);

/* The source sent an error packet. */
enum upstream_step upstream_refused(struct upstream *upstream,
                                    struct bytes payload,
                                    enum source_stage stage);

/* upstream->error is what a decoder said: an error packet's words or a broken packet. */
enum upstream_step upstream_fail_answer(struct upstream *upstream, enum source_stage stage);

/* Takes the next payload of up to `limit` bytes from the input. AGAIN if there is one. */
enum upstream_step upstream_next_payload(struct upstream *upstream,
                                         size_t limit,
                                         struct bytes *payload);

/* Frames a payload and adds it to the output. A command begins a new sequence. */
void upstream_send(struct upstream *upstream, const struct buffer *payload);
void upstream_send_command(struct upstream *upstream, const struct buffer *payload);
void upstream_send_query(struct upstream *upstream, struct bytes statement);

/*
 * The id that we have as this source's replica. MySQL tells its replicas apart by uuid, so it
 * is the cluster's. MariaDB knows only the id, and ends a dump when the same one comes again:
 * two relays of a cluster must differ, so it is made from the uuid.
 */
uint32_t upstream_replica_id(const struct upstream *upstream);
