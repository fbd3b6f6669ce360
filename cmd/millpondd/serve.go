package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"millpond/installer/doctor"
	"millpond/installer/service"
	"millpond/proxy"
	"millpond/proxy/bench"
	"millpond/proxy/control"
	"millpond/proxy/listener"
	"millpond/settings"
	"millpond/settings/store"
)

// serveFlags are what serve is told on the command line, over what the file says.
type serveFlags struct {
	listen   string
	upstream string
	demo     bool
	quiet    bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the proxy until it is interrupted",
		Long: `Run the proxy until it is interrupted.

The settings file is watched: a change that is valid applies at once, without
disturbing requests in flight; one that is not is logged and changes nothing.
The flags override the file for this run and are never written to it.

On an interrupt or SIGTERM no new request is taken, those in flight get 30 seconds
to end, and then the program exits. A second signal ends it at once.`,
		Example: `  millpondd serve --demo
  millpondd serve --upstream https://api.anthropic.com --listen 127.0.0.1:8000`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.supervised(c.Context(), f) },
	}
	c.Flags().StringVar(&f.listen, "listen", "", "listen on `ADDRESS` (host:port) instead of listen.address")
	c.Flags().StringVar(&f.upstream, "upstream", "", "send everything to this `URL` instead of the configured upstreams")
	c.Flags().BoolVar(&f.demo, "demo", false, "use an embedded upstream that answers like the known APIs, with a little traffic")
	c.Flags().BoolVar(&f.quiet, "quiet", false, "log to the file alone, not to stderr")
	c.MarkFlagsMutuallyExclusive("upstream", "demo")
	return c
}

// serve runs the daemon until ctx is done. Beside it, from when it listens, runs accompany unless it
// is nil; it returns when its context is done.
func (a *app) serve(ctx context.Context, f serveFlags, accompany func(context.Context, *proxy.Daemon)) (err error) {
	if a.config != "" { // the daemon tells it to commands in other folders
		if a.config, err = filepath.Abs(a.config); err != nil {
			return failed(err, "")
		}
	}
	st, err := a.store()
	if err != nil {
		return err
	}
	if _, err := st.Load(); err != nil { // before anything is begun; New loads again
		return a.settingsError(st, err)
	}
	overrides, err := f.overrides()
	if err != nil {
		return err
	}
	state, err := store.StateDir(a.getenv)
	if err != nil {
		return failed(err, "")
	}
	logs := proxy.LogConfig{Stderr: a.std.err, Terminal: isTerminal(a.std.err), Journal: a.toJournal(a.std.err), Dir: state}
	if events := service.EventLog(); events != nil {
		logs.Stderr, logs.Journal = events, true
	}
	if f.quiet {
		logs.Stderr = nil
	}
	log, err := proxy.OpenLog(logs)
	if err != nil {
		return failed(err, "Set MILLPOND_STATE to a folder that can be written.")
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	defer log.CaptureStandard()()

	if f.demo {
		// It ends after the daemon, so that requests in flight can end.
		demo, err := bench.Demo(context.WithoutCancel(ctx))
		if err != nil {
			return failed(err, "")
		}
		defer demo.Close() // it can only say that it was stopped
		overrides.Upstreams = demo.Upstreams
	}
	d, err := proxy.New(proxy.Config{
		Store: st, Overrides: overrides, Log: log, Version: programVersion(), StateDir: state,
		Control: control.DefaultSocket(a.getenv), Public: a.publicSocket(), Diagnostics: a.ownDiagnostics, Keeper: a.keeper(),
	})
	if err != nil {
		return a.settingsError(st, f.blame(err))
	}
	return a.serveError(ctx, a.runDaemon(ctx, d, f, accompany))
}

// publicSocket is where the daemon tells every user of the machine how it is: the machine's alone does.
func (a *app) publicSocket() string {
	if control.DefaultSocket(a.getenv) == service.SystemPaths().Control || a.getenv(control.EnvPublic) != "" {
		return service.PublicSocket(a.getenv)
	}
	return ""
}

// ownDiagnostics is what the daemon sends to who asks for a bundle.
func (a *app) ownDiagnostics(ctx context.Context, w io.Writer) error {
	config, err := a.doctorConfig()
	if err != nil {
		return err
	}
	return doctor.Bundle(ctx, w, config)
}

// runDaemon runs d, says where it listens, and in a demo makes a little traffic.
func (a *app) runDaemon(ctx context.Context, d *proxy.Daemon, f serveFlags, accompany func(context.Context, *proxy.Daemon)) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-d.Ready():
		}
		if accompany != nil {
			wg.Go(func() { accompany(ctx, d) })
		}
		address := reachable(d.Address())
		a.greet(address, f)
		if f.demo {
			bench.Traffic(ctx, address)
		}
	})
	wg.Go(func() { restLightly(ctx, d) })
	return d.Run(ctx)
}

// restLightly gives memory back once the start is over, and then whenever some minutes
// had no request, so that an idle daemon stays small.
func restLightly(ctx context.Context, d *proxy.Daemon) {
	const started, idle = 5 * time.Second, 5 * time.Minute
	t := time.NewTimer(started)
	defer t.Stop()
	for given := int64(-1); ; t.Reset(idle) {
		before := d.Stats().TotalRequests
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if n := d.Stats().TotalRequests; n == before && n != given {
			given = n
			giveBack()
		}
	}
}

// greet tells a person where the proxy is and what to try. The log tells the address to
// everyone else.
func (a *app) greet(address string, f serveFlags) {
	if a.toJournal(a.std.err) {
		return
	}
	try := "curl http://" + address + "/__millpond__/stats"
	if f.demo {
		try = `curl -N http://` + address + `/v1/messages -H 'content-type: application/json' -d '{"model":"demo","max_tokens":64,"stream":true,"messages":[{"role":"user","content":"Hello"}]}'`
	}
	fmt.Fprintf(a.std.err, "Millpond listens on http://%s - try: %s\n", address, try)
}

// serveError gives an error of the running daemon its exit code. Where something can be done the
// error itself says what.
func (a *app) serveError(ctx context.Context, err error) error {
	var bind *listener.BindError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bind) && bind.Reason == listener.PortInUse:
		if taken := a.taken(ctx, bind.Address); taken != nil {
			return taken
		}
	}
	return failed(err, "")
}

// overrides returns what the flags say over the settings file.
func (f serveFlags) overrides() (proxy.Overrides, error) {
	o := proxy.Overrides{Address: f.listen}
	if f.upstream == "" {
		return o, nil
	}
	u, err := url.Parse(f.upstream)
	if err != nil || u.Host == "" {
		return o, &failure{code: exitUsage, err: fmt.Errorf("--upstream %q is not a URL", proxy.Redact(f.upstream)),
			next: "Write it as https://host or http://host:port."}
	}
	kind := kindOf(u)
	name := string(kind)
	if kind == settings.KindHTTP {
		name = "upstream"
	}
	o.Upstreams = []settings.Upstream{{Name: name, Kind: kind, URL: f.upstream, Enabled: true, Priority: 1, Weight: 1}}
	return o, nil
}

// blame names the flag in each error of a setting that one overrides.
func (f serveFlags) blame(err error) error {
	for _, e := range settings.FieldErrors(err) {
		switch {
		case f.listen != "" && e.Path == "listen.address":
			e.Source = "--listen"
		case f.upstream != "" && strings.HasPrefix(e.Path, "upstreams[0]"):
			e.Source = "--upstream"
		}
	}
	return err
}

// isTerminal reports whether a person may be reading w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
