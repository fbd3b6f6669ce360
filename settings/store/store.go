// Package store keeps the settings in a file: it reads file and environment through viper, decodes
// strictly, writes atomically with a backup, and watches for edits. It decides nothing about what a
// setting means: package settings does.
//
// MILLPOND_<KEY> overrides any scalar of the file (MILLPOND_POOL_MAX_IDLE) and is never written to
// it; a list takes its elements separated by commas. A variable with our prefix that is no setting
// is a warning.
package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"

	"millpond/settings"
)

// ErrChanged is wrapped by [Store.Save] when the file holds what this store has not read: someone
// edited it meanwhile, or it cannot be read. Load it first, or use [Store.Overwrite].
var ErrChanged = errors.New("the settings file was changed meanwhile; load it first, or overwrite it")

// largestFile bounds what is read: a thousand upstreams are a tenth of it.
const largestFile = 4 << 20 // bytes

// A Store is one settings file. Use Open. It is safe for use by several goroutines.
type Store struct {
	path    string   // constant after Open
	environ []string // constant after Open

	// mu is held over reading and writing the file. Nobody on the way of a request waits for it.
	mu       sync.Mutex
	seen     content  // the file at the last good Load or Save
	reported content  // the file as last told of, good or bad, so that Watch tells of each change once
	last     compiled // what seen came to
}

// content is what a file holds. A missing file and an empty one differ.
type content struct {
	exists bool
	text   string
}

// Open returns the store of a file, which need not exist. environ is the environment as [os.Environ]
// gives it. Nothing is read yet.
func Open(path string, environ []string) *Store {
	defaults := settings.Default()
	return &Store{path: path, environ: slices.Clone(environ), last: compiled{own: defaults, merged: defaults}}
}

// Path returns the path of the file as it was opened.
func (s *Store) Path() string { return s.path }

// Load reads the file and lays the environment over it. A missing file means the defaults. The error
// is a *[SyntaxError] or holds all *[settings.FieldError]s, one per line; then nothing is remembered.
func (s *Store) Load() (*settings.Settings, error) {
	next, take, err := s.Read()
	if err == nil {
		take()
	}
	return next, err
}

// Read is Load for a caller who may not be able to use what he gets: it is remembered, as that which
// later edits start from, when take is called.
func (s *Store) Read() (next *settings.Settings, take func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := readContent(s.path)
	if err != nil {
		return nil, nil, err
	}
	s.reported = now
	read, err := compile(s.path, []byte(now.text), s.environ)
	if err != nil {
		return nil, nil, err
	}
	return read.merged.Clone(), func() { s.take(now, read) }, nil
}

// Warnings returns what was odd but harmless at the last good Load, a sentence each.
func (s *Store) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.last.warnings)
}

// readContent reads the file; a missing one is no error.
func readContent(path string) (content, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("read settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return content{}, fmt.Errorf("read settings: %w", err)
	}
	if len(text) > largestFile {
		return content{}, fmt.Errorf("read settings: %s is larger than %d MiB", path, largestFile>>20)
	}
	return content{true, string(text)}, nil
}
