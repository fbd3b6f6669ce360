package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"millpond/proxy/control"
)

// statusMsg is a status that arrived; goneMsg says why none does.
type (
	statusMsg control.Status
	goneMsg   struct{ err error }
)

// A topModel is what top shows: the last status, and how to sort it.
type topModel struct {
	width, height int
	status        *control.Status // nil before the first
	gone          error           // why there is no daemon; nil while there is one
	sortBy        int             // index in topColumns
	reversed      bool
	paint         topPaint
}

// topPaint are the colours; without colour they change nothing.
type topPaint struct{ good, warn, bad, dim, title lipgloss.Style }

func newTopModel(colour bool) topModel {
	m := topModel{width: 80, height: 24}
	if colour {
		in := func(ansi256 string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(ansi256)) }
		m.paint = topPaint{good: in("2"), warn: in("3"), bad: in("1"), dim: in("8"), title: lipgloss.NewStyle().Bold(true)}
	}
	return m
}

// Init implements tea.Model.
func (m topModel) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case statusMsg:
		s := control.Status(msg)
		m.status, m.gone = &s, nil
	case goneMsg:
		m.gone = msg.err
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch key := msg.String(); key {
		case "q", "ctrl+c", "esc":
			return m, tea.Quit
		case "s", "right":
			m.sortBy = (m.sortBy + 1) % len(topColumns)
		case "left":
			m.sortBy = (m.sortBy + len(topColumns) - 1) % len(topColumns)
		case "r":
			m.reversed = !m.reversed
		default:
			if len(key) == 1 && key[0] >= '1' && int(key[0]-'1') < len(topColumns) {
				m.sortBy = int(key[0] - '1')
			}
		}
	}
	return m, nil
}

// View implements tea.Model.
func (m topModel) View() tea.View {
	v := tea.NewView(m.text())
	v.AltScreen = true
	v.WindowTitle = "Millpond"
	return v
}

// text is the screen: as many lines as it is high, none longer than it is wide.
func (m topModel) text() string {
	var lines []string
	switch {
	case m.status == nil && m.gone == nil:
		lines = []string{m.paint.title.Render("Millpond"), "", "Asking the daemon..."}
	case m.status == nil:
		lines = []string{m.paint.title.Render("Millpond"), "", m.goneLine()}
	default:
		lines = m.page()
	}
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(0, min(len(lines), m.height-1))], m.help())
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func (m topModel) help() string {
	reversed := ""
	if m.reversed {
		reversed = ", reversed"
	}
	return m.paint.dim.Render(fmt.Sprintf("q quit   s or 1-%d sort   r reverse   (by %s%s)", len(topColumns), strings.ToLower(topColumns[m.sortBy].name), reversed))
}

func (m topModel) goneLine() string {
	if isNotRunning(m.gone) {
		return m.paint.bad.Render(`The daemon is not running; start it with "millpondd serve". Waiting for it...`)
	}
	return m.paint.bad.Render("The daemon cannot be asked: " + oneLine(m.gone.Error()))
}

// page is the screen with a status, without the last line.
func (m topModel) page() []string {
	s := m.status
	head := m.paint.title.Render("Millpond") + " " + m.stateColour().Render(stateInWords(*s))
	lines := []string{
		head + fmt.Sprintf("  %s  up %s  %s", orDash(s.Address), uptime(s.Stats.UptimeSeconds), s.Version),
		"",
	}
	if m.gone != nil {
		lines[1] = m.goneLine()
	}
	if s.Machine {
		minute := s.Stats.Windows[control.Window1m]
		return append(lines, fmt.Sprintf("requests  %d, %s ok, %d/min", s.Stats.TotalRequests, percent(s.Stats.SuccessRate), minute.Requests), "",
			"It runs for the whole machine. An administrator sees more: "+byAdministrator("top"))
	}
	lines = append(lines, m.figures()...)
	lines = append(lines, "")
	room := m.height - len(lines) - 1
	failures := m.failures(max(2, min(6, room/3)))
	lines = append(lines, m.table(room-len(failures)-1)...)
	lines = append(lines, "")
	return append(lines, failures...)
}

func (m topModel) stateColour() lipgloss.Style {
	switch {
	case m.gone != nil || m.status.State == control.Failing:
		return m.paint.bad
	case m.status.State == control.Degraded:
		return m.paint.warn
	case m.status.State == control.Off:
		return m.paint.dim
	}
	return m.paint.good
}

// figures are the three lines of numbers. At 80 columns an hour of minutes fits.
func (m topModel) figures() []string {
	s := m.status.Stats
	hour, minute := s.Windows[control.Window1h], s.Windows[control.Window1m]
	p := s.Pool
	return []string{
		fmt.Sprintf("last hour %s  %s", m.rate(hour.SuccessRate), m.sparkline(m.status.History[control.Window1h], min(60, m.width-20))),
		fmt.Sprintf("requests  %d, %s ok, %d/min  p50 %s  p99 %s  first byte %s ms", s.TotalRequests, percent(s.SuccessRate), minute.Requests, number(s.LatencyMS.P50), number(s.LatencyMS.P99), number(s.FirstByteMS.P50)),
		fmt.Sprintf("pool      %s  busy %d  idle %d  waiting %d  reuse %.0f %%", m.gauge(p, min(40, m.width-58)), p.InUse, p.Idle, p.Waiting, 100*p.ReuseRatio),
	}
}

func (m topModel) rate(v float64) string {
	text := fmt.Sprintf("%8s", percent(v))
	switch {
	case v >= 95:
		return m.paint.good.Render(text)
	case v >= 90:
		return m.paint.warn.Render(text)
	}
	return m.paint.bad.Render(text)
}

var sparks = []rune("▁▂▃▄▅▆▇█")

// sparkline draws the success rate of the last steps, one for each column: the bottom
// is none and the top is all. A step without requests is a dot.
func (m topModel) sparkline(s control.Series, columns int) string {
	n := min(len(s.Successful), len(s.Failed))
	var b strings.Builder
	for i := max(0, n-max(columns, 0)); i < n; i++ {
		ok, failed := s.Successful[i], s.Failed[i]
		if ok+failed == 0 {
			b.WriteString(m.paint.dim.Render("·"))
			continue
		}
		part := float64(ok) / float64(ok+failed)
		paint := m.paint.bad
		if part >= 0.95 {
			paint = m.paint.good
		} else if part >= 0.9 {
			paint = m.paint.warn
		}
		b.WriteString(paint.Render(string(sparks[int(part*float64(len(sparks)-1))])))
	}
	return b.String()
}

// gauge draws the connections of the pool: busy, idle, and requests that wait.
func (m topModel) gauge(p control.Pool, columns int) string {
	columns = max(columns, 8)
	all := max(1, p.InUse+p.Idle+p.Waiting)
	part := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(1, n*columns/max(all, columns)) // one column for each while they fit
	}
	busy, waiting := part(p.InUse), part(p.Waiting)
	idle := min(part(p.Idle), max(0, columns-busy-waiting))
	empty := max(0, columns-busy-idle-waiting)
	return "[" + m.paint.good.Render(strings.Repeat("#", busy)) + strings.Repeat("=", idle) +
		m.paint.bad.Render(strings.Repeat("!", waiting)) + m.paint.dim.Render(strings.Repeat(".", empty)) + "]"
}

// A topColumn is one of the upstreams' table. Compare says which of two comes first.
type topColumn struct {
	name    string
	width   int
	text    func(control.Upstream) string
	compare func(a, b control.Upstream) int
}

var topColumns = []topColumn{
	{"UPSTREAM", -16, func(u control.Upstream) string { return printable(u.Name) }, func(a, b control.Upstream) int { return cmp.Compare(a.Name, b.Name) }},
	{"STATE", -7, upstreamState, func(a, b control.Upstream) int { return cmp.Compare(upstreamState(a), upstreamState(b)) }},
	{"REQS", 8, func(u control.Upstream) string { return fmt.Sprint(u.Requests) }, func(a, b control.Upstream) int { return cmp.Compare(b.Requests, a.Requests) }},
	{"SUCCESS", 9, func(u control.Upstream) string { return percent(u.SuccessRate) }, func(a, b control.Upstream) int { return cmp.Compare(b.SuccessRate, a.SuccessRate) }},
	{"P50 MS", 8, func(u control.Upstream) string { return number(u.LatencyMS.P50) }, func(a, b control.Upstream) int { return cmp.Compare(b.LatencyMS.P50, a.LatencyMS.P50) }},
	{"P99 MS", 8, func(u control.Upstream) string { return number(u.LatencyMS.P99) }, func(a, b control.Upstream) int { return cmp.Compare(b.LatencyMS.P99, a.LatencyMS.P99) }},
	{"BUSY", 5, func(u control.Upstream) string { return fmt.Sprint(u.Pool.InUse) }, func(a, b control.Upstream) int { return cmp.Compare(b.Pool.InUse, a.Pool.InUse) }},
	{"IDLE", 5, func(u control.Upstream) string { return fmt.Sprint(u.Pool.Idle) }, func(a, b control.Upstream) int { return cmp.Compare(b.Pool.Idle, a.Pool.Idle) }},
	{"WAIT", 5, func(u control.Upstream) string { return fmt.Sprint(u.Pool.Waiting) }, func(a, b control.Upstream) int { return cmp.Compare(b.Pool.Waiting, a.Pool.Waiting) }},
}

// table lists the upstreams in at most so many lines.
func (m topModel) table(room int) []string {
	list := slices.Clone(m.status.Stats.Upstreams)
	slices.SortStableFunc(list, func(a, b control.Upstream) int {
		order := topColumns[m.sortBy].compare(a, b)
		if m.reversed {
			return -order
		}
		return order
	})
	lines := []string{m.paint.title.Render(row(func(c topColumn) string { return c.name }))}
	for i, u := range list {
		if len(lines) == room-1 && i < len(list)-1 {
			return append(lines, m.paint.dim.Render(fmt.Sprintf("and %d more", len(list)-i)))
		}
		line := row(func(c topColumn) string { return c.text(u) })
		if !u.Healthy {
			line = m.paint.bad.Render(line)
		}
		lines = append(lines, line)
	}
	if len(list) == 0 {
		lines = append(lines, "none is configured")
	}
	return lines
}

// row joins the cells of a line, each in its width.
func row(cell func(topColumn) string) string {
	var b strings.Builder
	for _, c := range topColumns {
		width := max(c.width, -c.width)
		text := ansi.Truncate(cell(c), width, "…")
		pad := strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
		if c.width < 0 {
			text += pad
		} else {
			text = pad + text
		}
		b.WriteString(text + " ")
	}
	return strings.TrimRight(b.String(), " ")
}

// failures are the last ones, newest first, in so many lines with their title.
func (m topModel) failures(room int) []string {
	lines := []string{m.paint.title.Render("LAST FAILURES")}
	for _, f := range m.status.Failures[:min(len(m.status.Failures), room-1)] {
		reason := f.Code
		if f.Error != "" {
			reason = strings.TrimPrefix(reason+": "+f.Error, ": ")
		}
		lines = append(lines, fmt.Sprintf("%s  %-16s %d %s", f.At.Local().Format(time.TimeOnly), ansi.Truncate(orDash(printable(f.Upstream)), 16, "…"), f.Status, oneLine(orDash(cmp.Or(reason, f.Outcome)))))
	}
	if len(lines) == 1 {
		lines = append(lines, m.paint.dim.Render("none"))
	}
	return lines
}

// oneLine makes a text of any origin fit to stand in a line of a terminal.
func oneLine(text string) string { return printable(strings.Join(strings.Fields(text), " ")) }
