/* SPDX-License-Identifier: Apache-2.0 */
#include "source_fault.h"

#include <string.h>

enum { FATAL_READING_BINLOG = 1236 }; /* ER_SOURCE_FATAL_ERROR_READING_BINLOG */

struct code_rule {
    unsigned sql_code;
    enum pull_state state;
};

/* include/mysqld_error.h of MySQL 9.7 and MariaDB 11.8; the numbers are the same where both
 * have them. */
static const struct code_rule code_rules[] = {
    {1044, PULL_DENIED},        /* access denied to the database */
    {1045, PULL_DENIED},        /* access denied for the user */
    {1129, PULL_DENIED},        /* host is blocked */
    {1130, PULL_DENIED},        /* host may not connect */
    {1142, PULL_DENIED},        /* command denied */
    {1227, PULL_DENIED},        /* a right is missing */
    {1524, PULL_DENIED},        /* the account's plugin is not loaded */
    {1698, PULL_DENIED},        /* access denied, no password */
    {1820, PULL_DENIED},        /* must change its password */
    {1862, PULL_DENIED},        /* password has expired */
    {3118, PULL_DENIED},        /* account is locked */
    {3159, PULL_MISCONFIGURED}, /* require_secure_transport */
    {4151, PULL_DENIED},        /* account is locked (MariaDB) */
    {1220, PULL_MISCONFIGURED}, /* SHOW BINLOG EVENTS: no such file or position */
    {1381, PULL_MISCONFIGURED}, /* no binary log */
    {1146, PULL_MISCONFIGURED}, /* no such table */
    {1193, PULL_MISCONFIGURED}, /* unknown variable */
    {1064, PULL_MISCONFIGURED}, /* does not speak our SQL */
    {1047, PULL_MISCONFIGURED}, /* unknown command: a proxy? */
    {1945, PULL_MISCONFIGURED}, /* MariaDB: the GTID is not in the binlog */
    {1955, PULL_MISCONFIGURED}, /* MariaDB: the same, an alternate future */
};

struct text_rule {
    const char *part;
    enum pull_state state;
};

/* The words behind error 1236: sql/rpl_binlog_sender.cc of MySQL, sql/sql_repl.cc of MariaDB.
 */
static const struct text_rule text_rules[] = {
    {"purged", PULL_SOURCE_PURGED},
    {"Could not find first log file name", PULL_SOURCE_PURGED},
    {"position > file size", PULL_SOURCE_BEHIND},
    {"impossible position", PULL_SOURCE_BEHIND},
    {"has more GTIDs than", PULL_MISCONFIGURED},
    {"not in the master's binlog", PULL_MISCONFIGURED},
    {"GTID_MODE", PULL_MISCONFIGURED},
    {"same server_uuid", PULL_MISCONFIGURED},
    {"same server_id", PULL_MISCONFIGURED},
    {"Misconfigured", PULL_MISCONFIGURED},
    {"Binary log is not open", PULL_MISCONFIGURED},
};

static enum pull_state state_of_text(struct bytes message, enum source_stage stage)
{
    for (size_t at = 0; at < sizeof(text_rules) / sizeof(text_rules[0]); at++) {
        const char *part = text_rules[at].part;

        if (memmem(message.data, message.size, part, strlen(part)) != NULL) {
            return text_rules[at].state;
        }
    }
    /* Before the last stored event was seen, what cannot be read there ("bogus data",
     * "truncated in the middle of event") is not the log that we hold. */
    return stage == SOURCE_STAGE_PROVING ? PULL_SOURCE_BEHIND : PULL_WAITING;
}

enum pull_state source_fault_state(unsigned sql_code,
                                   struct bytes message,
                                   enum source_stage stage)
{
    if (sql_code == FATAL_READING_BINLOG && message.size > 0) {
        return state_of_text(message, stage);
    }
    for (size_t at = 0; at < sizeof(code_rules) / sizeof(code_rules[0]); at++) {
        if (code_rules[at].sql_code == sql_code) {
            return code_rules[at].state;
        }
    }
    return PULL_WAITING;
}
