package server

import (
	"encoding/json"
	"net/http"
	"sync"

	"millpond/proxy/control"
)

// probe tests an upstream and tells of each step as a line of JSON, and at last of what
// was found. A client that leaves ends the test.
func (h *handlers) probe(w http.ResponseWriter, r *http.Request) {
	var question control.ProbeRequest
	if !readJSON(w, r, &question) {
		return
	}
	lines := &lineWriter{w: w}
	report, err := h.backend.Probe(r.Context(), question, func(p control.ProbeProgress) { lines.write(control.ProbeLine{Progress: &p}) })
	if err != nil {
		finish(w, err)
		return
	}
	lines.write(control.ProbeLine{Report: report})
	lines.end()
}

// A lineWriter answers in lines of JSON, each of which arrives at once. Its methods are
// called by many goroutines.
type lineWriter struct {
	mu    sync.Mutex          // held over writing, so that lines do not mix
	w     http.ResponseWriter // nil after the end; guarded by mu
	begun bool                // guarded by mu
}

// write sends a line. Writing fails only when the client has left, which ends the
// question by its context.
func (l *lineWriter) write(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.w == nil {
		return
	}
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	_, _ = l.w.Write(append(text, '\n'))
	_ = http.NewResponseController(l.w).Flush()
}

// end makes later lines go nowhere: a handler's answer is over when it returns.
func (l *lineWriter) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = nil
}
