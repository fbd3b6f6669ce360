package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// forgetLearned is how long the knowledge about an origin is kept without use.
const forgetLearned = 90 * 24 * time.Hour

// remembered is the file of learned ages.
type remembered struct {
	Version int                `json:"version"`
	Origins map[string]learned `json:"origins"`
}

// loadLearned reads what earlier runs learned. A file that cannot be read is as
// good as none: everything in it can be learned again.
func (m *Manager) loadLearned() {
	if m.config.StateFile == "" {
		return
	}
	data, err := os.ReadFile(m.config.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var r remembered
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Version != 1 {
		err = fmt.Errorf("version %d is not known", r.Version)
	}
	if err != nil {
		m.config.Log.Warn("learned idle ages are not used; they will be learned again", "file", m.config.StateFile, "err", err)
		return
	}
	now := time.Now()
	for name, l := range r.Origins {
		if l.CloseAge < 0 || l.MaxRequests < 0 || l.At.After(now.Add(time.Hour)) {
			continue
		}
		if l.At.IsZero() || now.Sub(l.At) < forgetLearned {
			m.origins[name] = newOrigin(l)
		}
	}
}

// saveLearned writes what was learned, whole or not at all.
func (m *Manager) saveLearned() {
	if m.config.StateFile == "" {
		return
	}
	r := remembered{Version: 1, Origins: map[string]learned{}}
	m.tables.Lock()
	for name, o := range m.origins {
		r.Origins[name] = *o.known.Load()
	}
	m.tables.Unlock()
	if err := writeWhole(m.config.StateFile, r); err != nil {
		m.config.Log.Warn("learned idle ages were not saved", "file", m.config.StateFile, "err", err)
	}
}

func writeWhole(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
