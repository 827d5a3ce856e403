/*
 * One non-blocking TCP connection, in clear or under TLS, as `load` and `sink` both use it.
 *
 * Bytes to send are gathered in `out` and leave with `wire_flush`, so that one turn of the event loop makes one write.
 * Everything is bound to 127.0.0.0/8: a slip of the keyboard can never put load on somebody else's server.
 */
#ifndef LETTERLOCK_WIRE_H
#define LETTERLOCK_WIRE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
  int fd; /* -1: closed */
  int epoll;
  uint32_t watched; /* epoll events asked for */
  void *owner;      /* handed back by epoll */
  SSL *tls;         /* NULL: in clear */
  bool shaking;     /* the handshake is going on */
  char *out;
  size_t out_start, out_end, out_size;
} wire;

typedef enum { FLUSHED, WOULD_BLOCK, BROKEN } flush_result;
typedef enum { SHAKEN, SHAKING, SHAKE_FAILED } shake_result;

/* CLOCK_MONOTONIC, which all processes of a machine share. */
uint64_t now_ns(void);
/* User and system time of this process so far. */
double cpu_seconds(void);

/* Takes over a connected or connecting socket and watches it for `events`. */
void wire_open(wire *w, int fd, int epoll, uint32_t events, void *owner);
void wire_close(wire *w);
void wire_put(wire *w, const void *bytes, size_t length);
void wire_say(wire *w, const char *text);
/* Sends what is gathered; asks epoll for writability when the socket is full. */
flush_result wire_flush(wire *w);
/* Bytes read; 0 would block; -1 ended or broken. */
ssize_t wire_read(wire *w, void *into, size_t room);
void wire_start_tls(wire *w, SSL_CTX *context, bool as_server);
shake_result wire_shake(wire *w);

/* `127.0.0.1:2525`, or `127.0.1.1-200:2526` for a run of last octets. How many were written to `to`; 0: not such a thing. */
size_t parse_loopback(const char *text, struct sockaddr_in *to, size_t room);

#endif
