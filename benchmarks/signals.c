/* The evaluation of `signals.py` in plain C: when a signal's state changes, and which barrier the mid touches first.
 * `follow` looks at each trade bin by bin until it ends; `table` makes the outcome of every bin first, in one backward
 * pass over the levels of prices, and looks it up. It prints its CPU time and, a line each threshold, signals, take
 * profits, stop losses, time-outs and the summed result in half ticks.
 *
 * Usage: signals DATA follow|table TP SL HOLD COOLDOWN REPEATS THRESHOLD...
 *
 * DATA: int64 n, n doubles (the signal), n int32 (mids in half ticks). TP and SL are in half ticks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { long n; const double *signal; const int32_t *mid; } data;
typedef struct { int32_t tp, sl; long hold, cooldown; } rules;
typedef struct { long count[4]; long half_ticks; } result;             /* count: signals, then tp, sl, time-outs */
typedef struct { int32_t *exits[2]; int8_t *outcomes[2]; } passages;    /* long, short */

static void *claim(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) { fprintf(stderr, "no memory\n"); exit(1); }
    return memory;
}

static inline int state(double value, double threshold) { return value >= threshold ? 1 : value <= -threshold ? -1 : 0; }

static void follow(const data *d, const rules *r, double threshold, result *out) {
    long last = -r->cooldown;
    int before = 0;
    for (long i = 0; i < d->n; i++) {
        int side = state(d->signal[i], threshold);
        if (side && side != before && i - last >= r->cooldown) {
            long end = i + r->hold < d->n - 1 ? i + r->hold : d->n - 1, j = i + 1;
            int32_t high = d->mid[i] + (side > 0 ? r->tp : r->sl), low = d->mid[i] - (side > 0 ? r->sl : r->tp);
            int kind = 3;
            for (; j <= end; j++) {
                if (d->mid[j] >= high) { kind = side > 0 ? 1 : 2; break; }
                if (d->mid[j] <= low) { kind = side > 0 ? 2 : 1; break; }
            }
            if (j > end) j = end;
            out->count[0]++;
            out->count[kind]++;
            out->half_ticks += side * (d->mid[j] - d->mid[i]);
            last = i;
        }
        before = side;
    }
}

static inline void settle(passages *p, int row, long at, int32_t gain, int32_t loss, long last) {
    int32_t first = gain < loss ? gain : loss;
    p->exits[row][at] = first < last ? first : (int32_t)last;
    p->outcomes[row][at] = first > last ? 3 : gain < loss ? 1 : 2;
}

static void table(const data *d, const rules *r, passages *p) {
    int32_t low = d->mid[0], high = d->mid[0], pad = r->tp > r->sl ? r->tp : r->sl;
    for (long i = 1; i < d->n; i++) { if (d->mid[i] < low) low = d->mid[i]; if (d->mid[i] > high) high = d->mid[i]; }
    long levels = (long)high - low + 1 + 2 * pad;
    int32_t *up = claim(levels * sizeof *up), *down = claim(levels * sizeof *down);
    for (long l = 0; l < levels; l++) up[l] = down[l] = INT32_MAX;
    for (long i = d->n - 1; i >= 0; i--) {
        int32_t here = d->mid[i] - low + pad, before = i ? d->mid[i - 1] - low + pad : here;
        long last = i + r->hold < d->n - 1 ? i + r->hold : d->n - 1;
        settle(p, 0, i, up[here + r->tp], down[here - r->sl], last);
        settle(p, 1, i, down[here - r->tp], up[here + r->sl], last);
        for (int32_t l = before + 1; l <= here; l++) up[l] = (int32_t)i;
        for (int32_t l = here; l < before; l++) down[l] = (int32_t)i;
    }
    free(up);
    free(down);
}

static void look_up(const data *d, const rules *r, const passages *p, double threshold, result *out) {
    long last = -r->cooldown;
    int before = 0;
    for (long i = 0; i < d->n; i++) {
        int side = state(d->signal[i], threshold);
        if (side && side != before && i - last >= r->cooldown) {
            int row = side < 0;
            out->count[0]++;
            out->count[p->outcomes[row][i]]++;
            out->half_ticks += side * (d->mid[p->exits[row][i]] - d->mid[i]);
            last = i;
        }
        before = side;
    }
}

int main(int argc, char **argv) {
    if (argc < 9) { fprintf(stderr, "usage: signals DATA follow|table TP SL HOLD COOLDOWN REPEATS THRESHOLD...\n"); return 2; }
    FILE *file = fopen(argv[1], "rb");
    int64_t n;
    if (!file || fread(&n, sizeof n, 1, file) != 1) { fprintf(stderr, "no data\n"); return 1; }
    double *signal = claim(n * sizeof *signal);
    int32_t *mid = claim(n * sizeof *mid);
    if (fread(signal, sizeof *signal, n, file) != (size_t)n || fread(mid, sizeof *mid, n, file) != (size_t)n) return 1;
    fclose(file);
    data d = {n, signal, mid};
    rules r = {atoi(argv[3]), atoi(argv[4]), atol(argv[5]), atol(argv[6])};
    int repeats = atoi(argv[7]), combinations = argc - 8, looks = !strcmp(argv[2], "table");
    passages p;
    for (int row = 0; row < 2; row++) { p.exits[row] = claim(n * sizeof **p.exits); p.outcomes[row] = claim(n); }
    result *out = claim(combinations * sizeof *out);
    clock_t start = clock();
    for (int repeat = 0; repeat < repeats; repeat++) {
        memset(out, 0, combinations * sizeof *out);
        if (looks) table(&d, &r, &p);
        for (int c = 0; c < combinations; c++) {
            if (looks) look_up(&d, &r, &p, atof(argv[8 + c]), &out[c]);
            else follow(&d, &r, atof(argv[8 + c]), &out[c]);
        }
    }
    printf("%.9f\n", (double)(clock() - start) / CLOCKS_PER_SEC / repeats);
    for (int c = 0; c < combinations; c++)
        printf("%ld %ld %ld %ld %ld\n", out[c].count[0], out[c].count[1], out[c].count[2], out[c].count[3], out[c].half_ticks);
    return 0;
}
