/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to the source: socket events become calls of upstream_run(). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "puller_internal.h"

enum {
    CONNECT_USEC = 10000000,       /* for all addresses of the host */
    ANSWER_USEC = 10000000,        /* for any answer but a dump's */
    SEARCH_USEC = 120000000,       /* for finding GTIDs in many files */
    TURN_BYTES = 32 * 1024 * 1024, /* then messages and timers have their turn */
};

static void tell_facts(struct puller *puller)
{
    struct upstream *upstream = puller->upstream;
    char text[160];

    if (puller->has_told_facts || !upstream->has_facts) {
        return;
    }
    puller->has_told_facts = true;
    cluster_board_set_facts(puller->options.board, &upstream->facts);
    if (upstream->has_other_uuid) {
        (void)snprintf(text, sizeof(text), "server_uuid %s instead of %s",
                       upstream->facts.server_uuid, puller->kept.facts.server_uuid);
        log_warning("cluster %s: source %s: another server: %s", puller->options.cluster,
                    puller->source_name, text);
        puller_add_event(puller, "source.changed", text);
    }
    if (upstream->lacks_semi_sync && !puller->has_warned_semi_sync) {
        puller->has_warned_semi_sync = true;
        log_warning("cluster %s: source %s: semi-sync is off there; going on without",
                    puller->options.cluster, puller->source_name);
    }
}

/* What the way of the answer took is so much less than what clocks differ by, or no matter. */
static void tell_clock(struct puller *puller)
{
    struct upstream *upstream = puller->upstream;

    if (upstream->source_usec > 0) {
        cluster_board_set_clock_offset(
            puller->options.board,
            (int64_t)(upstream->source_usec - clock_wall_usec(puller->options.clock)));
        upstream->source_usec = 0;
    }
}

static void set_idle_limit(struct puller *puller)
{
    uint64_t limit = puller->options.read_timeout_usec;
    enum upstream_state state = puller->upstream->state;

    if (state == UPSTREAM_LOCATING) {
        limit = SEARCH_USEC;
    } else if (state < UPSTREAM_DUMPING && limit < ANSWER_USEC) {
        limit = ANSWER_USEC;
    }
    if (limit != puller->idle_limit_usec) {
        puller->idle_limit_usec = limit;
        connection_set_idle_limit(puller->connection, limit);
    }
}

static void note_streaming(struct puller *puller)
{
    if (puller->is_streaming || puller->upstream->state != UPSTREAM_STREAMING) {
        return;
    }
    puller->is_streaming = true;
    puller->streaming_since_usec = clock_monotonic_usec(puller->options.clock);
    puller->numbers.connects++;
    puller_set_state(puller, PULL_STREAMING, "");
    if (memcmp(&puller->kept.facts, &puller->upstream->facts, sizeof(puller->kept.facts)) !=
        0) {
        puller->kept.facts = puller->upstream->facts;
        registry_save_cluster(puller->options.registry, puller->options.cluster, &puller->kept,
                              NULL);
    }
}

static void send_output(struct puller *puller)
{
    struct buffer *output = &puller->upstream->output;

    if (output->size > 0) {
        connection_send(puller->connection, buffer_bytes(output));
        buffer_clear(output);
    }
}

/* ---- what a step asks for ---- */

static void begin_place(struct puller *puller)
{
    struct upstream *upstream = puller->upstream;

    puller->first_place = upstream->located;
    puller->has_first_place = true;
    puller->kept.first_visible = (struct binlog_position){0};
    if (upstream->first_visible != 0) {
        puller->kept.first_visible =
            (struct binlog_position){upstream->located.file, upstream->first_visible};
    }
    puller->kept.upstream_shift = 0;
    puller->kept.shift_from_file = 0;
    puller->kept.previous_shift = 0;
    log_info("cluster %s: begins with %s.%06" PRIu64 ":%" PRIu64, puller->options.cluster,
             puller->first_place.base_name, puller->first_place.file,
             upstream->first_visible > 0 ? upstream->first_visible : upstream->located.offset);
    puller_hang_up(puller);
    puller_save(puller, PULLER_SAVES_PLACE);
}

/*
 * What the registry has must suit whatever is there after a crash: the shift
 * holds from a file on that is not begun yet, and the one before it for the
 * files before. So a file with a third shift must not be lost any more.
 */
static void hold_for_shift(struct puller *puller)
{
    struct intake *intake = &puller->upstream->intake;
    struct error error = {0};

    if (binlog_store_durable_end(puller->options.store).file < puller->kept.shift_from_file) {
        (void)error_set(&error, STATUS_AGAIN,
                        "file numbers part from the source's twice; waits"
                        " until the first of these files is durable");
        puller_fail(puller, PULL_WAITING, &error);
        return;
    }
    connection_pause_input(puller->connection, true);
    connection_set_idle_limit(puller->connection, 0);
    puller->idle_limit_usec = 0;
    puller->kept.previous_shift = puller->kept.upstream_shift;
    puller->kept.shift_from_file = intake->at.file + 1;
    puller->kept.upstream_shift = intake->wanted_shift;
    log_warning("cluster %s: file numbers part from the source's by %" PRId64,
                puller->options.cluster, intake->wanted_shift);
    puller_save(puller, PULLER_SAVES_SHIFT);
}

static void fail_session(struct puller *puller)
{
    struct upstream *upstream = puller->upstream;

    if (upstream->intake.is_bad_event) {
        puller->numbers.bad_events++;
        log_error("cluster %s: source %s: %s", puller->options.cluster, puller->source_name,
                  upstream->error.message);
        puller_add_event(puller, "event.bad", upstream->error.message);
    }
    puller_fail(puller, upstream->blame, &upstream->error);
}

static void begin_tls(struct puller *puller)
{
    send_output(puller);
    connection_start_tls_client(puller->connection, puller->tls, puller->source.host);
}

/* Does what the step says. True if the connection goes on and there may be more to read. */
static bool obey(struct puller *puller, enum upstream_step step)
{
    struct error error = {0};

    switch (step) {
    case UPSTREAM_WAIT:
        send_output(puller);
        return true;
    case UPSTREAM_WHOLE:
        if (puller_sync_now(puller, &error) == STATUS_OK) {
            return true;
        }
        puller_fail(puller, store_fault_state(&error), &error);
        return false;
    case UPSTREAM_SECURE:
        begin_tls(puller);
        return false;
    case UPSTREAM_HOLD:
        hold_for_shift(puller);
        return false;
    case UPSTREAM_LOCATED:
        begin_place(puller);
        return false;
    case UPSTREAM_FAILED:
        fail_session(puller);
        return false;
    case UPSTREAM_AGAIN:
        break;
    }
    return false;
}

/* Runs on what is in the input. True if there may be more to read now. */
static bool run_once(struct puller *puller, size_t *taken)
{
    enum upstream_step step = UPSTREAM_WHOLE;

    *taken = 0;
    while (step == UPSTREAM_WHOLE) {
        size_t size = 0;

        step = upstream_run(puller->upstream, connection_input(puller->connection), &size);
        connection_consume(puller->connection, size);
        *taken += size;
        tell_facts(puller);
        tell_clock(puller);
        if (!obey(puller, step)) {
            return false;
        }
        set_idle_limit(puller);
        note_streaming(puller);
    }
    return puller->upstream->state >= UPSTREAM_DUMPING;
}

static void end_turn(struct puller *puller)
{
    struct error error = {0};

    if (puller->upstream == NULL || puller->upstream->state < UPSTREAM_DUMPING) {
        return;
    }
    intake_tell(&puller->upstream->intake, &puller->numbers);
    puller->numbers.last_event_usec = clock_wall_usec(puller->options.clock);
    if (puller_flush(puller, &error) != STATUS_OK) {
        puller_fail(puller, store_fault_state(&error), &error);
        return;
    }
    puller_show_numbers(puller);
}

static void on_input(void *context)
{
    struct puller *puller = context;
    size_t total = 0;
    size_t taken = 0;

    while (run_once(puller, &taken)) {
        total += taken;
        /* At the end, on_closed follows by itself. */
        if (total >= TURN_BYTES || connection_read_more(puller->connection) != STATUS_OK) {
            break;
        }
    }
    end_turn(puller);
}

void puller_release_hold(struct puller *puller)
{
    upstream_kept(puller->upstream);
    connection_pause_input(puller->connection, false);
    on_input(puller);
}

/* ---- the other events of a socket ---- */

static void on_connected(void *context)
{
    set_idle_limit(context);
}

static void on_secure(void *context)
{
    struct puller *puller = context;

    upstream_secured(puller->upstream);
    send_output(puller);
}

static void on_closed(void *context, const struct error *why)
{
    struct puller *puller = context;
    bool was_tls = puller->upstream->state == UPSTREAM_SECURING &&
                   why->status != STATUS_CLOSED && why->status != STATUS_SYSTEM;

    puller_fail(puller, was_tls ? PULL_MISCONFIGURED : PULL_WAITING, why);
}

static const struct connection_handler handler = {
    .on_input = on_input,
    .on_connected = on_connected,
    .on_secure = on_secure,
    .on_closed = on_closed,
};

/* ---- beginning and end ---- */

static enum status make_tls(struct puller *puller, struct error *error)
{
    const struct source_options *source = &puller->source;
    struct tls_files files = {
        .certificate = source->tls_certificate, .key = source->tls_key, .ca = source->tls_ca};
    enum tls_check check = TLS_CHECK_NOTHING;

    if (source->tls_mode == SOURCE_TLS_OFF) {
        return STATUS_OK;
    }
    if (source->tls_mode == SOURCE_TLS_VERIFY_CA) {
        check = TLS_CHECK_CA;
    } else if (source->tls_mode == SOURCE_TLS_VERIFY_IDENTITY) {
        check = TLS_CHECK_IDENTITY;
    }
    return tls_new_client(&puller->tls, files, check, error);
}

static struct upstream *make_upstream(struct puller *puller)
{
    const struct puller_options *options = &puller->options;
    struct upstream *upstream = mem_zeroed(sizeof(*upstream));
    struct upstream_task task = {
        .cluster = options->cluster,
        .server_id = options->server_id,
        .replica_uuid = puller->replica_uuid,
        .source = &puller->source,
        .start = &options->start,
        .heartbeat_period_usec = options->heartbeat_period_usec,
        .semi_sync = options->semi_sync,
        .one_at_a_time = options->sync_mode == STORE_SYNC_ALWAYS,
        .is_identity_virtual = options->is_identity_virtual,
        .log_name = options->log_name,
        .store = options->store,
        .kept = &puller->kept,
        .first_place = puller->has_first_place ? &puller->first_place : NULL,
    };

    upstream_begin(upstream, &task);
    return upstream;
}

void puller_connect(struct puller *puller)
{
    struct cluster_report now;
    struct error error = {0};

    cluster_board_read(puller->options.board, &now);
    if (now.state == PULL_STARTING || now.state == PULL_PAUSED || now.state == PULL_STREAMING) {
        /* Any other state stands, with its reason, until a try succeeds. */
        puller_set_state(puller, PULL_CONNECTING, "");
    }
    if (make_tls(puller, &error) != STATUS_OK) {
        puller_fail(puller, PULL_MISCONFIGURED, &error);
        return;
    }
    puller_take_password(puller);
    puller->began_behind = binlog_store_tail(puller->options.store).end;
    puller->acknowledged = (struct binlog_position){0};
    puller->ack_in_sync = (struct intake_ack){0};
    puller->upstream = make_upstream(puller);
    puller->connection = connection_dial(puller->loop, puller->source.host, puller->source.port,
                                         CONNECT_USEC, DUMP_INPUT_BYTES);
    connection_set_handler(puller->connection, &handler, puller);
}

void puller_hang_up(struct puller *puller)
{
    connection_free(puller->connection);
    puller->connection = NULL;
    puller->idle_limit_usec = 0;
    puller->is_streaming = false;
    puller->has_told_facts = false;
    tls_unref(puller->tls);
    puller->tls = NULL;
    if (puller->upstream != NULL) {
        intake_tell(&puller->upstream->intake, &puller->numbers);
        upstream_release(puller->upstream);
        free(puller->upstream);
        puller->upstream = NULL;
    }
}
