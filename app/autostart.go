package app

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
)

// Start at login is what each system has for it: an XDG autostart entry, a
// LaunchAgent, or a value under the Run key. The tray starts then and shows no window.

// The names that each system knows our start at login by.
const (
	autostartEntry = ID + ".desktop"     // in the autostart folders of XDG, as the packages call it
	autostartLabel = "dev.millpond.tray" // of the LaunchAgent, and its file's name
	autostartKey   = `Software\Microsoft\Windows\CurrentVersion\Run`
	// Windows takes names of values without regard to case, and the service that is started at log-on is "millpond" there.
	autostartValue = "MillpondTray"
)

// trayProgram is what starts at login: this program, or the tray beside it when this
// one is the window's.
func trayProgram() string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	if image := os.Getenv("APPIMAGE"); image != "" { // where the AppImage is; self is in a mount that goes away
		return image
	}
	dir, name := filepath.Split(self)
	if tray, ok := strings.CutPrefix(name, WindowProgram); ok {
		beside := filepath.Join(dir, "millpond"+tray) // what is left of the name is ".exe"
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return self
}

// desktopEntry is the file that starts the program at login, by the Desktop
// Application Autostart Specification 0.5. A hidden one overrides that of the system, and
// one whose program is gone is passed over.
func desktopEntry(program string, hidden bool) string {
	text := `[Desktop Entry]
Type=Application
Version=1.0
Name=Millpond
Comment=Shows the proxy's state in the tray
Comment[zh_CN]=在托盘中显示代理状态
Exec=` + execOf(program) + ` --background
TryExec=` + strings.ReplaceAll(program, `\`, `\\`) + `
Icon=` + ID + `
Terminal=false
StartupNotify=false
X-GNOME-Autostart-enabled=true
`
	if hidden {
		text += "Hidden=true\n"
	}
	return text
}

// execOf quotes a program for a line Exec, by the Desktop Entry Specification 1.5:
// first as an argument ("The Exec key"), then as a value ("Possible value types").
func execOf(program string) string {
	argument := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`, `%`, `%%`).Replace(program)
	return `"` + strings.ReplaceAll(argument, `\`, `\\`) + `"`
}

// launchAgent is the file by which launchd starts the program at login, as in
// launchd.plist(5).
func launchAgent(program string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(program)) // a Builder does not fail
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + autostartLabel + `</string>
	<key>ProgramArguments</key>
	<array>
		<string>` + escaped.String() + `</string>
		<string>--background</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
	<key>ProcessType</key>
	<string>Interactive</string>
</dict>
</plist>
`
}

// runValue is the text of the value under the Run key. A path has no quotes in it on
// Windows.
func runValue(program string) string { return `"` + program + `" --background` }
