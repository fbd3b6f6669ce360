package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	kardianos "github.com/kardianos/service"
)

// newManager returns the manager that this machine has.
func newManager(c Config) (manager, error) {
	platform := kardianos.Platform()
	if platform == "linux-systemd" {
		return newSystemd(c)
	}
	if c.Kind == User {
		return nil, fmt.Errorf("%w: %s knows no services of users; run \"millpondd serve\" when you log in, or install the system's service with --system", ErrNoManager, platform)
	}
	switch platform {
	case "linux-openrc":
		return newInit(c, "openrc", "OpenRCScript", openrcScript(c))
	case "unix-systemv":
		if _, err := os.Stat("/etc/init.d"); err == nil {
			return newInit(c, "sysv", "SysvScript", sysvScript(c))
		}
	}
	return nil, fmt.Errorf("%w: this machine has %s, for which Millpond has no recipe; run \"millpondd serve\" by it", ErrNoManager, platform)
}

// newInit returns OpenRC or SysV, whose scripts need an account.
func newInit(c Config, name, option, text string) (manager, error) {
	r, err := newRegistered(c, Name, option, "/etc/init.d/"+Name, text)
	if err != nil {
		return nil, err
	}
	r.manager = name
	r.prepare = func(ctx context.Context) error {
		if err := openToAll(c.Program); err != nil {
			return err
		}
		return makeAccount(ctx)
	}
	r.clean = removeAccount
	if name == "sysv" {
		r.forget, r.running = forgetLevels, sysvRuns
	}
	return r, nil
}

// makeAccount makes the account of the system's service, by shadow's tool or busybox's.
func makeAccount(ctx context.Context) error {
	if _, err := user.Lookup(account); err == nil {
		return nil
	}
	home := filepath.Dir(SystemPaths().Settings)
	command := []string{"useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", "/sbin/nologin", account}
	if _, err := exec.LookPath(command[0]); err != nil {
		command = []string{"adduser", "-S", "-D", "-H", "-h", home, "-s", "/sbin/nologin", account}
	}
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("make the service's account: %s: %s (%w)", command[0], strings.TrimSpace(string(out)), err)
	}
	return nil
}

// removeAccount removes what makeAccount has made.
func removeAccount(ctx context.Context) error {
	if _, err := user.Lookup(account); err != nil {
		return nil
	}
	command := []string{"userdel", account}
	if _, err := exec.LookPath(command[0]); err != nil {
		command = []string{"deluser", account}
	}
	if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("remove the service's account: %s: %s (%w)", command[0], strings.TrimSpace(string(out)), err)
	}
	return nil
}

// forgetLevels removes the links in the folders of the run levels, which kardianos/service v1.3.0 makes
// and leaves behind.
func forgetLevels(context.Context) error {
	links, err := filepath.Glob("/etc/rc[0-6].d/[SK][0-9][0-9]" + Name)
	for _, link := range links {
		err = errors.Join(err, os.Remove(link))
	}
	return err
}

// sysvRuns asks the script. kardianos/service v1.3.0 takes every exit code but 0 for an error, where LSB says
// 3 for a service that does not run, and 1 for one that has died.
func sysvRuns(ctx context.Context) (bool, error) {
	err := exec.CommandContext(ctx, "/etc/init.d/"+Name, "status").Run()
	var ended *exec.ExitError
	if errors.As(err, &ended) && (ended.ExitCode() == 1 || ended.ExitCode() == 3) {
		return false, nil
	}
	return err == nil, err
}
