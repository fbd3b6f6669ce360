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
// these pages were never written. Measured resident: 6 MB at rest instead of 20, and 16
// right after requests were written.
func giveBack() {
	debug.FreeOSMemory()
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range unwritten(maps, self) {
		// An error costs memory and nothing else.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// A mapping is a part of the address space.
type mapping struct{ start, end uintptr }

// unwritten returns the mappings of a file that hold just what the file does, by what
// proc_pid_smaps(5) says. Read-only is not enough: the loader writes the addresses into
// a position-independent program, as packages have it, before it makes them read-only.
func unwritten(maps []byte, file string) []mapping {
	var list []mapping
	ours := false // the last of list is what the lines are about
	for line := range bytes.Lines(maps) {
		fields := bytes.Fields(line)
		switch {
		case len(fields) == 6 && !bytes.HasSuffix(fields[0], []byte(":")):
			// 00400000-00c7c000 r-xp 00000000 08:02 173521 /usr/bin/millpondd
			m, ok := parseMapping(fields[0])
			ours = ok && string(fields[5]) == file && fields[1][1] != 'w'
			if ours {
				list = append(list, m)
			}
		case len(fields) == 5 && !bytes.HasSuffix(fields[0], []byte(":")): // of no file
			ours = false
		case ours && len(fields) == 3 && isPrivate(string(fields[0])) && string(fields[1]) != "0":
			list, ours = list[:len(list)-1], false
		}
	}
	return list
}

// isPrivate reports whether a line of smaps counts pages that are no longer the file's.
func isPrivate(name string) bool { return name == "Anonymous:" || name == "Swap:" }

// parseMapping reads the two ends of a mapping.
func parseMapping(text []byte) (mapping, bool) {
	from, to, ok := bytes.Cut(text, []byte("-"))
	start, errStart := strconv.ParseUint(string(from), 16, 64)
	end, errEnd := strconv.ParseUint(string(to), 16, 64)
	return mapping{uintptr(start), uintptr(end)}, ok && errStart == nil && errEnd == nil
}
