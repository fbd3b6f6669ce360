package pool

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/proxy"

	"millpond/proxy/hangup"
	"millpond/proxy/socket"
	"millpond/proxy/wire"
	"millpond/settings"
)

const (
	// keepAliveEvery holds NAT and load balancer entries open. Home routers forget
	// an idle mapping after 60 s and more; 15 s also finds a dead path early.
	keepAliveEvery = 15 * time.Second
	// unackedLimit is how long written bytes may stay unacknowledged before the
	// path counts as dead (TCP_USER_TIMEOUT), instead of a quarter of an hour.
	unackedLimit = 30 * time.Second
)

// A dialer makes connections: name, TCP, egress proxy, TLS, in this order.
type dialer struct {
	connect, handshake time.Duration             // limits of the two phases; 0 means none
	tls                *tls.Config               // base of every handshake; nil means the system's roots
	sessions           tls.ClientSessionCache    // resumes on re-dial; by server name
	allow              func(netip.Addr) error    // refuses addresses that no upstream may have; nil allows all
	own                func(netip.AddrPort) bool // reports whether an address is our own listener; nil means never
}

// A dialled connection is ready for a request.
type dialled struct {
	nc         net.Conn // TLS, or raw itself
	raw        *rawConn
	http2      bool
	viaProxy   *url.URL      // plain HTTP through an egress proxy: requests carry the absolute form
	roundTrip  time.Duration // of the TCP handshake
	tlsTime    time.Duration
	tlsResumed bool
	took       time.Duration // the whole dial, the egress proxy's part included
}

// dial connects to t. Its error is always a *Failure of phase PhaseDial: nothing
// of any request has left.
func (d *dialer) dial(ctx context.Context, t Target) (*dialled, error) {
	c, err := d.dialTCP(ctx, t)
	if err != nil {
		return nil, dialFailure(err)
	}
	if t.Scheme != "https" {
		c.http2 = t.Pool.Protocol == settings.ProtocolHTTP2
		return c, nil
	}
	if err := d.startTLS(ctx, c, t); err != nil {
		c.raw.Close()
		return nil, dialFailure(err)
	}
	return c, nil
}

// dialTCP gives a byte stream to the upstream, through the egress proxy if any.
func (d *dialer) dialTCP(ctx context.Context, t Target) (*dialled, error) {
	if d.connect > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.connect)
		defer cancel()
	}
	target := joinHostPort(t.Host, t.Port)
	if t.Egress == nil {
		raw, rtt, err := d.open(ctx, target)
		if err != nil {
			return nil, err
		}
		return &dialled{nc: raw, raw: raw, roundTrip: rtt}, nil
	}
	return d.dialEgress(ctx, t, target)
}

// open makes one TCP connection. Names are resolved anew each time, and the
// addresses raced (RFC 8305), by the standard library.
func (d *dialer) open(ctx context.Context, addr string) (*rawConn, time.Duration, error) {
	nd := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAliveEvery, Interval: keepAliveEvery, Count: 3},
		Control: func(_, address string, c syscall.RawConn) error {
			if err := d.permit(address); err != nil {
				return err
			}
			return limitUnacked(c, unackedLimit)
		},
	}
	start := time.Now()
	nc, err := nd.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, 0, err
	}
	raw, err := newRawConn(nc)
	if err != nil {
		nc.Close()
		return nil, 0, err
	}
	return raw, time.Since(start), nil
}

// permit checks the address that is really dialled, after the name was resolved.
func (d *dialer) permit(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial %q: %w", address, err)
	}
	ap = netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
	if d.own != nil && d.own(ap) {
		return &Failure{Code: CodeConnect, Err: errors.New("the upstream's address is this proxy's own"), Lasting: true}
	}
	if d.allow != nil {
		if err := d.allow(ap.Addr()); err != nil {
			return &Failure{Code: CodeConnect, Err: err, Lasting: true}
		}
	}
	return nil
}

// dialEgress connects through t.Egress: http and https proxies by CONNECT (a
// plain http upstream in the absolute form instead), socks5 by RFC 1928 with the
// name resolved at the proxy.
func (d *dialer) dialEgress(ctx context.Context, t Target, target string) (*dialled, error) {
	e := t.Egress
	raw, rtt, err := d.open(ctx, joinHostPort(e.Hostname(), portOr(e)))
	if err != nil {
		return nil, &Failure{Code: CodeEgressFailed, Err: fmt.Errorf("egress proxy %s: %w", e.Host, err)}
	}
	c := &dialled{nc: raw, raw: raw, roundTrip: rtt}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	err = d.throughEgress(ctx, c, t, target)
	if !stop() { // the socket was closed, which is what err says
		err = errors.New("it did not make the connection in time")
	}
	if err != nil {
		raw.Close()
		var f *Failure
		if errors.As(err, &f) {
			return nil, f
		}
		return nil, &Failure{Code: CodeEgressFailed, Err: fmt.Errorf("egress proxy %s: %w", e.Host, err)}
	}
	return c, nil
}

// throughEgress asks the egress proxy that c leads to for a way to target.
func (d *dialer) throughEgress(ctx context.Context, c *dialled, t Target, target string) error {
	e := t.Egress
	if e.Scheme == "socks5" || e.Scheme == "socks5h" {
		return throughSOCKS(ctx, c.raw, e, target)
	}
	if e.Scheme == "https" {
		tc := tls.Client(c.raw, d.tlsConfig(e.Hostname(), []string{"http/1.1"}))
		if err := tc.HandshakeContext(ctx); err != nil {
			f := tlsFailure(err)
			return &Failure{Code: CodeEgressFailed, Err: fmt.Errorf("egress proxy %s: %w", e.Host, f.Err), Lasting: f.Lasting}
		}
		c.nc = tc
	}
	if t.Scheme == "http" && t.Pool.Protocol != settings.ProtocolHTTP2 {
		c.viaProxy = e
		return nil
	}
	return connectThrough(c.nc, e, target)
}

// connectThrough sends CONNECT (RFC 9110, section 9.3.6) and reads its answer.
func connectThrough(nc net.Conn, e *url.URL, target string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{"User-Agent": {""}}}
	if a := proxyAuthorization(e); a != "" {
		req.Header.Set("Proxy-Authorization", a)
	}
	if err := req.Write(nc); err != nil {
		return err
	}
	// A tunnel's first bytes are ours (TLS or HTTP/2), so what follows the head
	// within the buffer would be a protocol error.
	br := bufio.NewReaderSize(io.LimitReader(nc, wire.MaxHead), 4096)
	resp, err := http.ReadResponse(br, req)
	if err != nil {
		return fmt.Errorf("CONNECT: %w", err)
	}
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired, resp.StatusCode == http.StatusUnauthorized:
		// tinyproxy says 401 to a wrong login, and 407 to none.
		return &Failure{Code: CodeEgressAuth, Err: fmt.Errorf("egress proxy %s: %d to CONNECT", e.Host, resp.StatusCode), Lasting: true}
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("CONNECT: status %d", resp.StatusCode)
	case br.Buffered() > 0:
		return errors.New("CONNECT: bytes before the tunnel was used")
	}
	return nil
}

// throughSOCKS speaks SOCKS5 over raw, by golang.org/x/net/proxy.
func throughSOCKS(ctx context.Context, raw *rawConn, e *url.URL, target string) error {
	var auth *proxy.Auth
	if e.User != nil {
		pass, _ := e.User.Password()
		auth = &proxy.Auth{User: e.User.Username(), Password: pass}
	}
	over, err := proxy.SOCKS5("tcp", e.Host, auth, givenConn{raw})
	if err != nil {
		return err
	}
	if _, err = over.(proxy.ContextDialer).DialContext(ctx, "tcp", target); err != nil {
		// The library's errors have no types. Those about credentials all name
		// "authentication" or "username" (golang.org/x/net/internal/socks).
		if text := err.Error(); strings.Contains(text, "authentication") || strings.Contains(text, "username") {
			return &Failure{Code: CodeEgressAuth, Err: fmt.Errorf("egress proxy %s: credentials refused", e.Host), Lasting: true}
		}
		return err
	}
	return nil
}

// givenConn is a dialer that gives a connection that is open already.
type givenConn struct{ c net.Conn }

func (g givenConn) Dial(string, string) (net.Conn, error) { return g.c, nil }
func (g givenConn) DialContext(context.Context, string, string) (net.Conn, error) {
	return g.c, nil
}

// startTLS shakes hands over c and settles the protocol by ALPN (RFC 7301).
func (d *dialer) startTLS(ctx context.Context, c *dialled, t Target) error {
	if d.handshake > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.handshake)
		defer cancel()
	}
	offer := map[settings.Protocol][]string{
		settings.ProtocolAuto:  {"h2", "http/1.1"},
		settings.ProtocolHTTP1: {"http/1.1"},
		settings.ProtocolHTTP2: {"h2"},
	}[t.Pool.Protocol]
	tc := tls.Client(c.nc, d.tlsConfig(t.Host, offer))
	start := time.Now()
	if err := tc.HandshakeContext(ctx); err != nil {
		if t.Pool.Protocol == settings.ProtocolHTTP2 && alerted(err) == alertNoProtocol {
			return errNoHTTP2()
		}
		return tlsFailure(err)
	}
	state := tc.ConnectionState()
	c.nc, c.tlsTime, c.tlsResumed = tc, time.Since(start), state.DidResume
	c.http2 = state.NegotiatedProtocol == "h2"
	if t.Pool.Protocol == settings.ProtocolHTTP2 && !c.http2 {
		return errNoHTTP2()
	}
	return nil
}

func errNoHTTP2() *Failure {
	return &Failure{Code: CodeProtocol, Err: errors.New("the upstream does not offer HTTP/2, which protocol = \"http2\" demands"), Lasting: true}
}

func (d *dialer) tlsConfig(name string, protocols []string) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.tls != nil {
		cfg = d.tls.Clone()
	}
	cfg.ServerName, cfg.NextProtos, cfg.ClientSessionCache = name, protocols, d.sessions
	return cfg
}

// proxyAuthorization is the Basic credential of e (RFC 7617), or "".
func proxyAuthorization(e *url.URL) string {
	if e.User == nil {
		return ""
	}
	pass, _ := e.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(e.User.Username()+":"+pass))
}

func portOr(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
}

func joinHostPort(host, port string) string { return net.JoinHostPort(host, port) }

// A rawConn is the TCP connection beneath everything, and knows whether bytes
// left it: replay class A rests on "none did".
type rawConn struct {
	net.Conn
	sock    *socket.Conn // Conn, if it is one
	sys     syscall.RawConn
	written atomic.Int64 // bytes that the kernel took
	noWait  atomic.Bool  // Read gives errNoBytes rather than wait; see quiet
}

func newRawConn(nc net.Conn) (*rawConn, error) {
	s, err := socket.New(nc)
	if err != nil {
		return nil, err
	}
	return &rawConn{Conn: s, sock: s, sys: s.Sys()}, nil
}

func (c *rawConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

func (c *rawConn) Read(p []byte) (int, error) {
	if c.noWait.Load() && hangup.Peek(c.sys) == hangup.Nothing {
		return 0, errNoBytes{}
	}
	return c.Conn.Read(p)
}

// errNoBytes says that a read would have waited. It is temporary, so that
// crypto/tls does not take it for the end of the connection.
type errNoBytes struct{}

func (errNoBytes) Error() string   { return "nothing to read yet" }
func (errNoBytes) Timeout() bool   { return true }
func (errNoBytes) Temporary() bool { return true }

// quiet reports whether an idle connection is still open and has nothing to say.
// An HTTP/1 server has nothing to say between answers; what comes then is a FIN,
// a reset, or bytes that belong to no request (fault rows 1, 2, 5, 17, 18). Under
// TLS the records on the socket may be session tickets, which are read off; and
// others may have been read from the socket along with the last answer (row 19).
func (c *dialled) quiet() bool {
	tc, ok := c.nc.(*tls.Conn)
	if !ok {
		return hangup.Peek(c.raw.sys) == hangup.Nothing
	}
	c.raw.noWait.Store(true)
	defer c.raw.noWait.Store(false)
	var one [1]byte
	n, err := tc.Read(one[:])
	return n == 0 && errors.Is(err, error(errNoBytes{}))
}
