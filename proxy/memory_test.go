package proxy

import (
	"runtime"
	"testing"
)

// What a burst took is given back once it is over, and not before.
func TestMemoryIsGivenBack(t *testing.T) {
	held := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.Sys - m.HeapReleased
	}
	burst := make([][]byte, 64)
	for i := range burst {
		burst[i] = make([]byte, 1<<20)
	}
	full := held()
	runtime.KeepAlive(burst)
	giveBackAfter(0)
	if got := held(); got < full-32<<20 {
		t.Errorf("%d bytes are held in the burst; want about %d", got, full)
	}
	allocated, unused := unusedMemory()
	if unused < worthwhile {
		t.Errorf("%d bytes are unused; want those of the burst", unused)
	}
	giveBackAfter(allocated)
	if got := held(); got > full-32<<20 {
		t.Errorf("%d bytes are held after the burst; want 32 MB less than %d", got, full)
	}
}
