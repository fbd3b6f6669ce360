// Package assets holds what the programs carry with them: the icons and the
// words of the desktop application in each language.
//
// The icons are drawn for Millpond; their sources are the SVG files in icon/,
// and icon/render.sh makes the pictures from them.
package assets

//go:generate sh icon/render.sh

import (
	"embed"
	"fmt"
)

// AppIcon is the application's icon: PNG, 256 pixels.
//
//go:embed icon/app-256.png
var AppIcon []byte

//go:embed icon/tray-*.png
var stateIcons embed.FS

// StateIcon returns the picture of a state: PNG, 64 pixels. The states are on,
// degraded, failing and off, and differ in shape as well as in colour; any other
// state looks as off.
func StateIcon(state string) []byte { return icon(stateIcons, "tray", state, "png") }

//go:embed icon/template-*.png
var templateIcons embed.FS

// TemplateIcon returns the picture of a state for the menu bar of macOS, which takes
// its shape alone and gives it a colour: PNG, 64 pixels, black or transparent.
func TemplateIcon(state string) []byte { return icon(templateIcons, "template", state, "png") }

// TrayIcon returns the picture of a state as this system's tray reads it: an
// ICO on Windows, a PNG elsewhere.
func TrayIcon(state string) []byte { return icon(trayIcons, "tray", state, trayFormat) }

// icon reads the picture of a state of one kind.
func icon(files embed.FS, kind, state, format string) []byte {
	switch state {
	case "on", "degraded", "failing":
	default:
		state = "off"
	}
	picture, err := files.ReadFile(fmt.Sprintf("icon/%s-%s.%s", kind, state, format))
	if err != nil {
		panic(err) // the files are part of the program; a test reads each
	}
	return picture
}
