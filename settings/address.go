package settings

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What an address must look like, in words.
const (
	nameForm   = "a name of a-z, 0-9, dot, dash and underscore that begins with a letter or digit"
	urlForm    = "an http or https address such as https://api.example.com"
	listenForm = "an address and a port such as 127.0.0.1:7860 or localhost:7860"
	egressForm = `"", "system", or the address of a proxy: http://, https:// or socks5://HOST:PORT`
	allowForm  = "NAME, NAME:PORT, NAME:*, *.NAME or a network such as 10.0.0.0/8"
)

// checkListen checks the address to listen on, which beyond loopback needs a token.
func checkListen(at site) *FieldError {
	host, port, err := net.SplitHostPort(at.text)
	if err != nil || !isPort(port) {
		return malformed(listenForm)
	}
	if host != "" && !isHost(host) {
		return malformed(listenForm)
	}
	if host != "localhost" && !isLoopbackIP(host) && at.s.Listen.Token == "" {
		return refused("others can reach this address, so listen.token must be set")
	}
	return nil
}

// checkAllowedHost checks a further Host name.
func checkAllowedHost(at site) *FieldError {
	if !isHost(hostOf(at.text)) {
		return malformed("a host name, with or without a port")
	}
	return nil
}

// checkOrigin checks a browser origin. "null" is every sandboxed page's and "*" everyone's.
func checkOrigin(at site) *FieldError {
	u, err := url.Parse(at.text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != at.text {
		return withoutLogin(at.text, malformed("an origin such as https://app.example.com"))
	}
	return nil
}

// checkName checks an upstream's name, which stands in /u/NAME/ and in routes.
func checkName(at site) *FieldError {
	const longest = 64 // characters
	for i, c := range []byte(at.text) {
		word := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		if !word && (i == 0 || c != '.' && c != '-' && c != '_') {
			return malformed(nameForm)
		}
	}
	if len(at.text) > longest {
		return malformed("a name of at most 64 characters")
	}
	for i := range at.upstream {
		if at.s.Upstreams[i].Name == at.text {
			return refused("upstreams[" + strconv.Itoa(i) + "] has that name already")
		}
	}
	return nil
}

// checkUpstreamURL checks where an upstream is. Requests must not come back to us, nor reach the
// metadata service of a cloud machine, which hands out its credentials.
func checkUpstreamURL(at site) *FieldError {
	u, err := url.Parse(at.text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) || !isPortOrNone(u):
		return withoutLogin(at.text, malformed(urlForm))
	case u.User != nil:
		return withoutLogin(at.text, refused("no user or password may stand in it; use credential"))
	case strings.ContainsAny(at.text, "?#"):
		return withoutLogin(at.text, refused("it may have a base path, but no query and no fragment"))
	}
	return checkTarget(at, u)
}

// checkTarget refuses an address that no request may go to.
func checkTarget(at site, u *url.URL) *FieldError {
	switch host := u.Hostname(); {
	case isOwn(at.s.Listen.Address, u):
		return withoutLogin(at.text, refused("Millpond itself listens there"))
	case isLinkLocal(host):
		return withoutLogin(at.text, refused("link-local and metadata addresses are never called"))
	}
	return nil
}

// checkEgress checks the proxy that an upstream is reached by.
func checkEgress(at site) *FieldError {
	if at.text == "" || at.text == "system" {
		return nil
	}
	u, err := url.Parse(at.text)
	if err != nil || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) ||
		!isHost(u.Hostname()) || !isPortOrNone(u) || u.Path != "" && u.Path != "/" || strings.ContainsAny(at.text, "?#") {
		return withoutLogin(at.text, malformed(egressForm))
	}
	if password, ok := u.User.Password(); ok && !IsReference(password) {
		return withoutLogin(at.text, refused("the password must be a secret reference, as in http://user:env:PROXY_PASSWORD@proxy:3128"))
	}
	return checkTarget(at, u)
}

// checkRoutePath checks the beginning of a path, which must be free of our own.
func checkRoutePath(at site) *FieldError {
	if at.text[0] != '/' || strings.ContainsAny(at.text, "?# ") {
		return malformed("a path that begins with / and has no query")
	}
	for _, ours := range []string{"/u/", "/__millpond__/", "/__qcc__/"} {
		if strings.HasPrefix(at.text+"/", ours) {
			return refused("paths under " + ours + " are Millpond's own")
		}
	}
	for i, r := range at.s.Routes {
		if at.path == "routes["+strconv.Itoa(i)+"].path" {
			break
		}
		if r.Path == at.text {
			return refused("routes[" + strconv.Itoa(i) + "] has that path already")
		}
	}
	return nil
}

// checkRouteUpstream checks that a route leads to an upstream that there is.
func checkRouteUpstream(at site) *FieldError {
	var names []string
	for _, u := range at.s.Upstreams {
		names = append(names, u.Name)
	}
	if slices.Contains(names, at.text) || slices.Contains(names, "") {
		return nil // one without a name may be the one that is meant, and is reported itself
	}
	const most = 10 // that fit in one line
	if len(names) > most {
		names = append(names[:most], "...")
	}
	if len(names) == 0 {
		return refused("there are no upstreams")
	}
	return &FieldError{Problem: NotOneOf, Want: strings.Join(names, ", ")}
}

// checkAllow checks a destination of the forward proxy.
func checkAllow(at site) *FieldError {
	if _, err := netip.ParsePrefix(at.text); err == nil {
		return nil
	}
	host, port := at.text, "*"
	if h, p, err := net.SplitHostPort(at.text); err == nil {
		host, port = h, p
	}
	host = strings.TrimPrefix(strings.Trim(host, "[]"), "*.")
	if !isHost(host) || port != "*" && (!isPort(port) || port == "0") {
		return malformed(allowForm)
	}
	return nil
}

// withoutLogin fills in the value of an address error without what may be secret in it, also where
// the address cannot be parsed: what stands before an @, and what follows a question mark.
func withoutLogin(text string, e *FieldError) *FieldError {
	start, rest := "", text
	if end := strings.Index(text, "://"); end >= 0 {
		start, rest = text[:end+len("://")], text[end+len("://"):]
	}
	at, query := strings.LastIndexByte(rest, '@'), strings.IndexByte(rest, '?')
	switch {
	case at >= 0 && query >= 0: // either may lie within the secret
		rest = hidden
	case at >= 0:
		rest = hidden + rest[at:]
	case query >= 0:
		rest = rest[:query] + "?" + hidden
	}
	e.Value = show(start + rest)
	return e
}

// hostOf returns the host of HOST or HOST:PORT; "" when the port is no number.
func hostOf(text string) string {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return strings.Trim(text, "[]")
	}
	if !isPort(port) {
		return ""
	}
	return host
}

// isPort reports whether the text is a port number; 0 is one.
func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// isPortOrNone reports whether the URL has a port that can be dialled, or leaves it to the scheme.
func isPortOrNone(u *url.URL) bool {
	port := u.Port()
	return port == "" && !strings.HasSuffix(u.Host, ":") || isPort(port) && strings.Trim(port, "0") != ""
}

// isHost reports whether the text is an IP address or a name as DNS has them. A name that ends in a
// number is neither: some resolvers take 127.1 or 0x7f000001 for an address (URL Standard, "ends in
// a number").
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	const longest = 253 // RFC 1035, section 2.3.4
	host = strings.TrimSuffix(host, ".")
	if host == "" || len(host) > longest {
		return false
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}) {
			return false
		}
	}
	_, err := strconv.ParseUint(labels[len(labels)-1], 0, 64)
	return err != nil && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// isLoopback reports whether the host is this machine by a loopback address or name.
func isLoopback(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	return isLoopbackIP(host)
}

// isLoopbackIP reports whether the host is a loopback address in figures.
func isLoopbackIP(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// isOwn reports whether the URL leads to the address that we listen on: the same port, and the same
// host or any spelling of this machine. The unspecified address is dialled as loopback.
func isOwn(listen string, u *url.URL) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" || !samePort(port, u) {
		return false
	}
	target := u.Hostname()
	if strings.EqualFold(host, target) || isLoopback(target) {
		return true
	}
	ip, err := netip.ParseAddr(target)
	return err == nil && ip.Unmap().IsUnspecified()
}

// samePort reports whether the URL leads to the port, which its scheme implies when it names none.
func samePort(port string, u *url.URL) bool {
	own, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
	text := u.Port()
	if text == "" {
		text = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	other, err := strconv.ParseUint(text, 10, 16)
	return err == nil && own == other
}

// isLinkLocal reports whether the host is a link-local address or the metadata service of a cloud,
// by the addresses and names that AWS, Google, Azure, Oracle and Alibaba document.
func isLinkLocal(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if slices.Contains([]string{"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}, name) {
		return true
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	return ip.IsLinkLocalUnicast() || ip.IsMulticast() ||
		slices.Contains([]string{"fd00:ec2::254", "100.100.100.200", "192.0.0.192"}, ip.String())
}

// checkUpdatesURL checks the address of a release index. It is signed, but who asks is nobody's business.
func checkUpdatesURL(at site) *FieldError {
	if at.text == "" {
		return nil
	}
	u, err := url.Parse(at.text)
	if err != nil || !isHost(u.Hostname()) || !isPortOrNone(u) || u.User != nil ||
		u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return withoutLogin(at.text, malformed("an https:// URL without user and password"))
	}
	return nil
}
