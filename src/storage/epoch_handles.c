/* SPDX-License-Identifier: Apache-2.0 */
#include "epoch_handles.h"

#include <string.h>

void epoch_handles_init(struct epoch_handles *handles, const struct disk *disk)
{
    *handles = (struct epoch_handles){.disk = disk};
    pthread_mutex_init(&handles->lock, NULL);
}

void epoch_handles_clear(struct epoch_handles *handles)
{
    pthread_mutex_lock(&handles->lock);
    for (size_t at = 0; at < EPOCH_HANDLES_MOST; at++) {
        if (handles->kept[at].file != 0) {
            (void)disk_close(handles->disk, handles->kept[at].descriptor); /* for reading */
        }
        handles->kept[at] = (struct epoch_handle){0};
    }
    pthread_mutex_unlock(&handles->lock);
}

void epoch_handles_drop_front(struct epoch_handles *handles, uint64_t first)
{
    size_t left = 0;

    pthread_mutex_lock(&handles->lock);
    handles->first = first;
    for (size_t at = 0; at < EPOCH_HANDLES_MOST; at++) {
        struct epoch_handle handle = handles->kept[at];

        handles->kept[at] = (struct epoch_handle){0};
        if (handle.file >= first) {
            handles->kept[left++] = handle;
        } else if (handle.file != 0) {
            (void)disk_close(handles->disk, handle.descriptor); /* was opened for reading */
        }
    }
    pthread_mutex_unlock(&handles->lock);
}

void epoch_handles_release(struct epoch_handles *handles)
{
    epoch_handles_clear(handles);
    pthread_mutex_destroy(&handles->lock);
}

int epoch_handles_take(struct epoch_handles *handles, uint64_t file)
{
    int descriptor = -1;

    pthread_mutex_lock(&handles->lock);
    for (size_t at = 0; at < EPOCH_HANDLES_MOST && descriptor < 0; at++) {
        if (handles->kept[at].file == file) {
            descriptor = handles->kept[at].descriptor;
            memmove(&handles->kept[at], &handles->kept[at + 1],
                    (EPOCH_HANDLES_MOST - at - 1) * sizeof(handles->kept[0]));
            handles->kept[EPOCH_HANDLES_MOST - 1] = (struct epoch_handle){0};
        }
    }
    pthread_mutex_unlock(&handles->lock);
    return descriptor;
}

void epoch_handles_keep(struct epoch_handles *handles, uint64_t file, int descriptor)
{
    struct epoch_handle oldest = {.file = file, .descriptor = descriptor};

    pthread_mutex_lock(&handles->lock);
    if (file >= handles->first) {
        struct epoch_handle newest = oldest;

        oldest = handles->kept[EPOCH_HANDLES_MOST - 1];
        memmove(&handles->kept[1], &handles->kept[0],
                (EPOCH_HANDLES_MOST - 1) * sizeof(handles->kept[0]));
        handles->kept[0] = newest;
    }
    pthread_mutex_unlock(&handles->lock);
    if (oldest.file != 0) {
        (void)disk_close(handles->disk, oldest.descriptor); /* was opened for reading */
    }
}
