package control

import (
	"errors"
	"strings"

	"millpond/settings"
)

// ErrNotRunning says that no daemon listens on the control socket.
var ErrNotRunning = errors.New("the daemon is not running")

// ErrStale says that an edit was made from a revision that is no longer the
// present one: someone else has changed the settings meanwhile.
var ErrStale = errors.New("the settings were changed by someone else meanwhile")

// ErrInUse says that a socket is already being listened on.
var ErrInUse = errors.New("the socket is in use")

// ErrPeer says that the process at the other end belongs to another user.
var ErrPeer = errors.New("the socket's peer is another user")

// The codes of Error that the client tells apart.
const (
	CodeStale       = "stale"        // with status 409
	CodeInvalid     = "invalid"      // with status 422
	CodeUnknown     = "unknown"      // with status 404: the address is not known
	CodeDaemonOlder = "daemon_older" // with status 426
	CodeClientOlder = "client_older" // with status 426

	CodeNoAdvice       = "no_advice"        // with status 404: the situation is over, or was never there
	CodeNothingToApply = "nothing_to_apply" // with status 409: only a person can act on it
	CodeChangedSince   = "changed_since"    // with status 409: it cannot be undone without losing a person's change
)

// Error is a refusal by the daemon.
type Error struct {
	Status  int                    `json:"-"`                // of HTTP
	Code    string                 `json:"code"`             // stable, for programs
	Message string                 `json:"message"`          // a sentence in English
	Fields  []*settings.FieldError `json:"fields,omitempty"` // with CodeInvalid: every setting that is wrong
}

// Error gives the sentence and the settings that are wrong, one to a line.
func (e *Error) Error() string {
	lines := []string{e.Message}
	for _, f := range e.Fields {
		lines = append(lines, f.Error())
	}
	return strings.Join(lines, "\n")
}

// Is reports whether e is the refusal that target stands for, so that errors.Is(err,
// ErrStale) holds across the socket.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrStale:
		return e.Code == CodeStale
	case ErrDaemonOlder:
		return e.Code == CodeDaemonOlder
	case ErrClientOlder:
		return e.Code == CodeClientOlder
	}
	return false
}
