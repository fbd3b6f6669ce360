package store

import "testing"

func TestPaths(t *testing.T) {
	const appData, localAppData = `C:\Users\me\AppData\Roaming`, `C:\Users\me\AppData\Local`
	windows := map[string]string{"AppData": appData, "LocalAppData": localAppData}
	tests := []struct {
		name, goos    string
		env           map[string]string
		config, state string // "" when there is an error
	}{
		{"linux", "linux", map[string]string{"HOME": "/home/me"},
			"/home/me/.config/millpond/settings.toml", "/home/me/.local/state/millpond"},
		{"linux, own folders", "linux", map[string]string{"HOME": "/home/me", "XDG_CONFIG_HOME": "/cfg/", "XDG_STATE_HOME": "/st"},
			"/cfg/millpond/settings.toml", "/st/millpond"},
		{"linux, relative folders are ignored", "linux", map[string]string{"HOME": "/home/me", "XDG_CONFIG_HOME": "cfg", "XDG_STATE_HOME": "st"},
			"/home/me/.config/millpond/settings.toml", "/home/me/.local/state/millpond"},
		{"linux, no home", "linux", nil, "", ""},
		{"freebsd", "freebsd", map[string]string{"HOME": "/home/me"},
			"/home/me/.config/millpond/settings.toml", "/home/me/.local/state/millpond"},
		{"macOS", "darwin", map[string]string{"HOME": "/Users/me", "XDG_CONFIG_HOME": "/cfg"},
			"/Users/me/Library/Application Support/Millpond/settings.toml", "/Users/me/Library/Application Support/Millpond/State"},
		{"macOS, no home", "darwin", nil, "", ""},
		{"windows", "windows", windows, appData + `\Millpond\settings.toml`, localAppData + `\Millpond`},
		{"windows, no profile", "windows", map[string]string{"HOME": "/home/me"}, "", ""},
		{"by our own variables", "windows", map[string]string{"MILLPOND_CONFIG": `D:\m.toml`, "MILLPOND_STATE": `D:\m`}, `D:\m.toml`, `D:\m`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			getenv := func(name string) string { return test.env[name] }
			config, configErr := defaultPath(test.goos, getenv)
			state, stateErr := stateDir(test.goos, getenv)
			if config != test.config || state != test.state {
				t.Errorf("got %q, %q; want %q, %q", config, state, test.config, test.state)
			}
			if (configErr != nil) != (test.config == "") || (stateErr != nil) != (test.state == "") {
				t.Errorf("errors = %v, %v", configErr, stateErr)
			}
		})
	}
}

func TestGetenv(t *testing.T) {
	environ := []string{"Path=first", "APPDATA=roaming", "=C:=C:\\", "PATH=last", "PATH2=other", "odd"}
	tests := []struct{ name, goos, variable, want string }{
		{"the last one counts", "linux", "PATH", "last"},
		{"by its exact name", "linux", "Path", "first"},
		{"another case is another variable", "linux", "AppData", ""},
		{"Windows knows no case", "windows", "AppData", "roaming"},
		{"nor for the last one", "windows", "Path", "last"},
		{"not there", "windows", "odd", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := lookUp(test.goos, environ, test.variable); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}
