//go:build !linux

package service

import "context"

// EnableLinger lets the user's services start with the machine, which is a question on Linux only.
func (s *Service) EnableLinger(context.Context) error { return nil }
