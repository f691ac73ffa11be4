/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/transaction.h"

#include <strings.h>

#include "binrelay/protocol/binlog_control.h"
#include "binrelay/protocol/mariadb_gtid.h"

/* Gtid_log_event of MariaDB: sequence 8, domain 4, flags 1. */
enum { MARIADB_GTID_FLAGS_AT = 12 };

/* What an event means to the tracker. */
enum meaning {
    MEANS_NOTHING = 0, /* about the log, or unknown */
    MEANS_RESET,
    MEANS_GTID,
    MEANS_MARIADB_GTID,
    MEANS_BEFORE_STATEMENT,
    MEANS_QUERY,
    MEANS_STATEMENT, /* an old statement that is no Query: alone where a Query would be */
    MEANS_ROWS,
    MEANS_END,
};

static const uint8_t meanings[UINT8_MAX + 1] = {
    [BINLOG_FORMAT_DESCRIPTION] = MEANS_RESET,
    [BINLOG_GTID] = MEANS_GTID,
    [BINLOG_ANONYMOUS_GTID] = MEANS_GTID,
    [BINLOG_GTID_TAGGED] = MEANS_GTID,
    [BINLOG_MARIADB_GTID] = MEANS_MARIADB_GTID,
    [BINLOG_INTVAR] = MEANS_BEFORE_STATEMENT,
    [BINLOG_RAND] = MEANS_BEFORE_STATEMENT,
    [BINLOG_USER_VAR] = MEANS_BEFORE_STATEMENT,
    [BINLOG_MARIADB_ANNOTATE_ROWS] = MEANS_BEFORE_STATEMENT,
    [9] = MEANS_BEFORE_STATEMENT,  /* Append_block */
    [17] = MEANS_BEFORE_STATEMENT, /* Begin_load_query */
    [BINLOG_QUERY] = MEANS_QUERY,
    [BINLOG_MARIADB_QUERY_COMPRESSED] = MEANS_STATEMENT,
    [11] = MEANS_STATEMENT, /* Delete_file: a LOAD DATA that failed */
    [18] = MEANS_STATEMENT, /* Execute_load_query */
    [BINLOG_TABLE_MAP] = MEANS_ROWS,
    [20] = MEANS_ROWS,
    [21] = MEANS_ROWS,
    [22] = MEANS_ROWS,
    [23] = MEANS_ROWS,
    [24] = MEANS_ROWS,
    [25] = MEANS_ROWS,
    [29] = MEANS_ROWS, /* Rows_query */
    [30] = MEANS_ROWS,
    [31] = MEANS_ROWS,
    [32] = MEANS_ROWS,
    [37] = MEANS_ROWS,  /* View_change */
    [39] = MEANS_ROWS,  /* Partial_update_rows */
    [166] = MEANS_ROWS, /* MariaDB's compressed rows */
    [167] = MEANS_ROWS,
    [168] = MEANS_ROWS,
    [169] = MEANS_ROWS,
    [170] = MEANS_ROWS,
    [171] = MEANS_ROWS,
    [BINLOG_XID] = MEANS_END,
    [BINLOG_XA_PREPARE] = MEANS_END,
    [BINLOG_TRANSACTION_PAYLOAD] = MEANS_END,
    [BINLOG_INCIDENT] = MEANS_END,
};

/* What a statement does to a transaction. The servers write these words themselves. */
enum statement { STATEMENT_PLAIN, STATEMENT_BEGINS, STATEMENT_ENDS };

static bool begins_with(struct bytes statement, const char *word)
{
    struct bytes wanted = bytes_of_text(word);

    return statement.size >= wanted.size &&
           strncasecmp((const char *)statement.data, word, wanted.size) == 0;
}

static enum statement statement_of(struct bytes body)
{
    struct binlog_query query;
    struct error error;

    if (binlog_query_decode(&query, body, &error) != STATUS_OK) {
        return STATEMENT_PLAIN; /* cut before its statement: none of the short ones */
    }
    /* "ROLLBACK TO `savepoint`" ends nothing, so these are whole statements. */
    if (bytes_equal_text(query.statement, "COMMIT") ||
        bytes_equal_text(query.statement, "ROLLBACK") ||
        begins_with(query.statement, "XA COMMIT") ||
        begins_with(query.statement, "XA ROLLBACK")) {
        return STATEMENT_ENDS;
    }
    if (bytes_equal_text(query.statement, "BEGIN") ||
        begins_with(query.statement, "XA START") || begins_with(query.statement, "XA BEGIN")) {
        return STATEMENT_BEGINS;
    }
    return STATEMENT_PLAIN;
}

static enum transaction_place place_after(enum transaction_place place,
                                          enum statement statement)
{
    if (place == TRANSACTION_STANDALONE) {
        return TRANSACTION_OUTSIDE;
    }
    if (place == TRANSACTION_INSIDE) {
        return statement == STATEMENT_ENDS ? TRANSACTION_OUTSIDE : TRANSACTION_INSIDE;
    }
    return statement == STATEMENT_BEGINS ? TRANSACTION_INSIDE : TRANSACTION_OUTSIDE;
}

static enum transaction_place place_after_mariadb_gtid(struct bytes body)
{
    bool is_standalone = body.size > MARIADB_GTID_FLAGS_AT &&
                         (body.data[MARIADB_GTID_FLAGS_AT] & MARIADB_GTID_STANDALONE) != 0;

    /* Otherwise the event stands for the BEGIN, which MariaDB does not write. */
    return is_standalone ? TRANSACTION_STANDALONE : TRANSACTION_INSIDE;
}

bool transaction_tracker_follow(struct transaction_tracker *tracker,
                                uint8_t type,
                                struct bytes body)
{
    switch ((enum meaning)meanings[type]) {
    case MEANS_NOTHING:
        break;
    case MEANS_GTID:
        tracker->place = TRANSACTION_ANNOUNCED;
        break;
    case MEANS_MARIADB_GTID:
        tracker->place = place_after_mariadb_gtid(body);
        break;
    case MEANS_BEFORE_STATEMENT:
        if (tracker->place == TRANSACTION_OUTSIDE) {
            tracker->place = TRANSACTION_ANNOUNCED;
        }
        break;
    case MEANS_QUERY:
        tracker->place = place_after(tracker->place, statement_of(body));
        break;
    case MEANS_STATEMENT:
        tracker->place = place_after(tracker->place, STATEMENT_PLAIN);
        break;
    case MEANS_ROWS:
        tracker->place = TRANSACTION_INSIDE;
        break;
    case MEANS_RESET:
    case MEANS_END:
        tracker->place = TRANSACTION_OUTSIDE;
        break;
    }
    return tracker->place == TRANSACTION_OUTSIDE;
}
