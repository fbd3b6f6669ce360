// Package server answers on the control socket: it turns HTTP into calls of a
// Backend and the Backend's errors into answers that control.Client understands.
//
// It keeps no state and decides nothing but who may ask. A browser may not: a
// page could reach a forwarded socket, so any Origin or Referer, and a Host
// other than control.Host, is refused.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// A Backend is the daemon as its handlers see it. Its methods are called by
// many goroutines at once.
type Backend interface {
	Trials
	// Status returns the present status; the caller may keep it.
	Status() control.Status
	// Changed returns a channel that is closed when something other than the
	// counts changes next.
	Changed() <-chan struct{}
	// Pause begins or ends a pause.
	Pause(paused bool) error
	// PutSettings validates, builds, saves and applies s, or changes nothing.
	// It returns control.ErrStale when revision is not the present one, and
	// *settings.FieldError, joined, for values that are wrong.
	PutSettings(revision uint64, s *settings.Settings) error
	// FlushIdle closes the idle connections to the upstreams.
	FlushIdle()
	// Probe tests an upstream and calls step, from several goroutines, as each step
	// begins. It returns an error, before any step, when there is nothing to test.
	Probe(ctx context.Context, q control.ProbeRequest, step func(control.ProbeProgress)) (*control.ProbeReport, error)
	// Log calls do for the last lines of the log, once even when there are none, and
	// then for those that are added, if it is to follow, until ctx is done.
	Log(ctx context.Context, lines int, follow bool, do func(lines []string) error) error
	// Diagnostics writes a zip archive without secrets.
	Diagnostics(ctx context.Context, w io.Writer) error
	// HistoryOf returns how requests went over a window: of all upstreams when the name
	// is "", else of one.
	HistoryOf(ctx context.Context, window, upstream string) (control.Series, error)
	// Advice returns what would make things better, and what became of what was applied.
	Advice() control.Advice
	// ApplyAdvice and UndoAdvice change the settings as PutSettings does. They return a
	// *control.Error for what is not there, cannot be applied, or was changed since.
	ApplyAdvice(revision uint64, id string) error
	UndoAdvice(revision uint64, id string) error
}

// Limits of the socket. Its clients are our own programs, so these only keep a
// broken one from holding on to memory.
const (
	maxQuestion = 4 << 20          // bytes of a body
	headTimeout = 10 * time.Second // for the head of a question
	idleTimeout = 5 * time.Minute  // of a connection without a question
	drainTime   = 2 * time.Second  // for answers under way when the daemon stops
	sendBuffer  = 16 << 10         // bytes that the kernel keeps for a client
)

// Serve answers on l from b until ctx is done, and closes l. Watches end then,
// and other answers under way are finished.
func Serve(ctx context.Context, l net.Listener, b Backend) error { return serve(ctx, l, New(b)) }

// ServePublic is Serve for users who may not change anything: it answers the status alone, and of
// that what is public.
func ServePublic(ctx context.Context, l net.Listener, b Backend) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, b.Status().Public())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "public", "only an administrator may do this")
	})
	return serve(ctx, l, guard(b.Status().Version, mux))
}

func serve(ctx context.Context, l net.Listener, answers http.Handler) error {
	s := &http.Server{
		Handler:           answers,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       keepShort,
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       idleTimeout,
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		// The documented shutdown: ctx is done, so it cannot bound the wait.
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		if s.Shutdown(wait) != nil {
			_ = s.Close() // cuts off a client that does not read
		}
	})
	err := s.Serve(l)
	if !stop() {
		<-stopped
		return nil
	}
	return fmt.Errorf("serve the control socket: %w", errors.Join(err, s.Close()))
}

// keepShort bounds what the kernel holds of answers that a client has not read,
// so that a watcher which was stopped for a while finds new states, not old ones.
func keepShort(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(*net.UnixConn); ok {
		_ = u.SetWriteBuffer(sendBuffer)
	}
	return ctx
}

// New returns the handler of the control socket.
func New(b Backend) http.Handler {
	h := &handlers{backend: b}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", h.status)
	mux.HandleFunc("GET /v1/watch", h.watch)
	mux.HandleFunc("POST /v1/pause", h.pause)
	mux.HandleFunc("POST /v1/resume", h.resume)
	mux.HandleFunc("POST /v1/flush-idle", h.flushIdle)
	mux.HandleFunc("PUT /v1/settings", h.putSettings)
	mux.HandleFunc("POST /v1/probe", h.probe)
	mux.HandleFunc("GET /v1/log", h.log)
	mux.HandleFunc("GET /v1/history", h.history)
	mux.HandleFunc("GET /v1/diagnostics", h.diagnostics)
	mux.HandleFunc("GET /v1/advice", h.advice)
	mux.HandleFunc("POST /v1/advice/apply", h.take(b.ApplyAdvice))
	mux.HandleFunc("POST /v1/advice/undo", h.take(b.UndoAdvice))
	mux.HandleFunc("GET /v1/verdict", h.verdict)
	mux.HandleFunc("POST /v1/trials", h.startTrial)
	mux.HandleFunc("POST /v1/trials/end", h.endTrial)
	mux.HandleFunc("POST /v1/trials/apply", h.applyTrial)
	mux.HandleFunc("POST /v1/trials/undo", h.undoTrial)
	mux.HandleFunc("/", h.unknown)
	return guard(b.Status().Version, mux)
}

// guard refuses what comes from a browser, was meant for another host, or is of a
// version that we do not understand, and tells ours.
func guard(version string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control.TellVersions(w.Header())
		w.Header().Set(control.HeaderVersion, version)
		api, least := control.Versions(r.Header)
		switch {
		case len(r.Header.Values("Origin")) > 0, len(r.Header.Values("Referer")) > 0:
			refuse(w, http.StatusForbidden, "browser", "the control socket does not answer to web pages")
		case r.Host != control.Host:
			refuse(w, http.StatusForbidden, "host", "the control socket answers only to the host "+control.Host)
		case api < control.MinAPI:
			refuse(w, http.StatusUpgradeRequired, control.CodeClientOlder, "this program is older than the daemon (version "+version+") and does not understand it; update this program")
		case least > control.API:
			refuse(w, http.StatusUpgradeRequired, control.CodeDaemonOlder, "the daemon (version "+version+") is older than this program and cannot answer it; update the daemon, or start it again if that was done")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// handlers answer the questions. Their field is constant.
type handlers struct{ backend Backend }

func (h *handlers) status(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, h.backend.Status())
}

func (h *handlers) pause(w http.ResponseWriter, _ *http.Request) {
	finish(w, h.backend.Pause(true))
}

func (h *handlers) resume(w http.ResponseWriter, _ *http.Request) {
	finish(w, h.backend.Pause(false))
}

func (h *handlers) flushIdle(w http.ResponseWriter, _ *http.Request) {
	h.backend.FlushIdle()
	finish(w, nil)
}

func (h *handlers) putSettings(w http.ResponseWriter, r *http.Request) {
	var edit struct {
		Revision uint64          `json:"revision"`
		Settings json.RawMessage `json:"settings"`
	}
	if !readJSON(w, r, &edit) {
		return
	}
	if len(edit.Settings) == 0 || string(edit.Settings) == "null" {
		refuse(w, http.StatusBadRequest, "malformed", "the edit must be one object with revision and settings")
		return
	}
	lacking, err := settings.Lacking(edit.Settings)
	var next settings.Settings
	if err == nil {
		err = json.Unmarshal(edit.Settings, &next)
	}
	switch {
	case err != nil:
		finish(w, err)
	case len(lacking) > 0: // they would be lost
		refuse(w, http.StatusUpgradeRequired, control.CodeClientOlder,
			"this program is older than the daemon and does not know the setting "+lacking[0]+"; update this program")
	default:
		finish(w, h.backend.PutSettings(edit.Revision, &next))
	}
}

func (h *handlers) unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, control.CodeUnknown, "this daemon does not know "+r.Method+" "+r.URL.Path)
}
