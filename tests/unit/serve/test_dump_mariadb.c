/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "dump_rig.h"

enum { DOMAINS = 3, SERVERS = 2, FILES = 4, PER_FILE = 40, GROUPS = FILES * PER_FILE };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* What was written, in order. */
struct written {
    struct mariadb_gtid groups[2 * GROUPS];
    size_t count;
};

static void write_group(struct dump_rig *rig, struct written *written, struct mariadb_gtid gtid)
{
    bool is_large = gtid.sequence % 31 == 0;

    if (gtid.sequence % 7 == 0) {
        log_writer_mariadb_statement(&rig->log, gtid);
    } else {
        log_writer_mariadb_group(&rig->log, gtid, 1 + (unsigned)(gtid.sequence % 3),
                                 is_large ? 100 * 1024 : 80);
    }
    written->groups[written->count++] = gtid;
}

static void write_random_log(struct dump_rig *rig, uint64_t *random, struct written *written)
{
    uint64_t sequences[DOMAINS] = {0};

    for (unsigned file = 0; file < FILES; file++) {
        log_writer_next_file(&rig->log);
        for (unsigned i = 0; i < PER_FILE; i++) {
            uint32_t domain = (uint32_t)(next_random(random) % DOMAINS);
            uint32_t server = 1 + (uint32_t)(next_random(random) % SERVERS);

            write_group(rig, written,
                        (struct mariadb_gtid){domain, server, ++sequences[domain]});
        }
    }
    log_writer_publish(&rig->log);
    rig_set_caught_up(rig);
}

static void ask_by_gtid(struct test_replica *replica, const char *position)
{
    replica->request.is_mariadb = true;
    replica->request.mariadb_capability = 4;
    replica->request.has_connect_state = true;
    replica->request.connect_state = bytes_of_text(position);
    replica->request.command.flags = 0;
}

/* Finds in the list the entry of a domain; -1 if there is none. */
static long find_domain(const struct mariadb_gtid *position, size_t count, uint32_t domain)
{
    for (size_t i = 0; i < count; i++) {
        if (position[i].domain_id == domain) {
            return (long)i;
        }
    }
    return -1;
}

/* The naive model: of each domain what stands behind the position's group. */
static void check_got_the_rest(const struct test_replica *replica,
                               const struct written *written,
                               const struct mariadb_gtid *position,
                               size_t count)
{
    bool is_reached[DOMAINS] = {false};
    size_t next = 0;

    for (size_t i = 0; i < written->count; i++) {
        const struct mariadb_gtid *group = &written->groups[i];
        long at = find_domain(position, count, group->domain_id);

        if (at < 0 || is_reached[group->domain_id]) {
            CHECK(next < replica->mariadb_got.count);
            const struct mariadb_gtid *got = &replica->mariadb_got.items[next++];

            CHECK(got->domain_id == group->domain_id && got->server_id == group->server_id &&
                  got->sequence == group->sequence);
        } else if (position[at].server_id == group->server_id &&
                   position[at].sequence == group->sequence) {
            is_reached[group->domain_id] = true;
        }
    }
    CHECK(next == replica->mariadb_got.count);
}

/* Picks a group of each of some domains. */
static size_t pick_position(uint64_t *random,
                            const struct written *written,
                            struct mariadb_gtid *position,
                            struct buffer *text)
{
    size_t count = 0;

    for (uint32_t domain = 0; domain < DOMAINS; domain++) {
        size_t at = next_random(random) % written->count;

        if (next_random(random) % 4 == 0) {
            continue;
        }
        if (next_random(random) % 3 == 0) {
            at = written->count - 1;
        }
        while (at > 0 && written->groups[at].domain_id != domain) {
            at--;
        }
        if (written->groups[at].domain_id == domain) {
            position[count++] = written->groups[at];
        }
    }
    struct mariadb_gtid_list list = {.items = position, .count = count};

    mariadb_gtid_list_print(&list, text);
    buffer_add_zeros(text, 1);
    return count;
}

static void leaves_out_what_is_up_to_the_position(void)
{
    uint64_t random = 0x9E3779B97F4A7C15U;

    for (unsigned round = 0; round < 12; round++) {
        struct written written = {.count = 0};
        struct dump_rig rig;

        rig_open(&rig, true);
        write_random_log(&rig, &random, &written);
        for (unsigned try = 0; try < 10; try++) {
            struct mariadb_gtid position[DOMAINS];
            struct buffer text = {0};
            size_t count = pick_position(&random, &written, position, &text);
            struct test_replica replica;

            test_replica_open(&replica, &rig, "", 4);
            ask_by_gtid(&replica, (const char *)text.data);
            replica.request.is_strict_gtid = try % 2 == 0;
            test_replica_start(&replica);
            test_replica_run_to_end(&replica);
            check_got_the_rest(&replica, &written, position, count);
            CHECK(replica.rotates <= FILES);
            test_replica_close(&replica);
            buffer_release(&text);
        }
        rig_close(&rig);
    }
}

static void goes_on_in_all_domains_as_the_log_grows(void)
{
    uint64_t random = 5;
    struct written written = {.count = 0};
    struct dump_rig rig;
    struct test_replica replica;
    struct buffer text = {0};

    rig_open(&rig, true);
    write_random_log(&rig, &random, &written);
    size_t had = written.count;

    struct mariadb_gtid_list position = {0};

    mariadb_gtid_state_position(&rig.log.state, &position);
    mariadb_gtid_list_print(&position, &text);
    buffer_add_text_zero(&text, ",7-1-5"); /* a domain of another source of the replica */
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, (const char *)text.data);
    test_replica_start(&replica);
    for (uint32_t i = 1; i <= 20; i++) {
        if (i == 10) {
            log_writer_next_file(&rig.log);
        }
        write_group(&rig, &written, (struct mariadb_gtid){i % DOMAINS, 1, 1000 + i});
        log_writer_publish(&rig.log);
        dump_pump(replica.dump);
        test_replica_run_to_end(&replica);
    }
    CHECK(replica.mariadb_got.count == written.count - had);
    test_replica_close(&replica);

    mariadb_gtid_list_release(&position);
    buffer_release(&text);
    rig_close(&rig);
}

static void a_domain_that_turns_up_must_have_what_was_asked_for(void)
{
    uint64_t random = 23;
    struct written written = {.count = 0};
    struct dump_rig rig;
    struct test_replica replica;

    rig_open(&rig, true);
    write_random_log(&rig, &random, &written);
    test_replica_open(&replica, &rig, "", 4);
    ask_by_gtid(&replica, "7-1-5");
    test_replica_start(&replica);
    test_replica_run_to_end(&replica);
    CHECK(replica.mariadb_got.count == written.count);

    write_group(&rig, &written, (struct mariadb_gtid){7, 1, 4});
    log_writer_publish(&rig.log);
    dump_pump(replica.dump);
    CHECK(replica.failed_code == 1236);
    CHECK(strstr(replica.failure.message, "GTID 7-1-5") != NULL);
    test_replica_close(&replica);
    rig_close(&rig);
}

static void strict_mode_refuses_a_hole(void)
{
    for (unsigned strict = 0; strict <= 1; strict++) {
        struct written written = {.count = 0};
        struct dump_rig rig;
        struct test_replica replica;

        rig_open(&rig, true);
        log_writer_next_file(&rig.log);
        write_group(&rig, &written, (struct mariadb_gtid){0, 1, 1});
        write_group(&rig, &written, (struct mariadb_gtid){0, 1, 3});
        write_group(&rig, &written, (struct mariadb_gtid){0, 1, 4});
        log_writer_publish(&rig.log);
        rig_set_caught_up(&rig);
        test_replica_open(&replica, &rig, "", 4);
        ask_by_gtid(&replica, "0-1-2");
        replica.request.is_strict_gtid = strict == 1;
        test_replica_start(&replica);
        if (strict == 1) {
            test_replica_run_to_eof(&replica);
            CHECK(replica.failed_code == 1236);
            CHECK(strstr(replica.failure.message, "strict mode") != NULL);
        } else {
            test_replica_run_to_end(&replica);
            CHECK(replica.mariadb_got.count == 2);
        }
        test_replica_close(&replica);
        rig_close(&rig);
    }
}

static void write_groups(
    struct dump_rig *rig, struct written *written, uint32_t server, uint64_t from, uint64_t to)
{
    for (uint64_t sequence = from; sequence <= to; sequence++) {
        write_group(rig, written, (struct mariadb_gtid){0, server, sequence});
    }
}

/* What it lacks of before others of its group have applied; its own server wrote the last of
 * that long ago, and its file may be gone. */
static void begins_where_its_group_is(void)
{
    const char *const positions[] = {"", "0-1-2", "0-1-4", "0-2-7", "0-2-9"};
    const size_t counts[] = {5, 5, 5, 5, 3};

    for (size_t at = 0; at < sizeof(counts) / sizeof(counts[0]); at++) {
        struct written written = {.count = 0};
        struct binlog_position place = {.file = 3};
        struct dump_rig rig;
        struct test_replica replica;

        rig_open(&rig, true);
        mariadb_gtid_state_update(&rig.log.state, (struct mariadb_gtid){0, 1, 3});
        log_writer_begin_file(&rig.log, 2); /* the first one is gone */
        write_groups(&rig, &written, 1, 4, 4);
        log_writer_next_file(&rig.log);
        write_groups(&rig, &written, 2, 5, 7);
        place.offset = rig.log.files[3].bytes.size;
        write_groups(&rig, &written, 2, 8, 12);
        log_writer_publish(&rig.log);
        rig_set_caught_up(&rig);
        test_replica_open(&replica, &rig, "", 4);
        ask_by_gtid(&replica, positions[at]);
        replica.request.is_strict_gtid = true;
        replica.request.begin_at = place;
        test_replica_start(&replica);
        test_replica_run_to_end(&replica);
        CHECK(replica.mariadb_got.count == counts[at]);
        CHECK(replica.mariadb_got.items[0].sequence == 13 - counts[at]);
        test_replica_close(&replica);
        rig_close(&rig);
    }
}

int main(void)
{
    leaves_out_what_is_up_to_the_position();
    goes_on_in_all_domains_as_the_log_grows();
    a_domain_that_turns_up_must_have_what_was_asked_for();
    strict_mode_refuses_a_hole();
    begins_where_its_group_is();
    return 0;
}
