#!/bin/bash
# The machine's Postfix with a configuration, a queue and a data folder of its own.
# Variants: plain (a connection per message, sessions resumed), reuse (smtp_tls_connection_reuse = yes).
set -e
. "$(dirname "$0")/common.sh"

write_main() {
  cat > "$R/etc/main.cf" <<C
compatibility_level = 3.6
queue_directory = $R/spool
data_directory = $R/data
command_directory = /usr/sbin
daemon_directory = $(postconf -h daemon_directory)
mail_owner = postfix
setgid_group = postdrop
maillog_file = $R/log/maillog
maillog_file_prefixes = $PB
myhostname = mx.letterlock.test
mydestination =
local_recipient_maps =
local_transport = error:no local mail
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_host_lookup = native
disable_dns_lookups = yes
transport_maps = hash:$R/etc/transport
biff = no
# TLS on both hops, client sessions kept (TLS_README)
smtpd_tls_cert_file = $R/etc/cert.pem
smtpd_tls_key_file = $R/etc/key.pem
smtpd_tls_security_level = may
smtp_tls_security_level = may
smtp_tls_session_cache_database = btree:\${data_directory}/smtp_scache
smtp_tls_connection_reuse = no
# As fast as its own tuning guide makes it (TUNING_README): more processes, full concurrency at once, no input brake
default_process_limit = 100
initial_destination_concurrency = 20
default_destination_concurrency_limit = 20
in_flow_delay = 0
minimal_backoff_time = 5s
maximal_backoff_time = 20s
queue_run_delay = 5s
C
}

write_master() {
  cat > "$R/etc/master.cf" <<C
# service type private unpriv chroot wakeup maxproc command
127.0.0.1:2525 inet n - n - - smtpd
pickup    unix       n - n 60   1   pickup
cleanup   unix       n - n -    0   cleanup
qmgr      unix       n - n 300  1   qmgr
tlsmgr    unix       - - n 1000? 1  tlsmgr
rewrite   unix       - - n -    -   trivial-rewrite
bounce    unix       - - n -    0   bounce
defer     unix       - - n -    0   bounce
trace     unix       - - n -    0   bounce
verify    unix       - - n -    1   verify
flush     unix       n - n 1000? 0  flush
proxymap  unix       - - n -    -   proxymap
proxywrite unix      - - n -    1   proxymap
smtp      unix       - - n -    -   smtp
relay     unix       - - n -    -   smtp
showq     unix       n - n -    -   showq
error     unix       - - n -    -   error
retry     unix       - - n -    -   error
discard   unix       - - n -    -   discard
anvil     unix       - - n -    1   anvil
scache    unix       - - n -    1   scache
tlsproxy  unix       - - n -    0   tlsproxy
postlog   unix-dgram n - n -    1   postlogd
C
}

case $1 in
setup)
  mkdir -p "$R"/{etc,spool,data,log}
  chown postfix "$R/data"
  cp "$CERTIFICATE" "$KEY" "$R/etc/"
  chmod 600 "$R/etc/key.pem"
  write_main
  write_master
  for n in $(seq 0 $((DOMAINS - 1))); do echo "d$n.test smtp:[127.0.1.$((n + 1))]:2526"; done > "$R/etc/transport"
  postmap -c "$R/etc" "$R/etc/transport"
  ;;
start)
  case $2 in reuse*) reuse=yes ;; *) reuse=no ;; esac
  postconf -c "$R/etc" -e smtp_tls_connection_reuse=$reuse
  postfix -c "$R/etc" start > /dev/null 2>&1
  ;;
clean)
  rm -f "$R/data/smtp_scache.db" "$R"/spool/pid/* "$R/log/maillog"
  for q in incoming active deferred defer bounce maildrop hold corrupt; do
    [ ! -d "$R/spool/$q" ] || find "$R/spool/$q" -type f -delete
  done
  ;;
qlen) find "$R"/spool/{incoming,active,deferred,maildrop} -type f | wc -l ;;
esac
