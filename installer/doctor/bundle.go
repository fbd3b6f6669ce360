package doctor

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"millpond/proxy"
	"millpond/proxy/control"
	"millpond/proxy/history"
	"millpond/settings/store"
)

// How much goes into a bundle.
const (
	bundleLines   = 2000
	bundleHistory = 28 * 24 * time.Hour
)

// readme stands first in a bundle.
const readme = `This is what Millpond's doctor saw, for whoever helps you. Look through it before you
give it away. Secrets, keys, the paths of requests and what clients and upstreams sent are
not in it, or are replaced by [hidden]; so is whatever looks like a key.

findings.txt    what was looked at, what was seen, and what to do
version.json    versions of the programs and of the system
service.json    what the service manager says
settings.toml   the settings in force, without comments
status.json     the daemon's state and statistics, when it runs
history.csv     requests by day and upstream, up to four weeks
learned.json    idle ages learned of the upstreams
environment.txt names of the variables that matter, without their values
log.txt         the last lines of the log
`

// A part is one file of a bundle.
type part struct {
	name string
	make func(*bundle, context.Context) (string, error)
}

// parts are all files of a bundle, in their order.
var parts = []part{
	{"README.txt", func(*bundle, context.Context) (string, error) { return readme, nil }},
	{"findings.txt", (*bundle).findingsText},
	{"findings.json", (*bundle).findingsJSON},
	{"version.json", (*bundle).version},
	{"service.json", (*bundle).service},
	{"settings.toml", (*bundle).settingsFile},
	{"status.json", (*bundle).statusFile},
	{"history.csv", (*bundle).history},
	{"learned.json", (*bundle).learned},
	{"environment.txt", (*bundle).environment},
	{"log.txt", (*bundle).log},
}

// fromOutside are the checks whose findings may quote what an upstream sent.
var fromOutside = []string{"upstreams", "egress", "credentials", "clock"}

// A bundle is one being made.
type bundle struct {
	*visit
	scrub    *scrubber
	findings []Finding
}

// Bundle examines everything and writes what it saw, without secrets, as a zip archive. A
// part that cannot be had says why in its place.
func Bundle(ctx context.Context, w io.Writer, c Config) error {
	b := &bundle{visit: begin(ctx, c)}
	defer b.client.Close()
	b.scrub = newScrubber(ctx, b.visit)
	b.findings = b.examine(ctx)
	for i, f := range b.findings {
		if slices.Contains(fromOutside, f.Check) {
			b.findings[i].Seen = b.said(f.Seen)
		}
	}
	z := zip.NewWriter(w)
	for _, p := range parts {
		b.Progress("bundle", p.name)
		text, err := p.make(b, ctx)
		if err != nil {
			text = b.scrub.text(fmt.Sprintf("This could not be had: %v\n", err))
		}
		f, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: b.Now()})
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			return fmt.Errorf("write the bundle: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// json writes v, scrubbed.
func (b *bundle) json(v any) (string, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return b.scrub.text(string(text)) + "\n", err
}

func (b *bundle) findingsText(context.Context) (string, error) {
	var out strings.Builder
	err := Print(&out, b.findings)
	return b.scrub.text(out.String()), err
}

func (b *bundle) findingsJSON(context.Context) (string, error) { return b.json(b.findings) }

func (b *bundle) version(context.Context) (string, error) {
	v := map[string]any{
		"program": b.Version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH, "cpus": runtime.NumCPU(),
		"made": b.Now().UTC().Format(time.RFC3339), "daemon": nil, "system": systemName(),
	}
	if b.status != nil {
		v["daemon"] = map[string]any{"version": b.status.Version, "api": b.status.API, "uptime_seconds": b.status.Stats.UptimeSeconds}
	}
	return b.json(v)
}

// systemName returns what the system calls itself, os-release(5); "" when it does not say.
func systemName() string {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, found := strings.CutPrefix(line, "PRETTY_NAME="); found {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}

func (b *bundle) service(ctx context.Context) (string, error) {
	st, err := b.Service(ctx)
	if err != nil {
		return "", err
	}
	return b.json(st)
}

func (b *bundle) settingsFile(context.Context) (string, error) {
	s := b.settings()
	if s == nil {
		return "", fmt.Errorf("the settings are not valid; see findings.txt")
	}
	return b.scrub.text(string(store.Encode(b.scrub.settingsWithout(s)))), nil
}

// statusFile holds the status without the settings, which have a file of their own, and
// without the callers' names, which clients choose.
func (b *bundle) statusFile(context.Context) (string, error) {
	if b.status == nil {
		return "", b.statusErr
	}
	s := *b.status
	s.Settings = nil
	s.Stats.Callers = slices.Clone(s.Stats.Callers)
	for i := range s.Stats.Callers {
		s.Stats.Callers[i].Name = fmt.Sprintf("caller %d", i+1)
	}
	s.Failures = slices.Clone(s.Failures)
	for i := range s.Failures {
		s.Failures[i].Error = b.said(s.Failures[i].Error)
	}
	s.Stats.Upstreams = slices.Clone(s.Stats.Upstreams)
	for i := range s.Stats.Upstreams {
		s.Stats.Upstreams[i].LastError = b.said(s.Stats.Upstreams[i].LastError)
	}
	return b.json(s)
}

// said scrubs a text that may quote what an upstream sent.
func (b *bundle) said(text string) string {
	return b.scrub.text(quoted.ReplaceAllString(text, `"`+hidden+`"`))
}

// A dayRow sums up an upstream's day.
type dayRow struct{ ok, upstreamError, streamError, clientError, cancelled, local uint64 }

func (b *bundle) history(ctx context.Context) (string, error) {
	days := map[string]*dayRow{}
	now := b.Now()
	err := history.Read(ctx, filepath.Join(b.StateDir, proxy.HistoryName), now.Add(-bundleHistory), now, func(r history.Row) error {
		key := r.Start.UTC().Format(time.DateOnly) + "," + r.Upstream
		d := days[key]
		if d == nil {
			d = &dayRow{}
			days[key] = d
		}
		c := r.Counts
		d.ok += c.OK
		d.upstreamError += c.UpstreamError
		d.streamError += c.StreamError
		d.clientError += c.ClientError
		d.cancelled += c.ClientCancelled
		d.local += c.Local
		return nil
	})
	if err != nil {
		return "", err
	}
	lines := []string{}
	for key, d := range days {
		lines = append(lines, fmt.Sprintf("%s,%d,%d,%d,%d,%d,%d\n", key, d.ok, d.upstreamError, d.streamError, d.clientError, d.cancelled, d.local))
	}
	slices.Sort(lines)
	return b.scrub.text("day,upstream,ok,upstream_error,stream_error,client_error,client_cancelled,local\n" + strings.Join(lines, "")), nil
}

func (b *bundle) learned(context.Context) (string, error) {
	text, err := os.ReadFile(filepath.Join(b.StateDir, proxy.LearnedName))
	return b.scrub.text(string(text)), err
}

// environment names the variables that matter, without what they hold.
func (b *bundle) environment(context.Context) (string, error) {
	var names []string
	for _, entry := range b.Environ {
		name, _, _ := strings.Cut(entry, "=")
		upper := strings.ToUpper(name)
		if strings.HasPrefix(upper, "MILLPOND_") || strings.HasSuffix(upper, "_PROXY") || strings.HasSuffix(upper, "_BASE_URL") ||
			slices.Contains([]string{"DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", control.EnvSocket}, name) {
			names = append(names, name+"\n")
		}
	}
	slices.Sort(names)
	return b.scrub.text(strings.Join(slices.Compact(names), "")), nil
}

func (b *bundle) log(ctx context.Context) (string, error) {
	var out strings.Builder
	err := proxy.ReadLog(ctx, proxy.LogQuery{Dir: b.StateDir, Lines: bundleLines}, func(lines []string) error {
		for _, line := range lines {
			out.WriteString(b.scrub.logLine(line) + "\n")
		}
		return nil
	})
	return out.String(), err
}
