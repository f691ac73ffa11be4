/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/protocol/table_map.h"

#include "binlog_file.h"
#include "rows_maker.h"
#include "table_columns.h"

static void reads_a_servers_table_map(void)
{
    struct binlog_file file = binlog_file_open("mysql97-mixed.binlog");
    struct binlog_file_event event;
    struct table_map map;
    struct error error;
    struct column_shape shapes[8];

    CHECK(binlog_file_find(&file, BINLOG_TABLE_MAP, &event));
    CHECK_OK(table_map_decode(&map, event.body, &error), &error);
    CHECK(bytes_equal(map.database, bytes_of_text("shop")));
    CHECK(bytes_equal(map.table, bytes_of_text("orders")));
    CHECK(map.column_count == 3);
    CHECK(map.types.size == 3 && map.metadata.size == 2 && map.null_bits.size == 1);
    CHECK(map.optional.size > 0); /* binlog_row_metadata=FULL */
    column_shapes_of(&map, shapes);
    CHECK(shapes[0].fixed_bytes == 4 && shapes[0].length_bytes == 0);
    CHECK(shapes[1].length_bytes == 1); /* varchar(40) of utf8mb4 */
    CHECK(shapes[2].fixed_bytes == 4);
    binlog_file_close(&file);
}

static void reads_the_names_alone(void)
{
    struct buffer body = {0};
    uint64_t table_id = 0;
    struct bytes database;
    struct bytes table;

    made_apply_status_map(&body, UINT64_C(0x010203040506));
    CHECK(table_map_names(buffer_bytes(&body), &table_id, &database, &table));
    CHECK(table_id == UINT64_C(0x010203040506));
    CHECK(bytes_equal(database, bytes_of_text("mysql")));
    CHECK(bytes_equal(table, bytes_of_text("ndb_apply_status")));
    for (size_t size = 0; size < 8 + 1 + 5 + 1 + 1 + 16 + 1; size++) {
        CHECK(!table_map_names((struct bytes){.data = body.data, .size = size}, &table_id,
                               &database, &table));
    }
    buffer_release(&body);
}

static void refuses_one_that_is_cut(void)
{
    struct buffer body = {0};
    struct table_map map = {.table_id = 7};
    struct error error;

    made_apply_status_map(&body, 1);
    for (size_t size = 0; size < body.size; size++) {
        CHECK(table_map_decode(&map, (struct bytes){.data = body.data, .size = size}, &error) ==
              STATUS_CORRUPT);
        CHECK(map.table_id == 7); /* untouched */
    }
    CHECK_OK(table_map_decode(&map, buffer_bytes(&body), &error), &error);
    CHECK(map.table_id == 1);
    buffer_release(&body);
}

static void refuses_no_columns_and_more_than_a_table_has(void)
{
    const struct made_column none = {0};
    struct buffer body = {0};
    struct table_map map;
    struct error error;

    made_table_map(&body, 1, "d", "t", &none, 0);
    CHECK(table_map_decode(&map, buffer_bytes(&body), &error) == STATUS_CORRUPT);
    buffer_clear(&body);
    buffer_add_zeros(&body, 6 + 2);
    made_name(&body, "d");
    made_name(&body, "t");
    buffer_add_lenenc(&body, TABLE_MAP_MOST_COLUMNS + 1);
    buffer_add_zeros(&body, 3 * TABLE_MAP_MOST_COLUMNS);
    CHECK(table_map_decode(&map, buffer_bytes(&body), &error) == STATUS_CORRUPT);
    buffer_release(&body);
}

/* The shape of a single column. */
static struct column_shape shape_of(struct made_column column)
{
    struct buffer body = {0};
    struct table_map map;
    struct column_shape shape;
    struct error error;

    made_table_map(&body, 1, "d", "t", &column, 1);
    CHECK_OK(table_map_decode(&map, buffer_bytes(&body), &error), &error);
    column_shapes_of(&map, &shape);
    buffer_release(&body);
    return shape;
}

static void knows_the_sizes_of_values(void)
{
    static const struct {
        struct made_column column;
        uint16_t fixed_bytes;
        uint8_t length_bytes;
    } cases[] = {
        {{.type = 1}, 1, 0},                                               /* TINYINT */
        {{.type = 9}, 3, 0},                                               /* MEDIUMINT */
        {{.type = 13}, 1, 0},                                              /* YEAR */
        {{.type = 4, .metadata = {4}, .metadata_bytes = 1}, 4, 0},         /* FLOAT */
        {{.type = 5, .metadata = {8}, .metadata_bytes = 1}, 8, 0},         /* DOUBLE */
        {{.type = 16, .metadata = {5, 1}, .metadata_bytes = 2}, 2, 0},     /* BIT(13) */
        {{.type = 16, .metadata = {0, 8}, .metadata_bytes = 2}, 8, 0},     /* BIT(64) */
        {{.type = 17, .metadata = {6}, .metadata_bytes = 1}, 7, 0},        /* TIMESTAMP(6) */
        {{.type = 18, .metadata = {0}, .metadata_bytes = 1}, 5, 0},        /* DATETIME */
        {{.type = 19, .metadata = {3}, .metadata_bytes = 1}, 5, 0},        /* TIME(3) */
        {{.type = 246, .metadata = {65, 30}, .metadata_bytes = 2}, 30, 0}, /* DECIMAL(65,30) */
        {{.type = 246, .metadata = {5, 2}, .metadata_bytes = 2}, 3, 0},
        {{.type = 15, .metadata = {255, 0}, .metadata_bytes = 2}, 0, 1}, /* VARCHAR */
        {{.type = 15, .metadata = {0, 1}, .metadata_bytes = 2}, 0, 2},
        {{.type = 141, .metadata = {0, 1}, .metadata_bytes = 2}, 0, 2},      /* compressed */
        {{.type = 254, .metadata = {0xFE, 40}, .metadata_bytes = 2}, 0, 1},  /* CHAR(10) */
        {{.type = 254, .metadata = {0xCE, 252}, .metadata_bytes = 2}, 0, 2}, /* CHAR(255) */
        {{.type = 254, .metadata = {0xF7, 2}, .metadata_bytes = 2}, 2, 0},   /* ENUM */
        {{.type = 254, .metadata = {0xF8, 8}, .metadata_bytes = 2}, 8, 0},   /* SET */
        {{.type = 252, .metadata = {3}, .metadata_bytes = 1}, 0, 3},         /* MEDIUMBLOB */
        {{.type = 140, .metadata = {2}, .metadata_bytes = 1}, 0, 2},         /* compressed */
        {{.type = 242, .metadata = {4}, .metadata_bytes = 1}, 0, 4},         /* VECTOR */
        {{.type = 245, .metadata = {4}, .metadata_bytes = 1}, 0, 4},         /* JSON */
        {{.type = 255, .metadata = {4}, .metadata_bytes = 1}, 0, 4},         /* GEOMETRY */
        {{.type = 20, .metadata = {8}, .metadata_bytes = 1}, 0, 4}, /* array of BIGINT */
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        struct column_shape shape = shape_of(cases[at].column);

        CHECK(shape.fixed_bytes == cases[at].fixed_bytes);
        CHECK(shape.length_bytes == cases[at].length_bytes);
        CHECK(shape.type == cases[at].column.type);
    }
}

static void does_not_guess_the_size_of_what_it_does_not_know(void)
{
    struct made_column columns[] = {{.type = MADE_INT}, {.type = 200}, {.type = MADE_INT}};
    struct buffer body = {0};
    struct table_map map;
    struct column_shape shapes[3];
    struct error error;

    made_table_map(&body, 1, "d", "t", columns, 3);
    CHECK_OK(table_map_decode(&map, buffer_bytes(&body), &error), &error);
    column_shapes_of(&map, shapes);
    CHECK(shapes[0].fixed_bytes == 4);
    CHECK(shapes[1].length_bytes == COLUMN_SIZE_UNKNOWN);
    CHECK(shapes[2].length_bytes == COLUMN_SIZE_UNKNOWN); /* its metadata is nowhere */
    buffer_release(&body);
    /* Metadata that is too short, a blob of nine length bytes, decimals that cannot be. */
    CHECK(shape_of((struct made_column){.type = MADE_VARCHAR}).length_bytes ==
          COLUMN_SIZE_UNKNOWN);
    CHECK(shape_of((struct made_column){.type = 252, .metadata = {9}, .metadata_bytes = 1})
              .length_bytes == COLUMN_SIZE_UNKNOWN);
    CHECK(shape_of((struct made_column){.type = 246, .metadata = {2, 3}, .metadata_bytes = 2})
              .length_bytes == COLUMN_SIZE_UNKNOWN);
}

/* Which columns are the marker's; {-1, -1} for none. */
struct found_columns {
    int server_id;
    int epoch;
};

static struct found_columns marker_of(const struct made_column *columns,
                                      size_t count,
                                      const uint8_t *key)
{
    struct buffer body = {0};
    struct table_map map;
    struct column_shape shapes[8];
    struct marker_columns found;
    struct found_columns result = {-1, -1};
    struct error error;

    made_table_map(&body, 1, "heartbeat", "heartbeat", columns, count);
    if (key != NULL) {
        buffer_add_number(&body, 8, 1); /* SIMPLE_PRIMARY_KEY */
        buffer_add_number(&body, 1, 1);
        buffer_add_number(&body, *key, 1);
    }
    CHECK_OK(table_map_decode(&map, buffer_bytes(&body), &error), &error);
    column_shapes_of(&map, shapes);
    if (marker_columns_find(&map, shapes, "counter", &found)) {
        result = (struct found_columns){found.server_id, found.epoch};
    }
    buffer_release(&body);
    return result;
}

static void finds_the_marker_columns_by_type_and_order(void)
{
    const struct made_column updated_at = {
        .type = MADE_TIMESTAMP2, .metadata = {0}, .metadata_bytes = 1};
    const struct made_column maybe_int = {.type = MADE_INT, .is_nullable = true};
    const struct made_column maybe_big = {.type = MADE_BIGINT, .is_nullable = true};
    const struct made_column id = {.type = MADE_INT};
    const struct made_column big = {.type = MADE_BIGINT};
    const struct made_column usual[] = {id, big, maybe_big, maybe_int, updated_at};
    const struct made_column turned[] = {updated_at, maybe_int, maybe_big, big, id};
    const struct made_column both_big[] = {updated_at, big, big};
    const struct made_column loose[] = {id, maybe_big, maybe_big, maybe_int};
    const struct made_column single[] = {id, updated_at};
    const uint8_t second = 1;
    const uint8_t third = 2;
    struct found_columns found;

    found = marker_of(usual, 5, NULL);
    CHECK(found.server_id == 0 && found.epoch == 1);
    found = marker_of(turned, 5, NULL);
    CHECK(found.server_id == 4 && found.epoch == 3);
    found = marker_of(both_big, 3, NULL);
    CHECK(found.server_id == 1 && found.epoch == 2);
    found = marker_of(both_big, 3, &third);
    CHECK(found.server_id == 2 && found.epoch == 1);
    found = marker_of(loose, 4, NULL);
    CHECK(found.server_id == 0 && found.epoch == 1);
    found = marker_of(usual, 2, &second);
    CHECK(found.server_id == 1 && found.epoch == 0);
    found = marker_of(single, 2, NULL);
    CHECK(found.server_id == -1);
}

static void finds_the_marker_columns_by_name(void)
{
    const struct made_column columns[] = {
        {.type = MADE_INT, .name = "version"},
        {.type = MADE_BIGINT, .name = "applied_epoch", .is_nullable = true},
        {.type = MADE_INT, .name = "Counter"},
        {.type = MADE_BIGINT, .name = "SERVER_ID"},
    };
    struct found_columns found = marker_of(columns, 4, NULL);

    CHECK(found.server_id == 3 && found.epoch == 2);
}

int main(void)
{
    reads_a_servers_table_map();
    reads_the_names_alone();
    refuses_one_that_is_cut();
    refuses_no_columns_and_more_than_a_table_has();
    knows_the_sizes_of_values();
    does_not_guess_the_size_of_what_it_does_not_know();
    finds_the_marker_columns_by_type_and_order();
    finds_the_marker_columns_by_name();
    return 0;
}
