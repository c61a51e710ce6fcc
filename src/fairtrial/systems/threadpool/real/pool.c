/* A pool of native threads with one FIFO queue, and the thread that submits tasks when they are due.
 *
 * One mutex guards everything that changes; workers hold it to take a task and to book it, never at work. Times are
 * nanoseconds of CLOCK_MONOTONIC since the pool was opened. Calls return 0 or an errno, unless they say otherwise;
 * open, start, resize, wait and close are for one caller.
 */
#include "threads.h"

#define SLICE_NS INT64_C(100000000) /* longest sleep between two looks at `stop` */
#define STRETCH INT64_C(65536)      /* iterations between two looks at `stop` */
#define MARGIN_NS INT64_C(50000)    /* the submitter's sleep ends so long before the due time */
#define LEAD_NS INT64_C(1000000)    /* from starting the submitter to time zero */
#define OPENING_NS (30 * SECOND_NS) /* for all threads to run */

enum { SUBMITTED, BEGIN, END, CPU, SWITCHES, ORDER, COLUMNS };
enum { NOT_YET = -1, DROPPED = -2 };

/* What is given at the start; the arrays stay the caller's, and stay where they are until the pool is closed. */
typedef struct {
    int64_t count; /* tasks */
    const int64_t *due_ns, *iterations, *blocking_ns;
    int64_t *columns; /* COLUMNS rows of `count`, filled with NOT_YET; read it with pool_copy while threads work */
    double contention;
    int64_t queue_limit; /* -1: none */
    int32_t workers;
    int32_t spins; /* the submitter has a CPU of its own to spin on */
    cpus_t cpus, submitter_cpus;
} plan_t;

typedef struct {
    int64_t at_ns, workers, busy, queued, arrived, switches, busy_ns, worker_ns, begun, ended, dropped, ahead;
} look_t;

typedef struct pool pool_t;

typedef struct {
    pool_t *pool;
    pthread_t thread;
    int64_t added_ns, ready_ns, left_ns;
    int64_t cpu_ns, switches; /* as of the last booking */
    uint64_t value;           /* what the arithmetic came to, so that it cannot be left out */
    bool gone, joined;
} worker_t;

struct pool {
    plan_t plan;
    int64_t base_ns, start_ns;
    pthread_mutex_t mutex, serial; /* serial: what the contended share of the work holds */
    pthread_cond_t changed;
    buzzer_t work; /* rung for idle workers, at most once for each: `rung` says how often it was, and not yet heard */
    worker_t **workers;
    int64_t made, target, present, starting, idle, rung, busy;
    int64_t *queue, head, tail; /* every task enters at most once: no wrapping */
    int64_t arrived, dropped, ended, switches;
    int64_t busy_ns, worker_ns, counted_ns; /* integrals of busy and of all workers up to counted_ns */
    pthread_t submitter;
    bool submitting, ahead;
    atomic_bool stop;
};

/* Work */

static int64_t now_ns(const pool_t *pool) { return read_clock(CLOCK_MONOTONIC) - pool->base_ns; }

/* Sleep in slices, so that closing a pool never waits for a long task. Returns false where it was stopped. */
static bool rest_until(pool_t *pool, int64_t until_ns) {
    for (;;) {
        int64_t now = now_ns(pool);
        if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return false;
        if (now >= until_ns) return true;
        int64_t wake = until_ns - now > SLICE_NS ? now + SLICE_NS : until_ns;
        sleep_until(pool->base_ns + wake);
    }
}

static void compute(worker_t *self, int64_t iterations) {
    while (iterations > 0 && !atomic_load_explicit(&self->pool->stop, memory_order_relaxed)) {
        int64_t some = iterations < STRETCH ? iterations : STRETCH;
        self->value = spin(self->value, some);
        iterations -= some;
    }
}

/* A stretch of CPU work; the contended share of it under the one lock. */
static void stretch(worker_t *self, int64_t iterations) {
    pool_t *pool = self->pool;
    int64_t serial = (int64_t)(pool->plan.contention * (double)iterations + 0.5);
    compute(self, iterations - serial);
    if (serial <= 0) return;
    pthread_mutex_lock(&pool->serial);
    compute(self, serial);
    pthread_mutex_unlock(&pool->serial);
}

static void execute(worker_t *self, int64_t task) {
    const plan_t *plan = &self->pool->plan;
    int64_t iterations = plan->iterations[task], blocking_ns = plan->blocking_ns[task];
    if (blocking_ns <= 0) {
        stretch(self, iterations);
        return;
    }
    stretch(self, iterations / 2);
    rest_until(self->pool, now_ns(self->pool) + blocking_ns);
    stretch(self, iterations - iterations / 2);
}

/* The queue: all of this with the mutex held */

static int64_t *column(pool_t *pool, int which) { return pool->plan.columns + which * pool->plan.count; }

/* Bring the integrals up to now, before `busy`, `present` or `starting` changes. */
static int64_t count_up(pool_t *pool) {
    int64_t now = now_ns(pool);
    pool->busy_ns += pool->busy * (now - pool->counted_ns);
    pool->worker_ns += (pool->present + pool->starting) * (now - pool->counted_ns);
    pool->counted_ns = now;
    return now;
}

static bool is_finished(const pool_t *pool) { return pool->ended + pool->dropped == pool->plan.count; }

/* Count one idle worker more as woken; false where all are. With the mutex. */
static bool may_ring(pool_t *pool) {
    if (pool->rung >= pool->idle) return false;
    pool->rung++;
    return true;
}

static void ring_all(pool_t *pool) {
    while (may_ring(pool)) buzz(&pool->work);
}

/* Give the mutex away until the buzzer sounds. */
static void sleep_on(pool_t *pool) {
    pthread_mutex_unlock(&pool->mutex);
    await_buzz(&pool->work);
    pthread_mutex_lock(&pool->mutex);
    pool->rung--;
}

/* Take the first waiting task, waiting for one; -1: leave. Workers that are too many go: idle ones at once, busy ones
 * as they end a task if the idle ones are too few. */
static int64_t take(pool_t *pool) {
    if (pool->stop || pool->present - pool->target > pool->idle) return -1;
    if (pool->head == pool->tail) {
        pool->idle++;
        while (!pool->stop && pool->present <= pool->target && pool->head == pool->tail) sleep_on(pool);
        pool->idle--;
        if (pool->stop) return -1;
        if (pool->present > pool->target) {
            if (pool->head < pool->tail && may_ring(pool)) buzz(&pool->work); /* it was rung for another */
            return -1;
        }
    }
    int64_t task = pool->queue[pool->head++];
    column(pool, BEGIN)[task] = count_up(pool);
    pool->busy++;
    return task;
}

static void book(pool_t *pool, worker_t *self, int64_t task, int64_t end_ns) {
    int64_t cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID), switches = count_switches();
    pthread_mutex_lock(&pool->mutex);
    count_up(pool);
    pool->busy--;
    column(pool, CPU)[task] = cpu_ns - self->cpu_ns;
    column(pool, SWITCHES)[task] = switches - self->switches;
    pool->switches += switches - self->switches;
    self->cpu_ns = cpu_ns;
    self->switches = switches;
    if (pool->stop) return; /* cut short: it did not end */
    column(pool, END)[task] = end_ns;
    column(pool, ORDER)[pool->ended++] = task;
    if (is_finished(pool)) pthread_cond_broadcast(&pool->changed);
}

static void *work(void *argument) {
    worker_t *self = argument;
    pool_t *pool = self->pool;
    be_punctual();
    self->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
    self->switches = count_switches();
    pthread_mutex_lock(&pool->mutex);
    self->ready_ns = count_up(pool);
    pool->starting--;
    pool->present++;
    pthread_cond_broadcast(&pool->changed);
    for (int64_t task; (task = take(pool)) >= 0;) {
        pthread_mutex_unlock(&pool->mutex);
        execute(self, task);
        book(pool, self, task, now_ns(pool)); /* comes back with the mutex */
    }
    self->left_ns = count_up(pool);
    pool->present--;
    pool->switches += count_switches() - self->switches;
    self->gone = true;
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* What a submitter waits for the pool's own lock is the pool's time, not lateness of the harness. */
static void submit(pool_t *pool, int64_t task) {
    int64_t at_ns = now_ns(pool);
    pthread_mutex_lock(&pool->mutex);
    column(pool, SUBMITTED)[task] = at_ns;
    pool->arrived++;
    int64_t limit = pool->plan.queue_limit, waiting = pool->tail - pool->head;
    bool wakes = false;
    if (limit >= 0 && waiting >= limit + pool->idle) { /* those that were woken still count as idle */
        column(pool, BEGIN)[task] = DROPPED;
        pool->dropped++;
        if (is_finished(pool)) pthread_cond_broadcast(&pool->changed);
    } else {
        pool->queue[pool->tail++] = task;
        wakes = may_ring(pool);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (wakes) buzz(&pool->work);
}

/* Submit every task at its due time, ahead of ordinary threads where the system permits that: on a CPU that others use
 * too it would be milliseconds late. Without a CPU of its own it does not spin, which would slow the workers down. */
static void *submit_all(void *argument) {
    pool_t *pool = argument;
    struct sched_param first = {.sched_priority = 1};
    be_punctual();
    bool ahead = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first) == 0;
    pthread_mutex_lock(&pool->mutex);
    pool->ahead = ahead;
    pthread_mutex_unlock(&pool->mutex);
    for (int64_t task = 0; task < pool->plan.count; task++) {
        int64_t due = pool->start_ns + pool->plan.due_ns[task];
        if (!rest_until(pool, pool->plan.spins ? due - MARGIN_NS : due)) break;
        while (now_ns(pool) < due) relax();
        submit(pool, task);
    }
    return NULL;
}

/* What the caller does */

static int add_worker(pool_t *pool) {
    worker_t **more = realloc(pool->workers, (size_t)(pool->made + 1) * sizeof *more);
    if (!more) return ENOMEM;
    pool->workers = more;
    worker_t *self = calloc(1, sizeof *self);
    if (!self) return ENOMEM;
    *self = (worker_t){.pool = pool, .ready_ns = NOT_YET, .left_ns = NOT_YET, .value = 1};
    pthread_mutex_lock(&pool->mutex);
    self->added_ns = count_up(pool);
    pool->starting++;
    pthread_mutex_unlock(&pool->mutex);
    int problem = start_thread(&self->thread, pool->plan.cpus, work, self);
    if (!problem) {
        pool->workers[pool->made++] = self;
        return 0;
    }
    pthread_mutex_lock(&pool->mutex);
    count_up(pool);
    pool->starting--;
    pthread_mutex_unlock(&pool->mutex);
    free(self);
    return problem;
}

/* Let go of the stacks of workers that have left. */
static void join_gone(pool_t *pool) {
    for (int64_t i = 0; i < pool->made; i++) {
        worker_t *one = pool->workers[i];
        pthread_mutex_lock(&pool->mutex);
        bool gone = one->gone && !one->joined;
        pthread_mutex_unlock(&pool->mutex);
        if (!gone) continue;
        pthread_join(one->thread, NULL);
        one->joined = true;
    }
}

/* Change the number of workers. */
int pool_resize(pool_t *pool, int32_t workers) {
    join_gone(pool);
    pthread_mutex_lock(&pool->mutex);
    int64_t missing = workers - pool->present - pool->starting;
    pool->target = workers;
    if (pool->present > workers) ring_all(pool);
    pthread_mutex_unlock(&pool->mutex);
    int problem = 0;
    while (missing-- > 0 && !problem) problem = add_worker(pool);
    return problem;
}

/* End all threads, also in the middle of their tasks, and free everything. */
void pool_close(pool_t *pool) {
    pthread_mutex_lock(&pool->mutex);
    pool->stop = true;
    ring_all(pool);
    pthread_mutex_unlock(&pool->mutex);
    if (pool->submitting) pthread_join(pool->submitter, NULL);
    for (int64_t i = 0; i < pool->made; i++) {
        if (!pool->workers[i]->joined) pthread_join(pool->workers[i]->thread, NULL);
        free(pool->workers[i]);
    }
    drop_buzzer(&pool->work);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    pthread_mutex_destroy(&pool->serial);
    free(pool->workers);
    free(pool->queue);
    free(pool);
}

/* Open a pool and wait until all its workers run; ETIMEDOUT where they do not within OPENING_NS. */
int pool_open(const plan_t *plan, pool_t **opened) {
    pool_t *pool = calloc(1, sizeof *pool);
    if (!pool) return ENOMEM;
    pool->plan = *plan;
    pool->base_ns = read_clock(CLOCK_MONOTONIC);
    pthread_mutexattr_t lent; /* a worker that holds it while others have its CPU must not keep the submitter waiting */
    pthread_mutexattr_init(&lent);
    pthread_mutexattr_setprotocol(&lent, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&pool->mutex, &lent);
    pthread_mutexattr_destroy(&lent);
    pthread_mutex_init(&pool->serial, NULL);
    make_buzzer(&pool->work);
    make_condition(&pool->changed);
    pool->queue = malloc((size_t)(plan->count + 1) * sizeof *pool->queue);
    int problem = pool->queue ? pool_resize(pool, plan->workers) : ENOMEM;
    pthread_mutex_lock(&pool->mutex);
    int64_t limit = pool->base_ns + OPENING_NS;
    while (!problem && pool->starting > 0) {
        wait_condition(&pool->changed, &pool->mutex, limit);
        if (pool->starting > 0 && read_clock(CLOCK_MONOTONIC) >= limit) problem = ETIMEDOUT;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (problem) pool_close(pool);
    else *opened = pool;
    return problem;
}

/* Begin to submit; time zero of the tasks is written to *start_ns. */
int pool_start(pool_t *pool, int64_t *start_ns) {
    pool->start_ns = *start_ns = now_ns(pool) + LEAD_NS;
    int problem = start_thread(&pool->submitter, pool->plan.submitter_cpus, submit_all, pool);
    pool->submitting = problem == 0;
    return problem;
}

/* Wait until then, or with `drains` until all tasks have ended or were dropped. Returns whether they have. */
int pool_wait(pool_t *pool, int64_t until_ns, int32_t drains) {
    pthread_mutex_lock(&pool->mutex);
    while (now_ns(pool) < until_ns && !(drains && is_finished(pool)))
        wait_condition(&pool->changed, &pool->mutex, pool->base_ns + until_ns);
    int finished = is_finished(pool);
    pthread_mutex_unlock(&pool->mutex);
    return finished;
}

void pool_look(pool_t *pool, look_t *look) {
    pthread_mutex_lock(&pool->mutex);
    int64_t now = count_up(pool), queued = pool->tail - pool->head;
    *look = (look_t){now, pool->present + pool->starting, pool->busy, queued, pool->arrived, pool->switches,
                     pool->busy_ns, pool->worker_ns, pool->head, pool->ended, pool->dropped, pool->ahead};
    pthread_mutex_unlock(&pool->mutex);
}

/* Copy the columns as they are at one instant, and return it. */
int64_t pool_copy(pool_t *pool, int64_t *columns) {
    pthread_mutex_lock(&pool->mutex);
    int64_t now = now_ns(pool);
    memcpy(columns, pool->plan.columns, (size_t)(COLUMNS * pool->plan.count) * sizeof *columns);
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

/* Write when each worker was added, could work, and left (NOT_YET: has not), three numbers each, for up to `room`
 * workers; returns how many there were. */
int64_t pool_workers(pool_t *pool, int64_t *times, int64_t room) {
    pthread_mutex_lock(&pool->mutex);
    for (int64_t i = 0; i < pool->made && i < room; i++) {
        const worker_t *one = pool->workers[i];
        int64_t row[] = {one->added_ns, one->ready_ns, one->left_ns};
        memcpy(times + 3 * i, row, sizeof row);
    }
    pthread_mutex_unlock(&pool->mutex);
    return pool->made;
}
