package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteText prints the report for a person at a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", r.Title, r.about())
	var settings []string
	for _, s := range r.Settings {
		settings = append(settings, s.Name+" "+s.Value)
	}
	fmt.Fprintf(&b, "%s\n", strings.Join(settings, ", "))
	for _, t := range r.Tables {
		b.WriteString("\n")
		t.write(&b)
	}
	if len(r.Notes) > 0 {
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// about says in a line where and when the report was made.
func (r *Report) about() string {
	m := r.Machine
	parts := []string{"Millpond " + m.Millpond}
	if m.Commit != "" {
		parts = append(parts, "commit "+shorten(m.Commit))
	}
	parts = append(parts, m.Go, m.System, fmt.Sprintf("%d cores", m.Cores))
	if m.CPU != "" {
		parts = append(parts, m.CPU)
	}
	if m.MemoryMB > 0 {
		parts = append(parts, fmt.Sprintf("%d MB", m.MemoryMB))
	}
	if m.LoadStart >= 0 {
		parts = append(parts, "load average "+places(m.LoadStart, 2)+" to "+places(m.LoadEnd, 2))
	}
	parts = append(parts, r.Started.Format("2006-01-02 15:04:05 MST"), places(r.Seconds, 1)+" s")
	return strings.Join(parts, ", ")
}

// shorten cuts a commit to the twelve digits that people use.
func shorten(commit string) string {
	hash, rest, changed := strings.Cut(commit, " ")
	hash = hash[:min(len(hash), 12)]
	if changed {
		hash += " " + rest
	}
	return hash
}

// write prints the table with its columns aligned.
func (t Table) write(b *strings.Builder) {
	width := make([]int, len(t.Columns))
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintf(b, "%s\n", t.Title)
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(b, "  %-*s", width[i], cell)
				continue
			}
			fmt.Fprintf(b, "  %*s", width[i], cell)
		}
		b.WriteString("\n")
	}
}
