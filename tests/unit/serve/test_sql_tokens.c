/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_tokens.h"

#include <string.h>

#include "check.h"

static struct sql_reader reader_of(const char *text)
{
    return sql_reader_of(bytes_of_text(text));
}

static void expect(struct sql_reader *reader, enum sql_token_kind kind, const char *text)
{
    if (reader->token.kind != kind || !bytes_equal(reader->token.text, bytes_of_text(text))) {
        fprintf(stderr, "kind %d '%.*s'\n", (int)reader->token.kind,
                (int)reader->token.text.size, (const char *)reader->token.text.data);
    }
    CHECK(reader->token.kind == kind);
    CHECK(bytes_equal(reader->token.text, bytes_of_text(text)));
    sql_reader_next(reader);
}

static void tells_the_kinds_apart(void)
{
    struct sql_reader reader =
        reader_of("SELECT `a b`, 'it''s', \"x\", 4.5e-3 .5 @v @`v w` @@global.server_id"
                  " := <> >= ( * 1abc $$;");

    expect(&reader, SQL_NAME, "SELECT");
    expect(&reader, SQL_QUOTED_NAME, "`a b`");
    expect(&reader, SQL_OPERATOR, ",");
    expect(&reader, SQL_STRING, "'it''s'");
    expect(&reader, SQL_OPERATOR, ",");
    expect(&reader, SQL_STRING, "\"x\"");
    expect(&reader, SQL_OPERATOR, ",");
    expect(&reader, SQL_NUMBER, "4.5e-3");
    expect(&reader, SQL_NUMBER, ".5");
    expect(&reader, SQL_USER_VARIABLE, "@v");
    expect(&reader, SQL_USER_VARIABLE, "@`v w`");
    expect(&reader, SQL_SYSTEM_VARIABLE, "@@global.server_id");
    expect(&reader, SQL_OPERATOR, ":=");
    expect(&reader, SQL_OPERATOR, "<>");
    expect(&reader, SQL_OPERATOR, ">=");
    expect(&reader, SQL_OPERATOR, "(");
    expect(&reader, SQL_OPERATOR, "*");
    expect(&reader, SQL_NAME, "1abc");
    expect(&reader, SQL_NAME, "$$");
    expect(&reader, SQL_OPERATOR, ";");
    expect(&reader, SQL_END, "");
}

static void knows_literals_of_bits(void)
{
    static const char *const broken[] = {"x'4'", "x'4g'", "b'2'", "x'4D", "b'", "X'"};
    struct sql_reader reader =
        reader_of("0xfF 0b01 x'4d' B'' 0x 0xG 0b2 0X1 0x1z x b 'a' bb'1' 0x1+x'00'");

    expect(&reader, SQL_BITS, "0xfF");
    expect(&reader, SQL_BITS, "0b01");
    expect(&reader, SQL_BITS, "x'4d'");
    expect(&reader, SQL_BITS, "B''");
    expect(&reader, SQL_NAME, "0x"); /* names may begin with digits */
    expect(&reader, SQL_NAME, "0xG");
    expect(&reader, SQL_NAME, "0b2");
    expect(&reader, SQL_NAME, "0X1");
    expect(&reader, SQL_NAME, "0x1z");
    expect(&reader, SQL_NAME, "x");
    expect(&reader, SQL_NAME, "b");
    expect(&reader, SQL_STRING, "'a'");
    expect(&reader, SQL_NAME, "bb");
    expect(&reader, SQL_STRING, "'1'");
    expect(&reader, SQL_BITS, "0x1");
    expect(&reader, SQL_OPERATOR, "+");
    expect(&reader, SQL_BITS, "x'00'");
    for (size_t at = 0; at < sizeof(broken) / sizeof(broken[0]); at++) {
        CHECK(reader_of(broken[at]).token.kind == SQL_BROKEN);
    }
}

static void passes_over_comments(void)
{
    struct sql_reader reader = reader_of("/* a */ select -- to the end\n # and this\r\n"
                                         "1 /* open */ - -2 --x\t--");

    expect(&reader, SQL_NAME, "select");
    expect(&reader, SQL_NUMBER, "1");
    expect(&reader, SQL_OPERATOR, "-");
    expect(&reader, SQL_OPERATOR, "-");
    expect(&reader, SQL_NUMBER, "2");
    expect(&reader, SQL_OPERATOR, "-"); /* two dashes need a blank behind them */
    expect(&reader, SQL_OPERATOR, "-");
    expect(&reader, SQL_NAME, "x");
    expect(&reader, SQL_END, "");
}

static void reads_what_stands_in_a_version_comment(void)
{
    struct sql_reader reader =
        reader_of("/*!40100 SET */ /*!NAMES */ /*M!100400 utf8mb4 */ /*!99999 a /* b */ c */");

    expect(&reader, SQL_NAME, "SET");
    expect(&reader, SQL_NAME, "NAMES");
    expect(&reader, SQL_NAME, "utf8mb4");
    expect(&reader, SQL_NAME, "a");
    expect(&reader, SQL_NAME, "c");
    expect(&reader, SQL_END, "");
}

static void notices_what_has_no_end(void)
{
    static const char *const broken[] = {"'abc",  "\"abc\\\"", "`abc",
                                         "@'abc", "'a''",      "@@a.`b"};

    for (size_t at = 0; at < sizeof(broken) / sizeof(broken[0]); at++) {
        struct sql_reader reader = reader_of(broken[at]);

        CHECK(reader.token.kind == SQL_BROKEN);
        sql_reader_next(&reader);
        CHECK(reader.token.kind == SQL_BROKEN); /* and stays there */
        CHECK(!sql_reader_is_at_end(&reader));
    }
}

static void check_text(const char *written, const char *said)
{
    struct sql_reader reader = reader_of(written);
    struct buffer text = {0};

    sql_token_add_text(&reader.token, &text);
    CHECK(bytes_equal(buffer_bytes(&text), bytes_of_text(said)));
    buffer_release(&text);
}

static void takes_quotes_and_escapes_off(void)
{
    check_text("'it''s'", "it's");
    check_text("'a\\'b\\\\c\\n\\q'", "a'b\\c\nq");
    check_text("'50\\%'", "50\\%");
    check_text("\"a\"\"b'\"", "a\"b'");
    check_text("`a``b\\n`", "a`b\\n");
    check_text("plain", "plain");
    check_text("@name", "name");
    check_text("@`my name`", "my name");
    check_text("@@session.sql_mode", "session.sql_mode");
    check_text("''", "");
}

static void accepts_several_words_or_none(void)
{
    struct sql_reader reader = reader_of("show Binary\tLOGS;;");

    CHECK(!sql_reader_accept_words(&reader, "show binary log"));
    CHECK(sql_reader_is_word(&reader, "SHOW"));
    CHECK(sql_reader_accept_words(&reader, "show binary logs"));
    CHECK(sql_reader_is_at_end(&reader));
}

static void takes_statements_of_any_bytes(void)
{
    const struct bytes zeros = {.data = (const uint8_t *)"a\0b\0", .size = 4};
    struct sql_reader reader = sql_reader_of((struct bytes){0});

    CHECK(sql_reader_is_at_end(&reader));
    reader = sql_reader_of(zeros);
    expect(&reader, SQL_NAME, "a");
    expect(&reader, SQL_NAME, "b");
    CHECK(sql_reader_is_at_end(&reader));
}

int main(void)
{
    tells_the_kinds_apart();
    knows_literals_of_bits();
    passes_over_comments();
    reads_what_stands_in_a_version_comment();
    notices_what_has_no_end();
    takes_quotes_and_escapes_off();
    accepts_several_words_or_none();
    takes_statements_of_any_bytes();
    return 0;
}
