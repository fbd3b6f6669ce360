//go:build !linux && !darwin && !windows

package service

// SystemPaths returns where the system's service keeps its things.
func SystemPaths() Paths {
	return Paths{
		Settings: "/var/db/millpond/settings.toml",
		State:    "/var/db/millpond/state",
		Control:  "/var/run/millpond/control.sock",
	}
}

// publicSocket is where the system's service tells every user of the machine how it is.
const publicSocket = "/var/run/millpond/status.sock"
