/* SPDX-License-Identifier: Apache-2.0 */
#include "schema_statement.h"

#include <string.h>
#include <strings.h>

/* Passes over blanks and comments; of one for some versions only, over what opens it. */
static struct bytes first_word_of(struct bytes statement)
{
    struct byte_reader reader = byte_reader_of(statement);

    while (reader.left > 0) {
        const uint8_t *end = NULL;

        if (strchr(" \t\r\n\f\v", reader.next[0]) != NULL && reader.next[0] != '\0') {
            byte_reader_skip(&reader, 1);
            continue;
        }
        if (reader.left < 3 || memcmp(reader.next, "/*", 2) != 0) {
            break;
        }
        if (reader.next[2] == '!') {
            byte_reader_skip(&reader, 3);
            while (reader.left > 0 && reader.next[0] >= '0' && reader.next[0] <= '9') {
                byte_reader_skip(&reader, 1);
            }
            continue;
        }
        end = memmem(reader.next + 2, reader.left - 2, "*/", 2);
        byte_reader_skip(&reader, end == NULL ? reader.left : (size_t)(end + 2 - reader.next));
    }
    return byte_reader_rest(&reader);
}

static bool begins_with(struct bytes statement, const char *word)
{
    size_t size = strlen(word);

    return statement.size > size &&
           strncasecmp((const char *)statement.data, word, size) == 0 &&
           strchr(" \t\r\n/", statement.data[size]) != NULL;
}

bool statement_drops_or_alters(struct bytes statement)
{
    struct bytes rest = first_word_of(statement);

    return begins_with(rest, "DROP") || begins_with(rest, "ALTER");
}
