/* SPDX-License-Identifier: Apache-2.0 */
/* FLUSH BINARY LOGS at the endpoint is the source's to do. */
#include <string.h>

#include "check.h"
#include "sql_asker.h"

struct source {
    int flushes;
    int sql_code; /* 0: away; -1: it obeys */
};

static enum status flush_source(void *context, struct error *error)
{
    struct source *source = context;

    if (source->sql_code < 0) {
        source->flushes++;
        return STATUS_OK;
    }
    (void)error_set(error, source->sql_code == 0 ? STATUS_CLOSED : STATUS_DENIED,
                    "source 10.0.0.1:3306: not now");
    error->sql_code = source->sql_code;
    return error->status;
}

static void open_asker(struct asker *asker, struct source *source)
{
    asker_open(asker);
    asker->cluster.served.flush_source = flush_source;
    asker->cluster.served.flush_context = source;
}

static void forwards_every_form_that_rotates_binlogs(void)
{
    static const char *const forms[] = {"FLUSH BINARY LOGS", "flush logs",
                                        "FLUSH LOCAL BINARY LOGS;",
                                        "FLUSH NO_WRITE_TO_BINLOG LOGS"};
    struct source source = {.sql_code = -1};
    struct asker asker;

    open_asker(&asker, &source);
    for (int at = 0; at < 4; at++) {
        CHECK(sql_answer_is_slow(&asker.sql, bytes_of_text(forms[at])));
        CHECK(ask(&asker, forms[at]) == 0 && source.flushes == at + 1);
    }
    CHECK(ask(&asker, "FLUSH TABLES") == 1235);
    CHECK(ask(&asker, "FLUSH PRIVILEGES") == 1235);
    CHECK(ask(&asker, "FLUSH BINARY LOGS now") == 1064);
    asker.sql.rights = RIGHT_READ | RIGHT_REPLICATE | RIGHT_REPORT;
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1227);
    asker.sql.rights = RIGHT_ADMIN;
    asker.sql.cluster = NULL;
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1046);
    CHECK(source.flushes == 4);
    asker_close(&asker);
}

static void says_why_the_source_did_not(void)
{
    struct source source = {.sql_code = 1227};
    struct asker asker;

    open_asker(&asker, &source);
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1227);
    CHECK(strstr(asker.error.message, "source 10.0.0.1:3306: not now") != NULL);
    source.sql_code = 0;
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1105);
    CHECK(strstr(asker.error.message, "source 10.0.0.1:3306: not now") != NULL);
    asker.cluster.served.flush_source = NULL;
    CHECK(ask(&asker, "FLUSH BINARY LOGS") == 1235);
    asker_close(&asker);
}

int main(void)
{
    forwards_every_form_that_rotates_binlogs();
    says_why_the_source_did_not();
    return 0;
}
