/* SPDX-License-Identifier: Apache-2.0 */
/* What we ask a source in SQL before the dump, and what we tell it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answers.h"
#include "binrelay/base/log.h"
#include "binrelay/protocol/mariadb_gtid.h"
#include "binrelay/protocol/uuid.h"
#include "binrelay/storage/epoch_index.h"
#include "upstream_internal.h"

enum {
    ANSWER_MOST_BYTES = 16 * 1024 * 1024, /* a list of some 300,000 files */
    PACKET_MOST = 1024 * 1024,            /* of one row */
    MARIADB_CAPABILITY = 4, /* MARIA_SLAVE_CAPABILITY_GTID: nothing is rewritten */
    NSEC_PER_USEC = 1000,
};

static bool is_always(const struct upstream *upstream)
{
    (void)upstream;
    return true;
}

/* ---- its variables ---- */

static void put_variables(const struct upstream *upstream, struct buffer *statement)
{
    (void)upstream;
    buffer_add_text(
        statement,
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_id', "
        "'server_uuid', 'gtid_mode', 'log_bin', 'log_bin_basename', 'server_id_bits', "
        "'rpl_semi_sync_source_enabled', 'rpl_semi_sync_master_enabled')");
}

/* Makes a peer's text fit to show. */
static void make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x20 || *text > 0x7E) {
            *text = '?';
        }
    }
}

static void read_identity(struct upstream *upstream)
{
    const struct result_set *answer = &upstream->answer;
    struct source_facts *facts = &upstream->facts;
    uint8_t uuid[UUID_BYTES];
    struct error ignored;
    char text[32];

    answer_variable(answer, "version", facts->server_version, sizeof(facts->server_version));
    if (facts->server_version[0] == '\0') {
        (void)snprintf(facts->server_version, sizeof(facts->server_version), "%s",
                       upstream->greeting.version);
    }
    make_plain(facts->server_version);
    facts->is_mariadb =
        strcasestr(facts->server_version, "mariadb") != NULL || upstream->greeting.is_mariadb;
    answer_variable(answer, "gtid_mode", facts->gtid_mode, sizeof(facts->gtid_mode));
    make_plain(facts->gtid_mode);
    answer_variable(answer, "server_uuid", facts->server_uuid, sizeof(facts->server_uuid));
    if (uuid_parse(uuid, bytes_of_text(facts->server_uuid), &ignored) != STATUS_OK) {
        facts->server_uuid[0] = '\0'; /* MariaDB has none */
    }
    answer_variable(answer, "server_id", text, sizeof(text));
    facts->server_id = (uint32_t)strtoul(text, NULL, 10);
}

/* NDB's servers have ids of which only some bits say who they are; MariaDB has none. */
static void read_server_id_bits(struct upstream *upstream)
{
    enum { FEWEST_BITS = 7, ALL_BITS = 32 };
    unsigned long bits = 0;
    char text[8];

    answer_variable(&upstream->answer, "server_id_bits", text, sizeof(text));
    bits = strtoul(text, NULL, 10);
    if (bits < FEWEST_BITS || bits >= ALL_BITS) {
        bits = 0;
    }
    upstream->facts.server_id_bits = (uint8_t)bits;
    if (epoch_index_rules(upstream->task.store).kind == EPOCH_KIND_NDB) {
        epoch_index_set_server_id_bits(upstream->task.store, (uint8_t)bits);
    }
    if (upstream->intake.identity != NULL) {
        epoch_identity_set_server_id_bits(upstream->intake.identity, (uint8_t)bits);
    }
}

/* The id that markers get must be one that the sources could have. */
static bool has_fitting_id(const struct upstream *upstream)
{
    struct epoch_rules rules = {.server_id_bits = upstream->facts.server_id_bits};

    return upstream->intake.identity == NULL ||
           (upstream->task.server_id & ~epoch_server_id_mask(&rules)) == 0;
}

static void read_log_base_name(struct upstream *upstream)
{
    char path[512];
    const char *name = NULL;
    char checked[BINLOG_NAME_BYTES];
    uint64_t file = 0;

    answer_variable(&upstream->answer, "log_bin_basename", path, sizeof(path));
    name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    (void)snprintf(checked, sizeof(checked), "%.64s.000001", name);
    if (!binlog_name_split(bytes_of_text(checked), upstream->log_base_name, &file)) {
        upstream->log_base_name[0] = '\0';
    }
}

static enum upstream_step take_variables(struct upstream *upstream)
{
    const char *kept_uuid = upstream->task.kept->facts.server_uuid;

    read_identity(upstream);
    read_server_id_bits(upstream);
    read_log_base_name(upstream);
    upstream->has_facts = true;
    upstream->has_other_uuid = kept_uuid[0] != '\0' && upstream->facts.server_uuid[0] != '\0' &&
                               strcasecmp(kept_uuid, upstream->facts.server_uuid) != 0;
    upstream->lacks_semi_sync =
        upstream->task.semi_sync &&
        !answer_is_on(&upstream->answer, "rpl_semi_sync_source_enabled") &&
        !answer_is_on(&upstream->answer, "rpl_semi_sync_master_enabled");
    if (!answer_is_on(&upstream->answer, "log_bin")) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "the source writes no binary log (log_bin is OFF)");
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    if (upstream->facts.server_id == upstream->task.server_id) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "the source has server_id %" PRIu32 ", which is this cluster's here",
                        upstream->facts.server_id);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    if (!has_fitting_id(upstream)) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "the cluster's server_id %" PRIu32
                        " does not fit into the source's server_id_bits (%u), which identity"
                        " \"virtual\" needs",
                        upstream->task.server_id, upstream->facts.server_id_bits);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    return UPSTREAM_AGAIN;
}

/* ---- its clock ---- */

/* The seconds are right in any time zone, what is behind the point in all of them. */
static void put_clock(const struct upstream *upstream, struct buffer *statement)
{
    (void)upstream;
    buffer_add_text(statement, "SELECT UNIX_TIMESTAMP(), UNIX_TIMESTAMP(NOW(6))");
}

/* "1700000000.123456" has 123456. */
static uint64_t read_fraction(struct bytes text)
{
    uint64_t fraction = 0;
    uint64_t unit = 100000;
    size_t at = 0;

    while (at < text.size && text.data[at] != '.') {
        at++;
    }
    for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        fraction += unit * (uint64_t)(text.data[at] - '0');
        unit /= 10;
    }
    return fraction;
}

static enum upstream_step take_clock(struct upstream *upstream)
{
    enum { SECONDS_COLUMN = 0, FRACTION_COLUMN = 1 };
    uint64_t seconds = 0;

    if (answer_number(&upstream->answer, 0, SECONDS_COLUMN, &seconds) &&
        seconds <= UINT32_MAX) {
        upstream->source_usec =
            seconds * 1000000 +
            read_fraction(result_set_value(&upstream->answer, 0, FRACTION_COLUMN));
    }
    return UPSTREAM_AGAIN;
}

/* ---- our settings ---- */

/* The files are wanted as they are: with the checksums they have. */
static void put_settings(const struct upstream *upstream, struct buffer *statement)
{
    uint64_t period_nsec = upstream->task.heartbeat_period_usec * NSEC_PER_USEC;
    const char *uuid = upstream->task.replica_uuid;

    buffer_add_format(statement,
                      "SET @master_heartbeat_period = %" PRIu64
                      ", @source_heartbeat_period = %" PRIu64
                      ", @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'"
                      ", @slave_uuid = '%s', @replica_uuid = '%s'",
                      period_nsec, period_nsec, uuid, uuid);
    if (upstream->facts.is_mariadb) {
        buffer_add_format(statement, ", @mariadb_slave_capability = %d", MARIADB_CAPABILITY);
    }
    if (upstream->task.semi_sync && !upstream->lacks_semi_sync) {
        buffer_add_text(statement, ", @rpl_semi_sync_replica = 1, @rpl_semi_sync_slave = 1");
    }
}

static enum upstream_step take_settings(struct upstream *upstream)
{
    (void)upstream;
    return UPSTREAM_AGAIN;
}

/* ---- its logs ---- */

static void put_logs(const struct upstream *upstream, struct buffer *statement)
{
    (void)upstream;
    buffer_add_text(statement, "SHOW BINARY LOGS");
}

static enum upstream_step take_logs(struct upstream *upstream)
{
    if (source_logs_read(&upstream->logs, &upstream->answer, &upstream->error) != STATUS_OK) {
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    return UPSTREAM_AGAIN;
}

/* ---- a start behind an epoch ---- */

static bool is_locating(const struct upstream *upstream)
{
    return upstream->intake.tail.is_empty && upstream->task.first_place == NULL;
}

static bool has_start_epoch(const struct upstream *upstream)
{
    return is_locating(upstream) && upstream->start.kind == PULL_FROM_EPOCH;
}

/* As the manual of NDB replication does it; the rows of one epoch agree in what is next. */
static void put_start_epoch(const struct upstream *upstream, struct buffer *statement)
{
    buffer_add_format(statement,
                      "SELECT SUBSTRING_INDEX(next_file, '/', -1), next_position"
                      " FROM mysql.ndb_binlog_index WHERE epoch = %" PRIu64 " LIMIT 1",
                      upstream->start.epoch);
}

static enum upstream_step take_start_epoch(struct upstream *upstream)
{
    enum { FILE_COLUMN = 0, POSITION_COLUMN = 1 };
    struct bytes name = result_set_value(&upstream->answer, 0, FILE_COLUMN);
    struct pull_start *start = &upstream->start;

    if (result_set_rows(&upstream->answer) == 0) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "start: the source has no epoch %" PRIu64
                        " in its mysql.ndb_binlog_index",
                        start->epoch);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    if (name.size == 0 || name.size >= sizeof(upstream->start_file) ||
        !answer_number(&upstream->answer, 0, POSITION_COLUMN, &start->position) ||
        start->position < BINLOG_MAGIC_BYTES) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "start: the source's mysql.ndb_binlog_index does not say what follows "
                        "epoch %" PRIu64,
                        start->epoch);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    memcpy(upstream->start_file, name.data, name.size); /* the rest is zero */
    start->file_name = upstream->start_file;
    start->kind = PULL_FROM_POSITION;
    return UPSTREAM_AGAIN;
}

/* ---- a start in the middle of a file ---- */

static bool has_start_position(const struct upstream *upstream)
{
    return is_locating(upstream) && upstream->start.kind == PULL_FROM_POSITION &&
           upstream->start.position > BINLOG_MAGIC_BYTES;
}

static void put_start_position(const struct upstream *upstream, struct buffer *statement)
{
    const struct pull_start *start = &upstream->start;
    char base_name[BINLOG_NAME_MOST_BYTES + 1] = "";
    char name[BINLOG_NAME_BYTES];
    uint64_t file = 0;

    /* A name that is not accepted becomes one that no source has. */
    (void)binlog_name_split(bytes_of_text(start->file_name), base_name, &file);
    binlog_name_print(name, base_name, file);
    buffer_add_format(statement, "SHOW BINLOG EVENTS IN '%s' FROM %" PRIu64 " LIMIT 1", name,
                      start->position);
}

static enum upstream_step take_start_position(struct upstream *upstream)
{
    enum { POSITION_COLUMN = 1 };
    const struct pull_start *start = &upstream->start;
    uint64_t position = 0;

    /* No row: the position is the end of the file, which choosing the place looks at. */
    if (result_set_rows(&upstream->answer) > 0 &&
        (!answer_number(&upstream->answer, 0, POSITION_COLUMN, &position) ||
         position != start->position)) {
        (void)error_set(&upstream->error, STATUS_INVALID,
                        "start: no event begins at %s:%" PRIu64 "; the next one is at %" PRIu64,
                        start->file_name, start->position, position);
        return upstream_fail(upstream, PULL_MISCONFIGURED);
    }
    return UPSTREAM_AGAIN;
}

/* ---- a start by MariaDB's GTIDs ---- */

static bool has_mariadb_gtids(const struct upstream *upstream)
{
    return is_locating(upstream) && upstream->start.kind == PULL_FROM_GTIDS &&
           upstream->facts.is_mariadb;
}

static void put_mariadb_gtids(const struct upstream *upstream, struct buffer *statement)
{
    struct mariadb_gtid_list position = {0};
    struct error ignored; /* upstream_choose_place() says what is wrong with them */

    buffer_add_text(statement, "SET @slave_connect_state = '");
    if (mariadb_gtid_list_parse(&position, bytes_of_text(upstream->start.gtids), &ignored) ==
        STATUS_OK) {
        mariadb_gtid_list_print(&position, statement);
    }
    buffer_add_text(statement, "'");
    mariadb_gtid_list_release(&position);
}

/* ---- one after the other ---- */

static const struct question {
    bool (*is_asked)(const struct upstream *upstream);
    void (*put)(const struct upstream *upstream, struct buffer *statement);
    enum upstream_step (*take)(struct upstream *upstream);
    const char *name;
    const char *right;  /* said where it is denied */
    bool may_be_denied; /* asked for comfort: the pull can do without */
} questions[] = {
    {is_always, put_variables, take_variables, "the source's variables", "", false},
    {is_always, put_clock, take_clock, "the source's clock", "", true},
    {is_always, put_settings, take_settings, "our settings", "", false},
    {is_always, put_logs, take_logs, "SHOW BINARY LOGS",
     " needs REPLICATION CLIENT (MariaDB: BINLOG MONITOR)", true},
    {has_start_epoch, put_start_epoch, take_start_epoch, "start: the epoch",
     " needs SELECT on mysql.ndb_binlog_index", false},
    {has_start_position, put_start_position, take_start_position, "start: SHOW BINLOG EVENTS",
     " needs REPLICATION SLAVE (MariaDB: BINLOG MONITOR)", false},
    {has_mariadb_gtids, put_mariadb_gtids, take_settings, "start: the GTIDs", "", false},
};

enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };

/* Sends the question at upstream->question or the first after it that is asked; false: none. */
static bool put_question(struct upstream *upstream)
{
    struct buffer statement = {0};

    while (upstream->question < QUESTION_COUNT &&
           !questions[upstream->question].is_asked(upstream)) {
        upstream->question++;
    }
    if (upstream->question == QUESTION_COUNT) {
        return false;
    }
    result_set_release(&upstream->answer);
    upstream->answer = (struct result_set){0};
    questions[upstream->question].put(upstream, &statement);
    upstream_send_query(upstream, buffer_bytes(&statement));
    buffer_release(&statement);
    return true;
}

void upstream_begin_asking(struct upstream *upstream)
{
    upstream->question = 0;
    (void)put_question(upstream); /* the first is always asked */
}

static enum upstream_step take_refusal(struct upstream *upstream, const struct question *asked)
{
    bool is_refusal = upstream->error.sql_code != 0;
    enum upstream_step step = upstream_fail_answer(upstream, SOURCE_STAGE_SETUP);

    (void)error_wrap(&upstream->error, "%s%s", asked->name,
                     upstream->blame == PULL_DENIED ? asked->right : "");
    if (is_refusal && asked->may_be_denied) {
        if (asked->take == take_logs) {
            upstream->logs_denied = upstream->error;
        }
        upstream->error = (struct error){0};
        return UPSTREAM_AGAIN;
    }
    return step;
}

enum upstream_step upstream_ask(struct upstream *upstream)
{
    const struct question *asked = &questions[upstream->question];
    struct bytes payload;
    enum status status = STATUS_AGAIN;
    enum upstream_step step = UPSTREAM_AGAIN;

    while (status == STATUS_AGAIN) {
        step = upstream_next_payload(upstream, PACKET_MOST, &payload);
        if (step != UPSTREAM_AGAIN) {
            return step;
        }
        status =
            result_set_next(&upstream->answer, payload, ANSWER_MOST_BYTES, &upstream->error);
    }
    step = status == STATUS_OK ? asked->take(upstream) : take_refusal(upstream, asked);
    if (step != UPSTREAM_AGAIN) {
        return step;
    }
    upstream->question++;
    return put_question(upstream) ? UPSTREAM_AGAIN : upstream_choose_place(upstream);
}
