package bench

import (
	"fmt"
	"strings"
)

// describe fills in the report.
func (c CompareConfig) describe(r *Report, o Options, all []*contestant, absent []string, rows []CompareRow) {
	var list []rival
	for _, one := range all {
		list = append(list, one.rival)
	}
	o.describe(r)
	r.set("connections", number(c.Connections))
	r.set("requests in a round", number(c.Requests))
	r.set("request", "POST, 400 bytes")
	r.set("answer", fmt.Sprintf("%d bytes, at once", len(answer600)))
	r.Result = rows
	r.Tables = []Table{c.figures(list, rows), c.ratios(list, rows)}
	cpu := Chart{Title: "Processor time of the proxy per 10,000 requests", Unit: "s"}
	p50 := Chart{Title: "Time to an answer, p50", Unit: "ms"}
	for _, one := range list {
		s := spread(rounds(rows, one.name, medianOf))
		p50.Bars = append(p50.Bars, Bar{Label: one.name, Low: s.Min, Mid: s.Median, High: s.Max, Ours: one.name == ours})
		if s := spread(rounds(rows, one.name, cpuOf)); measurable && one.name != direct {
			cpu.Bars = append(cpu.Bars, Bar{Label: one.name, Low: s.Min, Mid: s.Median, High: s.Max, Ours: one.name == ours})
		}
	}
	r.Charts = []Chart{p50}
	if measurable {
		r.Charts = []Chart{cpu, p50}
	}
	r.note("All proxies run during the whole benchmark and take turns, in an order that is shuffled in each round, after one round that is not counted. Each has an upstream of its own, of the same kind, in this process, as is the load. Figures are medians over the rounds; ratios are to Millpond in the same round: median (smallest to largest).")
	r.note("Every proxy may use the cores given, keeps connections to the upstream open and speaks HTTP/1.1 to both sides. nginx, HAProxy and Caddy write no log; Millpond writes its request log and keeps its statistics, as always.")
	if !measurable {
		r.note("Processor time and memory of another process are measured on Linux only.")
	}
	for _, one := range list {
		if one.how != "" {
			r.note(one.name + ": " + one.how)
		}
	}
	if len(absent) > 0 {
		r.note("Not compared, since not installed: " + strings.Join(absent, ", ") + ".")
	}
	for _, row := range rows {
		if row.Failed > 0 {
			r.note(fmt.Sprintf("%s, round %d: %d of %d failed, the first so: %s.", row.Proxy, row.Round, row.Failed, row.Sent, row.FirstError))
		}
	}
}

// rounds returns one figure of each round of a proxy.
func rounds(rows []CompareRow, name string, figure func(CompareRow) float64) []float64 {
	return pick(rows, func(r CompareRow) bool { return r.Proxy == name }, figure)
}

func cpuOf(r CompareRow) float64    { return weight(r.CPU) }
func medianOf(r CompareRow) float64 { return r.Latency.P50 }
func tailOf(r CompareRow) float64   { return r.Latency.P99 }
func speedOf(r CompareRow) float64  { return r.PerSecond }

func (c CompareConfig) figures(list []rival, rows []CompareRow) Table {
	t := Table{Title: "Figures", Columns: []string{"proxy", "requests/s", "p50 ms", "p99 ms", "CPU s per 10,000", "memory MB", "dials", "failed"}}
	for _, one := range list {
		mid := func(figure func(CompareRow) float64) float64 { return spread(rounds(rows, one.name, figure)).Median }
		cpu, memory := "-", "-"
		if measurable && one.name != direct {
			cpu = places(mid(cpuOf), 2)
			memory = places(mid(func(r CompareRow) float64 {
				if r.Memory == nil {
					return 0
				}
				return float64(*r.Memory) / (1 << 20)
			}), 1)
		}
		name := one.name
		if one.version != "" {
			name += " " + one.version
		}
		t.Rows = append(t.Rows, []string{name, places(mid(speedOf), 0), places(mid(medianOf), 2), places(mid(tailOf), 2), cpu, memory,
			places(mid(func(r CompareRow) float64 { return float64(r.Dials) }), 0),
			places(sum(rounds(rows, one.name, func(r CompareRow) float64 { return float64(r.Failed) })), 0)})
	}
	return t
}

func (c CompareConfig) ratios(list []rival, rows []CompareRow) Table {
	t := Table{Title: "Ratios to Millpond", Columns: []string{"proxy", "requests/s", "p50", "p99", "CPU"}}
	for _, one := range list {
		row := []string{one.name}
		for _, figure := range []func(CompareRow) float64{speedOf, medianOf, tailOf, cpuOf} {
			s := spread(ratios(rounds(rows, one.name, figure), rounds(rows, ours, figure)))
			text := s.String()
			if s.Max == 0 {
				text = "-"
			}
			row = append(row, text)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
