package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"millpond/proxy/meter"
)

// writeVersion1 makes a database as Millpond wrote it before ways were told apart, with n
// minutes and n hours that end at now, three requests in each.
func writeVersion1(t *testing.T, path string, now time.Time, n int) {
	t.Helper()
	db, err := connect(path, "rwc")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("PRAGMA journal_mode(wal)")
	exec("BEGIN IMMEDIATE")
	var h meter.Histogram
	h.Observe(30 * time.Millisecond)
	for _, w := range []width{minutes, hours} {
		exec(`CREATE TABLE ` + w.table() + ` (
			start INTEGER NOT NULL, -- seconds since 1970
			upstream TEXT NOT NULL, -- '' for requests without one
			ok INTEGER NOT NULL, upstream_error INTEGER NOT NULL, stream_error INTEGER NOT NULL,
			client_error INTEGER NOT NULL, client_cancelled INTEGER NOT NULL, local INTEGER NOT NULL,
			reused INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
			latency BLOB NOT NULL, first_byte BLOB NOT NULL,
			PRIMARY KEY (start, upstream)) WITHOUT ROWID`)
		for i := range n {
			at := now.Add(-time.Duration(i) * w.span()).Truncate(w.span()).Unix()
			for _, upstream := range []string{"", "relay"} {
				exec("INSERT INTO "+w.table()+" VALUES (?,?,2,1,0,0,0,0,1,10,20,?,?)", at, upstream, appendHistogram(nil, &h), []byte{})
			}
		}
	}
	exec("COMMIT")
	exec(fmt.Sprintf("PRAGMA application_id = %d", application))
	exec(fmt.Sprintf("PRAGMA user_version = %d", schemaWithoutWays))
}

// TestOlderIsMigrated: a database of version 1 keeps what it has, can be read before a
// daemon has opened it, and takes rows of new ways beside the old ones.
func TestOlderIsMigrated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	now := time.Unix(1_700_000_000, 0).Truncate(time.Hour).Add(5 * time.Second)
	writeVersion1(t, path, now, 1200)
	before := func() (rows []Row) {
		if err := Read(t.Context(), path, now.Add(-24*time.Hour), now, func(r Row) error { rows = append(rows, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	old := before()
	if got, want := sumOf(old), (meter.Counts{OK: 4800, UpstreamError: 2400}); got != want || len(old) != 2400 {
		t.Fatalf("read as it is: got %d rows of %+v; want 2400 of %+v", len(old), got, want)
	}

	b := newBench(t, path, 0)
	defer b.stop()
	if got := b.k.State(); got.Code != Kept || b.log.Len() > 0 {
		t.Fatalf("got state %+v, log %s; want %s", got, b.log, Kept)
	}
	migrated := b.rows(24 * time.Hour)
	if len(migrated) != len(old) {
		t.Fatalf("got %d rows; want %d", len(migrated), len(old))
	}
	for i := range old {
		if migrated[i] != old[i] {
			t.Fatalf("row %d: got %+v; want %+v", i, migrated[i], old[i])
		}
	}
	if got := sumOf(b.rows(90 * 24 * time.Hour)).Total(); got != 7200 {
		t.Errorf("by the hour: got %d requests; want 7200", got)
	}
	if got := b.m.Snapshot().Day.Counts.Total(); got == 0 {
		t.Error("the meter's windows got nothing back")
	}

	b.m.Record(meter.Record{Upstream: "relay", Protocol: "HTTP/2.0", Scope: "caller", Total: time.Millisecond})
	b.tick()
	ways := map[meter.Way]uint64{}
	for _, r := range b.rows(24 * time.Hour) {
		if r.Upstream == "relay" {
			ways[r.Way] += r.Counts.Total()
		}
	}
	if unknown, new := ways[meter.Way{}], ways[meter.Way{Transport: "http2", Scope: "caller"}]; unknown != 3600 || new != 1 || len(ways) != 2 {
		t.Errorf("got %v; want 3600 of unknown ways and 1 over HTTP/2", ways)
	}
}

// TestMigrationFitsTheLimit: a database that was full is migrated within its size, because
// the pages that old rows leave take the new ones.
func TestMigrationFitsTheLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	writeVersion1(t, path, time.Unix(1_700_000_000, 0), 2500)
	was, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, path, was.Size())
	if got := b.k.State(); got.Code != Kept {
		t.Fatalf("got state %+v; want %s", got, Kept)
	}
	b.stop()
	is, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if is.Size() > was.Size()*5/4 {
		t.Errorf("got %d bytes; want a quarter more than %d at most", is.Size(), was.Size())
	}
}

// TestWriteOnDemand: what was counted is there when Write returns, and a keeper that has
// ended does not keep anyone waiting.
func TestWriteOnDemand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	m := meter.New(nil)
	k := New(Config{Path: path, Meter: m, Every: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	m.Record(meter.Record{Upstream: "a"})
	k.Write(t.Context())
	n := uint64(0)
	if err := Read(t.Context(), path, time.Now().Add(-time.Hour), time.Now(), func(r Row) error { n += r.Counts.OK; return nil }); err != nil || n != 1 {
		t.Errorf("got %d requests and %v; want 1", n, err)
	}
	cancel()
	<-done
	k.Write(t.Context())
}
