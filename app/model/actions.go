package model

import "millpond/settings"

// Actions are what a person can ask for in the window. Each returns at once; what
// comes of it is in a later View. All are required unless they say otherwise.
type Actions struct {
	Switch func(on bool)     // let requests pass, or not
	Copy   func(text string) // to the clipboard
	Save   func(Edit)        // put settings in force; View.Saved tells

	Probe     func(settings.Upstream) // test an upstream; View.Probe tells
	StopProbe func()                  // end the test, and put its result away

	// Advice takes a piece of advice, or takes it back. The revision is that of the
	// settings that it is shown beside.
	Advice func(id string, revision uint64, on bool)

	Open func(Page) // this page is shown now, so that its facts are wanted; may be nil

	Service    func(ServiceAction)              // General.Setup tells how it goes
	RunOnce    func()                           // the daemon for this login, not as a service
	Demo       func()                           // the daemon with its built-in upstreams
	Add        func(settings.Upstream)          // to the end of the list
	AtLogin    func(on bool)                    // start the tray at login, or not
	Prefer     func(Preferences)                // language and appearance, at once
	Connect    func(client string, on bool)     // point a client at us, or take that back
	Try        func(r VerdictRow, share string) // what is proposed, with one of Shares
	Trial      func(id string, a TrialAction)
	OpenFolder func(path string) // in the system's file manager; of a file, the folder it is in
	Diagnose   func()            // save a bundle for whoever helps; General.Bundle tells where
}
