//go:build lean

package main

import (
	"millpond/app"
	"millpond/app/model"
)

// newWindow is nil in the program that is the tray alone.
var newWindow func(func(model.Text) string, model.Actions, model.Text, model.Page) app.Window
