# Sourced by every peers/NAME.sh, which is called as: NAME.sh setup | start [VARIANT] | clean | qlen
#   setup  writes the configuration; starts nothing        start  starts the relay in the background on 127.0.0.1:2525
#   clean  empties the queue of a stopped relay            qlen   prints how many messages are in it
# `start` is called inside the bench's network namespace. Domain dN.test is reached at 127.0.1.(N+1):2526.
PB=${PB:?set PB to a scratch folder on a disk}
R=$PB/roots/$(basename "$0" .sh)
HERE=$(cd "$(dirname "$0")" && pwd)
CERTIFICATE=$PB/tls/cert.pem
KEY=$PB/tls/key.pem
DOMAINS=200
