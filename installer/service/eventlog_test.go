package service

import (
	"slices"
	"testing"
)

func TestLeveled(t *testing.T) {
	var got []string
	l := leveled{
		failure: func(text string) { got = append(got, "failure: "+text) },
		warning: func(text string) { got = append(got, "warning: "+text) },
	}
	text := "<6>level=INFO msg=request\n<3>level=ERROR msg=\"port in use\"\n<4>level=WARN msg=slow\r\nno level\n<3>the last"
	if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
		t.Errorf("got %d, %v; want %d and no error", n, err, len(text))
	}
	want := []string{`failure: level=ERROR msg="port in use"`, "warning: level=WARN msg=slow", "failure: the last"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}
