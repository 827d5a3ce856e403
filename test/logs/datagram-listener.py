"""A datagram socket of the machine, as syslog daemons hold /dev/log: prints what it receives, one JSON text a line.

Ends when its standard input does. Given `stuck`, it reads nothing until a line comes in.
"""
import json
import os
import socket
import sys
import threading

path, mode = sys.argv[1:3]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
print(json.dumps("ready"), flush=True)


def end():
    for _ in sys.stdin:
        pass
    os._exit(0)


if mode == "stuck":
    sys.stdin.readline()
threading.Thread(target=end, daemon=True).start()
while True:
    print(json.dumps(listener.recv(65536).decode()), flush=True)
