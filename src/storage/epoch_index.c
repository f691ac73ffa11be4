/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look-ups. Each file knows what the files in front of it had come to, and
 * that rises from file to file: so the file is found by halves, and the record
 * in it.
 */
#include "binrelay/storage/epoch_index.h"

#include "epoch_lookup.h"

int epoch_key_compare(struct epoch_key left, struct epoch_key right)
{
    if (left.incarnation != right.incarnation) {
        return left.incarnation < right.incarnation ? -1 : 1;
    }
    return (left.epoch > right.epoch) - (left.epoch < right.epoch);
}

struct epoch_rules epoch_index_rules(struct binlog_store *store)
{
    struct epoch_rules rules;

    pthread_mutex_lock(&store->list.lock);
    rules = store->epoch_rules;
    pthread_mutex_unlock(&store->list.lock);
    return rules;
}

/* What is looked for: the first epoch that the test is true for. */
struct wanted {
    epoch_test_fn test;
    /* True if all that the files in front had come to is in front of what is looked for. */
    bool (*is_in_front)(const struct store_file *file, const struct wanted *wanted);
    struct epoch_key key;
    uint64_t usec;
    struct binlog_position position;
};

static bool reaches_key(const struct epoch_record *record, const void *context)
{
    const struct wanted *wanted = context;

    return epoch_key_compare(record->key, wanted->key) >= 0;
}

static bool passes_key(const struct epoch_record *record, const void *context)
{
    const struct wanted *wanted = context;

    return epoch_key_compare(record->key, wanted->key) > 0;
}

static bool key_is_in_front(const struct store_file *file, const struct wanted *wanted)
{
    return epoch_key_compare(file->epochs.before.last, wanted->key) < 0;
}

static bool key_is_not_behind(const struct store_file *file, const struct wanted *wanted)
{
    return epoch_key_compare(file->epochs.before.last, wanted->key) <= 0;
}

static bool reaches_time(const struct epoch_record *record, const void *context)
{
    const struct wanted *wanted = context;

    return record->latest_usec >= wanted->usec;
}

static bool time_is_in_front(const struct store_file *file, const struct wanted *wanted)
{
    return file->epochs.before.latest_usec < wanted->usec;
}

static bool ends_behind(const struct epoch_record *record, const void *context)
{
    const struct wanted *wanted = context;

    return record->end > wanted->position.offset;
}

static bool starts_behind(const struct epoch_record *record, const void *context)
{
    const struct wanted *wanted = context;

    return record->start >= wanted->position.offset;
}

static bool file_is_in_front(const struct store_file *file, const struct wanted *wanted)
{
    return file->number <= wanted->position.file;
}

/* Under the lock: the last file of which `is_in_front` is true. The list is not empty. */
static size_t find_file(const struct file_list *list, const struct wanted *wanted)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) { /* true below low, but for the first file, which may be anything */
        size_t middle = low + (high - low) / 2;

        if (wanted->is_in_front(list->files[middle], wanted)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? 0 : low - 1;
}

static enum status no_epoch(const struct binlog_store *store, struct error *error)
{
    return error_set(error, STATUS_NOT_FOUND, "%s has no such epoch",
                     binlog_store_log_name(store));
}

/* Looks in one file. STATUS_NOT_FOUND: the test is true for none of its epochs. */
static enum status look_in_file(struct epoch_lookup *lookup,
                                const struct wanted *wanted,
                                struct epoch_place *found,
                                struct error *error)
{
    uint64_t number = 0;
    struct epoch_record record = {0};
    enum status status = epoch_lookup_open(lookup, error);

    if (status == STATUS_OK) {
        status = epoch_search_first(&lookup->search, wanted->test, wanted, &number, error);
    }
    while (status == STATUS_OK && number < lookup->search.records) {
        status = epoch_search_read(&lookup->search, number, &record, error);
        if (status == STATUS_OK && record.kind == EPOCH_RECORD_EPOCH &&
            epoch_is_visible(lookup->store, lookup->file->number, record.start)) {
            return epoch_lookup_place(lookup, number, &record, found, error);
        }
        number++;
    }
    return status == STATUS_OK ? no_epoch(lookup->store, error) : status;
}

/* The same, and once more if the index had to be mended. */
static enum status look(struct epoch_lookup *lookup,
                        enum status (*in_file)(struct epoch_lookup *lookup,
                                               const struct wanted *wanted,
                                               struct epoch_place *found,
                                               struct error *error),
                        const struct wanted *wanted,
                        struct epoch_place *found,
                        struct error *error)
{
    enum status status = STATUS_CORRUPT;

    for (int attempt = 0; attempt < EPOCH_LOOKUP_TRIES && status == STATUS_CORRUPT; attempt++) {
        status = in_file(lookup, wanted, found, error);
        if (status == STATUS_CORRUPT) {
            epoch_lookup_distrust(lookup);
        }
    }
    return status;
}

/* The first visible epoch that the test is true for, from the file that `wanted` finds on. */
static enum status find_first(struct binlog_store *store,
                              const struct wanted *wanted,
                              struct epoch_place *found,
                              struct error *error)
{
    struct file_list *list = &store->list;
    struct wanted all = *wanted;
    uint64_t next = 0;
    enum status status = store_settle_epochs(store, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = STATUS_NOT_FOUND;
    pthread_mutex_lock(&list->lock);
    next = list->count == 0 ? 0 : list->files[find_file(list, wanted)]->number;
    pthread_mutex_unlock(&list->lock);
    while (status == STATUS_NOT_FOUND && next != 0) {
        struct epoch_lookup lookup = {0};
        struct store_file *file = NULL;

        pthread_mutex_lock(&list->lock);
        file = epoch_file_from(list, epoch_file_place(list, next), false);
        if (file != NULL) {
            epoch_lookup_take(&lookup, store, file);
        }
        pthread_mutex_unlock(&list->lock);
        if (file == NULL) {
            break;
        }
        if (file->number > all.position.file) {
            all.position = (struct binlog_position){file->number, 0};
        }
        next = file->number + 1;
        status = look(&lookup, look_in_file, &all, found, error);
        epoch_lookup_close(&lookup);
    }
    return status == STATUS_NOT_FOUND ? no_epoch(store, error) : status;
}

enum status epoch_index_at_or_after(struct binlog_store *store,
                                    struct epoch_key key,
                                    struct epoch_place *found,
                                    struct error *error)
{
    const struct wanted wanted = {
        .test = reaches_key, .is_in_front = key_is_in_front, .key = key};

    return find_first(store, &wanted, found, error);
}

enum status epoch_index_by_time(struct binlog_store *store,
                                uint64_t usec,
                                struct epoch_place *found,
                                struct error *error)
{
    const struct wanted wanted = {
        .test = reaches_time, .is_in_front = time_is_in_front, .usec = usec};

    return find_first(store, &wanted, found, error);
}

enum status epoch_index_by_position(struct binlog_store *store,
                                    struct binlog_position position,
                                    struct epoch_place *found,
                                    struct error *error)
{
    const struct wanted wanted = {
        .test = ends_behind, .is_in_front = file_is_in_front, .position = position};

    return find_first(store, &wanted, found, error);
}

/* The last epoch in the file in front of which the test becomes true. */
static enum status look_backwards(struct epoch_lookup *lookup,
                                  const struct wanted *wanted,
                                  struct epoch_place *found,
                                  struct error *error)
{
    uint64_t number = 0;
    struct epoch_record record = {0};
    enum status status = epoch_lookup_open(lookup, error);

    if (status == STATUS_OK) {
        status = epoch_search_first(&lookup->search, wanted->test, wanted, &number, error);
    }
    while (status == STATUS_OK && number > 0) {
        status = epoch_search_read(&lookup->search, --number, &record, error);
        if (status == STATUS_OK && record.kind == EPOCH_RECORD_EPOCH) {
            return epoch_is_visible(lookup->store, lookup->file->number, record.start)
                       ? epoch_lookup_place(lookup, number, &record, found, error)
                       : no_epoch(lookup->store, error);
        }
    }
    return status == STATUS_OK ? no_epoch(lookup->store, error) : status;
}

enum status epoch_index_at_or_before(struct binlog_store *store,
                                     struct epoch_key key,
                                     struct epoch_place *found,
                                     struct error *error)
{
    const struct wanted wanted = {
        .test = passes_key, .is_in_front = key_is_not_behind, .key = key};
    struct file_list *list = &store->list;
    uint64_t number = UINT64_MAX;
    enum status status = store_settle_epochs(store, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = STATUS_NOT_FOUND;
    pthread_mutex_lock(&list->lock);
    if (list->count > 0) {
        number = list->files[find_file(list, &wanted)]->number;
    }
    pthread_mutex_unlock(&list->lock);
    while (status == STATUS_NOT_FOUND && number != UINT64_MAX) {
        struct epoch_lookup lookup = {0};
        struct store_file *file = NULL;
        size_t at = 0;

        pthread_mutex_lock(&list->lock);
        at = epoch_file_place(list, number);
        if (at == list->count || list->files[at]->number != number) {
            at--; /* it was purged, or the next one in front is looked for */
        }
        file = epoch_file_from(list, at, true);
        if (file != NULL) {
            epoch_lookup_take(&lookup, store, file);
        }
        pthread_mutex_unlock(&list->lock);
        if (file == NULL) {
            break;
        }
        number = file->number - 1;
        status = look(&lookup, look_backwards, &wanted, found, error);
        epoch_lookup_close(&lookup);
    }
    return status == STATUS_NOT_FOUND ? no_epoch(store, error) : status;
}

/* ---- ranges ---- */

/* Counts a file's records in front of what is shown, as `begin.offset`. */
static enum status count_in_front(struct epoch_lookup *lookup,
                                  const struct wanted *wanted,
                                  struct epoch_place *counted,
                                  struct error *error)
{
    enum status status = epoch_lookup_open(lookup, error);

    return status == STATUS_OK ? epoch_search_first(&lookup->search, wanted->test, wanted,
                                                    &counted->begin.offset, error)
                               : status;
}

/* Under the lock: the file that is shown from its middle on, if it has epochs. */
static struct store_file *half_hidden_file(struct file_list *list,
                                           struct binlog_position visible)
{
    struct store_file *file = file_list_find(list, visible.file);

    if (file != NULL && file->epochs.epochs == 0) {
        store_file_unref(file);
        file = NULL;
    }
    return file;
}

/* Epochs of the first visible file in front of what is shown. */
static enum status count_hidden(struct binlog_store *store,
                                uint64_t *hidden,
                                struct error *error)
{
    struct binlog_position visible = published_position_get(&store->first_visible);
    const struct wanted wanted = {.test = starts_behind, .position = visible};
    struct epoch_lookup lookup = {0};
    struct epoch_place counted = {0};
    struct store_file *file = NULL;
    enum status status = STATUS_OK;

    *hidden = 0;
    pthread_mutex_lock(&store->list.lock);
    file = half_hidden_file(&store->list, visible);
    if (file != NULL) {
        epoch_lookup_take(&lookup, store, file);
    }
    pthread_mutex_unlock(&store->list.lock);
    if (file == NULL) {
        return STATUS_OK;
    }
    status = look(&lookup, count_in_front, &wanted, &counted, error);
    *hidden = counted.begin.offset;
    pthread_mutex_lock(&store->list.lock);
    for (size_t gap = 0; gap < file->epochs.gap_count; gap++) {
        *hidden -= file->epochs.gaps[gap].start < visible.offset ? 1 : 0;
    }
    pthread_mutex_unlock(&store->list.lock);
    epoch_lookup_close(&lookup);
    store_file_unref(file);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status; /* purged: nothing of it counts */
}

/* From one file to another; their ends are found already. STATUS_AGAIN: the first was purged
 * meanwhile. */
static enum status count_epochs(struct binlog_store *store,
                                struct epoch_summary *summary,
                                struct error *error)
{
    struct file_list *list = &store->list;
    struct binlog_position visible = published_position_get(&store->first_visible);
    uint64_t hidden = 0;
    bool is_there = false;

    if (summary->first.begin.file <= visible.file &&
        count_hidden(store, &hidden, error) != STATUS_OK) {
        return error->status;
    }
    pthread_mutex_lock(&list->lock);
    is_there = list->count > 0 && list->files[0]->number <= summary->first.end.file;
    for (size_t at = epoch_file_place(list, summary->first.end.file);
         at < list->count && list->files[at]->number <= summary->last.end.file; at++) {
        uint64_t epochs = list->files[at]->epochs.epochs;

        /* Not of a file that was mended to fewer since they were counted. */
        if (list->files[at]->number == visible.file) {
            epochs -= hidden < epochs ? hidden : epochs;
        }
        summary->count += epochs;
    }
    pthread_mutex_unlock(&list->lock);
    return is_there ? STATUS_OK
                    : error_set(error, STATUS_AGAIN, "the first epoch was purged meanwhile");
}

static enum status summarize(struct binlog_store *store,
                             struct epoch_summary *summary,
                             struct error *error)
{
    const struct epoch_key most = {UINT32_MAX, UINT64_MAX};

    *summary = (struct epoch_summary){0};
    if (epoch_index_at_or_after(store, (struct epoch_key){0}, &summary->first, error) !=
            STATUS_OK ||
        epoch_index_at_or_before(store, most, &summary->last, error) != STATUS_OK) {
        return error->status;
    }
    return count_epochs(store, summary, error);
}

enum status epoch_index_summary(struct binlog_store *store,
                                struct epoch_summary *summary,
                                struct error *error)
{
    enum status status = STATUS_AGAIN;

    while (status == STATUS_AGAIN) { /* purges are seldom */
        status = summarize(store, summary, error);
    }
    return status;
}

enum status epoch_index_file_summary(struct binlog_store *store,
                                     uint64_t file,
                                     struct epoch_summary *summary,
                                     struct error *error)
{
    struct epoch_facts facts = {0};
    struct store_file *entry = NULL;
    enum status status = STATUS_OK;

    *summary = (struct epoch_summary){0};
    pthread_mutex_lock(&store->list.lock);
    entry = file_list_find(&store->list, file);
    if (entry != NULL) {
        facts = entry->epochs;
    }
    pthread_mutex_unlock(&store->list.lock);
    store_file_unref(entry);
    if (facts.epochs == 0 || !epoch_is_visible(store, file, facts.last.start)) {
        return no_epoch(store, error);
    }
    if (epoch_index_by_position(store, (struct binlog_position){file, 0}, &summary->first,
                                error) != STATUS_OK ||
        epoch_index_at_or_before(store, facts.last.key, &summary->last, error) != STATUS_OK) {
        return error->status;
    }
    status = count_epochs(store, summary, error);
    return status == STATUS_AGAIN ? no_epoch(store, error) : status; /* it was purged */
}
