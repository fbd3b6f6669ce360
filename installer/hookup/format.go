package hookup

import (
	"bytes"
	"fmt"
)

// A format finds and changes one key in the text of a settings file, and nothing else of it.
type format interface {
	// get returns the key's value and whether it is set.
	get(text []byte) (value, bool, error)
	// set gives the key a raw value. made counts the tables that had to be made around it.
	set(text []byte, raw string) (next []byte, made int, err error)
	// unset takes the key away, and the tables around it that are empty then, at most as many as made.
	unset(text []byte, made int) ([]byte, error)
	// quote writes a text as a raw value.
	quote(text string) string
}

// A value is what a key holds.
type value struct {
	Raw  string `json:"raw"`  // as it stands in the file
	Text string `json:"text"` // what it means; the raw value when it is no text
}

// A lineError is a mistake at a place of a text.
type lineError struct {
	line, column int // from 1
	message      string
}

func (e *lineError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.message)
}

// errorAt returns an error at an offset of a text.
func errorAt(text []byte, offset int, message string) error {
	before := text[:offset]
	return &lineError{1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n'), message}
}

// lineEnd returns how the lines of a text end.
func lineEnd(text []byte) string {
	if bytes.Contains(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}
