package main

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// giveBack returns to the system the memory that is not needed at rest: unused heap,
// and the pages of the program's own file, most of them SQLite's code and tables, that
// were read once. What is used again comes back from the page cache by itself, since
// these pages are never written. Measured resident: 6 MB at rest instead of 20, and 16
// right after requests were written.
func giveBack() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		// 00400000-00c7c000 r-xp 00000000 08:02 173521 /usr/bin/millpondd
		fields := bytes.Fields(line)
		if len(fields) != 6 || string(fields[5]) != self || fields[1][1] == 'w' {
			continue
		}
		from, to, ok := bytes.Cut(fields[0], []byte("-"))
		start, errStart := strconv.ParseUint(string(from), 16, 64)
		end, errEnd := strconv.ParseUint(string(to), 16, 64)
		if !ok || errStart != nil || errEnd != nil {
			continue
		}
		// An error costs memory and nothing else.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_DONTNEED)
	}
}
