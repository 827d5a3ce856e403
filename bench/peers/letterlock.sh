#!/bin/bash
# Letterlock as it is published: this checkout, compiled. Everything switched on: records, log, metrics, one worker per
# CPU, syncs before 250.
# Variants: plain, one (a single worker), logs (every kind of log besides), detailed (the same at its most talkative).
set -e
. "$(dirname "$0")/common.sh"
ROOT=$(cd "$HERE/../.." && pwd)
NODE=$ROOT/node_modules/.bin/node

write_config() {
  cat << C
hostname: mx.letterlock.test
listeners: [{name: smtp, address: "127.0.0.1:2525", tls: starttls, certificate: bench}]
certificates: {bench: {certificate: $R/cert.pem, key: $R/key.pem}}
relay-networks: [127.0.0.0/8]
tls: {level: may}
# Room for the crowds
limits: {connections: 10000}
metrics: 127.0.0.1:2580
# A restart after SIGKILL takes up what was in hand; nothing waits for minutes
retry: {schedule: [5s, 10s, 20s]}
transports:
C
  for n in $(seq 0 $((DOMAINS - 1))); do echo "  d$n.test: \"[127.0.1.$((n + 1))]:2526\""; done
}

write_logs() {
  cat << C
logs:
  maillog: {format: postfix, file: $R/data/postfix.log${1:-}}
  sendmail: {format: sendmail, file: $R/data/sendmail.log${2:-}}
  acct:
    format: powermta
    file: $R/data/acct.csv
    records: [d, b, t, tq, r]
    record-fields:
      d: ["*", dlvTlsProtocol, dlvTlsCipher, dlvTlsRequired, dlvTlsAchieved, dlvTlsVerify, dlvTlsGroup, dlvTlsPeer, dlvTlsRule]
  main: {format: momentum-main, file: $R/data/mainlog}
  reject: {format: momentum-reject, file: $R/data/rejectlog}
  bounce: {format: momentum-bounce, file: $R/data/bouncelog}
  proof:
    format: template
    file: $R/data/proof.log
    reception: "R|%t|%i|%b|%vctx_conn{tls}|%vctx_conn{tls_cipher}"
    delivery: "D|%t|%i|%b|%d|%H|%outbound_tls|%outbound_tls_type|%outbound_tls_protocol|%outbound_tls_cipher|%outbound_tls_verified|%outbound_tls_subject"
C
}

# Messages in the shards of a running relay, or in those that a killed one left behind.
count_messages() {
  "$NODE" --no-warnings -e '
    const { DatabaseSync } = require("node:sqlite");
    const { cpSync, mkdtempSync, readdirSync, rmSync } = require("node:fs");
    const copy = mkdtempSync("/tmp/letterlock-qlen-");
    cpSync(process.argv[1], copy, { recursive: true, filter: (file) => !/spool|jsonl|sock/.test(file) });
    let sum = 0;
    for (const name of readdirSync(copy).filter((one) => /^queue-\d+\.sqlite$/.test(one))) {
      const database = new DatabaseSync(`${copy}/${name}`);
      sum += database.prepare("SELECT count(*) AS n FROM message").get().n;
      database.close();
    }
    rmSync(copy, { recursive: true });
    console.log(sum);' "$R/data"
}

case $1 in
setup)
  (cd "$ROOT" && "$NODE" node_modules/typescript/bin/tsc -p tsconfig.build.json)
  mkdir -p "$R/data"
  cp "$CERTIFICATE" "$KEY" "$R/"
  write_config > "$R/plain.yaml"
  { echo "workers: 1"; write_config; } > "$R/one.yaml"
  { write_config; write_logs; } > "$R/logs.yaml"
  { write_config; write_logs ", outbound-tls-level: 2, inbound-tls-level: 2" ", level: 14"; } > "$R/detailed.yaml"
  ;;
start)
  variant=${2:-plain}
  nohup setsid "$NODE" $NODE_FLAGS "$ROOT/dist/main.js" start --config "$R/$variant.yaml" --data "$R/data" \
    >> "$R/log" 2>&1 < /dev/null &
  ;;
clean)
  rm -rf "$R/data" "$R/log"
  mkdir -p "$R/data"
  ;;
qlen) count_messages ;;
esac
