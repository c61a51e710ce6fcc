/* Clocks, sleeping, threads kept on CPUs, and the arithmetic that is a task's CPU work. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#ifdef __APPLE__
#include <dispatch/dispatch.h>
#else
#include <semaphore.h>
#endif

#define SECOND_NS INT64_C(1000000000)
#define STACK_BYTES (256 * 1024)

typedef struct {
    const int32_t *numbers;
    int32_t count; /* 0: any CPU */
} cpus_t;

static inline int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static inline void sleep_until(int64_t wake_ns) {
#ifdef __linux__
    struct timespec wake = {wake_ns / SECOND_NS, wake_ns % SECOND_NS};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == EINTR) {
    }
#else
    int64_t left_ns = wake_ns - read_clock(CLOCK_MONOTONIC);
    struct timespec left = {left_ns / SECOND_NS, left_ns % SECOND_NS};
    if (left_ns > 0) nanosleep(&left, NULL);
#endif
}

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Timers of this thread are not rounded up: the default slack of 50 us would lengthen every blocking time. */
static inline void be_punctual(void) {
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
#endif
}

static inline int64_t count_switches(void) {
#ifdef __linux__
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
#else
    return 0; /* not counted for each thread: the caller says that there are none to see */
#endif
}

/* Start a thread on these CPUs that no signal of the process interrupts. */
static inline int start_thread(pthread_t *thread, cpus_t cpus, void *(*body)(void *), void *argument) {
    pthread_attr_t attributes;
    sigset_t all, before;
    int problem = pthread_attr_init(&attributes);
    if (problem) return problem;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
#ifdef __linux__
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int32_t i = 0; i < cpus.count; i++) CPU_SET(cpus.numbers[i], &set);
    if (cpus.count) problem = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
#else
    (void)cpus;
#endif
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!problem) problem = pthread_create(thread, &attributes, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return problem;
}

/* A counting semaphore: to ring it never waits for another thread, as signalling a condition may for its inner lock. */
#ifdef __APPLE__
typedef dispatch_semaphore_t buzzer_t;
static inline void make_buzzer(buzzer_t *buzzer) { *buzzer = dispatch_semaphore_create(0); }
static inline void buzz(buzzer_t *buzzer) { dispatch_semaphore_signal(*buzzer); }
static inline void await_buzz(buzzer_t *buzzer) { dispatch_semaphore_wait(*buzzer, DISPATCH_TIME_FOREVER); }
static inline void drop_buzzer(buzzer_t *buzzer) { dispatch_release(*buzzer); }
#else
typedef sem_t buzzer_t;
static inline void make_buzzer(buzzer_t *buzzer) { sem_init(buzzer, 0, 0); }
static inline void buzz(buzzer_t *buzzer) { sem_post(buzzer); }
static inline void await_buzz(buzzer_t *buzzer) {
    while (sem_wait(buzzer) && errno == EINTR) {}
}
static inline void drop_buzzer(buzzer_t *buzzer) { sem_destroy(buzzer); }
#endif

static inline int make_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int problem = pthread_condattr_init(&attributes);
    if (problem) return problem;
#ifdef __linux__
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
#endif
    problem = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return problem;
}

/* Wait for the condition at most until then (ns of CLOCK_MONOTONIC). */
static inline void wait_condition(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t until_ns) {
#ifdef __linux__
    struct timespec until = {until_ns / SECOND_NS, until_ns % SECOND_NS};
    pthread_cond_timedwait(condition, mutex, &until);
#else
    int64_t left_ns = until_ns - read_clock(CLOCK_MONOTONIC);
    if (left_ns <= 0) return;
    struct timespec left = {left_ns / SECOND_NS, left_ns % SECOND_NS};
    pthread_cond_timedwait_relative_np(condition, mutex, &left);
#endif
}

/* Arithmetic that takes as long as it has iterations; returns a value that depends on all of them. */
__attribute__((visibility("hidden"))) uint64_t spin(uint64_t value, int64_t iterations);
