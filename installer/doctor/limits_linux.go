package doctor

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptors returns how many descriptors the process may have, or this one when pid is
// 0; see proc_pid_limits(5).
func descriptors(pid int) (limit uint64, known bool) {
	if pid == 0 {
		var r unix.Rlimit
		err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
		return r.Cur, err == nil
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		rest, found := strings.CutPrefix(line, "Max open files")
		if fields := strings.Fields(rest); found && len(fields) > 0 {
			limit, err = strconv.ParseUint(fields[0], 10, 64)
			return limit, err == nil
		}
	}
	return 0, false
}
