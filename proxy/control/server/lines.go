package server

import (
	"encoding/json"
	"net/http"
	"sync"
)

// A lineWriter answers in lines of JSON. Its methods are called by many goroutines.
// Writing fails only when the client has left, which ends the question by its context.
type lineWriter struct {
	mu    sync.Mutex          // held over writing, so that lines do not mix
	w     http.ResponseWriter // nil after the end; guarded by mu
	begun bool                // guarded by mu
}

// add puts a line into the answer.
func (l *lineWriter) add(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beginLocked() {
		_, _ = l.w.Write(append(text, '\n'))
	}
}

// flush sends what was added.
func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beginLocked() {
		_ = http.NewResponseController(l.w).Flush()
	}
}

// beginLocked reports whether the answer goes on.
func (l *lineWriter) beginLocked() bool {
	if l.w != nil && !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	return l.w != nil
}

// end makes later lines go nowhere: a handler's answer is over when it returns.
func (l *lineWriter) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w = nil
}
