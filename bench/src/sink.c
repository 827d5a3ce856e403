/*
 * sink: receives mail for the bench, counts it, and forgets it.
 *
 * Listens on one port of many loopback addresses, with STARTTLS or without, and writes the `X-Bench-Id` of every message
 * it has said 250 to, with the time (CLOCK_MONOTONIC, ns), to --ids. Orders come as lines on standard input; each is
 * answered with one JSON line on standard output:
 *   stat                          the figures so far; ids are on the disk file when it answers
 *   reset                         figures and ids from nothing
 *   starttls on|off               offer it or not, from the next EHLO on
 *   tempfail PERCENT              share of messages answered 451
 *   delay MS PERCENT              share of messages whose 250 waits
 * Ends at the end of standard input.
 */
#define _GNU_SOURCE
#include "wire.h"

#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_LISTENERS = 1024, MAX_LINE = 2048, MAX_HEADER = 8192 };

typedef struct session {
  wire w;
  bool in_data, in_delay, starts_tls, quits;
  char line[MAX_LINE];
  size_t line_length;
  char last[4]; /* the end of the data read so far, to find a final dot that two reads cut in two */
  size_t last_length;
  char header[MAX_HEADER];
  size_t header_length;
  uint64_t due_ns;
  TAILQ_ENTRY(session) delays;
} session;

static struct {
  struct sockaddr_in listen[MAX_LISTENERS];
  size_t listeners;
  const char *certificate, *key, *ids;
  bool starttls, quickack;
  double tempfail_percent, delay_percent;
  int delay_ms;
} o = {.starttls = true};

static SSL_CTX *tls_context;
static int epoll;
static FILE *ids;
static TAILQ_HEAD(, session) delayed = TAILQ_HEAD_INITIALIZER(delayed); /* the wait is the same for all: in order of due_ns */
static struct {
  uint64_t messages, in_clear, refused, connections, handshakes, resumed, tls_failed, open, most_open, first_ns, last_ns;
} n;

/* ---- messages ---- */

static bool chance(double percent) { return percent > 0 && drand48() * 100 < percent; }

static void write_id(session *s, uint64_t now) {
  static const char name[] = "\nX-Bench-Id: ";
  const char *field = memmem(s->header, s->header_length, name, sizeof name - 1);
  if (!field) {
    fprintf(ids, "? %" PRIu64 "\n", now);
    return;
  }
  const char *value = field + sizeof name - 1, *end = s->header + s->header_length;
  const char *stop = value;
  while (stop < end && *stop != '\r' && *stop != '\n') stop++;
  fprintf(ids, "%.*s %" PRIu64 "\n", (int)(stop - value), value, now);
}

static void take_message(session *s) {
  uint64_t now = now_ns();
  if (!n.first_ns) n.first_ns = now;
  n.last_ns = now;
  n.messages++;
  if (!s->w.tls) n.in_clear++;
  if (ids) write_id(s, now);
  wire_say(&s->w, "250 2.0.0 Ok\r\n");
}

static void end_of_data(session *s) {
  s->in_data = false;
  if (chance(o.tempfail_percent)) {
    n.refused++;
    wire_say(&s->w, "451 4.3.0 Try later\r\n");
  } else if (o.delay_ms && chance(o.delay_percent)) {
    s->in_delay = true;
    s->due_ns = now_ns() + (uint64_t)o.delay_ms * 1000000u;
    TAILQ_INSERT_TAIL(&delayed, s, delays);
  } else {
    take_message(s);
  }
}

static void start_data(session *s) {
  wire_say(&s->w, "354 Go\r\n");
  s->in_data = true;
  s->header_length = 0;
  memcpy(s->last, "\r\n", 2); /* the first line may be the final dot */
  s->last_length = 2;
}

static void remember_header(session *s, const char *bytes, size_t length) {
  size_t room = MAX_HEADER - s->header_length;
  if (length > room) length = room;
  memcpy(s->header + s->header_length, bytes, length);
  s->header_length += length;
}

/* Where the message ends in `bytes`, or 0: it does not. */
static size_t find_end(session *s, const char *bytes, size_t length) {
  static const char end[] = "\r\n.\r\n";
  char seam[8];
  size_t take = length < 4 ? length : 4;
  memcpy(seam, s->last, s->last_length);
  memcpy(seam + s->last_length, bytes, take);
  char *found = memmem(seam, s->last_length + take, end, 5);
  if (found) return (size_t)(found - seam) + 5 - s->last_length;
  found = memmem(bytes, length, end, 5);
  return found ? (size_t)(found - bytes) + 5 : 0;
}

static void remember_last(session *s, const char *bytes, size_t length) {
  if (length >= 4) {
    memcpy(s->last, bytes + length - 4, 4);
    s->last_length = 4;
    return;
  }
  size_t keep = s->last_length + length > 4 ? 4 - length : s->last_length;
  memmove(s->last, s->last + s->last_length - keep, keep);
  memcpy(s->last + keep, bytes, length);
  s->last_length = keep + length;
}

/* How many bytes belonged to the message. */
static size_t on_data(session *s, const char *bytes, size_t length) {
  remember_header(s, bytes, length);
  size_t end = find_end(s, bytes, length);
  if (end) {
    end_of_data(s);
    return end;
  }
  remember_last(s, bytes, length);
  return length;
}

/* ---- commands ---- */

static bool is(const char *line, const char *verb) { return !strncasecmp(line, verb, 4); }

static void on_starttls(session *s) {
  if (o.starttls && !s->w.tls) {
    wire_say(&s->w, "220 2.0.0 Go\r\n");
    s->starts_tls = true;
  } else {
    wire_say(&s->w, "502 5.5.1 No\r\n");
  }
}

static void on_command(session *s, const char *line) {
  if (is(line, "EHLO")) {
    wire_say(&s->w, "250-sink.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n");
    if (o.starttls && !s->w.tls) wire_say(&s->w, "250-STARTTLS\r\n");
    wire_say(&s->w, "250 ENHANCEDSTATUSCODES\r\n");
  } else if (is(line, "MAIL") || is(line, "RSET") || is(line, "NOOP") || is(line, "HELO")) {
    wire_say(&s->w, "250 2.0.0 Ok\r\n");
  } else if (is(line, "RCPT")) {
    wire_say(&s->w, "250 2.1.5 Ok\r\n");
  } else if (is(line, "DATA")) {
    start_data(s);
  } else if (is(line, "QUIT")) {
    wire_say(&s->w, "221 2.0.0 Bye\r\n");
    s->quits = true;
  } else if (is(line, "STAR")) {
    on_starttls(s);
  } else {
    wire_say(&s->w, "502 5.5.2 What?\r\n");
  }
}

static size_t on_line(session *s, const char *bytes, size_t length) {
  const char *newline = memchr(bytes, '\n', length);
  size_t used = newline ? (size_t)(newline - bytes) + 1 : length;
  size_t room = MAX_LINE - 1 - s->line_length;
  size_t keep = used < room ? used : room;
  memcpy(s->line + s->line_length, bytes, keep);
  s->line_length += keep;
  if (!newline) return used;
  while (s->line_length && (s->line[s->line_length - 1] == '\n' || s->line[s->line_length - 1] == '\r')) s->line_length--;
  s->line[s->line_length] = 0;
  s->line_length = 0;
  on_command(s, s->line);
  return used;
}

/* ---- sessions ---- */

static void end_session(session *s) {
  if (s->in_delay) TAILQ_REMOVE(&delayed, s, delays);
  wire_close(&s->w);
  n.open--;
  free(s);
}

/* False: the session is over or has nothing more to do now. */
static bool advance_handshake(session *s) {
  switch (wire_shake(&s->w)) {
    case SHAKING:
      return false;
    case SHAKE_FAILED:
      n.tls_failed++;
      end_session(s);
      return false;
    case SHAKEN:
      n.handshakes++;
      if (SSL_session_reused(s->w.tls)) n.resumed++;
      break;
  }
  return true;
}

static void on_bytes(session *s, const char *bytes, size_t length) {
  size_t at = 0;
  /* What follows STARTTLS in clear is thrown away (RFC 3207 §4.2). */
  while (at < length && !s->starts_tls && !s->quits)
    at += s->in_data ? on_data(s, bytes + at, length - at) : on_line(s, bytes + at, length - at);
}

static void on_event(session *s) {
  static char bytes[1 << 16];
  if (o.quickack) {
    int on = 1;
    setsockopt(s->w.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
  for (;;) {
    if (s->w.shaking && !advance_handshake(s)) return;
    ssize_t got = wire_read(&s->w, bytes, sizeof bytes);
    if (got < 0) {
      end_session(s);
      return;
    }
    if (got > 0) on_bytes(s, bytes, (size_t)got);
    flush_result flushed = wire_flush(&s->w);
    if (flushed == BROKEN || (flushed == FLUSHED && s->quits)) {
      end_session(s);
      return;
    }
    if (flushed == FLUSHED && s->starts_tls) {
      s->starts_tls = false;
      wire_start_tls(&s->w, tls_context, true);
    } else if (got == 0) {
      return;
    }
  }
}

static void on_connections(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    session *s = calloc(1, sizeof *s);
    if (!s) abort();
    n.connections++;
    if (++n.open > n.most_open) n.most_open = n.open;
    wire_open(&s->w, fd, epoll, EPOLLIN, s);
    wire_say(&s->w, "220 sink.test ESMTP\r\n");
    wire_flush(&s->w);
  }
}

/* Says the 250s that are due; how long epoll may sleep, in ms. */
static int end_delays(void) {
  session *s;
  while ((s = TAILQ_FIRST(&delayed))) {
    uint64_t now = now_ns();
    if (s->due_ns > now) return (int)((s->due_ns - now) / 1000000u) + 1;
    TAILQ_REMOVE(&delayed, s, delays);
    s->in_delay = false;
    take_message(s);
    on_event(s);
  }
  return -1;
}

/* ---- orders ---- */

static void answer_stat(void) {
  if (ids) fflush(ids);
  printf("{\"messages\":%" PRIu64 ",\"inClear\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"connections\":%" PRIu64
         ",\"mostOpen\":%" PRIu64 ",\"handshakes\":%" PRIu64 ",\"resumed\":%" PRIu64 ",\"tlsFailed\":%" PRIu64
         ",\"firstNs\":%" PRIu64 ",\"lastNs\":%" PRIu64 ",\"nowNs\":%" PRIu64 ",\"cpuSeconds\":%.3f}\n",
         n.messages, n.in_clear, n.refused, n.connections, n.most_open, n.handshakes, n.resumed, n.tls_failed, n.first_ns,
         n.last_ns, now_ns(), cpu_seconds());
}

static void reset(void) {
  uint64_t open = n.open;
  memset(&n, 0, sizeof n);
  n.open = n.most_open = open;
  if (ids) {
    fflush(ids);
    if (ftruncate(fileno(ids), 0)) perror("ftruncate");
    rewind(ids);
  }
}

/* False: not an order. */
static bool set_behaviour(const char *line) {
  char word[8];
  int ms;
  double percent;
  if (sscanf(line, "starttls %7s", word) == 1) {
    o.starttls = tls_context && !strcmp(word, "on");
  } else if (sscanf(line, "tempfail %lf", &percent) == 1) {
    o.tempfail_percent = percent;
  } else if (sscanf(line, "delay %d %lf", &ms, &percent) == 2) {
    o.delay_ms = ms;
    o.delay_percent = percent;
  } else {
    return false;
  }
  return true;
}

static void on_order(const char *line) {
  if (!strcmp(line, "stat")) {
    answer_stat();
  } else if (!strcmp(line, "reset")) {
    reset();
    puts("{\"ok\":true}");
  } else {
    puts(set_behaviour(line) ? "{\"ok\":true}" : "{\"ok\":false}");
  }
  fflush(stdout);
}

/* False: the end. */
static bool read_orders(void) {
  static char text[512];
  static size_t length;
  ssize_t got = read(STDIN_FILENO, text + length, sizeof text - length);
  if (got <= 0) return false;
  length += (size_t)got;
  char *newline;
  while ((newline = memchr(text, '\n', length))) {
    *newline = 0;
    on_order(text);
    size_t used = (size_t)(newline - text) + 1;
    memmove(text, text + used, length - used);
    length -= used;
  }
  return length < sizeof text;
}

/* ---- start ---- */

static void usage(void) {
  fputs("sink --listen 127.0.1.1-200:PORT [--listen ...] [--certificate PEM --key PEM] [--starttls on|off]\n"
        "     [--tempfail PERCENT] [--delay MS,PERCENT] [--quickack] [--ids FILE]\n"
        "Orders on standard input: stat | reset | starttls on|off | tempfail PERCENT | delay MS PERCENT\n",
        stderr);
  exit(2);
}

static void parse_options(int argc, char **argv) {
  static const struct option known[] = {{"listen", 1, 0, 'l'},   {"certificate", 1, 0, 'c'}, {"key", 1, 0, 'k'},
                                        {"starttls", 1, 0, 's'}, {"tempfail", 1, 0, 'f'},    {"delay", 1, 0, 'w'},
                                        {"quickack", 0, 0, 'q'}, {"ids", 1, 0, 'o'},         {0}};
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) switch (option) {
      case 'l': {
        size_t added = parse_loopback(optarg, o.listen + o.listeners, MAX_LISTENERS - o.listeners);
        if (!added) usage();
        o.listeners += added;
        break;
      }
      case 'c':
        o.certificate = optarg;
        break;
      case 'k':
        o.key = optarg;
        break;
      case 's':
        o.starttls = !strcmp(optarg, "on");
        break;
      case 'f':
        o.tempfail_percent = atof(optarg);
        break;
      case 'w':
        if (sscanf(optarg, "%d,%lf", &o.delay_ms, &o.delay_percent) != 2) usage();
        break;
      case 'q':
        o.quickack = true;
        break;
      case 'o':
        o.ids = optarg;
        break;
      default:
        usage();
    }
  if (!o.listeners || optind != argc || !o.certificate != !o.key) usage();
}

static void prepare_tls(void) {
  tls_context = SSL_CTX_new(TLS_server_method());
  if (!tls_context || SSL_CTX_use_certificate_chain_file(tls_context, o.certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls_context, o.key, SSL_FILETYPE_PEM) != 1) {
    ERR_print_errors_fp(stderr);
    exit(1);
  }
  SSL_CTX_set_min_proto_version(tls_context, TLS1_2_VERSION);
  SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(tls_context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_id_context(tls_context, (const unsigned char *)"sink", 4);
}

static int *listen_everywhere(void) {
  int *fds = calloc(o.listeners, sizeof *fds);
  if (!fds) abort();
  for (size_t i = 0; i < o.listeners; i++) {
    int on = 1;
    fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fds[i], (struct sockaddr *)&o.listen[i], sizeof o.listen[i]) || listen(fds[i], 1024)) {
      perror("sink: bind");
      exit(1);
    }
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &fds[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e);
  }
  return fds;
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  srand48(1);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (o.certificate)
    prepare_tls();
  else
    o.starttls = false;
  if (o.ids) {
    ids = fopen(o.ids, "w");
    if (!ids) {
      perror(o.ids);
      return 1;
    }
    setvbuf(ids, NULL, _IOFBF, 1 << 20);
  }
  int *listeners = listen_everywhere();
  struct epoll_event orders = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &orders);

  struct epoll_event events[256];
  for (;;) {
    int ready = epoll_wait(epoll, events, 256, end_delays());
    for (int i = 0; i < ready; i++) {
      int *listener = events[i].data.ptr;
      if (!listener) {
        if (!read_orders()) return 0;
      } else if (listener >= listeners && listener < listeners + o.listeners) {
        on_connections(*listener);
      } else {
        on_event((session *)events[i].data.ptr);
      }
    }
  }
}
