//go:build !linux && !windows && !darwin

package pool

import (
	"syscall"
	"time"
)

// limitUnacked does nothing where the system has no such limit; TCP keep-alive
// finds the dead path of an idle connection after a minute.
func limitUnacked(syscall.RawConn, time.Duration) error { return nil }
