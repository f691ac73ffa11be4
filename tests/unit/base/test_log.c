/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/log.h"

#include <string.h>

#include "check.h"

static unsigned written;

static void count_line(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    CHECK(strchr(line, '\n') == NULL);
    written++;
}

static void holds_back_what_repeats(void)
{
    written = 0;
    for (int line = 0; line < 1000; line++) {
        log_warning("the same format, line %d", line);
    }
    CHECK(written > 0 && written < 100);
}

static void keeps_silent_below_the_level(void)
{
    written = 0;
    log_set_level(LOG_ERROR);
    log_info("nobody hears this");
    CHECK(written == 0);
    log_error("but this");
    CHECK(written == 1);
    log_set_level(LOG_INFO);
}

static void makes_hostile_bytes_safe(void)
{
    struct log_text safe = log_safe((struct bytes){(const uint8_t *)"a\n\x1b[31m\xff\\", 9});
    uint8_t many[1000];

    CHECK(strcmp(safe.text, "a\\x0A\\x1B[31m\\xFF\\x5C") == 0);
    memset(many, 0, sizeof(many));
    safe = log_safe((struct bytes){many, sizeof(many)});
    CHECK(strlen(safe.text) < sizeof(safe.text) && strstr(safe.text, "...") != NULL);
}

int main(void)
{
    log_set_sink(count_line, NULL);
    holds_back_what_repeats();
    keeps_silent_below_the_level();
    makes_hostile_bytes_safe();
    return 0;
}
