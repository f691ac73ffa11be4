/* SPDX-License-Identifier: Apache-2.0 */
/* GTID sets beside a naive model: one bit for each GTID of a small world. */
#include <stdlib.h>
#include <string.h>

#include "binrelay/protocol/gtid_set.h"
#include "check.h"

enum {
    SOURCES = 5, /* of three UUIDs, some with tags */
    NUMBERS = 64,
    SETS = 4,
    DEFAULT_STEPS = 100000,
};

struct model {
    uint64_t has[SOURCES]; /* bit n: number n + 1 */
};

struct world {
    struct gtid_set *sets[SETS]; /* owned */
    struct model models[SETS];
    uint64_t random;
};

static uint64_t next_random(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13; /* xorshift64 */
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static struct gtid gtid_of(size_t source, unsigned bit)
{
    static const struct {
        uint8_t first_byte;
        const char *tag;
    } sources[SOURCES] = {{0x10, ""}, {0x10, "a"}, {0x10, "b_1"}, {0x20, ""}, {0x05, "a"}};
    struct gtid gtid = {.number = bit + 1};

    gtid.source.uuid[0] = sources[source].first_byte;
    memcpy(gtid.source.tag, sources[source].tag, strlen(sources[source].tag));
    return gtid;
}

static bool model_contains(const struct model *model, const struct model *other)
{
    for (size_t source = 0; source < SOURCES; source++) {
        if ((other->has[source] & ~model->has[source]) != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t model_count(const struct model *model)
{
    uint64_t count = 0;

    for (size_t source = 0; source < SOURCES; source++) {
        count += (uint64_t)__builtin_popcountll(model->has[source]);
    }
    return count;
}

static void check_members(const struct gtid_set *set, const struct model *model)
{
    for (size_t source = 0; source < SOURCES; source++) {
        for (unsigned bit = 0; bit < NUMBERS; bit++) {
            struct gtid gtid = gtid_of(source, bit);

            CHECK(gtid_set_has(set, &gtid) == ((model->has[source] >> bit & 1) != 0));
        }
    }
    CHECK(gtid_set_count(set) == model_count(model));
    CHECK(gtid_set_is_empty(set) == (model_count(model) == 0));
}

static void check_forms(const struct gtid_set *set)
{
    struct buffer text = {0};
    struct buffer bytes = {0};
    struct gtid_set *again = NULL;
    struct error error;

    gtid_set_print(set, &text);
    CHECK_OK(gtid_set_parse(&again, buffer_bytes(&text), &error), &error);
    CHECK(gtid_set_equals(set, again));
    gtid_set_free(again);
    gtid_set_encode(set, &bytes);
    CHECK_OK(gtid_set_decode(&again, buffer_bytes(&bytes), &error), &error);
    CHECK(gtid_set_equals(set, again));
    gtid_set_free(again);
    buffer_release(&bytes);
    buffer_release(&text);
}

/* Adds a few numbers in a row, up or down, so that runs grow and meet. */
static void add_some(struct world *world, size_t at)
{
    size_t source = next_random(world, SOURCES);
    unsigned bit = (unsigned)next_random(world, NUMBERS);
    unsigned count = (unsigned)next_random(world, 6);
    bool goes_up = next_random(world, 2) == 0;

    for (unsigned step = 0; step <= count && bit < NUMBERS; step++) {
        struct gtid gtid = gtid_of(source, bit);

        gtid_set_add(world->sets[at], &gtid);
        world->models[at].has[source] |= UINT64_C(1) << bit;
        bit = goes_up ? bit + 1 : bit - 1;
    }
}

/* Makes a set from text whose items are in no order. */
static void parse_some(struct world *world, size_t at)
{
    struct buffer text = {0};
    struct error error;
    uint64_t items = next_random(world, 12);

    world->models[at] = (struct model){0};
    for (uint64_t item = 0; item < items; item++) {
        size_t source = next_random(world, SOURCES);
        unsigned first = (unsigned)next_random(world, NUMBERS);
        unsigned last = first + (unsigned)next_random(world, NUMBERS - first);
        struct gtid gtid = gtid_of(source, first);
        char gtid_text[GTID_TEXT_BYTES];

        gtid_print(&gtid, gtid_text);
        buffer_add_format(&text, "%s-%u,", gtid_text, last + 1);
        for (unsigned bit = first; bit <= last; bit++) {
            world->models[at].has[source] |= UINT64_C(1) << bit;
        }
    }
    gtid_set_free(world->sets[at]);
    CHECK_OK(gtid_set_parse(&world->sets[at], buffer_bytes(&text), &error), &error);
    buffer_release(&text);
}

static void keep_uuid(struct world *world, size_t at)
{
    struct gtid kept = gtid_of(next_random(world, SOURCES), 0);

    gtid_set_keep_uuid(world->sets[at], kept.source.uuid);
    for (size_t source = 0; source < SOURCES; source++) {
        if (gtid_of(source, 0).source.uuid[0] != kept.source.uuid[0]) {
            world->models[at].has[source] = 0;
        }
    }
}

static void combine(struct world *world, size_t at, size_t other)
{
    uint64_t operation = next_random(world, 4);
    struct model *model = &world->models[at];

    for (size_t source = 0; source < SOURCES; source++) {
        uint64_t theirs = world->models[other].has[source];

        model->has[source] = operation == 0   ? model->has[source] | theirs
                             : operation == 1 ? model->has[source] & ~theirs
                             : operation == 2 ? model->has[source] & theirs
                                              : theirs;
    }
    switch (operation) {
    case 0:
        gtid_set_add_set(world->sets[at], world->sets[other]);
        break;
    case 1:
        gtid_set_subtract(world->sets[at], world->sets[other]);
        break;
    case 2:
        gtid_set_intersect(world->sets[at], world->sets[other]);
        break;
    default:
        gtid_set_free(world->sets[at]);
        world->sets[at] = gtid_set_copy(world->sets[other]);
        break;
    }
}

static void step(struct world *world)
{
    size_t at = next_random(world, SETS);
    size_t other = (at + 1 + next_random(world, SETS - 1)) % SETS;
    uint64_t what = next_random(world, 16);

    if (what < 10) {
        add_some(world, at);
    } else if (what < 12) {
        parse_some(world, at);
    } else if (what < 15) {
        combine(world, at, other);
    } else {
        keep_uuid(world, at);
    }
    check_members(world->sets[at], &world->models[at]);
    check_forms(world->sets[at]);
    CHECK(gtid_set_contains(world->sets[at], world->sets[other]) ==
          model_contains(&world->models[at], &world->models[other]));
    CHECK(gtid_set_equals(world->sets[at], world->sets[other]) ==
          (memcmp(&world->models[at], &world->models[other], sizeof(struct model)) == 0));
}

/* test_gtid_set_random [steps [seed]] */
int main(int count, char **arguments)
{
    unsigned long steps = count > 1 ? strtoul(arguments[1], NULL, 10) : DEFAULT_STEPS;
    struct world world = {.random = count > 2 ? strtoull(arguments[2], NULL, 10) : 20260411};

    printf("%lu steps, seed %llu\n", steps, (unsigned long long)world.random);
    (void)fflush(stdout);
    for (size_t at = 0; at < SETS; at++) {
        world.sets[at] = gtid_set_new();
    }
    for (unsigned long at = 0; at < steps; at++) {
        step(&world);
    }
    for (size_t at = 0; at < SETS; at++) {
        gtid_set_free(world.sets[at]);
    }
    return 0;
}
