#!/usr/bin/env python3
"""Tell each call that nobody took, from the events of the running phone.

usage: missed_calls.py [SOCKET]     default $XDG_RUNTIME_DIR/offhook.sock

One JSON-RPC message a line comes from the control socket (`man offhook`, JSON): answers to what was asked, and every event by itself.
"""
import json
import os
import socket
import sys

path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.environ["XDG_RUNTIME_DIR"], "offhook.sock")
connection = socket.socket(socket.AF_UNIX)
connection.connect(path)
print("listening", flush=True)
for line in connection.makefile():
    message = json.loads(line)
    if message.get("method") != "event":
        continue
    event = message["params"]
    if event["event"] == "failed" and event.get("direction") == "in":
        print(f"missed: {event.get('name') or event['from']} at {event['time']}", flush=True)
