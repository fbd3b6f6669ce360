package replay

import (
	"io"
	"math/bits"
	"sync"
	"sync/atomic"
)

// MaxBody is the largest body in bytes that is kept for a replay.
const MaxBody = 8 << 20

// MaxMemory is how many bytes of bodies are kept at the same time.
const MaxMemory = 128 << 20

// Memory bounds the bodies kept for replays. The zero value holds MaxMemory.
type Memory struct {
	used  atomic.Int64
	pools [bits.UintSize]sync.Pool // of *[]byte, by the power of two of their size
}

// smallest is the size of the smallest buffer: most requests fit it.
const smallest = 12 // bits: 4 KiB

// Used returns the bytes kept at present.
func (m *Memory) Used() int64 { return m.used.Load() }

// A Body is a request's body, read whole. The zero value is empty.
type Body struct {
	Bytes []byte
	m     *Memory
	buf   *[]byte
}

// Free gives the memory back; Bytes is not to be used any more. It may be called
// more than once.
func (b *Body) Free() {
	if b.buf == nil {
		return
	}
	size := cap(*b.buf)
	b.m.used.Add(-int64(size))
	b.m.pools[bits.Len(uint(size-1))].Put(b.buf)
	b.buf, b.Bytes = nil, nil
}

// Read reads a body of length bytes from r. ok is false, and nothing was read,
// when it is too large to keep or memory is short; the caller then streams it. The
// error is that of r: io.ErrUnexpectedEOF when it ended early.
func (m *Memory) Read(r io.Reader, length int64) (b Body, ok bool, err error) {
	if length <= 0 || length > MaxBody {
		return Body{}, false, nil
	}
	class := max(smallest, bits.Len64(uint64(length-1)))
	size := int64(1) << class
	if m.used.Add(size) > MaxMemory {
		m.used.Add(-size)
		return Body{}, false, nil
	}
	buf, _ := m.pools[class].Get().(*[]byte)
	if buf == nil {
		fresh := make([]byte, size)
		buf = &fresh
	}
	kept, whole := Body{Bytes: (*buf)[:length], m: m, buf: buf}, false
	defer func() {
		if !whole { // an error, or a panic unwinds
			kept.Free()
		}
	}()
	if _, err := io.ReadFull(r, kept.Bytes); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return Body{}, true, err
	}
	whole = true
	return kept, true, nil
}
