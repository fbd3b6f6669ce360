package service

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"strings"
)

// launchdLabel is the name of the job, which launchd wants in this form.
const launchdLabel = "dev.millpond.daemon"

// launchdAccount runs the system's service; macOS has this user for daemons without rights.
const launchdAccount = "daemon"

// launchdPlist returns the property list of the LaunchAgent, or of the LaunchDaemon
// (launchd.plist(5)). launchd starts the daemon again when it has failed or was killed, at once or, when
// it ran shorter than ThrottleInterval, after the rest of that.
func launchdPlist(c Config) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`<?xml version="1.0" encoding="UTF-8"?>`)
	p(`<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">`)
	p(`<!-- Written by "millpondd service install", which replaces it. -->`)
	p(`<plist version="1.0">`)
	p(`<dict>`)
	p("\t<key>Label</key>\n\t<string>%s</string>", launchdLabel)
	p("\t<key>ProgramArguments</key>\n\t<array>")
	for _, word := range append([]string{c.Program}, c.Args...) {
		p("\t\t<string>%s</string>", xmlText(word))
	}
	p("\t</array>")
	p("\t<key>EnvironmentVariables</key>\n\t<dict>")
	for _, v := range [][2]string{{"MILLPOND_CONFIG", c.Paths.Settings}, {"MILLPOND_STATE", c.Paths.State}, {"MILLPOND_CONTROL", c.Paths.Control}} {
		p("\t\t<key>%s</key>\n\t\t<string>%s</string>", v[0], xmlText(v[1]))
	}
	p("\t</dict>")
	p("\t<key>RunAtLoad</key>\n\t<true/>")
	p("\t<key>KeepAlive</key>\n\t<dict>\n\t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>")
	p("\t<key>ThrottleInterval</key>\n\t<integer>5</integer>")
	p("\t<key>ExitTimeOut</key>\n\t<integer>40</integer>")
	p("\t<key>ProcessType</key>\n\t<string>Interactive</string>")
	p("\t<key>Umask</key>\n\t<integer>63</integer>")
	p("\t<key>SoftResourceLimits</key>\n\t<dict>\n\t\t<key>NumberOfFiles</key>\n\t\t<integer>65536</integer>\n\t</dict>")
	if c.Kind == System {
		p("\t<key>UserName</key>\n\t<string>%s</string>", launchdAccount)
	}
	p("\t<key>StandardErrorPath</key>\n\t<string>%s</string>", xmlText(filepath.Join(c.Paths.State, "launchd.log")))
	p(`</dict>`)
	p(`</plist>`)
	return b.String()
}

// xmlText writes a text into XML.
func xmlText(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer does not fail
	return b.String()
}
