package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	kardianos "github.com/kardianos/service"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"
)

const howToBecomeAdministrator = "start the terminal as administrator"

// isAdministrator reports whether this process has an administrator's rights.
func isAdministrator() bool { return windows.GetCurrentProcessToken().IsElevated() }

// newManager returns the service control manager for the system's service. Windows has no services of
// users, so the user's is a program that is started at log-on.
func newManager(c Config) (manager, error) {
	if c.Kind == User {
		return &logOn{c}, nil
	}
	s, err := kardianos.New(idle{}, windowsConfig(c))
	if err != nil {
		return nil, err
	}
	return &windowsService{config: c, service: s}, nil
}

// A windowsService is the system's service.
type windowsService struct {
	config  Config
	service kardianos.Service
}

func (w *windowsService) name() string { return "windows" }

// install makes the service anew, since kardianos/service changes none that is there, and adds what it
// has no option for: several delays between restarts, and restarts after an exit code.
func (w *windowsService) install(ctx context.Context) error {
	st, err := w.status(ctx)
	if err != nil {
		return err
	}
	if st.Installed {
		if err := w.stop(ctx); err != nil {
			return err
		}
		if err := w.uninstall(ctx); err != nil {
			return err
		}
	}
	if err := closeFolder(ctx, filepath.Dir(w.config.Paths.Settings)); err != nil {
		return err
	}
	if err := w.service.Install(); err != nil {
		return err
	}
	if err := w.setRecovery(); err != nil {
		return errors.Join(err, w.service.Uninstall())
	}
	return nil
}

// closeFolder makes the folder of the settings and closes it to all but the service's account, the
// system and administrators.
func closeFolder(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	const localService, system, administrators = "*S-1-5-19", "*S-1-5-18", "*S-1-5-32-544"
	const full = ":(OI)(CI)F" // for what is in it as well
	out, err := exec.CommandContext(ctx, "icacls", dir, "/inheritance:r", "/grant:r",
		localService+full, system+full, administrators+full).CombinedOutput()
	if err != nil {
		return fmt.Errorf("close %s to others: icacls: %s (%w)", dir, strings.TrimSpace(string(out)), err)
	}
	return nil
}

func (w *windowsService) setRecovery() error {
	return w.open(mgrAll, func(s *mgr.Service) error {
		actions := make([]mgr.RecoveryAction, len(windowsDelays))
		for i, d := range windowsDelays {
			actions[i] = mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d}
		}
		forgiven := uint32(windowsForgiven / time.Second)
		return errors.Join(s.SetRecoveryActions(actions, forgiven), s.SetRecoveryActionsOnNonCrashFailures(true))
	})
}

func (w *windowsService) uninstall(context.Context) error { return w.service.Uninstall() }

func (w *windowsService) start(ctx context.Context) error {
	if st, err := w.status(ctx); err != nil || st.Running {
		return err
	}
	return w.service.Start()
}

func (w *windowsService) stop(ctx context.Context) error {
	if st, err := w.status(ctx); err != nil || !st.Running {
		return err
	}
	return w.service.Stop()
}

func (w *windowsService) restart(ctx context.Context) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	return w.start(ctx)
}

// The rights that we ask for. kardianos/service v1.3.0 asks for those to start and stop even to look, which an
// ordinary user does not get.
const (
	mgrLook = windows.SERVICE_QUERY_CONFIG | windows.SERVICE_QUERY_STATUS
	mgrAll  = windows.SERVICE_ALL_ACCESS
)

// open calls do with the service, opened with the rights given.
func (w *windowsService) open(rights uint32, do func(*mgr.Service) error) error {
	m, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return err
	}
	defer windows.CloseServiceHandle(m)
	name, err := windows.UTF16PtrFromString(Name)
	if err != nil {
		return err
	}
	h, err := windows.OpenService(m, name, rights)
	if err != nil {
		return err
	}
	s := &mgr.Service{Name: Name, Handle: h}
	return errors.Join(do(s), s.Close())
}

func (w *windowsService) status(context.Context) (Status, error) {
	var st Status
	err := w.open(mgrLook, func(s *mgr.Service) error {
		c, err := s.Config()
		if err != nil {
			return err
		}
		now, err := s.Query()
		if err != nil {
			return err
		}
		st = windowsStatus(c, now)
		return nil
	})
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return st, nil
	}
	return st, err
}

// windowsStatus reads what Windows says.
func windowsStatus(c mgr.Config, now svc.Status) Status {
	st := Status{
		Installed: true, Enabled: c.StartType == mgr.StartAutomatic,
		Running: now.State == svc.Running || now.State == svc.StartPending, PID: int(now.ProcessId),
	}
	if words, err := windows.DecomposeCommandLine(c.BinaryPathName); err == nil && len(words) > 0 {
		st.Program = words[0]
	}
	st.ProgramMissing = missing(st.Program)
	if code := now.ServiceSpecificExitCode; now.State == svc.Stopped && code != 0 {
		st.Failing, st.Detail = true, fmt.Sprintf("it ended with exit code %d; see the event log", code)
	} else if code := now.Win32ExitCode; now.State == svc.Stopped && code != 0 && code != uint32(windows.ERROR_SERVICE_NEVER_STARTED) {
		st.Failing, st.Detail = true, fmt.Sprintf("it ended: %v", syscall.Errno(code))
	}
	if st.ProgramMissing {
		st.Detail = "its program " + st.Program + " is gone; install the service again from where millpondd is now"
	}
	return st
}
