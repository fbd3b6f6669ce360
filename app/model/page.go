package model

// A Page is one page of the window, by the name that "millpond window --page"
// takes. The zero value is the page that is open already, or else the first.
type Page string

// The pages, in the order in which they are offered.
const (
	PageOverview  Page = "overview"
	PageUpstreams Page = "upstreams"
	PagePool      Page = "pool"
	PageAgents    Page = "agents"
	PageVerdict   Page = "verdict"
	PageLog       Page = "log"
	PageGeneral   Page = "general"
	PageWelcome   Page = "welcome" // the first run
)

// Pages returns every page in its order.
func Pages() []Page {
	return []Page{PageOverview, PageUpstreams, PagePool, PageAgents, PageVerdict, PageLog, PageGeneral, PageWelcome}
}
