/* The thread pool of `threadpool.py` in plain C: the full model as a discrete-event simulation, and the plain FIFO
 * recursion of Kiefer and Wolfowitz. It reads tasks, writes when each began and ended, and prints its CPU time as JSON.
 *
 * Usage: threadpool TASKS OUT fifo WORKERS
 *        threadpool TASKS OUT full WORKERS CORES QUEUE_LIMIT SWITCH_S QUANTUM_S WAKE_S SIGMA KAPPA SINCE_S
 *
 * TASKS: int64 n, then n doubles each of due, cpu, blocking. OUT: n doubles each of begin, end (NaN: dropped).
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct { double key; int64_t what; } entry;        /* what: 2 * task + (is it the second stretch?) */
typedef struct { entry *at; int size; } heap;
typedef struct { int64_t n; double *due, *cpu, *blocking, *begin, *end; } tasks;
typedef struct { double since, until, switches, busy_s, core_s; } tally;
typedef struct { int workers, cores; int64_t limit; double turn_s, wake_s, *rate; } pool;

typedef struct {
    const tasks *of;
    const pool *in;
    tally *count;
    heap running, delayed;                                  /* by virtual finishing time; by time */
    int64_t *queue, head, tail;                             /* tasks that wait for a worker */
    int busy;
    double now, virtual_now;
} state;

static void *claim(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) { fprintf(stderr, "no memory\n"); exit(1); }
    return memory;
}

static inline void push(heap *h, double key, int64_t what) {
    int i = h->size++;
    for (int up; i && h->at[up = (i - 1) / 2].key > key; i = up) h->at[i] = h->at[up];
    h->at[i] = (entry){key, what};
}

static inline entry pop(heap *h) {
    entry first = h->at[0], last = h->at[--h->size];
    int i = 0;
    for (int down; (down = 2 * i + 1) < h->size; i = down) {
        if (down + 1 < h->size && h->at[down + 1].key < h->at[down].key) down++;
        if (h->at[down].key >= last.key) break;
        h->at[i] = h->at[down];
    }
    h->at[i] = last;
    return first;
}

static inline int inside(const state *s) { return s->now > s->count->since && s->now <= s->count->until; }

/* A worker wants a core for the next stretch of its task. */
static inline void compute(state *s, int64_t what) {
    int64_t task = what / 2;
    double work = s->of->blocking[task] > 0 ? s->of->cpu[task] / 2 : s->of->cpu[task];
    push(&s->running, s->virtual_now + work, what);
}

static inline void take(state *s, int64_t task) { s->of->begin[task] = s->now; }

/* A stretch is done: the worker blocks, or its task has ended and it takes the next one or falls idle. */
static inline void done(state *s, int64_t what) {
    int64_t task = what / 2;
    if (!(what & 1) && s->of->blocking[task] > 0) {
        push(&s->delayed, s->now + s->of->blocking[task] + s->in->wake_s, what + 1);
        s->count->switches += inside(s);
        return;
    }
    s->of->end[task] = s->now;
    if (s->head < s->tail) {
        int64_t next = s->queue[s->head++];
        take(s, next);
        compute(s, 2 * next);
    } else {
        s->busy--;
        s->count->switches += inside(s);
    }
}

static inline void arrive(state *s, int64_t task) {
    if (s->busy < s->in->workers) {
        s->busy++;
        take(s, task);
        if (s->in->wake_s > 0) push(&s->delayed, s->now + s->in->wake_s, 2 * task);
        else compute(s, 2 * task);
    } else if (s->in->limit < 0 || s->tail - s->head < s->in->limit) {
        s->queue[s->tail++] = task;
    } else {
        s->of->begin[task] = s->of->end[task] = NAN;
    }
}

/* Let time pass, and count what was in use between since and until. */
static inline void advance(state *s, double to) {
    const pool *p = s->in;
    int runnable = s->running.size;
    double from = s->now > s->count->since ? s->now : s->count->since;
    double span = (to < s->count->until ? to : s->count->until) - from;
    if (span > 0) {
        s->count->busy_s += span * s->busy;
        s->count->core_s += span * (runnable < p->cores ? runnable : p->cores);
        if (runnable > p->cores) s->count->switches += span * p->cores / p->turn_s;
    }
    s->virtual_now += (to - s->now) * p->rate[runnable];
    s->now = to;
}

/* Ends of stretches and of delays come before arrivals of the same instant. */
static void full(state *s) {
    int64_t arrived = 0;
    for (;;) {
        double ends = INFINITY;
        if (s->running.size)
            ends = s->now + (s->running.at[0].key - s->virtual_now) / s->in->rate[s->running.size];
        double wakes = s->delayed.size ? s->delayed.at[0].key : INFINITY;
        double comes = arrived < s->of->n ? s->of->due[arrived] : INFINITY;
        if (ends <= wakes && ends <= comes) {
            if (ends == INFINITY) return;
            double virtual_end = s->running.at[0].key;
            advance(s, ends);
            int64_t what = pop(&s->running).what;
            s->virtual_now = s->running.size ? virtual_end : 0;
            done(s, what);
        } else if (wakes <= comes) {
            advance(s, wakes);
            compute(s, pop(&s->delayed).what);
        } else {
            advance(s, comes);
            arrive(s, arrived++);
        }
    }
}

/* Gunther's universal scalability law over runnable workers, times their share of the cores less switching. */
static double *rates(int workers, int cores, double switch_s, double quantum_s, double sigma, double kappa) {
    double *rate = claim((workers + 1) * sizeof *rate);
    rate[0] = 1;
    for (int r = 1; r <= workers; r++) {
        double share = r > cores ? (double)cores / r * quantum_s / (quantum_s + switch_s) : 1;
        rate[r] = share / (1 + sigma * (r - 1) + kappa * r * (r - 1.0));
    }
    return rate;
}

/* J. Kiefer, J. Wolfowitz 1955: the earliest of the workers takes the next task. */
static void fifo(const tasks *of, double *free_at, int workers) {
    for (int64_t task = 0; task < of->n; task++) {
        double begin = free_at[0] > of->due[task] ? free_at[0] : of->due[task], end = begin + of->cpu[task];
        int i = 0;
        for (int down; (down = 2 * i + 1) < workers; i = down) {
            if (down + 1 < workers && free_at[down + 1] < free_at[down]) down++;
            if (free_at[down] >= end) break;
            free_at[i] = free_at[down];
        }
        free_at[i] = end;
        of->begin[task] = begin;
        of->end[task] = end;
    }
}

static tasks read_tasks(const char *path) {
    tasks of;
    FILE *file = fopen(path, "rb");
    if (!file || fread(&of.n, sizeof of.n, 1, file) != 1) { fprintf(stderr, "cannot read %s\n", path); exit(1); }
    double *all = claim(5 * of.n * sizeof *all);
    if (fread(all, sizeof *all, 3 * of.n, file) != (size_t)(3 * of.n)) { fprintf(stderr, "%s is cut\n", path); exit(1); }
    fclose(file);
    for (int64_t i = 3 * of.n; i < 5 * of.n; i++) all[i] = 0; /* the pages are there before the clock starts */
    of.due = all; of.cpu = all + of.n; of.blocking = all + 2 * of.n; of.begin = all + 3 * of.n; of.end = all + 4 * of.n;
    return of;
}

static double cpu_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    if (argc != 5 && argc != 13) { fprintf(stderr, "see the usage at the top of the source\n"); return 2; }
    tasks of = read_tasks(argv[1]);
    int workers = atoi(argv[4]);
    tally count = {0};
    double before;
    if (argc == 5) {
        before = cpu_s();
        double *free_at = calloc(workers, sizeof *free_at);
        fifo(&of, free_at, workers);
    } else {
        double switch_s = atof(argv[7]), quantum_s = atof(argv[8]);
        count.since = atof(argv[12]);
        count.until = of.n ? of.due[of.n - 1] : 0;
        before = cpu_s();
        pool in = {workers, atoi(argv[5]), atoll(argv[6]), switch_s + quantum_s, atof(argv[9]), NULL};
        in.rate = rates(workers, in.cores, switch_s, quantum_s, atof(argv[10]), atof(argv[11]));
        state s = {.of = &of, .in = &in, .count = &count, .queue = claim(of.n * sizeof(int64_t))};
        s.running.at = claim(workers * sizeof(entry));
        s.delayed.at = claim(workers * sizeof(entry));
        full(&s);
    }
    double taken = cpu_s() - before;
    FILE *out = fopen(argv[2], "wb");
    if (!out || fwrite(of.begin, sizeof(double), 2 * of.n, out) != (size_t)(2 * of.n) || fclose(out)) return 1;
    printf("{\"seconds\": %.9f, \"switches\": %.17g, \"busy_s\": %.17g, \"core_s\": %.17g}\n", taken, count.switches,
           count.busy_s, count.core_s);
    return 0;
}
