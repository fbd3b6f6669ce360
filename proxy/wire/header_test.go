package wire

import (
	"net/http"
	"slices"
	"testing"
)

// RFC 9110, section 7.6.1: what Connection names goes, and Connection with it.
func TestDropHopByHop(t *testing.T) {
	h := Header{{"Connection", "keep-alive, X-Mine"}, {"connection", "x-other"}, {"Keep-Alive", "timeout=5"}, {"Transfer-encoding", "chunked"},
		{"Upgrade", "websocket"}, {"x-mine", "1"}, {"X-Other", "2"}, {"x-kept", "3"}, {"TE", "trailers"}, {"Proxy-Authentication-Info", "4"},
		{"HTTP2-Settings", "5"}, {"Content-Type", "text/plain"}, {"X-KEPT", "6"}}
	h.DropHopByHop()
	if want := (Header{{"x-kept", "3"}, {"Content-Type", "text/plain"}, {"X-KEPT", "6"}}); !slices.Equal(h, want) {
		t.Errorf("left %v; want %v", h, want)
	}
}

func TestHeader(t *testing.T) {
	h := Header{{"b", "1"}, {"A", "2"}, {"B", "3"}}
	for name, want := range map[string][]string{"B": {"1", "3"}, "b": {"1", "3"}, "a": {"2"}, "c": nil} {
		if got := h.Values(name); !slices.Equal(got, want) || h.Has(name) != (want != nil) || want != nil && h.Get(name) != want[0] {
			t.Errorf("%s: got %q, the first %q, there %v; want %q", name, got, h.Get(name), h.Has(name), want)
		}
	}
	if h.Get("c") != "" || !(Header{{"a", "x"}, {"A", "y, Z"}}).HasToken("a", "z") || h.HasToken("b", "2") {
		t.Error("an absent field has a value, or a token is found in the wrong field, or not at all")
	}
	before := h.Clone()
	h.Set("b", "4")
	h.Add("c", "5")
	h.Del("C")
	h.Add("d", "6")
	if want := (Header{{"A", "2"}, {"b", "4"}, {"d", "6"}}); !slices.Equal(h, want) {
		t.Errorf("got %v; want %v", h, want)
	}
	if want := (Header{{"b", "1"}, {"A", "2"}, {"B", "3"}}); !slices.Equal(before, want) {
		t.Errorf("the copy became %v; want %v", before, want)
	}
}

// There and back again, a header has the order of its names.
func TestHeaderOf(t *testing.T) {
	h := HeaderOf(http.Header{"B": {"1", "2"}, "A": {"3"}, "C": {}})
	if want := (Header{{"A", "3"}, {"B", "1"}, {"B", "2"}}); !slices.Equal(h, want) {
		t.Errorf("got %v; want %v", h, want)
	}
	if again := HeaderOf(h.HTTP()); !slices.Equal(again, h) {
		t.Errorf("got %v; want %v", again, h)
	}
	if HeaderOf(nil) != nil {
		t.Error("no fields became some")
	}
}

// What Fill was given may be overwritten.
func TestFill(t *testing.T) {
	b := []byte("HTTP/1.1 200 OK\r\nA: 1\r\nb: 2\r\n\r\n")
	var r Response
	if _, err := ParseResponse(b, &r); err != nil {
		t.Fatal(err)
	}
	h := Header{{"old", "0"}}
	h.Fill(r.Fields)
	clear(b)
	if want := (Header{{"A", "1"}, {"b", "2"}}); !slices.Equal(h, want) {
		t.Errorf("got %v; want %v", h, want)
	}
}
