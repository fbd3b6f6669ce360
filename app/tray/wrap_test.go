package tray

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWrap(t *testing.T) {
	tests := []struct {
		words string
		want  []string
	}{
		{"", nil},
		{"short", []string{"short"}},
		{"one two three four", []string{"one two", "three four"}},
		{"exactlyten", []string{"exactlyten"}},
		{"http://127.0.0.1:7860/", []string{"http://127", ".0.0.1:786", "0/"}},
		{"first\nsecond", []string{"first", "second"}},
		{"没有上游应答：一", []string{"没有上游应", "答：一"}},
		{"a b c d e f g h i j k l m n o p q r s t u v", []string{"a b c d e", "f g h i j", "k l m n o…"}},
	}
	for _, test := range tests {
		if got := wrap(test.words, 10, 3); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q; want %q", test.words, got, test.want)
		}
	}
}

// Whatever is broken, no letter is cut in two and nothing is lost but spaces.
func TestWrapLosesNothing(t *testing.T) {
	for _, words := range []string{strings.Repeat("代理abc ", 40), strings.Repeat("é", 99), " \n \n x"} {
		lines := wrap(words, 7, 1000)
		if got, want := strings.Join(lines, ""), strings.Join(strings.Fields(words), ""); strings.ReplaceAll(got, " ", "") != want || !utf8.ValidString(got) {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}
