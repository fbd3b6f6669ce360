// Package system lives the life of an installation on a real systemd: a container of its own, over
// this machine's own root, in which the built daemon is installed, killed, rebooted, upgraded and
// removed. What came of it is asserted from outside: by requests, by systemctl, by files on disk.
//
// Nothing of the machine is changed. All mounts are made in a mount name space of the container's
// own and vanish with it; what is written goes to memory.
package system
