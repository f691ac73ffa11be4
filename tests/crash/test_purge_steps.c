/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anything may happen to a store and its registry, in any order, and each write
 * to the disk may be the last: the process is killed there, by the store's disk
 * or by SQLite's; an operation fails, is cut short or finds the disk full; or
 * the power goes. After each end another process opens both again and compares
 * them with a model (S1, S3): what was shown is there; so is every file that
 * somebody needs whose need was acknowledged; a file is listed and there, or
 * neither; and no applier stands in silence at a place that is gone.
 *
 *     crash_test_purge_steps [STEPS [SEED]]
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include "purge_world.h"
#include "sqlite_faults.h"
#include "temp_dir.h"

enum {
    STEPS = 10000,
    LIFE_STEPS = 120, /* of a process that nothing ends */
    MOST_FAULT_AT = 160,
    FIRST_SEED = 20260101,
};

enum fate {
    FATE_NONE,
    FATE_KILL,        /* at an operation of the store */
    FATE_KILL_SQLITE, /* at one of SQLite */
    FATE_EIO,
    FATE_FULL,
    FATE_SHORT,
    FATE_EIO_SQLITE,
    FATE_POWER,      /* the process dies at an operation, and nothing unsynced is left */
    FATE_POWER_SOME, /* or some of it */
    FATE_COUNT,
};

/* Up to `most`, 0 as well. */
static uint64_t pick(struct world *world, uint64_t most)
{
    return (uint64_t)rand_r(&world->seed) % (most + 1);
}

/* ---- the writer ---- */

/* After a failure that the store does not go on from by itself. Fails only if the disk died. */
static enum status go_on(struct world *world, enum status status, struct error *error)
{
    for (int attempt = 0; attempt < 3 && status != STATUS_OK; attempt++) {
        if (fake_disk_is_dead(world->disk)) {
            return status;
        }
        status = binlog_store_recover(world->store, error);
    }
    CHECK_OK(status, error);
    return status;
}

static enum status append(struct world *world,
                          const struct binlog_maker *maker,
                          size_t from,
                          struct error *error)
{
    struct binlog_walk walk = binlog_walk_of(
        (struct bytes){.data = maker->file.data + from, .size = maker->file.size - from});
    enum status status = STATUS_OK;
    struct bytes event;

    while (status == STATUS_OK && walk.left.size > 0) {
        CHECK_OK(binlog_walk_next(&walk, &event, error), error);
        status = binlog_store_append(world->store, event, error);
    }
    return status;
}

static enum status begin_file(struct world *world, uint64_t file, struct error *error)
{
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32};
    enum status status = binlog_store_begin_file(world->store, "binlog", file, error);

    binlog_maker_begin(&maker);
    if (status == STATUS_OK) {
        status = append(world, &maker, BINLOG_MAGIC_BYTES, error);
    }
    binlog_maker_release(&maker);
    return status;
}

/* The next epoch, or what ends the file, behind what the store has. */
static enum status add(struct world *world, bool is_epoch, struct error *error)
{
    struct binlog_store_tail tail = binlog_store_tail(world->store);
    struct binlog_maker maker = {.checksum = BINLOG_CHECKSUM_CRC32,
                                 .server_id = WORLD_SERVER_ID};
    enum status status = STATUS_OK;

    buffer_add_zeros(&maker.file, (size_t)tail.end.offset);
    if (is_epoch) {
        (void)epoch_maker_ndb(&maker, epoch_index_received(world->store).epoch + 1,
                              (unsigned)pick(world, 20));
    } else {
        (void)binlog_maker_rotate(&maker, "binlog.next");
    }
    status = append(world, &maker, (size_t)tail.end.offset, error);
    binlog_maker_release(&maker);
    return status;
}

static enum status add_epoch(struct world *world, struct error *error)
{
    struct binlog_store_tail tail = binlog_store_tail(world->store);
    enum status status = STATUS_OK;

    if (tail.is_empty || tail.is_closed || tail.last_event_offset == 0) {
        status = begin_file(world, tail.is_empty ? 1 : tail.end.file + 1, error);
    }
    if (status == STATUS_OK) {
        status = add(world, true, error);
    }
    if (status == STATUS_OK && pick(world, 2) == 0) {
        status = binlog_store_write(world->store, error);
    }
    return status == STATUS_OK ? status : go_on(world, status, error);
}

static enum status rotate(struct world *world, struct error *error)
{
    struct binlog_store_tail tail = binlog_store_tail(world->store);
    enum status status = STATUS_OK;

    if (tail.is_empty || tail.is_closed || tail.last_event_offset == 0) {
        return STATUS_OK;
    }
    status = add(world, false, error);
    if (status == STATUS_OK) {
        status = begin_file(world, tail.end.file + 1, error);
    }
    return status == STATUS_OK ? status : go_on(world, status, error);
}

static enum status make_durable(struct world *world, struct error *error)
{
    enum status status = binlog_store_sync(world->store, error);

    if (status == STATUS_OK) {
        world->model->durable = epoch_index_received(world->store).epoch;
        world->model->end = binlog_store_durable_end(world->store);
        return STATUS_OK;
    }
    return go_on(world, status, error);
}

/* ---- appliers and pins ---- */

static void report(struct world *world)
{
    uint32_t at = (uint32_t)pick(world, MODEL_APPLIERS - 1);
    struct model_applier *applier = &world->model->appliers[at];
    uint64_t epoch = pick(world, world->model->durable + 3);
    uint64_t before = applier->applied;
    uint64_t first = world_first(world);
    struct error error;

    if (epoch + 4 < before) { /* most of them go forwards */
        epoch = before + pick(world, 3);
    }
    applier->applied = epoch > before ? epoch : before; /* it may count at once */
    if (applier_registry_report(world->appliers, MODEL_FIRST_ID + at, epoch, REPORT_ENDPOINT,
                                &error) == STATUS_OK) {
        CHECK(applier->is_uncertain || applier->is_known);
        CHECK(epoch > 0 && epoch <= world->model->durable);
        applier->late_from = epoch + 1 < first ? first : applier->late_from;
        world->model->reports++;
    } else {
        CHECK(error.status == STATUS_INVALID);
        applier->applied = before;
    }
}

/* A failure leaves open what is durable: the next process finds out. */
static void conclude(struct model_applier *applier,
                     enum status status,
                     const struct model_applier *wanted)
{
    if (status == STATUS_OK) {
        *applier = *wanted;
    } else if (status == STATUS_NOT_FOUND || status == STATUS_INVALID ||
               status == STATUS_DENIED) {
        applier->is_uncertain = false;
    }
}

static void change_applier(struct world *world)
{
    uint32_t at = (uint32_t)pick(world, MODEL_APPLIERS - 1);
    uint32_t id = MODEL_FIRST_ID + at;
    struct model_applier *applier = &world->model->appliers[at];
    struct model_applier wanted = *applier;
    struct applier_setting setting = {.server_id = id, .is_required = pick(world, 1) == 0};
    uint64_t first = world_first(world);
    uint64_t epoch = first == 0 ? 0 : first - 1 + pick(world, 3);
    struct error error;

    if (applier->is_uncertain) {
        return;
    }
    applier->is_uncertain = true;
    switch (pick(world, 3)) {
    case 0:
        wanted = (struct model_applier){0};
        conclude(applier, applier_registry_forget(world->appliers, id, &error), &wanted);
        break;
    case 1:
        wanted.applied = epoch;
        wanted.held_from = first;
        wanted.may_be_lost = false;
        conclude(applier, applier_registry_set_epoch(world->appliers, id, epoch, &error),
                 &wanted);
        break;
    default:
        wanted.held_from = applier->is_known && applier->is_required ? wanted.held_from : first;
        wanted.is_known = true;
        wanted.is_required = setting.is_required;
        conclude(applier, applier_registry_add(world->appliers, &setting, &error), &wanted);
        break;
    }
}

static void change_pin(struct world *world)
{
    size_t at = (size_t)pick(world, MODEL_PINS - 1);
    struct model_pin *pin = &world->model->pins[at];
    uint64_t first = world_first(world);
    struct pin_facts facts = {.cluster = "east", .epoch = {1, first + pick(world, 10)}};
    struct model_pin wanted = {.is_there = true, .epoch = facts.epoch.epoch};
    enum status status = STATUS_OK;
    struct error error;

    if (pin->is_uncertain) {
        return;
    }
    pin_name(facts.name, at);
    pin->is_uncertain = true;
    if (pin->is_there && (pin->is_passed || pick(world, 1) == 0)) {
        wanted = (struct model_pin){0};
        status = pin_table_remove(world->pins, facts.name, &error);
    } else {
        status = epoch_locate_after(world->store, facts.epoch, &facts.from, &error);
        if (status == STATUS_OK) {
            status = pin_table_put(world->pins, &facts, &error);
        }
    }
    if (status == STATUS_OK) {
        *pin = wanted;
    } else if (status == STATUS_NOT_FOUND || status == STATUS_AGAIN) {
        pin->is_uncertain = false;
    }
}

/* ---- purges ---- */

/* In front of what is done by force: any of them may lose what it needs. */
static void let_all_lose(struct world *world)
{
    for (size_t at = 0; at < MODEL_APPLIERS; at++) {
        world->model->appliers[at].may_be_lost |= world->model->appliers[at].is_known;
    }
    for (size_t at = 0; at < MODEL_PINS; at++) {
        world->model->pins[at].is_passed |= world->model->pins[at].is_there;
    }
}

static bool is_needed_by(const struct binlog_file_facts *file,
                         const struct log_hold *holds,
                         size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (!purge_file_is_below(file, holds[at].from)) {
            return true;
        }
    }
    return false;
}

/* Behind a purge by the rules the oldest file is the newest, or somebody needs it. */
static void check_nothing_useless(const struct world *world)
{
    autofree struct binlog_file_facts *files = NULL;
    autofree struct log_hold *appliers = NULL;
    autofree struct log_hold *pins = NULL;
    size_t file_count = binlog_files_list(world->store, &files);
    size_t applier_count = applier_registry_holds(world->appliers, &appliers);
    size_t pin_count = pin_table_holds(world->pins, "east", &pins);

    CHECK(file_count <= 1 || is_needed_by(&files[0], appliers, applier_count) ||
          is_needed_by(&files[0], pins, pin_count));
}

static void purge(struct world *world)
{
    struct purge_request request = {.is_forced = pick(world, 9) == 0};
    struct purge_outcome outcome;
    struct error error;
    enum status status = STATUS_OK;
    uint64_t first = binlog_files_first(world->store);

    if (request.is_forced) {
        request.before_file = first + 1 + pick(world, 2);
        let_all_lose(world);
        world->model->forced++;
    }
    if (pick(world, 3) == 0 && !request.is_forced) {
        purger_look(world->purger);
    } else {
        status = purger_purge(world->purger, &request, &outcome, &error);
        if (status == STATUS_OK && !request.is_forced) {
            check_nothing_useless(world);
        }
        purge_outcome_release(&outcome);
    }
    world->model->purged_files += binlog_files_first(world->store) - first;
}

/* ---- a process ---- */

static enum status step(struct world *world, struct error *error)
{
    enum status status = STATUS_OK;

    switch (pick(world, 15)) {
    case 0:
    case 1:
    case 2:
    case 3:
        status = add_epoch(world, error);
        break;
    case 4:
    case 5:
        status = rotate(world, error);
        break;
    case 6:
    case 7:
    case 8:
        status = make_durable(world, error);
        break;
    case 9:
    case 10:
    case 11:
        report(world);
        break;
    case 12:
        change_applier(world);
        break;
    case 13:
        change_pin(world);
        break;
    default:
        purge(world);
        break;
    }
    return status;
}

static void live(struct world *world, uint64_t steps)
{
    struct error error;
    bool is_dead = false;

    for (uint64_t at = 0; at < steps && !is_dead; at++) {
        is_dead = step(world, &error) != STATUS_OK || fake_disk_is_dead(world->disk);
        if (!is_dead) {
            world_check(world, false);
        }
        world->model->steps++;
    }
}

static void quiet(void *context, enum log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static _Noreturn void run_process(struct world *world, enum fate fate)
{
    static const enum fake_fault faults[FATE_COUNT] = {
        [FATE_KILL] = FAKE_FAULT_KILL,      [FATE_EIO] = FAKE_FAULT_EIO,
        [FATE_FULL] = FAKE_FAULT_FULL,      [FATE_SHORT] = FAKE_FAULT_SHORT_WRITE,
        [FATE_POWER] = FAKE_FAULT_DEATH,    [FATE_POWER_SOME] = FAKE_FAULT_DEATH,
        [FATE_NONE] = FAKE_FAULT_EIO,       [FATE_KILL_SQLITE] = FAKE_FAULT_EIO,
        [FATE_EIO_SQLITE] = FAKE_FAULT_EIO,
    };
    bool is_of_sqlite = fate == FATE_KILL_SQLITE || fate == FATE_EIO_SQLITE;
    uint64_t at = 1 + pick(world, MOST_FAULT_AT - 1);

    log_set_sink(quiet, NULL);
    world_open(world, faults[fate], is_of_sqlite || fate == FATE_NONE ? UINT64_MAX / 2 : at);
    world_check(world, true);
    if (is_of_sqlite) { /* what a start writes it comes to at other times */
        sqlite_faults_set_up(at / 2 + 1, fate == FATE_KILL_SQLITE);
    }
    live(world, LIFE_STEPS);
    if (fate == FATE_POWER || fate == FATE_POWER_SOME) {
        fake_disk_lose_power(world->disk, fate == FATE_POWER ? FAKE_LOSS_ALL : FAKE_LOSS_SOME,
                             world->seed);
        _exit(0);
    }
    if (fate == FATE_NONE && pick(world, 1) == 0) {
        _exit(0); /* as if it was killed, between two steps */
    }
    world_close(world);
    _exit(0);
}

/* Returns true if it came to its end in a way that it may. */
static bool run_one(struct world *world, enum fate fate)
{
    bool may_be_killed = fate == FATE_KILL || fate == FATE_KILL_SQLITE;
    pid_t child = 0;
    int end = 0;

    (void)fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run_process(world, fate);
    }
    CHECK(waitpid(child, &end, 0) == child);
    world->model->ends += may_be_killed && WIFSIGNALED(end) ? 1 : 0;
    return (WIFEXITED(end) && WEXITSTATUS(end) == 0) ||
           (may_be_killed && WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL);
}

/* SQLite syncs in earnest: where there is a file system in memory, that is for nothing. */
static char *make_root(void)
{
    if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0) {
        CHECK(setenv("TMPDIR", "/dev/shm", 1) == 0);
    }
    return temp_dir_make();
}

int main(int count, char **arguments)
{
    uint64_t steps = count > 1 ? strtoull(arguments[1], NULL, 10) : STEPS;
    unsigned seed = count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : FIRST_SEED;
    char *root = make_root();
    autofree char *directory = mem_format("%s/east", root);
    struct model *model =
        mmap(NULL, sizeof(*model), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct world world = {.model = model, .root = root, .directory = directory};

    CHECK(model != MAP_FAILED && steps > 0);
    printf("%llu steps from seed %u\n", (unsigned long long)steps, seed);
    for (unsigned life = 0; model->steps < steps; life++) {
        enum fate fate = (enum fate)(life % FATE_COUNT);

        world.seed = seed + life * 7919;
        if (!run_one(&world, fate)) {
            fprintf(stderr, "process %u of seed %u, fate %d, after %llu steps; see %s\n", life,
                    seed, (int)fate, (unsigned long long)model->steps, root);
            return 1;
        }
    }
    printf("%llu files purged, %llu purges by force, %llu reports, %llu kills\n",
           (unsigned long long)model->purged_files, (unsigned long long)model->forced,
           (unsigned long long)model->reports, (unsigned long long)model->ends);
    CHECK(model->purged_files > steps / 100 && model->ends > steps / 1000);
    CHECK(model->forced > 0 && model->reports > steps / 100);
    CHECK(munmap(model, sizeof(*model)) == 0);
    temp_dir_remove(root);
    return 0;
}
