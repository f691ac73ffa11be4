/* SPDX-License-Identifier: Apache-2.0 */
#include "log_output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "binrelay/base/clock.h"
#include "binrelay/base/log.h"
#include "config.h"

static void print_time(char text[32])
{
    uint64_t now = clock_wall_usec(clock_system());
    time_t seconds = (time_t)(now / 1000000);
    struct tm parts;
    size_t used = 0;

    (void)gmtime_r(&seconds, &parts); /* the time of now has a date */
    used = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, 32 - used, ".%03uZ", (unsigned)(now / 1000 % 1000));
}

static void write_text(void *context, enum log_level level, const char *line)
{
    char now[32];

    (void)context;
    print_time(now);
    (void)fprintf(stderr, "%s %-7s %s\n", now, log_level_name(level), line);
}

static void write_json(void *context, enum log_level level, const char *line)
{
    char now[32];
    json_t *object = NULL;
    char *text = NULL;

    (void)context;
    print_time(now);
    object = json_pack("{s:s,s:s,s:s}", "time", now, "level", log_level_name(level), "message",
                       line);
    text = json_dumps(object, JSON_COMPACT);
    (void)fprintf(stderr, "%s\n", text == NULL ? "{\"message\":\"(not UTF-8)\"}" : text);
    free(text);
    json_decref(object);
}

/* sd-daemon(3): a line that begins with <N> has the priority N. */
static void write_with_priority(void *context, enum log_level level, const char *line)
{
    static const int priorities[LOG_LEVEL_COUNT] = {
        [LOG_ERROR] = 3, [LOG_WARNING] = 4, [LOG_INFO] = 6, [LOG_DEBUG] = 7};

    (void)context;
    (void)fprintf(stderr, "<%d>%s\n", priorities[level], line);
}

/* True if standard error is the journal's stream: JOURNAL_STREAM names its device and inode. */
static bool is_read_by_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device = 0;
    unsigned long long inode = 0;
    struct stat facts;

    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &facts) == 0 && facts.st_dev == device && facts.st_ino == inode;
}

void log_output_set(unsigned format, unsigned level)
{
    log_set_level((enum log_level)level);
    if (format == LOG_FORMAT_JSON) {
        log_set_sink(write_json, NULL);
    } else if (format == LOG_FORMAT_JOURNAL ||
               (format == LOG_FORMAT_AUTO && is_read_by_journal())) {
        log_set_sink(write_with_priority, NULL);
    } else {
        log_set_sink(write_text, NULL);
    }
}
