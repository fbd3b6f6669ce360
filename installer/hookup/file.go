package hookup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"
)

// largestFile bounds what is read; a settings file is a few kilobytes.
const largestFile = 4 << 20 // bytes

// bom is the byte order mark that some editors write first. It stays where it is.
var bom = []byte("\xef\xbb\xbf")

// A content is what a file holds.
type content struct {
	exists bool
	mark   bool   // it begins with a byte order mark, which bytes has not
	bytes  []byte // without the mark
}

// all returns the file byte by byte.
func (c content) all() []byte {
	if c.mark {
		return append(bytes.Clone(bom), c.bytes...)
	}
	return c.bytes
}

// readFile reads a settings file; one that is not there is empty.
func readFile(path string) (content, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return content{}, fmt.Errorf("read %s: it is a link that leads nowhere", path)
		}
		return content{}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("read settings: %w", err)
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return content{}, fmt.Errorf("read %s: it is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return content{}, fmt.Errorf("read settings: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	switch {
	case err != nil:
		return content{}, fmt.Errorf("read settings: %w", err)
	case len(text) > largestFile:
		return content{}, fmt.Errorf("read %s: it is larger than %d MiB", path, largestFile>>20)
	case !utf8.Valid(text):
		return content{}, fmt.Errorf("read %s: it is not text in UTF-8", path)
	}
	c := content{exists: true}
	c.bytes, c.mark = bytes.CutPrefix(text, bom)
	return c, nil
}

// replaceFile writes a settings file in one step, unless it no longer holds what was read. Its mode
// and owner stay; what a link leads to is replaced, not the link.
func replaceFile(path string, read content, text []byte) (err error) {
	mode := fs.FileMode(0o600) // of a new file: agents keep keys in theirs
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	var old fs.FileInfo
	if read.exists {
		if old, err = os.Stat(path); err != nil {
			return err
		}
		mode = old.Mode().Perm()
		if err := writable(path); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // it may be closed already
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return err
	}
	if err = errors.Join(f.Chmod(mode), keepOwner(f, old), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := unchanged(path, read); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// unchanged returns [ErrChanged] when a file holds something else than was read.
func unchanged(path string, read content) error {
	now, err := readFile(path)
	if err == nil && (now.exists != read.exists || !bytes.Equal(now.all(), read.all())) {
		err = fmt.Errorf("%s: %w", path, ErrChanged)
	}
	return err
}

// writable refuses a file that its owner has made read-only, which a renaming would pass by.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// exists reports whether there is something at a path, a link that leads nowhere included.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
