/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statements that the field's scripts, the manual and people send, over a
 * store filled from a recorded NDB cluster: a1 has a gap behind its second
 * restart (tests/data/ndb/what-happened.txt).
 */
#include <inttypes.h>

#include "sql_asker.h"

/* Of a1's mysql.ndb_binlog_index: the first epoch, one in the middle, the next one, the last
 * before the gap, and the first behind it. */
static struct {
    uint64_t first;
    uint64_t middle;
    uint64_t next;
    uint64_t before_gap;
    uint64_t after_gap;
    uint64_t last;
} epochs;

static struct asker asker;

/* The value of one cell as a number. */
static uint64_t number_at(size_t row, size_t column)
{
    struct bytes text = result_set_value(&asker.set, row, column);
    uint64_t number = 0;

    CHECK(sql_text_to_number(text, &number));
    return number;
}

static void fill(void)
{
    char name[32];

    asker_open_by(&asker, EPOCH_KIND_NDB);
    for (uint64_t file = 1; file <= 6; file++) {
        (void)snprintf(name, sizeof(name), "ndb/a1/binlog.%06" PRIu64, file);
        test_cluster_fill(&asker.cluster, file, name);
    }
}

/* One line of the server's own table: numbers and names between tabs. */
struct recorded {
    uint64_t position;
    char file[32];
    uint64_t epoch;
    uint64_t counts[4];
    uint64_t next_position;
    char next_file[32];
};

static bool read_line(char **at, struct recorded *line)
{
    unsigned long long numbers[10];
    int used = 0;

    if (sscanf(*at, "%llu\t%31s\t%llu\t%llu\t%llu\t%llu\t%llu\t%*u\t%*u\t%llu\t%llu\t%31s\n%n",
               &numbers[0], line->file, &numbers[1], &numbers[2], &numbers[3], &numbers[4],
               &numbers[5], &numbers[6], &numbers[7], line->next_file, &used) != 10) {
        return false;
    }
    line->position = numbers[0];
    line->epoch = numbers[1];
    for (int at_count = 0; at_count < 4; at_count++) {
        line->counts[at_count] = numbers[2 + at_count];
    }
    line->next_position = numbers[7];
    *at += used;
    return true;
}

static void agrees_with_the_servers_own_table(void)
{
    struct buffer text = test_data_read("ndb/a1/ndb_binlog_index.tsv");
    struct recorded line;
    char *at = NULL;
    size_t row = 0;

    buffer_add_zeros(&text, 1);
    CHECK(ask(&asker, "USE mysql") == 0);
    CHECK(ask(&asker, "SELECT * FROM ndb_binlog_index") == 0);
    CHECK(asker.set.columns == 12);
    for (at = (char *)text.data; read_line(&at, &line); row++) {
        CHECK(row < rows_of(&asker));
        CHECK(number_at(row, 2) == line.epoch);
        CHECK(number_at(row, 3) + number_at(row, 4) == line.counts[0] + line.counts[1]);
        CHECK(number_at(row, 5) == line.counts[2]);
        CHECK(number_at(row, 9) == line.epoch >> 32);
        CHECK(number_at(row, 10) == line.next_position);
        CHECK(is_value(&asker, row, 11, line.next_file));
        epochs.first = row == 0 ? line.epoch : epochs.first;
        epochs.middle = row == 10 ? line.epoch : epochs.middle;
        epochs.next = row == 11 ? line.epoch : epochs.next;
        epochs.last = line.epoch;
    }
    CHECK(row == rows_of(&asker) && row == 251);
    buffer_release(&text);
}

static int ask_with(const char *format, uint64_t number)
{
    struct buffer text = {0};
    const char *place = strstr(format, "%N");
    int code = 0;

    buffer_add(&text, format, (size_t)(place - format));
    buffer_add_format(&text, "%" PRIu64, number);
    buffer_add_text_zero(&text, place + 2);
    code = ask(&asker, (const char *)text.data);
    buffer_release(&text);
    return code;
}

static void finds_the_first_position(void)
{
    CHECK(ask(&asker,
              "\n        SELECT IFNULL(\n"
              "                (SELECT SUBSTRING_INDEX(File, '/', -1)\n"
              "                FROM mysql.ndb_binlog_index\n"
              "                WHERE epoch=(SELECT MIN(epoch) FROM "
              "mysql.ndb_binlog_index)),\n"
              "                'binlog.000003') AS File,\n"
              "            IFNULL((SELECT Position FROM mysql.ndb_binlog_index WHERE "
              "epoch=(SELECT MIN(epoch) FROM mysql.ndb_binlog_index)),'4') AS Position\n"
              "        FROM dual;\n") == 0);
    CHECK(rows_of(&asker) == 1 && asker.set.columns == 2);
    CHECK(is_value(&asker, 0, 0, "binlog.000003"));
    CHECK(number_at(0, 1) > 4);
}

static void finds_the_position_behind_an_epoch(void)
{
    static const char equal[] =
        "\nSELECT SUBSTRING_INDEX(next_file, '/', -1) as next_file, next_position\n"
        "FROM mysql.ndb_binlog_index\nWHERE epoch = %N;\n";
    uint64_t position = 0;

    CHECK(ask_with(equal, epochs.middle) == 0 && rows_of(&asker) == 1);
    CHECK(is_value(&asker, 0, 0, "binlog.000003"));
    position = number_at(0, 1);
    CHECK(ask_with("SELECT SUBSTRING_INDEX(File,'/',-1), position FROM mysql.ndb_binlog_index "
                   "WHERE epoch > %N ORDER BY epoch ASC LIMIT 1",
                   epochs.middle) == 0);
    CHECK(rows_of(&asker) == 1 && number_at(0, 1) >= position);
    CHECK(ask_with("SELECT SUBSTRING_INDEX(next_file,'/',-1), next_position FROM "
                   "mysql.ndb_binlog_index WHERE epoch < %N ORDER BY epoch DESC LIMIT 1",
                   epochs.next) == 0);
    CHECK(rows_of(&asker) == 1 && number_at(0, 1) == position);
    CHECK(ask_with(equal, epochs.middle + 1) == 0);
    CHECK(epochs.next == epochs.middle + 1 ||
          (rows_of(&asker) == 1 && number_at(0, 1) == position)); /* it was empty here */
    CHECK(ask_with(equal, epochs.last + 1) == 0 && rows_of(&asker) == 0);
    CHECK(ask_with(equal, epochs.first - 1) == 0 && rows_of(&asker) == 0);
    CHECK(ask_with(equal, 0) == 0 && rows_of(&asker) == 0);
}

/* The gap is where the file changes after the first restart. */
static void does_not_lead_over_a_gap(void)
{
    static const char next[] = "SELECT epoch FROM mysql.ndb_binlog_index WHERE epoch > %N "
                               "ORDER BY epoch ASC LIMIT 1";

    CHECK(ask(&asker, "SELECT MAX(epoch) FROM mysql.ndb_binlog_index WHERE File = "
                      "'./binlog.000003'") == 0);
    epochs.before_gap = number_at(0, 0);
    CHECK(ask(&asker, "SELECT MIN(epoch) FROM mysql.ndb_binlog_index WHERE "
                      "SUBSTRING_INDEX(file,'/',-1) > 'binlog.000003'") == 0);
    epochs.after_gap = number_at(0, 0);
    CHECK(epochs.after_gap > epochs.before_gap);
    CHECK(ask_with(next, epochs.before_gap) == 0 && rows_of(&asker) == 0);
    CHECK(ask_with(next, epochs.before_gap + 1) == 0 && rows_of(&asker) == 0);
    CHECK(ask_with(next, epochs.first - 1) == 0 && rows_of(&asker) == 0);
    CHECK(ask_with(next, 0) == 0 && rows_of(&asker) == 1);
    CHECK(ask_with(next, epochs.after_gap) == 0 && rows_of(&asker) == 1);
    CHECK(ask_with("SELECT epoch FROM mysql.ndb_binlog_index WHERE epoch = %N",
                   epochs.before_gap + 1) == 0);
    CHECK(rows_of(&asker) == 0);
    CHECK(ask_with("SELECT epoch FROM mysql.ndb_binlog_index WHERE epoch > %N", /* a listing */
                   epochs.before_gap) == 0);
    CHECK(rows_of(&asker) > 1 && number_at(0, 0) == epochs.after_gap);
    CHECK(ask(&asker, "SELECT before_epoch, after_epoch FROM binrelay.gaps") == 0);
    CHECK(rows_of(&asker) == 1 && number_at(0, 0) == epochs.before_gap &&
          number_at(0, 1) == epochs.after_gap);
}

static void follows_the_manuals_procedure(void)
{
    const struct apply_status_row rows[] = {
        {.server_id = 0, .epoch = 498216206335},
        {.server_id = 101, .epoch = epochs.middle},
        {.server_id = 7, .epoch = epochs.last},
    };

    CHECK(is_answer(&asker, "SELECT COUNT(*) FROM mysql.ndb_apply_status WHERE server_id = 0",
                    "0"));
    cluster_board_set_apply_status(asker.cluster.board, rows, 3, 1000000);
    CHECK(is_answer(
        &asker, "\nSELECT COUNT(*)\nFROM mysql.ndb_apply_status\nWHERE server_id = 0;\n", "1"));
    CHECK(ask(&asker, "SELECT @latest:=MAX(epoch) FROM mysql.ndb_apply_status WHERE server_id "
                      "NOT IN (0, 7);") == 0);
    CHECK(number_at(0, 0) == epochs.middle);
    CHECK(ask(&asker, "SELECT @file:=SUBSTRING_INDEX(next_file, '/', -1), "
                      "@pos:=next_position FROM mysql.ndb_binlog_index WHERE epoch = @latest "
                      "ORDER BY epoch ASC LIMIT 1;") == 0);
    CHECK(rows_of(&asker) == 1 && is_value(&asker, 0, 0, "binlog.000003"));
    CHECK(is_answer(&asker, "SELECT @file", "binlog.000003"));
    CHECK(ask(&asker, "SELECT next_file, next_position FROM mysql.ndb_binlog_index WHERE epoch "
                      "<= @latest ORDER BY epoch DESC LIMIT 1") == 0);
    CHECK(rows_of(&asker) == 1 && is_value(&asker, 0, 0, "./binlog.000003"));
    CHECK(ask(&asker, "SELECT @pos = next_position, File, Position FROM mysql.ndb_binlog_index "
                      "WHERE epoch = @latest") == 0);
    CHECK(is_value(&asker, 0, 0, "1"));
    CHECK(ask(&asker, "SELECT SUBSTRING_INDEX(REPLACE(next_file,'\\\\','/'),'/',-1), count(1) "
                      "FROM mysql.ndb_binlog_index WHERE epoch > @latest") == 0);
    CHECK(is_answer(&asker, "SELECT count(1) FROM mysql.ndb_binlog_index", "251"));
    CHECK(ask(&asker, "SELECT @file:=SUBSTRING_INDEX(next_file,'/',-1), @pos:=next_position "
                      "FROM mysql.ndb_binlog_index ORDER BY epoch DESC LIMIT 1") == 0);
    CHECK(is_answer(&asker, "SELECT @file", "binlog.000006"));
    CHECK(ask(&asker, "SELECT epoch >> 32 FROM mysql.ndb_binlog_index LIMIT 1") == 0);
    CHECK(number_at(0, 0) == epochs.first >> 32);
    CHECK(ask(&asker, "SET @latest = (SELECT MAX(epoch) FROM mysql.ndb_binlog_index)") == 0);
    CHECK(ask(&asker, "SELECT @latest") == 0 && number_at(0, 0) == epochs.last);
    CHECK(ask(&asker, "SELECT Position, File INTO @p, @f FROM mysql.ndb_binlog_index WHERE "
                      "epoch = @latest") == 0);
    CHECK(is_answer(&asker, "SELECT @f", "./binlog.000006"));
}

static void reads_one_record_for_the_extremes(void)
{
    CHECK(ask(&asker, "SELECT MAX(epoch) FROM mysql.ndb_binlog_index") == 0);
    CHECK(number_at(0, 0) == epochs.last);
    CHECK(ask(&asker, "SELECT epoch FROM mysql.ndb_binlog_index WHERE epoch BETWEEN "
                      "18446744073709551614 AND 18446744073709551615") == 0);
    CHECK(rows_of(&asker) == 0);
    CHECK(is_answer(&asker,
                    "SELECT COUNT(*) FROM mysql.ndb_binlog_index WHERE epoch < "
                    "18446744073709551615",
                    "251"));
    CHECK(is_answer(&asker, "SELECT COUNT(*) FROM mysql.ndb_binlog_index WHERE epoch < 'x'",
                    "0"));
    CHECK(is_answer(&asker, "SELECT COUNT(*) FROM mysql.ndb_binlog_index WHERE epoch > '1x'",
                    "251"));
}

int main(void)
{
    fill();
    agrees_with_the_servers_own_table();
    finds_the_first_position();
    finds_the_position_behind_an_epoch();
    does_not_lead_over_a_gap();
    follows_the_manuals_procedure();
    reads_one_record_for_the_extremes();
    asker_close(&asker);
    return 0;
}
