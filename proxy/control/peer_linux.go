package control

import "golang.org/x/sys/unix"

// peerUID returns the user of the process that connected fd, or listens on it:
// SO_PEERCRED, unix(7).
func peerUID(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
