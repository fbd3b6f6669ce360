package tray

import "strings"

// A menu is as wide as its longest entry, so a reason is broken into lines: how wide
// they are, in letters, and how many there are at most.
const (
	reasonWidth = 52
	reasonLines = 4
)

// wrap breaks words into lines of a width, and cuts off what is more than most lines.
// A Chinese letter counts as two, and a line may be broken after any.
func wrap(words string, width, most int) []string {
	var lines []string
	for words != "" {
		n := breakAt(words, width)
		line := strings.TrimSpace(words[:n])
		words = strings.TrimSpace(words[n:])
		if len(lines) == most-1 && words != "" {
			return append(lines, strings.TrimRight(line, " .,;:。，；：")+"…")
		}
		lines = append(lines, line)
	}
	return lines
}

// breakAt returns how many bytes of words go on a line: up to the last place where a
// line may be broken, or as many as fit when there is none.
func breakAt(words string, width int) int {
	used, last := 0, 0
	for i, r := range words {
		if r == ' ' || r == '\n' {
			last = i + 1
		}
		if r == '\n' {
			return i + 1
		}
		if used += widthOf(r); used > width {
			if last > 0 {
				return last
			}
			return max(i, 1)
		}
		if isWide(r) {
			last = i + len(string(r))
		}
	}
	return len(words)
}

// widthOf returns how many columns a letter takes.
func widthOf(r rune) int {
	if isWide(r) {
		return 2
	}
	return 1
}

// isWide reports whether a letter is as wide as two: Chinese ones, their punctuation
// and full-width forms (Unicode's blocks from 2E80 to 9FFF and from F900 to FFEF).
func isWide(r rune) bool { return r >= 0x2e80 && r <= 0x9fff || r >= 0xf900 && r <= 0xffef }
