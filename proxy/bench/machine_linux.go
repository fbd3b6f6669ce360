package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hardware names the processor and the memory.
func hardware() (cpu string, megabytes int64) {
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(fieldOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	return fieldOf("/proc/cpuinfo", "model name"), kilobytes / 1024
}

// fieldOf returns the first value of a name in a file of "name: value" lines; "" when it lacks it.
func fieldOf(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// loadAverage returns that of the last minute, or -1.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	var load float64
	if _, err := fmt.Sscan(string(text), &load); err != nil {
		return -1
	}
	return load
}

// measurable reports whether usage works on this system.
const measurable = true

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, which is 100 on every platform
// that Go runs on (proc(5), sysconf(3)).
const clockTick = time.Second / 100

// usage returns the processor time, of user and system, that the process and its descendants have
// used so far, and the memory that they have resident, in bytes. Pages that they share count once
// for each.
func usage(pid int) (cpu time.Duration, resident int64, err error) {
	tree, err := descendants(pid)
	if err != nil {
		return 0, 0, err
	}
	for _, fields := range tree {
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		cpu += time.Duration(user+system) * clockTick
		resident += pages * int64(os.Getpagesize())
	}
	return cpu, resident, nil
}

// descendants returns the fields of /proc/PID/stat from the third on (proc(5)) for the process and
// all below it.
func descendants(pid int) (map[int][]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := map[int][]string{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		end := strings.LastIndexByte(string(text), ')') // the name before it may hold anything
		if err != nil || end < 0 {
			continue // it has ended
		}
		if fields := strings.Fields(string(text[end+1:])); len(fields) > 21 {
			id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			all[id] = fields
		}
	}
	if all[pid] == nil {
		return nil, fmt.Errorf("process %d has ended", pid)
	}
	tree := map[int][]string{pid: all[pid]}
	for grown := true; grown; {
		grown = false
		for id, fields := range all {
			parent, _ := strconv.Atoi(fields[1])
			if tree[id] == nil && tree[parent] != nil {
				tree[id], grown = fields, true
			}
		}
	}
	return tree, nil
}

// bound has the process end when the thread that started it does, so that nothing is left when
// this program is killed. The caller must hold the thread (runtime.LockOSThread) as long.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
