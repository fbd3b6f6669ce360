package bench

import (
	"encoding/json"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// A Report is what one benchmark found: the raw figures for programs, and the same as tables and
// charts for people. WriteJSON, WriteText and WriteHTML print it.
type Report struct {
	Bench    string    `json:"bench"` // fanout, stale, stream or compare
	Title    string    `json:"title"`
	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds"`
	Machine  Machine   `json:"machine"`
	Settings []Setting `json:"settings"` // all that is needed to run it again
	Notes    []string  `json:"notes"`    // what a reader must know to judge the figures
	Result   any       `json:"result"`   // every single run: a list of rows, see the benchmark's row type
	Tables   []Table   `json:"-"`
	Charts   []Chart   `json:"-"`
}

// A Setting is one thing that was chosen, by the user or by default.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Machine is where a benchmark ran. Figures of two machines, or of one that was busy, cannot be
// compared; ratios within one report can.
type Machine struct {
	System    string  `json:"system"` // as in linux/amd64
	CPU       string  `json:"cpu"`    // "" when the system does not say
	Cores     int     `json:"cores"`
	MemoryMB  int64   `json:"memory_mb"`  // 0 when the system does not say
	LoadStart float64 `json:"load_start"` // average of the last minute; -1 when the system does not say
	LoadEnd   float64 `json:"load_end"`
	Go        string  `json:"go"`
	Millpond  string  `json:"millpond"`
	Commit    string  `json:"commit"` // "" when the build does not say
}

// A Table is figures as text. The first column is a name; the others are aligned to the right.
type Table struct {
	Title   string
	Columns []string
	Rows    [][]string
}

// A Chart is horizontal bars on one scale that begins at nothing.
type Chart struct {
	Title string
	Unit  string
	Bars  []Bar
}

// A Bar is a value and how far it spread.
type Bar struct {
	Label          string
	Low, Mid, High float64
	Ours           bool // drawn in the colour of Millpond
}

// machine describes this machine now.
func machine(version string) Machine {
	m := Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version(), Millpond: version}
	m.CPU, m.MemoryMB = hardware()
	m.LoadStart = loadAverage()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				m.Commit = s.Value + m.Commit
			case s.Key == "vcs.modified" && s.Value == "true":
				m.Commit += " (modified)"
			}
		}
	}
	return m
}

// begin starts a report.
func begin(o Options, name, title string) *Report {
	return &Report{Bench: name, Title: title, Started: time.Now().UTC().Truncate(time.Second), Machine: machine(o.Version), Notes: []string{}}
}

// finish notes when the report was done.
func (r *Report) finish() *Report {
	r.Seconds = time.Since(r.Started).Round(100 * time.Millisecond).Seconds()
	r.Machine.LoadEnd = loadAverage()
	if busy := r.Machine.LoadStart; busy > 1 {
		r.note("The machine was busy when the run began (load average " + places(busy, 2) + "): trust ratios, not milliseconds.")
	}
	return r
}

func (r *Report) set(name, value string) { r.Settings = append(r.Settings, Setting{name, value}) }
func (r *Report) note(text string)       { r.Notes = append(r.Notes, text) }

// WriteJSON prints the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
