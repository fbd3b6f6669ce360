package app

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// dropStartPages takes what only the start needed of the program's file out of
// this process's resident memory. Starting runs code all over the file, Fyne's
// included, and the kernel maps 64 KB around each page that is touched: 16 MB in
// the end, of which showing an icon needs a few. What is used again is mapped
// again, from the page cache.
//
// Only segments that cannot be written and hold no page of our own are dropped,
// so the file has the same bytes (madvise(2), MADV_DONTNEED). A segment that the
// loader has relocated has such pages and is left alone.
func dropStartPages() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer smaps.Close()
	var from, to uintptr // the segment, or nothing
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		var first, end uintptr
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &first, &end, &mode); n == 3 {
			from, to = 0, 0
			if strings.HasSuffix(line, " "+self) && (mode == "r-xp" || mode == "r--p") {
				from, to = first, end
			}
		}
		own, found := strings.CutPrefix(line, "Private_Dirty:")
		if found && strings.TrimSpace(own) == "0 kB" && to > from {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
