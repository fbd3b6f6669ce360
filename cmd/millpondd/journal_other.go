//go:build !linux

package main

import "io"

// toJournal is a question on Linux only.
func (a *app) toJournal(io.Writer) bool { return false }
