/* SPDX-License-Identifier: Apache-2.0 */
#include "sql_tokens.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* MySQL and MariaDB write up to six digits behind the bang. */
enum { VERSION_MOST_DIGITS = 6 };

static uint8_t byte_at(const struct sql_reader *reader, size_t at)
{
    return at < reader->statement.size ? reader->statement.data[at] : 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r') || byte == 0;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_name_byte(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_' || byte == '$' || byte >= 0x80;
}

static size_t skip_line(const struct sql_reader *reader, size_t at)
{
    while (at < reader->statement.size && reader->statement.data[at] != '\n') {
        at++;
    }
    return at;
}

/* Returns what is behind the end of a comment; an open one ends with the statement. */
static size_t skip_comment(const struct sql_reader *reader, size_t at)
{
    while (at < reader->statement.size) {
        if (byte_at(reader, at) == '*' && byte_at(reader, at + 1) == '/') {
            return at + 2;
        }
        at++;
    }
    return at;
}

static size_t skip_version(const struct sql_reader *reader, size_t at)
{
    size_t digits = 0;

    while (digits < VERSION_MOST_DIGITS && is_digit(byte_at(reader, at))) {
        at++;
        digits++;
    }
    return at;
}

/* Returns where the version comment that begins at `at` has its bang, or 0. */
static size_t find_bang(const struct sql_reader *reader, size_t at)
{
    if (byte_at(reader, at + 2) == '!') {
        return at + 2;
    }
    return byte_at(reader, at + 2) == 'M' && byte_at(reader, at + 3) == '!' ? at + 3 : 0;
}

/* Returns what is behind one blank or comment at `at`; `at` itself if there is none. */
static size_t skip_one(struct sql_reader *reader, size_t at)
{
    uint8_t first = byte_at(reader, at);
    uint8_t second = byte_at(reader, at + 1);

    if (is_blank(first)) {
        return at + 1;
    }
    if (first == '#' || (first == '-' && second == '-' && is_blank(byte_at(reader, at + 2)))) {
        return skip_line(reader, at);
    }
    if (first == '*' && second == '/' && reader->is_in_version_comment) {
        reader->is_in_version_comment = false;
        return at + 2;
    }
    if (first == '/' && second == '*') {
        size_t bang = find_bang(reader, at);

        if (bang == 0) {
            return skip_comment(reader, at + 2);
        }
        reader->is_in_version_comment = true;
        return skip_version(reader, bang + 1);
    }
    return at;
}

static size_t skip_blanks(struct sql_reader *reader, size_t at)
{
    while (at < reader->statement.size) {
        size_t behind = skip_one(reader, at);

        if (behind == at) {
            break;
        }
        at = behind;
    }
    return at < reader->statement.size ? at : reader->statement.size;
}

/* Returns what is behind the quoted text that begins at `at`, or 0 if it has no end. */
static size_t find_quote_end(const struct sql_reader *reader, size_t at)
{
    uint8_t quote = byte_at(reader, at);

    for (at++; at < reader->statement.size; at++) {
        bool is_escape = byte_at(reader, at) == '\\' && quote != '`';
        bool is_quote = byte_at(reader, at) == quote;

        if (is_quote && byte_at(reader, at + 1) != quote) {
            return at + 1;
        }
        at += is_escape || is_quote ? 1 : 0; /* what follows is text */
    }
    return 0;
}

static size_t find_name_end(const struct sql_reader *reader, size_t at)
{
    while (at < reader->statement.size && is_name_byte(byte_at(reader, at))) {
        at++;
    }
    return at;
}

static size_t find_digits_end(const struct sql_reader *reader, size_t at)
{
    while (is_digit(byte_at(reader, at))) {
        at++;
    }
    return at;
}

static size_t find_number_end(const struct sql_reader *reader, size_t at)
{
    size_t end = find_digits_end(reader, at);

    if (byte_at(reader, end) == '.') {
        end = find_digits_end(reader, end + 1);
    }
    if ((byte_at(reader, end) | 0x20) == 'e') {
        size_t exponent = end + 1;

        if (byte_at(reader, exponent) == '+' || byte_at(reader, exponent) == '-') {
            exponent++;
        }
        if (is_digit(byte_at(reader, exponent))) {
            end = find_digits_end(reader, exponent);
        }
    }
    return end;
}

/* A name of a variable: plain with dots in it, or quoted. 0 if the quote has no end. */
static size_t find_variable_end(const struct sql_reader *reader, size_t at)
{
    uint8_t first = byte_at(reader, at);

    if (first == '`' || first == '\'' || first == '"') {
        return find_quote_end(reader, at);
    }
    while (at < reader->statement.size &&
           (is_name_byte(byte_at(reader, at)) || byte_at(reader, at) == '.')) {
        at++;
        if (byte_at(reader, at - 1) == '.' && byte_at(reader, at) == '`') {
            return find_quote_end(reader, at);
        }
    }
    return at;
}

static bool is_pair(uint8_t first, uint8_t second)
{
    static const char pairs[][3] = {":=", "<=", ">=", "<>", "!=", "||", "&&", "<<", ">>", "->"};

    for (size_t at = 0; at < sizeof(pairs) / sizeof(pairs[0]); at++) {
        if ((uint8_t)pairs[at][0] == first && (uint8_t)pairs[at][1] == second) {
            return true;
        }
    }
    return false;
}

static enum sql_token_kind find_number(const struct sql_reader *reader, size_t at, size_t *end)
{
    *end = find_number_end(reader, at);
    if (byte_at(reader, at) != '.' && is_name_byte(byte_at(reader, *end))) {
        *end = find_name_end(reader, at); /* MySQL allows names that begin with digits */
        return SQL_NAME;
    }
    return SQL_NUMBER;
}

static bool is_digit_of(uint8_t byte, uint8_t base)
{
    return base == 'x' ? isxdigit(byte) != 0 : byte == '0' || byte == '1';
}

/* 0xFF or 0b01, the letter in lower case; false for a name or number that only begins so. */
static bool find_bits_end(const struct sql_reader *reader, size_t at, size_t *end)
{
    uint8_t base = byte_at(reader, at + 1);
    size_t next = at + 2;

    if (byte_at(reader, at) != '0' || (base != 'x' && base != 'b')) {
        return false;
    }
    while (is_digit_of(byte_at(reader, next), base)) {
        next++;
    }
    *end = next;
    return next > at + 2 && !is_name_byte(byte_at(reader, next));
}

/* x'4D' or b'01', where the quote follows the letter: its end, 0 if it is not well formed. */
static size_t find_quoted_bits_end(const struct sql_reader *reader, size_t at)
{
    uint8_t base = byte_at(reader, at) | 0x20;
    size_t next = at + 2;

    while (is_digit_of(byte_at(reader, next), base)) {
        next++;
    }
    return byte_at(reader, next) != '\'' || (base == 'x' && (next - at) % 2 != 0) ? 0
                                                                                  : next + 1;
}

static bool is_quoted_bits(uint8_t first, uint8_t second)
{
    return second == '\'' && ((first | 0x20) == 'x' || (first | 0x20) == 'b');
}

/* Finds kind and end of the token at `at`; end 0 for one that is broken. */
static enum sql_token_kind find_token(const struct sql_reader *reader, size_t at, size_t *end)
{
    uint8_t first = byte_at(reader, at);
    uint8_t second = byte_at(reader, at + 1);

    if (first == '\'' || first == '"' || first == '`') {
        *end = find_quote_end(reader, at);
        return first == '`' ? SQL_QUOTED_NAME : SQL_STRING;
    }
    if (is_quoted_bits(first, second)) {
        *end = find_quoted_bits_end(reader, at);
        return SQL_BITS;
    }
    if (find_bits_end(reader, at, end)) {
        return SQL_BITS;
    }
    if (is_digit(first) || (first == '.' && is_digit(second))) {
        return find_number(reader, at, end);
    }
    if (is_name_byte(first)) {
        *end = find_name_end(reader, at);
        return SQL_NAME;
    }
    if (first == '@') {
        *end = find_variable_end(reader, second == '@' ? at + 2 : at + 1);
        return second == '@' ? SQL_SYSTEM_VARIABLE : SQL_USER_VARIABLE;
    }
    *end = is_pair(first, second) ? at + 2 : at + 1;
    return SQL_OPERATOR;
}

void sql_reader_next(struct sql_reader *reader)
{
    size_t at = 0;
    size_t end = 0;

    if (reader->token.kind == SQL_BROKEN) {
        return;
    }
    reader->previous_end = reader->at;
    at = skip_blanks(reader, reader->at);
    if (at >= reader->statement.size) {
        reader->token.kind = SQL_END;
        reader->token.text = (struct bytes){.data = reader->statement.data + at};
        reader->at = at;
        return;
    }
    reader->token.kind = find_token(reader, at, &end);
    if (end == 0 || end > reader->statement.size) {
        reader->token.kind = SQL_BROKEN;
        end = reader->statement.size;
    }
    reader->token.text = (struct bytes){.data = reader->statement.data + at, .size = end - at};
    reader->at = end;
}

struct sql_reader sql_reader_of(struct bytes statement)
{
    static const uint8_t nothing = 0;
    struct sql_reader reader = {.statement = statement};

    if (statement.data == NULL) {
        reader.statement.data = &nothing; /* so that no place is computed from NULL */
    }
    sql_reader_next(&reader);
    return reader;
}

size_t sql_reader_offset(const struct sql_reader *reader)
{
    return (size_t)(reader->token.text.data - reader->statement.data);
}

bool sql_reader_is_word(const struct sql_reader *reader, const char *word)
{
    return reader->token.kind == SQL_NAME && bytes_equal_text(reader->token.text, word);
}

bool sql_reader_is_operator(const struct sql_reader *reader, const char *text)
{
    return reader->token.kind == SQL_OPERATOR && bytes_equal_text(reader->token.text, text);
}

bool sql_reader_accept_word(struct sql_reader *reader, const char *word)
{
    if (!sql_reader_is_word(reader, word)) {
        return false;
    }
    sql_reader_next(reader);
    return true;
}

bool sql_reader_accept_operator(struct sql_reader *reader, const char *text)
{
    if (!sql_reader_is_operator(reader, text)) {
        return false;
    }
    sql_reader_next(reader);
    return true;
}

bool sql_reader_accept_words(struct sql_reader *reader, const char *words)
{
    struct sql_reader ahead = *reader;

    while (*words != '\0') {
        size_t size = strcspn(words, " ");
        struct bytes found = ahead.token.text;

        if (ahead.token.kind != SQL_NAME || found.size != size ||
            strncasecmp((const char *)found.data, words, size) != 0) {
            return false;
        }
        sql_reader_next(&ahead);
        words += size;
        words += strspn(words, " ");
    }
    *reader = ahead;
    return true;
}

bool sql_reader_is_at_end(struct sql_reader *reader)
{
    while (sql_reader_accept_operator(reader, ";")) {
    }
    return reader->token.kind == SQL_END;
}

static uint8_t unescape(uint8_t byte)
{
    switch (byte) {
    case '0':
        return 0;
    case 'b':
        return '\b';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'Z':
        return 0x1A;
    default:
        return byte;
    }
}

/* Adds the byte behind a backslash; `\%` and `\_` keep theirs, as LIKE needs it. */
static void add_escaped(uint8_t byte, struct buffer *output)
{
    if (byte == '%' || byte == '_') {
        buffer_add_number(output, '\\', 1);
    }
    buffer_add_number(output, unescape(byte), 1);
}

static void add_unquoted(struct bytes text, struct buffer *output)
{
    uint8_t quote = text.data[0];

    for (size_t at = 1; at + 1 < text.size; at++) {
        uint8_t byte = text.data[at];
        bool is_escape = byte == '\\' && quote != '`' && at + 2 < text.size;

        at += is_escape || byte == quote ? 1 : 0;
        if (is_escape) {
            add_escaped(text.data[at], output);
        } else {
            buffer_add_number(output, byte, 1);
        }
    }
}

static uint8_t digit_of(uint8_t byte)
{
    return (uint8_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
}

/* The digits without what is around them fill whole bytes from the right. */
static void add_bits(struct bytes text, struct buffer *output)
{
    bool is_quoted = text.data[1] == '\'';
    size_t width = ((is_quoted ? text.data[0] : text.data[1]) | 0x20) == 'x' ? 4 : 1;
    size_t end = text.size - (is_quoted ? 1 : 0);
    size_t left = (end - 2) * width; /* bits that are not read */
    unsigned byte = 0;

    for (size_t at = 2; at < end; at++) {
        byte = byte << width | digit_of(text.data[at]);
        left -= width;
        if (left % 8 == 0) {
            buffer_add_number(output, byte & 0xFF, 1);
            byte = 0;
        }
    }
}

void sql_token_add_text(const struct sql_token *token, struct buffer *output)
{
    struct bytes text = token->text;

    if (token->kind == SQL_BITS) {
        add_bits(text, output);
        return;
    }
    while (text.size > 0 && text.data[0] == '@' &&
           (token->kind == SQL_USER_VARIABLE || token->kind == SQL_SYSTEM_VARIABLE)) {
        text.data++;
        text.size--;
    }
    if (text.size >= 2 &&
        (text.data[0] == '\'' || text.data[0] == '"' || text.data[0] == '`')) {
        add_unquoted(text, output);
    } else {
        buffer_add_bytes(output, text);
    }
}
