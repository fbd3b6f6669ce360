package model

import "millpond/settings"

// A General is the page about the application and its service.
type General struct {
	Known       bool // the facts were gathered
	Service     Service
	Setup       []StepView // what was asked of the service, step by step
	Failure     string     // why it failed, in English; "" when it did not
	Busy        bool       // something asked of the service is under way
	AtLogin     bool
	AtLoginBad  string // why it is not known whether it starts at login
	Preferences Preferences
	Settings    string // the settings file
	Versions    Text   // of the application and of the daemon
	Bundle      string // of diagnostics, the last that was saved; "" before
	Mismatch    Text   // when they differ; may be empty
}

// ProxyKeys are the settings that the general page fills in.
func ProxyKeys() []settings.Key {
	var keys []settings.Key
	for _, k := range settings.Keys() {
		if k.Path == "listen.address" || k.Path == "app.off" {
			keys = append(keys, k)
		}
	}
	return keys
}

// generalOf describes the page.
func generalOf(v View, d Desk) General {
	g := General{
		Known:      d.Service.Asked,
		Service:    serviceOf(d.Service, v),
		Setup:      d.Setup.Views(),
		Failure:    d.Setup.Failure,
		Busy:       d.Setup.Busy(),
		AtLogin:    d.AtLogin,
		AtLoginBad: d.AtLoginBad, Preferences: d.Preferences,
		Settings: d.Settings, Bundle: d.Bundle,
		Versions: T("general.version_application", "Application", d.Version),
	}
	if v.ConfigPath != "" {
		g.Settings = v.ConfigPath
	}
	if v.Version != "" {
		g.Versions = T("general.versions", "Application", d.Version, "Daemon", v.Version)
		if v.Version != d.Version && v.Connected {
			g.Mismatch = T("general.mismatch")
		}
	}
	return g
}
