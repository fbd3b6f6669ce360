package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"millpond/app/model"
)

// What the application itself remembers, its language and appearance, is in a file
// of its own beside the settings: those belong to the daemon, and the application
// must be readable while there is none. Tray and window both read it; the window
// alone writes it.

// PreferencesName is the name of the file, in the folder of the settings file.
const PreferencesName = "application.json"

// preferencesMost bounds what is read of the file: bytes.
const preferencesMost = 64 << 10

// loadPreferences reads the file. Without one all is as the system has it; with one
// that makes no sense too, and the error says so.
func loadPreferences(path string) (model.Preferences, error) {
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return model.Preferences{}, nil
	}
	var p model.Preferences
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return model.Preferences{}, fmt.Errorf("read the application's preferences in %s: %w", path, err)
	}
	return p, nil
}

// readSmall reads a file that is not expected to be large.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > preferencesMost {
		return nil, fmt.Errorf("it has %d bytes; want %d at most", info.Size(), preferencesMost)
	}
	return os.ReadFile(path)
}

// savePreferences writes the file whole or not at all.
func savePreferences(path string, p model.Preferences) error {
	if err := p.Validate(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(path, append(text, '\n'), 0o600)
}

// writeWhole writes a file by way of a new one beside it, so that a reader finds the
// old text or the new one, whatever happens meanwhile.
func writeWhole(path string, text []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder %s: %w", dir, err)
	}
	next, err := os.CreateTemp(dir, ".millpond-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = next.Write(text)
	err = errors.Join(err, next.Chmod(mode), next.Close())
	if err == nil {
		err = os.Rename(next.Name(), path)
	}
	if err != nil {
		_ = os.Remove(next.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
