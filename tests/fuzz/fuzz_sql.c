/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of any bytes, separated by zeros, in one session: each gets one
 * answer that a client can read. The first byte says who asks.
 */
#include "../../src/serve/sql/sql_answer.h"
#include "../../src/serve/sql/sql_tokens.h"
#include "sql_asker.h"

enum { AS_MARIADB = 16, WITHOUT_CLUSTER = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct asker *asker_with(uint64_t file, const char *recorded)
{
    struct asker *asker = mem_zeroed(sizeof(*asker));

    asker_open_by(asker, EPOCH_KIND_NDB);
    asker->clock_step_usec = 10000; /* so that what is slow comes to its limit */
    test_cluster_fill(&asker->cluster, file, recorded);
    return asker;
}

/* Tokens follow each other, inside the statement, to its end. */
static void walk_tokens(struct bytes text)
{
    struct sql_reader reader = sql_reader_of(text);
    struct buffer said = {0};
    size_t end = 0;

    while (reader.token.kind != SQL_END && reader.token.kind != SQL_BROKEN) {
        CHECK(sql_reader_offset(&reader) >= end && reader.token.text.size > 0);
        end = sql_reader_offset(&reader) + reader.token.text.size;
        CHECK(end <= text.size);
        buffer_clear(&said);
        sql_token_add_text(&reader.token, &said);
        CHECK(said.size <= reader.token.text.size);
        sql_reader_next(&reader);
    }
    buffer_release(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct asker *mysql; /* made once: they have files */
    static struct asker *mariadb;
    struct byte_reader input = byte_reader_of((struct bytes){.data = data, .size = size});
    unsigned how = (unsigned)byte_reader_number(&input, 1);
    struct asker *asker = NULL;

    if (mysql == NULL) {
        mysql = asker_with(3, "ndb/a1/binlog.000003");
        mariadb = asker_with(1, "mariadb1011-mixed.binlog");
    }
    asker = (how & AS_MARIADB) != 0 ? mariadb : mysql;
    asker->sql.rights = how & ASKER_RIGHTS;
    asker->sql.cluster = (how & WITHOUT_CLUSTER) != 0 ? NULL : &asker->cluster.served;
    asker->sql.database[0] = '\0';
    while (input.left > 0) {
        const uint8_t *end = memchr(input.next, 0, input.left);
        struct bytes text =
            byte_reader_take(&input, end == NULL ? input.left : (uint64_t)(end - input.next));

        byte_reader_skip(&input, end == NULL ? 0 : 1);
        walk_tokens(text);
        (void)ask_bytes(asker, text); /* fails on an answer that cannot be read */
    }
    sql_assigned_release(&asker->sql.assigned);
    return 0;
}
