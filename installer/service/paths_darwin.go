package service

// SystemPaths returns where the system's service keeps its things.
func SystemPaths() Paths {
	return Paths{
		Settings: "/Library/Application Support/Millpond/settings.toml",
		State:    "/Library/Application Support/Millpond/State",
		Control:  "/Library/Application Support/Millpond/control.sock",
	}
}

// publicSocket is where the system's service tells every user of the machine how it is: in a folder of
// its own, since that of the settings lets nobody pass.
const publicSocket = "/Library/Application Support/Millpond Status/status.sock"
