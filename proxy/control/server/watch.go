package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Bounds of the pace of a watch, and the pace when none is asked for.
const (
	paceLeast   = 100 * time.Millisecond
	paceDefault = time.Second
	paceMost    = time.Minute
)

// watch sends the present status as a line of JSON, then the newest whenever it
// differs, no more often than the client asked. A status is taken when the last
// one has been written, so a slow client skips and holds nothing here. A change
// other than of the counts is sent at once.
func (h *handlers) watch(w http.ResponseWriter, r *http.Request) {
	pace, err := paceOf(r.URL.Query().Get("every"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "malformed", "every must be a duration such as 1s")
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	var last []byte
	for {
		changed := h.backend.Changed() // before Status, so that no change is missed
		line, err := json.Marshal(h.backend.Status())
		if err != nil {
			return
		}
		if !bytes.Equal(line, last) {
			if _, err := w.Write(append(line, '\n')); err != nil {
				return
			}
			if err := flush.Flush(); err != nil {
				return
			}
			last = line
		}
		if !wait(r.Context(), changed, tick.C) {
			return
		}
	}
}

// wait returns when there may be something new to send, and reports false when
// the watch has ended.
func wait(ctx context.Context, changed <-chan struct{}, tick <-chan time.Time) bool {
	select {
	case <-ctx.Done():
		return false
	case <-changed:
		return true
	case <-tick:
		return true
	}
}

// paceOf reads the pace that a client asked for and keeps it within bounds.
func paceOf(every string) (time.Duration, error) {
	if every == "" {
		return paceDefault, nil
	}
	pace, err := time.ParseDuration(every)
	if err != nil {
		return 0, err
	}
	return min(max(pace, paceLeast), paceMost), nil
}
