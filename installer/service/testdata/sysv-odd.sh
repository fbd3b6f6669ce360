#!/bin/sh
### BEGIN INIT INFO
# Provides:          millpond
# Required-Start:    $local_fs $remote_fs
# Required-Stop:     $local_fs $remote_fs
# Should-Start:      $network $named
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Millpond, a local proxy that keeps connections to APIs warm
### END INIT INFO
# Written by "millpondd service install", which replaces it.
export MILLPOND_CONFIG='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond/settings.toml'
export MILLPOND_STATE='/home/a b/50%/$HOME/it'\''s "x" \ <&>/state/millpond'
export MILLPOND_CONTROL='/home/a b/50%/$HOME/it'\''s "x" \ <&>/run/millpond/control.sock'
# Variables for references such as env:NAME, and HTTPS_PROXY where an egress is "system".
environment='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond/environment'
[ ! -r "$environment" ] || { set -a; . "$environment"; set +a; }

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
program='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpondd'
pidfile=/run/millpond.pid
umask 077

running() {
	[ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null
}

# supervise runs the daemon until it is told to end.
supervise() {
	child= delay=1
	trap 'trap "" TERM INT; [ -z "$child" ] || { kill "$child"; wait "$child"; }; exit 0' TERM INT
	while :; do
		began=$(date +%s)
		"$program" serve --listen '[::1]:0' '$a %b "c"' 2>/dev/null &
		child=$!
		wait "$child"
		if ! mistakes=$("$program" config validate 2>&1); then
			echo "$mistakes" | logger -t millpond -p daemon.err
			exit 2
		fi
		[ $(($(date +%s) - began)) -lt 60 ] || delay=1
		sleep "$delay" &
		child=$!
		wait "$child"
		delay=$((delay < 16 ? delay * 2 : 30))
	done
}

case "$1" in
start)
	running && exit 0
	[ -x "$program" ] || { echo "$program is gone; install the service again" >&2; exit 5; }
	for folder in '/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond' '/home/a b/50%/$HOME/it'\''s "x" \ <&>/state/millpond' '/home/a b/50%/$HOME/it'\''s "x" \ <&>/run/millpond'; do
		mkdir -p "$folder" && chown millpond:millpond "$folder" && chmod 0700 "$folder" || exit 1
	done
	ulimit -n 65536 2>/dev/null
	start-stop-daemon --start --quiet --background --make-pidfile --pidfile "$pidfile" \
		--chuid millpond:millpond --startas /bin/sh -- "$0" supervise
	;;
stop)
	running || { rm -f "$pidfile"; exit 0; }
	start-stop-daemon --stop --quiet --retry TERM/45/KILL/5 --pidfile "$pidfile"
	rm -f "$pidfile"
	;;
restart | force-reload)
	"$0" stop && "$0" start
	;;
status)
	running && { echo "millpond runs"; exit 0; }
	echo "millpond does not run"
	[ ! -e "$pidfile" ] || exit 1
	exit 3
	;;
supervise)
	supervise
	;;
*)
	echo "usage: $0 start|stop|restart|force-reload|status" >&2
	exit 2
	;;
esac
