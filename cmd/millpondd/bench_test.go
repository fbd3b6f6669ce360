package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestBench runs small benchmarks as a person would: testdata/bench/*.txtar.
func TestBench(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/bench",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"upstream": upstream,
			"addsup":   addsUp,
			"page":     page,

			"fewerdials": fewerDials,
		},
	})
}

// addsUp checks a report in JSON and that the counts of every row agree: addsup FILE BENCH ROWS
func addsUp(ts *testscript.TestScript, _ bool, args []string) {
	var report struct {
		Bench   string
		Seconds float64
		Machine struct{ Go, Millpond string }
		Result  []struct {
			Way, Proxy, Variant               string
			Round, Sent, Answered, Failed     int
			Executed, Repeated, Dials, Events *int
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &report))
	if report.Bench != args[1] || report.Machine.Go == "" || report.Machine.Millpond == "" {
		ts.Fatalf("got %+v; want a report of %s", report, args[1])
	}
	if got := strconv.Itoa(len(report.Result)); got != args[2] {
		ts.Fatalf("got %s rows; want %s", got, args[2])
	}
	for _, r := range report.Result {
		switch {
		case r.Sent == 0 || r.Sent != r.Answered+r.Failed:
			ts.Fatalf("%+v: got %d sent; want those answered and failed, %d", r, r.Sent, r.Answered+r.Failed)
		case r.Repeated != nil && *r.Repeated != 0:
			ts.Fatalf("%+v: got %d requests that ran twice; want none", r, *r.Repeated)
		case r.Executed != nil && (*r.Executed < r.Answered || *r.Executed > r.Sent):
			ts.Fatalf("%+v: got %d executed; want at least the %d answered and at most the %d sent", r, *r.Executed, r.Answered, r.Sent)
		case args[1] != "stale" && r.Failed != 0:
			ts.Fatalf("%+v: got %d failed; want none", r, r.Failed)
		}
	}
}

// fewerDials checks that each Millpond opened less than half as many connections after it had applied
// its advice: fewerdials FILE
func fewerDials(ts *testscript.TestScript, _ bool, args []string) {
	var report struct {
		Result []struct {
			Way   string
			Dials int
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &report))
	before, after := 0, 0
	for _, r := range report.Result {
		switch {
		case strings.Contains(r.Way, "advice applied"):
			after += r.Dials
		case strings.Contains(r.Way, "Millpond"):
			before += r.Dials
		}
	}
	if before == 0 || 2*after >= before {
		ts.Fatalf("got %d dials after the advice was applied; want less than half of the %d before", after, before)
	}
}

// page checks that a file is a page whose elements are all closed: page FILE
func page(ts *testscript.TestScript, _ bool, args []string) {
	d := xml.NewDecoder(bytes.NewReader([]byte(ts.ReadFile(args[0]))))
	d.Strict, d.Entity = true, xml.HTMLEntity
	var charts int
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "svg" {
			charts++
		}
	}
	if charts == 0 {
		ts.Fatalf("got no chart in %s", args[0])
	}
}

func TestFirstWords(t *testing.T) {
	var b strings.Builder
	f := &firstWords{w: &b, left: 5}
	for _, text := range []string{"abc", "defg", "h"} {
		if n, err := f.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("got %d, %v; want %d", n, err, len(text))
		}
	}
	if got, want := b.String(), "abcde"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
