package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/gofrs/flock"

	"millpond/settings"
)

// Save writes settings to the file, readable by the user alone. It replaces the file in one step and
// keeps the previous one beside it as FILE.bak; a failure leaves the file as it was. The user's
// comments stay. What the environment overrides is written as the file had it, unless the value was
// changed since.
//
// It refuses invalid settings, and with [ErrChanged] to replace a file that this store has not read,
// also when an editor saves it in the same instant, where the system can tell (Linux and macOS).
func (s *Store) Save(next *settings.Settings) error { return s.save(next, false) }

// Overwrite is Save without asking whether the file was changed meanwhile. One that cannot be read
// as settings is kept beside the new one as FILE.broken, where no later Save replaces it.
func (s *Store) Overwrite(next *settings.Settings) error { return s.save(next, true) }

// save writes next; force replaces a file that was changed meanwhile.
func (s *Store) save(next *settings.Settings, force bool) error {
	if err := next.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	// Between programs: without it two that read the same file could each replace it.
	lock := flock.New(filepath.Join(filepath.Dir(s.path), "."+filepath.Base(s.path)+".lock"), flock.SetPermissions(0o600))
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	defer lock.Unlock()
	return s.saveLocked(next, force)
}

// saveLocked writes next under both locks.
func (s *Store) saveLocked(next *settings.Settings, force bool) error {
	now, err := readContent(s.path)
	if err != nil {
		return err
	}
	if now.exists && now != s.seen && !force {
		return fmt.Errorf("save settings: %s: %w", s.path, ErrChanged)
	}
	own := withoutEnvironment(next, s.last)
	text := encode(own, readNotes([]byte(now.text)))
	if err := readsBack(text, own); err != nil {
		return fmt.Errorf("save settings: %w", err)
	}
	written := content{true, string(text)}
	if written != now {
		if err := s.keep(now); err != nil {
			return fmt.Errorf("save settings: keep the previous ones: %w", err)
		}
		if err := s.put(text, now, force); err != nil {
			return fmt.Errorf("save settings: %w", err)
		}
	}
	s.seen, s.reported = written, written
	s.last.own, s.last.merged = own, next.Clone()
	return nil
}

// readsBack checks that a text means what was to be written, before it replaces anything. Without
// the environment the settings need not be valid: it may hold the token, for one.
func readsBack(text []byte, own *settings.Settings) error {
	tree, err := parse("", text)
	if err != nil {
		return err
	}
	again, err := settings.Decode(tree)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(again, own) {
		return errors.New("what was to be written does not read back the same")
	}
	return nil
}

// withoutEnvironment returns next as the file should hold it. Where next still has the value that the
// environment had laid over the file, the file's own comes back.
func withoutEnvironment(next *settings.Settings, last compiled) *settings.Settings {
	own := next.Clone()
	var restore func(own, merged, file reflect.Value)
	restore = func(own, merged, file reflect.Value) {
		for i := range own.NumField() {
			switch field := own.Field(i); {
			case field.Kind() == reflect.Struct:
				restore(field, merged.Field(i), file.Field(i))
			case reflect.DeepEqual(field.Interface(), merged.Field(i).Interface()):
				field.Set(file.Field(i))
			}
		}
	}
	restore(reflect.ValueOf(own).Elem(), reflect.ValueOf(last.merged).Elem(), reflect.ValueOf(last.own).Elem())
	return own.Clone()
}

// keep copies the present file aside.
func (s *Store) keep(now content) error {
	if !now.exists {
		return nil
	}
	if _, err := compile(s.path, []byte(now.text), s.environ); now == s.seen || err == nil {
		return replace(s.path+".bak", []byte(now.text))
	}
	for n := 1; ; n++ {
		path := s.path + ".broken"
		if n > 1 {
			path += "." + strconv.Itoa(n)
		}
		kept, err := readContent(path)
		switch {
		case err != nil:
			return err
		case !kept.exists:
			return replace(path, []byte(now.text))
		case kept == now:
			return nil
		}
	}
}

// target returns the file that is replaced: what a symbolic link leads to, so that the link stays, as
// those who keep their settings in another folder want it.
func (s *Store) target() string {
	if real, err := filepath.EvalSymlinks(s.path); err == nil {
		return real
	}
	return s.path
}

// put writes the file, which held what was read as now.
func (s *Store) put(text []byte, now content, force bool) error {
	path := s.target()
	name, err := writeBeside(path, text)
	if err != nil {
		return err
	}
	defer os.Remove(name) // gone already, or what was replaced
	if force {
		err = os.Rename(name, path)
	} else {
		err = swapIn(name, path, now, content{true, string(text)})
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// swapIn gives the file of a name the path of another one, which must hold what it was when it was
// read. It looks again first, so that hardly any editor can come between.
func swapIn(name, path string, was, ours content) error {
	if !was.exists {
		return renameNew(name, path)
	}
	if now, err := readContent(path); err != nil || now != was {
		return errors.Join(err, ErrChanged)
	}
	return swap(name, path, was, ours)
}

// swap makes the two files change places. Editors take no lock: what one saved in the last moment
// comes out instead of what was read, and is put back.
func swap(name, path string, was, ours content) error {
	for in, out := ours, was; ; {
		switch err := exchange(name, path); {
		case errors.Is(err, errors.ErrUnsupported):
			return os.Rename(name, path)
		case errors.Is(err, fs.ErrNotExist): // taken away meanwhile
			return ErrChanged
		case err != nil:
			return err
		}
		got, err := readContent(name)
		switch {
		case err != nil:
			return err
		case got == out && in == ours:
			return nil
		case got == out:
			return ErrChanged
		}
		in, out = got, in // what came out goes back, and what we put in should come out
	}
}

// replace writes a file in one step: a new file beside it, forced to disk, takes its name.
func replace(path string, text []byte) error {
	name, err := writeBeside(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(name, path); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return syncFolder(filepath.Dir(path))
}

// writeBeside writes a new file beside the one at path, forced to disk, and returns its name.
func writeBeside(path string, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(text); err != nil {
		return "", err
	}
	if err = giveToOwner(f, filepath.Dir(path)); err != nil {
		return "", err
	}
	if err = f.Sync(); err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}
