package hookup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
)

// recordName is the file in our state folder that holds what the agents' keys held before.
const recordName = "connected.json"

// recordVersion is the form of that file.
const recordVersion = 1

// records are what was written into the settings of clients.
type records struct {
	Version int      `json:"version"`
	Keys    []record `json:"keys"`
}

// A record is one key that Connect wrote. It is saved before the client's file is touched.
type record struct {
	Client  string   `json:"client"`
	File    string   `json:"file"`    // as the client names it
	Path    []string `json:"path"`    // of the key in it
	Before  *value   `json:"before"`  // nil when the key was not set
	Written []string `json:"written"` // the texts that we gave it since
	Created bool     `json:"created"` // the file was not there
	Folder  bool     `json:"folder"`  // nor was its folder
	Made    int      `json:"made"`    // tables made around the key
	Exact   *splice  `json:"exact"`   // how to undo it byte for byte; nil when that is not known
}

// isOf reports whether a record is of the key at a place.
func (r record) isOf(client string, at place) bool {
	return r.Client == client && r.File == at.file && slices.Equal(r.Path, at.path)
}

// A splice turns a text back into what it was. It applies to one text only.
type splice struct {
	Sum    string `json:"sha256"` // of that text
	Offset int    `json:"offset"`
	Now    string `json:"now"` // what stands there
	Was    string `json:"was"` // what stood there
}

// spliceOf returns how to come back from next to before.
func spliceOf(before, next []byte) *splice {
	from := 0
	for from < len(before) && from < len(next) && before[from] == next[from] {
		from++
	}
	same := 0
	for same < len(before)-from && same < len(next)-from && before[len(before)-1-same] == next[len(next)-1-same] {
		same++
	}
	return &splice{sumOf(next), from, string(next[from : len(next)-same]), string(before[from : len(before)-same])}
}

// undo returns what the text was; not when it is another text than the splice is for.
func (s *splice) undo(text []byte) ([]byte, bool) {
	if s == nil || sumOf(text) != s.Sum || s.Offset < 0 || !bytes.HasPrefix(text[min(s.Offset, len(text)):], []byte(s.Now)) {
		return nil, false
	}
	return bytes.Join([][]byte{text[:s.Offset], []byte(s.Was), text[s.Offset+len(s.Now):]}, nil), true
}

// sumOf returns the SHA-256 of a text.
func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// readRecords reads what we wrote. A file that is not there is empty; one that cannot be read is an
// error, since what it holds is what the person wants back.
func (h *Hookup) readRecords() ([]record, error) {
	path := filepath.Join(h.state, recordName)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all records
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err == nil && all.Version != recordVersion {
		err = fmt.Errorf("it is of form %d, and this program knows %d", all.Version, recordVersion)
	}
	if err != nil {
		return nil, fmt.Errorf("read what the clients' settings held before, in %s: %w", path, err)
	}
	return all.Keys, nil
}

// writeRecord saves one record in the place of the one of the same key.
func (h *Hookup) writeRecord(r record) error {
	all, err := h.readRecords()
	if err != nil {
		return err
	}
	return h.writeRecords(append(without(all, r), r))
}

// forget removes one record.
func (h *Hookup) forget(r record) error {
	all, err := h.readRecords()
	if err != nil {
		return err
	}
	return h.writeRecords(without(all, r))
}

// without returns the records of other keys.
func without(all []record, r record) []record {
	return slices.DeleteFunc(slices.Clone(all), func(o record) bool {
		return o.isOf(r.Client, place{file: r.File, path: r.Path})
	})
}

// writeRecords saves all records.
func (h *Hookup) writeRecords(all []record) error {
	text, err := json.MarshalIndent(records{recordVersion, all}, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(h.state, recordName)
	now, err := readFile(path)
	if err == nil {
		err = replaceFile(path, now, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("record what the settings held before: %w", err)
	}
	return nil
}

// lock keeps other programs of ours from editing at the same time.
func (h *Hookup) lock() (unlock func(), err error) {
	if err := os.MkdirAll(h.state, 0o700); err != nil {
		return nil, fmt.Errorf("record what the settings held before: %w", err)
	}
	l := flock.New(filepath.Join(h.state, "."+recordName+".lock"), flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("record what the settings held before: %w", err)
	}
	return func() { _ = l.Unlock() }, nil // closing the file unlocks it in any case
}
