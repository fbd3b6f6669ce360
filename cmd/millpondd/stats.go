package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/secret"
)

// statsWait bounds how long the statistics may take.
const statsWait = 5 * time.Second

func (a *app) statsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "stats",
		Short: "Show what the running proxy has counted",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			address, stats, err := a.askStats(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, stats)
			}
			return printStats(a.std.out, address, stats)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// askStats asks the daemon of this user over its control socket, which also finds one
// that listens elsewhere than the settings say, and else the configured address: a
// second daemon, or one of another user, has no socket for us.
func (a *app) askStats(ctx context.Context) (address string, stats control.Stats, err error) {
	status, err := a.askOurStatus(ctx)
	if err == nil {
		return status.Address, status.Stats, nil
	}
	if !isNotRunning(err) {
		return "", stats, err
	}
	s, err := a.load()
	if err != nil {
		return "", stats, err
	}
	address = s.Listen.Address
	raw, err := a.fetchStats(ctx, s)
	if err != nil {
		return "", stats, err
	}
	if err := json.Unmarshal(raw, &stats); err != nil {
		return "", stats, failed(fmt.Errorf("read the statistics of %s: %w", address, err), "Is it another program than Millpond that listens there?")
	}
	return address, stats, nil
}

// fetchStats asks the proxy at the configured address for its statistics.
func (a *app) fetchStats(ctx context.Context, s *settings.Settings) ([]byte, error) {
	address := reachable(s.Listen.Address)
	ctx, cancel := context.WithTimeout(ctx, statsWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/__millpond__/stats", nil)
	if err != nil {
		return nil, failed(err, "")
	}
	token, err := a.token(ctx, s.Listen.Token)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("X-Millpond-Token", token)
	}
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true} // HTTP_PROXY is not for our own port
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, notRunning(address, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, notRunning(address, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &failure{code: exitRefused, err: fmt.Errorf("%s answered %s", address, resp.Status),
			next: "If another program listens there, choose another listen.address."}
	}
	return body, nil
}

// notRunning says that nobody answers at address.
func notRunning(address string, err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return failed(fmt.Errorf("%s does not answer", address), "Restart the proxy if this goes on.")
	}
	return &failure{code: exitNotRunning, err: fmt.Errorf("the proxy is not running at %s", address), next: `Start it with "millpondd serve".`}
}

// reachable turns an address to listen on into one to call: a wildcard is this machine.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// printStats prints the statistics for a person.
func printStats(w io.Writer, address string, s control.Stats) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "Millpond %s at %s, up %s\n\n", s.Version, address, uptime(s.UptimeSeconds))
	fmt.Fprintf(t, "requests\t%d\tsuccess rate\t%s\n", s.TotalRequests, percent(s.SuccessRate))
	fmt.Fprintf(t, "successful\t%d\terror rate\t%s\n", s.SuccessfulRequests, percent(s.ErrorRate))
	fmt.Fprintf(t, "failed\t%d\tother outcomes\t%s\n\n", s.FailedRequests, otherOutcomes(s.Outcomes))

	fmt.Fprintln(t, "milliseconds\tp50\tp90\tp99\tmax")
	printTimes(t, "latency", s.LatencyMS)
	printTimes(t, "first byte", s.FirstByteMS)
	printTimes(t, "wait", s.Pool.WaitMS)

	fmt.Fprintln(t, "\nwindow\trequests\tfailed\tsuccess\tp50\tp99")
	for _, name := range []string{control.Window1m, control.Window1h, control.Window24h, control.Window28d} {
		v := s.Windows[name]
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t%s\n", name, v.Requests, v.Failed, percent(v.SuccessRate), number(v.LatencyMS.P50), number(v.LatencyMS.P99))
	}

	p := s.Pool
	fmt.Fprintf(t, "\nconnections\topen %d\tin use %d\tidle %d\twaiting %d\n", p.Open, p.InUse, p.Idle, p.Waiting)
	fmt.Fprintf(t, "\tdialled %d\treused %d (%s)\tidle too long %d\tretired in time %d\n", p.Dials, p.Reused, percent(100*p.ReuseRatio), p.EvictedIdle, p.RetiredLearned)
	fmt.Fprintf(t, "replays\tnothing sent %d\tnot processed %d\trepeatable %d\tnot replayed %d\n", s.Replays.A, s.Replays.B, s.Replays.C, s.Replays.Ambiguous)
	fmt.Fprintf(t, "fast path\tcarried %d\thanded over %s\n", s.Fast.Carried, handedOver(s.Fast))
	printUpstreams(t, s.Upstreams)
	printCallers(t, s.Callers)
	return t.Flush()
}

// handedOver says how many connections left the fast path, and why.
func handedOver(f control.Fast) string {
	var total int64
	var why []string
	for _, reason := range slices.Sorted(maps.Keys(f.HandedOver)) {
		if n := f.HandedOver[reason]; n > 0 {
			total += n
			why = append(why, fmt.Sprintf("%s %d", strings.ReplaceAll(reason, "_", " "), n))
		}
	}
	if total == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%s)", total, strings.Join(why, ", "))
}

func printTimes(w io.Writer, name string, p control.Percentiles) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", name, number(p.P50), number(p.P90), number(p.P99), number(p.Max))
}

func printUpstreams(w io.Writer, list []control.Upstream) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "\nupstream\tkind\tstate\trequests\tsuccess\tp50\tp99\topen\tcloses idle\tprotocol\tlast error")
	for _, u := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", u.Name, u.Kind, upstreamState(u), u.Requests, percent(u.SuccessRate),
			number(u.LatencyMS.P50), number(u.LatencyMS.P99), u.Pool.Open, learned(u.LearnedIdleSeconds), orDash(u.Protocol), lastError(u))
	}
}

// upstreamState says in a word how an upstream is.
func upstreamState(u control.Upstream) string {
	switch {
	case u.Withheld != "":
		return strings.ReplaceAll(u.Withheld, "_", " ")
	case !u.Healthy:
		return "out"
	}
	return "up"
}

func printCallers(w io.Writer, list []control.Caller) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "\ncaller\trequests\tsuccess\tp50\tp99")
	for _, c := range list {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", printable(c.Name), c.Requests, percent(c.SuccessRate), number(c.LatencyMS.P50), number(c.LatencyMS.P99))
	}
}

// printable returns a name that a client chose, without what could steer a terminal.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(name)
	}
	return name
}

// lastError says when and what failed last at an upstream.
func lastError(u control.Upstream) string {
	if u.LastErrorAt == nil {
		return "-"
	}
	return u.LastErrorAt.Local().Format("15:04:05 ") + strings.Join(strings.Fields(u.LastError), " ")
}

// otherOutcomes lists the outcomes that are neither success nor failure.
func otherOutcomes(outcomes map[string]int64) string {
	var list []string
	for name, n := range outcomes {
		if n > 0 && !slices.Contains([]string{"ok", "upstream_error", "stream_error"}, name) {
			list = append(list, fmt.Sprintf("%s %d", name, n))
		}
	}
	slices.Sort(list)
	return orDash(strings.Join(list, ", "))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// learned shows the idle age after which an upstream closes.
func learned(seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f s", seconds)
}

func uptime(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

func percent(v float64) string { return fmt.Sprintf("%.2f %%", v) }

// number shows milliseconds with as many places as matter.
func number(ms float64) string {
	if ms >= 100 {
		return fmt.Sprintf("%.0f", ms)
	}
	return fmt.Sprintf("%.2f", ms)
}

// token fetches the token that the proxy asks for; "" when it asks for none.
func (a *app) token(ctx context.Context, reference string) (string, error) {
	ref, err := secret.Parse(reference)
	if err != nil {
		return "", failed(err, "Correct listen.token.")
	}
	value, err := ref.Resolve(ctx)
	if err != nil {
		return "", failed(err, "The proxy asks for this token; make it readable for this command too.")
	}
	return value.Reveal(), nil
}
