package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// replaceFile writes text to path in one step, and returns what puts the former file back. Folders
// that are missing are made, for all to read, as the managers want it.
func replaceFile(path, text string, mode fs.FileMode) (back func() error, err error) {
	former, err := os.ReadFile(path)
	existed := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := writeWhole(path, []byte(text), mode); err != nil {
		return nil, err
	}
	return func() error {
		if existed {
			return writeWhole(path, former, mode)
		}
		return os.Remove(path)
	}, nil
}

// writeWhole writes a file so that no reader, and no crash, ever sees half of it.
func writeWhole(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// programOf returns the program that a unit file starts.
func programOf(unit string) (string, error) {
	text, err := os.ReadFile(unit)
	if err != nil {
		return "", fmt.Errorf("read the service's unit: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if written, ok := strings.CutPrefix(strings.TrimSpace(line), "ExecStart="); ok {
			return firstWord(written), nil
		}
	}
	return "", fmt.Errorf("read the service's unit: %s starts no program", unit)
}

// firstWord is the first word of a command line, as func command writes it or without quotes.
func firstWord(line string) string {
	var b strings.Builder
	inQuotes := strings.HasPrefix(line, `"`)
	line = strings.TrimPrefix(line, `"`)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case inQuotes && c == '"', !inQuotes && c == ' ':
			return b.String()
		case i+1 < len(line) && (c == '\\' || c == '%' && line[i+1] == '%'):
			i++ // the next one is meant as it is
			fallthrough
		default:
			b.WriteByte(line[i])
		}
	}
	return b.String()
}

// linkTargets returns the folder that the settings file really is in, when it is a link, as it is
// for people who keep their settings in a repository.
func linkTargets(path string) []string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil || filepath.Dir(real) == filepath.Dir(path) {
		return nil
	}
	return []string{filepath.Dir(real)}
}
