package assets

import "embed"

// trayIcons are what the tray of this system reads.
//
//go:embed icon/tray-*.ico
var trayIcons embed.FS

// trayFormat is their format.
const trayFormat = "ico"
