package general

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// A dialect is how an API streams.
type dialect struct {
	name     string
	kind     settings.Kind
	path     string
	event    string // one of many
	terminal string // the last
}

var dialects = []dialect{
	{"anthropic", settings.KindAnthropic, "/v1/messages",
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
	{"chat", settings.KindOpenAI, "/v1/chat/completions",
		"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[]}\n\n",
		"data: [DONE]\n\n"},
	{"responses", settings.KindOpenAI, "/v1/responses",
		"event: response.created\ndata: {\"type\":\"response.created\"}\n\n",
		"event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n"},
	{"anthropic elsewhere", settings.KindHTTP, "/any",
		"event: message_start\ndata: {\"type\":\"message_start\"}\n\n",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
	{"chat elsewhere", settings.KindHTTP, "/any",
		"data: {\"object\":\"chat.completion.chunk\"}\r\n\r\n",
		"data: [DONE]\r\n\r\n"},
	{"responses elsewhere", settings.KindHTTP, "/any",
		"event: response.created\ndata: {}\n\n",
		"event: response.failed\ndata: {}\n\n"},
}

const (
	streamHead  = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
	chunkedHead = streamHead + "Transfer-Encoding: chunked\r\n\r\n"
	closedHead  = streamHead + "Connection: close\r\n\r\n"
)

// chunk is text as one chunk.
func chunk(text string) string {
	return strconv.FormatInt(int64(len(text)), 16) + "\r\n" + text + "\r\n"
}

// stream asks an upstream for a stream. say writes the answer piece by piece.
func (d dialect) stream(t *testing.T, idle time.Duration, say func(p *peer)) (answer, *rig) {
	t.Helper()
	o := newOrigin(t, false, func(p *peer) {
		p.request()
		say(p)
	})
	r := newRig(t, o.config(), func(s *settings.Settings) {
		s.Upstreams[0].Kind = d.kind
		s.Timeouts.StreamIdle = idle
	}, o.url)
	got := r.post(d.path)
	o.executed(d.path, 1)
	r.replayed(0, 0, 0)
	if got.status != http.StatusOK {
		t.Errorf("status %d; want 200", got.status)
	}
	return got, r
}

// whole asserts a stream that ended well.
func (d dialect) whole(t *testing.T, got answer, want string) {
	t.Helper()
	if got.body != want || got.cut {
		t.Errorf("got %q, cut %v; want %q, whole", got.body, got.cut, want)
	}
}

// told asserts a stream that was cut between two events: an error event tells of
// it, in the shape in which the SDKs raise it, and the end is no end.
func (d dialect) told(t *testing.T, got answer, before, code string) {
	t.Helper()
	rest, ok := strings.CutPrefix(got.body, before+"event: error\ndata: ")
	if !ok || !got.cut {
		t.Errorf("got %q, cut %v; want %q, an error event, and a cut", got.body, got.cut, before)
		return
	}
	var data struct {
		Type  string
		Error struct{ Type, Message, Code string }
	}
	if err := json.Unmarshal([]byte(rest), &data); err != nil || !strings.HasSuffix(rest, "}\n\n") {
		t.Errorf("the error event's data %q: %v", rest, err)
	}
	if data.Type != "error" || data.Error.Type == "" || data.Error.Message == "" || data.Error.Code != code {
		t.Errorf("the error event's data are %+v; want code %q and all else filled", data, code)
	}
}

// cut asserts a stream that was cut where no event can stand.
func (d dialect) cut(t *testing.T, got answer, want string) {
	t.Helper()
	if got.body != want || !got.cut {
		t.Errorf("got %q, cut %v; want %q, cut", got.body, got.cut, want)
	}
}

// streamError asserts that the request counts as a broken stream.
func streamError(t *testing.T, r *rig) {
	t.Helper()
	eventually(t, "a stream error is counted", func() bool { return r.meter.Snapshot().Counts.StreamError == 1 })
}

func eachDialect(t *testing.T, test func(t *testing.T, d dialect)) {
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// Row 24: a stream whose last chunk does not come.
func TestRow24StreamWithoutLastChunk(t *testing.T) {
	eachDialect(t, func(t *testing.T, d dialect) {
		two := d.event + d.event
		got, r := d.stream(t, 0, func(p *peer) { p.Write([]byte(chunkedHead + chunk(d.event) + chunk(d.event))) })
		d.told(t, got, two, pool.CodeClosed)
		streamError(t, r)

		half := d.event[:len(d.event)-1]
		got, r = d.stream(t, 0, func(p *peer) { p.Write([]byte(chunkedHead + chunk(d.event) + chunk(half))) })
		d.cut(t, got, d.event+half)
		streamError(t, r)

		got, _ = d.stream(t, 0, func(p *peer) { p.Write([]byte(chunkedHead + chunk(two)[:len(d.event)+10])) })
		if !got.cut || strings.Contains(got.body, "event: error") {
			t.Errorf("got %q, cut %v; want a cut without an event inside another", got.body, got.cut)
		}
	})
}

// The end of a chunked stream is marked: nothing is held against one that lacks
// the event that usually comes last.
func TestRow24ChunkedStreamEndsCleanly(t *testing.T) {
	eachDialect(t, func(t *testing.T, d dialect) {
		got, _ := d.stream(t, 0, func(p *peer) { p.Write([]byte(chunkedHead + chunk(d.event) + "0\r\n\r\n")) })
		d.whole(t, got, d.event)
		got, _ = d.stream(t, 0, func(p *peer) { p.Write([]byte(chunkedHead + chunk(d.event+d.terminal) + "0\r\n\r\n")) })
		d.whole(t, got, d.event+d.terminal)
	})
}

// A reset says as little of the end as a close.
func TestRow24StreamReset(t *testing.T) {
	d := dialects[0]
	seen := make(chan struct{})
	o := newOrigin(t, false, func(p *peer) {
		p.request()
		p.Write([]byte(chunkedHead + chunk(d.event)))
		p.wait(seen)
		p.reset()
	})
	r := newRig(t, o.config(), func(s *settings.Settings) { s.Upstreams[0].Kind = d.kind }, o.url)
	resp, err := http.Post(r.url+d.path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, len(d.event))
	if _, err := resp.Body.Read(first); err != nil {
		t.Fatal(err)
	}
	close(seen)
	body, cut := readToCut(resp.Body)
	d.told(t, answer{body: string(first) + body, cut: cut}, d.event, pool.CodeReset)
	o.executed(d.path, 1)
}

// Row 27: a stream that ends with its connection is whole only if its last event came.
func TestRow27StreamEndsWithItsConnection(t *testing.T) {
	eachDialect(t, func(t *testing.T, d dialect) {
		got, _ := d.stream(t, 0, func(p *peer) { p.Write([]byte(closedHead + d.event + d.terminal)) })
		d.whole(t, got, d.event+d.terminal)

		got, r := d.stream(t, 0, func(p *peer) { p.Write([]byte(closedHead + d.event)) })
		d.told(t, got, d.event, pool.CodeClosed)
		streamError(t, r)

		half := d.terminal[:3]
		got, r = d.stream(t, 0, func(p *peer) { p.Write([]byte(closedHead + d.event + half)) })
		d.cut(t, got, d.event+half)
		streamError(t, r)
	})
}

// Row 31: a stream that stalls is given up after the idle time.
func TestRow31StreamStalls(t *testing.T) {
	const idle = 100 * time.Millisecond
	for _, d := range dialects[:3] {
		t.Run(d.name, func(t *testing.T) {
			for _, head := range []string{chunkedHead, closedHead} {
				framed := func(text string) []byte {
					if head == closedHead {
						return []byte(head + text)
					}
					return []byte(head + chunk(text))
				}
				got, r := d.stream(t, idle, func(p *peer) { p.Write(framed(d.event)); p.left() })
				d.told(t, got, d.event, pool.CodeStreamIdle)
				streamError(t, r)
				r.evicted(pool.NotReusable, 1)

				got, r = d.stream(t, idle, func(p *peer) { p.Write(framed(d.event[:5])); p.left() })
				d.cut(t, got, d.event[:5])
				streamError(t, r)
			}
			got, _ := d.stream(t, idle, func(p *peer) { p.Write([]byte(chunkedHead)); p.left() })
			d.told(t, got, "", pool.CodeStreamIdle)
		})
	}
}

// Pings keep a stream alive for longer than the idle time.
func TestRow31PingsKeepAStreamAlive(t *testing.T) {
	const idle, pings = 500 * time.Millisecond, 9
	d := dialects[0]
	ping := "event: ping\ndata: {\"type\": \"ping\"}\n\n"
	got, _ := d.stream(t, idle, func(p *peer) {
		p.Write([]byte(chunkedHead + chunk(d.event)))
		tick := time.NewTicker(idle / (pings - 2))
		defer tick.Stop()
		for range pings {
			<-tick.C
			p.Write([]byte(chunk(ping)))
		}
		p.Write([]byte(chunk(d.terminal) + "0\r\n\r\n"))
	})
	d.whole(t, got, d.event+strings.Repeat(ping, pings)+d.terminal)
}

// An answer that begins before the request was sent whole has the same limit.
func TestRow31StallBehindALongRequest(t *testing.T) {
	const idle = 100 * time.Millisecond
	d := dialects[0]
	o := newOrigin(t, false, func(p *peer) {
		req := p.head()
		p.Write([]byte(chunkedHead + chunk(d.event)))
		io.Copy(io.Discard, req.Body)
		p.execute(req)
		p.left()
	})
	r := newRig(t, o.config(), func(s *settings.Settings) {
		s.Upstreams[0].Kind = d.kind
		s.Timeouts.StreamIdle = idle
	}, o.url)
	d.told(t, r.send(r.request("POST", d.path, large())), d.event, pool.CodeStreamIdle)
	o.executed(d.path, 1)
}
