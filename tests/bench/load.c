/*
 * A client that costs next to nothing beside what it measures: HTTP/1.1 over kept connections.
 *
 *   load PORT CLIENTS SECONDS RUN FILE [RATE]
 *
 * Compiled by tests/bench/load.py. Every client sends the requests of FILE in turn, each after the
 * answer to the one before, until SECONDS are over; answers that are due then are waited for. With
 * RATE so many requests a second are sent whether answers come or not, each by a client that waits
 * for none; where there is none left, the request counts as "unsent". The time begins when all of
 * them have asked for /healthz once, since it is not connecting that is measured. FILE
 * holds blocks "LENGTH FOLLOWING\n" and so many bytes: a request, and what follows it once it was
 * answered by 201 (0 bytes: nothing). Of a request each KEY is replaced by RUN and a number, which
 * no other request has; of what follows CALL by the call_no of the answer. A lost connection is made
 * again, its request counts as lost; one that an answer closes is made again without a loss. Says
 * "begin" when time begins (the last time counts), and ends with one line of JSON; latencies are of
 * answers below 300 ("good") and, apart from them, of the others, "refusals", of which "told_when"
 * have a Retry-After. "in_time" are answers that came within SECONDS, "good_in_time" the good ones;
 * "elapsed" is when the last one came.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY "%%%%%%%%%%%%%%%%"                 /* 16 characters */
#define CALL "################################" /* 32 characters */
#define HELLO "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#define DRAIN_US 10000000
#define GREETING_SECONDS 60
#define RETRY_US 20000
#define LOOK_US 10000

typedef struct {
  char *text;
  size_t length;
  size_t *keys; /* where KEY stands */
  size_t key_count;
  char *follow;
  size_t follow_length;
  size_t call_at;
} Request;

typedef struct {
  int fd;
  char *out, *in;
  size_t out_length, out_sent, out_size, in_length, in_size;
  const Request *request;
  int follows; /* what is sent follows an answer */
  int waits;   /* for an answer */
  int greets;  /* that is the one to HELLO */
  uint64_t sent_at, retry_at;
} Client;

typedef struct {
  uint32_t *us;
  size_t count, size;
} Latencies;

static Request *requests;
static size_t request_count, turn;
static uint64_t number, end_at, last_at, answers, in_time, good_in_time, lost, told_when, unsent;
static uint64_t statuses[600];
static Latencies good, refusals;
static Client **resting; /* clients that wait for nothing, with RATE */
static size_t resting_count;
static double rate;
static char run[9];
static int port, epoll;

static uint64_t now_us(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000;
}

static void die(const char *why) {
  fprintf(stderr, "load: %s\n", why);
  exit(2);
}

static void *need(void *memory) {
  if (!memory) die("out of memory");
  return memory;
}

static void read_requests(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t length, following;
  if (!file) die("the file of requests cannot be read");
  while (fscanf(file, "%zu %zu", &length, &following) == 2) {
    fgetc(file);
    requests = need(realloc(requests, (request_count + 1) * sizeof *requests));
    Request *one = &requests[request_count++];
    memset(one, 0, sizeof *one);
    one->text = need(malloc(length + 1));
    one->follow = need(malloc(following + 1));
    if (fread(one->text, 1, length, file) != length ||
        fread(one->follow, 1, following, file) != following)
      die("the file of requests ends too soon");
    one->length = length;
    one->follow_length = following;
    for (char *at = one->text; (at = memmem(at, length - (size_t)(at - one->text), KEY, 16));) {
      one->keys = need(realloc(one->keys, (one->key_count + 1) * sizeof *one->keys));
      one->keys[one->key_count++] = (size_t)(at - one->text);
      at += 16;
    }
    char *call = following ? memmem(one->follow, following, CALL, 32) : NULL;
    one->call_at = call ? (size_t)(call - one->follow) : 0;
  }
  fclose(file);
  if (!request_count) die("there is no request in the file");
}

static void watch(Client *client, uint32_t events, int how) {
  struct epoll_event event = {.events = events, .data.ptr = client};
  epoll_ctl(epoll, how, client->fd, &event);
}

static void send_rest(Client *client) {
  while (client->out_sent < client->out_length) {
    ssize_t count = send(client->fd, client->out + client->out_sent,
                         client->out_length - client->out_sent, MSG_NOSIGNAL);
    if (count < 0) {
      watch(client, errno == EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
      return; /* what is wrong is seen by reading */
    }
    client->out_sent += (size_t)count;
    if (client->out_sent == client->out_length && client->out_length > 16384)
      watch(client, EPOLLIN, EPOLL_CTL_MOD);
  }
}

static void put_request(Client *client, const char *text, size_t length) {
  if (client->out_size < length) {
    client->out = need(realloc(client->out, length));
    client->out_size = length;
  }
  memcpy(client->out, text, length);
  client->out_length = length;
  client->out_sent = client->in_length = 0;
}

static void send_next(Client *client) {
  static const char digits[] = "0123456789abcdef";
  const Request *one = &requests[turn++ % request_count];
  client->request = one;
  client->follows = 0;
  put_request(client, one->text, one->length);
  for (size_t i = 0; i < one->key_count; i++) {
    char *at = client->out + one->keys[i];
    uint64_t value = number++;
    memcpy(at, run, 8);
    for (int digit = 15; digit >= 8; digit--, value >>= 4) at[digit] = digits[value & 15];
  }
  client->waits = 1;
  client->sent_at = now_us();
  send_rest(client);
}

/* What a client does that has no request under way. */
static void go_on(Client *client) {
  client->waits = 0;
  if (rate > 0) resting[resting_count++] = client;
  else send_next(client);
}

static void send_follow(Client *client, const char *call_no) {
  put_request(client, client->request->follow, client->request->follow_length);
  memcpy(client->out + client->request->call_at, call_no, 32);
  client->follows = 1;
  client->sent_at = now_us();
  send_rest(client);
}

static int open_connection(Client *client) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int yes = 1;
  client->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (client->fd < 0) die("no socket");
  if (connect(client->fd, (struct sockaddr *)&address, sizeof address) < 0) {
    close(client->fd);
    client->fd = -1;
    client->retry_at = now_us() + RETRY_US;
    return 0;
  }
  fcntl(client->fd, F_SETFL, O_NONBLOCK);
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  watch(client, EPOLLIN, EPOLL_CTL_ADD);
  return 1;
}

static void connect_client(Client *client) {
  if (!open_connection(client)) return;
  if (rate <= 0) {
    send_next(client);
    return;
  }
  put_request(client, HELLO, sizeof HELLO - 1);
  client->waits = client->greets = 1;
  send_rest(client);
}

static void hang_up(Client *client, uint64_t retry_at) {
  close(client->fd);
  client->fd = -1;
  client->retry_at = retry_at;
  if (client->waits || rate <= 0) return;
  for (size_t i = 0; i < resting_count; i++)
    if (resting[i] == client) {
      resting[i] = resting[--resting_count];
      return;
    }
}

static void lose(Client *client) {
  lost += (uint64_t)client->waits;
  client->greets = 0;
  hang_up(client, now_us() + RETRY_US);
}

static void note(Client *client, int status, int tells_when) {
  uint64_t at = now_us();
  Latencies *kind = status < 300 ? &good : &refusals;
  if (kind->count == kind->size) {
    kind->size = kind->size ? 2 * kind->size : 1 << 16;
    kind->us = need(realloc(kind->us, kind->size * sizeof *kind->us));
  }
  kind->us[kind->count++] = (uint32_t)(at - client->sent_at);
  answers++;
  in_time += at <= end_at;
  good_in_time += at <= end_at && status < 300;
  told_when += (uint64_t)(status >= 300 && tells_when);
  last_at = at;
  statuses[status < 600 ? status : 599]++;
}

/* Whether the whole answer is there; then its status, whether it says when to try again, whether it
 * is the connection's last one, and where its body begins. */
static int whole(Client *client, int *status, int *tells_when, int *is_last, size_t *body) {
  char *end = memmem(client->in, client->in_length, "\r\n\r\n", 4);
  if (!end) return 0;
  *body = (size_t)(end - client->in) + 4;
  *end = 0; /* so that it can be searched; nobody reads it again */
  *status = atoi(client->in + 9);
  char *length = strcasestr(client->in, "\r\ncontent-length:");
  if (!length) die("an answer does not tell its length");
  size_t size = strtoull(length + 17, NULL, 10);
  *is_last = strcasestr(client->in, "\r\nconnection: close") != NULL;
  *tells_when = *status >= 300 && strcasestr(client->in, "\r\nretry-after:") != NULL;
  *end = '\r';
  return client->in_length >= *body + size;
}

static void read_answer(Client *client) {
  int status, tells_when, is_last;
  size_t body;
  for (;;) {
    if (client->in_size - client->in_length < 65536) {
      client->in_size = client->in_size ? 2 * client->in_size : 1 << 17;
      client->in = need(realloc(client->in, client->in_size + 1));
    }
    ssize_t count = recv(client->fd, client->in + client->in_length,
                         client->in_size - client->in_length, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
      lose(client);
      return;
    }
    if (count < 0) return;
    client->in_length += (size_t)count;
    if (whole(client, &status, &tells_when, &is_last, &body)) break;
  }
  if (!client->greets) note(client, status, tells_when);
  if (is_last) {
    close(client->fd);
    if (!open_connection(client)) {
      lost += status == 201 && client->request->follow_length && !client->follows;
      return;
    }
  }
  if (client->greets) {
    client->greets = 0;
    go_on(client);
    return;
  }
  if (status == 201 && client->request->follow_length && !client->follows) {
    client->in[client->in_length] = 0;
    char *call = strstr(client->in + body, "\"call_no\":\"");
    if (!call) die("an answer has no call_no");
    send_follow(client, call + 11);
  } else if (now_us() < end_at) {
    go_on(client);
  } else {
    client->waits = 1; /* it is not among those that rest */
    hang_up(client, UINT64_MAX);
  }
}

static void begin(uint64_t *start, double seconds) {
  printf("begin\n");
  fflush(stdout);
  *start = now_us();
  end_at = *start + (uint64_t)(seconds * 1e6);
}

/* Sends what is due by now, with RATE. */
static void send_due(uint64_t start) {
  static uint64_t turns;
  uint64_t at = now_us();
  if (at >= end_at) {
    while (resting_count) hang_up(resting[resting_count - 1], UINT64_MAX);
    return;
  }
  for (uint64_t due = (uint64_t)((double)(at - start) * rate / 1e6); turns < due; turns++)
    if (resting_count) send_next(resting[--resting_count]);
    else unsent++;
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void tell_latencies(const char *prefix, Latencies *kind) {
  qsort(kind->us, kind->count, sizeof *kind->us, by_size);
  size_t last = kind->count ? kind->count - 1 : 0;
  uint32_t none = 0, *us = kind->count ? kind->us : &none;
  printf("\"%sp50_us\": %u, \"%sp99_us\": %u, \"%smax_us\": %u, ", prefix,
         us[(size_t)((double)last * 0.5)], prefix, us[(size_t)((double)last * 0.99)], prefix,
         us[last]);
}

static void tell(uint64_t start) {
  struct rusage usage;
  const char *comma = "";
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"answers\": %lu, \"in_time\": %lu, \"good\": %lu, \"good_in_time\": %lu, "
         "\"told_when\": %lu, \"lost\": %lu, \"unsent\": %lu, \"seconds\": %.3f, \"elapsed\": %.3f, ",
         answers, in_time, good.count, good_in_time, told_when, lost, unsent,
         (double)(end_at - start) / 1e6, answers ? (double)(last_at - start) / 1e6 : 0.0);
  tell_latencies("", &good);
  tell_latencies("refused_", &refusals);
  printf("\"cpu_us\": %ld, \"statuses\": {",
         (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec +
             usage.ru_stime.tv_usec);
  for (int status = 0; status < 600; status++)
    if (statuses[status]) {
      printf("%s\"%d\": %lu", comma, status, statuses[status]);
      comma = ", ";
    }
  printf("}}\n");
}

int main(int count, char **words) {
  struct epoll_event events[256];
  if (count != 6 && count != 7) die("load PORT CLIENTS SECONDS RUN FILE [RATE]");
  if (count == 7) rate = atof(words[6]);
  port = atoi(words[1]);
  int client_count = atoi(words[2]);
  snprintf(run, sizeof run, "%-8.8s", words[4]);
  read_requests(words[5]);
  epoll = epoll_create1(0);
  Client *clients = need(calloc((size_t)client_count, sizeof *clients));
  resting = need(calloc((size_t)client_count, sizeof *resting));
  uint64_t start = 0;
  double seconds = atof(words[3]);
  int greeting = rate > 0;
  begin(&start, greeting ? GREETING_SECONDS : seconds);
  for (int i = 0; i < client_count; i++) connect_client(&clients[i]);
  for (uint64_t look_at = 0;;) {
    uint64_t at = now_us();
    if (at >= look_at) { /* not each time: there may be thousands */
      int open = 0, broken = 0;
      for (int i = 0; i < client_count; i++) {
        if (clients[i].fd >= 0) open++;
        else if (at < end_at && clients[i].retry_at != UINT64_MAX) {
          broken++;
          if (at >= clients[i].retry_at) connect_client(&clients[i]);
        }
      }
      if (!open && !broken) break;
      if (at > end_at + DRAIN_US) {
        lost += (uint64_t)open;
        break;
      }
      look_at = at + LOOK_US;
    }
    if (greeting && resting_count == (size_t)client_count) greeting = 0, begin(&start, seconds);
    if (rate > 0 && !greeting) send_due(start);
    int ready = epoll_wait(epoll, events, 256, rate > 0 ? 1 : LOOK_US / 1000);
    for (int i = 0; i < ready; i++) {
      Client *client = events[i].data.ptr;
      if (client->fd < 0) continue;
      if (events[i].events & EPOLLOUT) send_rest(client);
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_answer(client);
    }
  }
  tell(start);
  return 0;
}
