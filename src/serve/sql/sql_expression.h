/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions without tables: literals, variables, assignments to user
 * variables, and the functions that replicas and clients call. Depth and size
 * are bounded (S8).
 */
#pragma once

#include "sql_session.h"

/* Reads one expression and evaluates it. */
MUST_CHECK enum status sql_expression_read(struct sql_statement *statement,
                                           struct sql_value *found,
                                           struct error *error);
