//go:build !linux

package app

// dropStartPages does nothing where the system keeps code that is not running out
// of the count by itself.
func dropStartPages() {}
