package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The sizes and colours that Millpond adds to those of Fyne.
const (
	sizeFigure = fyne.ThemeSizeName("millpond.figure") // the one large number of a panel
	sizeNumber = fyne.ThemeSizeName("millpond.number") // other numbers that stand out

	ColorPanel   = fyne.ThemeColorName("millpond.panel")   // behind a group of things
	ColorMuted   = fyne.ThemeColorName("millpond.muted")   // text of the second rank
	colorChosen  = fyne.ThemeColorName("millpond.chosen")  // behind what is chosen of several
	colorIdle    = fyne.ThemeColorName("millpond.idle")    // connections that are ready
	colorWaiting = fyne.ThemeColorName("millpond.waiting") // requests that wait for a connection
)

// Appearance is what the window looks like: light or dark.
type Appearance string

// The appearances. The zero value is the system's own.
const (
	System Appearance = ""
	Light  Appearance = "light"
	Dark   Appearance = "dark"
)

// Theme returns the colours of still water. Everything that it does not name is
// Fyne's own.
func Theme(a Appearance) fyne.Theme { return pond{theme.DefaultTheme(), a} }

// pond is Fyne's theme with other colours.
type pond struct {
	fyne.Theme
	appearance Appearance
}

// palette holds a colour for the light and one for the dark variant. Texts have
// a contrast of at least 4.5 to 1 on their background (WCAG 2.2, 1.4.3), which
// a test checks.
var palette = map[fyne.ThemeColorName][2]color.NRGBA{
	theme.ColorNameBackground:          {rgb(0xf2f6f7), rgb(0x12191c)},
	theme.ColorNameForeground:          {rgb(0x14252c), rgb(0xe4ecef)},
	theme.ColorNamePrimary:             {rgb(0x0b7a6b), rgb(0x35c9ae)},
	theme.ColorNameForegroundOnPrimary: {rgb(0xffffff), rgb(0x06231d)},
	theme.ColorNameHyperlink:           {rgb(0x0b7a6b), rgb(0x35c9ae)},
	theme.ColorNameFocus:               {rgba(0x0b7a6b, 0x50), rgba(0x35c9ae, 0x60)},
	theme.ColorNameSelection:           {rgba(0x0b7a6b, 0x40), rgba(0x35c9ae, 0x50)},
	theme.ColorNameButton:              {rgb(0xe3ebed), rgb(0x283439)},
	theme.ColorNameHover:               {rgba(0x14252c, 0x12), rgba(0xffffff, 0x14)},
	theme.ColorNameInputBackground:     {rgb(0xe3ebed), rgb(0x283439)},
	theme.ColorNameSeparator:           {rgb(0xdbe4e7), rgb(0x2c393e)},
	theme.ColorNameSuccess:             {rgb(0x0b7a6b), rgb(0x35c9ae)},
	theme.ColorNameWarning:             {rgb(0x8f5a00), rgb(0xf2b04a)},
	theme.ColorNameError:               {rgb(0xb92d28), rgb(0xff8078)},

	ColorPanel:   {rgb(0xffffff), rgb(0x1b2428)},
	ColorMuted:   {rgb(0x54666e), rgb(0x9cafb7)},
	colorChosen:  {rgb(0xe0f0ed), rgb(0x1d3a37)},
	colorIdle:    {rgb(0x9ad4ca), rgb(0x1f6f62)},
	colorWaiting: {rgb(0xe08c00), rgb(0xf2b04a)},
}

// Color implements fyne.Theme.
func (p pond) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	switch p.appearance {
	case Light:
		variant = theme.VariantLight
	case Dark:
		variant = theme.VariantDark
	}
	pair, ok := palette[name]
	switch {
	case !ok:
		return p.Theme.Color(name, variant)
	case variant == theme.VariantDark:
		return pair[1]
	}
	return pair[0]
}

// Size implements fyne.Theme.
func (p pond) Size(name fyne.ThemeSizeName) float32 {
	switch name {
	case sizeFigure:
		return 40
	case sizeNumber:
		return 20
	case theme.SizeNameCaptionText:
		return 12
	}
	return p.Theme.Size(name)
}

// rgb returns an opaque colour.
func rgb(hex uint32) color.NRGBA { return rgba(hex, 0xff) }

// rgba returns a colour of a strength from 0 to 255.
func rgba(hex uint32, alpha uint8) color.NRGBA {
	return color.NRGBA{R: uint8(hex >> 16), G: uint8(hex >> 8), B: uint8(hex), A: alpha}
}
