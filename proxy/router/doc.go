// Package router says which upstreams may serve a request. A Table is compiled from the settings and
// never changes; new settings make a new table. The router looks at the request line and a few header
// fields, and neither at health (proxy/upstream chooses) nor at the network.
//
// A target passes byte for byte: it is cut, never decoded and encoded again, so that encoded slashes,
// double slashes, dot segments and the query reach the upstream as the client wrote them.
//
// Order: absolute-form goes to forward mode; /u/NAME/ pins an upstream; then the longest configured
// route; then the paths known to belong to one kind of API; then the first enabled upstream.
package router
