package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"runtime"

	"millpond/installer/service"
	"millpond/proxy/control"
)

// machineStatus asks the daemon that an administrator has set up for the whole machine. Any
// user may; it tells how it is and no more. It returns false when there is none.
func (a *app) machineStatus(ctx context.Context) (control.Status, bool) {
	client := control.DialPublic(service.PublicSocket(a.getenv))
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	s, err := client.Status(ctx)
	return s, err == nil
}

// askAny asks the daemon of this user, and where there is none the machine's. It also is the
// answer to who asks for the machine's own with --system and may not.
func (a *app) askAny(ctx context.Context) (control.Status, error) {
	s, err := a.askStatus(ctx)
	if isNotRunning(err) || errors.Is(err, fs.ErrPermission) {
		if machine, ok := a.machineStatus(ctx); ok {
			return machine, nil
		}
	}
	return s, err
}

// byAdministrator is how a command speaks to the machine's daemon.
func byAdministrator(command string) string {
	if runtime.GOOS == "windows" {
		return fmt.Sprintf(`"millpondd %s --system" in a terminal that was started as administrator`, command)
	}
	return fmt.Sprintf(`"sudo millpondd %s --system"`, command)
}

// absent says instead of how to start the daemon that the machine's runs, if it does.
func (a *app) absent(ctx context.Context, err error) error {
	var f *failure
	if isNotRunning(err) && errors.As(err, &f) && !a.system {
		if s, ok := a.machineStatus(ctx); ok {
			f.next = fmt.Sprintf("Millpond runs for the whole machine at http://%s; an administrator speaks to it by %s.", s.Address, byAdministrator("status"))
		}
	}
	return err
}

// taken returns the refusal of a daemon that would listen where the machine's does; nil when it
// does not.
func (a *app) taken(ctx context.Context, address string) error {
	s, ok := a.machineStatus(ctx)
	if !ok || a.system || portOf(s.Address) != portOf(address) {
		return nil
	}
	return &failure{
		code: exitRefused, err: fmt.Errorf("the whole machine has a Millpond at http://%s, and two cannot listen there", s.Address),
		next: `Use that one, or choose another address with "millpondd config set listen.address 127.0.0.1:PORT".`,
	}
}

// portOf returns the port of an address.
func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
