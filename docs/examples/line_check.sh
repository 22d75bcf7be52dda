#!/bin/sh
# For a monitoring system: is the line alive? usage: line_check.sh ACCOUNT-OPTIONS...   (as for `account add`)
# Registers, calls the echo test, and answers as Nagios plug-ins do: 0 OK, 2 CRITICAL.
offhook=${OFFHOOK:-offhook}
if reason=$("$offhook" -n -x 'set audio.input tone:440' -x 'set audio.output null' -x "account add $*" -x 'wait registered within=10s' \
	-x 'call echo' -x 'wait answered within=10s' -x 'wait media within=3s' -x 'sleep 1s' -x 'expect media.loss < 1%' 2>&1 >/dev/null); then
	echo "OK: registered, and the echo test answers"
else
	echo "CRITICAL: $(echo "$reason" | head -n 1)"
	exit 2
fi
