/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check.h"
#include "dump_rig.h"

enum { SOURCES = 3, FOREIGN = 9, FILES = 4, PER_FILE = 40 };

/* xorshift64: the same rounds every time. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Asks by GTID, with what the replica has. */
static void ask_by_gtid(struct test_replica *replica,
                        const struct gtid_set *set,
                        struct buffer *encoded)
{
    buffer_clear(encoded);
    gtid_set_encode(set, encoded);
    replica->request.command.is_by_gtid = true;
    replica->request.command.gtid_set = buffer_bytes(encoded);
}

/* The replica must have got what is written without what it had, and stand at the end. */
static void check_got_the_rest(const struct test_replica *replica, const struct gtid_set *had)
{
    struct gtid_set *expected = gtid_set_copy(replica->rig->log.gtids);

    gtid_set_subtract(expected, had);
    CHECK(gtid_set_equals(replica->got, expected));
    gtid_set_free(expected);
}

static void write_random_log(struct dump_rig *rig, uint64_t *random, uint64_t *numbers)
{
    for (unsigned file = 0; file < FILES; file++) {
        log_writer_next_file(&rig->log);
        for (unsigned i = 0; i < PER_FILE; i++) {
            uint8_t source = (uint8_t)(1 + next_random(random) % SOURCES);
            bool is_large = next_random(random) % 20 == 0;

            log_writer_transaction(&rig->log, source, ++numbers[source], 1 + i % 3,
                                   is_large ? 100 * 1024 : 50 + i);
        }
    }
    log_writer_publish(&rig->log);
    rig_set_caught_up(rig);
}

/* Up to some place, everything, nothing, or with holes anywhere. */
static struct gtid_set *make_random_set(uint64_t *random, const uint64_t *numbers)
{
    struct gtid_set *set = gtid_set_new();
    uint64_t way = next_random(random) % 4;

    for (uint8_t source = 1; source <= SOURCES; source++) {
        uint64_t up_to = next_random(random) % (numbers[source] + 1);

        for (uint64_t number = 1; number <= numbers[source]; number++) {
            struct gtid gtid = gtid_of(source, number);
            bool is_in = way == 0   ? number <= up_to
                         : way == 1 ? next_random(random) % 2 == 0
                         : way == 2 ? next_random(random) % 30 != 0
                                    : number <= up_to || next_random(random) % 25 == 0;

            if (is_in) {
                gtid_set_add(set, &gtid);
            }
        }
    }
    return set;
}

static void leaves_out_exactly_what_the_replica_has(void)
{
    uint64_t random = 0x2545F4914F6CDD1DU;

    for (unsigned round = 0; round < 12; round++) {
        uint64_t numbers[SOURCES + 1] = {0};
        struct dump_rig rig;

        rig_open(&rig, false);
        write_random_log(&rig, &random, numbers);
        for (unsigned try = 0; try < 10; try++) {
            struct gtid_set *had = make_random_set(&random, numbers);
            struct buffer encoded = {0};
            struct test_replica replica;

            test_replica_open(&replica, &rig, "", 4);
            ask_by_gtid(&replica, had, &encoded);
            test_replica_start(&replica);
            test_replica_run_to_end(&replica);
            check_got_the_rest(&replica, had);
            test_replica_close(&replica);
            buffer_release(&encoded);
            gtid_set_free(had);
        }
        rig_close(&rig);
    }
}

static void gives_all_to_a_replica_that_has_nothing(void)
{
    uint64_t random = 7;
    uint64_t numbers[SOURCES + 1] = {0};
    struct gtid_set *nothing = gtid_set_new();
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    write_random_log(&rig, &random, numbers);
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, nothing, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    check_got_the_rest(&replica, nothing);
    CHECK(replica.rotates == FILES);
    CHECK(replica.formats_for_middle == 0 && replica.formats_for_rest == 0);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(nothing);
    rig_close(&rig);
}

/* It reconnects where it was: one Rotate opens the stream, one moves it to the end. */
static void tells_a_replica_that_has_all_where_the_end_is(void)
{
    uint64_t random = 11;
    uint64_t numbers[SOURCES + 1] = {0};
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    write_random_log(&rig, &random, numbers);
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, rig.log.gtids, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(gtid_set_is_empty(replica.got));
    CHECK(replica.rotates <= 2);
    CHECK(replica.formats_for_middle == 0 && replica.formats_for_rest == 1);

    /* And from there on all that comes, as a plain stream. */
    struct gtid_set *had = gtid_set_copy(rig.log.gtids);

    for (unsigned i = 0; i < 5; i++) {
        log_writer_transaction(&rig.log, 1, ++numbers[1], 1, 100);
        log_writer_publish(&rig.log);
        dump_pump(replica.dump);
        test_replica_run_to_end(&replica);
    }
    check_got_the_rest(&replica, had);
    CHECK(replica.rotates <= 2);
    gtid_set_free(had);
    test_replica_close(&replica);
    buffer_release(&encoded);
    rig_close(&rig);
}

/* A UUID that was never stored here is the replica's own affair, until it turns up. */
static void leaves_out_what_turns_up_later(void)
{
    uint64_t random = 13;
    uint64_t numbers[SOURCES + 1] = {0};
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    write_random_log(&rig, &random, numbers);
    struct gtid_set *had = gtid_set_copy(rig.log.gtids);

    for (uint64_t number = 1; number <= 5; number++) {
        struct gtid gtid = gtid_of(FOREIGN, number);

        gtid_set_add(had, &gtid);
    }
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, had, &encoded);
    test_replica_start(&replica);
    for (uint64_t number = 1; number <= 8; number++) {
        if (number == 4) {
            log_writer_next_file(&rig.log);
        }
        log_writer_transaction(&rig.log, FOREIGN, number, 1, 100);
        log_writer_transaction(&rig.log, 1, ++numbers[1], 1, 100);
        log_writer_publish(&rig.log);
        dump_pump(replica.dump);
        test_replica_run_to_end(&replica);
    }
    check_got_the_rest(&replica, had);
    CHECK(gtid_set_count(replica.got) == 8 + 3);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

/* mysqlbinlog names a file and what it does not want of it. */
static void leaves_out_of_a_file_that_was_named(void)
{
    uint64_t random = 17;
    uint64_t numbers[SOURCES + 1] = {0};
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    write_random_log(&rig, &random, numbers);
    struct gtid_set *had = make_random_set(&random, numbers);

    test_replica_open(&replica, &rig, "binlog.000001", 4);
    replica.request.command.flags = DUMP_NON_BLOCK;
    ask_by_gtid(&replica, had, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_eof(&replica);
    check_got_the_rest(&replica, had);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

static bool has_heartbeat(void *context)
{
    const struct test_replica *replica = context;

    return replica->heartbeats > 0;
}

static void heartbeats_say_where_the_replica_is(void)
{
    uint64_t random = 19;
    uint64_t numbers[SOURCES + 1] = {0};
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    write_random_log(&rig, &random, numbers);
    test_replica_open(&replica, &rig, "", 4);
    replica.request.heartbeat_usec = 2000;
    ask_by_gtid(&replica, rig.log.gtids, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    rig_run_until(&rig, has_heartbeat, &replica);
    test_replica_close(&replica);
    buffer_release(&encoded);
    rig_close(&rig);
}

static void stops_at_an_anonymous_transaction(void)
{
    static const uint8_t body[42] = {1};
    struct gtid_set *had = gtid_set_new();
    struct gtid gtid = gtid_of(1, 1);
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    log_writer_event(&rig.log, BINLOG_ANONYMOUS_GTID, (struct bytes){body, sizeof(body)});
    log_writer_event(&rig.log, BINLOG_XID, (struct bytes){body, 8});
    log_writer_transaction(&rig.log, 1, 1, 1, 100);
    log_writer_publish(&rig.log);
    rig_set_caught_up(&rig);
    gtid_set_add(had, &gtid);
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, had, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_eof(&replica);
    CHECK(replica.failed_code == 1236);
    CHECK(strstr(replica.failure.message, "anonymous") != NULL);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

/* mysqlbinlog --exclude-gtids with a start position. */
static void begins_at_a_position_that_comes_with_a_set(void)
{
    struct gtid_set *had = gtid_set_new();
    struct gtid fourth = gtid_of(1, 4);
    struct buffer encoded = {0};
    struct dump_rig rig;
    struct test_replica replica;
    uint64_t offset = 0;

    rig_open(&rig, false);
    log_writer_next_file(&rig.log);
    for (uint64_t number = 1; number <= 6; number++) {
        offset = number == 3 ? rig.log.files[1].bytes.size : offset;
        log_writer_transaction(&rig.log, 1, number, 1, 100);
    }
    log_writer_next_file(&rig.log);
    log_writer_transaction(&rig.log, 1, 7, 1, 100);
    log_writer_publish(&rig.log);
    gtid_set_add(had, &fourth);
    test_replica_open(&replica, &rig, "binlog.000001", offset);
    ask_by_gtid(&replica, had, &encoded);
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    for (uint64_t number = 1; number <= 2; number++) {
        struct gtid before = gtid_of(1, number);

        gtid_set_add(had, &before);
    }
    check_got_the_rest(&replica, had);
    CHECK(replica.formats_for_middle == 1 && replica.formats_for_rest == 0);
    test_replica_close(&replica);
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

/* The store has the whole file, but is shown from its middle on. */
static void open_with_hidden_part(struct dump_rig *rig)
{
    rig_open(rig, false);
    log_writer_next_file(&rig->log);
    log_writer_transaction(&rig->log, 1, 1, 1, 100);
    log_writer_transaction(&rig->log, 2, 1, 1, 100);
    binlog_store_set_first_visible(rig->store,
                                   (struct binlog_position){1, rig->log.files[1].bytes.size});
    log_writer_transaction(&rig->log, 1, 2, 1, 100);
    log_writer_transaction(&rig->log, 2, 2, 1, 100);
    log_writer_publish(&rig->log);
    rig_set_caught_up(rig);
}

static void begins_behind_the_hidden_part_of_a_file(void)
{
    struct gtid_set *had = gtid_set_new();
    struct gtid gtids[] = {gtid_of(1, 1), gtid_of(2, 1), gtid_of(2, 2)};
    struct buffer encoded = {0};
    struct dump_rig rig;

    open_with_hidden_part(&rig);
    gtid_set_add(had, &gtids[0]);
    gtid_set_add(had, &gtids[1]);
    for (unsigned has_more = 0; has_more <= 1; has_more++) {
        struct test_replica replica;

        test_replica_open(&replica, &rig, "", 4);
        ask_by_gtid(&replica, had, &encoded);
        test_replica_start(&replica);
        test_replica_run_to_end(&replica);
        check_got_the_rest(&replica, had);
        test_replica_close(&replica);
        gtid_set_add(had, &gtids[2]);
    }
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

static void refuses_who_misses_what_is_hidden(void)
{
    struct gtid_set *had = gtid_set_new();
    struct gtid gtids[] = {gtid_of(1, 1), gtid_of(2, 1)};
    struct buffer encoded = {0};
    struct dump_rig rig;

    open_with_hidden_part(&rig);
    for (unsigned i = 0; i <= 1; i++) {
        struct test_replica replica;

        test_replica_open(&replica, &rig, "", 4);
        ask_by_gtid(&replica, had, &encoded);
        test_replica_start(&replica);
        test_replica_run_to_eof(&replica);
        CHECK(replica.failed_code == 1236);
        CHECK(strstr(replica.failure.message, "before cluster east begins to be served") !=
              NULL);
        CHECK(gtid_set_is_empty(replica.got));
        test_replica_close(&replica);
        gtid_set_add(had, &gtids[1]);
    }
    buffer_release(&encoded);
    gtid_set_free(had);
    rig_close(&rig);
}

int main(void)
{
    leaves_out_exactly_what_the_replica_has();
    gives_all_to_a_replica_that_has_nothing();
    tells_a_replica_that_has_all_where_the_end_is();
    leaves_out_what_turns_up_later();
    leaves_out_of_a_file_that_was_named();
    heartbeats_say_where_the_replica_is();
    stops_at_an_anonymous_transaction();
    begins_at_a_position_that_comes_with_a_set();
    begins_behind_the_hidden_part_of_a_file();
    refuses_who_misses_what_is_hidden();
    return 0;
}
