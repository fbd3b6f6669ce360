//go:build !linux

package notify

import "time"

// monotonic is asked for only under systemd, which is Linux's.
func monotonic() time.Duration { return 0 }
