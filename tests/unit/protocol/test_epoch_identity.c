/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/epoch_identity.h"

#include <string.h>
#include <zstd.h>

#include "apply_status.h"
#include "binlog_maker.h"
#include "check.h"

enum {
    OWN = 101,
    OTHER = 17,
    CLUSTER = 199,
    ROW_AT = 6 + 2 + 2 + 1 + 1 + 1, /* server_id of the first row, in the body */
    ROW_BYTES = 30,
};

#define EPOCH ((UINT64_C(115) << 32) | 7)

struct scene {
    struct binlog_maker maker;
    struct epoch_identity *identity;
    struct buffer body;
};

static struct scene begin(uint8_t bits, uint32_t server_id)
{
    struct scene scene = {.maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = OWN}};
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB, .server_id_bits = bits};

    binlog_maker_begin(&scene.maker);
    scene.identity = epoch_identity_new(&rules, server_id);
    return scene;
}

static void end(struct scene *scene)
{
    epoch_identity_free(scene->identity);
    binlog_maker_release(&scene->maker);
    buffer_release(&scene->body);
}

/* Gives an event that must come back as it is. */
static void pass(struct scene *scene, struct bytes event)
{
    struct bytes stored;
    struct error error;

    CHECK_OK(
        epoch_identity_event(scene->identity, event, scene->maker.checksum, &stored, &error),
        &error);
    CHECK(stored.data == event.data && stored.size == event.size);
}

/* Gives an event that must come back changed, and returns it. */
static struct bytes change(struct scene *scene, struct bytes event)
{
    struct bytes stored = {0};
    struct error error;

    CHECK_OK(
        epoch_identity_event(scene->identity, event, scene->maker.checksum, &stored, &error),
        &error);
    CHECK(stored.size == event.size);
    CHECK(memcmp(stored.data, event.data, event.size) != 0);
    if (scene->maker.checksum == BINLOG_CHECKSUM_CRC32) {
        CHECK(binlog_event_checksum_is_right(stored));
    }
    return stored;
}

static void begin_transaction(struct scene *scene, const char *table)
{
    pass(scene, binlog_maker_gtid(&scene->maker, 1, 5));
    pass(scene, binlog_maker_query(&scene->maker, "BEGIN"));
    apply_status_map(&scene->body, APPLY_STATUS_TABLE_ID, table);
    pass(scene, binlog_maker_add(&scene->maker, APPLY_STATUS_MAP, buffer_bytes(&scene->body)));
}

static void end_transaction(struct scene *scene)
{
    pass(scene, binlog_maker_query(&scene->maker, "COMMIT"));
}

static struct bytes add_row(struct scene *scene, uint32_t server_id)
{
    apply_status_begin_rows(&scene->body, APPLY_STATUS_TABLE_ID);
    apply_status_add_row(&scene->body, server_id, EPOCH);
    return binlog_maker_add(&scene->maker, APPLY_STATUS_WRITE_ROWS, buffer_bytes(&scene->body));
}

static uint32_t header_id(struct bytes event)
{
    return binlog_event_header_at(event.data).server_id;
}

static uint32_t row_id(struct bytes event, unsigned row)
{
    return bytes_u32_at(event.data + BINLOG_EVENT_HEADER_BYTES + ROW_AT + row * ROW_BYTES);
}

static void the_marker_gets_the_clusters_id_and_nothing_else_changes(void)
{
    struct scene scene = begin(0, CLUSTER);
    uint8_t wanted[128];
    struct bytes event;
    struct bytes stored;

    begin_transaction(&scene, "ndb_apply_status");
    event = add_row(&scene, OWN);
    CHECK(event.size <= sizeof(wanted));
    memcpy(wanted, event.data, event.size);
    bytes_put_u32(wanted + BINLOG_EVENT_SERVER_ID_AT, CLUSTER);
    bytes_put_u32(wanted + BINLOG_EVENT_HEADER_BYTES + ROW_AT, CLUSTER);
    stored = change(&scene, event);
    CHECK(memcmp(stored.data, wanted, event.size - BINLOG_CHECKSUM_BYTES) == 0);
    end_transaction(&scene);
    end(&scene);
}

static void an_event_without_a_checksum_gets_none(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct bytes stored;

    scene.maker.checksum = BINLOG_CHECKSUM_NONE;
    begin_transaction(&scene, "ndb_apply_status");
    stored = change(&scene, add_row(&scene, OWN));
    CHECK(header_id(stored) == CLUSTER && row_id(stored, 0) == CLUSTER);
    CHECK(stored.data[stored.size - 1] == 0); /* of end_pos */
    end(&scene);
}

static void high_bits_of_the_header_stay(void)
{
    struct scene scene = begin(7, 99);
    struct bytes stored;

    begin_transaction(&scene, "ndb_apply_status");
    scene.maker.server_id = 2147483521U; /* 0x7FFFFF81 */
    stored = change(&scene, add_row(&scene, 1));
    CHECK(header_id(stored) == (0x7FFFFF80U | 99));
    CHECK(row_id(stored, 0) == 99);
    end(&scene);
}

static void the_bits_may_become_known_later(void)
{
    struct scene scene = begin(0, 99);

    scene.maker.server_id = 0x80000001U;
    begin_transaction(&scene, "ndb_apply_status");
    pass(&scene, add_row(&scene, 1));
    end_transaction(&scene);
    epoch_identity_set_server_id_bits(scene.identity, 7);
    begin_transaction(&scene, "ndb_apply_status");
    (void)change(&scene, add_row(&scene, 1));
    end(&scene);
}

static void rows_of_other_clusters_are_left_alone(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct bytes stored;

    begin_transaction(&scene, "ndb_apply_status");
    pass(&scene, add_row(&scene, OTHER));
    apply_status_begin_rows(&scene.body, APPLY_STATUS_TABLE_ID);
    apply_status_add_row(&scene.body, OTHER, EPOCH);
    apply_status_add_row(&scene.body, OWN, EPOCH);
    apply_status_add_row(&scene.body, OWN, EPOCH);
    stored = change(&scene, binlog_maker_add(&scene.maker, APPLY_STATUS_WRITE_ROWS,
                                             buffer_bytes(&scene.body)));
    CHECK(row_id(stored, 0) == OTHER);
    CHECK(row_id(stored, 1) == CLUSTER);
    CHECK(row_id(stored, 2) == OWN); /* a transaction has one marker */
    pass(&scene, add_row(&scene, OTHER));
    pass(&scene, add_row(&scene, OWN));
    end_transaction(&scene);
    end(&scene);
}

static void each_transaction_has_its_own_marker(void)
{
    struct scene scene = begin(0, CLUSTER);

    for (int i = 0; i < 3; i++) {
        begin_transaction(&scene, "ndb_apply_status");
        (void)change(&scene, add_row(&scene, OWN));
        end_transaction(&scene);
    }
    end(&scene);
}

static void the_same_rows_of_another_table_are_no_marker(void)
{
    struct scene scene = begin(0, CLUSTER);

    begin_transaction(&scene, "ndb_apply_statu");
    pass(&scene, add_row(&scene, OWN));
    end_transaction(&scene);
    /* An id that becomes another table's. */
    begin_transaction(&scene, "ndb_apply_status");
    apply_status_map(&scene.body, APPLY_STATUS_TABLE_ID, "ndb_apply_status2");
    pass(&scene, binlog_maker_add(&scene.maker, APPLY_STATUS_MAP, buffer_bytes(&scene.body)));
    pass(&scene, add_row(&scene, OWN));
    end(&scene);
}

static void a_reset_forgets_the_tables(void)
{
    struct scene scene = begin(0, CLUSTER);

    begin_transaction(&scene, "ndb_apply_status");
    epoch_identity_reset(scene.identity);
    pass(&scene, add_row(&scene, OWN));
    end(&scene);
}

static void epoch_zero_and_deleted_rows_are_no_markers(void)
{
    enum { DELETE_ROWS = 32 };
    struct scene scene = begin(0, CLUSTER);

    begin_transaction(&scene, "ndb_apply_status");
    apply_status_begin_rows(&scene.body, APPLY_STATUS_TABLE_ID);
    apply_status_add_row(&scene.body, OWN, 0);
    pass(&scene,
         binlog_maker_add(&scene.maker, APPLY_STATUS_WRITE_ROWS, buffer_bytes(&scene.body)));
    apply_status_begin_rows(&scene.body, APPLY_STATUS_TABLE_ID);
    apply_status_add_row(&scene.body, OWN, EPOCH);
    pass(&scene, binlog_maker_add(&scene.maker, DELETE_ROWS, buffer_bytes(&scene.body)));
    end(&scene);
}

static void a_row_that_is_cut_is_no_marker(void)
{
    for (size_t cut = 1; cut <= ROW_BYTES + 5; cut++) {
        struct scene scene = begin(0, CLUSTER);
        struct bytes body;

        begin_transaction(&scene, "ndb_apply_status");
        apply_status_begin_rows(&scene.body, APPLY_STATUS_TABLE_ID);
        apply_status_add_row(&scene.body, OWN, EPOCH);
        body = buffer_bytes(&scene.body);
        body.size -= cut;
        pass(&scene, binlog_maker_add(&scene.maker, APPLY_STATUS_WRITE_ROWS, body));
        end(&scene);
    }
}

static void other_kinds_of_epochs_are_left_alone(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct epoch_rules rules = {.kind = EPOCH_KIND_HEARTBEAT};

    epoch_identity_free(scene.identity);
    scene.identity = epoch_identity_new(&rules, CLUSTER);
    begin_transaction(&scene, "ndb_apply_status");
    pass(&scene, add_row(&scene, OWN));
    end(&scene);
}

/* ---- payloads ---- */

enum { COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };

/* An epoch's events without checksums, one behind the other. */
static struct buffer epoch_content(uint32_t server_id)
{
    struct scene scene = begin(0, CLUSTER);
    struct buffer content = {0};
    size_t from = 0;

    scene.maker.checksum = BINLOG_CHECKSUM_NONE;
    scene.maker.server_id = server_id;
    from = scene.maker.file.size;
    (void)binlog_maker_query(&scene.maker, "BEGIN");
    apply_status_map(&scene.body, APPLY_STATUS_TABLE_ID, "ndb_apply_status");
    (void)binlog_maker_add(&scene.maker, APPLY_STATUS_MAP, buffer_bytes(&scene.body));
    (void)add_row(&scene, server_id);
    (void)binlog_maker_rows(&scene.maker, 40, 1);
    (void)binlog_maker_query(&scene.maker, "COMMIT");
    buffer_add(&content, scene.maker.file.data + from, scene.maker.file.size - from);
    end(&scene);
    return content;
}

static void add_field(struct buffer *body, unsigned type, uint64_t number)
{
    struct buffer value = {0};

    buffer_add_lenenc(&value, number);
    buffer_add_lenenc(body, type);
    buffer_add_lenenc_bytes(body, buffer_bytes(&value));
    buffer_release(&value);
}

static struct buffer payload_body(unsigned compression, struct bytes payload, size_t content)
{
    struct buffer body = {0};

    add_field(&body, 2, compression);
    add_field(&body, 3, content);
    add_field(&body, 1, payload.size);
    buffer_add_lenenc(&body, 0);
    buffer_add_bytes(&body, payload);
    return body;
}

static struct buffer compressed(struct bytes content)
{
    struct buffer frame = {0};
    size_t room = ZSTD_compressBound(content.size);

    frame.size = ZSTD_compress(buffer_room(&frame, room), room, content.data, content.size, 3);
    CHECK(ZSTD_isError(frame.size) == 0);
    return frame;
}

static void a_payload_that_is_not_compressed_is_changed_in_place(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct buffer content = epoch_content(OWN);
    struct buffer wanted = epoch_content(OWN);
    struct buffer body = payload_body(COMPRESSION_NONE, buffer_bytes(&content), content.size);
    struct bytes stored;
    size_t differing = 0;

    stored = change(&scene, binlog_maker_add(&scene.maker, BINLOG_TRANSACTION_PAYLOAD,
                                             buffer_bytes(&body)));
    CHECK(header_id(stored) == OWN); /* the payload's own stays */
    stored = binlog_event_body(stored, BINLOG_CHECKSUM_CRC32);
    stored.data += stored.size - content.size;
    for (size_t i = 0; i < content.size; i++) {
        differing += stored.data[i] != wanted.data[i] ? 1 : 0;
    }
    CHECK(differing == 2); /* the low byte of the row's id and of that event's header */
    buffer_release(&content);
    buffer_release(&wanted);
    buffer_release(&body);
    end(&scene);
}

static void a_payload_without_a_marker_is_left_alone(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct buffer content = {0};
    struct buffer frame;
    struct buffer body;

    scene.maker.checksum = BINLOG_CHECKSUM_NONE;
    buffer_add_bytes(&content, binlog_maker_query(&scene.maker, "BEGIN"));
    buffer_add_bytes(&content, binlog_maker_xid(&scene.maker));
    scene.maker.checksum = BINLOG_CHECKSUM_CRC32;
    frame = compressed(buffer_bytes(&content));
    body = payload_body(COMPRESSION_ZSTD, buffer_bytes(&frame), content.size);
    pass(&scene,
         binlog_maker_add(&scene.maker, BINLOG_TRANSACTION_PAYLOAD, buffer_bytes(&body)));
    buffer_release(&content);
    buffer_release(&frame);
    buffer_release(&body);
    end(&scene);
}

static enum status give_payload(unsigned compression, struct bytes payload, size_t content)
{
    struct scene scene = begin(0, CLUSTER);
    struct buffer body = payload_body(compression, payload, content);
    struct bytes stored;
    struct error error;
    enum status status = epoch_identity_event(
        scene.identity,
        binlog_maker_add(&scene.maker, BINLOG_TRANSACTION_PAYLOAD, buffer_bytes(&body)),
        BINLOG_CHECKSUM_CRC32, &stored, &error);

    buffer_release(&body);
    end(&scene);
    return status;
}

static void a_payload_that_cannot_be_read_is_refused(void)
{
    struct buffer content = epoch_content(OWN);
    struct buffer frame = compressed(buffer_bytes(&content));
    struct bytes whole = buffer_bytes(&frame);

    CHECK(give_payload(COMPRESSION_ZSTD, whole, content.size) == STATUS_OK);
    CHECK(give_payload(COMPRESSION_ZSTD, whole, content.size + 1) == STATUS_CORRUPT);
    CHECK(give_payload(COMPRESSION_ZSTD, buffer_bytes(&content), content.size) ==
          STATUS_CORRUPT);
    CHECK(give_payload(7, whole, content.size) == STATUS_INVALID);
    for (size_t size = 0; size < whole.size; size++) {
        CHECK(give_payload(COMPRESSION_ZSTD, (struct bytes){whole.data, size}, content.size) ==
              STATUS_CORRUPT);
    }
    for (size_t size = 1; size < content.size; size++) { /* cut within an event or behind one */
        struct bytes cut = {content.data, size};
        enum status status = give_payload(COMPRESSION_NONE, cut, size);

        CHECK(status == STATUS_OK || status == STATUS_CORRUPT);
    }
    buffer_release(&content);
    buffer_release(&frame);
}

static void a_payload_that_says_little_at_great_length_is_refused(void)
{
    enum { HUGE_BYTES = 80 * 1024 * 1024 };
    struct buffer zeros = {0};
    struct buffer frame;

    buffer_add_zeros(&zeros, HUGE_BYTES);
    frame = compressed(buffer_bytes(&zeros));
    buffer_release(&zeros);
    CHECK(give_payload(COMPRESSION_ZSTD, buffer_bytes(&frame), HUGE_BYTES) == STATUS_INVALID);
    buffer_release(&frame);
}

/* As from another version of the compressor. */
static void payloads_are_the_same_by_what_they_hold(void)
{
    struct scene scene = begin(0, CLUSTER);
    struct buffer content = epoch_content(OWN);
    struct buffer other = epoch_content(OTHER);
    struct buffer frame = compressed(buffer_bytes(&content));
    struct buffer body;
    struct buffer left = {0};
    struct buffer right = {0};

    body = payload_body(COMPRESSION_NONE, buffer_bytes(&content), content.size);
    buffer_add_bytes(
        &left, binlog_maker_add(&scene.maker, BINLOG_TRANSACTION_PAYLOAD, buffer_bytes(&body)));
    CHECK(epoch_identity_is_same(scene.identity, buffer_bytes(&left), buffer_bytes(&left),
                                 BINLOG_CHECKSUM_CRC32));
    buffer_release(&body);
    body = payload_body(COMPRESSION_NONE, buffer_bytes(&other), other.size);
    buffer_add_bytes(&right, buffer_bytes(&left));
    memcpy(right.data + BINLOG_EVENT_HEADER_BYTES, body.data, body.size);
    CHECK(!epoch_identity_is_same(scene.identity, buffer_bytes(&left), buffer_bytes(&right),
                                  BINLOG_CHECKSUM_CRC32));
    buffer_release(&content);
    buffer_release(&other);
    buffer_release(&frame);
    buffer_release(&body);
    buffer_release(&left);
    buffer_release(&right);
    end(&scene);
}

int main(void)
{
    the_marker_gets_the_clusters_id_and_nothing_else_changes();
    an_event_without_a_checksum_gets_none();
    high_bits_of_the_header_stay();
    the_bits_may_become_known_later();
    rows_of_other_clusters_are_left_alone();
    each_transaction_has_its_own_marker();
    the_same_rows_of_another_table_are_no_marker();
    a_reset_forgets_the_tables();
    epoch_zero_and_deleted_rows_are_no_markers();
    a_row_that_is_cut_is_no_marker();
    other_kinds_of_epochs_are_left_alone();
    a_payload_that_is_not_compressed_is_changed_in_place();
    a_payload_without_a_marker_is_left_alone();
    a_payload_that_cannot_be_read_is_refused();
    a_payload_that_says_little_at_great_length_is_refused();
    payloads_are_the_same_by_what_they_hold();
    return 0;
}
