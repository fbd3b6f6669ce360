package pool

import (
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// sleepGap is how far the wall clock may run ahead of the monotonic one, or a
	// tick be late, before the machine counts as having slept. The monotonic clocks
	// of the three systems stand still during sleep.
	sleepGap = 5 * time.Second
	// lookEvery is how often the network's addresses are compared.
	lookEvery = 3 * time.Second
)

// An environment notices that the machine slept or that its network changed:
// connections from before are then dead, though nothing says so.
type environment struct {
	wall      time.Time // no monotonic part
	mono      time.Time
	looked    time.Time
	addresses string
}

func newEnvironment() *environment {
	now := time.Now()
	return &environment{wall: now.Round(0), mono: now, looked: now, addresses: addresses()}
}

// changed reports in words what happened since the last call, or "".
func (e *environment) changed() string {
	now := time.Now()
	wall, mono := now.Round(0).Sub(e.wall), now.Sub(e.mono)
	e.wall, e.mono = now.Round(0), now
	if slept(wall, mono) {
		return "the machine slept"
	}
	if now.Sub(e.looked) < lookEvery {
		return ""
	}
	e.looked = now
	if a := addresses(); a != e.addresses {
		e.addresses = a
		return "the network changed"
	}
	return ""
}

// slept compares what the two clocks say has passed.
func slept(wall, mono time.Duration) bool { return wall-mono > sleepGap }

// addresses are those of all interfaces that are up, but not of loopback, and
// not the temporary ones of IPv6, which come and go by themselves.
func addresses() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	var list []string
	for _, a := range all {
		if ipn, ok := a.(*net.IPNet); ok && !ipn.IP.IsLoopback() && !ipn.IP.IsLinkLocalUnicast() {
			if ipn.IP.To4() == nil {
				list = append(list, ipn.IP.Mask(net.CIDRMask(64, 128)).String())
				continue
			}
			list = append(list, ipn.String())
		}
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), " ")
}
