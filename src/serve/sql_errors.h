/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a failure becomes the error number and SQLSTATE that a
 * MySQL client sees (manual: "Server Error Message Reference").
 */
#pragma once

#include <stdint.h>

#include "binrelay/base/error.h"
#include "binrelay/protocol/result.h"

enum {
    SQL_ERROR_OUT_OF_MEMORY = 1037, /* ER_OUTOFMEMORY */
    SQL_ERROR_TOO_MANY_CONNECTIONS = 1040,
    SQL_ERROR_BAD_HANDSHAKE = 1043,
    SQL_ERROR_CLUSTER_DENIED = 1044, /* ER_DBACCESS_DENIED_ERROR */
    SQL_ERROR_ACCESS_DENIED = 1045,
    SQL_ERROR_NO_CLUSTER = 1046, /* ER_NO_DB_ERROR */
    SQL_ERROR_UNKNOWN_COMMAND = 1047,
    SQL_ERROR_NOT_NULL = 1048, /* ER_BAD_NULL_ERROR */
    SQL_ERROR_UNKNOWN_DATABASE = 1049,
    SQL_ERROR_AMBIGUOUS_COLUMN = 1052,
    SQL_ERROR_SHUTDOWN = 1053,
    SQL_ERROR_UNKNOWN_COLUMN = 1054,
    SQL_ERROR_DUPLICATE_KEY = 1062,
    SQL_ERROR_SYNTAX = 1064,
    SQL_ERROR_EMPTY_QUERY = 1065,
    SQL_ERROR_UNKNOWN_THREAD = 1094,
    SQL_ERROR_GENERAL = 1105,
    SQL_ERROR_COLUMN_TWICE = 1110, /* ER_FIELD_SPECIFIED_TWICE */
    SQL_ERROR_GROUP_FUNCTION = 1111,
    SQL_ERROR_TABLE_FULL = 1114,
    SQL_ERROR_HOST_BLOCKED = 1129,
    SQL_ERROR_VALUE_COUNT = 1136, /* ER_WRONG_VALUE_COUNT_ON_ROW */
    SQL_ERROR_TABLE_DENIED = 1142,
    SQL_ERROR_UNKNOWN_TABLE = 1146,
    SQL_ERROR_PACKET_TOO_LARGE = 1153,
    SQL_ERROR_PACKET_ORDER = 1156,
    SQL_ERROR_TOO_MANY_ROWS = 1172,
    SQL_ERROR_UNKNOWN_VARIABLE = 1193,
    SQL_ERROR_WRONG_ARGUMENTS = 1210,
    SQL_ERROR_COLUMN_COUNT = 1222,  /* ER_WRONG_NUMBER_OF_COLUMNS_IN_SELECT */
    SQL_ERROR_BINLOG_EVENTS = 1220, /* ER_ERROR_WHEN_EXECUTING_COMMAND */
    SQL_ERROR_RIGHT_MISSING = 1227,
    SQL_ERROR_DUMP = 1236, /* ER_MASTER_FATAL_ERROR_READING_BINLOG */
    SQL_ERROR_NOT_SUPPORTED = 1235,
    SQL_ERROR_READ_ONLY_VARIABLE = 1238,
    SQL_ERROR_PLUGIN_UNKNOWN_TO_CLIENT = 1251, /* ER_NOT_SUPPORTED_AUTH_MODE */
    SQL_ERROR_OPERAND_COLUMNS = 1241,
    SQL_ERROR_OUT_OF_RANGE = 1264,
    SQL_ERROR_UNKNOWN_FUNCTION = 1305,
    SQL_ERROR_INTERRUPTED = 1317,
    SQL_ERROR_NO_DEFAULT = 1364,
    SQL_ERROR_WRONG_VALUE = 1366, /* ER_TRUNCATED_WRONG_VALUE_FOR_FIELD */
    SQL_ERROR_UNKNOWN_LOG = 1373, /* ER_UNKNOWN_TARGET_BINLOG */
    SQL_ERROR_LOG_IN_USE = 1378,
    SQL_ERROR_ARGUMENT_COUNT = 1582,
    SQL_ERROR_DATA_OUT_OF_RANGE = 1690,
    SQL_ERROR_TIMEOUT = 3024, /* ER_QUERY_TIMEOUT */
    SQL_ERROR_TLS_REQUIRED = 3159,
    SQL_ERROR_REPORT_REFUSED = 3819, /* ER_CHECK_CONSTRAINT_VIOLATED */
};

/* error_set() with a MySQL error number, which error->sql_code keeps. */
enum status sql_error_set(struct error *error, int code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The number the peer sees: the error's own, else the one of its status. */
uint16_t sql_error_code(const struct error *error);

/* "42000": of a number; "HY000" where there is none of its own. */
const char *sql_error_state(uint16_t code);

/* Adds the error packet. */
void sql_error_add(struct result_writer *writer, const struct error *error);
