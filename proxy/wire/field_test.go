package wire

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestGet(t *testing.T) {
	fields := parsedRequest(t, "GET / HTTP/1.1", "x-a: 1", "X-A: 2").Fields
	for name, want := range map[string]string{"X-a": "1", "host": "a:1", "X": "", "": ""} {
		if got, ok := Get(fields, name); string(got) != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", name, got, ok, want)
		}
	}
}

func TestHasToken(t *testing.T) {
	fields := parsedRequest(t, "GET / HTTP/1.1", "A: b", "a:c ,\td,,e").Fields
	for token, want := range map[string]bool{"b": true, "C": true, "d": true, "e": true, "bc": false, "c ,\td": false, "x": false} {
		if got := HasToken(fields, "A", token); got != want {
			t.Errorf("%s: got %v; want %v", token, got, want)
		}
	}
}

func TestKeepAlive(t *testing.T) {
	tests := []struct {
		lines   []string
		timeout time.Duration // -1 when unknown
		max     int
	}{
		{nil, -1, -1},
		{[]string{"Keep-Alive: timeout=5, max=100"}, 5 * time.Second, 100},
		{[]string{"keep-alive: MAX = 1 ,Timeout= 60"}, time.Minute, 1},
		{[]string{"X: y", "Keep-Alive: max=3", "Keep-Alive: timeout=4"}, 4 * time.Second, 3},
		{[]string{"Keep-Alive: timeout=0"}, 0, -1},
		{[]string{"Keep-Alive: timeout=-1, max=x"}, -1, -1},
		{[]string{"Keep-Alive: timeout, xtimeout=3"}, -1, -1},
		{[]string{"Keep-Alive: 300"}, -1, -1},
		{[]string{"Keep-Alive: timeout=" + strconv.Itoa(math.MaxInt64) + ", max=" + strconv.Itoa(math.MaxInt64)}, 365 * 24 * time.Hour, 1 << 30},
	}
	for _, tt := range tests {
		fields := parsedResponse(t, "HTTP/1.1 200 OK", tt.lines...).Fields
		timeout, ok := KeepAliveTimeout(fields)
		if !ok {
			timeout = -1
		}
		most, ok := KeepAliveMax(fields)
		if !ok {
			most = -1
		}
		if timeout != tt.timeout || most != tt.max {
			t.Errorf("%q: got %v, %d; want %v, %d", tt.lines, timeout, most, tt.timeout, tt.max)
		}
	}
}

func TestToHeader(t *testing.T) {
	fields := parsedResponse(t, "HTTP/1.1 200 OK", "set-cookie: a", "X-UNCOMMON: b", "Set-Cookie: c", "date:", "etag: d", "SET-COOKIE: e").Fields
	got := ToHeader(fields)
	want := http.Header{"Set-Cookie": {"a", "c", "e"}, "X-Uncommon": {"b"}, "Date": {""}, "Etag": {"d"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q; want %q", got, want)
	}
	got.Add("Date", "x") // must not reach the next field's value
	if v := got["Etag"]; len(v) != 1 || v[0] != "d" {
		t.Errorf("got %q after adding to another; want d", v)
	}
	for _, name := range []string{"a", "-a", "a--b-", "x_Y.z", "!a", "1a-1B", "WWW-authenticate"} {
		for got := range ToHeader([]Field{{Name: []byte(name)}}) {
			if want := http.CanonicalHeaderKey(name); got != want {
				t.Errorf("got %s; want %s", got, want)
			}
		}
	}
}
