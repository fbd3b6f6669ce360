package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is what is wrong with a setting: a stable code, for callers that branch or translate.
type Problem string

// The problems, with the sentence that [FieldError.Error] makes of Value and Want.
const (
	Outside    Problem = "outside"     // VALUE is outside WANT
	NotOneOf   Problem = "not_one_of"  // VALUE is not one of WANT
	Malformed  Problem = "malformed"   // VALUE is not WANT
	Refused    Problem = "refused"     // VALUE is refused: WANT
	Missing    Problem = "missing"     // missing; it needs WANT
	UnknownKey Problem = "unknown_key" // unknown key; did you mean WANT?
)

// hidden stands for a value that must not be shown.
const hidden = "[hidden]"

// A FieldError is one setting that cannot be used. Its text is one line and never holds a secret.
type FieldError struct {
	Path    string  `json:"path"`    // of the setting: "upstreams[1].url"
	Problem Problem `json:"problem"` // what is wrong
	Value   string  `json:"value"`   // as the user wrote it, quoted when text; [hidden] for a secret; "" when there is none
	Want    string  `json:"want"`    // what is permitted
	Source  string  `json:"source"`  // the environment variable that the value came from; "" for the file
}

// Error returns path, value and what is permitted in one line.
func (e *FieldError) Error() string {
	path := e.Path
	if e.Source != "" {
		path += " (from " + e.Source + ")"
	}
	switch e.Problem {
	case Outside:
		return fmt.Sprintf("%s: %s is outside %s", path, e.Value, e.Want)
	case NotOneOf:
		return fmt.Sprintf("%s: %s is not one of %s", path, e.Value, e.Want)
	case Malformed:
		return fmt.Sprintf("%s: %s is not %s", path, e.Value, e.Want)
	case Missing:
		return fmt.Sprintf("%s: missing; it needs %s", path, e.Want)
	case UnknownKey:
		if e.Want == "" {
			return path + ": unknown key"
		}
		return fmt.Sprintf("%s: unknown key; did you mean %s?", path, e.Want)
	default:
		return fmt.Sprintf("%s: %s is refused: %s", path, e.Value, e.Want)
	}
}

// FieldErrors returns the field errors that err holds, in order; nil when it holds none.
func FieldErrors(err error) []*FieldError {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*FieldError
		for _, e := range many.Unwrap() {
			all = append(all, FieldErrors(e)...)
		}
		return all
	}
	var one *FieldError
	if errors.As(err, &one) {
		return []*FieldError{one}
	}
	return nil
}

// JoinErrors joins the field errors of all, and leaves out those that only follow from an earlier
// one, so that each mistake is one line.
func JoinErrors(all ...error) error {
	var kept []*FieldError
	for _, err := range all {
		earlier := kept
		for _, e := range FieldErrors(err) {
			if !slices.ContainsFunc(earlier, e.followsFrom) {
				kept = append(kept, e)
			}
		}
	}
	return join(kept)
}

// followsFrom reports whether e would not be there without the earlier error: it is at the same path
// or within it, or the key that it misses was misspelt.
func (e *FieldError) followsFrom(earlier *FieldError) bool {
	if earlier.Problem == UnknownKey {
		table := earlier.Path[:strings.LastIndexByte(earlier.Path, '.')+1]
		return e.Problem == Missing && e.Path == table+earlier.Want
	}
	rest, ok := strings.CutPrefix(e.Path, earlier.Path)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// join returns the field errors as one error; nil when there are none.
func join(list []*FieldError) error {
	errs := make([]error, len(list))
	for i, e := range list {
		errs[i] = e
	}
	return errors.Join(errs...)
}

// show returns a plain value for an error, short enough for one line.
func show(value any) string {
	const longest = 80 // characters
	text, isText := value.(string)
	if !isText {
		switch v := value.(type) {
		case nil:
			return "nothing"
		case map[string]any:
			return "a table"
		case []any:
			return "a list"
		case float64:
			text = formatFloat(v)
		default:
			text = strings.ReplaceAll(fmt.Sprint(v), "\n", " ")
		}
	}
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "..."
	}
	if isText {
		return strconv.Quote(text)
	}
	return text
}
