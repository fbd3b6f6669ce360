package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"millpond/proxy"
	"millpond/settings"
	"millpond/settings/store"
)

// The exit codes of every command.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2 // wrong usage or settings
	exitNotRunning = 3
	exitRefused    = 4

	// exitConfig is exitUsage for systemd, which is told not to try wrong settings again: a Go program
	// that panics ends with 2 as well, and that one is to be started again (sysexits.h: EX_CONFIG).
	exitConfig = 78
)

// exitCodes name the exit codes for programs. It never changes.
var exitCodes = map[int]string{exitFailed: "failed", exitUsage: "usage", exitNotRunning: "not_running", exitRefused: "refused"}

// streams are the three standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// A failure is an error with its exit code and with what the person can do next.
type failure struct {
	code int
	next string // a sentence; "" when the error says it all
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// run executes one command line and returns its exit code. It reads nothing of the
// process but what it is given, so tests call it.
func run(ctx context.Context, args []string, std streams, environ []string) int {
	a := &app{std: std, environ: environ, updateKey: updateKey}
	root := a.command()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if asJSON, _ := c.Flags().GetBool("json"); asJSON { // a command without the flag gives false
		return a.tellJSON(err)
	}
	if code := a.tell(err); !a.managed || code != exitUsage {
		return code
	}
	return exitConfig
}

// tell prints the error as one sentence and what to do next, and returns the exit code.
// Settings errors are printed one to a line, each naming its path.
func (a *app) tell(err error) int {
	if list := settings.FieldErrors(err); len(list) > 0 {
		for _, e := range list {
			fmt.Fprintln(a.std.err, e)
		}
		return exitUsage
	}
	f := failureOf(err)
	sentence := "millpondd: " + inOneLine(err) + "."
	if f.next != "" {
		sentence += " " + f.next
	}
	fmt.Fprintln(a.std.err, sentence)
	return f.code
}

// A jsonError is what a command with --json prints to stderr, as its last line, when it fails.
type jsonError struct {
	Code     string                 `json:"code"` // usage, settings, failed, not_running or refused
	Exit     int                    `json:"exit"` // the exit code
	Message  string                 `json:"message"`
	Next     string                 `json:"next"`               // what to do, a sentence; "" when the message says it all
	Settings []*settings.FieldError `json:"settings,omitempty"` // with the code settings: all that are wrong
}

// tellJSON is tell for programs.
func (a *app) tellJSON(err error) int {
	f := failureOf(err)
	e := jsonError{Code: exitCodes[f.code], Exit: f.code, Message: inOneLine(err), Next: f.next}
	if e.Settings = settings.FieldErrors(err); len(e.Settings) > 0 {
		e.Code, e.Exit, e.Next = "settings", exitUsage, ""
	}
	line := json.NewEncoder(a.std.err)
	line.SetEscapeHTML(false)
	_ = line.Encode(map[string]jsonError{"error": e}) // where stderr is gone nobody can be told
	return e.Exit
}

// failureOf returns the exit code of an error and what to do next.
func failureOf(err error) *failure {
	if known := (*failure)(nil); errors.As(err, &known) {
		return known
	}
	return &failure{code: exitUsage, next: `Run "millpondd help" for the commands.`} // what cobra finds is wrong usage
}

// inOneLine returns the sentence of an error without its stop.
func inOneLine(err error) string {
	return strings.TrimRight(strings.Join(strings.Split(strings.TrimSpace(proxy.Redact(err.Error())), "\n"), "; "), ".")
}

// failed returns err with exit code 1 and what to do next.
func failed(err error, next string) error { return &failure{code: exitFailed, next: next, err: err} }

// An app is one call of the program.
type app struct {
	std     streams
	environ []string
	config  string // --config
	system  bool   // --system: speak of the system's service
	managed bool   // serve was started by systemd

	updateKey string // of release indexes; "" believes none
}

// getenv returns a variable of the environment that the app was given.
func (a *app) getenv(name string) string { return store.Getenv(a.environ, name) }

// command builds the tree of commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "millpondd",
		Short: "Millpond: a local proxy that keeps connections to APIs warm",
		Long: `Millpond is a local HTTP proxy that keeps warm, healthy connections to the APIs that
coding agents and multi-agent coordinators call. This program is the proxy, and the
commands that watch and change it while it runs.

Most commands print JSON with --json, errors included. The exit codes are 0 done,
1 failed, 2 wrong usage or settings, 3 not running, 4 refused; errors go to stderr.

The settings file is where "millpondd config path" says. MILLPOND_CONFIG names another
one, MILLPOND_STATE another folder for log and statistics, and MILLPOND_<KEY> overrides
one setting, as in MILLPOND_LISTEN_ADDRESS=127.0.0.1:8000.`,
		Example: `  millpondd serve --demo                  # see it at work, without an account
  millpondd upstream add anthropic        # send requests to Anthropic's API
  millpondd connect claude-code           # point an agent at it
  millpondd top                           # watch it`,
		SilenceErrors: true, // tell prints them
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			if a.system {
				a.environ = append(a.environ, systemEnviron()...)
			}
		},
	}
	root.SetIn(a.std.in)
	root.SetOut(a.std.out)
	root.SetErr(a.std.err)
	root.PersistentFlags().StringVar(&a.config, "config", "", "the settings `FILE` (default: as \"millpondd config path\" prints)")
	root.PersistentFlags().BoolVar(&a.system, "system", false, "speak of the system's service instead of your own")
	root.AddCommand(a.serveCommand(), a.statusCommand(), a.statsCommand(), a.configCommand(), a.upstreamCommand(), a.versionCommand())
	root.AddCommand(a.serviceCommand(), a.pauseCommand(), a.resumeCommand())
	root.AddCommand(a.adviseCommand(), a.verdictCommand(), a.benchCommand())
	root.AddCommand(a.historyCommand(), a.logsCommand(), a.topCommand())
	root.AddCommand(a.connectCommand(), a.disconnectCommand(), a.manCommand())
	root.AddCommand(a.doctorCommand(), a.diagnosticsCommand(), a.updateCommand())
	a.complete(root)
	group(root)
	return root
}
