/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one request, as JSON or in words, into its command and checked arguments. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin_internal.h"
#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

enum { WORDS_MOST = 16 };

static const struct command_parameter *find_parameter(const struct admin_command *command,
                                                      const char *name)
{
    for (const struct command_parameter *parameter = command->parameters;
         parameter->name != NULL; parameter++) {
        if (strcmp(parameter->name, name) == 0 ||
            (parameter->alias != NULL && strcmp(parameter->alias, name) == 0)) {
            return parameter;
        }
    }
    return NULL;
}

/* Gives arguments that are called by another name the one that commands know. One that is there
 * under both is left for the check to refuse. */
static void settle_names(const struct admin_command *command, json_t *arguments)
{
    for (const struct command_parameter *parameter = command->parameters;
         parameter->name != NULL; parameter++) {
        json_t *value =
            parameter->alias == NULL ? NULL : json_object_get(arguments, parameter->alias);

        if (value != NULL && json_object_get(arguments, parameter->name) == NULL) {
            (void)json_object_set(arguments, parameter->name, value);
            (void)json_object_del(arguments, parameter->alias); /* it was there */
        }
    }
}

static bool is_of_kind(const json_t *value, enum parameter_kind kind)
{
    switch (kind) {
    case PARAMETER_TEXT:
        return json_is_string(value);
    case PARAMETER_WORD:
        return json_is_string(value) ||
               (json_is_integer(value) && json_integer_value(value) >= 0);
    case PARAMETER_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case PARAMETER_FLAG:
        return json_is_boolean(value);
    }
    return false;
}

static enum status check_arguments(const struct admin_command *command,
                                   json_t *arguments,
                                   struct error *error)
{
    static const char *const kinds[] = {
        [PARAMETER_TEXT] = "a text",
        [PARAMETER_WORD] = "a text, or a number that is not negative",
        [PARAMETER_NUMBER] = "a number that is not negative",
        [PARAMETER_FLAG] = "true or false",
    };
    const char *name = NULL;
    json_t *value = NULL;

    settle_names(command, arguments);
    json_object_foreach(arguments, name, value)
    {
        const struct command_parameter *parameter = find_parameter(command, name);

        if (parameter == NULL || strcmp(parameter->name, name) != 0) {
            return error_set(error, STATUS_INVALID, "%s: there is no argument %s",
                             command->name, log_safe(bytes_of_text(name)).text);
        }
        if (!is_of_kind(value, parameter->kind)) {
            return error_set(error, STATUS_INVALID, "%s: %s must be %s", command->name, name,
                             kinds[parameter->kind]);
        }
        if (parameter->kind == PARAMETER_WORD && json_is_integer(value)) {
            /* The value of a key that is there is replaced: the iteration goes on. */
            (void)json_object_set_new(
                arguments, name,
                json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(value)));
        }
    }
    for (const struct command_parameter *parameter = command->parameters;
         parameter->name != NULL; parameter++) {
        if (parameter->is_required && json_object_get(arguments, parameter->name) == NULL) {
            return error_set(error, STATUS_INVALID, "%s: %s is missing, as in: %s",
                             command->name, parameter->name, command->example);
        }
    }
    return STATUS_OK;
}

static enum status find_command(const char *name,
                                const struct admin_command **command,
                                struct error *error)
{
    *command = admin_command_find(name);
    if (*command == NULL) {
        return error_set(error, STATUS_INVALID, "there is no command '%s'; help lists them",
                         log_safe(bytes_of_text(name)).text);
    }
    return STATUS_OK;
}

static enum status parse_json(struct bytes line,
                              const struct admin_command **command,
                              json_t **arguments,
                              struct error *error)
{
    json_error_t fault;
    json_t *request =
        json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, &fault);
    const char *name = json_string_value(json_object_get(request, "command"));
    enum status status = STATUS_OK;

    if (request == NULL) {
        status = error_set(error, STATUS_INVALID, "not JSON: %s",
                           log_safe(bytes_of_text(fault.text)).text);
    } else if (name == NULL) {
        status = error_set(error, STATUS_INVALID, "\"command\" is missing or not a text");
    } else {
        status = find_command(name, command, error);
    }
    if (status == STATUS_OK) {
        (void)json_object_del(request, "command"); /* it was there */
        *arguments = request;
        return STATUS_OK;
    }
    json_decref(request);
    return status;
}

struct words {
    char *text;              /* owned: the line, cut into words */
    char *items[WORDS_MOST]; /* in the text */
    size_t count;
    size_t next;
};

static enum status split(struct words *words, struct bytes line, struct error *error)
{
    char *rest = NULL;

    words->text = mem_zeroed(line.size + 1);
    if (line.size > 0) {
        memcpy(words->text, line.data, line.size);
    }
    if (strlen(words->text) != line.size) {
        return error_set(error, STATUS_INVALID, "there is a zero byte in the line");
    }
    for (char *word = strtok_r(words->text, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (words->count == WORDS_MOST) {
            return error_set(error, STATUS_INVALID, "more than %d words", WORDS_MOST);
        }
        words->items[words->count++] = word;
    }
    return words->count > 0 ? STATUS_OK : error_set(error, STATUS_INVALID, "an empty line");
}

/* True if commands of two words begin with this one. */
static bool is_first_of_two(const char *word)
{
    size_t size = strlen(word);

    for (size_t at = 0; at < admin_command_count; at++) {
        if (strncmp(admin_commands[at].name, word, size) == 0 &&
            admin_commands[at].name[size] == ' ') {
            return true;
        }
    }
    return false;
}

/* Takes the command's name: two words if they are one, else the first. */
static enum status take_command(struct words *words,
                                const struct admin_command **command,
                                struct error *error)
{
    if (words->count > 1) {
        autofree char *pair = mem_format("%s %s", words->items[0], words->items[1]);

        *command = admin_command_find(pair);
        if (*command != NULL) {
            words->next = 2;
            return STATUS_OK;
        }
        if (is_first_of_two(words->items[0]) && admin_command_find(words->items[0]) == NULL) {
            return find_command(pair, command, error); /* for what it says */
        }
    }
    words->next = 1;
    return find_command(words->items[0], command, error);
}

/* Makes the JSON value of a word. NULL if it is no number where one is wanted. */
static json_t *value_of_word(const char *word, enum parameter_kind kind)
{
    char *end = NULL;
    long long number = 0;

    if (kind == PARAMETER_TEXT || kind == PARAMETER_WORD) {
        return json_string(word);
    }
    errno = 0;
    number = strtoll(word, &end, 10);
    return errno != 0 || *word == '\0' || *end != '\0' || number < 0 ? NULL
                                                                     : json_integer(number);
}

/* The parameter that an option or a word without dashes stands for. */
static const struct command_parameter *parameter_of_word(const struct admin_command *command,
                                                         char *word,
                                                         const json_t *arguments)
{
    if (strncmp(word, "--", 2) == 0) {
        for (char *at = word + 2; *at != '\0'; at++) {
            *at = *at == '-' ? '_' : *at;
        }
        return find_parameter(command, word + 2);
    }
    for (const struct command_parameter *parameter = command->parameters;
         parameter->name != NULL; parameter++) {
        if (parameter->is_positional && json_object_get(arguments, parameter->name) == NULL) {
            return parameter;
        }
    }
    return NULL;
}

static enum status take_argument(struct words *words,
                                 const struct admin_command *command,
                                 json_t *arguments,
                                 struct error *error)
{
    char *word = words->items[words->next++];
    bool is_option = strncmp(word, "--", 2) == 0;
    const struct command_parameter *parameter = parameter_of_word(command, word, arguments);
    json_t *value = NULL;

    if (parameter == NULL) {
        return error_set(error, STATUS_INVALID, "%s: what is '%s'? As in: %s", command->name,
                         log_safe(bytes_of_text(word)).text, command->example);
    }
    if (parameter->kind == PARAMETER_FLAG) {
        value = json_true();
    } else {
        if (is_option && words->next == words->count) {
            return error_set(error, STATUS_INVALID, "%s: %s wants a value", command->name,
                             parameter->name);
        }
        value = value_of_word(is_option ? words->items[words->next++] : word, parameter->kind);
    }
    if (value == NULL) {
        return error_set(error, STATUS_INVALID, "%s: %s must be a number that is not negative",
                         command->name, parameter->name);
    }
    (void)json_object_set_new(arguments, parameter->name,
                              value); /* fails only for want of memory */
    return STATUS_OK;
}

static enum status parse_words(struct bytes line,
                               const struct admin_command **command,
                               json_t **arguments,
                               struct error *error)
{
    struct words words = {0};
    json_t *made = json_object();
    enum status status = split(&words, line, error);

    if (status == STATUS_OK) {
        status = take_command(&words, command, error);
    }
    while (status == STATUS_OK && words.next < words.count) {
        status = take_argument(&words, *command, made, error);
    }
    free(words.text);
    if (status != STATUS_OK) {
        json_decref(made);
        return status;
    }
    *arguments = made;
    return STATUS_OK;
}

enum status admin_request_parse(struct bytes line,
                                const struct admin_command **command,
                                json_t **arguments,
                                struct error *error)
{
    const struct admin_command *found = NULL;
    json_t *made = NULL;
    bool is_json = line.size > 0 && line.data[0] == '{';
    enum status status = is_json ? parse_json(line, &found, &made, error)
                                 : parse_words(line, &found, &made, error);

    if (status == STATUS_OK) {
        status = check_arguments(found, made, error);
    }
    if (status != STATUS_OK) {
        json_decref(made);
        return status;
    }
    *command = found;
    *arguments = made;
    return STATUS_OK;
}
