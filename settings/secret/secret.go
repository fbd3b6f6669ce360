// Package secret holds secrets by reference. Settings say where a secret is (keyring:NAME, env:NAME,
// file:/PATH), never what it is; [Ref.Resolve] fetches it when it is needed, as a [Value] that does
// not print. The package stores no secret and caches none.
package secret

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/zalando/go-keyring"
)

// Service is the name under which our secrets stand in the system's keyring; the reference's name is
// the user, or account, there.
const Service = "millpond"

// largest bounds a secret: what is longer is a wrong file.
const largest = 64 << 10 // bytes

// hidden is all that a Value prints.
const hidden = "[hidden]"

// ErrNotFound is wrapped by errors of [Ref.Resolve] when there is no secret at the place.
var ErrNotFound = errors.New("there is no such secret")

// A Scheme is the kind of place where a secret is kept.
type Scheme string

// The schemes.
const (
	Keyring Scheme = "keyring" // the desktop's: Secret Service, Keychain, Windows Credentials
	Env     Scheme = "env"     // an environment variable of the daemon
	File    Scheme = "file"    // a file that only its owner may read
)

// A Ref says where a secret is. It is no secret itself and may be shown. The zero value refers to none.
type Ref struct {
	scheme Scheme
	name   string
}

// Parse reads a reference. "" is the zero Ref. Errors do not repeat the text: it may be a secret that
// was put in the wrong place.
func Parse(text string) (Ref, error) {
	if text == "" {
		return Ref{}, nil
	}
	scheme, name, _ := strings.Cut(text, ":")
	switch r := (Ref{Scheme(scheme), name}); r.scheme {
	case Keyring:
		if name == "" || strings.ContainsRune(name, 0) {
			return Ref{}, errors.New("a secret in the keyring needs a name: keyring:NAME")
		}
		return r, nil
	case Env:
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return Ref{}, errors.New("a secret in the environment needs a variable's name: env:NAME")
		}
		return r, nil
	case File:
		if !filepath.IsAbs(name) || strings.ContainsRune(name, 0) {
			return Ref{}, errors.New("a secret in a file needs the file's whole path: file:/PATH")
		}
		return r, nil
	}
	return Ref{}, errors.New("a secret is given by reference: keyring:NAME, env:NAME or file:/PATH")
}

// String returns the reference as Parse reads it.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.scheme) + ":" + r.name
}

// IsZero reports whether r refers to no secret.
func (r Ref) IsZero() bool { return r == Ref{} }

// Resolve fetches the secret. White space at its end is not part of it: editors and echo add a
// newline. The zero Ref gives the zero Value. An absent or empty secret is [ErrNotFound].
func (r Ref) Resolve(ctx context.Context) (Value, error) {
	if err := ctx.Err(); err != nil {
		return Value{}, err
	}
	var text string
	var err error
	switch r.scheme {
	case "":
		return Value{}, nil
	case Env:
		text = os.Getenv(r.name)
	case File:
		text, err = readFile(r.name)
	case Keyring:
		text, err = readKeyring(ctx, r.name)
	}
	text = strings.TrimRight(text, " \t\r\n")
	if err == nil && text == "" {
		err = ErrNotFound
	}
	if err == nil && strings.ContainsAny(text, "\x00\r\n") {
		err = errors.New("it is more than one line")
	}
	if err != nil {
		return Value{}, fmt.Errorf("read secret %s: %w", r, err)
	}
	return NewValue(text), nil
}

// readFile reads a secret from a regular file that nobody but its owner may read.
func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return "", errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return "", err
	}
	if err := checkMode(info); err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, largest+1))
	if err == nil && len(text) > largest {
		err = fmt.Errorf("it is larger than %d KiB", largest>>10)
	}
	return string(text), err
}

// readKeyring asks the system's keyring, which may ask the user to unlock it.
func readKeyring(ctx context.Context, name string) (string, error) {
	type answer struct {
		text string
		err  error
	}
	// The library cannot be interrupted. When ctx ends first this goroutine outlives the call until
	// the keyring answers, and its answer is dropped.
	answered := make(chan answer, 1)
	go func() {
		text, err := keyring.Get(Service, name)
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("the keyring has not answered (is it locked?): %w", ctx.Err())
	case a := <-answered:
		if errors.Is(a.err, keyring.ErrNotFound) {
			return "", ErrNotFound
		}
		if a.err != nil {
			return "", fmt.Errorf("this system's keyring cannot be used (%w); keep the secret in a file that only you may read, and refer to it as file:/PATH", a.err)
		}
		return a.text, nil
	}
}

// A Value is a secret. Whatever prints, logs or encodes it gets [hidden]. The zero Value is none.
type Value struct {
	// A pointer, so that even a printer that looks into unexported fields sees an address.
	text *string
}

// NewValue returns the text as a secret.
func NewValue(text string) Value {
	if text == "" {
		return Value{}
	}
	return Value{&text}
}

// IsZero reports whether there is no secret.
func (v Value) IsZero() bool { return v.text == nil }

// Reveal returns the secret itself, for the header that carries it.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Equal reports whether the candidate is the secret, in a time that tells nothing of it. Nothing
// equals the zero Value, "" included.
func (v Value) Equal(candidate string) bool {
	a, b := sha256.Sum256([]byte(v.Reveal())), sha256.Sum256([]byte(candidate))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && !v.IsZero()
}

// String returns "[hidden]".
func (v Value) String() string { return hidden }

// GoString returns "[hidden]", for %#v.
func (v Value) GoString() string { return hidden }

// Format prints "[hidden]" whatever the verb: fmt would print the fields for one such as %d.
func (v Value) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, hidden) }

// LogValue returns "[hidden]", for slog.
func (v Value) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "[hidden]".
func (v Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON returns "[hidden]" as a JSON string.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
