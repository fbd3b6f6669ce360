package service

import (
	"os"
	"path/filepath"
)

// SystemPaths returns where the system's service keeps its things.
func SystemPaths() Paths {
	data := filepath.Join(os.Getenv("ProgramData"), "Millpond")
	return Paths{
		Settings: filepath.Join(data, "settings.toml"),
		State:    filepath.Join(data, "State"),
		Control:  `\\.\pipe\millpond-service`,
	}
}

// publicSocket is where the system's service tells every user of the machine how it is.
const publicSocket = `\\.\pipe\millpond-service-status`
