package meter

// A Way is how requests reach an upstream: over which transport and in which scope of the
// pool. What is not known is "".
type Way struct {
	Transport string // http1 or http2, as really used
	Scope     string // shared, upstream or caller
}

// The parts of a way that are told apart. Others count as unknown, so that the ways of one
// upstream are few.
var (
	transports = [...]string{"", "http1", "http2"}
	scopes     = [...]string{"", "shared", "upstream", "caller"}
)

// numWays is how many ways of one upstream are told apart. Those that are used, one or two
// for nearly all, take 26 KB each in each stripe.
const numWays = len(transports) * len(scopes)

// TransportOf names the transport of an answer's protocol, such as "HTTP/2.0", as the
// settings do; "" when none was spoken.
func TransportOf(protocol string) string {
	switch protocol {
	case "HTTP/1.1", "http/1.1":
		return "http1"
	case "HTTP/2.0", "h2":
		return "http2"
	}
	return ""
}

// wayOf returns the number of the record's way. It is asked once a request.
func wayOf(r *Record) int {
	transport, scope := r.Meant, 0
	if r.Protocol != "" {
		transport = TransportOf(r.Protocol)
	}
	switch r.Scope {
	case scopes[1]:
		scope = 1
	case scopes[2]:
		scope = 2
	case scopes[3]:
		scope = 3
	}
	switch transport {
	case transports[1]:
		return len(scopes) + scope
	case transports[2]:
		return 2*len(scopes) + scope
	}
	return scope
}

// wayAt is the way with a number.
func wayAt(i int) Way { return Way{transports[i/len(scopes)], scopes[i%len(scopes)]} }

// A wayCell counts the requests that went one way.
type wayCell struct {
	total   counters
	latency dist
}
