package server

import (
	"net/http"

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
	report, err := h.backend.Probe(r.Context(), question, func(p control.ProbeProgress) {
		lines.add(control.ProbeLine{Progress: &p})
		lines.flush()
	})
	if err != nil {
		finish(w, err)
		return
	}
	lines.add(control.ProbeLine{Report: report})
	lines.end()
}
