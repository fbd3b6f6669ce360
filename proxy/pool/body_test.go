package pool

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"millpond/settings"
)

// Content comes whole and once whether it is read by Read, by Next or by both in turn, over
// HTTP/1 with each framing and over HTTP/2.
func TestBodyByReadAndNext(t *testing.T) {
	content := make([]byte, 300_000)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		case "/close":
			w.Header().Set("Connection", "close")
			w.Header().Set("Transfer-Encoding", "identity")
		}
		for rest := content; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(50_000))
			w.Write(rest[:n])
			w.(http.Flusher).Flush()
			rest = rest[n:]
		}
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	for _, protocol := range []settings.Protocol{settings.ProtocolHTTP1, settings.ProtocolHTTP2} {
		m := newManager(t, func(s *settings.Settings) { s.Pool.Protocol = protocol })
		for _, path := range []string{"/length", "/chunked", "/close"} {
			for _, step := range []int{0, 1, 1000, 100_000} { // bytes by Read between two of Next; 0 for Next alone
				l, err := m.Acquire(t.Context(), m.targetForTest(t, s.URL), false)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := l.Send(t.Context(), &Request{Method: "GET", Target: path, Host: "h", HeaderTimeout: time.Minute})
				if err != nil {
					t.Fatal(err)
				}
				got, err := inTurn(resp.Body, step)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s%s, %d by Read: got %d bytes, %v; want the %d that were sent", protocol, path, step, len(got), err, len(content))
				}
				resp.Body.Close()
				if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil {
					t.Errorf("%s%s: got %d bytes after the end", protocol, path, n)
				}
				resp.Recycle()
			}
		}
	}
}

// inTurn reads a body by Next, and between by Read.
func inTurn(body Body, step int) (all []byte, err error) {
	for {
		if step > 0 {
			p := make([]byte, step)
			n, err := body.Read(p)
			if all = append(all, p[:n]...); err == io.EOF {
				return all, nil
			} else if err != nil {
				return all, err
			}
		}
		p, err := body.Next()
		if all = append(all, p...); err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}
