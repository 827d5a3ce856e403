/*
 * load: sends mail as fast as one server takes it, and says exactly what was taken.
 *
 * A fixed number of client sessions, each: connect, EHLO, STARTTLS when asked for, some messages, QUIT, and again.
 * MAIL, RCPT and DATA go out together where the server offers PIPELINING (RFC 2920). Every message carries
 * `X-Bench-Id: TAG-N`; an id counts as accepted when 250 to its final dot was read, and is then written to --ids with
 * the times of MAIL and of that 250 (CLOCK_MONOTONIC, ns). Prints one JSON object at the end. Exit 0 also when mail was
 * refused: the figures say so.
 */
#define _GNU_SOURCE
#include "wire.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef enum { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT } tls_mode;

static struct {
  struct sockaddr_in to;
  int connections, messages, per_connection, size, domains, pause_ms, limit_s;
  tls_mode tls;
  bool pipelining, stop_on_error;
  const char *tag, *ids;
} o = {.connections = 20, .messages = 1000, .per_connection = 10, .size = 5000, .domains = 1, .limit_s = 120,
       .pipelining = true, .tag = "m"};

typedef enum {
  RESTING, /* between connections, until `wake_ns` */
  CONNECTING,
  GREETING,
  EHLO_BEFORE_TLS,
  STARTTLS,
  HANDSHAKE,
  EHLO,
  MAIL,
  RCPT,
  DATA,
  CONTENT,
  PAUSE,
  QUIT,
  DONE
} stage;

typedef struct {
  wire w;
  stage at;
  int id;   /* message under way, -1 none */
  int sent; /* on this connection */
  bool pipelined, refused, offers_starttls, offers_pipelining;
  uint64_t wake_ns, opened_ns;
  int failures; /* in a row */
  char in[4096];
  size_t in_length;
} client;

static SSL_CTX *tls_context;
static int epoll;
static client *clients;
static int next_id;
static bool stopping;
static char *filler;
static uint64_t *mail_ns, *ok_ns; /* by message; 0: not (yet) */
static char tls_facts[160];
static struct {
  uint64_t accepted, connections, handshakes, connect_failed, dropped, tls_failed, banner_timeouts, code[600];
  uint64_t first_ns, last_ns;
} n;

/* ---- one session ---- */

static bool more_to_send(void) { return !stopping && next_id < o.messages; }

static void end_session(client *c, uint64_t rest_ms) {
  wire_close(&c->w);
  c->in_length = 0;
  c->id = -1;
  c->at = more_to_send() ? RESTING : DONE;
  c->wake_ns = now_ns() + rest_ms * 1000000u;
}

static void fail_session(client *c, uint64_t *counter) {
  (*counter)++;
  if (o.stop_on_error || ++c->failures > 200) stopping = true;
  end_session(c, 50);
}

static void open_session(client *c) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    perror("socket");
    exit(1);
  }
  n.connections++;
  c->sent = 0;
  c->id = -1;
  c->at = CONNECTING;
  c->opened_ns = now_ns();
  wire_open(&c->w, fd, epoll, EPOLLOUT, c);
  if (connect(fd, (struct sockaddr *)&o.to, sizeof o.to) && errno != EINPROGRESS) fail_session(c, &n.connect_failed);
}

static void domain_of(int id, char into[32]) { snprintf(into, 32, "d%d.test", id % o.domains); }

static void say_mail(client *c) {
  char text[64];
  int length = snprintf(text, sizeof text, "MAIL FROM:<from%d@load.test>\r\n", c->id % 100);
  wire_put(&c->w, text, (size_t)length);
}

static void say_rcpt(client *c) {
  char text[96], domain[32];
  domain_of(c->id, domain);
  int length = snprintf(text, sizeof text, "RCPT TO:<u%d@%s>\r\n", c->id, domain);
  wire_put(&c->w, text, (size_t)length);
}

static void next_message_or_quit(client *c) {
  if (c->sent >= o.per_connection || !more_to_send()) {
    wire_say(&c->w, "QUIT\r\n");
    c->id = -1;
    c->at = QUIT;
    return;
  }
  c->id = next_id++;
  c->sent++;
  c->refused = false;
  mail_ns[c->id] = now_ns();
  if (!n.first_ns) n.first_ns = mail_ns[c->id];
  say_mail(c);
  if (c->pipelined) {
    say_rcpt(c);
    wire_say(&c->w, "DATA\r\n");
  }
  c->at = MAIL;
}

static void say_content(client *c) {
  char header[512], domain[32];
  domain_of(c->id, domain);
  int length = snprintf(header, sizeof header,
                        "From: Load <from%d@load.test>\r\nTo: <u%d@%s>\r\nSubject: message %d\r\n"
                        "Date: Sat, 21 Nov 2026 21:00:00 +0000\r\nMessage-ID: <%s-%d@load.test>\r\n"
                        "X-Bench-Id: %s-%d\r\n\r\n",
                        c->id % 100, c->id, domain, c->id, o.tag, c->id, o.tag, c->id);
  wire_put(&c->w, header, (size_t)length);
  if (o.size > length + 2) {
    size_t left = (size_t)(o.size - length - 2);
    if (filler[left - 1] == '\r') left--; /* a bare CR is refused, and rightly */
    wire_put(&c->w, filler, left);
  }
  wire_say(&c->w, "\r\n.\r\n");
  c->at = CONTENT;
}

static void note_refusal(client *c, int code) {
  if (!c->refused) n.code[code]++;
  c->refused = true;
}

static void on_content_reply(client *c, int code) {
  uint64_t now = now_ns();
  if (code / 100 == 2) {
    ok_ns[c->id] = now;
    n.last_ns = now;
    n.accepted++;
    c->failures = 0;
  } else {
    n.code[code]++;
  }
  if (o.pause_ms) {
    c->at = PAUSE;
    c->wake_ns = now + (uint64_t)o.pause_ms * 1000000u;
  } else {
    next_message_or_quit(c);
  }
}

/* One whole reply. False: the session is over. */
static bool on_reply(client *c, int code) {
  if (code == 421 && c->at != QUIT) {
    n.code[421]++;
    fail_session(c, &n.dropped);
    return false;
  }
  switch (c->at) {
    case GREETING:
      if (code != 220) {
        n.code[code]++;
        end_session(c, 20);
        return false;
      }
      wire_say(&c->w, "EHLO load.test\r\n");
      c->at = o.tls == TLS_STARTTLS ? EHLO_BEFORE_TLS : EHLO;
      break;
    case EHLO_BEFORE_TLS:
      if (!c->offers_starttls) {
        fail_session(c, &n.tls_failed);
        return false;
      }
      wire_say(&c->w, "STARTTLS\r\n");
      c->at = STARTTLS;
      break;
    case STARTTLS:
      if (code != 220) {
        n.code[code]++;
        fail_session(c, &n.tls_failed);
        return false;
      }
      wire_start_tls(&c->w, tls_context, false);
      c->at = HANDSHAKE;
      break;
    case EHLO:
      c->pipelined = o.pipelining && c->offers_pipelining;
      next_message_or_quit(c);
      break;
    case MAIL:
      if (code != 250) note_refusal(c, code);
      if (c->pipelined) {
        c->at = RCPT;
      } else if (c->refused) {
        next_message_or_quit(c);
      } else {
        say_rcpt(c);
        c->at = RCPT;
      }
      break;
    case RCPT:
      if (code / 10 != 25) note_refusal(c, code);
      if (!c->pipelined && c->refused) {
        wire_say(&c->w, "RSET\r\n");
        c->at = EHLO;
        break;
      }
      if (!c->pipelined) wire_say(&c->w, "DATA\r\n");
      c->at = DATA;
      break;
    case DATA:
      if (code == 354) {
        say_content(c);
      } else {
        note_refusal(c, code);
        next_message_or_quit(c);
      }
      break;
    case CONTENT:
      on_content_reply(c, code);
      break;
    default:
      end_session(c, 0);
      return false;
  }
  return true;
}

/* ---- bytes to replies ---- */

static int reply_code(const char *line, size_t length) {
  if (length < 3 || !isdigit(line[0]) || !isdigit(line[1]) || !isdigit(line[2])) return 599;
  int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  return code < 600 ? code : 599;
}

static void note_keyword(client *c, const char *line, size_t length) {
  if (length >= 12 && !strncasecmp(line + 4, "STARTTLS", 8)) c->offers_starttls = true;
  if (length >= 14 && !strncasecmp(line + 4, "PIPELINING", 10)) c->offers_pipelining = true;
}

/* False: the session is over. */
static bool read_replies(client *c) {
  size_t from = 0;
  char *newline;
  while ((newline = memchr(c->in + from, '\n', c->in_length - from))) {
    const char *line = c->in + from;
    size_t length = (size_t)(newline - line);
    from += length + 1;
    note_keyword(c, line, length);
    if (length > 3 && line[3] == '-') continue;
    if (!on_reply(c, reply_code(line, length))) return false;
    if (c->at == HANDSHAKE) { /* nothing said in clear is carried into TLS (RFC 3207 §4.2) */
      c->in_length = 0;
      c->offers_pipelining = false;
      return true;
    }
  }
  memmove(c->in, c->in + from, c->in_length - from);
  c->in_length -= from;
  if (c->in_length == sizeof c->in) {
    fail_session(c, &n.dropped);
    return false;
  }
  return true;
}

static void describe_tls(const wire *w) {
  if (tls_facts[0]) return;
  X509 *leaf = SSL_get1_peer_certificate(w->tls);
  EVP_PKEY *key = leaf ? X509_get0_pubkey(leaf) : NULL;
  const char *group = OBJ_nid2sn(SSL_get_negotiated_group(w->tls) & 0xffff);
  snprintf(tls_facts, sizeof tls_facts, "%s %s %s %s-%d", SSL_get_version(w->tls), SSL_get_cipher_name(w->tls),
           group ? group : "-", key ? OBJ_nid2sn(EVP_PKEY_get_base_id(key)) : "-", key ? EVP_PKEY_get_bits(key) : 0);
  X509_free(leaf);
}

/* False: going on, or over. */
static bool advance_handshake(client *c) {
  switch (wire_shake(&c->w)) {
    case SHAKING:
      return false;
    case SHAKE_FAILED:
      fail_session(c, &n.tls_failed);
      return false;
    case SHAKEN:
      break;
  }
  n.handshakes++;
  describe_tls(&c->w);
  if (o.tls == TLS_IMPLICIT) {
    c->at = GREETING;
  } else {
    wire_say(&c->w, "EHLO load.test\r\n");
    c->at = EHLO;
  }
  return true;
}

static bool finish_connect(client *c) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(c->w.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) {
    fail_session(c, &n.connect_failed);
    return false;
  }
  c->at = GREETING;
  if (o.tls == TLS_IMPLICIT) {
    wire_start_tls(&c->w, tls_context, false);
    c->at = HANDSHAKE;
  }
  return true;
}

static void on_event(client *c) {
  if (c->at == CONNECTING && !finish_connect(c)) return;
  for (;;) {
    if (c->at == HANDSHAKE && !advance_handshake(c)) return;
    if (wire_flush(&c->w) == BROKEN) {
      fail_session(c, &n.dropped);
      return;
    }
    ssize_t got = wire_read(&c->w, c->in + c->in_length, sizeof c->in - c->in_length);
    if (got == 0) return;
    if (got < 0) {
      if (c->at == QUIT)
        end_session(c, 0);
      else
        fail_session(c, &n.dropped);
      return;
    }
    c->in_length += (size_t)got;
    if (!read_replies(c)) return;
  }
}

/* ---- all sessions ---- */

/* Wakes sessions whose rest is over; false when all are done. `*wait_ms`: how long epoll may sleep. */
static bool wake_sessions(int *wait_ms) {
  bool alive = false;
  uint64_t now = now_ns();
  *wait_ms = 500;
  for (int i = 0; i < o.connections; i++) {
    client *c = &clients[i];
    if (c->at == RESTING && now >= c->wake_ns) {
      if (more_to_send())
        open_session(c);
      else
        c->at = DONE;
    } else if (c->at == PAUSE && now >= c->wake_ns) {
      next_message_or_quit(c);
      on_event(c);
    } else if (c->at == GREETING && now - c->opened_ns > 2000000000u) {
      /* the server's listen queue overflowed under SYN cookies: it has never heard of us */
      n.banner_timeouts++;
      end_session(c, 1);
    }
    if (c->at == RESTING || c->at == PAUSE) *wait_ms = 2;
    if (c->at != DONE) alive = true;
  }
  return alive;
}

static void run(void) {
  uint64_t start = now_ns();
  struct epoll_event events[256];
  int wait_ms;
  while (wake_sessions(&wait_ms)) {
    if (now_ns() - start > (uint64_t)o.limit_s * 1000000000u) {
      fprintf(stderr, "load: gave up after %d s\n", o.limit_s);
      return;
    }
    int ready = epoll_wait(epoll, events, 256, wait_ms);
    for (int i = 0; i < ready; i++) {
      client *c = events[i].data.ptr;
      if (c->w.fd >= 0) on_event(c);
    }
  }
}

/* ---- the account ---- */

static int by_size(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void write_ids(void) {
  FILE *file = fopen(o.ids, "w");
  if (!file) {
    perror(o.ids);
    exit(1);
  }
  for (int i = 0; i < o.messages; i++)
    if (ok_ns[i]) fprintf(file, "%s-%d %" PRIu64 " %" PRIu64 "\n", o.tag, i, mail_ns[i], ok_ns[i]);
  fclose(file);
}

static void print_account(void) {
  uint64_t *took = malloc((size_t)o.messages * sizeof *took);
  size_t count = 0;
  if (!took) abort();
  for (int i = 0; i < o.messages; i++)
    if (ok_ns[i]) took[count++] = ok_ns[i] - mail_ns[i];
  qsort(took, count, sizeof *took, by_size);
  double span = n.last_ns > n.first_ns ? (double)(n.last_ns - n.first_ns) / 1e9 : 0;
  printf("{\"accepted\":%" PRIu64 ",\"perSecond\":%.1f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"firstNs\":%" PRIu64
         ",\"lastNs\":%" PRIu64 ",\"cpuSeconds\":%.3f,\"connections\":%" PRIu64 ",\"handshakes\":%" PRIu64
         ",\"tls\":\"%s\",\"errors\":{",
         n.accepted, span > 0 ? (double)n.accepted / span : 0, count ? (double)took[count / 2] / 1e6 : 0,
         count ? (double)took[count * 99 / 100] / 1e6 : 0, n.first_ns, n.last_ns, cpu_seconds(), n.connections,
         n.handshakes, tls_facts);
  printf("\"connect\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"tls\":%" PRIu64 ",\"bannerTimeout\":%" PRIu64,
         n.connect_failed, n.dropped, n.tls_failed, n.banner_timeouts);
  for (int code = 0; code < 600; code++)
    if (n.code[code]) printf(",\"%d\":%" PRIu64, code, n.code[code]);
  puts("}}");
  free(took);
}

/* ---- start ---- */

static void usage(void) {
  fputs("load --to 127.0.0.1:PORT [--tls none|starttls|implicit] [--connections 20] [--messages 1000]\n"
        "     [--per-connection 10] [--size 5000] [--domains 1] [--no-pipelining] [--pause-ms 0] [--limit-s 120]\n"
        "     [--stop-on-error] [--tag m] [--ids FILE]\n"
        "Recipients are uN@dK.test, K from 0 to domains-1. --stop-on-error: no new message after the first lost connection.\n",
        stderr);
  exit(2);
}

static int number(const char *text, int min, int max) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == 0 || *end || value < min || value > max) usage();
  return (int)value;
}

static tls_mode parse_tls(const char *text) {
  if (!strcmp(text, "none")) return TLS_NONE;
  if (!strcmp(text, "starttls")) return TLS_STARTTLS;
  if (!strcmp(text, "implicit")) return TLS_IMPLICIT;
  usage();
  return TLS_NONE;
}

static void parse_options(int argc, char **argv) {
  static const struct option known[] = {
      {"to", 1, 0, 'a'},      {"tls", 1, 0, 't'},      {"connections", 1, 0, 'c'},   {"messages", 1, 0, 'm'},
      {"size", 1, 0, 's'},    {"domains", 1, 0, 'd'},  {"per-connection", 1, 0, 'k'}, {"no-pipelining", 0, 0, 'P'},
      {"tag", 1, 0, 'g'},     {"ids", 1, 0, 'o'},      {"pause-ms", 1, 0, 'I'},      {"stop-on-error", 0, 0, 'X'},
      {"limit-s", 1, 0, 'L'}, {0}};
  bool have_target = false;
  int option;
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) switch (option) {
      case 'a':
        have_target = parse_loopback(optarg, &o.to, 1) == 1;
        break;
      case 't':
        o.tls = parse_tls(optarg);
        break;
      case 'c':
        o.connections = number(optarg, 1, 10000);
        break;
      case 'm':
        o.messages = number(optarg, 1, 10000000);
        break;
      case 'k':
        o.per_connection = number(optarg, 1, 1000000);
        break;
      case 's':
        o.size = number(optarg, 1, 100000000);
        break;
      case 'd':
        o.domains = number(optarg, 1, 100000);
        break;
      case 'P':
        o.pipelining = false;
        break;
      case 'I':
        o.pause_ms = number(optarg, 0, 60000);
        break;
      case 'L':
        o.limit_s = number(optarg, 1, 86400);
        break;
      case 'X':
        o.stop_on_error = true;
        break;
      case 'g':
        if (strlen(optarg) > 40) usage();
        o.tag = optarg;
        break;
      case 'o':
        o.ids = optarg;
        break;
      default:
        usage();
    }
  if (!have_target || optind != argc) usage();
}

/* Lines of 76 letters and blanks; never a dot at a line's start. */
static void fill(void) {
  filler = malloc((size_t)o.size);
  if (!filler) abort();
  for (int i = 0; i < o.size; i++) {
    int column = i % 78;
    filler[i] = column == 76 ? '\r' : column == 77 ? '\n' : column % 9 == 8 ? ' ' : (char)('a' + (i * 7 + i / 78) % 26);
  }
}

/* Every handshake a full one: sessions are not kept. Certificates are not checked: the server is the one under test. */
static void prepare_tls(void) {
  tls_context = SSL_CTX_new(TLS_client_method());
  if (!tls_context) abort();
  SSL_CTX_set_mode(tls_context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(tls_context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_verify(tls_context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
}

int main(int argc, char **argv) {
  parse_options(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  fill();
  if (o.tls != TLS_NONE) prepare_tls();
  mail_ns = calloc((size_t)o.messages, sizeof *mail_ns);
  ok_ns = calloc((size_t)o.messages, sizeof *ok_ns);
  clients = calloc((size_t)o.connections, sizeof *clients);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!mail_ns || !ok_ns || !clients || epoll < 0) abort();
  for (int i = 0; i < o.connections; i++) clients[i].w.fd = -1;
  run();
  if (o.ids) write_ids();
  print_account();
  return 0;
}
