package server

import (
	"net/http"

	"millpond/proxy/control"
)

func (h *handlers) advice(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, h.backend.Advice())
}

// take answers a question that applies one thing of a list, or takes it back.
func (h *handlers) take(do func(revision uint64, id string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q control.Taking
		if !readJSON(w, r, &q) {
			return
		}
		if q.ID == "" {
			refuse(w, http.StatusBadRequest, "malformed", "the question must have a revision and an id")
			return
		}
		finish(w, do(q.Revision, q.ID))
	}
}
