/* SPDX-License-Identifier: Apache-2.0 */
/* Sightings in transactions that come to nothing, in payloads, and in what is broken. */
#include <zstd.h>

#include "sighting_scene.h"

/* ---- transactions that come to nothing ---- */

static void give_query(struct scene *scene, const char *statement)
{
    buffer_clear(&scene->body);
    buffer_add_zeros(&scene->body, 13); /* thread, time, no database, no error, no status */
    buffer_add_number(&scene->body, 0, 1);
    buffer_add_text(&scene->body, statement);
    give(scene, BINLOG_QUERY, 1);
}

static void a_rolled_back_or_prepared_transaction_reports_nothing(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_report(&scene, 201, 4711);
    give_query(&scene, "ROLLBACK");
    CHECK(see(&scene, &found) == 0);
    give_report(&scene, 201, 4711);
    give_query(&scene, "ROLLBACK TO `one`");
    CHECK(see(&scene, &found) == 0);
    give_report(&scene, 201, 4711);
    give_query(&scene, "SAVEPOINT `one`");
    CHECK(see(&scene, &found) == 1);
    give_report(&scene, 201, 4711);
    buffer_clear(&scene.body);
    buffer_add_zeros(&scene.body, 20);
    give(&scene, BINLOG_XA_PREPARE, 1);
    CHECK(see(&scene, &found) == 0);
    give_report(&scene, 201, 4711);
    give_query(&scene, "COMMIT");
    CHECK(see(&scene, &found) == 1);
    close_scene(&scene);
}

static void a_reset_forgets_what_was_seen(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;

    give_report(&scene, 201, 4711);
    epoch_reader_reset(scene.reader);
    CHECK(!epoch_reader_wants(scene.reader, WRITE_ROWS));
    CHECK(see(&scene, &found) == 0);
    close_scene(&scene);
}

/* ---- compressed payloads ---- */

static void add_event(struct buffer *events, uint8_t type, struct bytes body)
{
    buffer_add_number(events, 1000, 4);
    buffer_add_number(events, type, 1);
    buffer_add_number(events, 1, 4);
    buffer_add_number(events, BINLOG_EVENT_HEADER_BYTES + body.size, 4);
    buffer_add_zeros(events, 4 + 2);
    buffer_add_bytes(events, body);
}

/* The body of a Transaction_payload event: (type, size, value)... (transaction_payload.h). */
static void make_payload(struct buffer *body, struct bytes events, size_t cut)
{
    struct buffer packed = {0};
    size_t bound = ZSTD_compressBound(events.size);

    buffer_add_zeros(&packed, bound);
    packed.size = ZSTD_compress(packed.data, bound, events.data, events.size, 3) - cut;
    buffer_clear(body);
    buffer_add_number(body, 2, 1); /* zstd */
    buffer_add_number(body, 1, 1);
    buffer_add_number(body, 0, 1);
    buffer_add_number(body, 1, 1); /* the payload's size */
    buffer_add_number(body, 3, 1);
    buffer_add_number(body, 0xFC, 1);
    buffer_add_number(body, packed.size, 2);
    buffer_add_number(body, 0, 1); /* the end of the header */
    buffer_add_bytes(body, buffer_bytes(&packed));
    buffer_release(&packed);
}

static void rows_in_payloads_are_seen_and_those_of_broken_ones_not(void)
{
    struct scene scene = watching(&kinds[0]);
    struct buffer events = {0};
    const struct sighting *found = NULL;

    made_table_map(&scene.body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", our_form, 5);
    add_event(&events, BINLOG_TABLE_MAP, buffer_bytes(&scene.body));
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, 4711, 198);
    add_event(&events, WRITE_ROWS, buffer_bytes(&scene.body));
    for (scene.part_bytes = 0; scene.part_bytes < PARTS_MOST; scene.part_bytes++) {
        make_payload(&scene.body, buffer_bytes(&events), 0);
        give(&scene, BINLOG_TRANSACTION_PAYLOAD, 1);
        CHECK(see(&scene, &found) == 1 && found->epoch == 4711);
        make_payload(&scene.body, buffer_bytes(&events), 5);
        give(&scene, BINLOG_TRANSACTION_PAYLOAD, 1);
        CHECK(see(&scene, &found) == 0);
    }
    buffer_release(&events);
    close_scene(&scene);
}

/* ---- hostile ---- */

static void what_is_cut_anywhere_harms_nobody(void)
{
    struct scene scene = watching(&kinds[0]);
    const struct sighting *found = NULL;
    size_t whole = 0;

    give_map(&scene, our_form, 5);
    begin_rows(&scene, 5, 1);
    add_ours(&scene, 0, 201, 4711, 198);
    whole = scene.body.size;
    (void)see(&scene, &found);
    for (size_t size = 0; size < whole; size++) {
        give_map(&scene, our_form, 5);
        begin_rows(&scene, 5, 1);
        add_ours(&scene, 0, 201, 4711, 198);
        scene.body.size = size;
        give(&scene, WRITE_ROWS, 1);
        CHECK(see(&scene, &found) == 0);
    }
    made_table_map(&scene.body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", our_form, 5);
    whole = scene.body.size;
    for (size_t size = 0; size < whole; size++) {
        made_table_map(&scene.body, HEARTBEAT_TABLE, "heartbeat", "heartbeat", our_form, 5);
        scene.body.size = size;
        give(&scene, BINLOG_TABLE_MAP, 1);
        begin_rows(&scene, 5, 1);
        add_ours(&scene, 0, 201, 4711, 198);
        give(&scene, WRITE_ROWS, 1);
        CHECK(see(&scene, &found) == 0);
    }
    close_scene(&scene);
}

int main(void)
{
    a_rolled_back_or_prepared_transaction_reports_nothing();
    a_reset_forgets_what_was_seen();
    rows_in_payloads_are_seen_and_those_of_broken_ones_not();
    what_is_cut_anywhere_harms_nobody();
    return 0;
}
