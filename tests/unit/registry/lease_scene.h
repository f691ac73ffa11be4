/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A desk of leases in a world of numbers. The log is one file, in which epoch N
 * stands from 100 N to 100 N + 80; up to the next epoch follows what no applier
 * applies. Time, reports and the disk are what a test says.
 */
#pragma once

#include "lease_desk.h"

enum {
    SCENE_EPOCH_BYTES = 100,
    SCENE_QUIET_BYTES = 20,
    SCENE_MEMBERS = 4, /* server ids 1 to 3; 0 is nobody */
    SCENE_SESSIONS = 16,
    SCENE_TTL_USEC = 30 * 1000 * 1000,
};

#define SCENE_GROUP "west"

/* What a crash comes to in the middle of a write. */
enum scene_disk { SCENE_DISK_GOOD, SCENE_DISK_LOSES, SCENE_DISK_KEEPS };

struct lease_scene {
    struct clock clock;
    uint64_t now_usec;
    struct lease_desk *desk;
    struct epoch_key reported[SCENE_MEMBERS]; /* by each member */
    uint64_t life[SCENE_MEMBERS];
    uint64_t end;         /* durable, an offset */
    uint64_t lost_to;     /* epochs below are not here any more */
    enum scene_disk disk; /* of the next write */
    bool has_failed;      /* a write did */
    unsigned writes;
    struct lease_record record; /* on the disk, as the fences */
    struct lease_fence fences[SCENE_MEMBERS];
    size_t fence_count;
    char told[64]; /* the last event */
};

void lease_scene_open(struct lease_scene *scene);
void lease_scene_close(struct lease_scene *scene);

/* The relay starts again: what is on the disk is all it knows, but for the reports. */
void lease_scene_restart(struct lease_scene *scene);

/* Behind an epoch. */
struct binlog_position scene_behind(uint64_t epoch);
struct binlog_position scene_at(uint64_t offset);

/* Reports to the registry and to the desk. False: refused, it is lower than before. */
bool lease_scene_report(struct lease_scene *scene,
                        uint32_t server_id,
                        uint64_t epoch,
                        bool is_own);
