/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "admin_internal.h"
#include "check.h"

static const struct admin_command *parse(const char *line, json_t **arguments)
{
    const struct admin_command *command = NULL;
    struct error error;

    CHECK_OK(admin_request_parse(bytes_of_text(line), &command, arguments, &error), &error);
    return command;
}

static void reads_words_and_json_alike(void)
{
    json_t *words = NULL;
    json_t *json = NULL;
    const struct admin_command *command = parse("  cluster  pause east ", &words);

    CHECK(strcmp(command->name, "cluster pause") == 0);
    CHECK(command == parse("{\"command\": \"cluster pause\", \"cluster\": \"east\"}", &json));
    CHECK(json_equal(words, json));
    json_decref(words);
    json_decref(json);
}

static void reads_numbers_and_options(void)
{
    json_t *arguments = NULL;

    CHECK(strcmp(parse("kill 17", &arguments)->name, "kill") == 0);
    CHECK(json_integer_value(json_object_get(arguments, "session")) == 17);
    json_decref(arguments);
    CHECK(strcmp(parse("kill --session 18", &arguments)->name, "kill") == 0);
    CHECK(json_integer_value(json_object_get(arguments, "session")) == 18);
    json_decref(arguments);
}

static void takes_a_number_for_a_word(void)
{
    json_t *words = NULL;
    json_t *number = NULL;
    json_t *text = NULL;

    CHECK(strcmp(parse("locate east epoch 4711", &words)->name, "locate") == 0);
    CHECK(parse("{\"command\": \"locate\", \"cluster\": \"east\", \"by\": \"epoch\", "
                "\"value\": 4711}",
                &number) ==
          parse("{\"command\": \"locate\", \"cluster\": \"east\", \"by\": \"epoch\", "
                "\"value\": \"4711\"}",
                &text));
    CHECK(json_equal(words, number) && json_equal(words, text));
    json_decref(words);
    json_decref(number);
    json_decref(text);
}

static void refuses_with_a_reason(void)
{
    static const struct {
        const char *line;
        const char *reason;
    } cases[] = {
        {"", "empty"},
        {"nonsense", "there is no command 'nonsense'"},
        {"nonsense east", "there is no command 'nonsense'"},
        {"applier", "there is no command 'applier'"},
        {"applier frob east", "there is no command 'applier frob'"},
        {"kill", "session is missing"},
        {"kill x", "must be a number"},
        {"kill -1", "must be a number"},
        {"kill 1 2", "what is '2'"},
        {"kill --session", "wants a value"},
        {"kill 99999999999999999999", "must be a number"},
        {"locate east epoch", "value is missing"},
        {"index show east", "epoch is missing"},
        {"index show east 1 --count x", "must be a number"},
        {"{\"command\": \"locate\", \"cluster\": \"a\", \"by\": \"b\", \"value\": -1}",
         "must be a text, or a number"},
        {"status --nonsense", "what is"},
        {"cluster pause", "cluster is missing"},
        {"{", "not JSON"},
        {"{}", "\"command\" is missing"},
        {"{\"command\": 7}", "\"command\" is missing"},
        {"{\"command\": \"kill\", \"session\": \"1\"}", "must be a number"},
        {"{\"command\": \"kill\", \"session\": -1}", "must be a number"},
        {"{\"command\": \"kill\", \"session\": 1, \"force\": true}", "no argument force"},
        {"{\"command\": \"status\", \"command\": \"kill\"}", "not JSON"},
        {"a b c d e f g h i j k l m n o p q r", "more than 16 words"},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        const struct admin_command *command = NULL;
        json_t *arguments = NULL;
        struct error error;

        CHECK(admin_request_parse(bytes_of_text(cases[at].line), &command, &arguments,
                                  &error) == STATUS_INVALID);
        if (strstr(error.message, cases[at].reason) == NULL) {
            fprintf(stderr, "%s: %s\n", cases[at].line, error.message);
            abort();
        }
    }
}

static void gives_every_command_an_example_that_parses(void)
{
    for (size_t at = 0; at < admin_command_count; at++) {
        json_t *arguments = NULL;

        CHECK(parse(admin_commands[at].example, &arguments) == &admin_commands[at]);
        json_decref(arguments);
    }
}

int main(void)
{
    reads_words_and_json_alike();
    reads_numbers_and_options();
    takes_a_number_for_a_word();
    refuses_with_a_reason();
    gives_every_command_an_example_that_parses();
    return 0;
}
