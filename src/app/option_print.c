/* SPDX-License-Identifier: Apache-2.0 */
/* The other direction: from the structs to JSON, and to nothing. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/base/quantity.h"
#include "option.h"

static const void *field_of(const struct config_option *option, const void *source)
{
    return (const char *)source + option->offset;
}

static json_t *print_word(const struct config_option *option, uint64_t place)
{
    const char *at = option->words;

    for (uint64_t skipped = 0; skipped < place; skipped++) {
        at = strchr(at, '|') + 1;
    }
    return json_stringn(at, strcspn(at, "|"));
}

static json_t *print_quantity(const struct config_option *option, uint64_t number)
{
    char text[QUANTITY_TEXT_BYTES];

    switch ((int)option->kind) {
    case OPTION_DURATION:
        duration_print(text, number);
        return json_string(text);
    case OPTION_SIZE:
        size_print(text, number);
        return json_string(text);
    case OPTION_PERCENT:
        return json_sprintf("%llu%%", (unsigned long long)number);
    case OPTION_CHOICE:
        return print_word(option, number);
    default:
        return json_integer((json_int_t)number);
    }
}

static json_t *print_list(const struct config_option *option, const struct option_list *list)
{
    size_t size = option->kind == OPTION_TEXTS ? sizeof(char *) : option->section->size;
    json_t *array = json_array();

    for (size_t at = 0; at < list->count; at++) {
        const char *item = (const char *)list->items + at * size;
        json_t *printed = option->kind == OPTION_TEXTS ? json_string(*(char *const *)item)
                                                       : option_print(option->section, item);

        (void)json_array_append_new(array, printed); /* fails only for want of memory */
    }
    return array;
}

/* One that was not chosen has none of what it cannot be without. */
static json_t *print_chosen(const struct option_section *section, const void *source)
{
    json_t *object = option_print(section, source);

    if (json_object_size(object) > 0) {
        return object;
    }
    json_decref(object);
    return NULL;
}

/* NULL for what is not set, and for secrets. */
static json_t *print_value(const struct config_option *option, const void *field)
{
    const json_t *value = NULL;

    switch (option->kind) {
    case OPTION_TEXT:
        return *(char *const *)field == NULL ? NULL : json_string(*(char *const *)field);
    case OPTION_SECRET:
        return NULL;
    case OPTION_BOOL:
        return json_boolean(*(const bool *)field);
    case OPTION_NUMBER:
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_PERCENT:
    case OPTION_CHOICE:
        return *(const uint64_t *)field < option->least
                   ? NULL
                   : print_quantity(option, *(const uint64_t *)field);
    case OPTION_SECTION:
        return option_print(option->section, field);
    case OPTION_CHOSEN:
        return print_chosen(option->section, field);
    case OPTION_SECTIONS:
    case OPTION_TEXTS:
        return print_list(option, field);
    case OPTION_JSON:
        value = *(json_t *const *)field;
        return value == NULL ? NULL : json_deep_copy(value);
    }
    return NULL;
}

json_t *option_print(const struct option_section *section, const void *source)
{
    json_t *object = json_object();

    for (const struct config_option *option = section->options; option->name != NULL;
         option++) {
        json_t *value = print_value(option, field_of(option, source));

        if (value != NULL) {
            (void)json_object_set_new(object, option->name, value); /* as above */
        }
    }
    return object;
}

static void wipe_and_free(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
    }
    free(secret);
}

static void release_list(const struct config_option *option, struct option_list *list)
{
    for (size_t at = 0; at < list->count; at++) {
        if (option->kind == OPTION_TEXTS) {
            free(((char **)list->items)[at]);
        } else {
            option_release(option->section, (char *)list->items + at * option->section->size);
        }
    }
    free(list->items);
    *list = (struct option_list){0};
}

void option_release(const struct option_section *section, void *target)
{
    for (const struct config_option *option = section->options; option->name != NULL;
         option++) {
        void *field = (char *)target + option->offset;

        switch ((int)option->kind) {
        case OPTION_TEXT:
            free(*(char **)field);
            break;
        case OPTION_SECRET:
            wipe_and_free(*(char **)field);
            break;
        case OPTION_SECTION:
        case OPTION_CHOSEN:
            option_release(option->section, field);
            break;
        case OPTION_SECTIONS:
        case OPTION_TEXTS:
            release_list(option, field);
            break;
        case OPTION_JSON:
            json_decref(*(json_t **)field);
            break;
        default:
            break;
        }
    }
}
