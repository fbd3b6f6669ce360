package proxy

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// memoryEvery is how often it is asked whether there is memory to give back.
	memoryEvery = time.Second
	// worthwhile is how much has to be unused for that: bytes.
	worthwhile = 3 << 20
	// busy is how much is allocated between two questions while requests come so fast that they
	// would take the memory again at once: bytes.
	busy = 1 << 20
)

// giveBack returns memory to the system when a burst is over, until ctx ends. Go keeps it for
// minutes, and who looks at what a program in the tray holds sees all of it. It takes a garbage
// collection, which is some milliseconds of one core.
func giveBack(ctx context.Context) {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	allocated := giveBackAfter(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			allocated = giveBackAfter(allocated)
		}
	}
}

// giveBackAfter gives memory back if little was allocated since the total was last. It
// returns the total.
func giveBackAfter(last uint64) uint64 {
	allocated, unused := unusedMemory()
	if allocated-last < busy && unused > worthwhile {
		debug.FreeOSMemory()
	}
	return allocated
}

// unusedMemory returns how many bytes were allocated since the start, and how many of those
// held are not in use: free, or garbage as of the last collection.
func unusedMemory() (allocated, unused uint64) {
	m := []runtimemetrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
	}
	runtimemetrics.Read(m)
	objects, live := m[2].Value.Uint64(), m[3].Value.Uint64()
	return m[0].Value.Uint64(), m[1].Value.Uint64() + objects - min(live, objects)
}
