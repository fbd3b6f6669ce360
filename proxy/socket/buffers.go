package socket

import "sync"

// keptBuffers is how many buffers are made at first, and kept for good. Few are in use at one time: a
// connection that waits has none.
const keptBuffers = 8

// Buffers are buffers of one size to read into. Unlike those of a sync.Pool, a few outlive the
// garbage collection. Else the readers that come during one would each make their own: making one,
// a reader is held up by the collector, and the next finds none again. Use NewBuffers.
type Buffers struct {
	size int

	mu   sync.Mutex // guards kept
	kept []*[]byte  // nil before the first Get

	more sync.Pool
}

// NewBuffers returns buffers of size bytes each.
func NewBuffers(size int) *Buffers { return &Buffers{size: size} }

// Get returns a buffer, with anything in it.
func (b *Buffers) Get() *[]byte {
	if buf := b.takeKept(); buf != nil {
		return buf
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

func (b *Buffers) takeKept() *[]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kept == nil {
		for range keptBuffers {
			b.kept = append(b.kept, b.create())
		}
	}
	last := len(b.kept) - 1
	if last < 0 {
		return nil
	}
	buf := b.kept[last]
	b.kept = b.kept[:last]
	return buf
}

// Put gives a buffer back; nil for none. One of another size, which had to grow, is dropped.
func (b *Buffers) Put(buf *[]byte) {
	if buf != nil && len(*buf) == b.size && !b.keep(buf) {
		b.more.Put(buf)
	}
}

func (b *Buffers) keep(buf *[]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) == keptBuffers {
		return false
	}
	b.kept = append(b.kept, buf)
	return true
}
