/* SPDX-License-Identifier: Apache-2.0 */
#include "option.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"
#include "binrelay/base/quantity.h"

void option_fault(struct option_faults *faults, const char *path, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buffer_add_format(&faults->lines, "%s: %s\n", path, text);
    faults->count++;
}

static void *field_of(const struct config_option *option, void *target)
{
    return (char *)target + option->offset;
}

/* The place of a word in "off|optional|required", or -1. */
static int find_word(const char *words, const char *word)
{
    size_t size = strlen(word);
    int place = 0;

    for (const char *at = words; at != NULL; place++) {
        const char *end = strchr(at, '|');
        size_t here = end == NULL ? strlen(at) : (size_t)(end - at);

        if (here == size && memcmp(at, word, size) == 0) {
            return place;
        }
        at = end == NULL ? NULL : end + 1;
    }
    return -1;
}

static bool parse_percent(uint64_t *found, const char *text)
{
    unsigned percent = 0;
    int used = 0;

    if (sscanf(text, "%3u%%%n", &percent, &used) != 1 || used == 0 || text[used] != '\0' ||
        percent > 100) {
        return false;
    }
    *found = percent;
    return true;
}

static void check_limits(const struct config_option *option,
                         uint64_t number,
                         const char *path,
                         struct option_faults *faults)
{
    char least[QUANTITY_TEXT_BYTES];
    char most[QUANTITY_TEXT_BYTES];

    if (number >= option->least && (option->most == 0 || number <= option->most)) {
        return;
    }
    if (option->kind == OPTION_DURATION) {
        duration_print(least, option->least);
        duration_print(most, option->most);
    } else {
        (void)snprintf(least, sizeof(least), "%" PRIu64, option->least);
        (void)snprintf(most, sizeof(most), "%" PRIu64, option->most);
    }
    if (option->most == 0) {
        option_fault(faults, path, "must be at least %s", least);
    } else {
        option_fault(faults, path, "must be from %s to %s", least, most);
    }
}

/* Reads the kinds that are written as text into their number. */
static bool parse_quantity(const struct config_option *option,
                           uint64_t *number,
                           const char *text,
                           const char **wanted)
{
    int place = 0;

    switch ((int)option->kind) {
    case OPTION_DURATION:
        *wanted = "a duration such as \"500ms\", \"30s\" or \"2d\"";
        return duration_parse(number, text);
    case OPTION_SIZE:
        *wanted = "a size such as 1048576, \"512M\" or \"100G\"";
        return size_parse(number, text);
    case OPTION_PERCENT:
        *wanted = "a percentage such as \"80%\"";
        return parse_percent(number, text);
    case OPTION_CHOICE:
        *wanted = option->words;
        place = find_word(option->words, text);
        *number = (uint64_t)place;
        return place >= 0;
    default:
        *wanted = "a number";
        return false;
    }
}

static void read_quantity(const struct config_option *option,
                          uint64_t *number,
                          const json_t *value,
                          const char *path,
                          struct option_faults *faults)
{
    bool may_be_plain = option->kind == OPTION_NUMBER || option->kind == OPTION_SIZE;
    const char *text = json_string_value(value);
    const char *wanted = "a number";
    uint64_t found = 0;

    if (may_be_plain && json_is_integer(value) && json_integer_value(value) >= 0) {
        found = (uint64_t)json_integer_value(value);
    } else if (text == NULL || !parse_quantity(option, &found, text, &wanted)) {
        if (text == NULL) {
            (void)parse_quantity(option, &found, "", &wanted); /* for what is wanted */
        }
        option_fault(faults, path, "must be %s%s",
                     option->kind == OPTION_CHOICE ? "one of " : "", wanted);
        return;
    }
    check_limits(option, found, path, faults);
    *number = found;
}

static void read_text(char **text,
                      bool is_required,
                      const json_t *value,
                      const char *path,
                      struct option_faults *faults)
{
    const char *found = json_string_value(value);

    if (found == NULL) {
        option_fault(faults, path, "must be a text");
    } else if (strlen(found) != json_string_length(value)) {
        option_fault(faults, path, "must not hold a zero character");
    } else if (is_required && *found == '\0') {
        option_fault(faults, path, "must not be empty");
    } else {
        free(*text);
        *text = mem_text(found);
    }
}

static void read_list(const struct config_option *option,
                      struct option_list *list,
                      const json_t *value,
                      const char *path,
                      struct option_faults *faults)
{
    size_t size = option->kind == OPTION_TEXTS ? sizeof(char *) : option->section->size;

    if (!json_is_array(value)) {
        option_fault(faults, path, "must be a list");
        return;
    }
    list->count = json_array_size(value);
    list->items = mem_zeroed(list->count * size + 1);
    for (size_t at = 0; at < list->count; at++) {
        autofree char *item_path = mem_format("%s[%zu]", path, at);
        void *item = (char *)list->items + at * size;

        if (option->kind == OPTION_TEXTS) {
            read_text(item, false, json_array_get(value, at), item_path, faults);
        } else {
            option_read(option->section, item, json_array_get(value, at), item_path, faults);
        }
    }
    if (list->count < option->least) {
        option_fault(faults, path, "must have at least %" PRIu64, option->least);
    }
}

static void read_value(const struct config_option *option,
                       void *field,
                       const json_t *value,
                       const char *path,
                       struct option_faults *faults)
{
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_SECRET:
        read_text(field, option->is_required, value, path, faults);
        break;
    case OPTION_BOOL:
        if (!json_is_boolean(value)) {
            option_fault(faults, path, "must be true or false");
        }
        *(bool *)field = json_is_true(value);
        break;
    case OPTION_NUMBER:
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_PERCENT:
    case OPTION_CHOICE:
        read_quantity(option, field, value, path, faults);
        break;
    case OPTION_SECTION:
    case OPTION_CHOSEN:
        option_read(option->section, field, value, path, faults);
        break;
    case OPTION_SECTIONS:
    case OPTION_TEXTS:
        read_list(option, field, value, path, faults);
        break;
    case OPTION_JSON:
        *(json_t **)field = json_deep_copy(value);
        break;
    }
}

/* What holds when nothing is said is written in the table as it would be in the file. */
static json_t *fallback_of(const struct config_option *option)
{
    if (option->kind == OPTION_SECTION) {
        return json_object();
    }
    if (option->fallback == NULL) {
        return NULL;
    }
    switch ((int)option->kind) {
    case OPTION_NUMBER:
    case OPTION_BOOL:
    case OPTION_TEXTS:
    case OPTION_JSON:
        return json_loads(option->fallback, JSON_DECODE_ANY, NULL);
    default:
        return json_string(option->fallback);
    }
}

static void complain_of_unknown(const struct option_section *section,
                                const json_t *object,
                                const char *path,
                                struct option_faults *faults)
{
    const char *name = NULL;
    const json_t *value = NULL;

    json_object_foreach((json_t *)object, name, value)
    {
        const struct config_option *option = section->options;

        while (option->name != NULL && strcmp(option->name, name) != 0) {
            option++;
        }
        if (option->name == NULL) {
            autofree char *where =
                mem_format("%s.%s", path, log_safe(bytes_of_text(name)).text);

            option_fault(faults, where, "there is no such option");
        }
    }
}

void option_read(const struct option_section *section,
                 void *target,
                 const json_t *object,
                 const char *path,
                 struct option_faults *faults)
{
    if (!json_is_object(object)) {
        option_fault(faults, path, "must be an object");
        return;
    }
    complain_of_unknown(section, object, path, faults);
    for (const struct config_option *option = section->options; option->name != NULL;
         option++) {
        autofree char *where = mem_format("%s.%s", path, option->name);
        const json_t *value = json_object_get(object, option->name);
        json_t *fallback = value == NULL ? fallback_of(option) : NULL;

        if (value == NULL && option->is_required) {
            option_fault(faults, where, "is missing");
        } else if (value != NULL || fallback != NULL) {
            read_value(option, field_of(option, target), value == NULL ? fallback : value,
                       where, faults);
        }
        json_decref(fallback);
    }
}
