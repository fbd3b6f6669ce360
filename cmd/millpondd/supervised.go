package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"millpond/installer/service"
	"millpond/installer/service/notify"
	"millpond/proxy"
	"millpond/settings"
)

// startPause is how long a daemon that could not start waits before it ends, under a service
// manager. Managers that cannot let the time between restarts grow (systemd before 254) start it
// again after 0.2 s, and a taken port is seldom free by then.
const startPause = 5 * time.Second

// supervised runs the daemon as its service manager wants it, and tells the manager how it is. At a
// terminal it just runs it.
func (a *app) supervised(ctx context.Context, f serveFlags) error {
	return service.Host(ctx, func(ctx context.Context) error {
		m := notify.FromEnvironment(a.getenv)
		served := false
		err := a.serve(ctx, f, func(ctx context.Context, d *proxy.Daemon) {
			served = true
			a.accompany(ctx, d, m)
		})
		if events := service.EventLog(); err != nil && events != nil {
			fmt.Fprintln(events, "<3>"+proxy.Redact(sentenceOf(err)))
		}
		if err == nil || !m.Present() {
			return err
		}
		a.managed = true
		a.unheard(m.Failed(errors.New(proxy.Redact(sentenceOf(err)))))
		if !served && exitCode(err) != exitUsage { // the manager does not try wrong settings again
			select {
			case <-ctx.Done():
			case <-time.After(startPause):
			}
		}
		return err
	})
}

// sentenceOf is the error for a status of one line: of several wrong settings it is all of them.
func sentenceOf(err error) string {
	if list := settings.FieldErrors(err); len(list) > 0 {
		return "the settings are wrong: " + err.Error()
	}
	return err.Error()
}

// exitCode is the code that the program will end with.
func exitCode(err error) int {
	var known *failure
	if errors.As(err, &known) {
		return known.code
	}
	return exitUsage
}

// accompany tells the manager of a daemon that serves, until ctx is done: that it is ready, that it
// is alive, that it reads its settings again on SIGHUP, and that it stops.
func (a *app) accompany(ctx context.Context, d *proxy.Daemon, m notify.Manager) {
	if !m.Present() {
		return // and SIGHUP, from a terminal that is closed, ends the program
	}
	listens := "listens on http://" + d.Address()
	a.unheard(m.Ready(listens))
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { m.Watch(ctx, func(ctx context.Context) error { return isAlive(ctx, d.Address()) }) })
	for {
		select {
		case <-ctx.Done():
			a.unheard(m.Stopping("stopping; requests in flight may end"))
			return
		case <-hup:
			a.unheard(m.Reloading())
			status := "listens on http://" + d.Address()
			if err := d.Reload(); err != nil {
				status += "; the settings file is not applied: " + proxy.Redact(sentenceOf(err))
			}
			a.unheard(m.Ready(status))
		}
	}
}

// keeper returns who keeps the listening sockets between two daemons; nil when nobody does. Others
// than systemd play its protocol too, but keep nothing; they give a process no INVOCATION_ID.
func (a *app) keeper() proxy.Keeper {
	if m := notify.FromEnvironment(a.getenv); m.Present() && a.getenv("INVOCATION_ID") != "" {
		return &notify.Store{Manager: m, Getenv: a.getenv}
	}
	return nil
}

// unheard says that the manager could not be told. There is nobody else to tell.
func (a *app) unheard(err error) {
	if err != nil {
		fmt.Fprintln(a.std.err, "millpondd:", err)
	}
}

// isAlive asks the daemon a question by its own front door. Any answer will do: being alive is not
// being well.
func isAlive(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(address)+"/__millpond__/health", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, Proxy: nil}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
