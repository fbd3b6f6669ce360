package bench

import (
	"fmt"
	"strings"
)

// title says what a variant is.
func (f *fanout) title(variant string) string {
	switch variant {
	case variantTLS:
		return "TLS"
	case variantFar:
		return fmt.Sprintf("TLS, %v round trip", f.c.RoundTrip)
	}
	return "plain HTTP"
}

// describe fills in the report from the rows.
func (f *fanout) describe(r *Report) {
	f.o.describe(r)
	r.set("agents", number(f.c.Agents))
	r.set("callers at a time", number(f.c.Concurrency))
	r.set("questions each", number(f.c.Questions))
	r.set("workers", number(f.c.Workers))
	r.set("a worker takes", f.c.Think.String())
	r.set("Millpond keeps idle", number(f.c.MaxIdle))
	r.set("variants", strings.Join(f.c.Variants, " "))
	r.Result = f.rows
	for _, v := range f.c.Variants {
		r.Tables = append(r.Tables, f.table(v))
		r.Charts = append(r.Charts, f.chart(v))
	}
	r.note("Every run starts cold, with workers and, where there is one, a Millpond of its own: the first questions of each pay for connections. The figures are medians over the rounds; the ratio is of the averages, to \"" + fits + "\" in the same round, median (smallest to largest).")
	r.note("The clients are Go's over HTTP/1.1. \"20 idle\" and \"200 idle\" are how many unused connections the shared client keeps over all workers, as the clients of Python do (httpx: 20); \"client per agent\" keeps Go's usual 100, 2 for each worker.")
	r.note("Millpond runs as a process of its own with preset fan-out (1000 connections) and the idle ones that the settings above say; agents reach it by plain HTTP and it reaches the workers as the variant says. All else is this process.")
	for _, text := range f.said {
		r.note(text)
	}
	if f.c.Advise {
		r.note("The same Millpond goes on after its advice was applied, with the connections that it had.")
	}
	if f.c.hasVariant(variantFar) {
		r.note(fmt.Sprintf("The round trip is a relay that delays every byte by %v each way, and the first of a connection by a round trip more, for the handshake of TCP.", f.c.RoundTrip/2))
	}
	for _, row := range f.rows {
		if row.Failed > 0 {
			r.note(fmt.Sprintf("%s, %s, round %d: %d of %d failed, the first so: %s.", row.Variant, row.Way, row.Round, row.Failed, row.Sent, row.Error))
		}
	}
}

func (c FanoutConfig) hasVariant(name string) bool {
	for _, v := range c.Variants {
		if v == name {
			return true
		}
	}
	return false
}

// of returns one figure of each round of a way in a variant.
func (f *fanout) of(variant, way string, figure func(FanoutRow) float64) []float64 {
	return pick(f.rows, func(r FanoutRow) bool { return r.Variant == variant && r.Way == way }, figure)
}

func average(r FanoutRow) float64 { return r.Latency.Average }

func (f *fanout) table(variant string) Table {
	t := Table{Title: f.title(variant), Columns: []string{"way", "average ms", "p50", "p99", "max", "over 100 ms", "dials", "failed", "average as a ratio"}}
	by := f.of(variant, fits, average)
	for _, w := range f.ways() {
		cell := func(show func(float64) string, figure func(FanoutRow) float64) string {
			return show(spread(f.of(variant, w.name, figure)).Median)
		}
		whole := func(v float64) string { return places(v, 0) }
		t.Rows = append(t.Rows, []string{w.name, cell(short, average),
			cell(short, func(r FanoutRow) float64 { return r.Latency.P50 }),
			cell(short, func(r FanoutRow) float64 { return r.Latency.P99 }),
			cell(short, func(r FanoutRow) float64 { return r.Latency.Max }),
			cell(whole, func(r FanoutRow) float64 { return float64(r.Slow) }),
			cell(whole, func(r FanoutRow) float64 { return float64(r.Dials) }),
			cell(whole, func(r FanoutRow) float64 { return float64(r.Failed) }),
			spread(ratios(f.of(variant, w.name, average), by)).String()})
	}
	return t
}

func (f *fanout) chart(variant string) Chart {
	c := Chart{Title: "Average time to an answer, " + f.title(variant), Unit: "ms"}
	for _, w := range f.ways() {
		s := spread(f.of(variant, w.name, average))
		c.Bars = append(c.Bars, Bar{Label: w.name, Low: s.Min, Mid: s.Median, High: s.Max, Ours: w.scope != ""})
	}
	return c
}
