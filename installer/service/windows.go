package service

import (
	"strings"
	"time"

	kardianos "github.com/kardianos/service"
)

// What Windows is told. It stands here and not with the rest for Windows, so that tests see it on
// every system.

// windowsAccount is the account of the system's service: a service without rights over the machine.
const windowsAccount = `NT AUTHORITY\LocalService`

// windowsDelays are how long Windows waits before it starts the service again, the last one for all
// later times. The count begins anew after windowsForgiven.
var windowsDelays = []time.Duration{500 * time.Millisecond, 2 * time.Second, 10 * time.Second, 30 * time.Second}

// windowsForgiven is the time without a failure after which Windows forgets the earlier ones.
const windowsForgiven = 10 * time.Minute

// windowsConfig is what the service is registered with.
func windowsConfig(c Config) *kardianos.Config {
	vars := map[string]string{}
	for _, v := range environment(c) {
		name, value, _ := strings.Cut(v, "=")
		vars[name] = value
	}
	return &kardianos.Config{
		Name: Name, DisplayName: "Millpond", Description: description,
		UserName: windowsAccount, Executable: c.Program, Arguments: c.Args, EnvVars: vars,
		Option: kardianos.KeyValue{"StartType": "automatic", "DelayedAutoStart": false},
	}
}

// environment is what tells the daemon where its things are, as NAME=VALUE.
func environment(c Config) []string {
	return []string{
		"MILLPOND_CONFIG=" + c.Paths.Settings, "MILLPOND_STATE=" + c.Paths.State, "MILLPOND_CONTROL=" + c.Paths.Control,
	}
}

// windowsCommand is the command line that Windows runs at log-on. The daemon is a program for
// consoles, so a console without a window is made for it (since Windows 10 1809).
func windowsCommand(c Config) string {
	words := append([]string{"conhost.exe", "--headless", c.Program}, c.Args...)
	words = append(words, "--config", c.Paths.Settings)
	for i, w := range words {
		words[i] = windowsWord(w)
	}
	return strings.Join(words, " ")
}

// windowsWord writes one argument as CommandLineToArgvW reads it: backslashes are doubled before a
// quote, and only there.
func windowsWord(text string) string {
	if text != "" && !strings.ContainsAny(text, " \t\"") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(text) {
		switch text[i] {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(text[i])
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}
