/* SPDX-License-Identifier: Apache-2.0 */
#include "answers.h"

#include <string.h>
#include <strings.h>

enum { NAME_COLUMN = 0, VALUE_COLUMN = 1 };

bool answer_number(const struct result_set *answer, size_t row, size_t column, uint64_t *found)
{
    struct bytes text = result_set_value(answer, row, column);
    uint64_t number = 0;

    for (size_t at = 0; at < text.size; at++) {
        unsigned digit = (unsigned)text.data[at] - '0';

        if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *found = number;
    return text.size > 0;
}

void answer_variable(const struct result_set *answer,
                     const char *name,
                     char *value,
                     size_t capacity)
{
    value[0] = '\0';
    for (size_t row = 0; row < result_set_rows(answer); row++) {
        struct bytes found = result_set_value(answer, row, VALUE_COLUMN);

        if (bytes_equal_text(result_set_value(answer, row, NAME_COLUMN), name) &&
            found.data != NULL && found.size < capacity) {
            memcpy(value, found.data, found.size);
            value[found.size] = '\0';
            return;
        }
    }
}

bool answer_is_on(const struct result_set *answer, const char *name)
{
    char value[8];

    answer_variable(answer, name, value, sizeof(value));
    return strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0;
}
