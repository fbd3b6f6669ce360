//go:build !linux

package history

// runFull is for Linux, where a process can limit the size of its files.
func runFull(string) error { return nil }
