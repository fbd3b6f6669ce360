package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"millpond/settings"
)

const (
	settle  = 100 * time.Millisecond // without events before the file is read: editors write in steps
	longest = time.Second            // however many events there are
	retry   = 2 * time.Second        // while a folder cannot be watched
)

// ErrEmpty is told by [Store.Watch] when the file has become empty, as it is for a moment while some
// programs write it, or for good on a full disk. It does not stand for the defaults there.
var ErrEmpty = errors.New("the settings file is empty; the running settings stay")

// Watch tells of each change of the file until ctx ends: the new settings, or why they cannot be
// used, in which case the caller keeps what it has. A file that goes missing is an error that wraps
// [fs.ErrNotExist]. What this store saved itself is not told. A change since the last Load is told
// soon after the start.
//
// A caller that puts the new settings in force calls take as it does. Until then the file counts as
// changed, so that [Store.Save] does not replace an edit which the caller does not have yet, or
// cannot use.
//
// Folders are watched, not the file, since editors replace it by renaming; also those that symbolic
// links lead to. Where the system cannot watch, the file is read every 2 seconds.
func (s *Store) Watch(ctx context.Context, tell func(next *settings.Settings, take func(), err error)) error {
	// The folder must be there to be watched; where it cannot be made, we look again and again.
	_ = os.MkdirAll(filepath.Dir(s.path), 0o700)
	w, err := fsnotify.NewWatcher()
	if err != nil {
		w = &fsnotify.Watcher{} // no events: its channels are nil
	} else {
		defer w.Close()
	}
	watch := func() bool { return err == nil && watchFolders(w, s.path) }
	watch()
	for pause := settle; wait(ctx, w, pause); {
		pause = 0
		if !watch() {
			pause = retry
		}
		switch now, next, changed, err := s.reload(); {
		case !changed:
		case err != nil:
			tell(nil, func() {}, err)
		default:
			tell(next.merged.Clone(), func() { s.take(now, next) }, nil)
		}
	}
	return nil
}

// reload reads the file and reports whether there is something to tell.
func (s *Store) reload() (now content, next compiled, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err = readContent(s.path)
	if err != nil {
		now = content{text: err.Error()} // as any other content: told once
	}
	if now == s.reported {
		return now, next, false, nil
	}
	s.reported = now
	switch {
	case err != nil:
	case !now.exists:
		err = fmt.Errorf("the settings file is gone; the running settings stay: %s: %w", s.path, fs.ErrNotExist)
	case strings.TrimSpace(now.text) == "":
		err = fmt.Errorf("%s: %w", s.path, ErrEmpty)
	default:
		next, err = compile(s.path, []byte(now.text), s.environ)
	}
	return now, next, true, err
}

// take remembers what the file held as that which later edits start from.
func (s *Store) take(now content, next compiled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.last = now, next
}

// watchFolders watches the folders where a change of the file can be seen, and no others. It reports
// whether all could be watched.
func watchFolders(w *fsnotify.Watcher, path string) bool {
	folders, complete := foldersOf(path), true
	for _, folder := range folders {
		if err := w.Add(folder); err != nil {
			complete = false
		}
	}
	for _, folder := range w.WatchList() {
		if !slices.Contains(folders, folder) {
			_ = w.Remove(folder) // it is gone already when this fails
		}
	}
	return complete
}

// foldersOf returns the folder of the file, and of each file that symbolic links lead to from there.
func foldersOf(path string) []string {
	const mostLinks = 40 // as Linux has it, path_resolution(7)
	var folders []string
	for range mostLinks {
		folders = append(folders, filepath.Dir(path))
		next, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		folders = append(folders, filepath.Dir(real))
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// wait returns when the folders have changed and come to rest, or after the pause; 0 = no pause but
// until a change. It reports false when ctx has ended.
func wait(ctx context.Context, w *fsnotify.Watcher, pause time.Duration) bool {
	var look <-chan time.Time
	if pause > 0 {
		look = time.After(pause)
	}
	var atLatest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-look:
			return true
		case <-atLatest:
			return true
		case <-w.Errors: // events were lost: look
			return true
		case event := <-w.Events:
			if event.Op == fsnotify.Chmod {
				continue
			}
			look = time.After(settle)
			if atLatest == nil {
				atLatest = time.After(longest)
			}
		}
	}
}
