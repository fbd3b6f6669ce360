// Package service registers the daemon with the operating system's service manager, and starts,
// stops, watches and removes it there. It knows systemd, OpenRC, SysV, launchd and Windows.
//
// A service is the user's own (the default) or the system's:
//
//   - The user's runs as the user, with the user's settings: a systemd user unit or a LaunchAgent; on
//     Windows, which has none, a program that is started at log-on. OpenRC and SysV have none at all.
//   - The system's runs as a user of its own, with settings of its own (see [SystemPaths]), and only an
//     administrator may install it.
//
// github.com/kardianos/service finds out which manager there is and does the work for all but
// systemd. For systemd it is not used, because version 1.3.0 refuses to install what is installed
// already, leaves its file behind when a later step fails, throws away what systemctl prints and
// knows no context; and its template has no notion of a user unit that starts at login. What else is
// worked around stands at the manager that needs it.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Name is the name of the service: the unit is millpond.service.
const Name = "millpond"

// description is what managers show beside the name.
const description = "Millpond, a local proxy that keeps connections to APIs warm"

// Kind says whose service it is.
type Kind string

// The kinds of services.
const (
	User   Kind = "user"
	System Kind = "system"
)

// Paths are where the daemon of a service keeps its things.
type Paths struct {
	Settings string // the settings file
	State    string // the folder for history, learned ages and log
	Control  string // the control socket, or the named pipe
}

// PublicSocket returns where the system's service tells every user of the machine how it is:
// what MILLPOND_PUBLIC says, or where it does so by itself.
func PublicSocket(getenv func(string) string) string {
	return cmp.Or(getenv("MILLPOND_PUBLIC"), publicSocket)
}

// Config describes a service. The zero Kind is User. Paths is required for a user's service; the
// system's has its own.
type Config struct {
	Kind    Kind
	Program string   // path of millpondd; "" means this program or the one beside it
	Args    []string // nil means "serve"
	Paths   Paths
}

// Status is how it stands with the service.
type Status struct {
	Kind           Kind   `json:"kind"`
	Manager        string `json:"manager"`   // systemd, openrc, sysv, launchd or windows
	Installed      bool   `json:"installed"` // it is registered
	Enabled        bool   `json:"enabled"`   // it starts with the machine or at login
	Running        bool   `json:"running"`   // the manager says that it serves
	Failing        bool   `json:"failing"`   // it should run and does not, or is started again and again
	Program        string `json:"program"`   // what it runs; "" when it is not installed
	ProgramMissing bool   `json:"program_missing"`
	File           string `json:"file"`     // what describes it to the manager; "" when that is no file
	PID            int    `json:"pid"`      // 0: unknown, or it does not run
	Restarts       int    `json:"restarts"` // by the manager, since it was last started by hand; 0 where it does not say
	Linger         *bool  `json:"linger"`   // whether a user's service starts with the machine; nil where that does not apply
	Detail         string `json:"detail"`   // what is wrong, or how it is, in a sentence; "" when there is nothing to say
}

// Errors that callers tell apart.
var (
	// ErrNotInstalled says that there is no such service to start, stop or remove.
	ErrNotInstalled = errors.New("the service is not installed")
	// ErrNotPermitted says that only an administrator may do this.
	ErrNotPermitted = errors.New("only an administrator may do this")
	// ErrNoManager says that this machine has no service manager that could run it.
	ErrNoManager = errors.New("there is no service manager for it")
)

// A manager is one service manager of one system, for one service.
type manager interface {
	name() string
	install(ctx context.Context) error   // register, or bring what is registered up to date
	uninstall(ctx context.Context) error // forget it; it has been stopped
	start(ctx context.Context) error     // until it serves, or the reason why not
	stop(ctx context.Context) error      // until it has ended
	restart(ctx context.Context) error
	status(ctx context.Context) (Status, error)
}

// A Service is the daemon as the service manager sees it. It keeps no state: all of it is the
// manager's. Every method may be called again with the same result. Use New.
type Service struct {
	config  Config // complete
	manager manager
}

// New returns the service that c describes. It changes nothing. The error is ErrNoManager when the
// machine cannot run such a service.
func New(c Config) (*Service, error) {
	c, err := c.complete()
	if err != nil {
		return nil, err
	}
	m, err := newManager(c)
	if err != nil {
		return nil, err
	}
	return &Service{config: c, manager: m}, nil
}

// Paths returns where the service's daemon keeps its things.
func (s *Service) Paths() Paths { return s.config.Paths }

// Program returns the program that Install would register.
func (s *Service) Program() string { return s.config.Program }

// Install registers the service, so that it starts with the machine or at login, or brings it up to
// date. It does not start it. What fails leaves things as they were.
func (s *Service) Install(ctx context.Context) error {
	if err := s.permitted("install"); err != nil {
		return err
	}
	if err := executable(s.config.Program); err != nil {
		return err
	}
	if err := s.manager.install(ctx); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return nil
}

// Uninstall stops the service and removes everything that Install has made. Settings and state stay.
func (s *Service) Uninstall(ctx context.Context) error {
	if err := s.permitted("uninstall"); err != nil {
		return err
	}
	st, err := s.manager.status(ctx)
	if err != nil || !st.Installed {
		return err
	}
	if err := s.manager.stop(ctx); err != nil { // kardianos/service would leave it running
		return fmt.Errorf("stop the service: %w", err)
	}
	if err := s.manager.uninstall(ctx); err != nil {
		return fmt.Errorf("uninstall the service: %w", err)
	}
	return s.removeSocket()
}

// Start starts the service and waits until it serves. The error gives the reason when it does not.
func (s *Service) Start(ctx context.Context) error { return s.act(ctx, "start", s.manager.start) }

// Stop stops the service and waits until requests in flight have ended.
func (s *Service) Stop(ctx context.Context) error { return s.act(ctx, "stop", s.manager.stop) }

// Restart stops the service and starts it again, so that it runs the program as it is now.
func (s *Service) Restart(ctx context.Context) error { return s.act(ctx, "restart", s.manager.restart) }

// act does what needs an installed service.
func (s *Service) act(ctx context.Context, verb string, do func(context.Context) error) error {
	if err := s.permitted(verb); err != nil {
		return err
	}
	st, err := s.manager.status(ctx)
	if err != nil {
		return err
	}
	if !st.Installed {
		return fmt.Errorf("%s the service: %w", verb, ErrNotInstalled)
	}
	if st.ProgramMissing && verb != "stop" {
		return fmt.Errorf("%s the service: its program %s is gone; install the service again from where millpondd is now", verb, st.Program)
	}
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s the service: %w", verb, err)
	}
	return nil
}

// Status asks the manager how it stands. It needs no rights.
func (s *Service) Status(ctx context.Context) (Status, error) {
	st, err := s.manager.status(ctx)
	st.Kind, st.Manager = s.config.Kind, s.manager.name()
	return st, err
}

// permitted refuses what only an administrator may do.
func (s *Service) permitted(verb string) error {
	if s.config.Kind == System && !isAdministrator() {
		return fmt.Errorf("%s the system's service: %w; %s", verb, ErrNotPermitted, howToBecomeAdministrator)
	}
	return nil
}

// complete fills in what c leaves open.
func (c Config) complete() (Config, error) {
	switch c.Kind {
	case "":
		c.Kind = User
	case User, System:
	default:
		return c, fmt.Errorf("a service is of the kind %q or %q, not %q", User, System, c.Kind)
	}
	if c.Kind == System {
		c.Paths = SystemPaths()
	}
	if c.Args == nil {
		c.Args = []string{"serve"}
	}
	var err error
	if c.Program == "" {
		if c.Program, err = besideUs(); err != nil {
			return c, err
		}
	}
	if c.Program, err = filepath.Abs(c.Program); err != nil {
		return c, err
	}
	texts := append([]string{c.Program, c.Paths.Settings, c.Paths.State, c.Paths.Control}, c.Args...)
	if i := slices.IndexFunc(texts, func(s string) bool { return strings.ContainsFunc(s, isControl) }); i >= 0 {
		return c, fmt.Errorf("%q holds a control character, which no service manager's file can hold", texts[i])
	}
	return c, nil
}

// isControl reports whether r would break a line or worse.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// besideUs returns the daemon's program: this one, or the one that is installed beside it.
func besideUs() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the daemon's program: %w", err)
	}
	name := "millpondd"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

// executable returns an error unless path is a program.
func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("install the service: look at its program: %w", err)
	}
	if info.IsDir() || runtime.GOOS != "windows" && info.Mode()&0o111 == 0 {
		return fmt.Errorf("install the service: %s is not a program", path)
	}
	return nil
}

// missing reports whether the program is not where it was.
func missing(program string) bool {
	_, err := os.Stat(program)
	return program != "" && errors.Is(err, os.ErrNotExist)
}
