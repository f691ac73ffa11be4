/* SPDX-License-Identifier: Apache-2.0 */
#include "session_directory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/net/shared.h"

/* mysqlbinlog's ids without and with --stop-never. */
enum { SERVER_ID_NOBODY_MOST = 1 };

struct session_card {
    struct session_card *next;
    struct session_card *previous;
    struct session *session; /* borrowed; for its loop's thread */
    struct loop *loop;       /* borrowed; where it lives */
    struct session_entry entry;
};

/* What sessions that are gone have sent of one cluster. */
struct sent_before {
    char cluster[sizeof(((struct session_facts *)NULL)->cluster)];
    uint64_t bytes;
};

struct session_directory {
    struct shared shared; /* first: is turned back into the directory */
    pthread_mutex_t lock; /* guards all below, and the cards */
    struct session_card *first;
    struct session_card *last;
    size_t count;
    uint64_t last_id;
    struct sent_before *sent; /* owned: one for each cluster that was ever streamed */
    size_t sent_count;
    size_t sent_capacity;
    session_end_fn end;
};

/* On its way to a session's thread. */
struct order {
    struct message message;              /* first: is turned back into the order */
    struct session_directory *directory; /* a reference */
    uint64_t id;
    struct loop *loop; /* borrowed; where it was posted to */
    enum session_end why;
};

static void destroy(struct shared *shared)
{
    struct session_directory *directory = (struct session_directory *)shared;

    (void)pthread_mutex_destroy(&directory->lock);
    free(directory->sent);
    free(directory);
}

struct session_directory *session_directory_new(session_end_fn end)
{
    struct session_directory *directory = mem_zeroed(sizeof(*directory));

    shared_init(&directory->shared, destroy);
    (void)pthread_mutex_init(&directory->lock, NULL); /* cannot fail for a default mutex */
    directory->end = end;
    return directory;
}

struct session_directory *session_directory_ref(struct session_directory *directory)
{
    (void)shared_ref(&directory->shared);
    return directory;
}

void session_directory_unref(struct session_directory *directory)
{
    if (directory != NULL) {
        shared_unref(&directory->shared);
    }
}

struct session_card *session_directory_add(struct session_directory *directory,
                                           struct session *session,
                                           struct loop *loop,
                                           const struct session_facts *facts)
{
    struct session_card *card = mem_zeroed(sizeof(*card));

    card->session = session;
    card->loop = loop;
    card->entry.facts = *facts;
    card->entry.state_since_usec = facts->started_usec;
    pthread_mutex_lock(&directory->lock);
    card->entry.facts.id = ++directory->last_id;
    card->previous = directory->last;
    if (directory->last != NULL) {
        directory->last->next = card;
    } else {
        directory->first = card;
    }
    directory->last = card;
    directory->count++;
    pthread_mutex_unlock(&directory->lock);
    return card;
}

/* Under the lock. */
static void keep_sent(struct session_directory *directory, const struct session_facts *facts)
{
    struct sent_before *sent = NULL;

    if (facts->sent_bytes == 0) {
        return;
    }
    for (size_t at = 0; at < directory->sent_count && sent == NULL; at++) {
        bool is_its = strcmp(directory->sent[at].cluster, facts->cluster) == 0;

        sent = is_its ? &directory->sent[at] : NULL;
    }
    if (sent == NULL) {
        if (directory->sent_count == directory->sent_capacity) {
            directory->sent =
                mem_grow(directory->sent, &directory->sent_capacity, sizeof(*directory->sent));
        }
        sent = &directory->sent[directory->sent_count++];
        *sent = (struct sent_before){0};
        memcpy(sent->cluster, facts->cluster, sizeof(sent->cluster));
    }
    sent->bytes += facts->sent_bytes;
}

uint64_t session_directory_sent(struct session_directory *directory, const char *cluster)
{
    uint64_t bytes = 0;

    pthread_mutex_lock(&directory->lock);
    for (size_t at = 0; at < directory->sent_count; at++) {
        bool is_its = strcmp(directory->sent[at].cluster, cluster) == 0;

        bytes += is_its ? directory->sent[at].bytes : 0;
    }
    for (const struct session_card *card = directory->first; card != NULL; card = card->next) {
        bool is_its = strcmp(card->entry.facts.cluster, cluster) == 0;

        bytes += is_its ? card->entry.facts.sent_bytes : 0;
    }
    pthread_mutex_unlock(&directory->lock);
    return bytes;
}

void session_directory_remove(struct session_directory *directory, struct session_card *card)
{
    if (card == NULL) {
        return;
    }
    pthread_mutex_lock(&directory->lock);
    if (card->previous != NULL) {
        card->previous->next = card->next;
    } else {
        directory->first = card->next;
    }
    if (card->next != NULL) {
        card->next->previous = card->previous;
    } else {
        directory->last = card->previous;
    }
    directory->count--;
    keep_sent(directory, &card->entry.facts);
    pthread_mutex_unlock(&directory->lock);
    free(card);
}

uint64_t session_card_id(const struct session_card *card)
{
    return card->entry.facts.id; /* never changes once the card is listed */
}

size_t session_directory_count(struct session_directory *directory)
{
    size_t count = 0;

    pthread_mutex_lock(&directory->lock);
    count = directory->count;
    pthread_mutex_unlock(&directory->lock);
    return count;
}

void session_directory_update(struct session_directory *directory,
                              struct session_card *card,
                              session_fill_fn fill,
                              const void *context)
{
    pthread_mutex_lock(&directory->lock);
    fill(&card->entry, context);
    pthread_mutex_unlock(&directory->lock);
}

void session_directory_move(struct session_directory *directory,
                            struct session_card *card,
                            struct loop *loop,
                            struct message *arrival)
{
    /* Under one lock, so that no order for the new loop can overtake the arrival. */
    pthread_mutex_lock(&directory->lock);
    card->loop = loop;
    loop_post(loop, arrival);
    pthread_mutex_unlock(&directory->lock);
}

static struct session_card *find(struct session_directory *directory, uint64_t id)
{
    struct session_card *card = directory->first;

    while (card != NULL && card->entry.facts.id != id) {
        card = card->next;
    }
    return card;
}

struct session *session_directory_here(struct session_directory *directory,
                                       uint64_t id,
                                       const struct loop *loop)
{
    struct session_card *card = NULL;
    struct session *session = NULL;

    pthread_mutex_lock(&directory->lock);
    card = find(directory, id);
    if (card != NULL && card->loop == loop) {
        session = card->session;
    }
    pthread_mutex_unlock(&directory->lock);
    return session;
}

/* Follows the session if it has moved since; is freed where it is gone. */
static void run_order(struct message *message)
{
    struct order *order = (struct order *)message;
    struct session_directory *directory = order->directory;
    struct session *session = NULL;
    struct session_card *card = NULL;

    pthread_mutex_lock(&directory->lock);
    card = find(directory, order->id);
    if (card != NULL && card->loop != order->loop) {
        order->loop = card->loop;
        loop_post(order->loop, &order->message);
        pthread_mutex_unlock(&directory->lock);
        return;
    }
    session = card == NULL ? NULL : card->session;
    pthread_mutex_unlock(&directory->lock);
    if (session != NULL) {
        directory->end(session, order->why);
    }
    session_directory_unref(directory);
    free(order);
}

/* The caller holds the lock. */
static void post_order(struct session_directory *directory,
                       const struct session_card *card,
                       enum session_end why)
{
    struct order *order = mem_zeroed(sizeof(*order));

    order->message.run = run_order;
    order->directory = session_directory_ref(directory);
    order->id = card->entry.facts.id;
    order->loop = card->loop;
    order->why = why;
    loop_post(order->loop, &order->message);
}

static bool are_twins(const struct session_entry *left, const struct session_entry *right)
{
    const struct session_facts *one = &left->facts;
    const struct session_facts *other = &right->facts;

    if (!left->is_streaming || !right->is_streaming ||
        strcmp(one->cluster, other->cluster) != 0) {
        return false;
    }
    if (one->replica_uuid[0] != '\0' || other->replica_uuid[0] != '\0') {
        return strcmp(one->replica_uuid, other->replica_uuid) == 0;
    }
    return one->server_id > SERVER_ID_NOBODY_MOST && one->server_id == other->server_id;
}

void session_directory_start_stream(struct session_directory *directory,
                                    struct session_card *card,
                                    session_fill_fn fill,
                                    const void *context)
{
    pthread_mutex_lock(&directory->lock);
    fill(&card->entry, context);
    for (const struct session_card *other = directory->first; other != NULL;
         other = other->next) {
        if (other != card && are_twins(&card->entry, &other->entry)) {
            post_order(directory, other, SESSION_END_REPLACED);
        }
    }
    pthread_mutex_unlock(&directory->lock);
}

void session_directory_end_streams(struct session_directory *directory,
                                   const char *cluster,
                                   uint32_t server_id,
                                   enum session_end why)
{
    pthread_mutex_lock(&directory->lock);
    for (const struct session_card *card = directory->first; card != NULL; card = card->next) {
        const struct session_entry *entry = &card->entry;

        if (entry->is_streaming && entry->facts.server_id == server_id &&
            strcmp(entry->facts.cluster, cluster) == 0) {
            post_order(directory, card, why);
        }
    }
    pthread_mutex_unlock(&directory->lock);
}

enum status session_directory_kill(struct session_directory *directory,
                                   uint64_t id,
                                   enum session_end why,
                                   struct error *error)
{
    const struct session_card *card = NULL;

    pthread_mutex_lock(&directory->lock);
    card = find(directory, id);
    if (card != NULL) {
        post_order(directory, card, why);
    }
    pthread_mutex_unlock(&directory->lock);
    return card != NULL
               ? STATUS_OK
               : error_set(error, STATUS_NOT_FOUND, "there is no session %" PRIu64, id);
}

size_t session_directory_list(struct session_directory *directory,
                              struct session_entry **entries)
{
    struct session_entry *copies = NULL;
    size_t count = 0;

    pthread_mutex_lock(&directory->lock);
    copies = mem_raw((directory->count + 1) * sizeof(*copies));
    for (const struct session_card *card = directory->first; card != NULL; card = card->next) {
        copies[count++] = card->entry;
    }
    pthread_mutex_unlock(&directory->lock);
    *entries = copies;
    return count;
}
