/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A purger without its thread, on a real store with epochs and a real registry,
 * with a clock, a disk and streams that the test makes. One thread.
 */
#pragma once

#include <stdatomic.h>

#include "../../src/admin/purger_internal.h"
#include "binlog_maker.h"
#include "fake_disk.h"

enum { RIG_MOST_STREAMS = 16, RIG_MOST_CALLS = 64, RIG_MOST_EPOCHS = 16384 };

/* What the test plays a stream with; server_id 0: free. */
struct rig_stream {
    uint64_t session;
    uint32_t server_id;
    struct binlog_position from;
    uint64_t ended_usec; /* 0: it runs */
    bool is_dropped;     /* with its applier: it holds nothing */
};

struct rig_epoch {
    uint64_t file;
    struct binlog_position end;
};

struct purge_rig {
    char *root;
    char *directory; /* owned: the store's */
    _Atomic uint64_t now_usec;
    struct clock clock;
    struct fake_disk *disk;
    struct binlog_store *store;
    struct cluster_board *board;
    struct registry *registry;
    struct applier_registry *appliers;
    struct pin_table *pins;
    struct purge_settings settings; /* of the next purger */
    struct purger *purger;

    struct binlog_maker maker;
    uint64_t file;      /* the newest; 0: none yet */
    uint64_t new_epoch; /* the last one that was added */
    struct rig_epoch epochs[RIG_MOST_EPOCHS];
    uint64_t written_usec[RIG_MOST_EPOCHS]; /* of each file, when its last event was stored */
    uint64_t file_bytes[RIG_MOST_EPOCHS];

    struct rig_stream streams[RIG_MOST_STREAMS];
    uint64_t sessions;
    bool has_room;
    int room_changes;
    char room_reason[512];
    uint32_t ended_ids[RIG_MOST_CALLS];
    size_t ended_count;
    uint64_t source_files[RIG_MOST_CALLS];
    size_t source_count;
    bool is_source_away;
    void (*on_end)(struct purge_rig *rig, uint32_t server_id); /* streams were ended; or NULL */
};

/* An empty store, a registry that knows nobody, min_files 1, marks at 80 and 95 percent of a
 * disk that is as good as empty. */
struct purge_rig *purge_rig_new(void);
void purge_rig_free(struct purge_rig *rig);

/* The process ends and another one starts: what is not durable is lost. */
void purge_rig_restart(struct purge_rig *rig);

/* Another purger with the rig's settings. */
void purge_rig_renew(struct purge_rig *rig);

/* Ends the newest file, begins the next one with so many epochs, and publishes. Each is 10
 * above the last. */
void purge_rig_add_file(struct purge_rig *rig, unsigned epochs);
void purge_rig_add_epochs(struct purge_rig *rig, unsigned epochs);
void purge_rig_pass(struct purge_rig *rig, uint64_t usec);

/* Where an epoch that was added ends. */
struct binlog_position purge_rig_end_of(const struct purge_rig *rig, uint64_t epoch);

/* What one needs who applied an epoch: not the file that it is the last one of. */
struct binlog_position purge_rig_needed_behind(const struct purge_rig *rig, uint64_t epoch);

void purge_rig_add_applier(struct purge_rig *rig,
                           uint32_t server_id,
                           bool is_required,
                           uint64_t expire_after_usec);
bool purge_rig_is_lost(const struct purge_rig *rig, uint32_t server_id);
void purge_rig_report(struct purge_rig *rig, uint32_t server_id, uint64_t epoch);
void purge_rig_pin(struct purge_rig *rig, const char *name, uint64_t epoch, uint64_t ttl_usec);

/* Begins a stream as the endpoint does. Returns it; NULL: too many. */
struct rig_stream *purge_rig_stream(struct purge_rig *rig,
                                    uint32_t server_id,
                                    struct binlog_position from);
void purge_rig_move(struct purge_rig *rig,
                    struct rig_stream *stream,
                    struct binlog_position place);
void purge_rig_end(struct purge_rig *rig, struct rig_stream *stream);

/* The oldest file; 0: none. */
uint64_t purge_rig_first(const struct purge_rig *rig);

/* How many events of this name there are, and whether the newest of them says the text. */
size_t purge_rig_count_events(const struct purge_rig *rig, const char *event);
bool purge_rig_has_event(const struct purge_rig *rig, const char *event, const char *text);
