#!/sbin/openrc-run
# Written by "millpondd service install", which replaces it.
export MILLPOND_CONFIG='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond/settings.toml'
export MILLPOND_STATE='/home/a b/50%/$HOME/it'\''s "x" \ <&>/state/millpond'
export MILLPOND_CONTROL='/home/a b/50%/$HOME/it'\''s "x" \ <&>/run/millpond/control.sock'
# Variables for references such as env:NAME, and HTTPS_PROXY where an egress is "system".
environment='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond/environment'
[ ! -r "$environment" ] || { set -a; . "$environment"; set +a; }

name="Millpond"
description="Millpond, a local proxy that keeps connections to APIs warm"
supervisor=supervise-daemon
command='/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpondd'
command_args='serve --listen '\''[::1]:0'\'' '\''$a %b "c"'\'''
command_user="millpond:millpond"
umask=077
respawn_delay=1
respawn_max=0
retry="TERM/40/KILL/5"
rc_ulimit="-n 65536"
error_logger="logger -t millpond -p daemon.info"
no_new_privs=yes

depend() {
	use net dns logger
}

start_pre() {
	checkpath --directory --mode 0700 --owner "$command_user" '/home/a b/50%/$HOME/it'\''s "x" \ <&>/millpond' '/home/a b/50%/$HOME/it'\''s "x" \ <&>/state/millpond' '/home/a b/50%/$HOME/it'\''s "x" \ <&>/run/millpond'
}
