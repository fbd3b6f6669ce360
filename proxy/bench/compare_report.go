package bench

import (
	"fmt"
	"strings"
)

// describe fills in the report.
func (c CompareConfig) describe(r *Report, o Options, list []rival, absent []string, rows []CompareRow) {
	o.describe(r)
	var numbers []string
	for _, n := range c.Connections {
		numbers = append(numbers, number(n))
	}
	r.set("shapes", strings.Join(c.Shapes, " "))
	r.set("connections", strings.Join(numbers, " "))
	r.set("requests in a round", number(c.Requests))
	r.set("request", "POST, 400 bytes")
	r.set("answer", fmt.Sprintf("%d bytes, at once", len(answer600)))
	r.set("chunks of a stream", fmt.Sprintf("%d of about %d bytes, one every %v", c.Chunks, len(eventText)+20, compareEvery))
	r.set("streams that wait", number(c.Streams))
	r.Result = rows
	all := Table{Title: "Ratios to " + c.To, Columns: []string{""}}
	for _, one := range list {
		if one.name != c.To {
			all.Columns = append(all.Columns, one.name)
		}
	}
	for _, s := range c.shapes() {
		part := s.of(rows)
		r.Tables = append(r.Tables, s.figures(s.fit(list), part))
		for _, m := range s.measures() {
			all.Rows = append(all.Rows, s.ratios(m, c.To, list, part))
			if m.unit != "" {
				r.Charts = append(r.Charts, s.chart(m, s.fit(list), part))
			}
		}
	}
	r.Tables = append(r.Tables, all)
	c.explain(r, list, absent, rows)
}

// explain notes what a reader must know.
func (c CompareConfig) explain(r *Report, list []rival, absent []string, rows []CompareRow) {
	r.note("All proxies run during the whole of a shape and take turns, in an order that is shuffled in each round, after one round that is not counted. Each has an upstream of its own, of the same kind, in this process, as is the load. Figures are medians over the rounds; ratios are to " + c.To + " in the same round: median (smallest to largest).")
	r.note("Every proxy may use the cores given, keeps connections to the upstream open and speaks HTTP/1.1 to both sides. nginx, HAProxy and Caddy write no log; Millpond writes its request log and keeps its statistics, as always.")
	for _, s := range c.shapes() {
		if text := s.how(); text != "" {
			r.note("Shape " + s.name + ": " + text)
		}
	}
	if measurable {
		r.note("Processor time is of user and system, of all processes of a proxy, in nanoseconds by the scheduler's clock; memory is resident (Pss).")
	} else {
		r.note("Processor time and memory of another process are measured on Linux only.")
	}
	for _, one := range list {
		text := one.name + ": " + one.how
		if one.onlyFirst {
			text += " Compared over " + connections(c.Connections[0]) + " alone."
		}
		r.note(text)
	}
	if len(absent) > 0 {
		r.note("Not compared, since not installed: " + strings.Join(absent, ", ") + ".")
	}
	for _, row := range rows {
		if row.Failed > 0 {
			r.note(fmt.Sprintf("%s, %s, %s, round %d: %d of %d failed, one of them so: %s.", row.Shape, connections(row.Connections), row.Proxy, row.Round, row.Failed, row.Sent, row.FirstError))
		}
	}
}

// of returns the rows of a shape.
func (s shape) of(rows []CompareRow) []CompareRow {
	return pick(rows, func(r CompareRow) bool {
		return r.Shape == s.name && (s.name != shapeRequests || r.Connections == s.connections)
	}, func(r CompareRow) CompareRow { return r })
}

// A measure is what a shape is about.
type measure struct {
	name   string
	figure func(CompareRow) float64
	unit   string // of its chart; "": it has none
}

// measures lists what proxies are compared by in a shape, if this system can tell.
func (s shape) measures() (list []measure) {
	switch {
	case s.name == shapeMemory && measurable:
		return []measure{{"memory for a stream", streamMemoryOf, "KB"}}
	case s.name == shapeMemory:
		return nil
	case s.chunks > 0 && measurable:
		list = []measure{{"CPU for a chunk", cpuOf, "s for 10,000"}}
	case measurable:
		list = []measure{{"CPU for a request", cpuOf, "s for 10,000"}}
	}
	p50 := measure{name: "p50", figure: medianOf}
	if s.name == shapeRequests || !measurable {
		p50.unit = "ms"
	}
	return append(list, p50, measure{name: "p99", figure: tailOf})
}

// rounds returns one figure of each round of a proxy.
func rounds(rows []CompareRow, name string, figure func(CompareRow) float64) []float64 {
	return pick(rows, func(r CompareRow) bool { return r.Proxy == name }, figure)
}

func cpuOf(r CompareRow) float64          { return weight(r.CPU) }
func medianOf(r CompareRow) float64       { return r.Latency.P50 }
func tailOf(r CompareRow) float64         { return r.Latency.P99 }
func speedOf(r CompareRow) float64        { return r.PerSecond }
func dialsOf(r CompareRow) float64        { return float64(r.Dials) }
func failedOf(r CompareRow) float64       { return float64(r.Failed) }
func streamMemoryOf(r CompareRow) float64 { return weight(r.PerStream) / 1024 }

func memoryOf(r CompareRow) float64 {
	if r.Memory == nil {
		return 0
	}
	return float64(*r.Memory) / (1 << 20)
}

// figures shows what was measured of each proxy in a shape.
func (s shape) figures(list []rival, rows []CompareRow) Table {
	each, cost, per := "requests/s", "CPU s for 10,000", cpuOf
	switch s.name {
	case shapeStream:
		each, cost = "streams/s", "CPU s for 10,000 chunks"
	case shapeMemory:
		each, cost, per = "streams/s", "KB for a stream", streamMemoryOf
	}
	t := Table{Title: "Figures, " + s.title(), Columns: []string{"proxy", each, "p50 ms", "p99 ms", cost, "memory MB", "dials", "failed"}}
	for _, one := range list {
		of := func(figure func(CompareRow) float64) Spread { return spread(rounds(rows, one.name, figure)) }
		spent, memory := "-", "-"
		if measurable && one.name != direct {
			spent, memory = of(per).String(), places(of(memoryOf).Median, 1)
		}
		name := one.name
		if one.version != "" {
			name += " " + one.version
		}
		t.Rows = append(t.Rows, []string{name, short(of(speedOf).Median), short(of(medianOf).Median), short(of(tailOf).Median), spent, memory,
			places(of(dialsOf).Median, 0), places(sum(rounds(rows, one.name, failedOf)), 0)})
	}
	return t
}

// ratios shows one measure of all proxies as ratios to one.
func (s shape) ratios(m measure, to string, list []rival, rows []CompareRow) []string {
	line := []string{s.title() + ": " + m.name}
	for _, one := range list {
		if one.name == to {
			continue
		}
		cell := spread(ratios(rounds(rows, one.name, m.figure), rounds(rows, to, m.figure)))
		if cell.Max == 0 { // as of the processor time of no proxy
			cell = Spread{}
		}
		line = append(line, cell.String())
	}
	return line
}

// chart draws one measure of all proxies.
func (s shape) chart(m measure, list []rival, rows []CompareRow) Chart {
	c := Chart{Title: s.title() + ": " + m.name, Unit: m.unit}
	for _, one := range list {
		if v := spread(rounds(rows, one.name, m.figure)); v.Max > 0 {
			c.Bars = append(c.Bars, Bar{Label: one.name, Low: v.Min, Mid: v.Median, High: v.Max, Ours: one.name == ours})
		}
	}
	return c
}
