/* SPDX-License-Identifier: Apache-2.0 */
#include "answering_source.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static const struct answer *find_answer(const struct answering_source *source, const char *text)
{
    for (size_t at = 0; at < source->answer_count; at++) {
        const struct answer *answer = &source->answers[at];

        if (strncmp(text, answer->begins, strlen(answer->begins)) == 0) {
            return answer;
        }
    }
    return NULL;
}

static void ask_for_file(struct fake_session *session, struct buffer *output)
{
    static const char request[] = "\xFB/etc/hostname";

    fake_session_send(session, (struct bytes){(const uint8_t *)request, sizeof(request) - 1},
                      output);
}

static void give(const struct answer *answer,
                 struct fake_session *session,
                 struct buffer *output)
{
    if (answer == NULL) {
        fake_session_send_ok(session, output);
    } else if (answer->asks_for_file) {
        ask_for_file(session, output);
    } else if (answer->code != 0) {
        fake_session_send_error(session, answer->code, "no, says the script", output);
    } else if (answer->columns > 0) {
        fake_session_send_rows(session, answer->columns, answer->values, answer->rows, output);
    } else if (!answer->is_silent) {
        fake_session_send_ok(session, output);
    }
}

static bool on_query(void *context,
                     struct fake_session *session,
                     const char *text,
                     struct buffer *output)
{
    struct answering_source *source = context;

    pthread_mutex_lock(&source->lock);
    if (strncmp(text, "SET autocommit", 14) != 0 && source->seen_count < ANSWERED_MOST) {
        (void)snprintf(source->seen[source->seen_count++], ANSWERED_BYTES, "%s", text);
    }
    give(find_answer(source, text), session, output);
    pthread_cond_broadcast(&source->changed);
    pthread_mutex_unlock(&source->lock);
    return true;
}

void answering_source_open(struct answering_source *source)
{
    struct fake_script script = fake_script_make();

    memset(source, 0, sizeof(*source));
    CHECK(pthread_mutex_init(&source->lock, NULL) == 0);
    CHECK(pthread_cond_init(&source->changed, NULL) == 0);
    script.on_query = on_query;
    script.query_context = source;
    source->source = fake_source_start(script);
    source->options = (struct source_options){.host = "127.0.0.1",
                                              .port = fake_source_port(source->source),
                                              .user = "relay",
                                              .password = "secret"};
}

void answering_source_close(struct answering_source *source)
{
    fake_source_stop(source->source);
    CHECK(pthread_cond_destroy(&source->changed) == 0);
    CHECK(pthread_mutex_destroy(&source->lock) == 0);
}

void answering_source_set(struct answering_source *source,
                          const struct answer *answers,
                          size_t count)
{
    CHECK(count <= ANSWERS_MOST);
    pthread_mutex_lock(&source->lock);
    memcpy(source->answers, answers, count * sizeof(*answers));
    source->answer_count = count;
    source->seen_count = 0;
    pthread_mutex_unlock(&source->lock);
}

size_t answering_source_await(struct answering_source *source, const char *begin, int times)
{
    size_t at = 0;

    pthread_mutex_lock(&source->lock);
    while (times > 0) {
        while (at == source->seen_count) {
            CHECK(at < ANSWERED_MOST);
            pthread_cond_wait(&source->changed, &source->lock);
        }
        times -= strncmp(source->seen[at], begin, strlen(begin)) == 0;
        at++;
    }
    pthread_mutex_unlock(&source->lock);
    return at - 1;
}
