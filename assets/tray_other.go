//go:build !windows

package assets

// trayIcons are what the tray of this system reads.
var trayIcons = stateIcons

// trayFormat is their format.
const trayFormat = "png"
