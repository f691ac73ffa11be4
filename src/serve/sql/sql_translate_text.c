/* SPDX-License-Identifier: Apache-2.0 */
/* How the translation writes: names, strings and values as SQLite reads them. */
#include <string.h>

#include "sql_errors.h"
#include "sql_translator.h"

void sql_write_text(struct sql_translator *translator, const char *text)
{
    buffer_add_text(&translator->into->text, text);
}

static void write_quoted(struct buffer *output, struct bytes text, uint8_t quote)
{
    buffer_add_number(output, quote, 1);
    for (size_t at = 0; at < text.size; at++) {
        buffer_add_number(output, text.data[at], 1);
        if (text.data[at] == quote) {
            buffer_add_number(output, quote, 1);
        }
    }
    buffer_add_number(output, quote, 1);
}

/* A zero would end the statement: what is behind it in a name is left out. */
void sql_write_name(struct sql_translator *translator, struct bytes name)
{
    const uint8_t *zero = name.size == 0 ? NULL : memchr(name.data, 0, name.size);

    if (zero != NULL) {
        name.size = (size_t)(zero - name.data);
    }
    write_quoted(&translator->into->text, name, '"');
}

/* SQLite's literals hold no zero; a blob may. */
void sql_write_string(struct sql_translator *translator, struct bytes text)
{
    struct buffer *output = &translator->into->text;

    if (text.size == 0 || memchr(text.data, 0, text.size) == NULL) {
        write_quoted(output, text, '\'');
        return;
    }
    buffer_add_text(output, "CAST(x'");
    for (size_t at = 0; at < text.size; at++) {
        buffer_add_format(output, "%02x", text.data[at]);
    }
    buffer_add_text(output, "' AS TEXT)");
}

/* SQLite's integers have 63 bits: longer ones stay text, which is still compared as a number
 * and shown as it is; to compute with it fails at the answer. */
static bool is_long_integer(struct bytes text)
{
    uint64_t number = 0;

    return !sql_text_to_number(text, &number) || number > INT64_MAX;
}

void sql_write_value(struct sql_translator *translator, struct sql_value value)
{
    struct buffer *output = &translator->into->text;
    bool is_negative =
        value.kind == SQL_INTEGER && value.text.size > 1 && value.text.data[0] == '-';

    if (value.kind == SQL_NULL) {
        buffer_add_text(output, "NULL");
    } else if (is_negative || value.kind == SQL_DECIMAL || value.kind == SQL_REAL) {
        buffer_add_text(output, "(");
        buffer_add_bytes(output, value.text);
        buffer_add_text(output, ")");
    } else if (value.kind == SQL_INTEGER && !is_long_integer(value.text)) {
        buffer_add_bytes(output, value.text);
    } else {
        sql_write_string(translator, value.text);
    }
}

void sql_write_insert(struct sql_translator *translator, size_t at, const char *text)
{
    struct buffer *output = &translator->into->text;
    size_t size = strlen(text);

    (void)buffer_room(output, size);
    memmove(output->data + at + size, output->data + at, output->size - at);
    memcpy(output->data + at, text, size);
    output->size += size;
}

size_t sql_write_bits_number(struct sql_translator *translator,
                             struct sql_fragment *fragment,
                             size_t end)
{
    static const char call[] = "fn_bits_number(";

    if (!fragment->is_bits) {
        return 0;
    }
    sql_write_insert(translator, end, ")");
    sql_write_insert(translator, fragment->begin, call);
    fragment->is_bits = false;
    fragment->kind = SQL_INTEGER;
    fragment->is_unsigned = true;
    return strlen(call) + 1;
}

size_t sql_write_bits_like(struct sql_translator *translator,
                           struct sql_fragment *fragment,
                           size_t end,
                           const struct sql_fragment *other)
{
    bool is_number =
        other->kind == SQL_INTEGER || other->kind == SQL_DECIMAL || other->kind == SQL_REAL;

    return is_number ? sql_write_bits_number(translator, fragment, end) : 0;
}

struct bytes sql_token_value(struct sql_statement *statement)
{
    struct buffer text = {0};

    sql_token_add_text(&statement->reader.token, &text);
    return sql_text_take(&statement->memory, &text).text;
}

bool sql_word_is_reserved(struct bytes word)
{
    static const char *const words[] = {
        "and",    "as",        "asc",     "between",
        "by",     "case",      "cross",   "desc",
        "div",    "else",      "end",     "escape",
        "except", "for",       "force",   "from",
        "group",  "having",    "ignore",  "in",
        "inner",  "intersect", "into",    "is",
        "join",   "left",      "like",    "limit",
        "lock",   "mod",       "natural", "not",
        "offset", "on",        "or",      "order",
        "outer",  "procedure", "regexp",  "right",
        "rlike",  "select",    "set",     "straight_join",
        "then",   "union",     "use",     "using",
        "when",   "where",     "window",  "with",
        "xor",
    };

    for (size_t at = 0; at < sizeof(words) / sizeof(words[0]); at++) {
        if (bytes_equal_text(word, words[at])) {
            return true;
        }
    }
    return false;
}

void sql_fragment_join(struct sql_fragment *into, const struct sql_fragment *other)
{
    int height = into->height > other->height ? into->height : other->height;
    size_t begin = into->begin;

    if (into->kind == SQL_NULL) {
        *into = *other;
        into->begin = begin;
    } else if (other->kind == SQL_NULL) {
        /* it stays what it is */
    } else if (into->kind != other->kind &&
               (into->kind >= SQL_TEXT || other->kind >= SQL_TEXT)) {
        into->kind = SQL_TEXT;
    } else {
        into->kind = into->kind > other->kind ? into->kind : other->kind;
        into->scale = into->scale > other->scale ? into->scale : other->scale;
        into->is_unsigned = into->is_unsigned && other->is_unsigned;
    }
    into->height = height;
    into->is_column = false;
}

enum status sql_fragment_check(const struct sql_translator *translator,
                               const struct sql_fragment *fragment,
                               struct error *error)
{
    if (fragment->height > SQL_HEIGHT_MOST ||
        translator->into->text.size > SQL_TRANSLATED_MOST_BYTES) {
        return sql_error_set(error, SQL_ERROR_NOT_SUPPORTED,
                             "The statement is too long or too deep for this endpoint");
    }
    return STATUS_OK;
}
