/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "binrelay/storage/binlog_files.h"
#include "sql_errors.h"
#include "sql_show.h"

static struct bytes print_gtids(struct sql_statement *statement, struct binlog_store *store)
{
    struct gtid_set *set = binlog_files_gtids(store);
    struct buffer text = {0};

    if (set != NULL) {
        gtid_set_print(set, &text);
        gtid_set_free(set);
    }
    return sql_text_take(&statement->memory, &text).text;
}

/* MariaDB has no GTID set here. */
enum status sql_show_log_status(struct sql_statement *statement,
                                unsigned flags,
                                struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "File", .type = RESULT_VAR_STRING},
        {.name = "Position", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "Binlog_Do_DB", .type = RESULT_VAR_STRING},
        {.name = "Binlog_Ignore_DB", .type = RESULT_VAR_STRING},
        {.name = "Executed_Gtid_Set", .type = RESULT_VAR_STRING},
    };
    const struct sql_session *session = statement->session;
    char name[BINLOG_NAME_BYTES];
    struct binlog_position end;
    size_t count = 0;

    (void)flags;
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    count = sql_session_server(session).is_mariadb ? 4 : 5;
    result_begin(statement->writer, columns, count);
    end = binlog_store_durable_end(session->cluster->store);
    if (end.file != 0) {
        struct bytes row[5];

        binlog_name_print(name, binlog_store_log_name(session->cluster->store), end.file);
        row[0] = bytes_of_text(name);
        row[1] = sql_number(&statement->memory, end.offset).text;
        row[2] = bytes_of_text("");
        row[3] = row[2];
        row[4] = count == 5 ? print_gtids(statement, session->cluster->store) : row[2];
        result_add_row(statement->writer, row, count);
    }
    result_end(statement->writer);
    return STATUS_OK;
}

enum status sql_show_logs(struct sql_statement *statement, unsigned flags, struct error *error)
{
    static const struct result_column columns[] = {
        {.name = "Log_name", .type = RESULT_VAR_STRING},
        {.name = "File_size", .type = RESULT_LONGLONG, .is_unsigned = true},
        {.name = "Encrypted", .type = RESULT_VAR_STRING},
    };
    const struct sql_session *session = statement->session;
    struct binlog_file_facts *files = NULL;
    size_t column_count = 0;
    size_t count = 0;

    (void)flags;
    if (sql_statement_end(statement, error) != STATUS_OK ||
        sql_session_need_cluster(session, error) != STATUS_OK) {
        return error->status;
    }
    column_count = sql_session_server(session).is_mariadb ? 2 : 3;
    count = binlog_files_list(session->cluster->store, &files);
    result_begin(statement->writer, columns, column_count);
    for (size_t at = 0; at < count; at++) {
        char name[BINLOG_NAME_BYTES];
        struct bytes row[3];

        binlog_name_print(name, binlog_store_log_name(session->cluster->store), files[at].file);
        row[0] = bytes_of_text(name);
        row[1] = sql_number(&statement->memory, files[at].bytes).text;
        row[2] = bytes_of_text("No");
        result_add_row(statement->writer, row, column_count);
    }
    result_end(statement->writer);
    free(files);
    return STATUS_OK;
}
