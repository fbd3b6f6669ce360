package notify

import "net"

// storeName is what systemd knows our sockets by (FDNAME=).
const storeName = "listen"

// A Store is systemd's store of file descriptors (sd_pid_notify_with_fds(3), "FDSTORE=1"): it keeps
// listening sockets open between two runs of the daemon and hands them to the next one. The unit must
// allow it by FileDescriptorStoreMax=. Manager and Getenv are required.
type Store struct {
	Manager
	Getenv func(string) string

	taken bool
}

// Take returns the sockets that systemd has handed to this process, at the first call.
func (s *Store) Take() []net.Listener {
	if s.taken {
		return nil
	}
	s.taken = true
	return inherited(s.Getenv)
}
