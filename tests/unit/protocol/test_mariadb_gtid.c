/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/mariadb_gtid.h"

#include <string.h>

#include "binlog_file.h"

static struct mariadb_gtid gtid_of(uint32_t domain, uint32_t server, uint64_t sequence)
{
    return (struct mariadb_gtid){domain, server, sequence};
}

static bool prints(const struct mariadb_gtid_list *list, const char *wanted)
{
    struct buffer output = {0};
    bool is_equal = false;

    mariadb_gtid_list_print(list, &output);
    is_equal = bytes_equal(buffer_bytes(&output), bytes_of_text(wanted));
    if (!is_equal) {
        fprintf(stderr, "printed \"%.*s\"\n", (int)output.size, (const char *)output.data);
    }
    buffer_release(&output);
    return is_equal;
}

static void reads_positions(void)
{
    static const struct {
        const char *text;
        const char *printed; /* NULL: refused */
    } texts[] = {
        {"", ""},
        {"  ", ""},
        {"0-1-100", "0-1-100"},
        {"0-1-100,1-2-5", "0-1-100,1-2-5"},
        {" 0-1-100 ,\n 1-2-5 ", "0-1-100,1-2-5"},
        {"4294967295-4294967295-18446744073709551615",
         "4294967295-4294967295-18446744073709551615"},
        {"4294967296-1-1", NULL},
        {"0-4294967296-1", NULL},
        {"0-1-18446744073709551616", NULL},
        {"0-1-99999999999999999999999", NULL},
        {"0-1-1,0-2-1", NULL},
        {"1-1-1,0-1-1,2-1-1,1-2-1", NULL},
        {"0-1", NULL},
        {"0-1-", NULL},
        {"0--1", NULL},
        {"0-1-1,", NULL},
        {",0-1-1", NULL},
        {"0-1-1 1-1-1", NULL},
        {"0 - 1 - 1", NULL},
        {"-1-1-1", NULL},
        {"a", NULL},
    };

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        struct mariadb_gtid_list list = {0};
        struct error error;
        enum status status =
            mariadb_gtid_list_parse(&list, bytes_of_text(texts[at].text), &error);

        if (texts[at].printed == NULL) {
            CHECK(status == STATUS_INVALID && list.items == NULL);
        } else {
            CHECK(status == STATUS_OK && prints(&list, texts[at].printed));
        }
        mariadb_gtid_list_release(&list);
    }
}

static void leaves_a_list_alone_when_reading_fails(void)
{
    struct mariadb_gtid_list list = {0};
    struct error error;

    CHECK_OK(mariadb_gtid_list_parse(&list, bytes_of_text("5-1-7"), &error), &error);
    CHECK(mariadb_gtid_list_parse(&list, bytes_of_text("6-1-7,x"), &error) == STATUS_INVALID);
    CHECK(mariadb_gtid_list_decode(&list, bytes_of_text("abc"), &error) == STATUS_CORRUPT);
    CHECK(prints(&list, "5-1-7"));
    CHECK_OK(mariadb_gtid_list_parse(&list, bytes_of_text("6-1-7"), &error), &error);
    CHECK(prints(&list, "6-1-7"));
    mariadb_gtid_list_release(&list);
}

/* Reads the state before a file, and updates it with the file's GTIDs. */
static struct mariadb_gtid_list state_behind(const char *name, struct mariadb_gtid_list *before)
{
    struct binlog_file file = binlog_file_open(name);
    struct mariadb_gtid_list state = {0};
    struct binlog_file_event event;
    struct error error;

    CHECK(binlog_file_find(&file, BINLOG_MARIADB_GTID_LIST, &event));
    CHECK_OK(mariadb_gtid_list_decode(before, event.body, &error), &error);
    mariadb_gtid_list_copy(&state, before);
    while (binlog_file_find(&file, BINLOG_MARIADB_GTID, &event)) {
        struct mariadb_gtid gtid;
        uint8_t flags = 0;

        CHECK_OK(mariadb_gtid_decode_event(&gtid, &flags, event.header.server_id, event.body,
                                           &error),
                 &error);
        CHECK(mariadb_gtid_list_domain(&state, gtid.domain_id) == NULL ||
              mariadb_gtid_list_domain(&state, gtid.domain_id)->sequence < gtid.sequence);
        mariadb_gtid_state_update(&state, gtid);
    }
    binlog_file_close(&file);
    return state;
}

static void finds_the_states_that_mariadb_had(void)
{
    struct mariadb_gtid_list before_first = {0};
    struct mariadb_gtid_list before_second = {0};
    struct mariadb_gtid_list first = state_behind("mariadb1011-mixed.binlog", &before_first);
    struct mariadb_gtid_list second = state_behind("mariadb1011-second.binlog", &before_second);
    struct mariadb_gtid_list position = {0};

    CHECK(before_first.count == 0);
    CHECK(prints(&first, "0-1011-87,7-1011-3,7-102-4"));
    CHECK(before_second.count == first.count);
    for (size_t at = 0; at < before_second.count; at++) {
        CHECK(mariadb_gtid_state_has(&first, before_second.items[at]));
        CHECK(mariadb_gtid_state_has(&before_second, first.items[at]));
    }
    CHECK(mariadb_gtid_state_has(&second, gtid_of(0, 1011, 88)));
    CHECK(!mariadb_gtid_state_has(&second, gtid_of(0, 1011, 89)));
    CHECK(!mariadb_gtid_state_has(&second, gtid_of(0, 102, 1)));
    mariadb_gtid_state_position(&second, &position);
    CHECK(prints(&position, "0-1011-88,7-102-4"));
    mariadb_gtid_list_release(&position);
    mariadb_gtid_list_release(&second);
    mariadb_gtid_list_release(&first);
    mariadb_gtid_list_release(&before_second);
}

static void writes_the_list_that_mariadb_writes(void)
{
    static const char *const names[] = {"mariadb1011-mixed.binlog",
                                        "mariadb1011-second.binlog"};

    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        struct binlog_file file = binlog_file_open(names[at]);
        struct mariadb_gtid_list list = {0};
        struct buffer output = {0};
        struct binlog_file_event event;
        struct error error;

        CHECK(binlog_file_find(&file, BINLOG_MARIADB_GTID_LIST, &event));
        CHECK_OK(mariadb_gtid_list_decode(&list, event.body, &error), &error);
        mariadb_gtid_list_encode(&list, &output);
        CHECK(bytes_equal(buffer_bytes(&output), event.body));
        buffer_release(&output);
        mariadb_gtid_list_release(&list);
        binlog_file_close(&file);
    }
}

static void reads_a_gtid_and_its_flags(void)
{
    static const uint8_t body[] = {9, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0x29};
    struct mariadb_gtid gtid;
    uint8_t flags = 0;
    struct error error;

    CHECK_OK(mariadb_gtid_decode_event(&gtid, &flags, 1011, (struct bytes){body, sizeof(body)},
                                       &error),
             &error);
    CHECK(gtid.domain_id == 7 && gtid.server_id == 1011);
    CHECK(gtid.sequence == UINT64_C(0x0100000000000009));
    CHECK(flags == (MARIADB_GTID_STANDALONE | MARIADB_GTID_ALLOW_PARALLEL | MARIADB_GTID_DDL));
    for (size_t size = 0; size < sizeof(body); size++) {
        CHECK(mariadb_gtid_decode_event(&gtid, &flags, 1, (struct bytes){body, size}, &error) ==
              STATUS_CORRUPT);
    }
}

static void refuses_lists_that_are_broken(void)
{
    struct mariadb_gtid_list list = {0};
    struct mariadb_gtid_list decoded = {0};
    struct buffer body = {0};
    struct error error;

    CHECK_OK(mariadb_gtid_list_parse(&list, bytes_of_text("1-1-1,2-2-2,3-3-3"), &error),
             &error);
    mariadb_gtid_list_encode(&list, &body);
    for (size_t size = 0; size < body.size; size++) {
        CHECK(mariadb_gtid_list_decode(&decoded, (struct bytes){body.data, size}, &error) ==
              STATUS_CORRUPT);
    }
    body.data[3] = 0x10; /* a flag */
    CHECK_OK(mariadb_gtid_list_decode(&decoded, buffer_bytes(&body), &error), &error);
    CHECK(prints(&decoded, "1-1-1,2-2-2,3-3-3"));
    memcpy(body.data + 4 + 32, body.data + 4, 8); /* the third is the first's server again */
    CHECK(mariadb_gtid_list_decode(&decoded, buffer_bytes(&body), &error) == STATUS_CORRUPT);
    buffer_release(&body);
    mariadb_gtid_list_release(&decoded);
    mariadb_gtid_list_release(&list);
}

static void refuses_more_gtids_than_the_limit(void)
{
    struct mariadb_gtid_list list = {0};
    struct buffer text = {0};
    struct error error;

    for (unsigned at = 0; at < MARIADB_GTID_LIST_MOST_ITEMS; at++) {
        buffer_add_format(&text, "%s%u-1-1", at == 0 ? "" : ",", at);
    }
    CHECK_OK(mariadb_gtid_list_parse(&list, buffer_bytes(&text), &error), &error);
    buffer_add_format(&text, ",%u-1-1", MARIADB_GTID_LIST_MOST_ITEMS);
    CHECK(mariadb_gtid_list_parse(&list, buffer_bytes(&text), &error) == STATUS_FULL);
    buffer_release(&text);
    mariadb_gtid_list_release(&list);
}

static void a_state_keeps_the_last_of_each_server(void)
{
    struct mariadb_gtid_list state = {0};
    struct mariadb_gtid_list position = {0};

    mariadb_gtid_state_update(&state, gtid_of(5, 1, 10));
    mariadb_gtid_state_update(&state, gtid_of(5, 2, 11));
    mariadb_gtid_state_update(&state, gtid_of(3, 1, 1));
    mariadb_gtid_state_update(&state, gtid_of(5, 3, 12));
    CHECK(prints(&state, "5-1-10,5-2-11,5-3-12,3-1-1"));
    mariadb_gtid_state_update(&state, gtid_of(5, 1, 13));
    CHECK(prints(&state, "5-2-11,5-3-12,5-1-13,3-1-1"));
    mariadb_gtid_state_update(&state, gtid_of(5, 1, 14));
    CHECK(prints(&state, "5-2-11,5-3-12,5-1-14,3-1-1"));
    CHECK(mariadb_gtid_list_domain(&state, 5)->sequence == 14);
    CHECK(mariadb_gtid_list_domain(&state, 4) == NULL);
    CHECK(mariadb_gtid_state_has(&state, gtid_of(5, 2, 11)));
    CHECK(!mariadb_gtid_state_has(&state, gtid_of(5, 2, 12)));
    mariadb_gtid_state_position(&state, &position);
    CHECK(prints(&position, "3-1-1,5-1-14"));
    mariadb_gtid_state_position(&(struct mariadb_gtid_list){0}, &position);
    CHECK(position.count == 0);
    mariadb_gtid_list_release(&position);
    mariadb_gtid_list_release(&state);
}

static void a_position_keeps_the_last_of_each_domain(void)
{
    struct mariadb_gtid_list position = {0};

    mariadb_gtid_position_update(&position, gtid_of(0, 1, 10));
    mariadb_gtid_position_update(&position, gtid_of(1, 1, 5));
    mariadb_gtid_position_update(&position, gtid_of(0, 2, 11));
    CHECK(prints(&position, "0-2-11,1-1-5"));
    mariadb_gtid_list_release(&position);
}

int main(void)
{
    reads_positions();
    leaves_a_list_alone_when_reading_fails();
    finds_the_states_that_mariadb_had();
    writes_the_list_that_mariadb_writes();
    reads_a_gtid_and_its_flags();
    refuses_lists_that_are_broken();
    refuses_more_gtids_than_the_limit();
    a_state_keeps_the_last_of_each_server();
    a_position_keeps_the_last_of_each_domain();
    return 0;
}
