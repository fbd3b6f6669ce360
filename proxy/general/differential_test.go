package general

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/mutate"
	"millpond/proxy/pool"
	"millpond/proxy/wire"
	"millpond/settings"
)

var mutations = flag.Int("mutations", conversations, "how many mutated requests and answers to send through both fronts")

// Both fronts let a client see the same, an upstream see the same, and log the same, of
// requests and answers that are almost right.
func TestFrontsDifferential(t *testing.T) {
	if front != frontFast {
		return // it has both, and needs to run once
	}
	const workers = 4
	var wg sync.WaitGroup
	defer wg.Wait()
	var total tally
	for n := range workers {
		c := newComparison(t, uint64(n))
		wg.Go(func() {
			for range *mutations / workers {
				c.compare(&total)
			}
		})
	}
	wg.Wait()
	t.Logf("%d conversations compared: %v", total.sum(), total.kinds)
	if total.kinds["answered"] < total.sum()/5 || total.kinds["refused"] < total.sum()/20 || total.kinds["cut"] < total.sum()/100 {
		t.Error("want a mixture")
	}
}

// A tally counts what conversations came to, so that the test cannot pass by comparing nothing.
type tally struct {
	mu    sync.Mutex
	kinds map[string]int // guarded by mu
}

func (t *tally) count(c conversation) {
	kind := "nothing"
	switch {
	case len(c.answers) == 0:
	case c.answers[0].Cut:
		kind = "cut"
	case c.answers[0].Code != "":
		kind = "refused"
	default:
		kind = "answered"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[string]int{}
	}
	t.kinds[kind]++
}

func (t *tally) sum() (n int) {
	for _, c := range t.kinds {
		n += c
	}
	return n
}

// A comparison has a rig of each front, and makes messages for them.
type comparison struct {
	t         *testing.T
	rigs      [2]*scripted
	requests  *mutate.Mutator
	responses *mutate.Mutator
}

func newComparison(t *testing.T, number uint64) *comparison {
	var local []string
	for _, s := range mutate.Requests {
		s = strings.ReplaceAll(s, "Host: a\r\n", "Host: localhost\r\n")
		s = strings.ReplaceAll(s, "Expect: 100-continue\r\n", "")                      // waits a second for 100
		local = append(local, strings.ReplaceAll(s, "Connection: keep-alive\r\n", "")) // which net/http finds in "k keep-alive", too
	}
	c := &comparison{t: t, requests: mutate.New(2*number, local), responses: mutate.New(2*number+1, mutate.Responses)}
	for i, name := range []string{frontGeneral, frontFast} {
		c.rigs[i] = newScripted(t, name)
	}
	return c
}

// compare has one conversation with each front: with a mutated request, or with a mutated answer.
func (c *comparison) compare(total *tally) {
	asked, answered := c.requests.Next(), []byte(mutate.Responses[0])
	if c.requests.Rand.IntN(2) == 0 {
		answered = c.responses.Next()
		method := []string{"GET", "HEAD", "POST", "OPTIONS"}[c.requests.Rand.IntN(4)]
		asked = fmt.Appendf(nil, "%s /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi", method)
	}
	var got [2]conversation
	for try := range 3 { // a reset may take an answer along, on either side
		for i, r := range c.rigs {
			got[i] = r.converse(asked, answered)
		}
		if got[0].String() == got[1].String() {
			total.count(got[0])
			return
		}
		if try > 0 {
			c.t.Logf("once more: %q", asked)
		}
	}
	c.t.Errorf("request %q\nanswer %q\n%s: %s\n%s:    %s", asked, answered, frontGeneral, got[0], frontFast, got[1])
}

// A conversation is what a connection came to.
type conversation struct {
	answers []seenAnswer // the client's
	saw     []string     // by the upstream
	log     []string
}

func (c conversation) String() string {
	return fmt.Sprintf("\n  client %+v\n  upstream %q\n  log %q", c.answers, c.saw, c.log)
}

// A seenAnswer is an answer without what one hop may choose: how its end is marked, and who names
// the date.
type seenAnswer struct {
	Status  int
	Code    string
	Header  string
	Body    string
	Trailer string
	Cut     bool
}

// A scripted rig has an upstream that answers as it is told, and closes behind it.
type scripted struct {
	*rig
	upstream net.Listener
	mu       sync.Mutex // guards what follows
	answer   []byte
	saw      []string
	log      []string
}

func newScripted(t *testing.T, name string) *scripted {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{upstream: ln}
	s.rig = newRigOf(t, name, slog.New(s), pool.Config{}, func(st *settings.Settings) {
		st.Pool.Reuse = settings.ReuseNever
		st.Failover.EjectAfter = 0
	}, "http://"+ln.Addr().String())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(nc.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return s
}

// serve reads one request and answers as it is told.
func (s *scripted) serve(nc *net.TCPConn) {
	defer nc.Close()
	req, err := http.ReadRequest(bufio.NewReader(nc))
	if err != nil {
		return
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // nothing was executed, and how far it came is a matter of the moment
	}
	s.mu.Lock()
	s.saw = append(s.saw, fmt.Sprintf("%s %s %s %s %q %s", req.Method, req.RequestURI, strings.Replace(req.Host, s.upstream.Addr().String(), "upstream", 1), canonical(req.Header), body, canonical(req.Trailer)))
	answer := s.answer
	s.mu.Unlock()
	nc.Write(answer)
	nc.CloseWrite()
	io.Copy(io.Discard, nc)
}

// Enabled, Handle, WithAttrs and WithGroup make the rig a slog.Handler: it keeps of a request's
// line what does not depend on the moment.
func (s *scripted) Enabled(context.Context, slog.Level) bool { return true }

func (s *scripted) Handle(_ context.Context, r slog.Record) error {
	var line strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "id", "queue_ms", "connect_ms", "first_byte_ms", "total_ms", "err", "remote":
		default:
			fmt.Fprintf(&line, " %s", a)
		}
		return true
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, r.Message+line.String())
	return nil
}

func (s *scripted) WithAttrs([]slog.Attr) slog.Handler { return s }
func (s *scripted) WithGroup(string) slog.Handler      { return s }

// converse sends asked and reads until the front closes.
func (s *scripted) converse(asked, answer []byte) (c conversation) {
	s.mu.Lock()
	s.answer, s.saw, s.log = answer, nil, nil
	s.mu.Unlock()
	nc, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Error(err)
		return c
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	n, ends, methods := shape(asked)
	asked = asked[:n]
	switch ends {
	case goesOn: // so that the front closes behind it
		asked = append(asked[:n:n], "GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"...)
		methods = append(methods, "GET")
	case incomplete:
		defer func() { c.log = nil }() // that a client left, and when, is a matter of the moment
	}
	nc.Write(asked)
	if ends == incomplete {
		nc.(*net.TCPConn).CloseWrite()
	}
	all, err := io.ReadAll(nc)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.t.Errorf("%q: still open after %v", asked, patience)
	}
	c.answers = answersIn(all, methods)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.saw, c.log = s.saw, s.log // a front closes after it has logged
	return c
}

// How the bytes of a client end.
type ending int

const (
	goesOn     ending = iota // more requests may follow
	closes                   // the last one is the last, or is refused
	incomplete               // the only one is not whole
)

// shape returns how much of b are whole requests, or one that is refused, how that ends, and the
// methods. What is left of a request behind others is cut off: whether those are answered before
// the client's end is seen would be a matter of the moment.
func shape(b []byte) (n int, how ending, methods []string) {
	for n < len(b) {
		var r wire.Request
		size, err := wire.ParseRequest(b[n:], &r)
		if err == wire.ErrShort {
			break
		}
		if err != nil {
			return len(b), closes, methods
		}
		f, err := r.Framing()
		if err != nil {
			return len(b), closes, append(methods, string(r.Method))
		}
		body, whole := bodySize(b[n+size:], f)
		if !whole {
			break
		}
		methods = append(methods, string(r.Method))
		n += size + body
		if !f.KeepAlive || r.WantsTunnel() {
			return n, closes, methods
		}
	}
	if n == 0 {
		return len(b), incomplete, methods
	}
	return n, goesOn, methods
}

// bodySize returns the length of the body at the start of b. One that is malformed counts as whole:
// it is refused.
func bodySize(b []byte, f wire.Framing) (n int, whole bool) {
	if f.Kind != wire.BodyChunked {
		return int(f.Length), f.Length <= int64(len(b))
	}
	var c wire.Chunked
	for n < len(b) {
		used, _, err := c.Decode(b[n:])
		n += used
		if err == io.EOF {
			return n, true
		}
		if err != nil {
			return len(b), true
		}
	}
	return n, false
}

// answersIn reads all answers that a client got.
func answersIn(all []byte, methods []string) (list []seenAnswer) {
	in := bufio.NewReader(bytes.NewReader(all))
	for i := 0; ; {
		method := "GET"
		if i < len(methods) {
			method = methods[i]
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err == io.ErrUnexpectedEOF && in.Buffered() == 0 || err == io.EOF {
			return list
		}
		if err != nil {
			return append(list, seenAnswer{Body: err.Error(), Cut: true})
		}
		body, err := io.ReadAll(resp.Body)
		if method != "HEAD" && resp.StatusCode != http.StatusNotModified {
			resp.Header.Del("Content-Length")
		}
		resp.Header.Del("Connection")
		list = append(list, seenAnswer{resp.StatusCode, resp.Header.Get("X-Millpond-Error"), canonical(resp.Header), string(body), canonical(resp.Trailer), err != nil})
		if resp.StatusCode >= 200 {
			i++
		}
	}
}

// canonical is a header in the order of its names.
func canonical(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s%q", name, h[name])
	}
	return b.String()
}
