package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestFastIsCounted sends what the fast path carries and what it does not, and switches it off
// and on again while it runs.
func TestFastIsCounted(t *testing.T) {
	url, _ := origin(t, "a")
	settings := func(fast bool) string {
		return fmt.Sprintf("%sfast = %v\n%s", anywhere, fast, entry("a", url))
	}
	r := start(t, settings(true), nil)
	r.client.Transport = &http.Transport{DisableKeepAlives: true} // a connection that is handed over stays there
	ask := func(edit func(*http.Request)) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+r.Address()+"/x", strings.NewReader("content"))
		if err != nil {
			t.Fatal(err)
		}
		edit(req)
		if status, _, _ := do(t, r.client, req); status != 200 && status != 403 {
			t.Errorf("got status %d", status)
		}
	}
	counted := func(carried int64, reason string, handed int64) {
		t.Helper()
		if f := r.Stats().Fast; f.Carried != carried || f.HandedOver[reason] != handed || f.Panics != 0 {
			t.Errorf("got %+v; want %d carried, %d handed over as %s", f, carried, handed, reason)
		}
	}
	ask(func(*http.Request) {})
	counted(1, "length_missing", 0)
	ask(func(req *http.Request) { req.ContentLength = -1 })
	counted(1, "transfer_encoding", 1)
	ask(func(req *http.Request) { req.Header.Set("Origin", "http://elsewhere") })
	counted(1, "origin", 1)

	write(t, r.file, settings(false))
	until(t, "it is off", func() bool { return !r.Status().Settings.Listen.Fast })
	ask(func(*http.Request) {})
	counted(1, "off", 1)
	write(t, r.file, settings(true))
	until(t, "it is on", func() bool { return r.Status().Settings.Listen.Fast })
	ask(func(*http.Request) {})
	counted(2, "off", 1)

	_, _, body := r.get(t, "/__millpond__/metrics")
	for _, want := range []string{"millpond_fast_requests_total 2\n", `millpond_fast_handed_over_total{reason="origin"} 1` + "\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
}
