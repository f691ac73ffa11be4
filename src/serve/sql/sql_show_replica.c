/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHOW REPLICA STATUS: the relay as a replica of its source, in the columns of
 * MySQL 9.7, in the same ones by their names before 8.0.22, and in MariaDB's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/storage/binlog_files.h"
#include "sql_errors.h"
#include "sql_show.h"

enum { PORT_UNKNOWN = 3306 };

struct facts {
    struct cluster_report report;
    struct binlog_store *store; /* borrowed */
    const char *cluster;        /* borrowed */
    struct binlog_position durable;
    bool is_running; /* receives */
    bool is_old;     /* asked with the old names */
    uint64_t now_usec;
};

typedef struct sql_value (*read_fn)(const struct facts *facts, struct sql_memory *memory);

static struct sql_value io_state(const struct facts *facts, struct sql_memory *memory)
{
    const char *source = facts->is_old ? "master" : "source";

    if (facts->report.state == PULL_STREAMING) {
        return sql_text_of(sql_memory_format(memory, "Waiting for %s to send event", source));
    }
    if (facts->report.state == PULL_CONNECTING) {
        return sql_text_of(sql_memory_format(memory, "Connecting to %s", source));
    }
    return sql_text(pull_state_name(facts->report.state));
}

static struct sql_value source_host(const struct facts *facts, struct sql_memory *memory)
{
    const char *colon = strrchr(facts->report.source, ':');
    int size =
        colon == NULL ? (int)strlen(facts->report.source) : (int)(colon - facts->report.source);

    return sql_text_of(sql_memory_format(memory, "%.*s", size, facts->report.source));
}

static struct sql_value source_port(const struct facts *facts, struct sql_memory *memory)
{
    const char *colon = strrchr(facts->report.source, ':');
    uint64_t port = PORT_UNKNOWN;

    if (colon != NULL) {
        (void)sql_text_to_number(bytes_of_text(colon + 1), &port); /* else it stays unknown */
    }
    return sql_number(memory, port);
}

static struct sql_value print_name(const struct facts *facts,
                                   struct sql_memory *memory,
                                   uint64_t file)
{
    char name[BINLOG_NAME_BYTES];

    if (file == 0) {
        return sql_text("");
    }
    binlog_name_print(name, binlog_store_log_name(facts->store), file);
    return sql_text_copy(memory, name);
}

static struct sql_value upstream_file(const struct facts *facts, struct sql_memory *memory)
{
    return print_name(facts, memory, facts->report.upstream.file);
}

static struct sql_value upstream_offset(const struct facts *facts, struct sql_memory *memory)
{
    return sql_number(memory, facts->report.upstream.offset);
}

static struct sql_value own_file(const struct facts *facts, struct sql_memory *memory)
{
    return print_name(facts, memory, facts->report.received.file);
}

static struct sql_value own_offset(const struct facts *facts, struct sql_memory *memory)
{
    return sql_number(memory, facts->report.received.offset);
}

static struct sql_value durable_file(const struct facts *facts, struct sql_memory *memory)
{
    return print_name(facts, memory, facts->durable.file);
}

static struct sql_value durable_offset(const struct facts *facts, struct sql_memory *memory)
{
    return sql_number(memory, facts->durable.offset);
}

static struct sql_value io_running(const struct facts *facts, struct sql_memory *memory)
{
    (void)memory;
    if (facts->is_running) {
        return sql_text("Yes");
    }
    return sql_text(facts->report.state == PULL_CONNECTING ||
                            facts->report.state == PULL_WAITING
                        ? "Connecting"
                        : "No");
}

/* What arrives is stored by the pull itself: it stops only with the store. */
static struct sql_value sql_running(const struct facts *facts, struct sql_memory *memory)
{
    (void)memory;
    return sql_text(facts->report.state == PULL_STORE_ERROR ||
                            facts->report.state == PULL_STORE_FULL ||
                            facts->report.state == PULL_STOPPED
                        ? "No"
                        : "Yes");
}

static struct sql_value seconds_behind(const struct facts *facts, struct sql_memory *memory)
{
    uint64_t now_sec = facts->now_usec / 1000000;
    uint64_t event_sec = facts->report.last_created_sec;

    if (!facts->is_running) {
        return sql_null();
    }
    if (binlog_position_compare(facts->durable, facts->report.received) >= 0 ||
        event_sec >= now_sec) {
        return sql_number(memory, 0);
    }
    return sql_number(memory, now_sec - event_sec);
}

static struct sql_value io_error_code(const struct facts *facts, struct sql_memory *memory)
{
    static const uint64_t codes[PULL_STATE_COUNT] = {
        [PULL_CONNECTING] = 2003,     [PULL_WAITING] = 2003,
        [PULL_DENIED] = 1045,         [PULL_MISCONFIGURED] = 13117,
        [PULL_SOURCE_PURGED] = 13114, [PULL_SOURCE_BEHIND] = 13114,
        [PULL_STORE_FULL] = 13121,    [PULL_STORE_ERROR] = 13121,
    };

    return sql_number(memory, facts->report.reason[0] == '\0' ? 0 : codes[facts->report.state]);
}

static struct sql_value io_error(const struct facts *facts, struct sql_memory *memory)
{
    return sql_text_copy(memory, facts->report.reason);
}

static struct sql_value source_id(const struct facts *facts, struct sql_memory *memory)
{
    return sql_number(memory, facts->report.facts.server_id);
}

static struct sql_value source_uuid(const struct facts *facts, struct sql_memory *memory)
{
    return sql_text_copy(memory, facts->report.facts.server_uuid);
}

static struct sql_value gtids(const struct facts *facts, struct sql_memory *memory)
{
    struct gtid_set *set = binlog_files_gtids(facts->store);
    struct buffer text = {0};

    if (set != NULL) {
        gtid_set_print(set, &text);
        gtid_set_free(set);
    }
    return sql_text_take(memory, &text);
}

static struct sql_value mariadb_position(const struct facts *facts, struct sql_memory *memory)
{
    struct mariadb_gtid_list state = {0};
    struct mariadb_gtid_list position = {0};
    struct buffer text = {0};

    binlog_files_mariadb_state(facts->store, &state);
    mariadb_gtid_state_position(&state, &position);
    mariadb_gtid_list_print(&position, &text);
    mariadb_gtid_list_release(&position);
    mariadb_gtid_list_release(&state);
    return sql_text_take(memory, &text);
}

static struct sql_value channel(const struct facts *facts, struct sql_memory *memory)
{
    return sql_text_copy(memory, facts->cluster);
}

static struct sql_value nothing(const struct facts *facts, struct sql_memory *memory)
{
    (void)facts;
    (void)memory;
    return sql_null();
}

enum { MYSQL = 1, MARIADB = 2, BOTH = 3, MANY = 4 };

struct column {
    const char *name;
    const char *old_name; /* NULL: the same */
    unsigned of;          /* MYSQL, MARIADB, BOTH; MANY: only in SHOW ALL SLAVES STATUS */
    const char *fixed;    /* where read is NULL */
    read_fn read;
};

/* clang-format off */
static const struct column columns[] = {
    {"Connection_name", NULL, MANY, NULL, channel},
    {"Slave_SQL_State", NULL, MANY, "", NULL},
    {"Replica_IO_State", "Slave_IO_State", BOTH, NULL, io_state},
    {"Source_Host", "Master_Host", BOTH, NULL, source_host},
    {"Source_User", "Master_User", BOTH, "", NULL},
    {"Source_Port", "Master_Port", BOTH, NULL, source_port},
    {"Connect_Retry", NULL, BOTH, "1", NULL},
    {"Source_Log_File", "Master_Log_File", BOTH, NULL, upstream_file},
    {"Read_Source_Log_Pos", "Read_Master_Log_Pos", BOTH, NULL, upstream_offset},
    {"Relay_Log_File", NULL, BOTH, NULL, own_file},
    {"Relay_Log_Pos", NULL, BOTH, NULL, own_offset},
    {"Relay_Source_Log_File", "Relay_Master_Log_File", BOTH, NULL, durable_file},
    {"Replica_IO_Running", "Slave_IO_Running", BOTH, NULL, io_running},
    {"Replica_SQL_Running", "Slave_SQL_Running", BOTH, NULL, sql_running},
    {"Replicate_Do_DB", NULL, BOTH, "", NULL},
    {"Replicate_Ignore_DB", NULL, BOTH, "", NULL},
    {"Replicate_Do_Table", NULL, BOTH, "", NULL},
    {"Replicate_Ignore_Table", NULL, BOTH, "", NULL},
    {"Replicate_Wild_Do_Table", NULL, BOTH, "", NULL},
    {"Replicate_Wild_Ignore_Table", NULL, BOTH, "", NULL},
    {"Last_Errno", NULL, BOTH, "0", NULL},
    {"Last_Error", NULL, BOTH, "", NULL},
    {"Skip_Counter", NULL, BOTH, "0", NULL},
    {"Exec_Source_Log_Pos", "Exec_Master_Log_Pos", BOTH, NULL, durable_offset},
    {"Relay_Log_Space", NULL, BOTH, "0", NULL},
    {"Until_Condition", NULL, BOTH, "None", NULL},
    {"Until_Log_File", NULL, BOTH, "", NULL},
    {"Until_Log_Pos", NULL, BOTH, "0", NULL},
    {"Source_SSL_Allowed", "Master_SSL_Allowed", BOTH, "No", NULL},
    {"Source_SSL_CA_File", "Master_SSL_CA_File", BOTH, "", NULL},
    {"Source_SSL_CA_Path", "Master_SSL_CA_Path", BOTH, "", NULL},
    {"Source_SSL_Cert", "Master_SSL_Cert", BOTH, "", NULL},
    {"Source_SSL_Cipher", "Master_SSL_Cipher", BOTH, "", NULL},
    {"Source_SSL_Key", "Master_SSL_Key", BOTH, "", NULL},
    {"Seconds_Behind_Source", "Seconds_Behind_Master", BOTH, NULL, seconds_behind},
    {"Source_SSL_Verify_Server_Cert", "Master_SSL_Verify_Server_Cert", BOTH, "No", NULL},
    {"Last_IO_Errno", NULL, BOTH, NULL, io_error_code},
    {"Last_IO_Error", NULL, BOTH, NULL, io_error},
    {"Last_SQL_Errno", NULL, BOTH, "0", NULL},
    {"Last_SQL_Error", NULL, BOTH, "", NULL},
    {"Replicate_Ignore_Server_Ids", NULL, BOTH, "", NULL},
    {"Source_Server_Id", "Master_Server_Id", BOTH, NULL, source_id},
    {"Source_UUID", "Master_UUID", MYSQL, NULL, source_uuid},
    {"Source_Info_File", "Master_Info_File", MYSQL, "", NULL},
    {"Source_SSL_Crl", "Master_SSL_Crl", MARIADB, "", NULL},
    {"Source_SSL_Crlpath", "Master_SSL_Crlpath", MARIADB, "", NULL},
    {"Using_Gtid", NULL, MARIADB, "No", NULL},
    {"Gtid_IO_Pos", NULL, MARIADB, NULL, mariadb_position},
    {"Replicate_Do_Domain_Ids", NULL, MARIADB, "", NULL},
    {"Replicate_Ignore_Domain_Ids", NULL, MARIADB, "", NULL},
    {"Parallel_Mode", NULL, MARIADB, "optimistic", NULL},
    {"SQL_Delay", NULL, BOTH, "0", NULL},
    {"SQL_Remaining_Delay", NULL, BOTH, NULL, nothing},
    {"Replica_SQL_Running_State", "Slave_SQL_Running_State", BOTH, "", NULL},
    {"Source_Retry_Count", "Master_Retry_Count", MYSQL, "0", NULL},
    {"Source_Bind", "Master_Bind", MYSQL, "", NULL},
    {"Last_IO_Error_Timestamp", NULL, MYSQL, "", NULL},
    {"Last_SQL_Error_Timestamp", NULL, MYSQL, "", NULL},
    {"Source_SSL_Crl", "Master_SSL_Crl", MYSQL, "", NULL},
    {"Source_SSL_Crlpath", "Master_SSL_Crlpath", MYSQL, "", NULL},
    {"Retrieved_Gtid_Set", NULL, MYSQL, NULL, gtids},
    {"Executed_Gtid_Set", NULL, MYSQL, NULL, gtids},
    {"Auto_Position", NULL, MYSQL, "0", NULL},
    {"Slave_DDL_Groups", NULL, MARIADB, "0", NULL},
    {"Slave_Non_Transactional_Groups", NULL, MARIADB, "0", NULL},
    {"Slave_Transactional_Groups", NULL, MARIADB, "0", NULL},
    {"Replicate_Rewrite_DB", NULL, BOTH, "", NULL},
    {"Channel_Name", NULL, MYSQL, NULL, channel},
    {"Source_TLS_Version", "Master_TLS_Version", MYSQL, "", NULL},
    {"Source_public_key_path", "Master_public_key_path", MYSQL, "", NULL},
    {"Get_Source_public_key", "Get_master_public_key", MYSQL, "0", NULL},
    {"Network_Namespace", NULL, MYSQL, "", NULL},
    {"Retried_transactions", NULL, MANY, "0", NULL},
    {"Max_relay_log_size", NULL, MANY, "0", NULL},
    {"Executed_log_entries", NULL, MANY, "0", NULL},
    {"Slave_received_heartbeats", NULL, MANY, "0", NULL},
    {"Slave_heartbeat_period", NULL, MANY, "0.000", NULL},
    {"Gtid_Slave_Pos", NULL, MANY, NULL, mariadb_position},
};
/* clang-format on */

enum { COLUMN_COUNT = sizeof(columns) / sizeof(columns[0]) };

static bool is_number(const struct column *column)
{
    return column->read == source_port || column->read == upstream_offset ||
           column->read == own_offset || column->read == durable_offset ||
           column->read == seconds_behind || column->read == io_error_code ||
           column->read == source_id || column->read == nothing ||
           (column->fixed != NULL && strcmp(column->fixed, "0") == 0);
}

static void add_status(struct sql_statement *statement, const struct facts *facts, unsigned of)
{
    struct result_column shown[COLUMN_COUNT];
    struct bytes row[COLUMN_COUNT];
    size_t count = 0;

    for (size_t at = 0; at < COLUMN_COUNT; at++) {
        const struct column *column = &columns[at];
        bool has_old_name = facts->is_old && column->old_name != NULL;

        if ((column->of & of) == 0) {
            continue;
        }
        shown[count].name = has_old_name ? column->old_name : column->name;
        shown[count].type = is_number(column) ? RESULT_LONGLONG : RESULT_VAR_STRING;
        shown[count].is_unsigned = is_number(column);
        row[count] = column->read != NULL ? column->read(facts, &statement->memory).text
                                          : bytes_of_text(column->fixed);
        count++;
    }
    result_begin(statement->writer, shown, count);
    result_add_row(statement->writer, row, count);
    result_end(statement->writer);
}

/* FOR CHANNEL 'x' and NONBLOCKING change nothing: there is one channel. */
static void skip_channel(struct sql_reader *reader)
{
    (void)sql_reader_accept_word(reader, "nonblocking");
    if (sql_reader_accept_words(reader, "for channel")) {
        sql_reader_next(reader);
    }
}

enum status sql_show_replica_status(struct sql_statement *statement,
                                    unsigned flags,
                                    struct error *error)
{
    const struct sql_session *session = statement->session;
    struct facts facts = {.is_old = (flags & SHOW_OLD_NAMES) != 0,
                          .now_usec = clock_wall_usec(session->clock)};
    unsigned of = (flags & SHOW_MANY) != 0 ? MANY | MARIADB : MYSQL;

    skip_channel(&statement->reader);
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    if (facts.is_old && sql_session_server(session).is_mariadb) {
        of |= MARIADB;
        of &= ~(unsigned)MYSQL;
    }
    facts.store = session->cluster->store;
    facts.cluster = session->cluster->name;
    facts.durable = binlog_store_durable_end(facts.store);
    cluster_board_read(session->cluster->board, &facts.report);
    facts.is_running = facts.report.state == PULL_STREAMING;
    add_status(statement, &facts, of);
    return STATUS_OK;
}
