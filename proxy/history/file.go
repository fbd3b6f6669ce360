package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"millpond/proxy/meter"
)

// schema is the version of the tables, in user_version. A database with a higher one
// is a newer Millpond's, one with a lower one is migrated.
const (
	schema            = 2
	schemaWithoutWays = 1 // a row was of an upstream, whatever the way
)

// application marks the file as ours, in application_id: "MLPD".
const application = 0x4d4c5044

var (
	errNewer   = errors.New("the history was written by a newer Millpond")
	errInUse   = errors.New("another Millpond writes the history")
	errForeign = errors.New("the file is no history of Millpond's")
)

// pageSize is SQLite's, which is also that of most file systems.
const pageSize = 4096

// A file is an open database. Its methods are called by one goroutine.
type file struct {
	db      *sql.DB
	lock    *flock.Flock
	pages   int64 // the most that it may have
	version int   // of the tables
}

// open opens the database for writing, or makes it. It is checked in full, which takes
// 10 ms per MB.
func open(ctx context.Context, path string, maxBytes int64) (_ *file, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the history: %w", err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	switch held, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock the history: %w", err)
	case !held:
		return nil, errInUse
	}
	f := &file{lock: lock, pages: maxBytes / pageSize}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	// SQLite would make it readable to all that the umask allows.
	made, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	if err := made.Close(); err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	if f.db, err = connect(path, "rw"); err != nil {
		return nil, err
	}
	if err := f.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	return f, nil
}

// connect opens SQLite with little memory: a quarter of a megabyte of cache and no
// mapped file. With synchronous=normal the disk is waited for at checkpoints alone, and
// in WAL mode a process or machine that dies leaves a database that is whole.
func connect(path, mode string) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	query := url.Values{"mode": {mode}, "_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(2000)", "cache_size(-256)", "mmap_size(0)", "synchronous(normal)",
		"wal_autocheckpoint(100)", "journal_size_limit(1048576)", "temp_store(memory)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode())
	if err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// prepare checks what is there and makes the tables of a new file.
func (f *file) prepare(ctx context.Context) error {
	var err error
	if f.version, err = f.readVersion(ctx); err != nil {
		return err
	}
	if f.version > schema {
		return errNewer
	}
	var verdict string
	if err := f.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return &damage{verdict}
	}
	var mode string
	if err := f.db.QueryRowContext(ctx, "PRAGMA journal_mode(wal)").Scan(&mode); err != nil {
		return err
	}
	switch f.version {
	case schema:
	case schemaWithoutWays:
		err = f.tellWaysApart(ctx)
	default:
		err = f.change(ctx, func(tx *sql.Tx) error { return create(ctx, tx) })
	}
	if err != nil {
		return err
	}
	f.version = schema
	return f.limit(ctx)
}

// limit sets the size that the file may have. One that was filled to the limit takes a few
// pages more while it is migrated, and keeps that size.
func (f *file) limit(ctx context.Context) error {
	_, err := f.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count(%d)", f.pages))
	return err
}

// readVersion returns that of the tables, 0 when there are none yet.
func (f *file) readVersion(ctx context.Context) (int, error) {
	var version, id, tables int
	if err := f.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if err := f.db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return 0, err
	}
	if err := f.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return 0, err
	}
	if tables > 0 && id != application {
		return 0, errForeign
	}
	return version, nil
}

// change makes tables in one transaction, and says of which version they are now.
func (f *file) change(ctx context.Context, make func(*sql.Tx) error) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := make(tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", application, schema)); err != nil {
		return err
	}
	return tx.Commit()
}

// create makes the tables. Rows of a table lie in the order of time.
func create(ctx context.Context, tx *sql.Tx) error {
	for _, w := range []width{minutes, hours} {
		if _, err := tx.ExecContext(ctx, `CREATE TABLE `+w.table()+` (
			start INTEGER NOT NULL, -- seconds since 1970
			upstream TEXT NOT NULL, -- '' for requests without one
			transport TEXT NOT NULL, -- http1 or http2, '' for unknown
			scope TEXT NOT NULL, -- of the pool, '' for unknown
			ok INTEGER NOT NULL, upstream_error INTEGER NOT NULL, stream_error INTEGER NOT NULL,
			client_error INTEGER NOT NULL, client_cancelled INTEGER NOT NULL, local INTEGER NOT NULL,
			reused INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
			latency BLOB NOT NULL, first_byte BLOB NOT NULL,
			PRIMARY KEY (start, upstream, transport, scope)) WITHOUT ROWID`); err != nil {
			return err
		}
	}
	return nil
}

// moved is how many rows are brought into new tables at a time: the pages that they leave
// take the next ones, so that a database at its limit of size fits while it is migrated.
const moved = 500

// tellWaysApart brings a database of version 1 up to date. It happens whole or not at all.
func (f *file) tellWaysApart(ctx context.Context) error {
	return f.change(ctx, func(tx *sql.Tx) error {
		for _, w := range []width{minutes, hours} {
			if _, err := tx.ExecContext(ctx, "ALTER TABLE "+w.table()+" RENAME TO old_"+w.table()); err != nil {
				return err
			}
		}
		if err := create(ctx, tx); err != nil {
			return err
		}
		for _, w := range []width{minutes, hours} {
			if err := move(ctx, tx, w); err != nil {
				return fmt.Errorf("bring the history up to date: %w", err)
			}
		}
		return nil
	})
}

// move brings the rows of an old table into the new one, and removes it.
func move(ctx context.Context, tx *sql.Tx, w width) error {
	old := "old_" + w.table()
	for left := int64(1); left > 0; {
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+w.table()+" ("+columnsOf(schema)+") SELECT "+columnsOf(schemaWithoutWays)+
			" FROM "+old+" ORDER BY start, upstream LIMIT ?", moved); err != nil {
			return err
		}
		gone, err := tx.ExecContext(ctx, "DELETE FROM "+old+" WHERE (start, upstream) IN (SELECT start, upstream FROM "+old+
			" ORDER BY start, upstream LIMIT ?)", moved)
		if err != nil {
			return err
		}
		if left, err = gone.RowsAffected(); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "DROP TABLE "+old)
	return err
}

// close gives the file back. What was not committed is lost.
func (f *file) close() {
	if f.db != nil {
		_ = f.db.Close() // nothing is open that could fail to be written
	}
	_ = f.lock.Unlock() // the process's end would do it
}

// store writes the rows in one transaction, in place of those of the same time and
// way, and removes what is too old. A file that has become full gives up its
// oldest rows and tries again.
func (f *file) store(ctx context.Context, rows map[key]*meter.Tally, now time.Time) error {
	err := f.try(ctx, rows, now)
	for range 3 {
		if err == nil || !isFull(err) {
			return err
		}
		atLimit, limitErr := f.crowded(ctx)
		if limitErr != nil || !atLimit {
			return err // it is the disk that is full
		}
		if err := f.thin(ctx); err != nil {
			return err
		}
		err = f.try(ctx, rows, now)
	}
	return err
}

func (f *file) try(ctx context.Context, rows map[key]*meter.Tally, now time.Time) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, w := range []width{minutes, hours} {
		if err := insertAll(ctx, tx, w, rows); err != nil {
			return fmt.Errorf("write the history: %w", err)
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+w.table()+" WHERE start < ?", now.Add(-w.kept()).Unix()); err != nil {
			return fmt.Errorf("remove old history: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// insertAll writes the rows of one width.
func insertAll(ctx context.Context, tx *sql.Tx, w width, rows map[key]*meter.Tally) error {
	s, err := tx.PrepareContext(ctx, insertInto(w))
	if err != nil {
		return err
	}
	defer s.Close()
	for id, t := range rows {
		if id.width != w {
			continue
		}
		if err := insert(ctx, s, id, t); err != nil {
			return err
		}
	}
	return nil
}

// crowded reports whether nearly all pages that the file may have are used.
func (f *file) crowded(ctx context.Context) (bool, error) {
	var pages, free int64
	if err := f.db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return false, err
	}
	if err := f.db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
		return false, err
	}
	return pages-free > f.pages*3/4, nil
}

// thin removes the older half of the minutes, or when there are few, the oldest
// quarter of the hours.
func (f *file) thin(ctx context.Context) error {
	var minuteRows, hourRows int64
	if err := f.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM minutes), (SELECT count(*) FROM hours)").Scan(&minuteRows, &hourRows); err != nil {
		return err
	}
	w, n := minutes, minuteRows/2
	if minuteRows < hourRows/4 {
		w, n = hours, hourRows/4
	}
	_, err := f.db.ExecContext(ctx, "DELETE FROM "+w.table()+" WHERE (start, upstream, transport, scope) IN (SELECT start, upstream, transport, scope FROM "+
		w.table()+" ORDER BY start, upstream, transport, scope LIMIT ?)", n)
	return err
}

// A damage is what the check of a database found.
type damage struct{ found string }

func (d *damage) Error() string { return "the history is damaged: " + d.found }

// isDamage reports whether err says that the file is no sound database.
func isDamage(err error) bool {
	var d *damage
	return errors.As(err, &d) || errors.Is(err, errForeign) || hasCode(err, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB)
}

// isFull reports whether err says that there is no room. A limit on the size of files
// shows as EFBIG, which SQLite tells as a failed write.
func isFull(err error) bool {
	return hasCode(err, lib.SQLITE_FULL) || errors.Is(err, syscall.ENOSPC) || isFailedWrite(err)
}

func isFailedWrite(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == lib.SQLITE_IOERR_WRITE || e.Code() == lib.SQLITE_IOERR_TRUNCATE || e.Code() == lib.SQLITE_IOERR_SHMSIZE)
}

func hasCode(err error, codes ...int) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range codes {
		if e.Code()&0xff == c { // the rest says more of the same
			return true
		}
	}
	return false
}

// moveAside renames the database to the first free name of the kind NAME.broken-N,
// and its log of writes with it.
func moveAside(path string) (string, error) {
	for n := 1; n < 1000; n++ {
		aside := fmt.Sprintf("%s.broken-%d", path, n)
		if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(path, aside); err != nil {
			return "", fmt.Errorf("move the damaged history aside: %w", err)
		}
		for _, suffix := range []string{"-wal", "-shm"} {
			if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", fmt.Errorf("move the damaged history aside: %w", err)
			}
		}
		return aside, nil
	}
	return "", errors.New("there are a thousand damaged histories already")
}
