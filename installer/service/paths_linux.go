package service

// SystemPaths returns where the system's service keeps its things.
func SystemPaths() Paths {
	return Paths{
		Settings: "/var/lib/millpond/settings.toml",
		State:    "/var/lib/millpond/state",
		Control:  "/run/millpond/control.sock",
	}
}

// publicSocket is where the system's service tells every user of the machine how it is.
const publicSocket = "/run/millpond/status.sock"
