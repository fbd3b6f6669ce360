package socket

import (
	"sync"
	"sync/atomic"
)

// keptBuffers is how many buffers are made at first, and kept for good. Few are in use at one time: a
// connection that waits has none.
const keptBuffers = 8

// Buffers are buffers of one size to read into. Unlike those of a sync.Pool, a few outlive the
// garbage collection. Else the readers that come during one would each make their own: making one,
// a reader is held up by the collector, and the next finds none again. Use NewBuffers.
type Buffers struct {
	size int
	kept [keptBuffers]atomic.Pointer[[]byte] // nil where one is in use
	fill sync.Once                           // makes those that are kept, at the first Get
	more sync.Pool
}

// NewBuffers returns buffers of size bytes each.
func NewBuffers(size int) *Buffers { return &Buffers{size: size} }

// Get returns a buffer, with anything in it.
func (b *Buffers) Get() *[]byte {
	b.fill.Do(func() {
		for i := range b.kept {
			b.kept[i].Store(b.create())
		}
	})
	for i := range b.kept {
		if buf := b.kept[i].Load(); buf != nil && b.kept[i].CompareAndSwap(buf, nil) {
			return buf
		}
	}
	if buf, ok := b.more.Get().(*[]byte); ok {
		return buf
	}
	return b.create()
}

func (b *Buffers) create() *[]byte {
	buf := make([]byte, b.size)
	return &buf
}

// Put gives a buffer back; nil for none. One of another size, which had to grow, is dropped.
func (b *Buffers) Put(buf *[]byte) {
	if buf == nil || len(*buf) != b.size {
		return
	}
	for i := range b.kept {
		if b.kept[i].Load() == nil && b.kept[i].CompareAndSwap(nil, buf) {
			return
		}
	}
	b.more.Put(buf)
}
