/* SPDX-License-Identifier: Apache-2.0 */
#include "upstream.h"

#include <assert.h>

#include "binrelay/base/log.h"
#include "binrelay/protocol/command.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/storage/epoch_index.h"
#include "upstream_internal.h"

#define TO(state) (1U << UPSTREAM_##state)

static const struct {
    const char *name;
    enum upstream_step (*step)(struct upstream *upstream);
    unsigned next; /* set of TO(state); any state may end */
} rules[UPSTREAM_STATE_COUNT] = {
    /* clang-format off */
    [UPSTREAM_GREETING]       = {"greeting",       upstream_greet,        TO(SECURING) | TO(AUTHENTICATING)},
    [UPSTREAM_SECURING]       = {"securing",       upstream_wait_for_tls, TO(AUTHENTICATING)},
    [UPSTREAM_AUTHENTICATING] = {"authenticating", upstream_authenticate, TO(ASKING)},
    [UPSTREAM_ASKING]         = {"asking",         upstream_ask,          TO(LOCATING) | TO(REGISTERING)},
    [UPSTREAM_LOCATING]       = {"locating",       upstream_locate,       0},
    [UPSTREAM_REGISTERING]    = {"registering",    upstream_register,     TO(DUMPING)},
    [UPSTREAM_DUMPING]        = {"dumping",        upstream_dump,         TO(STREAMING)},
    [UPSTREAM_STREAMING]      = {"streaming",      upstream_dump,         0},
    /* clang-format on */
};

static_assert(UPSTREAM_STATE_COUNT <= 32, "TO() keeps one bit for each state");

bool upstream_may_move(enum upstream_state from, enum upstream_state next)
{
    return (rules[from].next & (1U << next)) != 0;
}

void upstream_move_to(struct upstream *upstream, enum upstream_state next)
{
    assert(upstream_may_move(upstream->state, next));
    log_debug("cluster %s: source: %s -> %s", upstream->task.cluster,
              rules[upstream->state].name, rules[next].name);
    upstream->state = next;
}

const char *upstream_state_name(enum upstream_state state)
{
    return rules[state].name;
}

void upstream_begin(struct upstream *upstream, const struct upstream_task *task)
{
    struct epoch_rules epoch_rules = epoch_index_rules(task->store);

    upstream->task = *task;
    upstream->start = *task->start;
    upstream->intake.cluster = task->cluster;
    upstream->intake.store = task->store;
    upstream->intake.log_name = task->log_name;
    upstream->intake.shift = task->kept->upstream_shift;
    upstream->intake.tail = binlog_store_tail(task->store);
    if (task->is_identity_virtual && epoch_rules.kind == EPOCH_KIND_NDB) {
        upstream->intake.identity = epoch_identity_new(&epoch_rules, task->server_id);
    }
}

void upstream_release(struct upstream *upstream)
{
    buffer_release(&upstream->output);
    result_set_release(&upstream->answer);
    source_logs_release(&upstream->logs);
    intake_release(&upstream->intake);
}

enum upstream_step upstream_run(struct upstream *upstream, struct bytes input, size_t *taken)
{
    enum upstream_step step = UPSTREAM_AGAIN;

    upstream->input = input;
    while (step == UPSTREAM_AGAIN) {
        step = rules[upstream->state].step(upstream);
    }
    *taken = input.size - upstream->input.size;
    upstream->input = (struct bytes){0};
    return step;
}

void upstream_secured(struct upstream *upstream)
{
    upstream->is_secure = true;
    upstream_move_to(upstream, UPSTREAM_AUTHENTICATING);
    upstream_send_login(upstream);
}

void upstream_kept(struct upstream *upstream)
{
    upstream->intake.shift = upstream->intake.wanted_shift;
}

void upstream_acknowledge(struct upstream *upstream, const struct intake_ack *ack)
{
    struct buffer payload = {0};
    char name[BINLOG_NAME_BYTES];

    binlog_name_print(name, upstream->intake.base_name, ack->upstream.file);
    semisync_reply_encode(&payload, ack->upstream.offset, name);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
}

/* ---- for the steps ---- */

enum upstream_step upstream_fail(struct upstream *upstream, enum pull_state blame)
{
    upstream->blame = blame;
    return UPSTREAM_FAILED;
}

enum upstream_step upstream_fail_answer(struct upstream *upstream, enum source_stage stage)
{
    if (upstream->error.sql_code != 0) {
        struct bytes words = bytes_of_text(upstream->error.message);

        return upstream_fail(
            upstream, source_fault_state((unsigned)upstream->error.sql_code, words, stage));
    }
    return upstream_fail(upstream, PULL_MISCONFIGURED);
}

enum upstream_step upstream_refused(struct upstream *upstream,
                                    struct bytes payload,
                                    enum source_stage stage)
{
    upstream->error.status = result_error_deny(payload, &upstream->error);
    return upstream_fail_answer(upstream, stage);
}

enum upstream_step upstream_next_payload(struct upstream *upstream,
                                         size_t limit,
                                         struct bytes *payload)
{
    struct packet packet;
    enum status status = packet_find(&packet, upstream->input, limit, &upstream->error);

    if (status == STATUS_AGAIN) {
        return UPSTREAM_WAIT;
    }
    if (status != STATUS_OK) {
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    upstream->input.data += packet.taken;
    upstream->input.size -= packet.taken;
    upstream->sequence = (uint8_t)(packet.sequence + 1);
    *payload = packet.payload;
    return UPSTREAM_AGAIN;
}

void upstream_send(struct upstream *upstream, const struct buffer *payload)
{
    packet_add(&upstream->output, buffer_bytes(payload), &upstream->sequence);
}

void upstream_send_command(struct upstream *upstream, const struct buffer *payload)
{
    upstream->sequence = 0;
    upstream_send(upstream, payload);
}

void upstream_send_query(struct upstream *upstream, struct bytes statement)
{
    struct buffer payload = {0};

    buffer_add_number(&payload, COMMAND_QUERY, 1);
    buffer_add_bytes(&payload, statement);
    upstream_send_command(upstream, &payload);
    buffer_release(&payload);
}
