/* SPDX-License-Identifier: Apache-2.0 */
/* A puller that gives epoch markers the cluster's server id: recordings of NDB's binlog servers
 * through a scripted source. */
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "binrelay/protocol/epoch_identity.h"
#include "binrelay/storage/epoch_index.h"
#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"
#include "test_data.h"

enum { CLUSTER = 199, FIRST_EVENT_AT = 4 };

static struct buffer read_recording(const char *recording, unsigned file)
{
    autofree char *name = mem_format("ndb/%s/binlog.%06u", recording, file);

    return test_data_read(name);
}

/* The file as it is to be stored. */
static struct buffer rewritten(const struct buffer *file, uint8_t bits)
{
    struct epoch_rules rules = {.kind = EPOCH_KIND_NDB, .server_id_bits = bits};
    struct epoch_identity *identity = epoch_identity_new(&rules, CLUSTER);
    struct buffer made = {0};
    struct bytes stored;
    struct error error;

    buffer_add(&made, file->data, FIRST_EVENT_AT);
    while (made.size < file->size) {
        const uint8_t *event = file->data + made.size;
        struct binlog_event_header header = binlog_event_header_at(event);

        CHECK_OK(epoch_identity_event(identity, (struct bytes){event, header.event_size},
                                      BINLOG_CHECKSUM_CRC32, &stored, &error),
                 &error);
        buffer_add_bytes(&made, stored);
    }
    epoch_identity_free(identity);
    return made;
}

/* The first file that is served, up to the last. */
struct recording {
    const char *name;
    unsigned first;
    unsigned last;
};

static const struct recording a1 = {"a1", 3, 6};
static const struct recording a3 = {"a3", 1, 3};

static void open_scene(struct pull_scene *scene,
                       const struct recording *recording,
                       uint64_t cut_after)
{
    struct fake_script script = fake_script_make();

    script.cut_after = cut_after;
    for (unsigned file = recording->first; file <= recording->last; file++) {
        struct buffer bytes = read_recording(recording->name, file);
        char name[32];

        (void)snprintf(name, sizeof(name), "binlog.%06u", file);
        fake_script_set_log(&script, name, buffer_bytes(&bytes));
        buffer_release(&bytes);
    }
    pull_scene_open(scene, script);
    scene->options.is_identity_virtual = true;
    scene->epochs = (struct epoch_rules){.kind = EPOCH_KIND_NDB};
}

static uint64_t last_size(struct pull_scene *scene)
{
    struct fake_script *script = fake_source_lock(scene->fake);
    uint64_t size = script->logs[script->log_count - 1].bytes.size;

    fake_source_unlock(scene->fake);
    return size;
}

static void check_files(struct pull_scene *scene, const struct recording *recording)
{
    for (unsigned file = recording->first; file <= recording->last; file++) {
        struct buffer bytes = read_recording(recording->name, file);
        struct buffer wanted = rewritten(&bytes, 0);
        char name[32];

        (void)snprintf(name, sizeof(name), "binlog.%06u", file);
        pull_scene_check_file(scene, name, buffer_bytes(&wanted));
        buffer_release(&bytes);
        buffer_release(&wanted);
    }
}

static void stores_every_epoch_under_the_clusters_id(const struct recording *recording,
                                                     uint64_t epochs)
{
    struct epoch_summary summary;
    struct pull_scene scene;
    struct error error;

    open_scene(&scene, recording, 0);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, recording->last, last_size(&scene));
    CHECK_OK(epoch_index_summary(scene.store, &summary, &error), &error);
    CHECK(summary.count == epochs);
    CHECK(summary.first.origin == CLUSTER && summary.last.origin == CLUSTER);
    pull_scene_stop(&scene);
    check_files(&scene, recording);
    pull_scene_close(&scene);
}

/* Hangs up in the middle of events and transactions, and starts anew in between. */
static void goes_on_after_every_cut(const struct recording *recording, uint64_t step)
{
    for (uint64_t cut = 997; cut < 100000; cut += step) {
        struct pull_scene scene;

        open_scene(&scene, recording, cut);
        pull_scene_start(&scene);
        pull_scene_await_durable(&scene, recording->last, last_size(&scene));
        pull_scene_stop(&scene);
        check_files(&scene, recording);
        pull_scene_start(&scene); /* the last event is compared as it is stored */
        pull_scene_await_state(&scene, PULL_STREAMING);
        CHECK(pull_scene_report(&scene).connect_failures == 0);
        pull_scene_close(&scene);
    }
}

static void stores_the_sources_own_without_it(void)
{
    struct pull_scene scene;
    struct buffer file = read_recording("a3", 3);

    open_scene(&scene, &a3, 0);
    scene.options.is_identity_virtual = false;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, a3.last, last_size(&scene));
    pull_scene_stop(&scene);
    pull_scene_check_file(&scene, "binlog.000003", buffer_bytes(&file));
    buffer_release(&file);
    pull_scene_close(&scene);
}

static void asks_how_many_bits_of_an_id_count_and_keeps_that(void)
{
    struct pull_scene scene;

    open_scene(&scene, &a3, 0);
    fake_source_lock(scene.fake)->server_id_bits = 16;
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, a3.last, last_size(&scene));
    CHECK(pull_scene_report(&scene).facts.server_id_bits == 16);
    CHECK(epoch_index_rules(scene.store).server_id_bits == 16);
    pull_scene_stop(&scene);
    check_files(&scene, &a3);
    pull_scene_start(&scene);
    CHECK(scene.options.kept.facts.server_id_bits == 16);
    pull_scene_close(&scene);
}

static void stands_where_the_clusters_id_does_not_fit(void)
{
    struct pull_scene scene;

    open_scene(&scene, &a3, 0);
    fake_source_lock(scene.fake)->server_id_bits = 7;
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_MISCONFIGURED);
    pull_scene_check_reason(&scene, "server_id_bits (7)");
    pull_scene_close(&scene);
}

/* A payload whose compression nobody knows, whole or in parts. */
static void stands_at_a_payload_that_cannot_be_rewritten(size_t payload_bytes)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct pull_scene scene;
    struct fake_script *script = NULL;
    struct buffer body = {0};
    uint64_t before = 0;

    buffer_add_number(&body, 0x090102, 3); /* compression type 9 */
    buffer_add_number(&body, 0, 1);
    buffer_add_zeros(&body, payload_bytes);
    fake_binlog_begin(&binlog);
    before = fake_binlog_add(&binlog, BINLOG_TRANSACTION_PAYLOAD, buffer_bytes(&body));
    open_scene(&scene, &a3, 0);
    script = fake_source_lock(scene.fake);
    fake_script_set_log(script, "binlog.000004", buffer_bytes(&binlog.bytes));
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_MISCONFIGURED);
    pull_scene_check_reason(&scene, "compression 9");
    pull_scene_check_reason(&scene, "\"upstream\"");
    pull_scene_await_durable(&scene, 4, before);
    buffer_release(&body);
    fake_binlog_release(&binlog);
    pull_scene_close(&scene);
}

/* Over 1 MiB it comes in parts and is put together. */
static void stores_a_large_payload(void)
{
    enum { LARGE_BYTES = 3 * 1024 * 1024 };
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};
    struct fake_binlog content = {.checksum = BINLOG_CHECKSUM_NONE};
    struct pull_scene scene;
    struct buffer body = {0};
    uint64_t from = 0;
    unsigned naps = 0;

    fake_binlog_begin(&content);
    from = fake_binlog_add_transaction(&content, LARGE_BYTES);
    buffer_add_number(&body, 0xFFFC0302, 4); /* compression type 255: none */
    buffer_add_number(&body, 0, 2);
    buffer_add(&body, content.bytes.data + from, content.bytes.size - (size_t)from);
    fake_binlog_begin(&binlog);
    (void)fake_binlog_add(&binlog, BINLOG_TRANSACTION_PAYLOAD, buffer_bytes(&body));
    open_scene(&scene, &a3, 0);
    fake_script_set_log(fake_source_lock(scene.fake), "binlog.000004",
                        buffer_bytes(&binlog.bytes));
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 4, binlog.bytes.size);
    fake_source_disconnect(scene.fake); /* and is compared */
    while (pull_scene_report(&scene).connects < 2) {
        CHECK(pull_scene_may_wait(&naps));
    }
    pull_scene_stop(&scene);
    pull_scene_check_file(&scene, "binlog.000004", buffer_bytes(&binlog.bytes));
    buffer_release(&body);
    fake_binlog_release(&binlog);
    fake_binlog_release(&content);
    pull_scene_close(&scene);
}

int main(void)
{
    stores_every_epoch_under_the_clusters_id(&a1, 251);
    stores_every_epoch_under_the_clusters_id(&a3, 256);
    goes_on_after_every_cut(&a1, 33331);
    goes_on_after_every_cut(&a3, 6971);
    stores_the_sources_own_without_it();
    asks_how_many_bits_of_an_id_count_and_keeps_that();
    stands_where_the_clusters_id_does_not_fit();
    stands_at_a_payload_that_cannot_be_rewritten(40);
    stands_at_a_payload_that_cannot_be_rewritten(2 * 1024 * 1024);
    stores_a_large_payload();
    return 0;
}
