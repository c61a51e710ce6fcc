/* What threads cost on this machine: arithmetic, waking one up, switching between two, starting one.
 *
 * Each call measures `count` times, in nanoseconds, and returns 0 or an errno.
 */
#include "threads.h"

#define PATIENCE_NS SECOND_NS
#define PAUSE_NS INT64_C(200000) /* long enough for a thread to fall asleep */
#define WARM_NS INT64_C(20000000)

/* One multiplication and one addition an iteration, each waiting for the one before. */
uint64_t spin(uint64_t value, int64_t iterations) {
    for (; iterations > 0; iterations--) {
        value = value * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        __asm__ volatile("" : "+r"(value));
    }
    return value;
}

typedef struct {
    int64_t iterations, count, *times_ns;
    uint64_t value;
} spinning_t;

static void *spin_often(void *argument) {
    spinning_t *job = argument;
    for (int64_t end = read_clock(CLOCK_MONOTONIC) + WARM_NS; read_clock(CLOCK_MONOTONIC) < end;)
        job->value = spin(job->value, 1000);
    for (int64_t i = 0; i < job->count; i++) {
        int64_t before = read_clock(CLOCK_THREAD_CPUTIME_ID);
        job->value = spin(job->value, job->iterations);
        job->times_ns[i] = read_clock(CLOCK_THREAD_CPUTIME_ID) - before;
    }
    return NULL;
}

/* CPU time of so many iterations, on one thread kept on these CPUs. */
int measure_spin(cpus_t cpus, int64_t iterations, int64_t count, int64_t *times_ns) {
    spinning_t job = {iterations, count, times_ns, 1};
    pthread_t thread;
    int problem = start_thread(&thread, cpus, spin_often, &job);
    return problem ? problem : pthread_join(thread, NULL);
}

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t signalled, heard;
    bool waiting, called, stop;
    int64_t woken_ns;
} bell_t;

static void *sleep_often(void *argument) {
    bell_t *bell = argument;
    pthread_mutex_lock(&bell->mutex);
    while (!bell->stop) {
        bell->waiting = true;
        while (!bell->called && !bell->stop) pthread_cond_wait(&bell->signalled, &bell->mutex);
        bell->woken_ns = read_clock(CLOCK_MONOTONIC);
        bell->called = bell->waiting = false;
        pthread_cond_signal(&bell->heard);
    }
    pthread_mutex_unlock(&bell->mutex);
    return NULL;
}

/* Wake the sleeper once, holding the mutex on entry and exit; ETIMEDOUT where it never runs. */
static int ring(bell_t *bell, int64_t *time_ns) {
    pthread_mutex_unlock(&bell->mutex);
    sleep_until(read_clock(CLOCK_MONOTONIC) + PAUSE_NS);
    pthread_mutex_lock(&bell->mutex);
    if (!bell->waiting) return EAGAIN;
    bell->called = true;
    pthread_mutex_unlock(&bell->mutex);
    int64_t before = read_clock(CLOCK_MONOTONIC);
    pthread_cond_signal(&bell->signalled);
    pthread_mutex_lock(&bell->mutex);
    while (bell->called) {
        wait_condition(&bell->heard, &bell->mutex, before + PATIENCE_NS);
        if (bell->called && read_clock(CLOCK_MONOTONIC) >= before + PATIENCE_NS) return ETIMEDOUT;
    }
    *time_ns = bell->woken_ns - before;
    return 0;
}

typedef struct {
    bell_t bell;
    int64_t count, *times_ns;
    int problem;
} ringing_t;

static void *ring_often(void *argument) {
    ringing_t *job = argument;
    bell_t *bell = &job->bell;
    int64_t done = 0, tries = 0;
    be_punctual();
    pthread_mutex_lock(&bell->mutex);
    while (done < job->count && job->problem != ETIMEDOUT && tries++ < 10 * job->count + 1000) {
        job->problem = ring(bell, &job->times_ns[done]);
        if (!job->problem) done++;
    }
    if (done < job->count) job->problem = ETIMEDOUT;
    bell->stop = true;
    pthread_cond_broadcast(&bell->signalled);
    pthread_mutex_unlock(&bell->mutex);
    return NULL;
}

/* From signalling a condition variable to its waiter's running with the mutex; the waiter on `cpus`, asleep. */
int measure_wake(cpus_t cpus, cpus_t caller, int64_t count, int64_t *times_ns) {
    ringing_t job = {.count = count, .times_ns = times_ns};
    pthread_t sleeper, ringer;
    pthread_mutex_init(&job.bell.mutex, NULL);
    int problem = make_condition(&job.bell.signalled);
    if (!problem) problem = make_condition(&job.bell.heard);
    if (!problem) problem = start_thread(&sleeper, cpus, sleep_often, &job.bell);
    if (problem) return problem;
    problem = start_thread(&ringer, caller, ring_often, &job);
    if (problem) { /* nobody else will send the sleeper home */
        job.problem = problem;
        job.count = 0;
        ring_often(&job);
    } else {
        pthread_join(ringer, NULL);
    }
    pthread_join(sleeper, NULL);
    return problem ? problem : job.problem;
}

typedef struct {
    int from, to;
    int64_t rounds, count, *times_ns; /* times_ns: NULL for the one that only answers */
    int problem;
} passing_t;

/* Send and receive; who only answers receives first. */
static int pass(const passing_t *job) {
    char ball = 0;
    if (!job->times_ns && read(job->from, &ball, 1) != 1) return EPIPE;
    if (write(job->to, &ball, 1) != 1) return EPIPE;
    return !job->times_ns || read(job->from, &ball, 1) == 1 ? 0 : EPIPE;
}

static void *pass_often(void *argument) {
    passing_t *job = argument;
    for (int64_t i = 0; i < job->count && !job->problem; i++) {
        int64_t before = read_clock(CLOCK_MONOTONIC);
        for (int64_t round = 0; round < job->rounds && !job->problem; round++) job->problem = pass(job);
        if (job->times_ns) job->times_ns[i] = (read_clock(CLOCK_MONOTONIC) - before) / job->rounds;
    }
    close(job->to); /* whoever still waits reads an end, not for ever */
    return NULL;
}

static int pass_between(cpus_t cpus, passing_t *one, passing_t *other) {
    pthread_t threads[2];
    int problem = start_thread(&threads[0], cpus, pass_often, one);
    if (problem) {
        close(one->to), close(other->to);
        return problem;
    }
    problem = start_thread(&threads[1], cpus, pass_often, other);
    if (problem) close(other->to);
    else pthread_join(threads[1], NULL);
    pthread_join(threads[0], NULL);
    return problem ? problem : one->problem;
}

/* A round of two switches: a byte goes to another thread on the same CPU and comes back; mean of `rounds`. With
 * `alone` one thread passes the byte to itself: the same calls, and no switch. */
int measure_pass(cpus_t cpus, int32_t alone, int64_t rounds, int64_t count, int64_t *times_ns) {
    int there[2], back[2];
    if (pipe(there)) return errno;
    if (pipe(back)) {
        int problem = errno;
        close(there[0]), close(there[1]);
        return problem;
    }
    passing_t one = {alone ? there[0] : back[0], there[1], rounds, count, times_ns, 0};
    passing_t other = {there[0], back[1], rounds, count, NULL, 0};
    int problem;
    pthread_t thread;
    if (alone) {
        problem = start_thread(&thread, cpus, pass_often, &one);
        if (problem) close(there[1]);
        else problem = pthread_join(thread, NULL) ? ESRCH : one.problem;
        close(back[1]);
    } else {
        problem = pass_between(cpus, &one, &other);
    }
    close(there[0]), close(back[0]);
    return problem;
}

static void *stamp(void *argument) {
    *(int64_t *)argument = read_clock(CLOCK_MONOTONIC);
    return NULL;
}

/* From asking for a thread to its running. */
int measure_spawn(cpus_t cpus, int64_t count, int64_t *times_ns) {
    for (int64_t i = 0; i < count; i++) {
        pthread_t thread;
        int64_t running = 0, before = read_clock(CLOCK_MONOTONIC);
        int problem = start_thread(&thread, cpus, stamp, &running);
        if (problem) return problem;
        pthread_join(thread, NULL);
        times_ns[i] = running - before;
    }
    return 0;
}
