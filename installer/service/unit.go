package service

import (
	"fmt"
	"path/filepath"
	"strings"
)

// A systemdUnit is what is written into a unit file.
type systemdUnit struct {
	Config
	// steps is whether systemd can let the time between restarts grow (version 254).
	steps bool
	// confined is whether a user's manager can keep the service from the rest of the file system.
	// It needs a user name space, which some systems refuse to ordinary users.
	confined bool
	// writable are folders of the user's service beside its own: where links of the settings lead.
	writable []string
}

// text returns the unit file.
//
// Restarts never end (StartLimitIntervalSec=0), so that a proxy which cannot start is there when
// what was wrong is right again. They are not hot: the first comes after 0.2 s, later ones
// by steps up to 30 s; where systemd is too old for steps, the daemon itself waits some seconds
// before it gives up a start that failed (see millpondd's serve). Wrong settings are exit code 78, and mended
// by a person alone, so those are not tried again.
//
// systemd keeps the daemon's listening sockets (FileDescriptorStoreMax=), so clients who connect
// during a restart wait for the next daemon instead of being refused.
func (u systemdUnit) text() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Written by \"millpondd service install\", which replaces it. Changes of your own belong into")
	p("# a drop-in: systemctl %sedit %s", u.userFlag(), Name)
	p("[Unit]")
	p("Description=%s", description)
	p("ConditionFileIsExecutable=%s", specifier(u.Program))
	p("StartLimitIntervalSec=0")
	if u.Kind == System {
		p("After=network.target nss-lookup.target")
	}
	p("")
	p("[Service]")
	p("Type=notify")
	p("ExecStart=%s", command(u.Program, u.Args...))
	p("ExecReload=/bin/kill -HUP $MAINPID")
	p("Restart=always")
	p("RestartSec=200ms")
	if u.steps {
		p("RestartSteps=6")
		p("RestartMaxDelaySec=30s")
	}
	p("RestartPreventExitStatus=78")
	p("TimeoutStartSec=60s")
	p("TimeoutStopSec=40s")
	p("WatchdogSec=30s")
	p("FileDescriptorStoreMax=16")
	p("LimitNOFILE=65536")
	p("SyslogIdentifier=%s", Name)
	p("Environment=%s %s %s", quoted("MILLPOND_CONFIG="+u.Paths.Settings),
		quoted("MILLPOND_STATE="+u.Paths.State), quoted("MILLPOND_CONTROL="+u.Paths.Control))
	p("# Variables for references such as env:NAME, and HTTPS_PROXY where an egress is \"system\".")
	p("EnvironmentFile=-%s", specifier(filepath.Join(filepath.Dir(u.Paths.Settings), "environment")))
	p("")
	u.harden(p)
	p("")
	p("[Install]")
	p("WantedBy=%s", map[Kind]string{User: "default.target", System: "multi-user.target"}[u.Kind])
	return b.String()
}

// userFlag is what systemctl needs to speak of the unit.
func (u systemdUnit) userFlag() string {
	if u.Kind == User {
		return "--user "
	}
	return ""
}

// harden takes away what the daemon does not need. It needs: its folders, the network, and for a
// user's service the session bus, where the keyring is. systemd's own folders for user units moved
// with version 254, so they are named by path.
func (u systemdUnit) harden(p func(string, ...any)) {
	p("# Only what it needs.")
	p("NoNewPrivileges=yes")
	p("LockPersonality=yes")
	p("RestrictRealtime=yes")
	p("RestrictSUIDSGID=yes")
	p("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK")
	p("SystemCallArchitectures=native")
	p("UMask=0077")
	switch {
	case u.Kind == System:
		u.hardenSystem(p)
	case u.confined:
		u.hardenUser(p)
	default:
		p("# This system lets no ordinary user have a user name space, so the file system stays as open")
		p("# to the service as it is to the user.")
	}
}

// hardenUser closes the file system but for the service's folders. They are made before, outside of
// the confinement, since systemd would not start the service without them.
func (u systemdUnit) hardenUser(p func(string, ...any)) {
	folders := append([]string{filepath.Dir(u.Paths.Settings), u.Paths.State, filepath.Dir(u.Paths.Control)}, u.writable...)
	p("PrivateUsers=yes")
	p("PrivateTmp=yes")
	p("ProtectSystem=strict")
	p("ProtectKernelTunables=yes")
	p("ProtectKernelModules=yes")
	p("ProtectControlGroups=yes")
	p("ExecStartPre=+%s", command("/bin/mkdir", append([]string{"-p", "-m", "0700"}, folders...)...))
	for _, f := range folders {
		p("ReadWritePaths=%s", quoted(f))
	}
}

// hardenSystem gives the service a user of its own, who exists only while it runs and owns nothing
// but its folder. The settings are in that folder too, and not in /etc, since the daemon itself
// saves them.
func (u systemdUnit) hardenSystem(p func(string, ...any)) {
	p("DynamicUser=yes")
	p("User=%s", Name)
	p("StateDirectory=%s", Name)
	p("StateDirectoryMode=0700")
	p("RuntimeDirectory=%s", Name)
	// Everyone passes, to the socket that tells how it is. RuntimeDirectoryPreserve= would put the folder
	// behind one that is root's alone.
	p("RuntimeDirectoryMode=0711")
	p("ProtectHome=yes")
	p("ProtectProc=invisible")
	p("ProtectClock=yes")
	p("ProtectHostname=yes")
	p("ProtectKernelLogs=yes")
	p("ProtectKernelModules=yes")
	p("ProtectKernelTunables=yes")
	p("ProtectControlGroups=yes")
	p("PrivateDevices=yes")
	p("RestrictNamespaces=yes")
	p("MemoryDenyWriteExecute=yes")
	p("CapabilityBoundingSet=CAP_NET_BIND_SERVICE")
	p("AmbientCapabilities=CAP_NET_BIND_SERVICE")
	p("SystemCallFilter=@system-service")
	p("SystemCallErrorNumber=EPERM")
}

// specifier writes a text where systemd replaces %x (systemd.unit(5), "Specifiers").
func specifier(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// quoted writes a text as one word (systemd.syntax(7), "Quoting").
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%").Replace(text) + `"`
}

// command writes a command line; in those, systemd replaces $NAME too, but in the program
// (systemd.service(5), "Command lines").
func command(program string, args ...string) string {
	written := []string{quoted(program)}
	for _, a := range args {
		written = append(written, quoted(strings.ReplaceAll(a, "$", "$$")))
	}
	return strings.Join(written, " ")
}
