/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that expressions may call. */
#pragma once

#include "sql_session.h"

enum { SQL_MOST_ARGUMENTS = 16 };

struct sql_arguments {
    struct sql_value values[SQL_MOST_ARGUMENTS];
    size_t count;
};

/*
 * Calls a function by its name of any case; arguments is NULL for a name
 * without parentheses. SQL_ERROR_UNKNOWN_COLUMN or SQL_ERROR_UNKNOWN_FUNCTION.
 */
MUST_CHECK enum status sql_function_call(struct sql_statement *statement,
                                         struct bytes name,
                                         const struct sql_arguments *arguments,
                                         struct sql_value *found,
                                         struct error *error);
