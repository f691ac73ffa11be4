/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine computes: the results are a MySQL 9.7 server's. */
#include "sql_asker.h"

static struct asker asker;

static const struct {
    const char *expression;
    const char *result; /* NULL: SQL NULL */
} expressions[] = {
/* clang-format off */
#include "sql_expressions.inc"
    /* clang-format on */
};

static void computes_as_a_server_does(void)
{
    size_t wrong = 0;

    for (size_t at = 0; at < sizeof(expressions) / sizeof(expressions[0]); at++) {
        autofree char *statement = mem_format("SELECT %s", expressions[at].expression);

        if (!is_answer(&asker, statement, expressions[at].result)) {
            fprintf(stderr, "%s\n", statement);
            wrong++;
        }
    }
    CHECK(wrong == 0);
}

int main(void)
{
    asker_open(&asker);
    computes_as_a_server_does();
    asker_close(&asker);
    return 0;
}
