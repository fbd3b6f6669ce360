package router

import (
	"fmt"
	"net/http"
)

// An Error is the answer to a request that has nowhere to go. Two are the same for errors.Is when their
// codes are.
type Error struct {
	Status  int    // the HTTP status
	Code    string // stable, as in X-Millpond-Error
	Message string // what to do
}

// What Match refuses.
var (
	ErrNoUpstream = &Error{http.StatusNotFound, "no_upstream",
		"no upstream is enabled; add one with \"millpondd upstream add\" or enable one in the settings"}
	ErrUnknownName = &Error{http.StatusNotFound, "unknown_upstream",
		"no upstream has that name"}
	ErrForwardRefused = &Error{http.StatusForbidden, "forward_refused",
		"forward mode does not allow that host"}
	ErrLoop = &Error{http.StatusLoopDetected, "loop",
		"the request would come back to Millpond itself"}
	ErrBadTarget = &Error{http.StatusBadRequest, "malformed_request",
		"the request target is neither a path nor an absolute http URL"}
)

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Is reports whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// with returns e with another message.
func (e *Error) with(format string, args ...any) *Error {
	return &Error{e.Status, e.Code, fmt.Sprintf(format, args...)}
}

func unknownUpstream(name, known string) *Error {
	if known == "" {
		return ErrUnknownName.with("no upstream is named %.64q, and none is enabled", name)
	}
	return ErrUnknownName.with("no upstream is named %.64q; there are: %s", name, known)
}

func disabledUpstream(name, known string) *Error {
	if known == "" {
		known = "none"
	}
	return ErrUnknownName.with("the upstream %q is switched off; enabled are: %s", name, known)
}
