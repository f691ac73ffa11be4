/* SPDX-License-Identifier: Apache-2.0 */
/* Epochs and times as people write them: "4711", "4711.2", and ISO 8601. */
#include <string.h>

#include "binrelay/storage/epoch_locate.h"

enum {
    USEC_PER_SECOND = 1000000,
    SECONDS_PER_DAY = 86400,
    SECONDS_PER_HOUR = 3600,
    SECONDS_PER_MINUTE = 60,
    FRACTION_MOST_DIGITS = 9, /* behind the sixth they are passed over */
};

/* Reads forward; is_wrong stays once something did not fit. */
struct time_reader {
    struct bytes rest;
    bool is_wrong;
};

static bool next_is(struct time_reader *reader, char wanted)
{
    if (reader->rest.size == 0 || reader->rest.data[0] != (uint8_t)wanted) {
        return false;
    }
    reader->rest.data++;
    reader->rest.size--;
    return true;
}

static void expect(struct time_reader *reader, char wanted)
{
    reader->is_wrong |= !next_is(reader, wanted);
}

static bool next_is_digit(const struct time_reader *reader)
{
    return reader->rest.size > 0 && reader->rest.data[0] >= '0' && reader->rest.data[0] <= '9';
}

/* Exactly so many digits. */
static unsigned read_digits(struct time_reader *reader, unsigned count)
{
    unsigned number = 0;

    for (unsigned i = 0; i < count; i++) {
        if (!next_is_digit(reader)) {
            reader->is_wrong = true;
            return 0;
        }
        number = number * 10 + (unsigned)(reader->rest.data[0] - '0');
        reader->rest.data++;
        reader->rest.size--;
    }
    return number;
}

static unsigned read_part(struct time_reader *reader, unsigned least, unsigned most)
{
    unsigned number = read_digits(reader, 2);

    reader->is_wrong |= number < least || number > most;
    return number;
}

static bool is_leap_year(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the date. The year is 1970 or later. */
static uint64_t read_date(struct time_reader *reader)
{
    static const unsigned days_before[] = {0,   31,  59,  90,  120, 151, 181,
                                           212, 243, 273, 304, 334, 365};
    unsigned year = read_digits(reader, 4);

    expect(reader, '-');

    unsigned month = read_part(reader, 1, 12);

    expect(reader, '-');

    unsigned day = read_part(reader, 1, 31);

    if (reader->is_wrong || year < 1970) {
        reader->is_wrong = true;
        return 0;
    }
    unsigned leap_day = is_leap_year(year) && month == 2 ? 1 : 0;

    reader->is_wrong |= day > days_before[month] - days_before[month - 1] + leap_day;

    uint64_t past = year - 1;
    uint64_t days = past * 365 + past / 4 - past / 100 + past / 400 - 719162;

    return days + days_before[month - 1] + (is_leap_year(year) && month > 2 ? 1 : 0) + day - 1;
}

static uint64_t read_clock(struct time_reader *reader)
{
    uint64_t seconds = (uint64_t)read_part(reader, 0, 23) * SECONDS_PER_HOUR;

    expect(reader, ':');
    seconds += (uint64_t)read_part(reader, 0, 59) * SECONDS_PER_MINUTE;
    expect(reader, ':');
    return seconds + read_part(reader, 0, 60);
}

static uint64_t read_fraction(struct time_reader *reader)
{
    uint64_t weight = USEC_PER_SECOND;
    uint64_t usec = 0;

    if (!next_is(reader, '.')) {
        return 0;
    }
    reader->is_wrong |= !next_is_digit(reader);
    for (unsigned i = 0; next_is_digit(reader); i++) {
        weight /= 10;
        usec += weight * read_digits(reader, 1);
        reader->is_wrong |= i >= FRACTION_MOST_DIGITS;
    }
    return usec;
}

/* Seconds that the clock of the text is ahead of UTC. */
static int64_t read_zone(struct time_reader *reader)
{
    int64_t sign = next_is(reader, '+') ? 1 : 0;

    if (sign == 0 && next_is(reader, '-')) {
        sign = -1;
    }
    if (sign == 0) {
        (void)next_is(reader, 'Z'); /* without anything it is UTC as well */
        return 0;
    }
    int64_t seconds = (int64_t)read_part(reader, 0, 14) * SECONDS_PER_HOUR;

    (void)next_is(reader, ':'); /* the short form has none */
    return sign * (seconds + (int64_t)read_part(reader, 0, 59) * SECONDS_PER_MINUTE);
}

bool epoch_time_parse(struct bytes text, uint64_t *usec)
{
    struct time_reader reader = {.rest = text};
    uint64_t days = read_date(&reader);

    reader.is_wrong |= !next_is(&reader, 'T') && !next_is(&reader, ' ');

    uint64_t seconds = days * SECONDS_PER_DAY + read_clock(&reader);
    uint64_t fraction = read_fraction(&reader);
    int64_t ahead = read_zone(&reader);

    if (reader.is_wrong || reader.rest.size > 0 || (int64_t)seconds < ahead) {
        return false;
    }
    *usec = (uint64_t)((int64_t)seconds - ahead) * USEC_PER_SECOND + fraction;
    return true;
}

static bool read_number(struct bytes text, uint64_t *number)
{
    uint64_t found = 0;

    for (size_t at = 0; at < text.size; at++) {
        uint64_t digit = (uint64_t)text.data[at] - '0';

        if (text.data[at] < '0' || digit > 9 || found > (UINT64_MAX - digit) / 10) {
            return false;
        }
        found = found * 10 + digit;
    }
    *number = found;
    return text.size > 0;
}

bool epoch_key_parse(struct bytes text, struct epoch_key *key)
{
    const uint8_t *dot = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
    uint64_t incarnation = 0;

    if (dot != NULL) {
        size_t size = (size_t)(dot - text.data);
        struct bytes behind = {.data = dot + 1, .size = text.size - size - 1};

        text.size = size;
        if (!read_number(behind, &incarnation) || incarnation == 0 ||
            incarnation > UINT32_MAX) {
            return false;
        }
    }
    key->incarnation = (uint32_t)incarnation;
    return read_number(text, &key->epoch);
}
