#!/bin/sh
# After installing, and after an upgrade: every running service of this package goes on with the new
# program. It takes no new request, lets those in flight end, and starts again. A service that does not
# run is left alone, and the first start of the application sets one up.
set -e

users() {
	for bus in /run/user/*/bus; do
		[ -S "$bus" ] || continue
		uid=${bus#/run/user/}
		echo "${uid%/bus}"
	done
}

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload >/dev/null 2>&1 || true
	systemctl try-restart {{.Name}}.service >/dev/null 2>&1 || true
	for uid in $(users); do
		systemctl --user -M "$uid@.host" try-restart {{.Name}}.service >/dev/null 2>&1 || true
	done
fi
exit 0
