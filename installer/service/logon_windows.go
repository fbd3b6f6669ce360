package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// logOn starts the daemon when the user logs on, without an administrator's rights. Windows does not
// start it again when it crashes.
type logOn struct{ config Config }

func (l *logOn) name() string { return "windows" }

// runKey lists what Windows starts at log-on.
const runKey = `Software\Microsoft\Windows\CurrentVersion\Run`

// stopEvent is how the daemon of this session is told to end: there is no signal to a program
// without a console. As long as it exists, the daemon runs.
const stopEvent = `Local\millpond-serve`

func (l *logOn) install(context.Context) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(k.SetStringValue(Name, windowsCommand(l.config)), k.Close())
}

func (l *logOn) uninstall(context.Context) error {
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	return errors.Join(k.DeleteValue(Name), k.Close())
}

// start starts the daemon with no window and in a group of its own, so that it outlives us.
func (l *logOn) start(ctx context.Context) error {
	if running, err := l.running(); err != nil || running {
		return err
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), l.config.Program, l.config.Args...)
	c.Env = append(os.Environ(), environment(l.config)...)
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.DETACHED_PROCESS}
	if err := c.Start(); err != nil {
		return err
	}
	if err := c.Process.Release(); err != nil {
		return err
	}
	return l.until(ctx, true)
}

func (l *logOn) stop(ctx context.Context) error {
	if err := AskToEnd(); errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return nil
	} else if err != nil {
		return err
	}
	return l.until(ctx, false)
}

// AskToEnd tells the daemon of this session, whether it is a service or not, to finish the requests in flight and end. It
// does not wait. The error is windows.ERROR_FILE_NOT_FOUND when there is none.
func AskToEnd() error {
	name, err := windows.UTF16PtrFromString(stopEvent)
	if err != nil {
		return err
	}
	h, err := windows.OpenEvent(windows.EVENT_MODIFY_STATE, false, name)
	if err != nil {
		return err
	}
	return errors.Join(windows.SetEvent(h), windows.CloseHandle(h))
}

func (l *logOn) restart(ctx context.Context) error {
	if err := l.stop(ctx); err != nil {
		return err
	}
	return l.start(ctx)
}

// until waits until the daemon runs, or does not.
func (l *logOn) until(ctx context.Context, want bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if is, err := l.running(); err != nil || is == want {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the daemon: %w; see the log in %s", ctx.Err(), l.config.Paths.State)
		case <-tick.C:
		}
	}
}

// running reports whether a daemon of this session is there.
func (l *logOn) running() (bool, error) {
	name, err := windows.UTF16PtrFromString(stopEvent)
	if err != nil {
		return false, err
	}
	h, err := windows.OpenEvent(windows.SYNCHRONIZE, false, name)
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, windows.CloseHandle(h)
}

func (l *logOn) status(context.Context) (Status, error) {
	var st Status
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	line, _, err := k.GetStringValue(Name)
	if err := errors.Join(k.Close(), ignoreAbsent(err)); err != nil || line == "" {
		return st, err
	}
	st.Installed, st.Enabled = true, true
	const before = 2 // conhost.exe --headless
	if words, err := windows.DecomposeCommandLine(line); err == nil && len(words) > before {
		st.Program = words[before]
	}
	if st.ProgramMissing = missing(st.Program); st.ProgramMissing {
		st.Detail = "its program " + st.Program + " is gone; install the service again from where millpondd is now"
	}
	st.Running, err = l.running()
	return st, err
}

// ignoreAbsent is nil for a value that is not in the registry.
func ignoreAbsent(err error) error {
	if errors.Is(err, registry.ErrNotExist) {
		return nil
	}
	return err
}
