#!/bin/sh
# Before removing, but not before an upgrade: stops and removes the service of every user and that of
# the system, with the tray icons. Settings, history and logs are the users' own and stay.
set -e

# dpkg says "remove" or "upgrade", rpm the number of versions that will be left.
case "${1:-remove}" in
remove | 0) ;;
*) exit 0 ;;
esac

# Everyone with a home folder in which the service was installed, logged in or not.
getent passwd | while IFS=: read -r _ _ uid gid _ home _; do
	unit="$home/.config/systemd/user/{{.Name}}.service"
	[ -f "$unit" ] && grep -q '/usr/bin/{{.Name}}d' "$unit" || continue
	if [ -S "/run/user/$uid/bus" ]; then
		systemctl --user -M "$uid@.host" disable --now {{.Name}}.service >/dev/null 2>&1 || true
	fi
	# As the user: a link in the folder must not lead us anywhere else. Agents that were pointed at the proxy
	# get their own settings back, since nobody answers there any more.
	as_user="setpriv --reuid=$uid --regid=$gid --init-groups --inh-caps=-all env HOME=$home XDG_RUNTIME_DIR=/run/user/$uid"
	$as_user /usr/bin/{{.Name}}d disconnect --all >/dev/null 2>&1 || true
	$as_user rm -f "$unit" "$home/.config/systemd/user/default.target.wants/{{.Name}}.service" || true
	$as_user rm -rf "/run/user/$uid/{{.Name}}" || true
	if [ -S "/run/user/$uid/bus" ]; then
		systemctl --user -M "$uid@.host" daemon-reload >/dev/null 2>&1 || true
	fi
done

if [ -f /etc/systemd/system/{{.Name}}.service ] && grep -q '/usr/bin/{{.Name}}d' /etc/systemd/system/{{.Name}}.service; then
	/usr/bin/{{.Name}}d service uninstall --system >/dev/null 2>&1 || true
fi

# The trays would stay on the screen without a program behind them. One that runs since before an upgrade
# has a program that is called otherwise now.
for process in /proc/[0-9]*; do
	program=$(readlink "$process/exe" 2>/dev/null) || continue
	program=${program% (deleted)}
	case "${program%.dpkg-tmp}" in
	/usr/bin/{{.Name}} | /usr/bin/{{.Name}}-window) kill "${process#/proc/}" 2>/dev/null || true ;;
	esac
done
exit 0
