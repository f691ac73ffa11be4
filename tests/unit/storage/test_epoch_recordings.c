/* SPDX-License-Identifier: Apache-2.0 */
/* The recordings of three binlog servers, stored and compared with their own index tables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "epoch_scene.h"

enum { MOST_ROWS = 300, ROUNDS = 3 };

/* A row of mysql.ndb_binlog_index. */
struct server_row {
    uint64_t file;
    uint64_t epoch;
    uint64_t next_position;
    uint64_t next_file;
    uint32_t written; /* inserts and updates, which the stream cannot tell apart */
    uint32_t deletes;
    uint32_t schema_ops;
};

static size_t read_rows(const char *recording, struct server_row *rows)
{
    autofree char *name = mem_format("ndb/%s/ndb_binlog_index.tsv", recording);
    struct buffer text = test_data_read(name);
    char *rest = NULL;
    size_t count = 0;

    buffer_add_number(&text, 0, 1);
    for (char *line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct server_row *row = &rows[count++];
        uint32_t inserts = 0;
        uint32_t updates = 0;

        CHECK(count <= MOST_ROWS);
        CHECK(sscanf(line,
                     "%*u ./binlog.%" SCNu64 " %" SCNu64 " %" SCNu32 " %" SCNu32 " %" SCNu32
                     " %" SCNu32 " %*u %*u %*u %" SCNu64 " ./binlog.%" SCNu64,
                     &row->file, &row->epoch, &inserts, &updates, &row->deletes,
                     &row->schema_ops, &row->next_position, &row->next_file) == 8);
        row->written = inserts + updates;
    }
    buffer_release(&text);
    return count;
}

static void store_recording(struct binlog_store *store,
                            const char *recording,
                            unsigned files,
                            unsigned seed)
{
    for (unsigned number = 1; number <= files; number++) {
        autofree char *name = mem_format("ndb/%s/binlog.%06u", recording, number);
        struct buffer image = test_data_read(name);

        scene_append_image(store, number, buffer_bytes(&image), &seed);
        buffer_release(&image);
    }
    sync_store(store);
}

/* Each row of the server is found; says how many epochs the server's table does not have. */
static size_t compare(const struct scene_places *found,
                      const struct server_row *rows,
                      size_t count)
{
    size_t more = 0;

    for (size_t at = 0; at < count; at++) {
        const struct epoch_place *place = NULL;

        while (at + more < found->count &&
               found->items[at + more].key.epoch != rows[at].epoch) {
            more++;
        }
        CHECK(at + more < found->count);
        place = &found->items[at + more];
        CHECK(place->key.incarnation == 1);
        CHECK(place->begin.file == rows[at].file);
        CHECK(is_at(place->end, rows[at].next_file, rows[at].next_position));
        CHECK(place->inserts + place->updates == rows[at].written);
        CHECK(place->deletes == rows[at].deletes);
        CHECK(place->schema_ops == rows[at].schema_ops);
        CHECK(!place->is_count_partial);
    }
    CHECK(count + more <= found->count);
    return found->count - count;
}

/* What is found again after a start, with the index and without any of it, is the same. */
static void check_restarts(struct fixture *fixture,
                           const struct scene_places *found,
                           unsigned files)
{
    struct error error;

    CHECK_OK(fixture_restart(fixture, &error), &error);
    scene_check_all(fixture->store, found);
    for (unsigned number = 1; number <= files; number++) {
        autofree char *path = mem_format("%s/binlog.%06u.epochs", fixture->directory, number);

        CHECK(disk_remove(disk_system(), path) == 0);
    }
    CHECK_OK(fixture_restart(fixture, &error), &error);
    scene_check_all(fixture->store, found);
}

static void agrees_with_the_servers_table(const char *recording,
                                          unsigned files,
                                          size_t epochs,
                                          size_t gaps)
{
    static struct server_row rows[MOST_ROWS];
    size_t count = read_rows(recording, rows);

    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct fixture fixture = fixture_new_with(ndb_rules());
        struct scene_places found = {0};
        struct epoch_gap *gap = NULL;

        store_recording(fixture.store, recording, files, round);
        found = scene_all(fixture.store, false);
        CHECK(found.count == epochs);
        CHECK(compare(&found, rows, count) == epochs - count);
        scene_check_all(fixture.store, &found);
        CHECK(epoch_index_gaps(fixture.store, &gap) == gaps);
        CHECK(gaps == 0 || gap[0].incident.file == 4);
        free(gap);
        check_restarts(&fixture, &found, files);
        scene_places_release(&found);
        fixture_free(&fixture);
    }
}

int main(void)
{
    agrees_with_the_servers_table("a1", 6, 251, 1);
    agrees_with_the_servers_table("a2", 5, 251, 1);
    agrees_with_the_servers_table("a3", 3, 256, 0);
    return 0;
}
