/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An admin socket on a control thread of its own, before two clusters: "east"
 * has NDB epochs in files 1 to 4, its appliers and a purger; "west" has a
 * recorded file without epochs, and nothing else.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "binrelay/admin/admin.h"
#include "epoch_maker.h"
#include "served_cluster.h"

enum { RIG_EAST, RIG_WEST, RIG_CLUSTERS };

enum {
    RIG_FILES = 4,
    RIG_EPOCHS_OF_A_FILE = 2,
    RIG_FIRST_SEC = 1700000000, /* when the first epoch was committed */
};

/* The epochs of file N: of the GCPs N01 and N02. */
static inline uint64_t rig_epoch(uint64_t file, uint64_t number)
{
    return (file * 100 + number) << 32 | 5;
}

struct admin_rig {
    struct test_cluster clusters[RIG_CLUSTERS];
    struct registry *registry;
    struct applier_registry *appliers;
    struct lease_table *leases[RIG_CLUSTERS]; /* as rig_open_with() was told */
    struct purger *purger;
    struct loop *loop;
    pthread_t thread;
    struct endpoint *endpoint;
    struct admin *admin;
    char *socket_path;
    char *rsa_key_path;
    atomic_bool is_gated; /* a purge by hand stands still */
    sem_t gate;
    sem_t at_gate;
    atomic_int reloads;
};

/* ---- what the program does ---- */

static inline enum status rig_reload(void *context, struct error *error)
{
    struct admin_rig *rig = context;

    (void)error;
    atomic_fetch_add(&rig->reloads, 1);
    return STATUS_OK;
}

static inline void rig_shut_down(void *context)
{
    (void)context;
}

static inline void rig_wait(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

/* True on the threads that run commands which change something. */
static inline bool rig_is_changing(void)
{
    char name[16] = "";

    CHECK(pthread_getname_np(pthread_self(), name, sizeof(name)) == 0);
    return strcmp(name, "admin-change") == 0 || strcmp(name, "admin-purge") == 0;
}

/* Streams need nothing; but a test may have a purge by hand stand still here. */
static inline size_t rig_stream_holds(void *context,
                                      uint64_t min_age_usec,
                                      struct log_hold **holds)
{
    struct admin_rig *rig = context;

    (void)min_age_usec;
    if (rig_is_changing() && atomic_load(&rig->is_gated)) {
        CHECK(sem_post(&rig->at_gate) == 0);
        rig_wait(&rig->gate);
    }
    *holds = NULL;
    return 0;
}

static inline void rig_close_gate(struct admin_rig *rig)
{
    atomic_store(&rig->is_gated, true);
}

/* Who waits there goes on, and nobody stops any more. */
static inline void rig_open_gate(struct admin_rig *rig)
{
    atomic_store(&rig->is_gated, false);
    for (int at = 0; at < 8; at++) {
        CHECK(sem_post(&rig->gate) == 0);
    }
}

static inline void rig_set_room(void *context, bool has_room, const char *reason)
{
    (void)context;
    (void)has_room;
    (void)reason;
}

static inline void rig_end_streams(void *context, uint32_t server_id)
{
    (void)context;
    (void)server_id;
}

/* ---- building ---- */

static inline void rig_store_file(struct binlog_store *store, uint64_t file)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32, .server_id = 7};
    struct binlog_walk walk;
    struct bytes event;
    struct error error;
    char next[32];

    maker.created_at_sec = RIG_FIRST_SEC + (uint32_t)file * 100;
    binlog_maker_begin(&maker);
    for (uint64_t number = 1; number <= RIG_EPOCHS_OF_A_FILE; number++) {
        (void)epoch_maker_ndb(&maker, rig_epoch(file, number), 3);
    }
    (void)snprintf(next, sizeof(next), "binlog.%06d", (int)file + 1);
    (void)binlog_maker_rotate(&maker, next);
    walk = binlog_walk_of((struct bytes){.data = maker.file.data + BINLOG_MAGIC_BYTES,
                                         .size = maker.file.size - BINLOG_MAGIC_BYTES});
    CHECK_OK(binlog_store_begin_file(store, "binlog", file, &error), &error);
    while (binlog_walk_next(&walk, &event, &error) == STATUS_OK) {
        CHECK_OK(binlog_store_append(store, event, &error), &error);
    }
    CHECK_OK(binlog_store_write(store, &error), &error);
    CHECK_OK(binlog_store_sync(store, &error), &error);
    binlog_maker_release(&maker);
}

static inline void rig_open_registry(struct admin_rig *rig)
{
    struct test_cluster *east = &rig->clusters[RIG_EAST];
    struct error error;

    CHECK_OK(registry_open(&rig->registry, east->parent, clock_system(), &error), &error);
    CHECK_OK(registry_open_appliers(rig->registry,
                                    &(struct registry_applied){.name = "east",
                                                               .server_id = 199,
                                                               .store = east->store,
                                                               .board = east->board},
                                    &rig->appliers, &error),
             &error);
}

static inline void rig_open_purger(struct admin_rig *rig)
{
    struct test_cluster *east = &rig->clusters[RIG_EAST];
    struct error error;

    CHECK_OK(purger_start(&rig->purger,
                          &(struct purger_options){
                              .cluster = "east",
                              .directory = east->directory,
                              .store = east->store,
                              .appliers = rig->appliers,
                              .pins = registry_pins(rig->registry),
                              .registry = rig->registry,
                              .clock = clock_system(),
                              .disk = disk_system(),
                              .settings = {.min_files = 1,
                                           .max_bytes = UINT64_C(1) << 30,
                                           .soft_percent = 80,
                                           .hard_percent = 95},
                              .links = {.stream_holds = rig_stream_holds,
                                        .set_room = rig_set_room,
                                        .end_streams = rig_end_streams,
                                        .context = rig},
                          },
                          &error),
             &error);
}

static inline void rig_open_endpoint(struct admin_rig *rig)
{
    const struct listener_options listeners[] = {{.address = "127.0.0.1:0"}};
    struct served_cluster served[RIG_CLUSTERS];
    struct endpoint_options options = {.loop = rig->loop,
                                       .clock = clock_system(),
                                       .listeners = listeners,
                                       .listener_count = 1,
                                       .clusters = served,
                                       .cluster_count = RIG_CLUSTERS,
                                       .serve_threads = 1,
                                       .rsa_key_path = rig->rsa_key_path};
    struct error error;

    for (size_t at = 0; at < RIG_CLUSTERS; at++) {
        served[at] = rig->clusters[at].served;
    }
    CHECK_OK(endpoint_open(&rig->endpoint, &options, &error), &error);
}

static inline void rig_open_admin(struct admin_rig *rig)
{
    struct admin_cluster clusters[RIG_CLUSTERS];
    struct error error;

    for (size_t at = 0; at < RIG_CLUSTERS; at++) {
        clusters[at] = (struct admin_cluster){.name = rig->clusters[at].served.name,
                                              .store = rig->clusters[at].store,
                                              .board = rig->clusters[at].board,
                                              .leases = rig->leases[at]};
    }
    clusters[RIG_EAST].appliers = rig->appliers;
    clusters[RIG_EAST].purger = rig->purger;
    CHECK_OK(admin_open(&rig->admin,
                        &(struct admin_options){.loop = rig->loop,
                                                .clock = clock_system(),
                                                .socket_path = rig->socket_path,
                                                .socket_mode = 0600,
                                                .clusters = clusters,
                                                .cluster_count = RIG_CLUSTERS,
                                                .endpoint = rig->endpoint,
                                                .registry = rig->registry,
                                                .pins = registry_pins(rig->registry),
                                                .program = {.reload = rig_reload,
                                                            .shut_down = rig_shut_down,
                                                            .context = rig}},
                        &error),
             &error);
}

static inline void *run_rig(void *context)
{
    struct admin_rig *rig = context;

    loop_run(rig->loop);
    return NULL;
}

/* With what the registry is to have more; NULL: nothing. */
static inline void rig_open_with(struct admin_rig *rig, void (*add)(struct admin_rig *rig))
{
    struct test_cluster *east = &rig->clusters[RIG_EAST];
    struct error error;

    *rig = (struct admin_rig){0};
    CHECK(sem_init(&rig->gate, 0, 0) == 0 && sem_init(&rig->at_gate, 0, 0) == 0);
    test_cluster_open_with(east, "east", 199, (struct epoch_rules){.kind = EPOCH_KIND_NDB});
    test_cluster_open(&rig->clusters[RIG_WEST], "west", 299);
    for (uint64_t file = 1; file <= RIG_FILES; file++) {
        rig_store_file(east->store, file);
    }
    test_cluster_fill(&rig->clusters[RIG_WEST], 1, "mysql97-mixed.binlog");
    rig->socket_path = mem_format("%s/admin.sock", east->parent);
    rig->rsa_key_path = mem_format("%s/private-key.pem", east->parent);
    rig_open_registry(rig);
    if (add != NULL) {
        add(rig);
    }
    rig_open_purger(rig);
    CHECK_OK(loop_new(&rig->loop, &error), &error);
    rig_open_endpoint(rig);
    rig_open_admin(rig);
    CHECK(pthread_create(&rig->thread, NULL, run_rig, rig) == 0);
}

static inline void rig_open(struct admin_rig *rig)
{
    rig_open_with(rig, NULL);
}

/* The control thread's last work. */
static inline void rig_close_doors(struct message *message)
{
    struct admin_rig *rig = *(struct admin_rig **)(message + 1);

    admin_close(rig->admin);
    endpoint_close(rig->endpoint);
    loop_stop(rig->loop);
}

static inline void rig_close(struct admin_rig *rig)
{
    struct {
        struct message message;
        struct admin_rig *rig;
    } last = {.message.run = rig_close_doors, .rig = rig};

    loop_post(rig->loop, &last.message);
    CHECK(pthread_join(rig->thread, NULL) == 0);
    loop_free(rig->loop);
    purger_free(rig->purger);
    registry_close(rig->registry);
    test_cluster_close(&rig->clusters[RIG_EAST]);
    test_cluster_close(&rig->clusters[RIG_WEST]);
    free(rig->socket_path);
    free(rig->rsa_key_path);
    (void)sem_destroy(&rig->gate);
    (void)sem_destroy(&rig->at_gate);
}

/* ---- clients ---- */

static inline int rig_connect(const struct admin_rig *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(client >= 0 && strlen(rig->socket_path) < sizeof(address.sun_path));
    memcpy(address.sun_path, rig->socket_path, strlen(rig->socket_path) + 1);
    CHECK(connect(client, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return client;
}

static inline void rig_send(int client, const char *text)
{
    size_t size = strlen(text);

    CHECK(send(client, text, size, MSG_NOSIGNAL) == (ssize_t)size);
}

/* The next reply; NULL: the socket closed the connection. */
static inline json_t *rig_read(int client)
{
    struct buffer line = {0};
    json_t *reply = NULL;
    char byte = 0;

    while (recv(client, &byte, 1, 0) == 1 && byte != '\n') {
        buffer_add(&line, &byte, 1);
    }
    if (byte == '\n') {
        reply = json_loadb((const char *)line.data, line.size, 0, NULL);
        CHECK(reply != NULL);
    }
    buffer_release(&line);
    return reply;
}

/* Asks by a connection of its own. */
static inline json_t *rig_ask(const struct admin_rig *rig, const char *line)
{
    int client = rig_connect(rig);
    json_t *reply = NULL;

    rig_send(client, line);
    rig_send(client, "\n");
    reply = rig_read(client);
    CHECK(reply != NULL && close(client) == 0);
    return reply;
}

/* The result of a command that is done. The caller's reference. */
static inline json_t *rig_do(const struct admin_rig *rig, const char *line)
{
    json_t *reply = rig_ask(rig, line);
    json_t *result = json_incref(json_object_get(reply, "result"));

    if (!json_is_true(json_object_get(reply, "ok"))) {
        char *text = json_dumps(reply, JSON_COMPACT);

        (void)fprintf(stderr, "%s: %s\n", line, text);
        free(text);
    }
    CHECK(json_is_true(json_object_get(reply, "ok")) && result != NULL);
    json_decref(reply);
    return result;
}

/* The command is refused with a code, and a message that has the text in it. */
static inline void rig_refuse(const struct admin_rig *rig,
                              const char *line,
                              const char *code,
                              const char *part)
{
    json_t *reply = rig_ask(rig, line);
    const json_t *fault = json_object_get(reply, "error");
    const char *message = json_string_value(json_object_get(fault, "message"));
    bool is_right = json_is_false(json_object_get(reply, "ok")) && message != NULL &&
                    strcmp(json_string_value(json_object_get(fault, "code")), code) == 0 &&
                    strstr(message, part) != NULL;

    if (!is_right) {
        char *text = json_dumps(reply, JSON_COMPACT);

        (void)fprintf(stderr, "%s: wanted %s (%s), got %s\n", line, code, part, text);
        free(text);
    }
    CHECK(is_right);
    json_decref(reply);
}

/* A command with numbers in it. */
static inline json_t *rig_do_with(const struct admin_rig *rig, const char *format, ...)
    PRINTF_LIKE(2, 3);
static inline json_t *rig_do_with(const struct admin_rig *rig, const char *format, ...)
{
    char line[200];
    va_list args;

    va_start(args, format);
    CHECK(vsnprintf(line, sizeof(line), format, args) < (int)sizeof(line));
    va_end(args);
    return rig_do(rig, line);
}

/* The same, which is refused. */
static inline void rig_refuse_with(const struct admin_rig *rig,
                                   const char *code,
                                   const char *part,
                                   const char *format,
                                   ...) PRINTF_LIKE(4, 5);
static inline void rig_refuse_with(
    const struct admin_rig *rig, const char *code, const char *part, const char *format, ...)
{
    char line[200];
    va_list args;

    va_start(args, format);
    CHECK(vsnprintf(line, sizeof(line), format, args) < (int)sizeof(line));
    va_end(args);
    rig_refuse(rig, line, code, part);
}

/* ---- looking at results ---- */

/* What a row says, as text: "-" for null, "yes" and "no". Of a list: of its only row. To be
 * freed. */
static inline char *rig_say(const json_t *row, const char *key)
{
    const json_t *value = NULL;

    if (json_is_array(row)) {
        CHECK(json_array_size(row) == 1);
        row = json_array_get(row, 0);
    }
    value = json_object_get(row, key);
    CHECK(value != NULL);
    if (json_is_string(value)) {
        return mem_text(json_string_value(value));
    }
    if (json_is_boolean(value)) {
        return mem_text(json_is_true(value) ? "yes" : "no");
    }
    return json_is_null(value) ? mem_text("-") : json_dumps(value, JSON_ENCODE_ANY);
}

static inline void rig_check(const json_t *row, const char *key, const char *wanted)
{
    char *said = rig_say(row, key);

    if (strcmp(said, wanted) != 0) {
        (void)fprintf(stderr, "%s: wanted %s, got %s\n", key, wanted, said);
    }
    CHECK(strcmp(said, wanted) == 0);
    free(said);
}

static inline void rig_check_number(const json_t *row, const char *key, uint64_t wanted)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)wanted);
    rig_check(row, key, text);
}
