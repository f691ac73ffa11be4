/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the endpoint's SQL without an endpoint: statement in, result set or error out. */
#pragma once

#include <string.h>

#include "../../src/serve/session_directory.h"
#include "../../src/serve/sql/sql_answer.h"
#include "../../src/serve/sql/sql_engine.h"
#include "binrelay/protocol/handshake.h"
#include "binrelay/protocol/packet.h"
#include "binrelay/protocol/result.h"
#include "binrelay/registry/registry.h"
#include "served_cluster.h"

enum { ANSWER_MOST_BYTES = 64 * 1024 * 1024, ASKER_RIGHTS = 15, ASKER_CLOCK_SEC = 1700000000 };

struct asker {
    struct test_cluster cluster;
    struct clock clock;
    struct registry *registry;
    struct sql_engine *engine;
    struct sql_world world;
    pthread_mutex_t writing;
    struct sql_refused refused;
    atomic_bool is_purging;
    _Atomic uint64_t clock_usec;      /* what the clock says, on the registry's thread too */
    _Atomic uint64_t clock_step_usec; /* how much later it is at each look */
    uint64_t affected;                /* rows, of the last answer that was OK, as the next */
    unsigned warnings;
    struct sql_session sql;
    struct result_set set; /* of the last answer */
    struct error error;    /* of the last answer */
};

static inline uint64_t asker_clock(void *context)
{
    struct asker *asker = context;

    asker->clock_usec += asker->clock_step_usec;
    return asker->clock_usec;
}

static inline void ignore_end(struct session *session, enum session_end why)
{
    (void)session;
    (void)why;
}

static inline void asker_open_by(struct asker *asker, enum epoch_kind epochs)
{
    struct error error;

    *asker = (struct asker){
        .clock = {.context = asker, .monotonic_usec = asker_clock, .wall_usec = asker_clock},
        .clock_usec = ASKER_CLOCK_SEC * UINT64_C(1000000) + 500000};
    test_cluster_open_with(&asker->cluster, "east", 199, (struct epoch_rules){.kind = epochs});
    CHECK_OK(registry_open(&asker->registry, asker->cluster.parent, &asker->clock, &error),
             &error);
    CHECK_OK(sql_engine_new(&asker->engine, &error), &error);
    CHECK(pthread_mutex_init(&asker->writing, NULL) == 0);
    asker->world = (struct sql_world){
        .clusters = &asker->cluster.served,
        .cluster_count = 1,
        .heartbeats = registry_heartbeats(asker->registry),
        .heartbeat_name = "heartbeat.heartbeat",
        .writing = &asker->writing,
        .pins = registry_pins(asker->registry),
        .reports = registry_reports(asker->registry),
        .registry = asker->registry,
        .refused = &asker->refused,
        .is_purging = &asker->is_purging,
    };
    asker->sql.world = &asker->world;
    asker->sql.clock = &asker->clock;
    asker->sql.directory = session_directory_new(ignore_end);
    asker->sql.cluster = &asker->cluster.served;
    asker->sql.id = 7;
    asker->sql.rights = ASKER_RIGHTS;
    asker->sql.port = 3306;
    strcpy(asker->sql.version, "8.4.0");
    strcpy(asker->sql.user, "repl");
    strcpy(asker->sql.host, "10.0.0.7");
}

static inline void asker_open(struct asker *asker)
{
    asker_open_by(asker, EPOCH_KIND_NONE);
}

static inline void asker_close(struct asker *asker)
{
    result_set_release(&asker->set);
    sql_assigned_release(&asker->sql.assigned);
    session_directory_unref(asker->sql.directory);
    sql_engine_free(asker->engine);
    registry_close(asker->registry);
    (void)pthread_mutex_destroy(&asker->writing);
    test_cluster_close(&asker->cluster);
}

/* Returns the MySQL error number, 0 for an answer that is none. */
static inline int ask_bytes(struct asker *asker, struct bytes statement)
{
    struct buffer output = {0};
    struct result_writer writer = {.output = &output, .sequence = 1, .server_status = 2};
    struct bytes input;
    struct packet packet;
    struct error error;
    enum status status = STATUS_AGAIN;
    uint8_t sequence = 1;

    result_set_release(&asker->set);
    asker->set = (struct result_set){0};
    asker->error.sql_code = 0;
    sql_answer(&asker->sql, asker->engine, statement, &writer);
    input = buffer_bytes(&output);
    while (status == STATUS_AGAIN) {
        CHECK_OK(packet_find(&packet, input, PACKET_MOST_BYTES - 1, &error), &error);
        CHECK(packet.sequence == sequence);
        sequence++;
        asker->affected = result_is_ok(packet.payload) ? packet.payload.data[1] : 0;
        asker->warnings = result_is_ok(packet.payload) ? packet.payload.data[5] : 0;
        status = result_set_next(&asker->set, packet.payload, ANSWER_MOST_BYTES, &asker->error);
        input.data += packet.taken;
        input.size -= packet.taken;
    }
    CHECK(input.size == 0); /* one answer, no more */
    CHECK(writer.sequence == sequence);
    buffer_release(&output);
    CHECK(status == STATUS_OK || status == STATUS_DENIED);
    return status == STATUS_OK ? 0 : asker->error.sql_code;
}

static inline int ask(struct asker *asker, const char *statement)
{
    return ask_bytes(asker, bytes_of_text(statement));
}

static inline size_t rows_of(const struct asker *asker)
{
    return result_set_rows(&asker->set);
}

/* True if that value of the last answer is the text; NULL stands for SQL NULL. */
static inline bool is_value(const struct asker *asker,
                            size_t row,
                            size_t column,
                            const char *text)
{
    struct bytes value = result_set_value(&asker->set, row, column);

    if (text == NULL || value.data == NULL) {
        return text == NULL && value.data == NULL && row < rows_of(asker);
    }
    if (!bytes_equal(value, bytes_of_text(text))) {
        fprintf(stderr, "it is '%.*s'\n", (int)value.size, (const char *)value.data);
        return false;
    }
    return true;
}

/* The same for a statement whose answer is one value. */
static inline bool is_answer(struct asker *asker, const char *statement, const char *text)
{
    if (ask(asker, statement) != 0 || rows_of(asker) != 1 || asker->set.columns != 1) {
        fprintf(stderr, "%s: error %d %s, %zu rows\n", statement, asker->error.sql_code,
                asker->error.message, rows_of(asker));
        return false;
    }
    return is_value(asker, 0, 0, text);
}
