package wire

import (
	"bytes"
	"io"
	"net/http/httputil"
	"testing"

	"millpond/proxy/mutate"
)

// FuzzRequest looks for a request that is accepted here and that net/http
// refuses or reads otherwise.
func FuzzRequest(f *testing.F) {
	for _, s := range mutate.Requests {
		f.Add([]byte(s), uint16(20))
	}
	o := newOracle()
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		var r Request
		compareRequest(t, o, b, &r)
		n, whole := ParseRequest(b, &r)
		got, err := ParseRequest(b[:min(int(cut), len(b))], &r)
		if err != ErrShort && (got != n || !sameError(err, whole)) {
			t.Fatalf("got %d, %v for the first %d bytes; want %d, %v", got, err, cut, n, whole)
		}
	})
}

// FuzzResponse does the same for responses, those read leniently too.
func FuzzResponse(f *testing.F) {
	methods := [...]string{"GET", "HEAD", "CONNECT"}
	for i, s := range mutate.Responses {
		f.Add([]byte(s), byte(i))
	}
	o := newOracle()
	f.Fuzz(func(t *testing.T, b []byte, method byte) {
		var r Response
		compareResponse(t, o, b, methods[int(method)%len(methods)], &r)
	})
}

// FuzzChunked looks for a chunked body that is read here and otherwise by
// httputil, and for one that is read otherwise when it comes in two pieces.
func FuzzChunked(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n\r\n"), uint16(4))
	f.Add([]byte("1;x=y\r\na\r\n00\r\nX: y\r\n\r\nrest"), uint16(11))
	f.Add([]byte("ffffffffffffffff\r\n"), uint16(3))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		var whole, pieces Chunked
		body, n, err := decodeAll(&whole, b)

		first := b[:min(int(cut), len(b))]
		gotBody, gotN, gotErr := decodeAll(&pieces, first)
		if gotErr == nil {
			more, m, err := decodeAll(&pieces, b[gotN:])
			gotBody, gotN, gotErr = append(gotBody, more...), gotN+m, err
		}
		if !bytes.Equal(gotBody, body) || gotN != n || !sameError(gotErr, err) {
			t.Fatalf("in two pieces: got %q, %d, %v; want %q, %d, %v", gotBody, gotN, gotErr, body, n, err)
		}
		if err != io.EOF {
			return
		}
		want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(b)))
		if err != nil || !bytes.Equal(body, want) {
			t.Fatalf("got %q; httputil reads %q, %v", body, want, err)
		}
	})
}

// FuzzGuard looks for bytes that pass the guard and that net/http refuses or
// reads otherwise, or that pass otherwise when they come in other pieces.
func FuzzGuard(f *testing.F) {
	for i, s := range mutate.Requests {
		f.Add([]byte(s+mutate.Requests[(i*7+5)%len(mutate.Requests)]), byte(3))
	}
	o := newOracle()
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		checkGuard(t, o, b, func() int { return int(size) })
	})
}
