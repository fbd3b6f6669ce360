package store

import (
	"errors"
	"runtime"
	"strings"
)

// DefaultPath returns where the settings file is: MILLPOND_CONFIG, or settings.toml in the user's
// configuration folder. It looks at the environment alone and touches no file.
func DefaultPath(getenv func(string) string) (string, error) {
	return defaultPath(runtime.GOOS, getenv)
}

// StateDir returns the folder for what Millpond itself writes (history, learned ages, log):
// MILLPOND_STATE, or the user's state folder.
func StateDir(getenv func(string) string) (string, error) { return stateDir(runtime.GOOS, getenv) }

// defaultPath is DefaultPath on the named system.
func defaultPath(goos string, getenv func(string) string) (string, error) {
	if file := getenv("MILLPOND_CONFIG"); file != "" {
		return file, nil
	}
	switch goos {
	case "windows":
		return under(goos, getenv, "AppData", `Millpond\settings.toml`)
	case "darwin":
		return under(goos, getenv, "HOME", "Library/Application Support/Millpond/settings.toml")
	}
	return xdg(getenv, "XDG_CONFIG_HOME", ".config", "millpond/settings.toml")
}

// stateDir is StateDir on the named system.
func stateDir(goos string, getenv func(string) string) (string, error) {
	if dir := getenv("MILLPOND_STATE"); dir != "" {
		return dir, nil
	}
	switch goos {
	case "windows":
		return under(goos, getenv, "LocalAppData", "Millpond")
	case "darwin":
		// macOS has no folder for state; one of its own lets settings outlive it.
		return under(goos, getenv, "HOME", "Library/Application Support/Millpond/State")
	}
	return xdg(getenv, "XDG_STATE_HOME", ".local/state", "millpond")
}

// xdg joins rest to the folder that the variable names, or to its fallback in the home folder. A
// relative one is ignored (XDG Base Directory Specification 0.8, "Basics").
func xdg(getenv func(string) string, variable, fallback, rest string) (string, error) {
	if dir := getenv(variable); strings.HasPrefix(dir, "/") {
		return strings.TrimRight(dir, "/") + "/" + rest, nil
	}
	return under("linux", getenv, "HOME", fallback+"/"+rest)
}

// under joins rest to the folder that the variable names, with the separator of the named system.
func under(goos string, getenv func(string) string, variable, rest string) (string, error) {
	dir := getenv(variable)
	if dir == "" {
		return "", errors.New("find the user's folders: " + variable + " is not set; set it, or MILLPOND_CONFIG and MILLPOND_STATE")
	}
	if goos == "windows" {
		return strings.TrimRight(dir, `\/`) + `\` + rest, nil
	}
	return strings.TrimRight(dir, "/") + "/" + rest, nil
}
