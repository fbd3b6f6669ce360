package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Workers is how many A2A workers the demo upstream has: /worker-1/ to /worker-32/.
const Workers = 32

// IDHeader names a request for Executed. A request without it is served but not told apart.
const IDHeader = "Demo-Request-Id"

const (
	maxBody = 64 << 20 // bytes that a request body may have
	maxIDs  = 100_000  // identifiers remembered for Executed; later ones are not counted
)

// Config is the pace of the demo upstream. The zero value answers at once with one word.
type Config struct {
	Words     int           // length of an answer; a client's own limit may make it shorter; at least 1
	FirstWord time.Duration // before the first byte of an answer
	Word      time.Duration // between two words of a stream; an answer sent whole takes as long
	Jitter    float64       // 0.2 makes each of these waits up to 20 % longer or shorter
}

// Realistic is the pace of a quick model: a first word after 150 ms and 40 words a second.
func Realistic() Config {
	return Config{Words: 40, FirstWord: 150 * time.Millisecond, Word: 25 * time.Millisecond, Jitter: 0.3}
}

// An Upstream answers like several providers at once. Use NewUpstream.
type Upstream struct {
	cfg    Config
	routes *http.ServeMux
	total  atomic.Int64

	mu       sync.Mutex // guards executed
	executed map[string]int
}

// NewUpstream returns the demo upstream as a handler; Serve puts it on a socket.
func NewUpstream(cfg Config) *Upstream {
	cfg.Words = max(cfg.Words, 1)
	u := &Upstream{cfg: cfg, routes: http.NewServeMux(), executed: map[string]int{}}
	u.anthropicRoutes()
	u.openAIRoutes()
	u.geminiRoutes()
	u.workerRoutes()
	u.routes.HandleFunc("GET /v1/models", u.models)
	return u
}

// ServeHTTP counts the request and answers it in the shape that its path asks for.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.total.Add(1)
	if id := r.Header.Get(IDHeader); id != "" {
		u.count(id)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	u.routes.ServeHTTP(w, r)
}

func (u *Upstream) count(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, known := u.executed[id]; known || len(u.executed) < maxIDs {
		u.executed[id]++
	}
}

// Executed returns how many requests came with IDHeader set to id.
func (u *Upstream) Executed(id string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.executed[id]
}

// Requests returns how many requests came in all.
func (u *Upstream) Requests() int64 { return u.total.Load() }

// Serve answers on l, which it closes, until ctx is done; then it breaks off what is in flight.
// It returns nil when ctx ended it.
func (u *Upstream) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: u, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 15 * time.Minute}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the demo upstream: %w", err)
	}
	return nil
}

// pause waits for d, give or take the jitter. It reports false when the client left.
func (u *Upstream) pause(ctx context.Context, d time.Duration) bool {
	d += time.Duration((2*rand.Float64() - 1) * u.cfg.Jitter * float64(d))
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// An answer is what the demo invents for one request, before a provider gives it a shape.
type answer struct {
	id    string
	model string
	words []string // each with the space before it, so that they join without one
	input int      // tokens of the question, guessed at four bytes each
}

func (a *answer) text() string { return strings.Join(a.words, "") }

// story is what every answer tells, over and over.
var story = strings.Fields(`A millpond is the pool that keeps a mill supplied. The stream may come
in fits, after rain or after drought, but the wheel below turns at its own even pace, because the
water is there already when it is wanted. So it is with connections: they are opened before they
are needed, kept while they are sound, and let go before the other side closes them.`)

// answer invents an answer of at most limit words; a limit of 0 is none.
func (u *Upstream) answer(prefix, model string, input, limit int) *answer {
	n := u.cfg.Words
	if limit > 0 {
		n = min(n, limit)
	}
	a := &answer{id: fmt.Sprintf("%s%016x", prefix, rand.Uint64()), model: model, input: input/4 + 1}
	for i := range n {
		word := story[i%len(story)]
		if i > 0 {
			word = " " + word
		}
		a.words = append(a.words, word)
	}
	return a
}

// whole waits as long as the answer takes to be made. It reports false when the client left.
func (u *Upstream) whole(ctx context.Context, a *answer) bool {
	return u.pause(ctx, u.cfg.FirstWord+time.Duration(len(a.words)-1)*u.cfg.Word)
}

// each calls send for every word, at the pace of the configuration, until the client leaves.
func (u *Upstream) each(ctx context.Context, a *answer, send func(i int, word string) error) error {
	for i, word := range a.words {
		if i > 0 && !u.pause(ctx, u.cfg.Word) {
			return context.Cause(ctx)
		}
		if err := send(i, word); err != nil {
			return err
		}
	}
	return nil
}

// read decodes the JSON body of r into v and returns its size in bytes.
func read(r *http.Request, v any) (size int, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, fmt.Errorf("read the body: %w", err)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return 0, fmt.Errorf("the body is not the JSON that is expected here: %w", err)
	}
	return len(body), nil
}

// reply sends v as JSON.
func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have left, which ServeHTTP cannot report
}

// object is a JSON object; the answers are too many and too small to have types of their own.
type object = map[string]any

// events writes a stream of server-sent events, each flushed at once.
type events struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

// startEvents sends the head of a stream.
func startEvents(w http.ResponseWriter) *events {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return &events{w: w, out: http.NewResponseController(w)}
}

// send writes one event; one without a name has only data.
func (e *events) send(name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return e.raw(name, string(body))
}

// raw writes one event whose data is a line of text.
func (e *events) raw(name, data string) error {
	if name != "" {
		name = "event: " + name + "\n"
	}
	if _, err := io.WriteString(e.w, name+"data: "+data+"\n\n"); err != nil {
		return err
	}
	return e.out.Flush()
}
