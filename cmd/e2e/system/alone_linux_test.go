//go:build packages

package system

import (
	"slices"
	"strings"
	"testing"
)

// bare makes a root of what the packages named on its input hold, and of the .deb in argument 2, at argument 1.
const bare = `set -eu
mkdir -p "$1/usr/bin" "$1/usr/sbin" "$1/usr/lib" "$1/usr/lib64"
for dir in bin sbin lib lib64; do ln -s usr/$dir "$1/$dir"; done
xargs dpkg -L | sort -u | while read -r file; do [ ! -e "$file" ] || echo "$file"; done >"$1.list"
tar -C / --no-recursion -cf - -T "$1.list" 2>/dev/null | tar -C "$1" --keep-directory-symlink -xf -
dpkg -x "$2" "$1"
ldconfig -r "$1"
mkdir -p "$1/tmp" "$1/proc" "$1/sys" "$1/dev" "$1/run"
chmod 1777 "$1/tmp"
`

// opensAlone opens the window in a root that holds nothing but what the .deb depends on: what it loads by
// name has to be there, too, which ldd does not know of.
func opensAlone(t *testing.T, d *desk, deb string) {
	t.Helper()
	const root = "/var/tmp/bare"
	packages := closure(t, d.m, d.m.mustRoot(t, "dpkg-deb", "-f", deb, "Depends"))
	if r := d.m.command(strings.Join(packages, "\n"), "sh", "-c", bare, "sh", root, deb); r.code != 0 {
		t.Fatalf("make a root of %v: %v", packages, r)
	}
	for _, program := range []string{"millpond", "millpondd", "millpond-window"} {
		d.m.mustRoot(t, "chroot", root, "/usr/bin/"+program, "version")
	}
	d.m.mustRoot(t, "systemd-run", "--unit=alone", "-p", "RootDirectory="+root, "-p", "MountAPIVFS=yes", "-p", "BindPaths=/tmp/.X11-unix",
		"-p", "User="+d.m.uid, "-p", "Group="+d.m.uid, "-E", "HOME=/tmp", "-E", "DISPLAY="+display, "-E", "LIBGL_ALWAYS_SOFTWARE=1", "/usr/bin/millpond-window", "window")
	said := func() string { return d.m.root("journalctl", "--no-pager", "-o", "cat", "-u", "alone").out }
	until(t, "the window opens with nothing but what the package depends on, or ends", func() bool {
		return len(d.windows()) == 1 || d.m.root("systemctl", "is-active", "alone").code != 0
	})
	if len(d.windows()) != 1 {
		t.Fatalf("the window does not open with %v alone: %s", packages, said())
	}
	at := d.place(t)
	until(t, "something is drawn", func() bool { _, found := seek(d.look(t), at, primary); return found })
	d.keep(t, "package-alone")
	d.m.mustRoot(t, "systemctl", "stop", "alone")
	d.m.mustRoot(t, "rm", "-r", root, root+".list")
}

// closure returns the installed packages that are needed for a field Depends, with what every Debian has.
func closure(t *testing.T, m *machine, depends string) []string {
	t.Helper()
	needs, provides := map[string]string{}, map[string]string{}
	var open []string
	const format = "${Package}\t${Essential}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
	for line := range strings.Lines(m.mustRoot(t, "dpkg-query", "-W", "-f", format)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		needs[fields[0]] = fields[3]
		provides[fields[0]] = fields[0]
		for _, name := range names(fields[2]) {
			if provides[name[0]] == "" {
				provides[name[0]] = fields[0]
			}
		}
		if fields[1] == "yes" {
			open = append(open, fields[0])
		}
	}
	var list []string
	follow := func(depends string) {
		for _, choice := range names(depends) {
			i := slices.IndexFunc(choice, func(name string) bool { return provides[name] != "" })
			if i < 0 {
				t.Fatalf("none of %v is installed here", choice)
			}
			open = append(open, provides[choice[i]])
		}
	}
	follow(depends)
	for len(open) > 0 {
		next := open[0]
		open = open[1:]
		if !slices.Contains(list, next) {
			list = append(list, next)
			follow(needs[next])
		}
	}
	slices.Sort(list)
	return list
}

// names returns the packages of a field such as Depends: those of which one will do together.
func names(field string) [][]string {
	var list [][]string
	for part := range strings.SplitSeq(field, ",") {
		var choice []string
		for one := range strings.SplitSeq(part, "|") {
			name, _, _ := strings.Cut(strings.TrimSpace(one), " ") // the rest is a version
			name, _, _ = strings.Cut(name, ":")                    // or an architecture
			if name != "" {
				choice = append(choice, name)
			}
		}
		if len(choice) > 0 {
			list = append(list, choice)
		}
	}
	return list
}
