package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"millpond/app/model"
)

// A page is what the window shows beside the navigation. It is one type in one
// file. The window shows it the newest view whenever there is one, while it is
// open and when it is opened; with View.Connected false too, for which it draws
// what it has to say then. A page does no I/O and never waits: what a person asks
// for goes out by tools.do, and the answer is in a later view.
type page interface {
	// show draws a view.
	show(model.View)
	// body returns what the page draws in, the same at each call. The window
	// gives it room at the edges and scrolls it where it is too tall.
	body() fyne.CanvasObject
}

// A page that is an escaper is told when a person presses Escape, to close what
// it has opened over its first sight.
type escaper interface{ escape() }

// A page that is full tells the state of the proxy itself, so that nothing stands over
// it.
type fullPage interface{ full() }

// tools are what each page is made with.
type tools struct {
	say  func(model.Text) string // words a text
	do   model.Actions           // what a person can ask for
	edit *editor                 // the settings as they are being changed
	open func(model.Page)        // shows another page
	help *helper                 // shows help beside what the pointer rests on
}

// pages lists every page in the order of the navigation. A new page needs a line
// here, a name in model.Pages and its words.
var pages = []struct {
	name  model.Page
	label string // a key of the locale files
	icon  func() fyne.Resource
	make  func(tools) page
}{
	{model.PageOverview, "page.overview", theme.HomeIcon, func(t tools) page { return newOverview(t) }},
	{model.PageUpstreams, "page.upstreams", theme.StorageIcon, func(t tools) page { return newUpstreamsPage(t) }},
	{model.PagePool, "page.pool", theme.GridIcon, func(t tools) page { return newPoolPage(t) }},
	{model.PageAgents, "page.agents", theme.ComputerIcon, func(t tools) page { return newAgentsPage(t) }},
	{model.PageVerdict, "page.verdict", theme.HistoryIcon, func(t tools) page { return newVerdictPage(t) }},
	{model.PageLog, "page.log", theme.ListIcon, func(t tools) page { return newLogPage(t) }},
	{model.PageGeneral, "page.general", theme.SettingsIcon, func(t tools) page { return newGeneralPage(t) }},
	{model.PageWelcome, "page.welcome", theme.HelpIcon, func(t tools) page { return newWelcomePage(t) }},
}
