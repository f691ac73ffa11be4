/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/registry/cluster_board.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static void remembers_since_when_a_state_lasts(void)
{
    struct cluster_board *board = cluster_board_new();
    struct cluster_report report;

    CHECK(cluster_board_set_state(board, PULL_WAITING, "connection refused", 100));
    CHECK(!cluster_board_set_state(board, PULL_WAITING, "timed out", 200));
    cluster_board_read(board, &report);
    CHECK(report.state == PULL_WAITING && report.state_since_usec == 100);
    CHECK(strcmp(report.reason, "timed out") == 0);
    CHECK(cluster_board_set_state(board, PULL_STREAMING, "", 300));
    cluster_board_read(board, &report);
    CHECK(report.state_since_usec == 300 && report.reason[0] == '\0');
    cluster_board_free(board);
}

static void keeps_numbers_and_state_apart(void)
{
    struct cluster_board *board = cluster_board_new();
    struct cluster_report numbers = {.received_bytes = 42, .state = PULL_STORE_ERROR};
    struct cluster_report report;

    (void)cluster_board_set_state(board, PULL_STREAMING, "", 1);
    cluster_board_set_source(board, "10.0.0.1:3306");
    cluster_board_set_numbers(board, &numbers);
    cluster_board_read(board, &report);
    CHECK(report.received_bytes == 42 && report.state == PULL_STREAMING);
    CHECK(strcmp(report.source, "10.0.0.1:3306") == 0);
    cluster_board_free(board);
}

static void names_every_state(void)
{
    for (int state = 0; state < PULL_STATE_COUNT; state++) {
        CHECK(strlen(pull_state_name((enum pull_state)state)) > 3);
    }
}

static void hands_out_copies_of_the_apply_status(void)
{
    struct cluster_board *board = cluster_board_new();
    struct apply_status_row row = {.server_id = 7, .epoch = 4711, .log_name = "binlog.000003"};
    struct apply_status_row *rows = NULL;
    uint64_t read_usec = 1;

    CHECK(cluster_board_apply_status(board, &rows, &read_usec) == 0 && read_usec == 0);
    free(rows);
    cluster_board_set_apply_status(board, &row, 1, 99);
    row.epoch = 0;
    CHECK(cluster_board_apply_status(board, &rows, &read_usec) == 1 && read_usec == 99);
    CHECK(rows[0].server_id == 7 && rows[0].epoch == 4711);
    CHECK(strcmp(rows[0].log_name, "binlog.000003") == 0);
    cluster_board_set_apply_status(board, NULL, 0, 100);
    CHECK(rows[0].epoch == 4711); /* the caller's own */
    free(rows);
    CHECK(cluster_board_apply_status(board, &rows, &read_usec) == 0 && read_usec == 100);
    free(rows);
    cluster_board_free(board);
}

static void keeps_the_sources_clock_but_for_trembling(void)
{
    struct cluster_board *board = cluster_board_new();

    CHECK(cluster_board_clock_offset(board) == 0);
    cluster_board_set_clock_offset(board, 49999);
    CHECK(cluster_board_clock_offset(board) == 0);
    cluster_board_set_clock_offset(board, -3600000000);
    CHECK(cluster_board_clock_offset(board) == -3600000000);
    cluster_board_set_clock_offset(board, -3600049999);
    CHECK(cluster_board_clock_offset(board) == -3600000000);
    cluster_board_set_clock_offset(board, 50);
    CHECK(cluster_board_clock_offset(board) == 50);
    cluster_board_free(board);
}

int main(void)
{
    keeps_the_sources_clock_but_for_trembling();
    hands_out_copies_of_the_apply_status();
    remembers_since_when_a_state_lasts();
    keeps_numbers_and_state_apart();
    names_every_state();
    return 0;
}
