//go:build !linux

package app

import "context"

// host says whether the desktop shows tray icons.
type host int

const (
	trayNever host = iota
	trayThere
)

// findTray finds the tray, which this system always has.
func findTray(context.Context) (host, error) { return trayThere, nil }

// findScreen finds the screen, which this system always has.
func findScreen() error { return nil }
