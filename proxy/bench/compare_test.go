package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// TestRivalThatDoesNotStartIsLeftOut: the others are compared all the same, and the report
// says why. One of our own that does not start ends it.
func TestRivalThatDoesNotStartIsLeftOut(t *testing.T) {
	broken := func(context.Context, Options, origin) (subject, error) {
		return subject{}, errors.New("unknown directive")
	}
	well := rival{name: direct, start: func(_ context.Context, _ Options, before origin) (subject, error) { return straight(before) }}
	var r Report
	all, err := (shape{}).enterAll(t.Context(), Options{}, nil, []rival{{name: "nginx", program: "nginx", start: broken}, well}, &r)
	for _, one := range all {
		one.leave()
	}
	if err != nil || len(all) != 1 || all[0].rival.name != direct {
		t.Errorf("got %d contestants and %v; want the one that starts", len(all), err)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "nginx is left out, because it does not start: unknown directive") {
		t.Errorf("got notes %q; want one that says why", r.Notes)
	}
	if all, err := (shape{}).enterAll(t.Context(), Options{}, nil, []rival{{name: ours, start: broken}}, &r); err == nil || len(all) != 0 {
		t.Errorf("ours: got %d and %v; want an error", len(all), err)
	}
}
