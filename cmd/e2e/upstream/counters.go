package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"sync"
)

// idHeader names a request, so that executions can be counted apart.
const idHeader = "Test-Id"

// Counters is what the tests ask for at the control address.
//
//	GET  /             the counters as JSON
//	POST /release/ID   lets the held request ID go on
type counters struct {
	mu       sync.Mutex // guards all below
	counts   counts
	released map[string]chan struct{}
}

// counts is the JSON of GET /.
type counts struct {
	Requests  int
	Dials     int            // connections accepted
	Open      int            // connections open now
	Executed  map[string]int // requests by Test-Id
	Cancelled map[string]int // requests by Test-Id whose client left before the answer was complete
	Protocols map[string]int // requests by protocol, as "HTTP/1.1"
}

func newCounters() *counters {
	return &counters{
		counts:   counts{Executed: map[string]int{}, Cancelled: map[string]int{}, Protocols: map[string]int{}},
		released: map[string]chan struct{}{},
	}
}

// counted counts each request before next serves it, and afterwards whether its client had left.
func (c *counters) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(idHeader)
		c.mu.Lock()
		c.counts.Requests++
		c.counts.Executed[id]++
		c.counts.Protocols[r.Proto]++
		c.mu.Unlock()
		defer func() {
			if r.Context().Err() != nil {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.counts.Cancelled[id]++
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func (c *counters) connState(_ net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.counts.Dials++
		c.counts.Open++
	case http.StateClosed, http.StateHijacked:
		c.counts.Open--
	}
}

// gate returns the channel that is closed when the request is released.
func (c *counters) gate(id string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.released[id] == nil {
		c.released[id] = make(chan struct{})
	}
	return c.released[id]
}

// held waits until the request is released. It reports false when the client left before that.
func (c *counters) held(r *http.Request) bool {
	select {
	case <-c.gate(r.Header.Get(idHeader)):
		return true
	case <-r.Context().Done():
		return false
	}
}

// ServeHTTP is the control address.
func (c *counters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, ok := strings.CutPrefix(r.URL.Path, "/release/"); ok {
		close(c.gate(id))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c.counts) // the test sees what is missing
}
