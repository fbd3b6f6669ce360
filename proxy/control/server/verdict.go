package server

import (
	"context"
	"net/http"

	"millpond/proxy/control"
)

// Trials are the part of a Backend that judges transports and compares them. Its refusals
// are *control.Error, or control.ErrStale.
type Trials interface {
	Verdict(ctx context.Context) (control.Verdict, error)
	StartTrial(ctx context.Context, q control.TrialRequest) (control.Trial, error)
	EndTrial(id string) error
	ApplyTrial(revision uint64, id string) error
	UndoTrial(revision uint64, id string) error
}

func (h *handlers) verdict(w http.ResponseWriter, r *http.Request) {
	v, err := h.backend.Verdict(r.Context())
	if err != nil {
		finish(w, err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

func (h *handlers) startTrial(w http.ResponseWriter, r *http.Request) {
	var question control.TrialRequest
	if !readJSON(w, r, &question) {
		return
	}
	t, err := h.backend.StartTrial(r.Context(), question)
	if err != nil {
		finish(w, err)
		return
	}
	writeJSON(w, http.StatusOK, t)
}

func (h *handlers) endTrial(w http.ResponseWriter, r *http.Request) {
	var question control.TrialID
	if readJSON(w, r, &question) {
		finish(w, h.backend.EndTrial(question.ID))
	}
}

func (h *handlers) applyTrial(w http.ResponseWriter, r *http.Request) {
	var question control.TrialEdit
	if readJSON(w, r, &question) {
		finish(w, h.backend.ApplyTrial(question.Revision, question.ID))
	}
}

func (h *handlers) undoTrial(w http.ResponseWriter, r *http.Request) {
	var question control.TrialEdit
	if readJSON(w, r, &question) {
		finish(w, h.backend.UndoTrial(question.Revision, question.ID))
	}
}
