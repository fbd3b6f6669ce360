package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"millpond/proxy/control"
)

var updateTop = flag.Bool("update", false, "rewrite the golden screens")

// sampleStatus is a busy hour with one upstream out.
func sampleStatus() control.Status {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	hour := control.Series{Start: at, Step: time.Minute}
	for i := range int64(60) {
		ok, failed := 20+i%7, i%9/8
		if i < 10 {
			ok, failed = 0, 0
		}
		if i == 40 {
			failed = 30
		}
		hour.Successful, hour.Failed = append(hour.Successful, ok), append(hour.Failed, failed)
	}
	s := control.Status{
		State: control.Degraded, Reason: "upstream_ejected", ReasonArgs: []string{"relay"}, Address: "127.0.0.1:7860", Version: "1.0.0",
		Stats: control.Stats{
			Version: "1.0.0", UptimeSeconds: 4000, SuccessRate: 97.5, TotalRequests: 4321, FailedRequests: 108,
			LatencyMS: control.Percentiles{P50: 812, P99: 4200}, FirstByteMS: control.Percentiles{P50: 310},
			Pool:    control.Pool{Open: 14, Idle: 9, InUse: 4, Waiting: 2, ReuseRatio: 0.93},
			Windows: map[string]control.Window{control.Window1h: {SuccessRate: 94.25}, control.Window1m: {Requests: 73}},
			Upstreams: []control.Upstream{
				{Name: "anthropic", Healthy: true, SuccessRate: 99.2, Requests: 4000, LatencyMS: control.Percentiles{P50: 800, P99: 4000}, Pool: control.Pool{InUse: 3, Idle: 8}},
				{Name: "relay", SuccessRate: 61.5, Requests: 300, LatencyMS: control.Percentiles{P50: 1200, P99: 9000}, Pool: control.Pool{Waiting: 2}},
				{Name: "a-name-longer-than-its-column", Healthy: true, SuccessRate: 100, Requests: 21, LatencyMS: control.Percentiles{P50: 3.25, P99: 8}, Pool: control.Pool{InUse: 1, Idle: 1}},
			},
		},
		Failures: []control.Failure{
			{At: at.Add(59 * time.Minute), Upstream: "relay", Outcome: "upstream_error", Code: "upstream_connect", Status: 502, Error: "dial tcp: connection refused"},
			{At: at.Add(58 * time.Minute), Upstream: "anthropic", Outcome: "upstream_error", Status: 529},
			{At: at.Add(57 * time.Minute), Outcome: "local", Code: "host_not_allowed", Status: 421, Error: "a \x1b[31mname\nthat steers"},
		},
		History: map[string]control.Series{control.Window1h: hour},
	}
	return s
}

func press(key rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: key, Text: string(key)} }

// TestTopScreens compares whole screens, without colour, with testdata/top/*.txt.
func TestTopScreens(t *testing.T) {
	many := sampleStatus()
	for i := range 40 {
		many.Stats.Upstreams = append(many.Stats.Upstreams, control.Upstream{Name: fmt.Sprintf("worker-%d", i+1), Healthy: true, SuccessRate: 100})
	}
	busy := sampleStatus()
	busy.Stats.Pool.InUse, busy.Stats.Pool.Idle, busy.Stats.Pool.Waiting = 500, 200, 300
	gone := goneMsg{fmt.Errorf("watch the daemon: %w", control.ErrNotRunning)}
	for _, tt := range []struct {
		name          string
		width, height int
		messages      []tea.Msg
	}{
		{"asking", 80, 24, nil},
		{"status", 80, 24, []tea.Msg{statusMsg(sampleStatus())}},
		{"wide", 120, 30, []tea.Msg{statusMsg(sampleStatus())}},
		{"sorted", 80, 24, []tea.Msg{statusMsg(sampleStatus()), press('3'), press('r')}},
		{"many", 80, 24, []tea.Msg{statusMsg(many)}},
		{"busy", 80, 24, []tea.Msg{statusMsg(busy)}},
		{"gone", 80, 24, []tea.Msg{statusMsg(sampleStatus()), gone}},
		{"absent", 80, 24, []tea.Msg{gone}},
		{"back", 80, 24, []tea.Msg{gone, statusMsg(sampleStatus())}},
		{"tiny", 30, 8, []tea.Msg{statusMsg(sampleStatus())}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m tea.Model = newTopModel(false)
			m, _ = m.Update(tea.WindowSizeMsg{Width: tt.width, Height: tt.height})
			for _, msg := range tt.messages {
				m, _ = m.Update(msg)
			}
			got := m.View().Content
			checkScreen(t, got, tt.width, tt.height)
			golden := filepath.Join("testdata", "top", tt.name+".txt")
			if *updateTop {
				if err := os.WriteFile(golden, []byte(got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got+"\n" != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// checkScreen: it fits, and holds nothing that steers a terminal.
func checkScreen(t *testing.T, text string, width, height int) {
	t.Helper()
	lines := strings.Split(text, "\n")
	if len(lines) != height {
		t.Errorf("got %d lines; want %d", len(lines), height)
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > width {
			t.Errorf("got a line of %d columns: %q; want at most %d", w, line, width)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("got an escape sequence in a screen without colour")
	}
}

// TestTopColours: colours change no letter.
func TestTopColours(t *testing.T) {
	screen := func(colour bool) string {
		m, _ := newTopModel(colour).Update(statusMsg(sampleStatus()))
		return m.View().Content
	}
	if plain, painted := screen(false), screen(true); ansi.Strip(painted) != plain || painted == plain {
		t.Errorf("got\n%s\nwant, with colours,\n%s", ansi.Strip(painted), plain)
	}
}

// TestTopQuits on each of its keys.
func TestTopQuits(t *testing.T) {
	for _, msg := range []tea.Msg{press('q'), tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}, tea.KeyPressMsg{Code: tea.KeyEscape}} {
		_, quit := newTopModel(false).Update(msg)
		if quit == nil {
			t.Fatalf("%v: got no command; want to quit", msg)
		}
		if _, ok := quit().(tea.QuitMsg); !ok {
			t.Errorf("%v: got another command; want to quit", msg)
		}
	}
}
