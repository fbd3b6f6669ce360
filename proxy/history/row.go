package history

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"millpond/proxy/meter"
)

// A width is how much time a row covers.
type width uint8

const (
	minutes width = iota
	hours
)

func (w width) table() string { return [...]string{"minutes", "hours"}[w] }

func (w width) span() time.Duration { return [...]time.Duration{time.Minute, time.Hour}[w] }

func (w width) kept() time.Duration { return [...]time.Duration{KeepMinutes, KeepHours}[w] }

// A key is what tells rows apart.
type key struct {
	width    width
	start    int64 // seconds since 1970
	upstream string
	way      meter.Way
}

// keyOf is the key of the row that holds at.
func keyOf(w width, at time.Time, of source) key {
	return key{w, at.Truncate(w.span()).Unix(), of.upstream, of.way}
}

// A source is what a tally is of.
type source struct {
	upstream string
	way      meter.Way
}

// A Row is what was counted of one way to one upstream within a minute or an hour. The
// way of a row from before ways were told apart is unknown.
type Row struct {
	Start time.Time
	Width time.Duration
	meter.Tally
}

// columnsOf lists the columns, as they are in tables of a version.
func columnsOf(version int) string {
	way := "transport, scope"
	if version == schemaWithoutWays {
		way = "'', ''"
	}
	return "start, upstream, " + way + ", ok, upstream_error, stream_error, client_error, client_cancelled, local, reused, bytes_in, bytes_out, latency, first_byte"
}

// insertInto is the statement for insert.
func insertInto(w width) string {
	return "INSERT OR REPLACE INTO " + w.table() + " (" + columnsOf(schema) + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
}

func insert(ctx context.Context, s *sql.Stmt, id key, t *meter.Tally) error {
	c := t.Counts
	_, err := s.ExecContext(ctx, id.start, id.upstream, id.way.Transport, id.way.Scope,
		int64(c.OK), int64(c.UpstreamError), int64(c.StreamError), int64(c.ClientError),
		int64(c.ClientCancelled), int64(c.Local), int64(t.Reused), t.BytesIn, t.BytesOut,
		appendHistogram([]byte{}, &t.Latency), appendHistogram([]byte{}, &t.FirstByte))
	return err
}

// load returns the row of id, nil when there is none.
func (f *file) load(ctx context.Context, id key) (*meter.Tally, error) {
	row := f.db.QueryRowContext(ctx, "SELECT "+columnsOf(schema)+" FROM "+id.width.table()+
		" WHERE start = ? AND upstream = ? AND transport = ? AND scope = ?", id.start, id.upstream, id.way.Transport, id.way.Scope)
	r, err := scan(row, id.width)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &r.Tally, err
}

// each calls do for every row that begins from from to before to, the oldest first.
func (f *file) each(ctx context.Context, w width, from, to time.Time, do func(Row) error) error {
	rows, err := f.db.QueryContext(ctx, "SELECT "+columnsOf(f.version)+" FROM "+w.table()+" WHERE start >= ? AND start < ? ORDER BY start, upstream, 3, 4", from.Unix(), to.Unix())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scan(rows, w)
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

func scan(from interface{ Scan(...any) error }, w width) (Row, error) {
	r := Row{Width: w.span()}
	var start int64
	var latency, firstByte sql.RawBytes
	var copied [2][]byte
	c := &r.Counts
	into := []any{&start, &r.Upstream, &r.Way.Transport, &r.Way.Scope, &c.OK, &c.UpstreamError, &c.StreamError, &c.ClientError, &c.ClientCancelled, &c.Local,
		&r.Reused, &r.BytesIn, &r.BytesOut, &latency, &firstByte}
	if _, single := from.(*sql.Row); single { // which does not lend its bytes
		into[13], into[14] = &copied[0], &copied[1]
	}
	if err := from.Scan(into...); err != nil {
		return r, err
	}
	r.Start = time.Unix(start, 0)
	for _, h := range []struct {
		into  *meter.Histogram
		bytes []byte
	}{{&r.Latency, append(copied[0], latency...)}, {&r.FirstByte, append(copied[1], firstByte...)}} {
		if err := readHistogram(h.bytes, h.into); err != nil {
			return r, err
		}
	}
	return r, nil
}

// appendHistogram writes the histogram as numbers of the kind that encoding/binary
// calls uvarint: sum and maximum in microseconds, then for each bucket with counts how
// many empty ones were passed, and its count. Without counts it writes nothing.
func appendHistogram(b []byte, h *meter.Histogram) []byte {
	if h.Count() == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(max(h.Sum, 0).Microseconds()))
	b = binary.AppendUvarint(b, uint64(max(h.Max, 0).Microseconds()))
	next := 0
	for i, n := range h.N {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(i-next))
			b = binary.AppendUvarint(b, n)
			next = i + 1
		}
	}
	return b
}

// readHistogram reads what appendHistogram wrote.
func readHistogram(b []byte, h *meter.Histogram) error {
	if len(b) == 0 {
		return nil
	}
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad, b = true, nil
			return 0
		}
		b = b[n:]
		return v
	}
	microseconds := func() time.Duration {
		v := number()
		if v > uint64(math.MaxInt64/time.Microsecond) {
			bad, b = true, nil
			return 0
		}
		return time.Duration(v) * time.Microsecond
	}
	h.Sum, h.Max = microseconds(), microseconds()
	next := uint64(0)
	for len(b) > 0 {
		skip, n := number(), number()
		if bad || skip >= meter.HistogramBuckets || next+skip >= meter.HistogramBuckets {
			bad = true
			break
		}
		h.N[next+skip] = n
		next += skip + 1
	}
	if bad {
		return &damage{"durations that cannot be read"}
	}
	return nil
}
