/*
 * crowd: many clients that hold a connection and want next to nothing, each from an address of its own in 127.1.0.0/16.
 *
 * --ways says what they do, in turn: `idle` greets and keeps silent; `slow` sends a command at one octet per second;
 * `data` a message, without end. `-tls` behind it: inside TLS. Orders on standard input, one answer line each: `stat`.
 * At the end of the input everybody leaves. A client that is turned away or cut off counts as lost and stays away.
 */
#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_CLIENTS = 20000, MAX_WAYS = 8, MAX_ENTERING = 64, TICK_MS = 5 };

typedef struct {
  bool tls, drips, in_data;
} way;

typedef enum { OUTSIDE, CONNECTING, GREETING, EHLO_BEFORE_TLS, STARTTLS, HANDSHAKE, EHLO, MAIL, RCPT, DATA, STANDING, LOST } stage;

typedef struct {
  wire w;
  stage at;
  const way *way;
  size_t dripped;
  char line[4]; /* code and mark of the reply line that is being read */
  size_t column;
} client;

static struct {
  struct sockaddr_in to;
  int clients, first, ways;
  way way[MAX_WAYS];
} o = {.clients = 1000};

static client *clients;
static SSL_CTX *tls_context;
static int epoll;
static int entered; /* have been sent in so far */
static struct {
  int entering, standing, lost;
  uint64_t octets;
} n;

static const char slow_command[] = "NOOP one octet per second is all that this client has to say to anybody\r\n";
static const char slow_text[] = "One octet per second is all that this client has to say to anybody.\r\n";

static void lose(client *c) {
  if (c->at == STANDING)
    n.standing--;
  else
    n.entering--;
  n.lost++;
  wire_close(&c->w);
  c->at = LOST;
}

static void enter(client *c, int number) {
  struct sockaddr_in from = {.sin_family = AF_INET};
  unsigned place = (unsigned)(o.first + number);
  from.sin_addr.s_addr = htonl(127u << 24 | 1u << 16 | place);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from)) {
    perror("crowd");
    exit(1);
  }
  n.entering++;
  c->way = &o.way[number % o.ways];
  c->at = CONNECTING;
  wire_open(&c->w, fd, epoll, EPOLLOUT, c);
  if (connect(fd, (struct sockaddr *)&o.to, sizeof o.to) && errno != EINPROGRESS) lose(c);
}

static void stand(client *c) {
  c->at = STANDING;
  n.entering--;
  n.standing++;
}

static void say(client *c, const char *text, stage next) {
  wire_say(&c->w, text);
  c->at = next;
}

/* The last line of a reply. */
static void on_reply(client *c) {
  char class = c->line[0];
  if (c->at == STANDING) {
    if (class != '2') lose(c);
    return;
  }
  if (class != '2' && class != '3') {
    lose(c);
    return;
  }
  switch (c->at) {
    case GREETING:
      say(c, "EHLO crowd.test\r\n", c->way->tls ? EHLO_BEFORE_TLS : EHLO);
      break;
    case EHLO_BEFORE_TLS:
      say(c, "STARTTLS\r\n", STARTTLS);
      break;
    case STARTTLS:
      wire_start_tls(&c->w, tls_context, false);
      c->at = HANDSHAKE;
      break;
    case EHLO:
      if (c->way->in_data)
        say(c, "MAIL FROM:<slow@load.test>\r\n", MAIL);
      else
        stand(c);
      break;
    case MAIL:
      say(c, "RCPT TO:<slow@d0.test>\r\n", RCPT);
      break;
    case RCPT:
      say(c, "DATA\r\n", DATA);
      break;
    default:
      stand(c);
  }
}

static void read_octets(client *c, const char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] == '\n') {
      c->column = 0;
      if (c->line[3] != '-') on_reply(c);
      if (c->at == LOST) return;
    } else {
      if (c->column < sizeof c->line) c->line[c->column] = bytes[i];
      c->column++;
    }
  }
}

static void on_event(client *c) {
  char bytes[4096];
  if (c->at == LOST) return;
  if (c->at == CONNECTING) c->at = GREETING;
  for (;;) {
    if (c->at == HANDSHAKE) switch (wire_shake(&c->w)) {
        case SHAKING:
          return;
        case SHAKE_FAILED:
          lose(c);
          return;
        case SHAKEN:
          say(c, "EHLO crowd.test\r\n", EHLO);
      }
    if (wire_flush(&c->w) == BROKEN) {
      lose(c);
      return;
    }
    ssize_t got = wire_read(&c->w, bytes, sizeof bytes);
    if (got == 0) return;
    if (got < 0) {
      lose(c);
      return;
    }
    read_octets(c, bytes, (size_t)got);
    if (c->at == LOST) return;
  }
}

static void drip(client *c) {
  if (c->at != STANDING || !c->way->drips) return;
  const char *text = c->way->in_data ? slow_text : slow_command;
  wire_put(&c->w, text + c->dripped, 1);
  c->dripped = text[c->dripped + 1] ? c->dripped + 1 : 0;
  n.octets++;
  if (wire_flush(&c->w) == BROKEN) lose(c);
}

/* Everybody once a second, spread over it. */
static void drip_those_due(void) {
  static uint64_t began, dripped;
  if (!began) began = now_ns();
  uint64_t due = (now_ns() - began) / 1000 * (uint64_t)o.clients / 1000000u;
  for (; dripped < due; dripped++) drip(&clients[dripped % (uint64_t)o.clients]);
}

/* False: the input has ended. */
static bool obey(void) {
  static char line[64];
  static size_t length;
  ssize_t got = read(0, line + length, sizeof line - 1 - length);
  if (got <= 0) return false;
  length += (size_t)got;
  line[length] = 0;
  for (char *newline; (newline = strchr(line, '\n'));) {
    printf("{\"standing\":%d,\"lost\":%d,\"octets\":%" PRIu64 ",\"cpuSeconds\":%.3f}\n", n.standing, n.lost, n.octets,
           cpu_seconds());
    fflush(stdout);
    length -= (size_t)(newline + 1 - line);
    memmove(line, newline + 1, length + 1);
  }
  return length < sizeof line - 1;
}

static void run(void) {
  struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &input);
  for (;;) {
    while (entered < o.clients && n.entering < MAX_ENTERING) {
      enter(&clients[entered], entered);
      entered++;
    }
    int count = epoll_wait(epoll, events, 256, TICK_MS);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr)
        on_event(events[i].data.ptr);
      else if (!obey())
        return;
    }
    drip_those_due();
  }
}

static void usage(void) {
  fputs("crowd --to 127.x.y.z:PORT [--clients N] [--first N] --ways idle,idle-tls,slow,slow-tls,data,data-tls\n", stderr);
  exit(2);
}

static void parse_ways(char *list) {
  for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
    if (o.ways == MAX_WAYS) usage();
    way *w = &o.way[o.ways++];
    char *suffix = strstr(name, "-tls");
    w->tls = suffix != NULL;
    if (suffix) *suffix = 0;
    w->in_data = !strcmp(name, "data");
    w->drips = w->in_data || !strcmp(name, "slow");
    if (!w->drips && strcmp(name, "idle")) usage();
  }
}

int main(int argc, char **argv) {
  static const struct option known[] = {
      {"to", 1, 0, 'a'}, {"clients", 1, 0, 'c'}, {"first", 1, 0, 'f'}, {"ways", 1, 0, 'w'}, {0}};
  bool have_target = false;
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
    if (option == 'a')
      have_target = parse_loopback(optarg, &o.to, 1) == 1;
    else if (option == 'c')
      o.clients = atoi(optarg);
    else if (option == 'f')
      o.first = atoi(optarg);
    else if (option == 'w')
      parse_ways(optarg);
    else
      usage();
  }
  if (!have_target || !o.ways || o.clients < 1 || o.first < 0 || o.first + o.clients > MAX_CLIENTS) usage();
  signal(SIGPIPE, SIG_IGN);
  tls_context = SSL_CTX_new(TLS_client_method());
  clients = calloc((size_t)o.clients, sizeof *clients);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!tls_context || !clients || epoll < 0) abort();
  SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
  run();
  return 0;
}
