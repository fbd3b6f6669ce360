package control

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"millpond/settings"
)

// API is the version of the control protocol. It grows when a peer of an older version
// could misunderstand a newer one; new addresses and fields alone do not need it, since
// both sides ignore the fields that they do not know.
const API = 1

// MinAPI is the oldest version that this program still understands and can talk to.
const MinAPI = 1

// The header fields in which both sides tell API and MinAPI, and the daemon its program's
// version. A peer that tells nothing is of version 1.
const (
	HeaderAPI     = "Millpond-Api"
	HeaderMinAPI  = "Millpond-Min-Api"
	HeaderVersion = "Millpond-Version"
)

// ErrDaemonOlder says that the daemon is too old for what it was asked: it must be
// updated, or started again after an update.
var ErrDaemonOlder = errors.New("the daemon is too old for this program")

// ErrClientOlder says that this program is too old for the daemon and must be updated.
var ErrClientOlder = errors.New("this program is too old for the daemon")

// Versions reads what a peer tells of itself: its protocol, and the oldest that it
// understands.
func Versions(h http.Header) (api, least int) {
	api, least = 1, 1
	if n, err := strconv.Atoi(h.Get(HeaderAPI)); err == nil {
		api = n
	}
	if n, err := strconv.Atoi(h.Get(HeaderMinAPI)); err == nil {
		least = n
	}
	return api, least
}

// TellVersions writes into h what Versions reads.
func TellVersions(h http.Header) {
	h.Set(HeaderAPI, strconv.Itoa(API))
	h.Set(HeaderMinAPI, strconv.Itoa(MinAPI))
}

// judgePeer returns the refusal to go on with a daemon of another version, nil when we
// understand one another.
func judgePeer(h http.Header) error {
	api, least := Versions(h)
	switch {
	case least > API:
		return clientOlder(h)
	case api < MinAPI:
		return daemonOlder(h, "and cannot answer it")
	}
	return nil
}

func clientOlder(h http.Header) *Error {
	return &Error{Status: http.StatusUpgradeRequired, Code: CodeClientOlder,
		Message: fmt.Sprintf("this program is older than the daemon%s and does not understand it; update this program", versionOf(h))}
}

// daemonOlder says that the daemon is the older one, and what follows from that.
func daemonOlder(h http.Header, lack string) *Error {
	return &Error{Status: http.StatusUpgradeRequired, Code: CodeDaemonOlder,
		Message: fmt.Sprintf("the daemon%s is older than this program %s; update the daemon, or start it again if that was done", versionOf(h), lack)}
}

// versionOf returns the version that a daemon tells, in parentheses.
func versionOf(h http.Header) string {
	if v := h.Get(HeaderVersion); v != "" {
		return " (version " + v + ")"
	}
	return ""
}

// explain turns a refusal that only comes of an older daemon into one that says so: an
// address that it does not know, and settings that it does not know, since ours come
// from a program and are never misspelt.
func explain(e *Error, answer *http.Response) *Error {
	if e.Status == http.StatusNotFound && e.Code == CodeUnknown {
		return daemonOlder(answer.Header, "and does not know "+answer.Request.Method+" "+answer.Request.URL.Path)
	}
	for _, f := range e.Fields {
		if f.Problem == settings.UnknownKey {
			return daemonOlder(answer.Header, "and does not know the setting "+f.Path)
		}
	}
	return e
}
