/* SPDX-License-Identifier: Apache-2.0 */
/* What a puller says and does when the source, the line or the disk misbehaves. */
#include <string.h>

#include "check.h"
#include "fake_binlog.h"
#include "pull_scene.h"

/* One log of `count` transactions. */
static struct fake_binlog make_log(int count)
{
    struct fake_binlog binlog = {.checksum = BINLOG_CHECKSUM_CRC32};

    fake_binlog_begin(&binlog);
    for (int at = 0; at < count; at++) {
        (void)fake_binlog_add_transaction(&binlog, 300);
    }
    return binlog;
}

static void set_log(struct pull_scene *scene,
                    const char *name,
                    const struct fake_binlog *binlog)
{
    struct fake_script *script = fake_source_lock(scene->fake);

    fake_script_set_log(script, name, buffer_bytes(&binlog->bytes));
    fake_source_unlock(scene->fake);
}

/* A scene whose source has the log as binlog.000003. */
static void open_with(struct pull_scene *scene, const struct fake_binlog *binlog)
{
    struct fake_script script = fake_script_make();

    fake_script_set_log(&script, "binlog.000003", buffer_bytes(&binlog->bytes));
    pull_scene_open(scene, script);
}

/* A scene that has pulled all of it. */
static void open_pulled(struct pull_scene *scene, const struct fake_binlog *binlog)
{
    open_with(scene, binlog);
    pull_scene_start(scene);
    pull_scene_await_durable(scene, 3, binlog->bytes.size);
}

/* The source goes on writing, and all of it arrives; then it is as at the source. */
static void check_goes_on(struct pull_scene *scene, struct fake_binlog *binlog)
{
    (void)fake_binlog_add_transaction(binlog, 200);
    set_log(scene, "binlog.000003", binlog);
    pull_scene_await_durable(scene, 3, binlog->bytes.size);
    pull_scene_await_state(scene, PULL_STREAMING);
    CHECK(pull_scene_report(scene).reason[0] == '\0');
    pull_scene_stop(scene);
    pull_scene_check_file(scene, "binlog.000003", buffer_bytes(&binlog->bytes));
}

static void close_with(struct pull_scene *scene, struct fake_binlog *binlog)
{
    pull_scene_close(scene);
    fake_binlog_release(binlog);
}

/* ---- the source refuses ---- */

static void waits_for_the_right_password(void)
{
    static const char *const right = "secret";
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(1);

    open_with(&scene, &binlog);
    scene.source.password = "wrong";
    scene.options.connect_retry_usec = 20000000; /* only the new password makes it try */
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_DENIED);
    pull_scene_check_reason(&scene, "Access denied");
    puller_set_passwords(scene.puller, &right, 1);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    CHECK(pull_scene_report(&scene).connect_failures == 1);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

/* Changes the script, expects the state, changes it back, and expects the pull to go on. */
static void check_heals(void (*spoil)(struct fake_script *script),
                        void (*mend)(struct fake_script *script),
                        enum pull_state state,
                        const char *words)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);

    open_with(&scene, &binlog);
    spoil(fake_source_lock(scene.fake));
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, state);
    pull_scene_check_reason(&scene, words);
    mend(fake_source_lock(scene.fake));
    fake_source_unlock(scene.fake);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

static void take_our_server_id(struct fake_script *script)
{
    script->server_id = 199;
}

static void take_own_server_id(struct fake_script *script)
{
    script->server_id = 101;
}

static void switch_log_off(struct fake_script *script)
{
    script->is_log_off = true;
}

static void switch_log_on(struct fake_script *script)
{
    script->is_log_off = false;
}

static void refuse_the_dump(struct fake_script *script)
{
    script->dump_code = 1236;
    script->dump_message = "A replica with the same server_uuid/server_id as this replica has "
                           "connected to the source";
}

static void allow_the_dump(struct fake_script *script)
{
    script->dump_code = 0;
}

static void refuse_to_list(struct fake_script *script)
{
    script->listing_code = 1227;
}

static void allow_to_list(struct fake_script *script)
{
    script->listing_code = 0;
}

static void have_a_strange_name(struct fake_script *script)
{
    (void)strcpy(script->logs[0].name, "bin log;.000003");
}

static void have_a_good_name(struct fake_script *script)
{
    (void)strcpy(script->logs[0].name, "binlog.000003");
}

static void end_each_dump(struct fake_script *script)
{
    script->ends_dump = true;
}

static void keep_the_dump(struct fake_script *script)
{
    script->ends_dump = false;
}

static void says_why_a_source_will_not_do_and_tries_on(void)
{
    check_heals(take_our_server_id, take_own_server_id, PULL_MISCONFIGURED, "server_id 199");
    check_heals(switch_log_off, switch_log_on, PULL_MISCONFIGURED, "log_bin");
    check_heals(refuse_the_dump, allow_the_dump, PULL_MISCONFIGURED, "same server_uuid");
    check_heals(refuse_to_list, allow_to_list, PULL_DENIED, "REPLICATION CLIENT");
    check_heals(have_a_strange_name, have_a_good_name, PULL_MISCONFIGURED, "not accepted");
    check_heals(end_each_dump, keep_the_dump, PULL_WAITING, "ended the dump");
}

/* ---- the source's log is not what it was ---- */

static void never_cuts_when_the_source_lost_its_tail(void)
{
    struct pull_scene scene;
    struct fake_binlog full = make_log(4);
    struct fake_binlog lost = make_log(3);
    unsigned naps = 0;

    open_pulled(&scene, &full);
    set_log(&scene, "binlog.000003", &lost);
    fake_source_disconnect(scene.fake);
    pull_scene_await_state(&scene, PULL_SOURCE_BEHIND);
    pull_scene_check_reason(&scene, "stored is up to");
    CHECK(binlog_store_durable_end(scene.store).offset == full.bytes.size);

    /* It wrote others instead, to the same length. */
    lost.next_gtid = 77;
    (void)fake_binlog_add_transaction(&lost, 300);
    (void)fake_binlog_add_transaction(&lost, 300);
    set_log(&scene, "binlog.000003", &lost);
    while (strstr(pull_scene_report(&scene).reason, "another event stands") == NULL) {
        CHECK(pull_scene_may_wait(&naps));
    }
    CHECK(pull_scene_report(&scene).state == PULL_SOURCE_BEHIND);
    CHECK(binlog_store_durable_end(scene.store).offset == full.bytes.size);

    set_log(&scene, "binlog.000003", &full); /* the disk was found again */
    check_goes_on(&scene, &full);
    fake_binlog_release(&lost);
    close_with(&scene, &full);
}

static void says_that_the_source_purged_what_is_needed(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);

    open_pulled(&scene, &binlog);
    (void)strcpy(fake_source_lock(scene.fake)->logs[0].name, "binlog.000009");
    fake_source_unlock(scene.fake);
    fake_source_disconnect(scene.fake);
    pull_scene_await_state(&scene, PULL_SOURCE_PURGED);
    pull_scene_check_reason(&scene, "oldest file is binlog.000009");
    CHECK(binlog_store_durable_end(scene.store).offset == binlog.bytes.size);
    close_with(&scene, &binlog);
}

static void goes_on_with_another_server_that_has_the_same_events(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);
    static const char other[] = "99999999-e540-11f1-bc6f-02fc00000001";

    open_pulled(&scene, &binlog);
    fake_source_lock(scene.fake)->server_uuid = other;
    fake_source_unlock(scene.fake);
    fake_source_disconnect(scene.fake);
    check_goes_on(&scene, &binlog);
    pull_scene_start(&scene);
    CHECK(strcmp(scene.options.kept.facts.server_uuid, other) == 0);
    close_with(&scene, &binlog);
}

/* ---- bad events, and none ---- */

static void pulls_a_bad_event_again(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(3);
    struct fake_script *script = NULL;

    open_with(&scene, &binlog);
    script = fake_source_lock(scene.fake);
    script->corrupt_at = binlog.bytes.size - 200;
    script->corruptions = 3;
    fake_source_unlock(scene.fake);
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    CHECK(pull_scene_report(&scene).bad_events == 3);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

static void keeps_trying_an_event_that_stays_bad(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);
    struct fake_binlog bad = make_log(2);
    uint64_t whole = bad.bytes.size;
    uint64_t gtid = fake_binlog_add_transaction(&bad, 300);
    uint8_t *at = bad.bytes.data + gtid;
    struct bytes event = fake_binlog_event(&bad, gtid);
    unsigned naps = 0;

    /* The source lies about a position, with a checksum that is right. */
    bytes_put_u32(at + BINLOG_EVENT_POSITION_AT, (uint32_t)whole);
    bytes_put_u32(at + event.size - BINLOG_CHECKSUM_BYTES, binlog_event_checksum(event));
    open_with(&scene, &bad);
    pull_scene_start(&scene);
    while (pull_scene_report(&scene).bad_events < 4) {
        CHECK(pull_scene_may_wait(&naps));
    }
    CHECK(binlog_store_durable_end(scene.store).offset == whole);
    set_log(&scene, "binlog.000003", &binlog);
    check_goes_on(&scene, &binlog);
    fake_binlog_release(&bad);
    close_with(&scene, &binlog);
}

static void takes_silence_for_a_dead_connection(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);
    unsigned naps = 0;

    open_with(&scene, &binlog);
    scene.options.read_timeout_usec = 150000;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    fake_source_lock(scene.fake)->is_silent = true;
    fake_source_unlock(scene.fake);
    while (pull_scene_report(&scene).connect_failures < 2) {
        CHECK(pull_scene_may_wait(&naps));
    }
    pull_scene_await_state(&scene, PULL_WAITING);
    pull_scene_check_reason(&scene, "nothing arrived");
    fake_source_lock(scene.fake)->is_silent = false;
    fake_source_unlock(scene.fake);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

static void stays_connected_by_heartbeats_alone(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(1);
    uint64_t heard = 0;

    open_with(&scene, &binlog);
    scene.options.read_timeout_usec = 2000000;
    pull_scene_start(&scene);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    for (int beats = 0; beats < 3; beats++) { /* each one is an arrival of its own */
        unsigned naps = 0;

        heard = pull_scene_report(&scene).last_event_usec;
        while (pull_scene_report(&scene).last_event_usec == heard) {
            CHECK(pull_scene_may_wait(&naps));
        }
    }
    CHECK(pull_scene_report(&scene).connects == 1);
    close_with(&scene, &binlog);
}

/* ---- the disk ---- */

static void goes_on_by_itself_when_a_full_disk_has_room(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);
    uint64_t before = binlog.bytes.size;

    open_pulled(&scene, &binlog);
    gate_disk_set_full(scene.disk, true);
    (void)fake_binlog_add_transaction(&binlog, 300);
    set_log(&scene, "binlog.000003", &binlog);
    pull_scene_await_state(&scene, PULL_STORE_FULL);
    pull_scene_check_reason(&scene, "No space left");
    CHECK(binlog_store_durable_end(scene.store).offset == before);
    gate_disk_set_full(scene.disk, false);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

static void recovers_the_store_after_a_failed_sync_or_write(bool is_sync)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(2);

    open_pulled(&scene, &binlog);
    if (is_sync) {
        gate_disk_fail_syncs(scene.disk, 3); /* the recovery's own fails too */
    } else {
        gate_disk_fail_writes(scene.disk, 1);
    }
    (void)fake_binlog_add_transaction(&binlog, 300);
    set_log(&scene, "binlog.000003", &binlog);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    CHECK(pull_scene_report(&scene).connects > 1);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

/* ---- an administrator ---- */

static void pauses_and_resumes(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(1);
    unsigned connects = 0;

    open_pulled(&scene, &binlog);
    puller_pause(scene.puller);
    pull_scene_await_state(&scene, PULL_PAUSED);
    connects = fake_source_lock(scene.fake)->connects;
    fake_source_unlock(scene.fake);
    (void)fake_binlog_add_transaction(&binlog, 20);
    set_log(&scene, "binlog.000003", &binlog);
    puller_pause(scene.puller); /* twice is once */
    CHECK(fake_source_lock(scene.fake)->connects == connects);
    fake_source_unlock(scene.fake);
    puller_resume(scene.puller);
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    check_goes_on(&scene, &binlog);
    close_with(&scene, &binlog);
}

static void stops_in_every_situation(void)
{
    struct pull_scene scene;
    struct fake_binlog binlog = make_log(1);

    open_with(&scene, &binlog);
    pull_scene_start(&scene); /* at once */
    pull_scene_stop(&scene);
    pull_scene_start(&scene); /* paused */
    puller_pause(scene.puller);
    pull_scene_stop(&scene);
    pull_scene_start(&scene); /* while a sync runs */
    pull_scene_await_durable(&scene, 3, binlog.bytes.size);
    gate_disk_hold_syncs(scene.disk, true);
    (void)fake_binlog_add_transaction(&binlog, 20);
    set_log(&scene, "binlog.000003", &binlog);
    gate_disk_await_sync(scene.disk);
    puller_pause(scene.puller);
    gate_disk_hold_syncs(scene.disk, false);
    pull_scene_stop(&scene);
    pull_scene_check_file(&scene, "binlog.000003", buffer_bytes(&binlog.bytes));
    scene.source.port = 1; /* nobody listens there */
    pull_scene_start(&scene);
    pull_scene_await_state(&scene, PULL_WAITING);
    pull_scene_check_reason(&scene, "refused");
    close_with(&scene, &binlog);
}

int main(void)
{
    waits_for_the_right_password();
    says_why_a_source_will_not_do_and_tries_on();
    never_cuts_when_the_source_lost_its_tail();
    says_that_the_source_purged_what_is_needed();
    goes_on_with_another_server_that_has_the_same_events();
    pulls_a_bad_event_again();
    keeps_trying_an_event_that_stays_bad();
    takes_silence_for_a_dead_connection();
    stays_connected_by_heartbeats_alone();
    goes_on_by_itself_when_a_full_disk_has_room();
    recovers_the_store_after_a_failed_sync_or_write(true);
    recovers_the_store_after_a_failed_sync_or_write(false);
    pauses_and_resumes();
    stops_in_every_situation();
    return 0;
}
