/* The machine's limit in float32 multiply-adds: independent chains in registers, on as many threads as asked.
 *   fma_limit THREADS SECONDS  prints GFLOP/s (a multiply-add is two operations).
 * Compiled for the machine it runs on; the vector width follows from the compiler's flags. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
#define WIDTH 64
#elif defined(__AVX__)
#define WIDTH 32
#else
#define WIDTH 16
#endif
typedef float lanes __attribute__((vector_size(WIDTH)));

/* Enough chains to cover the latency of two units, few enough for the registers. */
#define CHAINS 12
#define INNER 4096

static double seconds_to_run;
static pthread_barrier_t start_line;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

struct result { double flops, seconds; float sink; };

static void *work(void *out) {
  struct result *r = out;
  lanes a[CHAINS], x, y;
  for (unsigned i = 0; i < sizeof(x) / sizeof(float); i++) { x[i] = 0.9999f; y[i] = 1e-4f; }
  for (int c = 0; c < CHAINS; c++) a[c] = y * (float)(c + 1);
  pthread_barrier_wait(&start_line);
  double begin = now(), end;
  long rounds = 0;
  do {
    for (int i = 0; i < INNER; i++) {
#pragma GCC unroll 12
      for (int c = 0; c < CHAINS; c++) a[c] = a[c] * x + y; /* contracted to one multiply-add */
    }
    rounds++;
  } while ((end = now()) - begin < seconds_to_run);
  for (int c = 0; c < CHAINS; c++) r->sink += a[c][0];
  r->flops = 2.0 * rounds * INNER * CHAINS * (sizeof(lanes) / sizeof(float));
  r->seconds = end - begin;
  return 0;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  seconds_to_run = argc > 2 ? atof(argv[2]) : 0.1;
  if (threads < 1 || threads > 1024 || !(seconds_to_run > 0)) {
    fprintf(stderr, "usage: fma_limit THREADS SECONDS\n");
    return 2;
  }
  pthread_t *ids = calloc(threads, sizeof *ids);
  struct result *results = calloc(threads, sizeof *results);
  pthread_barrier_init(&start_line, 0, threads);
  for (int t = 0; t < threads; t++) pthread_create(&ids[t], 0, work, &results[t]);
  double rate = 0, sink = 0;
  for (int t = 0; t < threads; t++) {
    pthread_join(ids[t], 0);
    rate += results[t].flops / results[t].seconds;
    sink += results[t].sink;
  }
  if (sink == 0) fprintf(stderr, "nothing was computed\n");
  printf("%.2f\n", rate / 1e9);
  return 0;
}
