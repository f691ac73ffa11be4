/* SPDX-License-Identifier: Apache-2.0 */
#include "file_list.h"

#include <assert.h>
#include <stdlib.h>

#include "binrelay/base/memory.h"

struct store_file *store_file_new(uint64_t number, char *path)
{
    struct store_file *file = mem_zeroed(sizeof(*file));

    file->number = number;
    file->path = path;
    atomic_init(&file->references, 1);
    file->facts.file = number;
    file->ended.file = number;
    file->descriptor = -1;
    stored_gtids_init(&file->added);
    return file;
}

void store_file_ref(struct store_file *file)
{
    atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
}

void store_file_unref(struct store_file *file)
{
    if (file == NULL ||
        atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    assert(file->descriptor < 0);
    stored_gtids_release(&file->added);
    epoch_facts_release(&file->epochs);
    free(file->path);
    free(file);
}

void file_list_init(struct file_list *list)
{
    *list = (struct file_list){0};
    pthread_mutex_init(&list->lock, NULL);
    stored_gtids_init(&list->purged);
    stored_gtids_init(&list->before_last);
    list->left_out = gtid_set_new();
}

void file_list_release(struct file_list *list)
{
    for (size_t at = 0; at < list->count; at++) {
        store_file_unref(list->files[at]);
    }
    free(list->files);
    stored_gtids_release(&list->purged);
    stored_gtids_release(&list->before_last);
    gtid_set_free(list->left_out);
    pthread_mutex_destroy(&list->lock);
}

void file_list_add(struct file_list *list, struct store_file *file)
{
    if (list->count > 0) {
        struct store_file *last = list->files[list->count - 1];

        assert(last->number < file->number);
        last->facts = last->ended;
        last->next = file->number;
        stored_gtids_add(&list->before_last, &last->added);
    }
    if (list->count == list->capacity) {
        list->files = mem_grow(list->files, &list->capacity, sizeof(struct store_file *));
    }
    store_file_ref(file);
    list->files[list->count++] = file;
}

struct store_file *file_list_find(struct file_list *list, uint64_t number)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) { /* all files below low come before the number */
        size_t middle = low + (high - low) / 2;

        if (list->files[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == list->count || list->files[low]->number != number) {
        return NULL;
    }
    store_file_ref(list->files[low]);
    return list->files[low];
}
