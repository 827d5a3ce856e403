#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double cpu_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void watch(wire *w, uint32_t events) {
  if (w->watched == events) return;
  struct epoll_event e = {.events = events, .data.ptr = w->owner};
  epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->fd, &e);
  w->watched = events;
}

void wire_open(wire *w, int fd, int epoll, uint32_t events, void *owner) {
  int on = 1;
  /* Small replies must not wait for the peer's delayed acknowledgement (40 ms). */
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  w->fd = fd;
  w->epoll = epoll;
  w->owner = owner;
  w->watched = events;
  w->tls = NULL;
  w->shaking = false;
  w->out_start = w->out_end = 0;
  struct epoll_event e = {.events = events, .data.ptr = owner};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

void wire_close(wire *w) {
  if (w->fd < 0) return;
  if (w->tls) {
    if (!w->shaking) SSL_shutdown(w->tls);
    SSL_free(w->tls);
    ERR_clear_error();
    w->tls = NULL;
  }
  close(w->fd);
  w->fd = -1;
  free(w->out);
  w->out = NULL;
  w->out_start = w->out_end = w->out_size = 0;
}

void wire_put(wire *w, const void *bytes, size_t length) {
  if (w->out_end + length > w->out_size) {
    w->out_size = (w->out_end + length) * 2;
    w->out = realloc(w->out, w->out_size);
    if (!w->out) abort();
  }
  memcpy(w->out + w->out_end, bytes, length);
  w->out_end += length;
}

void wire_say(wire *w, const char *text) { wire_put(w, text, strlen(text)); }

/* Bytes sent; 0 would block; -1 broken. */
static ssize_t send_some(wire *w, const char *bytes, size_t length) {
  if (w->tls) {
    ERR_clear_error();
    int sent = SSL_write(w->tls, bytes, length > 1u << 20 ? 1 << 20 : (int)length);
    if (sent > 0) return sent;
    int why = SSL_get_error(w->tls, sent);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
  }
  for (;;) {
    ssize_t sent = send(w->fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno != EINTR) return errno == EAGAIN ? 0 : -1;
  }
}

flush_result wire_flush(wire *w) {
  while (w->out_start < w->out_end) {
    ssize_t sent = send_some(w, w->out + w->out_start, w->out_end - w->out_start);
    if (sent < 0) return BROKEN;
    if (sent == 0) {
      watch(w, EPOLLIN | EPOLLOUT);
      return WOULD_BLOCK;
    }
    w->out_start += (size_t)sent;
  }
  w->out_start = w->out_end = 0;
  watch(w, EPOLLIN);
  return FLUSHED;
}

ssize_t wire_read(wire *w, void *into, size_t room) {
  if (w->tls) {
    ERR_clear_error();
    int got = SSL_read(w->tls, into, (int)room);
    if (got > 0) return got;
    int why = SSL_get_error(w->tls, got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  for (;;) {
    ssize_t got = recv(w->fd, into, room, 0);
    if (got > 0) return got;
    if (got == 0) return -1;
    if (errno != EINTR) return errno == EAGAIN ? 0 : -1;
  }
}

void wire_start_tls(wire *w, SSL_CTX *context, bool as_server) {
  w->tls = SSL_new(context);
  if (!w->tls) abort();
  SSL_set_fd(w->tls, w->fd);
  if (as_server)
    SSL_set_accept_state(w->tls);
  else
    SSL_set_connect_state(w->tls);
  w->shaking = true;
}

shake_result wire_shake(wire *w) {
  ERR_clear_error();
  int done = SSL_do_handshake(w->tls);
  if (done == 1) {
    w->shaking = false;
    watch(w, EPOLLIN);
    return SHAKEN;
  }
  int why = SSL_get_error(w->tls, done);
  if (why == SSL_ERROR_WANT_READ)
    watch(w, EPOLLIN);
  else if (why == SSL_ERROR_WANT_WRITE)
    watch(w, EPOLLOUT);
  else
    return SHAKE_FAILED;
  return SHAKING;
}

size_t parse_loopback(const char *text, struct sockaddr_in *to, size_t room) {
  unsigned a, b, c, first, last, port;
  int end = 0;
  if (sscanf(text, "%u.%u.%u.%u-%u:%u%n", &a, &b, &c, &first, &last, &port, &end) != 6 || text[end]) {
    if (sscanf(text, "%u.%u.%u.%u:%u%n", &a, &b, &c, &first, &port, &end) != 5 || text[end]) return 0;
    last = first;
  }
  if (a != 127 || b > 255 || c > 255 || last > 255 || first > last || port > 65535) return 0;
  size_t count = 0;
  for (unsigned d = first; d <= last && count < room; d++) {
    struct sockaddr_in *one = &to[count++];
    memset(one, 0, sizeof *one);
    one->sin_family = AF_INET;
    one->sin_port = htons((uint16_t)port);
    one->sin_addr.s_addr = htonl(a << 24 | b << 16 | c << 8 | d);
  }
  return count;
}
