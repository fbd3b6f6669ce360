package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"millpond/proxy"
	"millpond/proxy/history"
	"millpond/settings"
	"millpond/settings/store"
)

func (a *app) historyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "history",
		Short: "What was counted in the last weeks",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.historyExportCommand())
	return c
}

func (a *app) historyExportCommand() *cobra.Command {
	var asCSV, asJSON bool
	var since string
	c := &cobra.Command{
		Use:   "export",
		Short: "Print the history as CSV or JSON",
		Long: `Print what was counted, a line for each upstream, transport, scope and hour, or minute
where --since reaches back two days at most. Times are milliseconds, to 10 percent. The daemon may
run meanwhile; what it counted in the last ten seconds is not there yet.`,
		Example: "  millpondd history export --since 28d >history.csv",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			span, err := settings.ParseDuration(since)
			if err != nil || span <= 0 {
				return &failure{code: exitUsage, err: fmt.Errorf("--since %q is no length of time", since), next: `Write it as "28d", "12h" or "30m".`}
			}
			var out exporter = newCSVExporter(a.std.out)
			if asJSON {
				out = newJSONExporter(a.std.out)
			}
			return a.exportHistory(c.Context(), span, out)
		},
	}
	c.Flags().BoolVar(&asCSV, "csv", false, "as comma-separated values, with a line of names first (this is the default)")
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON list")
	c.Flags().StringVar(&since, "since", "28d", "how far back to go, such as 28d or 12h")
	c.MarkFlagsMutuallyExclusive("csv", "json")
	return c
}

func (a *app) exportHistory(ctx context.Context, span time.Duration, out exporter) error {
	dir, err := store.StateDir(a.getenv)
	if err != nil {
		return failed(err, "")
	}
	now := time.Now()
	err = history.Read(ctx, filepath.Join(dir, proxy.HistoryName), now.Add(-span), now, func(r history.Row) error {
		return out.write(exportOf(r))
	})
	switch {
	case errors.Is(err, history.ErrNone):
		return failed(err, `The daemon writes it; start it with "millpondd serve".`)
	case err != nil:
		return failed(err, "")
	}
	return out.end()
}

// An export is one line. The order of its fields is that of the columns.
type export struct {
	Start           time.Time `json:"start"`
	Seconds         int       `json:"seconds"`   // that the line covers
	Upstream        string    `json:"upstream"`  // "" for requests without one
	Transport       string    `json:"transport"` // http1 or http2; "" unknown
	Scope           string    `json:"scope"`     // of the pool; "" unknown
	OK              uint64    `json:"ok"`
	UpstreamError   uint64    `json:"upstream_error"`
	StreamError     uint64    `json:"stream_error"`
	ClientError     uint64    `json:"client_error"`
	ClientCancelled uint64    `json:"client_cancelled"`
	Local           uint64    `json:"local"`
	SuccessRate     float64   `json:"success_rate"` // percent
	Reused          uint64    `json:"reused"`
	BytesIn         int64     `json:"bytes_in"`
	BytesOut        int64     `json:"bytes_out"`
	P50             float64   `json:"latency_ms_p50"`
	P90             float64   `json:"latency_ms_p90"`
	P99             float64   `json:"latency_ms_p99"`
	Max             float64   `json:"latency_ms_max"`
	Mean            float64   `json:"latency_ms_mean"`
}

var exportColumns = [...]string{"start", "seconds", "upstream", "transport", "scope", "ok", "upstream_error", "stream_error", "client_error",
	"client_cancelled", "local", "success_rate", "reused", "bytes_in", "bytes_out",
	"latency_ms_p50", "latency_ms_p90", "latency_ms_p99", "latency_ms_max", "latency_ms_mean"}

func exportOf(r history.Row) export {
	c, p := r.Counts, r.Latency.Percentiles()
	return export{
		Start: r.Start.UTC(), Seconds: int(r.Width.Seconds()), Upstream: r.Upstream, Transport: r.Way.Transport, Scope: r.Way.Scope,
		OK: c.OK, UpstreamError: c.UpstreamError, StreamError: c.StreamError, ClientError: c.ClientError,
		ClientCancelled: c.ClientCancelled, Local: c.Local, SuccessRate: c.SuccessRate(),
		Reused: r.Reused, BytesIn: r.BytesIn, BytesOut: r.BytesOut,
		P50: p.P50, P90: p.P90, P99: p.P99, Max: p.Max, Mean: p.Mean,
	}
}

func (e export) fields() []string {
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	f := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	return []string{e.Start.Format(time.RFC3339), strconv.Itoa(e.Seconds), e.Upstream, e.Transport, e.Scope,
		n(e.OK), n(e.UpstreamError), n(e.StreamError), n(e.ClientError), n(e.ClientCancelled), n(e.Local),
		f(e.SuccessRate), n(e.Reused), strconv.FormatInt(e.BytesIn, 10), strconv.FormatInt(e.BytesOut, 10),
		f(e.P50), f(e.P90), f(e.P99), f(e.Max), f(e.Mean)}
}

// An exporter writes lines as they come, so that a long history needs no memory.
type exporter interface {
	write(export) error
	end() error
}

type csvExporter struct {
	w     *csv.Writer
	named bool
}

func newCSVExporter(w io.Writer) *csvExporter { return &csvExporter{w: csv.NewWriter(w)} }

func (x *csvExporter) write(e export) error {
	if err := x.name(); err != nil {
		return err
	}
	return x.w.Write(e.fields())
}

func (x *csvExporter) name() error {
	if x.named {
		return nil
	}
	x.named = true
	return x.w.Write(exportColumns[:])
}

func (x *csvExporter) end() error {
	if err := x.name(); err != nil {
		return err
	}
	x.w.Flush()
	return x.w.Error()
}

type jsonExporter struct {
	w   *bufio.Writer
	any bool
}

func newJSONExporter(w io.Writer) *jsonExporter { return &jsonExporter{w: bufio.NewWriter(w)} }

func (x *jsonExporter) write(e export) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	before := "[\n"
	if x.any {
		before = ",\n"
	}
	x.any = true
	_, err = x.w.WriteString(before + string(text))
	return err
}

func (x *jsonExporter) end() error {
	if !x.any {
		_, _ = x.w.WriteString("[") // Flush tells its error
	}
	_, _ = x.w.WriteString("\n]\n")
	return x.w.Flush()
}
