package exchange

import (
	"fmt"
	"net/http"
	"slices"

	"millpond/proxy/meter"
)

// CodeCredentialMissing says that the credential of the upstream cannot be read, so that
// nothing is sent there: without it the client's own would go to an upstream that it is
// not meant for.
const CodeCredentialMissing = "credential_missing"

// withheld returns why nothing may be sent to the upstream at an index; nil when it may.
func (st *State) withheld(i int) error {
	if i >= len(st.Withheld) {
		return nil
	}
	return st.Withheld[i]
}

// withhold takes the upstreams that nothing may be sent to out of those that may serve
// the request. It returns why the request cannot be carried when none is left.
func (t *turn) withhold() *problem {
	isWithheld := func(i int) bool { return t.st.withheld(i) != nil }
	all := t.match.Upstreams
	if !slices.ContainsFunc(all, isWithheld) {
		return nil
	}
	t.match.Upstreams = slices.DeleteFunc(slices.Clone(all), isWithheld) // the table's own must not change
	if len(t.match.Upstreams) > 0 {
		return nil
	}
	name := t.st.Upstreams[all[0]].Name
	t.settle(meter.Local, CodeCredentialMissing, t.st.withheld(all[0]))
	return &problem{status: http.StatusBadGateway, code: CodeCredentialMissing, lasting: true,
		message: fmt.Sprintf("nothing was sent to upstream %q, because its credential cannot be read; \"millpondd upstream test %s\" says why", name, name)}
}
