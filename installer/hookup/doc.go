// Package hookup points an agent's own settings at Millpond and takes it back, key by key.
//
// It changes the one key that holds the address and nothing else: order, comments, formatting,
// unknown keys, line endings and the file's mode stay, byte for byte. What the key held before is
// recorded in our state folder before the agent's file is touched, so that [Hookup.Disconnect] puts
// exactly that back. A key that the person has changed since is theirs and is left alone. A file that
// is not well-formed is refused with its line; a symbolic link is followed, not replaced.
//
// It starts no agent and sends nothing. What an agent reads beside its user's file (a project's
// settings, flags) is out of its sight; [Warning]s say so where it matters.
package hookup

import (
	"errors"
	"fmt"
)

// Errors that callers branch on.
var (
	// ErrUnknown is wrapped when there is no such client.
	ErrUnknown = errors.New("there is no such client")
	// ErrNotEditable is wrapped when a client has no settings file for the address: [Client.Lines] says
	// what to set instead.
	ErrNotEditable = errors.New("this client has no settings file for the address")
	// ErrNotInstalled is wrapped by [Hookup.Connect] when neither the client's folder nor its program is
	// found: nothing is made for a program that is not there.
	ErrNotInstalled = errors.New("the client is not installed")
	// ErrChanged is wrapped when the agent's file was changed while it was being edited. Nothing was
	// written; try again.
	ErrChanged = errors.New("the file was changed at the same moment")
)

// A SyntaxError is a settings file that cannot be edited because it is not well-formed. The line is
// not quoted: it may hold a key.
type SyntaxError struct {
	Path         string
	Line, Column int // from 1
	Message      string
}

// Error returns place and message in one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// A Status says where a client's settings lead.
type Status string

// The statuses.
const (
	NotInstalled Status = "not_installed" // neither its folder nor its program is found
	NotConnected Status = "not_connected" // it goes to its provider directly
	Connected    Status = "connected"     // it goes through us
	Elsewhere    Status = "elsewhere"     // it goes to another address
	Unreadable   Status = "unreadable"    // its file cannot be read or is not well-formed
	ByHand       Status = "by_hand"       // it has no file that we could look at
)

// A State is where one client's settings lead now.
type State struct {
	Client   string    `json:"client"`
	Status   Status    `json:"status"`
	File     string    `json:"file"`     // "" when it has none
	Key      string    `json:"key"`      // that holds the address
	Value    *string   `json:"value"`    // of the key; nil when it is not set
	Ours     bool      `json:"ours"`     // Connect wrote the value: Disconnect restores what was there
	Restores *string   `json:"restores"` // what Disconnect puts back; nil when it takes the key away
	Warnings []Warning `json:"warnings"` // what is odd about it
}

// A Change is one key of an agent's settings.
type Change struct {
	File   string  `json:"file"` // that the key is in
	Key    string  `json:"key"`
	Before *string `json:"before"` // nil when it was not set
	After  *string `json:"after"`  // nil when it is taken away
}

// Changes is what an edit of an agent's settings does, or would do.
type Changes struct {
	Client   string    `json:"client"`
	File     string    `json:"file"`     // the settings file with the address, as the agent names it
	Creates  bool      `json:"creates"`  // that file is not there yet
	Removes  bool      `json:"removes"`  // that file goes again: we made it and nothing else came into it
	Changes  []Change  `json:"changes"`  // empty when everything is so already
	Kept     []Change  `json:"kept"`     // changed by the person since, and therefore left: Before is what it holds, After what would be restored
	Warnings []Warning `json:"warnings"` // what to know before and after
}

// A Warning is something to know about a connection. Nothing is refused for it.
type Warning struct {
	Code     string `json:"code"`     // stable, for a translation: other_address, subscription, other_login, one_env_file, environment, remote_control, unrecorded
	Sentence string `json:"sentence"` // in English
}

// A Line is something to copy for a client that is set up by hand.
type Line struct {
	Name  string `json:"name"`  // of an environment variable; "" for an address or a command
	Value string `json:"value"` // to set it to, or to copy
	Note  string `json:"note"`  // what it is for, in a few words of English
}
