//go:build !linux && !darwin && !windows

package service

// newManager knows none for this system.
func newManager(Config) (manager, error) { return nil, ErrNoManager }
