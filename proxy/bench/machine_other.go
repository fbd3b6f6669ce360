//go:build !linux

package bench

import (
	"errors"
	"syscall"
	"time"
)

// hardware is not asked for here.
func hardware() (cpu string, megabytes int64) { return "", 0 }

// loadAverage returns that of the last minute, or -1.
func loadAverage() float64 { return -1 }

// measurable reports whether usage works on this system.
const measurable = false

// usage needs /proc.
func usage(int) (cpu time.Duration, resident int64, err error) {
	return 0, 0, errors.New("processor time and memory of a process are measured on Linux only")
}

// bound needs prctl.
func bound() *syscall.SysProcAttr { return nil }
