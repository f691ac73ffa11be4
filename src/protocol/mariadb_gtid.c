/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/mariadb_gtid.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

/*
 * Gtid_list_log_event (mariadb sql/log_event.h); a list without items has two
 * zero bytes behind it, as the server needs six to make a dummy event of it.
 *
 *   0                        4
 *   count (28 bits), flags   (domain 4, server 4, sequence 8)...
 */
enum { LIST_COUNT_MASK = (1 << 28) - 1, LIST_ITEM_BYTES = 16, LIST_EMPTY_PADDING = 2 };

/*
 * Gtid_log_event; what follows depends on the flags:
 *
 *   0         8       12
 *   sequence  domain  flags ...
 */
enum status mariadb_gtid_decode_event(struct mariadb_gtid *found,
                                      uint8_t *flags,
                                      uint32_t header_server_id,
                                      struct bytes body,
                                      struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    struct mariadb_gtid gtid = {.server_id = header_server_id};
    uint8_t found_flags = 0;

    gtid.sequence = byte_reader_number(&reader, 8);
    gtid.domain_id = (uint32_t)byte_reader_number(&reader, 4);
    found_flags = (uint8_t)byte_reader_number(&reader, 1);
    if (reader.overran) {
        return error_set(error, STATUS_CORRUPT, "a MariaDB GTID event of %zu bytes", body.size);
    }
    *found = gtid;
    *flags = found_flags;
    return STATUS_OK;
}

void mariadb_gtid_list_release(struct mariadb_gtid_list *list)
{
    free(list->items);
    *list = (struct mariadb_gtid_list){0};
}

void mariadb_gtid_list_copy(struct mariadb_gtid_list *list,
                            const struct mariadb_gtid_list *from)
{
    struct mariadb_gtid_list copy = {0};

    if (from->count > 0) {
        copy.items = mem_raw(from->count * sizeof(*copy.items));
        memcpy(copy.items, from->items, from->count * sizeof(*copy.items));
        copy.count = from->count;
        copy.capacity = from->count;
    }
    mariadb_gtid_list_release(list);
    *list = copy;
}

static void insert_item(struct mariadb_gtid_list *list, size_t at, struct mariadb_gtid gtid)
{
    if (list->count == list->capacity) {
        list->items = mem_grow(list->items, &list->capacity, sizeof(*list->items));
    }
    if (at < list->count) {
        memmove(list->items + at + 1, list->items + at,
                (list->count - at) * sizeof(*list->items));
    }
    list->items[at] = gtid;
    list->count++;
}

/* Adds an item that was read; the caller looks for duplicates once all are there. */
static enum status gather_item(struct mariadb_gtid_list *list,
                               struct mariadb_gtid gtid,
                               struct error *error)
{
    if (list->count == MARIADB_GTID_LIST_MOST_ITEMS) {
        return error_set(error, STATUS_FULL, "a list of more than %d MariaDB GTIDs",
                         MARIADB_GTID_LIST_MOST_ITEMS);
    }
    insert_item(list, list->count, gtid);
    return STATUS_OK;
}

static int compare_numbers(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

static int compare_domains(const void *left, const void *right)
{
    const struct mariadb_gtid *one = left;
    const struct mariadb_gtid *other = right;

    return compare_numbers(one->domain_id, other->domain_id);
}

static int compare_domains_and_servers(const void *left, const void *right)
{
    const struct mariadb_gtid *one = left;
    const struct mariadb_gtid *other = right;
    int order = compare_domains(left, right);

    return order != 0 ? order : compare_numbers(one->server_id, other->server_id);
}

typedef int (*compare_fn)(const void *left, const void *right);

static bool has_duplicates(const struct mariadb_gtid_list *list, compare_fn compare)
{
    struct mariadb_gtid_list sorted = {0};
    bool is_found = false;

    if (list->count < 2) {
        return false;
    }
    mariadb_gtid_list_copy(&sorted, list);
    qsort(sorted.items, sorted.count, sizeof(*sorted.items), compare);
    for (size_t at = 1; at < sorted.count && !is_found; at++) {
        is_found = compare(&sorted.items[at - 1], &sorted.items[at]) == 0;
    }
    mariadb_gtid_list_release(&sorted);
    return is_found;
}

static void skip_blanks(struct byte_reader *reader)
{
    while (reader->left > 0 &&
           (*reader->next == ' ' || (*reader->next >= '\t' && *reader->next <= '\r'))) {
        byte_reader_skip(reader, 1);
    }
}

static bool accept(struct byte_reader *reader, char wanted)
{
    if (reader->left == 0 || *reader->next != (uint8_t)wanted) {
        return false;
    }
    byte_reader_skip(reader, 1);
    return true;
}

static bool parse_number(struct byte_reader *reader, uint64_t most, uint64_t *found)
{
    size_t left_before = reader->left;
    uint64_t number = 0;

    while (reader->left > 0 && *reader->next >= '0' && *reader->next <= '9') {
        uint64_t digit = byte_reader_number(reader, 1) - '0';

        if (number > (most - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *found = number;
    return reader->left < left_before;
}

static bool parse_gtid(struct byte_reader *reader, struct mariadb_gtid *gtid)
{
    uint64_t domain = 0;
    uint64_t server = 0;

    skip_blanks(reader);
    if (!parse_number(reader, UINT32_MAX, &domain) || !accept(reader, '-') ||
        !parse_number(reader, UINT32_MAX, &server) || !accept(reader, '-') ||
        !parse_number(reader, UINT64_MAX, &gtid->sequence)) {
        return false;
    }
    skip_blanks(reader);
    gtid->domain_id = (uint32_t)domain;
    gtid->server_id = (uint32_t)server;
    return true;
}

static enum status parse_items(struct mariadb_gtid_list *list,
                               struct bytes text,
                               struct error *error)
{
    struct byte_reader reader = byte_reader_of(text);
    enum status status = STATUS_OK;

    skip_blanks(&reader);
    if (reader.left == 0) {
        return STATUS_OK;
    }
    do {
        struct mariadb_gtid gtid;

        if (!parse_gtid(&reader, &gtid)) {
            return error_set(error, STATUS_INVALID,
                             "\"domain-server-sequence\" is expected at character %zu",
                             text.size - reader.left + 1);
        }
        status = gather_item(list, gtid, error);
    } while (status == STATUS_OK && accept(&reader, ','));
    if (status == STATUS_OK && reader.left > 0) {
        return error_set(error, STATUS_INVALID, "a comma is expected at character %zu",
                         text.size - reader.left + 1);
    }
    if (status == STATUS_OK && has_duplicates(list, compare_domains)) {
        return error_set(error, STATUS_INVALID, "a domain stands twice in a MariaDB position");
    }
    return status;
}

/* Gives the list what was read, or drops that. */
static enum status finish(struct mariadb_gtid_list *list,
                          struct mariadb_gtid_list *read,
                          enum status status)
{
    if (status != STATUS_OK) {
        mariadb_gtid_list_release(read);
        return status;
    }
    mariadb_gtid_list_release(list);
    *list = *read;
    return STATUS_OK;
}

enum status mariadb_gtid_list_parse(struct mariadb_gtid_list *list,
                                    struct bytes text,
                                    struct error *error)
{
    struct mariadb_gtid_list read = {0};

    return finish(list, &read, parse_items(&read, text, error));
}

void mariadb_gtid_list_print(const struct mariadb_gtid_list *list, struct buffer *output)
{
    for (size_t at = 0; at < list->count; at++) {
        const struct mariadb_gtid *gtid = &list->items[at];

        buffer_add_format(output, "%s%u-%u-%llu", at == 0 ? "" : ",", gtid->domain_id,
                          gtid->server_id, (unsigned long long)gtid->sequence);
    }
}

static enum status decode_items(struct mariadb_gtid_list *list,
                                struct bytes body,
                                struct error *error)
{
    struct byte_reader reader = byte_reader_of(body);
    uint64_t count = byte_reader_number(&reader, 4) & LIST_COUNT_MASK;
    enum status status = STATUS_OK;

    if (reader.overran || count > reader.left / LIST_ITEM_BYTES) {
        return error_set(error, STATUS_CORRUPT, "a GTID list that is cut short");
    }
    for (uint64_t at = 0; at < count && status == STATUS_OK; at++) {
        struct mariadb_gtid gtid = {.domain_id = (uint32_t)byte_reader_number(&reader, 4)};

        gtid.server_id = (uint32_t)byte_reader_number(&reader, 4);
        gtid.sequence = byte_reader_number(&reader, 8);
        status = gather_item(list, gtid, error);
    }
    if (status == STATUS_OK && has_duplicates(list, compare_domains_and_servers)) {
        return error_set(error, STATUS_CORRUPT, "a GTID list with the same server twice");
    }
    return status;
}

enum status mariadb_gtid_list_decode(struct mariadb_gtid_list *list,
                                     struct bytes body,
                                     struct error *error)
{
    struct mariadb_gtid_list read = {0};

    return finish(list, &read, decode_items(&read, body, error));
}

void mariadb_gtid_list_encode(const struct mariadb_gtid_list *list, struct buffer *output)
{
    buffer_add_number(output, list->count, 4);
    for (size_t at = 0; at < list->count; at++) {
        buffer_add_number(output, list->items[at].domain_id, 4);
        buffer_add_number(output, list->items[at].server_id, 4);
        buffer_add_number(output, list->items[at].sequence, 8);
    }
    if (list->count == 0) {
        buffer_add_zeros(output, LIST_EMPTY_PADDING);
    }
}

const struct mariadb_gtid *mariadb_gtid_list_domain(const struct mariadb_gtid_list *list,
                                                    uint32_t domain_id)
{
    for (size_t at = list->count; at-- > 0;) {
        if (list->items[at].domain_id == domain_id) {
            return &list->items[at];
        }
    }
    return NULL;
}

static const struct mariadb_gtid *find_server(const struct mariadb_gtid_list *state,
                                              struct mariadb_gtid gtid)
{
    for (size_t at = state->count; at-- > 0;) {
        if (compare_domains_and_servers(&state->items[at], &gtid) == 0) {
            return &state->items[at];
        }
    }
    return NULL;
}

void mariadb_gtid_state_update(struct mariadb_gtid_list *state, struct mariadb_gtid gtid)
{
    const struct mariadb_gtid *last = mariadb_gtid_list_domain(state, gtid.domain_id);
    const struct mariadb_gtid *own = NULL;
    size_t last_at = 0;
    size_t own_at = 0;

    if (last == NULL) {
        insert_item(state, state->count, gtid);
        return;
    }
    last_at = (size_t)(last - state->items);
    own = find_server(state, gtid);
    if (own == NULL) {
        insert_item(state, last_at + 1, gtid);
        return;
    }
    own_at = (size_t)(own - state->items);
    memmove(state->items + own_at, state->items + own_at + 1,
            (last_at - own_at) * sizeof(*state->items));
    state->items[last_at] = gtid;
}

void mariadb_gtid_position_update(struct mariadb_gtid_list *position, struct mariadb_gtid gtid)
{
    const struct mariadb_gtid *found = mariadb_gtid_list_domain(position, gtid.domain_id);

    if (found == NULL) {
        insert_item(position, position->count, gtid);
    } else {
        position->items[found - position->items] = gtid;
    }
}

/* An item with its place in its list. */
struct placed {
    struct mariadb_gtid gtid;
    size_t at;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed *one = left;
    const struct placed *other = right;
    int order = compare_domains(&one->gtid, &other->gtid);

    return order != 0 ? order : compare_numbers(one->at, other->at);
}

void mariadb_gtid_state_position(const struct mariadb_gtid_list *state,
                                 struct mariadb_gtid_list *position)
{
    struct mariadb_gtid_list found = {0};
    autofree struct placed *placed = NULL;

    if (state->count > 0) {
        placed = mem_raw(state->count * sizeof(*placed));
    }
    for (size_t at = 0; at < state->count; at++) {
        placed[at] = (struct placed){.gtid = state->items[at], .at = at};
    }
    if (state->count > 0) {
        qsort(placed, state->count, sizeof(*placed), compare_placed);
    }
    for (size_t at = 0; at < state->count; at++) {
        if (at + 1 == state->count ||
            placed[at].gtid.domain_id != placed[at + 1].gtid.domain_id) {
            insert_item(&found, found.count, placed[at].gtid);
        }
    }
    mariadb_gtid_list_release(position);
    *position = found;
}

bool mariadb_gtid_state_has(const struct mariadb_gtid_list *state, struct mariadb_gtid gtid)
{
    const struct mariadb_gtid *found = find_server(state, gtid);

    return found != NULL && found->sequence >= gtid.sequence;
}
