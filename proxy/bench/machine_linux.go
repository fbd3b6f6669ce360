package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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

// usage returns the processor time, of user and system, that the process and its descendants have
// used so far, and the memory that they have resident, in bytes. A page that several processes share
// counts for a part in each (Pss, proc_pid_smaps(5)).
func usage(pid int) (cpu time.Duration, resident int64, err error) {
	tree, err := descendants(pid)
	if err != nil {
		return 0, 0, err
	}
	for id := range tree {
		spent, err := processorTime(id)
		if err != nil {
			return 0, 0, err
		}
		cpu += spent
	}
	for id := range tree {
		file := fmt.Sprintf("/proc/%d/smaps_rollup", id)
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(fieldOf(file, "Pss"), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read the memory of process %d from %s: %w", id, file, err)
		}
		resident += kilobytes * 1024
	}
	return cpu, resident, nil
}

// processorTime returns what all threads of a process have used, those that have ended too, in
// nanoseconds: by its clock, as clock_getcpuclockid(3) makes its number. /proc/PID/stat counts in
// hundredths of a second, a tenth of what some rounds take.
func processorTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED of linux/posix-timers.h
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
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
