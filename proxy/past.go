package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/history"
	"millpond/proxy/meter"
)

// Log calls do for the last lines of the log, and for those that are added when it is to
// follow, until ctx is done; see ReadLog.
func (d *Daemon) Log(ctx context.Context, lines int, follow bool, do func(lines []string) error) error {
	missing := &control.Error{Status: http.StatusNotFound, Code: "no_log", Message: "this daemon writes no log file"}
	if d.config.StateDir == "" {
		return missing
	}
	err := ReadLog(ctx, LogQuery{Dir: d.config.StateDir, Lines: lines, Follow: follow}, do)
	if errors.Is(err, fs.ErrNotExist) {
		return missing
	}
	return err
}

// Diagnostics writes a bundle of diagnostics, a zip archive without secrets.
func (d *Daemon) Diagnostics(ctx context.Context, w io.Writer) error {
	if d.config.Diagnostics == nil {
		return &control.Error{Status: http.StatusNotFound, Code: "no_diagnostics", Message: "this daemon makes no diagnostics"}
	}
	return d.config.Diagnostics(ctx, w)
}

// windows are those that there is a history of, by their names.
var windows = map[string]time.Duration{
	control.Window1h: meter.Hour, control.Window24h: meter.Day, control.Window28d: meter.FourWeeks,
}

// HistoryOf returns how requests went over a window: of all upstreams, as in the status,
// or of one, which the history on disk knows but for the last ten seconds.
func (d *Daemon) HistoryOf(ctx context.Context, window, name string) (control.Series, error) {
	span, known := windows[window]
	if !known {
		return control.Series{}, &control.Error{Status: http.StatusBadRequest, Code: "malformed", Message: fmt.Sprintf("there is no window %q; there are 1h, 24h and 28d", window)}
	}
	all := series(d.meter.Sparkline(span))
	if name == "" {
		return all, nil
	}
	one := control.Series{Start: all.Start, Step: all.Step, Successful: make([]int64, len(all.Successful)), Failed: make([]int64, len(all.Failed))}
	seen := false
	if d.history != nil {
		err := history.Read(ctx, filepath.Join(d.config.StateDir, HistoryName), all.Start, d.config.Now(), func(r history.Row) error {
			if r.Upstream != name {
				return nil
			}
			seen = true
			if i := int(r.Start.Sub(all.Start) / all.Step); i >= 0 && i < len(one.Successful) {
				one.Successful[i] += int64(r.Counts.OK)
				one.Failed[i] += int64(r.Counts.Failed())
			}
			return nil
		})
		if err != nil && !errors.Is(err, history.ErrNone) {
			return control.Series{}, err
		}
	}
	if !seen && !slices.ContainsFunc(d.Stats().Upstreams, func(u control.Upstream) bool { return u.Name == name }) {
		_, err := named(d.exchange.State().Settings, name)
		return control.Series{}, err
	}
	return one, nil
}
