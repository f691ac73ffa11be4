/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_job.h"

#include <pthread.h>
#include <stdbool.h>

struct job {
    struct message message;
    registry_job_fn run;
    void *context; /* the caller's, who waits, as the next */
    struct error *error;
    enum status status;
    bool is_done; /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

static void on_job(struct message *message)
{
    struct job *job = (struct job *)message;
    enum status status = job->run(job->context, job->error);

    pthread_mutex_lock(&job->lock);
    job->status = status;
    job->is_done = true;
    pthread_cond_signal(&job->done);
    pthread_mutex_unlock(&job->lock);
}

enum status registry_job_run(struct worker *worker,
                             registry_job_fn run,
                             void *context,
                             struct error *error)
{
    struct job job = {.message.run = on_job,
                      .run = run,
                      .context = context,
                      .error = error,
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .done = PTHREAD_COND_INITIALIZER};

    worker_post(worker, &job.message);
    pthread_mutex_lock(&job.lock);
    while (!job.is_done) {
        pthread_cond_wait(&job.done, &job.lock);
    }
    pthread_mutex_unlock(&job.lock);
    (void)pthread_cond_destroy(&job.done);
    (void)pthread_mutex_destroy(&job.lock);
    return job.status;
}
