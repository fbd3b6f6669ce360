package server

import (
	"bytes"
	"net/http"
	"strconv"

	"millpond/proxy/control"
)

// log sends lines of the log, each as a JSON text on a line of its own.
func (h *handlers) log(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	n, err := linesOf(q.Get("lines"))
	follow, err2 := strconv.ParseBool(orZero(q.Get("follow")))
	if err != nil || err2 != nil {
		refuse(w, http.StatusBadRequest, "malformed", "lines must be a number from 0 to "+strconv.Itoa(control.MostLogLines)+", and follow 0 or 1")
		return
	}
	out := &lineWriter{w: w}
	err = h.backend.Log(r.Context(), n, follow, func(lines []string) error {
		for _, line := range lines {
			out.add(line)
		}
		out.flush()
		return r.Context().Err()
	})
	if err != nil && !out.begun {
		finish(w, err)
	}
}

// linesOf reads how many lines are asked for.
func linesOf(text string) (int, error) {
	n, err := strconv.Atoi(orZero(text))
	if err == nil && (n < 0 || n > control.MostLogLines) {
		err = strconv.ErrRange
	}
	return n, err
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// history sends how requests went over a window.
func (h *handlers) history(w http.ResponseWriter, r *http.Request) {
	series, err := h.backend.HistoryOf(r.Context(), r.URL.Query().Get("window"), r.URL.Query().Get("upstream"))
	if err != nil {
		finish(w, err)
		return
	}
	writeJSON(w, http.StatusOK, series)
}

// diagnostics sends the bundle, whole or not at all. It is a few hundred KB.
func (h *handlers) diagnostics(w http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	if err := h.backend.Diagnostics(r.Context(), &out); err != nil {
		finish(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	_, _ = w.Write(out.Bytes()) // a client that left needs no answer
}
