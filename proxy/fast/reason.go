package fast

import (
	"strings"
	"sync/atomic"

	"millpond/proxy/wire"
)

// maxBody is the largest body that is carried here: as large as what is kept for a replay.
const maxBody = 8 << 20

// A reason says why a connection was handed over; zero is none.
type reason uint8

const (
	common           reason = iota // nothing stands against it
	off                            // listen.fast is false
	malformed                      // not a request by RFC 9112, or HTTP/2: refused, or understood, by the other front
	version                        // HTTP/1.0
	target                         // neither a path nor a path with a query: CONNECT, *, or a whole URL
	ownAddress                     // a page of Millpond's own
	lengthMissing                  // POST, PUT or PATCH without a Content-Length
	bodyLarge                      // over 8 MiB
	transferEncoding               // a body in chunks
	upgrade                        // asks to leave HTTP
	expect                         // waits for 100 before it sends its body
	te                             // takes trailers, or other codings
	via                            // came by another proxy
	origin                         // a web page's
	pragma                         // net/http reads Pragma: no-cache as Cache-Control
	refused                        // by the gate
	unwatched                      // the kernel cannot tell when this client leaves
	reasons                        // how many there are
)

var reasonNames = [reasons]string{
	"", "off", "malformed", "version", "target", "own_address", "length_missing", "body_large",
	"transfer_encoding", "upgrade", "expect", "te", "via", "origin", "pragma", "refused", "unwatched",
}

// String returns the reason as the statistics name it.
func (r reason) String() string { return reasonNames[r] }

// judgeHead says why a request, which was parsed strictly, is not for this front by its
// head alone. The framing is that of its body when the reason is common.
func judgeHead(r *wire.Request) (wire.Framing, reason) {
	switch {
	case r.Minor != 1:
		return wire.Framing{}, version
	case r.Target[0] != '/' || string(r.Method) == "CONNECT":
		return wire.Framing{}, target
	case isOwnAddress(r.Target):
		return wire.Framing{}, ownAddress
	}
	sized := false
	for _, f := range r.Fields {
		switch why := judgeField(f.Name); why {
		case common:
		case lengthMissing: // it is Content-Length: not missing
			sized = true
		default:
			return wire.Framing{}, why
		}
	}
	framing, err := r.Framing()
	switch {
	case err != nil:
		return framing, malformed
	case framing.Length > maxBody:
		return framing, bodyLarge
	case !sized && needsLength(r.Method):
		return framing, lengthMissing
	}
	return framing, common
}

// judgeField says what a field's name means for the choice. Names differ in their length
// first, so that most fields cost one comparison.
func judgeField(name []byte) reason {
	switch len(name) {
	case len("TE"):
		return when(name, "te", te)
	case len("Via"):
		return when(name, "via", via)
	case len("Expect"): // and Origin, Pragma
		return when(name, "expect", expect) + when(name, "origin", origin) + when(name, "pragma", pragma)
	case len("Upgrade"):
		return when(name, "upgrade", upgrade)
	case len("Content-Length"):
		return when(name, "content-length", lengthMissing)
	case len("Transfer-Encoding"):
		return when(name, "transfer-encoding", transferEncoding)
	}
	return common
}

func when(name []byte, is string, why reason) reason {
	if strings.EqualFold(string(name), is) { // tokens are ASCII
		return why
	}
	return common
}

func needsLength(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// isOwnAddress reports whether a target is one of Millpond's own pages.
func isOwnAddress(target []byte) bool {
	return hasPrefix(target, "/__millpond__/") || hasPrefix(target, "/__qcc__/")
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// counts are what a front did since it was made.
type counts struct {
	carried atomic.Uint64
	panics  atomic.Uint64
	handed  [reasons]atomic.Uint64
}

// Stats are the figures of a Front.
type Stats struct {
	Carried    uint64            // requests carried here
	HandedOver map[string]uint64 // connections handed over, by the reason; those behind the first request on them are not looked at
	Panics     uint64            // mistakes of ours that ended a connection
}

// Stats returns what was counted since the start.
func (f *Front) Stats() Stats {
	s := Stats{Carried: f.counts.carried.Load(), Panics: f.counts.panics.Load(), HandedOver: map[string]uint64{}}
	for r := common + 1; r < reasons; r++ {
		s.HandedOver[r.String()] = f.counts.handed[r].Load()
	}
	return s
}
