package main

import (
	"net/url"
	"strings"

	"millpond/assets"
	"millpond/settings"
)

// kindOf says what the API at an address speaks: that of the catalogue's entry which the
// address belongs to, the one with the longest path; plain HTTP when there is none. A
// port of this machine says nothing: anything may listen at 8000 or 8080.
func kindOf(address *url.URL) settings.Kind {
	kind, longest := settings.KindHTTP, -1
	for _, s := range assets.Catalogue() {
		known, err := url.Parse(s.URL)
		if err != nil || s.Local || !strings.EqualFold(known.Host, address.Host) || len(known.Path) <= longest {
			continue
		}
		if address.Path == known.Path || strings.HasPrefix(address.Path, known.Path+"/") {
			kind, longest = settings.Kind(s.Kind), len(known.Path)
		}
	}
	return kind
}
