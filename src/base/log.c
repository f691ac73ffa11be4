/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/clock.h"

enum {
    LINE_BYTES = 2048,
    REPEAT_SLOTS = 64, /* formats that are watched for repetition */
    REPEAT_MOST = 20,  /* lines of one format in a window, debug excepted */
    REPEAT_WINDOW_USEC = 5000000,
};

static const char *const names[LOG_LEVEL_COUNT] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

/* How often one format was used in the current window. */
struct repeat {
    const char *format; /* borrowed: formats are literals */
    uint64_t window_began_usec;
    unsigned count;
};

static void write_to_stderr(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)fprintf(stderr, "%s: %s\n", names[level], line);
}

/* The one mutable global of the project: a log must work before and after all else. */
static struct {
    pthread_mutex_t lock;
    log_sink_fn sink;
    void *context; /* borrowed from whoever set the sink */
    atomic_int level;
    struct repeat repeats[REPEAT_SLOTS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .sink = write_to_stderr, .level = LOG_INFO};

void log_set_sink(log_sink_fn sink, void *context)
{
    pthread_mutex_lock(&state.lock);
    state.sink = sink;
    state.context = context;
    pthread_mutex_unlock(&state.lock);
}

void log_set_level(enum log_level level)
{
    atomic_store(&state.level, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load(&state.level);
}

const char *log_level_name(enum log_level level)
{
    return names[level];
}

bool log_level_find(const char *name, enum log_level *found)
{
    for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
        if (strcmp(names[level], name) == 0) {
            *found = (enum log_level)level;
            return true;
        }
    }
    return false;
}

/* Under the lock. Returns how many lines were held back before this one, or -1 to hold it back.
 */
static int count_repeat(const char *format)
{
    struct repeat *repeat = &state.repeats[((uintptr_t)format >> 4) % REPEAT_SLOTS];
    uint64_t now = clock_monotonic_usec(clock_system());
    int held = 0;

    if (repeat->format == format && now - repeat->window_began_usec < REPEAT_WINDOW_USEC) {
        repeat->count++;
        return repeat->count > REPEAT_MOST ? -1 : 0;
    }
    if (repeat->format == format && repeat->count > REPEAT_MOST) {
        held = (int)(repeat->count - REPEAT_MOST);
    }
    *repeat = (struct repeat){.format = format, .window_began_usec = now, .count = 1};
    return held;
}

static void PRINTF_LIKE(2, 0) write_line(enum log_level level, const char *format, va_list args)
{
    char line[LINE_BYTES];
    int held = 0;

    if ((int)level > atomic_load(&state.level)) {
        return;
    }
    (void)vsnprintf(line, sizeof(line), format, args);
    pthread_mutex_lock(&state.lock);
    held = level == LOG_DEBUG ? 0 : count_repeat(format);
    if (held > 0) {
        char note[96];

        (void)snprintf(note, sizeof(note), "log: %d lines like the next one were held back",
                       held);
        state.sink(state.context, level, note);
    }
    if (held >= 0) {
        state.sink(state.context, level, line);
    }
    pthread_mutex_unlock(&state.lock);
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(LOG_ERROR, format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(LOG_WARNING, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(LOG_INFO, format, args);
    va_end(args);
}

void log_debug(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_line(LOG_DEBUG, format, args);
    va_end(args);
}

struct log_text log_safe(struct bytes bytes)
{
    struct log_text safe = {""};
    size_t used = 0;

    for (size_t at = 0; at < bytes.size; at++) {
        uint8_t byte = bytes.data[at];
        bool is_plain = byte >= 0x20 && byte < 0x7F && byte != '\\';

        if (used + sizeof("\\xNN...") > sizeof(safe.text)) {
            memcpy(safe.text + used, "...", sizeof("..."));
            break;
        }
        if (is_plain) {
            safe.text[used++] = (char)byte;
        } else {
            used += (size_t)snprintf(safe.text + used, 5, "\\x%02X", byte);
        }
    }
    return safe;
}
