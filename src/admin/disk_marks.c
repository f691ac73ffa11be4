/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_marks.h"

/* The pace is a mean in which what happened so long ago counts a third as much as now. */
#define PACE_USEC (UINT64_C(20) * 60 * 1000000)

/* From less than this nothing is foretold. */
#define SHORTEST_USEC (UINT64_C(60) * 1000000)

/* So much further down than up, in percent of the limit. */
enum { SOFT_SLACK_PERCENT = 3, HARD_SLACK_PERCENT = 1 };

uint64_t disk_marks_limit(uint64_t max_bytes, uint64_t store_bytes, uint64_t free_bytes)
{
    bool is_disk_known = free_bytes <= UINT64_MAX - store_bytes;

    if (!is_disk_known) {
        return max_bytes;
    }
    return max_bytes != 0 && max_bytes < store_bytes + free_bytes ? max_bytes
                                                                  : store_bytes + free_bytes;
}

/* Without an overflow. */
static uint64_t percent_of(uint64_t bytes, unsigned percent)
{
    return bytes / 100 * percent + bytes % 100 * percent / 100;
}

static bool is_above(const struct disk_sample *sample,
                     unsigned percent,
                     unsigned slack,
                     bool was_above)
{
    unsigned at = was_above && percent > slack ? percent - slack : percent;

    return percent > 0 && sample->store_bytes >= percent_of(sample->limit_bytes, at);
}

/* ---- the forecast ---- */

void disk_marks_forget_growth(struct disk_marks *marks)
{
    marks->first_usec = 0;
    marks->last_usec = 0;
    marks->bytes_per_usec = 0;
}

/* At first the plain mean since the first look, later one that forgets. */
static void note_pace(struct disk_marks *marks, double left_bytes, uint64_t now_usec)
{
    double passed_usec = (double)(now_usec - marks->last_usec);
    double known_usec = (double)(now_usec - marks->first_usec);
    double window_usec = known_usec < (double)PACE_USEC ? known_usec : (double)PACE_USEC;
    double share = passed_usec < window_usec ? passed_usec / window_usec : 1;
    double pace = (marks->left_bytes - left_bytes) / passed_usec;

    marks->bytes_per_usec += share * (pace - marks->bytes_per_usec);
}

static void look_ahead(struct disk_marks *marks,
                       const struct disk_sample *sample,
                       unsigned hard_percent)
{
    double left_bytes =
        (double)percent_of(sample->limit_bytes, hard_percent) - (double)sample->store_bytes;

    if (marks->first_usec == 0) {
        marks->first_usec = sample->now_usec;
    } else if (sample->now_usec > marks->last_usec) {
        note_pace(marks, left_bytes, sample->now_usec);
    }
    marks->left_bytes = left_bytes;
    marks->last_usec = sample->now_usec;
}

double disk_marks_hours_left(const struct disk_marks *marks)
{
    static const double usec_per_hour = 3600e6;

    if (marks->is_above_hard) {
        return 0;
    }
    if (marks->first_usec == 0 || marks->last_usec - marks->first_usec < SHORTEST_USEC ||
        marks->bytes_per_usec <= 0 || marks->left_bytes < 0) {
        return -1;
    }
    return marks->left_bytes / marks->bytes_per_usec / usec_per_hour;
}

/* ---- the marks ---- */

unsigned disk_marks_look(struct disk_marks *marks,
                         const struct purge_settings *settings,
                         const struct disk_sample *sample)
{
    bool was_above_soft = marks->is_above_soft;
    bool was_above_hard = marks->is_above_hard;
    unsigned changes = 0;

    if (sample->limit_bytes == 0) {
        return 0;
    }
    marks->is_above_hard =
        is_above(sample, settings->hard_percent, HARD_SLACK_PERCENT, was_above_hard);
    marks->is_above_soft = marks->is_above_hard || is_above(sample, settings->soft_percent,
                                                            SOFT_SLACK_PERCENT, was_above_soft);
    look_ahead(marks, sample, settings->hard_percent);
    if (marks->is_above_soft != was_above_soft) {
        changes |= marks->is_above_soft ? DISK_CHANGE_SOFT : DISK_CHANGE_RELAXED;
    }
    if (marks->is_above_hard != was_above_hard) {
        changes |= marks->is_above_hard ? DISK_CHANGE_HARD : DISK_CHANGE_OK;
    }
    return changes;
}
