package bench

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
)

func sample() *Report {
	r := begin(Options{Version: "1.2.3"}, "fanout", "A <title> & more")
	r.set("seed", "1")
	r.note("A note with <b>.")
	r.Tables = []Table{{Title: "plain", Columns: []string{"way", "p50"}, Rows: [][]string{{"a & b", "1.00"}, {"ü", "10.0"}}}}
	r.Charts = []Chart{{Title: "times", Unit: "ms", Bars: []Bar{{Label: "<a>", Low: 1, Mid: 2, High: 3}, {Label: "b", Ours: true}}}, {Title: "none"}}
	r.Result = []int{1}
	return r.finish()
}

// wellFormed reads the page as XML, which the template keeps to.
func wellFormed(page []byte) error {
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.Entity = true, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestWriteHTML(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if err := wellFormed(b.Bytes()); err != nil {
		t.Errorf("got a page that is not well formed: %v", err)
	}
	page := b.String()
	for _, want := range []string{"A &lt;title&gt; &amp; more", "a &amp; b", "&lt;a&gt;", "bar ours", "prefers-color-scheme", "A note with &lt;b&gt;."} {
		if !strings.Contains(page, want) {
			t.Errorf("got no %q in the page", want)
		}
	}
	for _, foreign := range []string{"<script", "src=", "<link", "@import", "url("} {
		if strings.Contains(page, foreign) {
			t.Errorf("got %q; want a page that needs nothing beside itself", foreign)
		}
	}
}

func TestWriteText(t *testing.T) {
	var b strings.Builder
	if err := sample().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A <title> & more\n", "Millpond 1.2.3", "seed 1", "\n  way     p50\n  a & b  1.00\n  ü      10.0\n", "\n- A note with <b>.\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got no %q in:\n%s", want, b.String())
		}
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Bench   string
		Machine Machine
		Result  []int
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Bench != "fanout" || got.Machine.Millpond != "1.2.3" || got.Machine.Cores < 1 || len(got.Result) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSummarize(t *testing.T) {
	var times []time.Duration
	for i := 100; i > 0; i-- {
		times = append(times, time.Duration(i)*2*time.Millisecond)
	}
	got, over := summarize(times)
	if want := (Latency{Average: 101, P50: 100, P99: 198, Max: 200}); got != want || over != 50 {
		t.Errorf("got %+v, %d over; want %+v, 50", got, over, want)
	}
	if got, over := summarize(nil); got != (Latency{}) || over != 0 {
		t.Errorf("nothing: got %+v, %d", got, over)
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		values []float64
		want   Spread
		text   string
	}{
		{nil, Spread{}, "-"},
		{[]float64{2}, Spread{2, 2, 2}, "2.00 (2.00 to 2.00)"},
		{[]float64{300, 1, 20}, Spread{1, 20, 300}, "20.0 (1.00 to 300)"},
		{[]float64{4, 1, 3, 2}, Spread{1, 2, 4}, "2.00 (1.00 to 4.00)"},
	}
	for _, tt := range tests {
		if got := spread(tt.values); got != tt.want || got.String() != tt.text {
			t.Errorf("%v: got %v; want %+v, %s", tt.values, got, tt.want, tt.text)
		}
	}
	if got := ratios([]float64{2, 3, 4}, []float64{1, 0, 8}); len(got) != 2 || got[0] != 2 || got[1] != 0.5 {
		t.Errorf("got %v; want [2 0.5]", got)
	}
}

func TestProgress(t *testing.T) {
	var nobody *Progress
	nobody.begin(1)
	nobody.next("a step")
	nobody.add(1)
	nobody.Close()

	var b strings.Builder
	p := NewProgress(&b, false)
	p.begin(4)
	p.next("one")
	p.add(1)
	p.next("two")
	p.Close()
	if got, want := b.String(), "  0 % one\n 25 % two\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
