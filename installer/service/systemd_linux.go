package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// unitName is the unit as systemctl is told it.
const unitName = Name + ".service"

// stepsSince is the version of systemd that knows RestartSteps=.
const stepsSince = 254

// look is how often systemd is asked how a start goes on.
const look = 100 * time.Millisecond

// systemd is the manager by systemctl.
type systemd struct {
	config Config
	file   string   // the unit file that we write
	user   []string // what every call of systemctl begins with
	env    []string
}

// newSystemd returns the manager of the user or of the system.
func newSystemd(c Config) (*systemd, error) {
	s := &systemd{config: c, file: "/etc/systemd/system/" + unitName, env: os.Environ()}
	if c.Kind == System {
		return s, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fmt.Errorf("find the folder for user units: %w", err)
	}
	s.file, s.user = filepath.Join(home, ".config/systemd/user", unitName), []string{"--user"}
	// A session that pam_systemd did not make, such as one by su, does not say where the manager is.
	if dir := "/run/user/" + strconv.Itoa(os.Getuid()); os.Getenv("XDG_RUNTIME_DIR") == "" {
		if _, err := os.Stat(dir); err == nil {
			s.env = append(s.env, "XDG_RUNTIME_DIR="+dir)
		}
	}
	return s, nil
}

func (s *systemd) name() string { return "systemd" }

// install writes the unit, lets systemd read it, and enables it. When a step fails the file is again
// as it was.
func (s *systemd) install(ctx context.Context) error {
	if strings.ContainsAny(s.config.Program, `"'\`) {
		return fmt.Errorf("systemd starts no program with a quote or a backslash in its path, as in %s; put it elsewhere", s.config.Program)
	}
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	unit := systemdUnit{Config: s.config, steps: version >= stepsSince}
	if s.config.Kind == User {
		unit.confined = s.canConfine(ctx)
		unit.writable = linkTargets(s.config.Paths.Settings)
	} else if err := openToAll(s.config.Program); err != nil {
		return err
	}
	if s.isInForce(ctx, unit.text()) {
		return nil
	}
	back, err := replaceFile(s.file, unit.text(), 0o644)
	if err != nil {
		return err
	}
	_, err = s.systemctl(ctx, "daemon-reload")
	if err == nil {
		_, err = s.systemctl(ctx, "enable", unitName)
	}
	if err != nil {
		// The caller's time may be over; taking back must not fail for that.
		ctx := context.WithoutCancel(ctx)
		err = errors.Join(err, back())
		_, _ = s.systemctl(ctx, "daemon-reload") // it has failed already
	}
	return err
}

// isInForce reports whether systemd has read this unit already, and starts it by itself.
func (s *systemd) isInForce(ctx context.Context, text string) bool {
	present, err := os.ReadFile(s.file)
	if err != nil || string(present) != text {
		return false
	}
	p, err := s.show(ctx)
	return err == nil && p["FragmentPath"] == s.file && p["UnitFileState"] == "enabled" && p["NeedDaemonReload"] == "no"
}

// version asks for systemd's version, and so makes sure before anything is written that the manager
// can be reached.
func (s *systemd) version(ctx context.Context) (int, error) {
	out, err := s.systemctl(ctx, "show", "-p", "Version", "--value")
	if err != nil {
		return 0, s.unreachable(err)
	}
	digits := strings.TrimSpace(out)
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = digits[:i] // as in 252.39-1~deb12u2 or 254-rc1
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("systemd's version %q is no number", strings.TrimSpace(out))
	}
	return n, nil
}

// unreachable adds what to do when the manager does not answer.
func (s *systemd) unreachable(err error) error {
	if s.config.Kind == System {
		return err
	}
	return fmt.Errorf("the service manager of this user does not answer (%w); log in as the user whose service it is, "+
		"without su or sudo, or install the system's service with --system", err)
}

// canConfine reports whether the user's manager can give a service a view of its own of the file
// system. It is tried, since kernels, distributions and containers differ.
func (s *systemd) canConfine(ctx context.Context) bool {
	args := append(append([]string{}, s.user...), "--quiet", "--collect", "--wait",
		"-p", "PrivateUsers=yes", "-p", "PrivateTmp=yes", "-p", "ProtectSystem=strict", "-p", "ProtectKernelTunables=yes",
		"-p", "ProtectKernelModules=yes", "-p", "ProtectControlGroups=yes", "/bin/true")
	_, err := s.run(ctx, "systemd-run", args...)
	return err == nil
}

func (s *systemd) uninstall(ctx context.Context) error {
	if _, err := s.systemctl(ctx, "disable", unitName); err != nil {
		return err
	}
	if err := os.Remove(s.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := s.systemctl(ctx, "daemon-reload"); err != nil {
		return err
	}
	s.forget(ctx)
	if s.config.Kind == User { // the folders that install may have made, as long as they are empty
		_ = os.Remove(filepath.Dir(s.file))
		_ = os.Remove(filepath.Dir(filepath.Dir(s.file)))
	}
	return nil
}

// forget clears a failure that systemd remembers. It fails when there is none.
func (s *systemd) forget(ctx context.Context) { _, _ = s.systemctl(ctx, "reset-failed", unitName) }

func (s *systemd) start(ctx context.Context) error {
	before, err := s.show(ctx)
	if err != nil || before.serving() {
		return err
	}
	return s.launch(ctx, before)
}

func (s *systemd) restart(ctx context.Context) error {
	before, err := s.show(ctx)
	if err != nil {
		return err
	}
	return s.launch(ctx, before)
}

// launch starts the unit anew and follows the start to its end. A plain start would wait while
// systemd waits for the next try itself, and "systemctl restart" alone does not say what is wrong.
func (s *systemd) launch(ctx context.Context, before properties) error {
	if _, err := s.systemctl(ctx, "restart", "--no-block", unitName); err != nil {
		return err
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		now, err := s.show(ctx)
		if err != nil {
			return err
		}
		if over, err := now.started(before["InvocationID"]); over {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not say that it serves: %s: %w", now.words(), ctx.Err())
		case <-tick.C:
		}
	}
}

// stop stops the unit and clears what was wrong with it, since it is no longer meant to run.
func (s *systemd) stop(ctx context.Context) error {
	if _, err := s.systemctl(ctx, "stop", unitName); err != nil {
		return err
	}
	s.forget(ctx)
	return nil
}

func (s *systemd) status(ctx context.Context) (Status, error) {
	p, err := s.show(ctx)
	if err != nil {
		return s.statusOfFile(err)
	}
	st := Status{
		Installed: p["LoadState"] == "loaded" || p["LoadState"] == "masked" || p["LoadState"] == "bad-setting",
		Enabled:   p["UnitFileState"] == "enabled",
		Running:   p.serving(), Failing: p.failing(), File: p["FragmentPath"],
		PID: number(p["MainPID"]), Restarts: number(p["NRestarts"]),
	}
	if !st.Installed {
		return st, nil
	}
	if st.Program, err = programOf(st.File); err != nil {
		return st, err
	}
	st.ProgramMissing = missing(st.Program)
	if s.config.Kind == User {
		st.Linger = lingers()
	}
	st.Detail = p.detail(st)
	return st, nil
}

// statusOfFile is the status when the manager does not answer, as for a user who is not logged in.
func (s *systemd) statusOfFile(cause error) (Status, error) {
	program, err := programOf(s.file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Status{}, nil
	case err != nil:
		return Status{}, err
	}
	return Status{Installed: true, Program: program, ProgramMissing: missing(program), File: s.file,
		Detail: s.unreachable(cause).Error()}, nil
}

// properties are what "systemctl show" prints of a unit.
type properties map[string]string

// show asks for all that we want to know.
func (s *systemd) show(ctx context.Context) (properties, error) {
	out, err := s.systemctl(ctx, "show", unitName, "-p", "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,"+
		"StatusText,StatusErrno,NRestarts,MainPID,FragmentPath,InvocationID,Job,ConditionResult,NeedDaemonReload")
	if err != nil {
		return nil, err
	}
	p := properties{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		p[name] = value
	}
	return p, nil
}

// serving reports whether the daemon has said that it is ready, and not yet ended.
func (p properties) serving() bool {
	return p["ActiveState"] == "active" || p["ActiveState"] == "reloading"
}

// failing reports whether it does not run though it should.
func (p properties) failing() bool {
	return p["ActiveState"] == "failed" || p["SubState"] == "auto-restart" ||
		p["ActiveState"] == "activating" && number(p["StatusErrno"]) != 0
}

// started reports whether a start is over, and the error of one that failed. A run is told from the one before by
// its id.
func (p properties) started(before string) (over bool, err error) {
	anew := p["InvocationID"] != before
	pending := number(p["Job"]) != 0
	switch {
	case anew && p.serving() && !pending:
		return true, nil
	case anew && p.failing():
		return true, errors.New(p.words())
	case !pending && p["ConditionResult"] == "no" && p["ActiveState"] == "inactive":
		return true, errors.New("the program is gone, or may not be executed; install the service again from where millpondd is now")
	case !pending && p["ActiveState"] == "inactive":
		return true, fmt.Errorf("it ended at once: %s", p.words())
	}
	return false, nil
}

// words says what became of the unit: what the daemon said itself or else what systemd has seen.
func (p properties) words() string {
	switch status := number(p["ExecMainStatus"]); {
	case p["StatusText"] != "":
		return p["StatusText"]
	case p["Result"] == "exit-code" && status >= 200: // systemd's own, systemd.exec(5), "Process Exit Codes"
		return fmt.Sprintf("systemd could not start the program (status %d); see journalctl -e", status)
	case p["Result"] == "exit-code":
		return fmt.Sprintf("the program ended with exit code %d; see journalctl -e", status)
	}
	return fmt.Sprintf("systemd says %s (%s), result %s", p["ActiveState"], p["SubState"], p["Result"])
}

// detail is the sentence for a status.
func (p properties) detail(st Status) string {
	switch {
	case st.ProgramMissing:
		return "its program " + st.Program + " is gone; install the service again from where millpondd is now"
	case p["LoadState"] != "loaded":
		return "systemd does not accept the unit " + st.File + " (" + p["LoadState"] + "); install the service again"
	case st.Failing:
		return p.words()
	case st.Running:
		return p["StatusText"]
	case !st.Enabled:
		return "it is not enabled, so it does not start by itself; install the service again"
	}
	return ""
}

// systemctl runs systemctl for the user or the system and returns what it prints.
func (s *systemd) systemctl(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, "systemctl", append(append([]string{}, s.user...), args...)...)
}

// run runs a program; its error is what the program says is wrong.
func (s *systemd) run(ctx context.Context, program string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Env, c.Stdout, c.Stderr = s.env, &out, &complaint
	if err := c.Run(); err != nil {
		if said := strings.Join(strings.Split(strings.TrimSpace(complaint.String()), "\n"), "; "); said != "" {
			err = errors.New(strings.TrimRight(said, "."))
		}
		return "", fmt.Errorf("%s: %w", program, err)
	}
	return out.String(), nil
}

// number reads a count, 0 when there is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}
