package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// ErrNone says that there is no history at a path.
var ErrNone = errors.New("there is no history yet")

// Read calls do for every row since then, the oldest first: by the minute when minutes
// reach back so far, and else by the hour. It only reads, and may do so while a daemon
// writes. An error of do ends it.
func Read(ctx context.Context, path string, since, now time.Time, do func(Row) error) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return ErrNone
	}
	db, err := connect(path, "ro")
	if err != nil {
		return err
	}
	f := &file{db: db}
	defer db.Close()
	f.version, err = f.readVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	if f.version > schema {
		return errNewer
	}
	if f.version == 0 {
		return ErrNone
	}
	w := hours
	if now.Sub(since) <= KeepMinutes {
		w = minutes
	}
	if err := f.each(ctx, w, since, now.Add(time.Hour), do); err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	return nil
}
