/* SPDX-License-Identifier: Apache-2.0 */
#include "session_directory.h"

#include <stdio.h>
#include <string.h>

#include "check.h"

static void ignore_end(struct session *session, enum session_end why)
{
    (void)session;
    (void)why;
}

static struct session_card *add(struct session_directory *directory, const char *cluster)
{
    struct session_facts facts = {0};

    (void)snprintf(facts.cluster, sizeof(facts.cluster), "%s", cluster);
    return session_directory_add(directory, NULL, NULL, &facts);
}

static void fill_sent(struct session_entry *entry, const void *context)
{
    entry->facts.sent_bytes = *(const uint64_t *)context;
}

static void set_sent(struct session_directory *directory,
                     struct session_card *card,
                     uint64_t bytes)
{
    session_directory_update(directory, card, fill_sent, &bytes);
}

static void what_was_sent_is_counted_beyond_the_sessions(void)
{
    struct session_directory *directory = session_directory_new(ignore_end);
    struct session_card *first = add(directory, "east");
    struct session_card *second = add(directory, "east");
    struct session_card *other = add(directory, "west");
    struct session_card *silent = add(directory, "north");

    CHECK(session_directory_sent(directory, "east") == 0);
    set_sent(directory, first, 100);
    set_sent(directory, second, 20);
    set_sent(directory, other, 7);
    CHECK(session_directory_sent(directory, "east") == 120);
    session_directory_remove(directory, first);
    CHECK(session_directory_sent(directory, "east") == 120);
    set_sent(directory, second, 30);
    session_directory_remove(directory, second);
    session_directory_remove(directory, other);
    session_directory_remove(directory, silent);
    first = add(directory, "east");
    set_sent(directory, first, 1);
    CHECK(session_directory_sent(directory, "east") == 131);
    CHECK(session_directory_sent(directory, "west") == 7);
    CHECK(session_directory_sent(directory, "north") == 0);
    session_directory_remove(directory, first);
    session_directory_unref(directory);
}

int main(void)
{
    what_was_sent_is_counted_beyond_the_sessions();
    return 0;
}
