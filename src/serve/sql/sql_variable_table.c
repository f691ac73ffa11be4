/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binrelay/storage/binlog_files.h"
#include "sql_variables.h"

#define TEXT SQL_VARIABLE_TEXT
#define NUMBER SQL_VARIABLE_NUMBER
#define SWITCH SQL_VARIABLE_SWITCH
#define MYSQL SQL_VARIABLE_MYSQL
#define MARIADB SQL_VARIABLE_MARIADB
#define SETTABLE SQL_VARIABLE_SETTABLE
#define HIDDEN SQL_VARIABLE_HIDDEN

static struct sql_value read_checksum(const struct sql_session *session,
                                      const struct sql_server *server,
                                      struct sql_memory *memory)
{
    (void)session;
    (void)memory;
    return sql_text(server->checksum == BINLOG_CHECKSUM_CRC32 ? "CRC32" : "NONE");
}

static struct sql_value read_gtid_mode(const struct sql_session *session,
                                       const struct sql_server *server,
                                       struct sql_memory *memory)
{
    (void)session;
    return sql_text_copy(memory, server->gtid_mode);
}

static struct sql_value print_gtids(struct gtid_set *set, struct sql_memory *memory)
{
    struct buffer text = {0};

    if (set != NULL) {
        gtid_set_print(set, &text);
        gtid_set_free(set);
    }
    return sql_text_take(memory, &text);
}

static struct sql_value read_gtid_executed(const struct sql_session *session,
                                           const struct sql_server *server,
                                           struct sql_memory *memory)
{
    (void)server;
    if (session->cluster == NULL) {
        return sql_text("");
    }
    return print_gtids(binlog_files_gtids(session->cluster->store), memory);
}

static struct sql_value read_gtid_purged(const struct sql_session *session,
                                         const struct sql_server *server,
                                         struct sql_memory *memory)
{
    (void)server;
    if (session->cluster == NULL) {
        return sql_text("");
    }
    return print_gtids(binlog_files_gtids_purged(session->cluster->store), memory);
}

static struct sql_value read_mariadb_state(const struct sql_session *session,
                                           const struct sql_server *server,
                                           struct sql_memory *memory)
{
    struct mariadb_gtid_list state = {0};
    struct buffer text = {0};

    (void)server;
    if (session->cluster != NULL) {
        binlog_files_mariadb_state(session->cluster->store, &state);
        mariadb_gtid_list_print(&state, &text);
        mariadb_gtid_list_release(&state);
    }
    return sql_text_take(memory, &text);
}

static struct sql_value read_mariadb_position(const struct sql_session *session,
                                              const struct sql_server *server,
                                              struct sql_memory *memory)
{
    struct mariadb_gtid_list state = {0};
    struct mariadb_gtid_list position = {0};
    struct buffer text = {0};

    (void)server;
    if (session->cluster != NULL) {
        binlog_files_mariadb_state(session->cluster->store, &state);
        mariadb_gtid_state_position(&state, &position);
        mariadb_gtid_list_print(&position, &text);
        mariadb_gtid_list_release(&position);
        mariadb_gtid_list_release(&state);
    }
    return sql_text_take(memory, &text);
}

static struct sql_value read_hostname(const struct sql_session *session,
                                      const struct sql_server *server,
                                      struct sql_memory *memory)
{
    char name[256] = "";

    (void)session;
    (void)server;
    (void)gethostname(name, sizeof(name) - 1); /* "" where the system has none */
    return sql_text_copy(memory, name);
}

static struct sql_value read_version(const struct sql_session *session,
                                     const struct sql_server *server,
                                     struct sql_memory *memory)
{
    (void)session;
    return sql_text_copy(memory, server->version);
}

static const char *log_name(const struct sql_session *session)
{
    return session->cluster == NULL ? "" : binlog_store_log_name(session->cluster->store);
}

static struct sql_value read_log_name(const struct sql_session *session,
                                      const struct sql_server *server,
                                      struct sql_memory *memory)
{
    (void)server;
    return sql_text_copy(memory, log_name(session));
}

static struct sql_value read_log_index(const struct sql_session *session,
                                       const struct sql_server *server,
                                       struct sql_memory *memory)
{
    (void)server;
    return sql_text_of(sql_memory_format(memory, "%s.index", log_name(session)));
}

static struct sql_value read_port(const struct sql_session *session,
                                  const struct sql_server *server,
                                  struct sql_memory *memory)
{
    (void)server;
    return sql_number(memory, session->port);
}

static struct sql_value read_connection_id(const struct sql_session *session,
                                           const struct sql_server *server,
                                           struct sql_memory *memory)
{
    (void)server;
    return sql_number(memory, session->id);
}

static struct sql_value read_server_id(const struct sql_session *session,
                                       const struct sql_server *server,
                                       struct sql_memory *memory)
{
    (void)server;
    return sql_number(memory, sql_session_server_id(session));
}

static struct sql_value read_server_uuid(const struct sql_session *session,
                                         const struct sql_server *server,
                                         struct sql_memory *memory)
{
    (void)server;
    return session->cluster == NULL ? sql_text("")
                                    : sql_text_copy(memory, session->cluster->server_uuid);
}

static struct sql_value read_sql_mode(const struct sql_session *session,
                                      const struct sql_server *server,
                                      struct sql_memory *memory)
{
    (void)session;
    (void)memory;
    return sql_text(server->is_mariadb
                        ? "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
                          "NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION"
                        : "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
                          "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION");
}

static struct sql_value read_timestamp(const struct sql_session *session,
                                       const struct sql_server *server,
                                       struct sql_memory *memory)
{
    (void)server;
    return sql_number(memory, sql_session_now_usec(session) / 1000000);
}

static struct sql_value read_warning_count(const struct sql_session *session,
                                           const struct sql_server *server,
                                           struct sql_memory *memory)
{
    (void)server;
    return sql_number(memory, session->warnings.count);
}

/* clang-format off */
const struct sql_variable sql_variable_table[] = {
    {"auto_increment_increment", NUMBER, SETTABLE, "1", NULL},
    {"auto_increment_offset", NUMBER, SETTABLE, "1", NULL},
    {"autocommit", SWITCH, SETTABLE, "ON", NULL},
    {"bind_address", TEXT, 0, "*", NULL},
    {"binlog_checksum", TEXT, 0, NULL, read_checksum},
    {"binlog_encryption", SWITCH, MYSQL, "OFF", NULL},
    {"binlog_format", TEXT, SETTABLE, "ROW", NULL},
    {"binlog_row_event_max_size", NUMBER, 0, "8192", NULL},
    {"binlog_row_image", TEXT, SETTABLE, "FULL", NULL},
    {"binlog_row_metadata", TEXT, 0, "MINIMAL", NULL},
    {"binlog_row_value_options", TEXT, MYSQL, "", NULL},
    {"binlog_rows_query_log_events", SWITCH, MYSQL | SETTABLE, "OFF", NULL},
    {"binlog_transaction_compression", SWITCH, MYSQL | SETTABLE, "OFF", NULL},
    {"character_set_client", TEXT, SETTABLE, "utf8mb4", NULL},
    {"character_set_connection", TEXT, SETTABLE, "utf8mb4", NULL},
    {"character_set_database", TEXT, SETTABLE, "utf8mb4", NULL},
    {"character_set_filesystem", TEXT, SETTABLE, "binary", NULL},
    {"character_set_results", TEXT, SETTABLE, "utf8mb4", NULL},
    {"character_set_server", TEXT, SETTABLE, "utf8mb4", NULL},
    {"character_set_system", TEXT, 0, "utf8mb3", NULL},
    {"collation_connection", TEXT, SETTABLE, "utf8mb4_general_ci", NULL},
    {"collation_database", TEXT, SETTABLE, "utf8mb4_general_ci", NULL},
    {"collation_server", TEXT, SETTABLE, "utf8mb4_general_ci", NULL},
    {"completion_type", TEXT, SETTABLE, "NO_CHAIN", NULL},
    {"connect_timeout", NUMBER, 0, "10", NULL},
    {"default_storage_engine", TEXT, SETTABLE, "InnoDB", NULL},
    {"default_week_format", NUMBER, SETTABLE, "0", NULL},
    {"div_precision_increment", NUMBER, SETTABLE, "4", NULL},
    {"enforce_gtid_consistency", TEXT, MYSQL, NULL, read_gtid_mode},
    {"event_scheduler", TEXT, 0, "OFF", NULL},
    {"foreign_key_checks", SWITCH, SETTABLE, "ON", NULL},
    {"group_concat_max_len", NUMBER, SETTABLE, "1024", NULL},
    {"gtid_binlog_pos", TEXT, MARIADB, NULL, read_mariadb_position},
    {"gtid_binlog_state", TEXT, MARIADB, NULL, read_mariadb_state},
    {"gtid_current_pos", TEXT, MARIADB, NULL, read_mariadb_position},
    {"gtid_domain_id", NUMBER, MARIADB | SETTABLE, "0", NULL},
    {"gtid_executed", TEXT, MYSQL, NULL, read_gtid_executed},
    {"gtid_mode", TEXT, MYSQL | SQL_VARIABLE_SOURCE, NULL, read_gtid_mode},
    {"gtid_next", TEXT, MYSQL | SETTABLE, "AUTOMATIC", NULL},
    {"gtid_owned", TEXT, MYSQL, "", NULL},
    {"gtid_purged", TEXT, MYSQL, NULL, read_gtid_purged},
    {"gtid_seq_no", NUMBER, MARIADB | SETTABLE, "0", NULL},
    {"gtid_slave_pos", TEXT, MARIADB, "", NULL},
    {"gtid_strict_mode", SWITCH, MARIADB, "OFF", NULL},
    {"have_openssl", TEXT, 0, "YES", NULL},
    {"have_ssl", TEXT, 0, "YES", NULL},
    {"hostname", TEXT, 0, NULL, read_hostname},
    {"identity", NUMBER, SETTABLE | HIDDEN, "0", NULL},
    {"information_schema_stats_expiry", NUMBER, MYSQL | SETTABLE, "86400", NULL},
    {"init_connect", TEXT, 0, "", NULL},
    {"innodb_lock_wait_timeout", NUMBER, SETTABLE, "50", NULL},
    {"innodb_read_only", SWITCH, 0, "OFF", NULL},
    {"innodb_version", TEXT, 0, NULL, read_version},
    {"insert_id", NUMBER, SETTABLE | HIDDEN, "0", NULL},
    {"interactive_timeout", NUMBER, SETTABLE, "28800", NULL},
    {"language", TEXT, 0, "", NULL},
    {"last_insert_id", NUMBER, SETTABLE | HIDDEN, "0", NULL},
    {"license", TEXT, 0, "Apache-2.0", NULL},
    {"local_infile", SWITCH, 0, "OFF", NULL},
    {"lock_wait_timeout", NUMBER, SETTABLE, "31536000", NULL},
    {"log_bin", SWITCH, 0, "ON", NULL},
    {"log_bin_basename", TEXT, 0, NULL, read_log_name},
    {"log_bin_index", TEXT, 0, NULL, read_log_index},
    {"log_replica_updates", SWITCH, MYSQL, "ON", NULL},
    {"log_slave_updates", SWITCH, 0, "ON", NULL},
    {"lower_case_file_system", SWITCH, 0, "OFF", NULL},
    {"lower_case_table_names", NUMBER, 0, "0", NULL},
    {"max_allowed_packet", NUMBER, SETTABLE, "67108864", NULL},
    {"max_connections", NUMBER, 0, "1000", NULL},
    {"max_execution_time", NUMBER, MYSQL | SETTABLE, "0", NULL},
    {"max_join_size", NUMBER, SETTABLE, "18446744073709551615", NULL},
    {"max_statement_time", NUMBER, MARIADB | SETTABLE, "0", NULL},
    {"net_buffer_length", NUMBER, SETTABLE, "16384", NULL},
    {"net_read_timeout", NUMBER, SETTABLE, "30", NULL},
    {"net_write_timeout", NUMBER, SETTABLE, "60", NULL},
    {"optimizer_switch", TEXT, SETTABLE, "", NULL},
    {"performance_schema", SWITCH, 0, "OFF", NULL},
    {"port", NUMBER, 0, NULL, read_port},
    {"profiling", SWITCH, SETTABLE, "OFF", NULL},
    {"profiling_history_size", NUMBER, SETTABLE, "15", NULL},
    {"protocol_version", NUMBER, 0, "10", NULL},
    {"pseudo_thread_id", NUMBER, HIDDEN, NULL, read_connection_id},
    {"query_cache_limit", NUMBER, 0, "1048576", NULL},
    {"query_cache_size", NUMBER, 0, "0", NULL},
    {"query_cache_type", TEXT, SETTABLE, "OFF", NULL},
    {"read_only", SWITCH, 0, "ON", NULL},
    {"replica_net_timeout", NUMBER, MYSQL, "60", NULL},
    {"require_secure_transport", SWITCH, 0, "OFF", NULL},
    {"secure_auth", SWITCH, 0, "ON", NULL},
    {"server_id", NUMBER, 0, NULL, read_server_id},
    {"server_uuid", TEXT, 0, NULL, read_server_uuid},
    {"session_track_gtids", TEXT, MYSQL | SETTABLE, "OFF", NULL},
    {"session_track_schema", SWITCH, SETTABLE, "OFF", NULL},
    {"session_track_state_change", SWITCH, SETTABLE, "OFF", NULL},
    {"session_track_system_variables", TEXT, SETTABLE, "", NULL},
    {"session_track_transaction_info", TEXT, SETTABLE, "OFF", NULL},
    {"skip_networking", SWITCH, 0, "OFF", NULL},
    {"skip_replication", SWITCH, MARIADB | SETTABLE, "OFF", NULL},
    {"slave_net_timeout", NUMBER, 0, "60", NULL},
    {"socket", TEXT, 0, "", NULL},
    {"sql_auto_is_null", SWITCH, SETTABLE, "OFF", NULL},
    {"sql_big_selects", SWITCH, SETTABLE, "ON", NULL},
    {"sql_log_bin", SWITCH, SETTABLE, "ON", NULL},
    {"sql_mode", TEXT, SETTABLE, NULL, read_sql_mode},
    {"sql_notes", SWITCH, SETTABLE, "ON", NULL},
    {"sql_quote_show_create", SWITCH, SETTABLE, "ON", NULL},
    {"sql_require_primary_key", SWITCH, MYSQL | SETTABLE, "OFF", NULL},
    {"sql_safe_updates", SWITCH, SETTABLE, "OFF", NULL},
    {"sql_select_limit", NUMBER, SETTABLE, "18446744073709551615", NULL},
    {"sql_warnings", SWITCH, SETTABLE, "OFF", NULL},
    {"storage_engine", TEXT, SETTABLE, "InnoDB", NULL},
    {"super_read_only", SWITCH, MYSQL, "ON", NULL},
    {"sync_binlog", NUMBER, 0, "1", NULL},
    {"system_time_zone", TEXT, 0, "UTC", NULL},
    {"time_zone", TEXT, SETTABLE, "SYSTEM", NULL},
    {"timestamp", NUMBER, SETTABLE, NULL, read_timestamp},
    {"tls_version", TEXT, 0, "TLSv1.2,TLSv1.3", NULL},
    {"transaction_isolation", TEXT, SETTABLE, "REPEATABLE-READ", NULL},
    {"transaction_read_only", SWITCH, SETTABLE, "OFF", NULL},
    {"tx_isolation", TEXT, SETTABLE, "REPEATABLE-READ", NULL},
    {"tx_read_only", SWITCH, SETTABLE, "OFF", NULL},
    {"unique_checks", SWITCH, SETTABLE, "ON", NULL},
    {"version", TEXT, 0, NULL, read_version},
    {"version_comment", TEXT, 0, "binrelay", NULL},
    {"version_compile_machine", TEXT, 0, "x86_64", NULL},
    {"version_compile_os", TEXT, 0, "Linux", NULL},
    {"wait_timeout", NUMBER, SETTABLE, "28800", NULL},
    {"warning_count", NUMBER, HIDDEN, NULL, read_warning_count},
};
/* clang-format on */

const size_t sql_variable_count = sizeof(sql_variable_table) / sizeof(sql_variable_table[0]);
