/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GTIDs as text, read as MySQL 9.7 reads it:
 *
 *   set      = [item] { "," [item] }
 *   item     = uuid { ":" tag | ":" number [ "-" number ] }
 *   uuid     = 32 hexadecimal digits, plain, with dashes, or those in braces
 *
 * with blanks between any two of these. A tag holds for the intervals behind
 * it in its item; an interval whose end comes before its beginning is empty.
 */
#include <string.h>

#include "binrelay/protocol/uuid.h"
#include "gtid_set_body.h"

struct parser {
    struct bytes text; /* borrowed */
    size_t at;
};

/* The next character, or a zero at the end. */
static uint8_t peek(const struct parser *parser)
{
    return parser->at < parser->text.size ? parser->text.data[parser->at] : 0;
}

static bool is_blank(uint8_t character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

static void skip_blanks(struct parser *parser)
{
    while (is_blank(peek(parser))) {
        parser->at++;
    }
}

static bool accept(struct parser *parser, char wanted)
{
    if (peek(parser) != (uint8_t)wanted) {
        return false;
    }
    parser->at++;
    return true;
}

static enum status expected(const struct parser *parser, const char *what, struct error *error)
{
    return error_set(error, STATUS_INVALID, "%s is expected at character %zu of the GTID set",
                     what, parser->at + 1);
}

static int hex_digit(uint8_t character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* A dash stands before these bytes of a UUID. */
static bool has_dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static bool parse_uuid(struct parser *parser, uint8_t uuid[GTID_UUID_BYTES])
{
    bool has_brace = accept(parser, '{');
    bool has_dashes = has_brace;

    for (size_t byte = 0; byte < GTID_UUID_BYTES; byte++) {
        int high = 0;
        int low = 0;

        if (byte == 4 && !has_brace) {
            has_dashes = peek(parser) == '-';
        }
        if (has_dashes && has_dash_before(byte) && !accept(parser, '-')) {
            return false;
        }
        high = hex_digit(peek(parser));
        parser->at += high >= 0 ? 1 : 0;
        low = hex_digit(peek(parser));
        if (high < 0 || low < 0) {
            return false;
        }
        parser->at++;
        uuid[byte] = (uint8_t)(high << 4 | low);
    }
    return !has_brace || accept(parser, '}');
}

static bool is_digit(uint8_t character)
{
    return character >= '0' && character <= '9';
}

static uint8_t lower_case(uint8_t character)
{
    bool upper = character >= 'A' && character <= 'Z';

    return upper ? (uint8_t)(character - 'A' + 'a') : character;
}

static bool is_tag_start(uint8_t character)
{
    uint8_t lower = lower_case(character);

    return lower == '_' || (lower >= 'a' && lower <= 'z');
}

static bool parse_tag(struct parser *parser, char tag[GTID_TAG_MOST_BYTES + 1])
{
    size_t size = 0;

    memset(tag, 0, GTID_TAG_MOST_BYTES + 1);
    while (is_tag_start(peek(parser)) || (size > 0 && is_digit(peek(parser)))) {
        if (size == GTID_TAG_MOST_BYTES) {
            return false;
        }
        tag[size++] = (char)lower_case(peek(parser));
        parser->at++;
    }
    return true;
}

static bool parse_number(struct parser *parser, uint64_t *found)
{
    uint64_t number = 0;
    size_t start = parser->at;

    for (; is_digit(peek(parser)); parser->at++) {
        number = number * 10 + (uint64_t)(peek(parser) - '0');
        if (number >= GTID_NUMBER_END) {
            return false;
        }
    }
    *found = number;
    return parser->at > start && number > 0;
}

static enum status parse_interval(struct gtid_set *set,
                                  struct parser *parser,
                                  const struct gtid_source *source,
                                  struct error *error)
{
    struct gtid_run run;
    uint64_t last = 0;

    if (!parse_number(parser, &run.first)) {
        return expected(parser, "a number from 1 to 2^63-2, or a tag,", error);
    }
    last = run.first;
    skip_blanks(parser);
    if (accept(parser, '-')) {
        skip_blanks(parser);
        if (!parse_number(parser, &last)) {
            return expected(parser, "a number from 1 to 2^63-2", error);
        }
    }
    run.end = last + 1;
    return gtid_set_gather(set, source, run, error);
}

static enum status parse_item(struct gtid_set *set, struct parser *parser, struct error *error)
{
    struct gtid_source source = {0};

    if (!parse_uuid(parser, source.uuid)) {
        return expected(parser, "a UUID", error);
    }
    skip_blanks(parser);
    while (accept(parser, ':')) {
        enum status status = STATUS_OK;

        skip_blanks(parser);
        if (!is_tag_start(peek(parser))) {
            status = parse_interval(set, parser, &source, error);
        } else if (!parse_tag(parser, source.tag)) {
            status = expected(parser, "the end of a tag of at most 32 characters", error);
        }
        if (status != STATUS_OK) {
            return status;
        }
        skip_blanks(parser);
    }
    if (parser->at < parser->text.size && peek(parser) != ',') {
        return expected(parser, "a colon or a comma", error);
    }
    return STATUS_OK;
}

enum status gtid_set_parse(struct gtid_set **made, struct bytes text, struct error *error)
{
    struct parser parser = {.text = text};
    struct gtid_set *set = gtid_set_new();
    enum status status = STATUS_OK;

    while (status == STATUS_OK) {
        skip_blanks(&parser);
        if (accept(&parser, ',')) {
            continue;
        }
        if (parser.at == text.size) {
            gtid_set_settle(set);
            *made = set;
            return STATUS_OK;
        }
        status = parse_item(set, &parser, error);
    }
    gtid_set_free(set);
    return status;
}

/* A set may have millions of numbers, so no printf. Returns how many characters it took. */
static size_t print_number(uint64_t number, char text[20])
{
    char reversed[20];
    size_t size = 0;

    do {
        reversed[size++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t at = 0; at < size; at++) {
        text[at] = reversed[size - 1 - at];
    }
    return size;
}

void gtid_print(const struct gtid *gtid, char text[GTID_TEXT_BYTES])
{
    size_t tag_bytes = strlen(gtid->source.tag);
    char *next = text + UUID_TEXT_BYTES - 1;

    uuid_print(gtid->source.uuid, text);
    *next++ = ':';
    if (tag_bytes > 0) {
        memcpy(next, gtid->source.tag, tag_bytes);
        next += tag_bytes;
        *next++ = ':';
    }
    next += print_number(gtid->number, next);
    *next = '\0';
}

static void print_runs(const struct gtid_runs *runs, struct buffer *output)
{
    for (size_t at = 0; at < runs->count; at++) {
        char text[1 + 20 + 1 + 20] = ":";
        size_t size = 1 + print_number(runs->items[at].first, text + 1);

        if (runs->items[at].end > runs->items[at].first + 1) {
            text[size++] = '-';
            size += print_number(runs->items[at].end - 1, text + size);
        }
        buffer_add(output, text, size);
    }
}

void gtid_set_print(const struct gtid_set *set, struct buffer *output)
{
    const uint8_t *uuid = NULL;

    for (size_t at = 0; at < set->count; at++) {
        const struct gtid_source *source = &set->entries[at].source;

        if (uuid == NULL || memcmp(uuid, source->uuid, GTID_UUID_BYTES) != 0) {
            char text[UUID_TEXT_BYTES];

            uuid_print(source->uuid, text);
            buffer_add_text(output, uuid == NULL ? "" : ",\n");
            buffer_add_text(output, text);
        }
        uuid = source->uuid;
        if (source->tag[0] != '\0') {
            buffer_add_text(output, ":");
            buffer_add_text(output, source->tag);
        }
        print_runs(&set->entries[at].runs, output);
    }
}
