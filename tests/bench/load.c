/*
 * A client that costs next to nothing beside what it measures: HTTP/1.1 over kept connections.
 *
 *   load PORT CLIENTS SECONDS RUN FILE
 *
 * Compiled by tests/bench/load.py. Every client sends the requests of FILE in turn, each after the
 * answer to the one before, until SECONDS are over; answers that are due then are waited for. FILE
 * holds blocks "LENGTH FOLLOWING\n" and so many bytes: a request, and what follows it once it was
 * answered by 201 (0 bytes: nothing). Of a request each KEY is replaced by RUN and a number, which
 * no other request has; of what follows CALL by the call_no of the answer. A lost connection is made
 * again, its request counts as lost; one that an answer closes is made again without a loss. Ends
 * with one line of JSON; latencies are of all answers, "in_time" are those that came within SECONDS,
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
#define DRAIN_US 10000000
#define RETRY_US 20000

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
  uint64_t sent_at, retry_at;
} Client;

static Request *requests;
static size_t request_count, turn;
static uint64_t number, end_at, last_at, answers, in_time, lost, good;
static uint64_t statuses[600];
static uint32_t *latencies;
static size_t latency_size;
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
  client->sent_at = now_us();
  send_rest(client);
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
  if (open_connection(client)) send_next(client);
}

static void lose(Client *client) {
  lost++;
  close(client->fd);
  client->fd = -1;
  client->retry_at = now_us() + RETRY_US;
}

static void note(Client *client, int status) {
  uint64_t at = now_us();
  if (answers == latency_size) {
    latency_size = latency_size ? 2 * latency_size : 1 << 16;
    latencies = need(realloc(latencies, latency_size * sizeof *latencies));
  }
  latencies[answers++] = (uint32_t)(at - client->sent_at);
  in_time += at <= end_at;
  last_at = at;
  good += status < 300;
  statuses[status < 600 ? status : 599]++;
}

/* Whether the whole answer is there; then its status, where its body begins, and whether it is the
 * connection's last one. */
static int whole(Client *client, int *status, size_t *body, int *is_last) {
  char *end = memmem(client->in, client->in_length, "\r\n\r\n", 4);
  if (!end) return 0;
  *body = (size_t)(end - client->in) + 4;
  *end = 0; /* so that it can be searched; nobody reads it again */
  *status = atoi(client->in + 9);
  char *length = strcasestr(client->in, "\r\ncontent-length:");
  if (!length) die("an answer does not tell its length");
  size_t size = strtoull(length + 17, NULL, 10);
  *is_last = strcasestr(client->in, "\r\nconnection: close") != NULL;
  *end = '\r';
  return client->in_length >= *body + size;
}

static void read_answer(Client *client) {
  int status, is_last;
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
    if (whole(client, &status, &body, &is_last)) break;
  }
  note(client, status);
  if (is_last) {
    close(client->fd);
    if (!open_connection(client)) {
      lost += status == 201 && client->request->follow_length && !client->follows;
      return;
    }
  }
  if (status == 201 && client->request->follow_length && !client->follows) {
    client->in[client->in_length] = 0;
    char *call = strstr(client->in + body, "\"call_no\":\"");
    if (!call) die("an answer has no call_no");
    send_follow(client, call + 11);
  } else if (now_us() < end_at) {
    send_next(client);
  } else {
    close(client->fd);
    client->fd = -1;
    client->retry_at = UINT64_MAX;
  }
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static uint32_t quantile(double share) {
  return answers ? latencies[(size_t)((double)(answers - 1) * share)] : 0;
}

static void tell(uint64_t start) {
  struct rusage usage;
  const char *comma = "";
  getrusage(RUSAGE_SELF, &usage);
  qsort(latencies, answers, sizeof *latencies, by_size);
  printf("{\"answers\": %lu, \"in_time\": %lu, \"good\": %lu, \"lost\": %lu, \"seconds\": %.3f, "
         "\"elapsed\": %.3f, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u, \"cpu_us\": %ld, \"statuses\": {",
         answers, in_time, good, lost, (double)(end_at - start) / 1e6,
         answers ? (double)(last_at - start) / 1e6 : 0.0, quantile(0.5),
         quantile(0.99), quantile(1),
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
  if (count != 6) die("load PORT CLIENTS SECONDS RUN FILE");
  port = atoi(words[1]);
  int client_count = atoi(words[2]);
  snprintf(run, sizeof run, "%-8.8s", words[4]);
  read_requests(words[5]);
  epoll = epoll_create1(0);
  Client *clients = need(calloc((size_t)client_count, sizeof *clients));
  uint64_t start = now_us();
  end_at = start + (uint64_t)(atof(words[3]) * 1e6);
  for (int i = 0; i < client_count; i++) connect_client(&clients[i]);
  for (;;) {
    int open = 0, broken = 0;
    uint64_t at = now_us();
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
    int ready = epoll_wait(epoll, events, 256, broken ? 10 : 100);
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
