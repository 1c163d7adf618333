/*
 * Peer (f): the SQL of a batch of calls, sent by a program that does nothing else: what the
 * database alone can do.
 *
 *   client PLAN SECONDS BATCH FIRST RUN
 *
 * Made and started by tests/bench/sql_client.py. PLAN has blocks "LENGTH\n" and so many bytes:
 * socket, user, password, database, the statements that lock and read, the head of the insert, one
 * row of it, and the statements that write the counters and commit. In a row ID is replaced by an
 * id that nothing else has, and NUMBER by FIRST and on; in the last statements NUMBER by BATCH. Two
 * round trips a batch. Ends with one line of JSON.
 *
 * The few functions of libmariadb are declared here, so that no header is needed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct st_mysql MYSQL;
typedef struct st_mysql_res MYSQL_RES;
extern MYSQL *mysql_init(MYSQL *);
extern MYSQL *mysql_real_connect(MYSQL *, const char *, const char *, const char *, const char *,
                                 unsigned int, const char *, unsigned long);
extern int mysql_real_query(MYSQL *, const char *, unsigned long);
extern MYSQL_RES *mysql_store_result(MYSQL *);
extern void mysql_free_result(MYSQL_RES *);
extern int mysql_next_result(MYSQL *);
extern const char *mysql_error(MYSQL *);
extern void mysql_close(MYSQL *);
#define MULTI_STATEMENTS (1UL << 16)

#define ID "################################" /* 32 characters */
#define NUMBER "@@@@@@@@@@"                    /* 10 characters */

typedef struct {
  char *text;
  size_t length;
} Text;

static Text plan[8];
static char *out;
static size_t out_length, out_size;

static void die(const char *why) {
  fprintf(stderr, "client: %s\n", why);
  exit(2);
}

static void put(const char *text, size_t length) {
  if (out_length + length > out_size) {
    out_size = 2 * (out_size + length);
    out = realloc(out, out_size);
    if (!out) die("out of memory");
  }
  memcpy(out + out_length, text, length);
  out_length += length;
}

/* Replace each MARK in what was put from FROM on by as many characters of VALUE. */
static void fill(size_t from, const char *mark, const char *value) {
  size_t length = strlen(mark);
  for (size_t at = from; at + length <= out_length; at++)
    if (out[at] == *mark && !memcmp(out + at, mark, length)) memcpy(out + at, value, length);
}

static void run(MYSQL *mysql) {
  int more;
  if (mysql_real_query(mysql, out, out_length)) die(mysql_error(mysql));
  do {
    MYSQL_RES *rows = mysql_store_result(mysql);
    if (rows) mysql_free_result(rows);
    more = mysql_next_result(mysql);
    if (more > 0) die(mysql_error(mysql));
  } while (!more);
  out_length = 0;
}

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int count, char **words) {
  if (count != 6) die("client PLAN SECONDS BATCH FIRST RUN");
  FILE *file = fopen(words[1], "rb");
  if (!file) die("the plan cannot be read");
  for (int i = 0; i < 8; i++) {
    if (fscanf(file, "%zu", &plan[i].length) != 1) die("the plan ends too soon");
    fgetc(file);
    plan[i].text = calloc(1, plan[i].length + 1);
    if (fread(plan[i].text, 1, plan[i].length, file) != plan[i].length)
      die("the plan ends too soon");
  }
  fclose(file);
  double length = atof(words[2]);
  int batch = atoi(words[3]);
  uint64_t number = strtoull(words[4], NULL, 10), calls = 0, batches = 0;
  char id[33], text[11], size[11];
  MYSQL *mysql = mysql_init(NULL);
  if (!mysql_real_connect(mysql, "localhost", plan[1].text, plan[2].text, plan[3].text, 0,
                          plan[0].text, MULTI_STATEMENTS))
    die(mysql_error(mysql));
  snprintf(size, sizeof size, "%010d", batch);
  double start = seconds(), end = start;
  while (end - start < length) {
    put(plan[4].text, plan[4].length);
    run(mysql);
    put(plan[5].text, plan[5].length);
    for (int i = 0; i < batch; i++, number++) {
      size_t from = out_length;
      if (i) put(",", 1);
      put(plan[6].text, plan[6].length);
      /* As ids of the application: they rise. */
      snprintf(id, sizeof id, "%012llx%012llx%-8.8s", (unsigned long long)time(NULL) * 1000,
               (unsigned long long)number, words[5]);
      snprintf(text, sizeof text, "%010llu", (unsigned long long)number);
      fill(from, ID, id);
      fill(from, NUMBER, text);
    }
    put(plan[7].text, plan[7].length);
    fill(out_length - plan[7].length, NUMBER, size);
    run(mysql);
    calls += (uint64_t)batch;
    batches++;
    end = seconds();
  }
  mysql_close(mysql);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"calls\": %llu, \"batches\": %llu, \"seconds\": %.3f, \"cpu_us\": %ld}\n",
         (unsigned long long)calls, (unsigned long long)batches, end - start,
         (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec +
             usage.ru_stime.tv_usec);
  return 0;
}
