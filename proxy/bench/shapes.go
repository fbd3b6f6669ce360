package bench

import (
	"fmt"
	"slices"
	"time"
)

// The shapes of traffic that Compare knows.
const (
	shapeRequests  = "requests"  // connections that stay, once for each number of them
	shapeTLS       = "tls"       // the same to an upstream over TLS
	shapeReconnect = "reconnect" // a connection for each request, to an upstream over TLS and some way off
	shapeStream    = "stream"    // event streams
	shapeMemory    = "memory"    // event streams that wait
)

// Shapes lists them in the order of the report.
func Shapes() []string {
	return []string{shapeRequests, shapeTLS, shapeReconnect, shapeStream, shapeMemory}
}

const (
	compareRoundTrip = 20 * time.Millisecond // of shape reconnect
	compareEvery     = 5 * time.Millisecond  // between two chunks of shape stream
	progressStep     = 10_000                // what a run counts for in the progress, whatever its shape
)

// A shape is traffic with its numbers, of which CompareConfig makes several.
type shape struct {
	name        string
	connections int // to the proxy at one time, each with one request or stream
	requests    int // or streams, in each round
	chunks      int // of each stream; 0: answers are no streams
	settle      time.Duration
	everyone    bool // all proxies are compared, also those that are onlyFirst
}

// shapes returns what is to be measured, in the order of the report.
func (c CompareConfig) shapes() (list []shape) {
	for _, name := range Shapes() {
		if !slices.Contains(c.Shapes, name) {
			continue
		}
		s := shape{name: name, connections: c.Connections[0], requests: max(c.Requests, 10*c.Connections[0])}
		switch name {
		case shapeRequests:
			for i, n := range c.Connections {
				s.connections, s.requests, s.everyone = n, max(c.Requests, 10*n), i == 0
				list = append(list, s)
			}
			continue
		case shapeReconnect: // each takes the round trip, so fewer
			s.requests /= 5
		case shapeStream: // about as many chunks as requests, and every connection as many streams
			s.chunks = c.Chunks
			s.requests = s.connections * max(1, c.Requests/(c.Chunks*s.connections))
		case shapeMemory:
			s.connections, s.requests, s.chunks, s.settle = c.Streams, c.Streams, 2, c.settle
		}
		list = append(list, s)
	}
	return list
}

// secure reports whether the upstream speaks TLS.
func (s shape) secure() bool { return s.name == shapeTLS || s.name == shapeReconnect }

// title says what a shape is, for a person.
func (s shape) title() string {
	switch s.name {
	case shapeTLS:
		return "TLS upstream, " + connections(s.connections)
	case shapeReconnect:
		return fmt.Sprintf("callers that reconnect, TLS upstream %v away", compareRoundTrip)
	case shapeStream:
		return fmt.Sprintf("event streams, %d at one time", s.connections)
	case shapeMemory:
		return "event streams that wait"
	}
	return connections(s.connections)
}

// how says what a reader must know of a shape.
func (s shape) how() string {
	switch s.name {
	case shapeTLS:
		return "every proxy verifies the certificate of the upstream, which speaks TLS 1.3."
	case shapeReconnect:
		return fmt.Sprintf("a caller opens a connection for each request, %d at one time. The upstream, as in shape tls, is behind a relay that delays every byte.", s.connections)
	case shapeStream:
		return fmt.Sprintf("%d chunks of about %d bytes in each stream, one every %v. The streams begin one after the other, so that their chunks do not come together; times are those of a chunk from the upstream's write to the client's read.", s.chunks, len(eventText)+20, compareEvery)
	case shapeMemory:
		return fmt.Sprintf("each proxy is started anew for each round and answers one request; then %d streams begin, and what it has grown by when they have waited for %v is divided by them.", s.connections, s.settle)
	}
	return ""
}

func connections(n int) string {
	if n == 1 {
		return "1 connection"
	}
	return number(n) + " connections"
}

// step is how much one request counts for in the progress.
func (s shape) step() int { return max(1, progressStep/s.requests) }

// site returns the upstream of a shape, and what it serves.
func (s shape) site(cert *certificate) (siteConfig, *constant, *source) {
	config := siteConfig{workers: 1}
	if s.secure() {
		config.tls = cert
	}
	if s.name == shapeReconnect {
		config.roundTrip = compareRoundTrip
	}
	if s.chunks == 0 {
		up := &constant{}
		config.handler = up
		return config, up, nil
	}
	up := &source{StreamConfig: StreamConfig{Streams: s.connections, Events: s.chunks, Every: compareEvery}, epoch: time.Now()}
	if s.name == shapeMemory {
		up.hold = make(chan struct{})
	}
	config.handler = up
	return config, nil, up
}
