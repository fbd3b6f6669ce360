//go:build lean

package main

import "millpond/app"

// newWindow is nil in the program that is the tray alone.
var newWindow func(app.Opening) app.Window
