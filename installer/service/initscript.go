package service

import (
	"path/filepath"
	"strings"
)

// The account of the system's service where no manager makes one up. It is made by install and
// goes with --purge.
const account = Name

// scriptHead is common to the scripts of OpenRC and SysV: shell, with every text in quotes.
func (c Config) scriptHead() string {
	return "# Written by \"millpondd service install\", which replaces it.\n" +
		"export MILLPOND_CONFIG=" + shell(c.Paths.Settings) + "\n" +
		"export MILLPOND_STATE=" + shell(c.Paths.State) + "\n" +
		"export MILLPOND_CONTROL=" + shell(c.Paths.Control) + "\n" +
		"# Variables for references such as env:NAME, and HTTPS_PROXY where an egress is \"system\".\n" +
		"environment=" + shell(filepath.Join(filepath.Dir(c.Paths.Settings), "environment")) + "\n" +
		"[ ! -r \"$environment\" ] || { set -a; . \"$environment\"; set +a; }\n"
}

// folders are what the account must own.
func (c Config) folders() string {
	return shell(filepath.Dir(c.Paths.Settings)) + " " + shell(c.Paths.State) + " " + shell(filepath.Dir(c.Paths.Control))
}

// openrcScript returns the script of OpenRC. Its supervisor starts the daemon again when it ends, a
// second later and without end; of wrong settings it knows nothing, so those are tried again too.
func openrcScript(c Config) string {
	return `#!/sbin/openrc-run
` + c.scriptHead() + `
name="Millpond"
description="` + description + `"
supervisor=supervise-daemon
command=` + shell(c.Program) + `
command_args=` + shell(words(c.Args)) + `
command_user="` + account + ":" + account + `"
umask=077
respawn_delay=1
respawn_max=0
retry="TERM/40/KILL/5"
rc_ulimit="-n 65536"
error_logger="logger -t ` + Name + ` -p daemon.info"
no_new_privs=yes

depend() {
	use net dns logger
}

start_pre() {
	checkpath --directory --mode 0700 --owner "$command_user" ` + c.folders() + `
}
`
}

// sysvScript returns the script of SysV, after LSB 5, "Init Script Actions". SysV itself watches
// nothing, so the script calls itself as a supervisor: it starts the daemon again when it ends, later
// each time up to 30 s, but not on wrong settings, which only a person can mend.
func sysvScript(c Config) string {
	return `#!/bin/sh
### BEGIN INIT INFO
# Provides:          ` + Name + `
# Required-Start:    $local_fs $remote_fs
# Required-Stop:     $local_fs $remote_fs
# Should-Start:      $network $named
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: ` + description + `
### END INIT INFO
` + c.scriptHead() + `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
program=` + shell(c.Program) + `
pidfile=/run/` + Name + `.pid
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
		"$program" ` + words(c.Args) + ` 2>/dev/null &
		child=$!
		wait "$child"
		if ! mistakes=$("$program" config validate 2>&1); then
			echo "$mistakes" | logger -t ` + Name + ` -p daemon.err
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
	for folder in ` + c.folders() + `; do
		mkdir -p "$folder" && chown ` + account + ":" + account + ` "$folder" && chmod 0700 "$folder" || exit 1
	done
	ulimit -n 65536 2>/dev/null
	start-stop-daemon --start --quiet --background --make-pidfile --pidfile "$pidfile" \
		--chuid ` + account + ":" + account + ` --startas /bin/sh -- "$0" supervise
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
`
}

// words writes the arguments as words of a shell.
func words(args []string) string {
	written := make([]string, len(args))
	for i, a := range args {
		written[i] = shell(a)
	}
	return strings.Join(written, " ")
}

// shell writes a text as one word of a POSIX shell.
func shell(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./,:@") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
