/* One function for each way compiled code can die. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

volatile int sink;
volatile int zero = 0;
void *(*volatile get)(size_t) = malloc;
void (*volatile put)(void *) = free;

__attribute__((noinline)) void deep_two(volatile int *p) { *p = 1; sink++; }
__attribute__((noinline)) void deep_one(volatile int *p) { deep_two(p); sink++; }
void write_null(void) { deep_one((volatile int *)0x10); sink++; }
void copy_null(void) { char b[64]; memcpy(b, (void *)(0x18L + zero), 32 + zero); sink = b[3]; }
void give_up(void) { abort(); }
void free_twice(void) { void *p = get(100), *q = get(100); put(p); put(p); sink = q != 0; }
__attribute__((noinline)) int recurse(int n) { volatile char big[512]; big[0] = n; return recurse(n + 1) + big[0]; }
void overflow(void) { sink = recurse(zero); }
static void *overflow_here(void *a) { sink = recurse(zero); return a; }
void overflow_in_thread(void) { pthread_t t; pthread_create(&t, 0, overflow_here, 0); pthread_join(t, 0); }
void trap(void) { __builtin_trap(); }
void divide(void) { volatile int a = 1; __asm__ volatile("cltd\n idivl %1" : : "a"(a), "r"(zero) : "edx"); }
void jump(void) { ((void (*)(void))(7L + zero))(); sink++; }
void leave(void) { exit(3); }
void wild(void) { sink = *(volatile int *)(0xdeadbeefdeadbeefUL + zero); sink++; }
void cut_short(const char *path) {
  int f = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (ftruncate(f, 16384)) return;
  char *p = mmap(0, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
  if (ftruncate(f, 4096)) return;
  p[8192] = 1;
  sink++;
}
static void *crash_here(void *a) { deep_one((volatile int *)(long)zero); return a; }
void crash_in_threads(void) {
  pthread_t t[8];
  for (int i = 0; i < 8; i++) pthread_create(t + i, 0, crash_here, 0);
  for (int i = 0; i < 8; i++) pthread_join(t[i], 0);
}
void bad_opcode(void) { __asm__ volatile(".byte 0x06"); sink++; }
void stop_here(void) { __asm__ volatile("int3"); sink++; }
void fail(void) { assert(zero); }
void overrun(void) {
  char *p = get(24), *q = get(24);
  for (int i = 0; i < 100000 && q != p + 32; i++) p = q, q = get(24);
  memset(p, 0x41, 40);
  put(q);
}
static void *spin_here(void *a) { for (volatile long i = 0; i < *(long *)a; i++) sink++; return a; }
void spin(int count, long rounds) {
  pthread_t t[64];
  for (int i = 0; i < count; i++) pthread_create(t + i, 0, spin_here, &rounds);
  for (int i = 0; i < count; i++) pthread_join(t[i], 0);
}
void take_handlers(void) { for (int i = 4; i <= 11; i++) if (i != 9 && i != 10) signal(i, SIG_DFL); }
