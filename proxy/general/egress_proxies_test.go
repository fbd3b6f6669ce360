package general

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"millpond/proxy/exchange"
	"millpond/proxy/porttest"
	"millpond/proxy/upstream"
	"millpond/settings"
)

// leaveOut names what may be set to leave out the tests that need programs which
// are not installed.
const leaveOut = "MILLPOND_TEST_WITHOUT_EGRESS"

// A program is an egress proxy of Debian's that runs on loopback for one test.
type program struct {
	url  *url.URL
	kill func()
}

// tinyproxy starts an HTTP proxy. login is USER:PASSWORD, or empty.
func tinyproxy(t *testing.T, login string) *program {
	t.Helper()
	port := freePort(t)
	config := fmt.Sprintf("Port %s\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\nLogLevel Connect\nAllow 127.0.0.1\n", port)
	if user, password, ok := strings.Cut(login, ":"); ok {
		config += fmt.Sprintf("BasicAuth %s %s\n", user, password)
	}
	file := filepath.Join(t.TempDir(), "tinyproxy.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, address("http", login, port), "tinyproxy", "-d", "-c", file)
}

// microsocks starts a SOCKS5 proxy.
func microsocks(t *testing.T, login string) *program {
	t.Helper()
	port := freePort(t)
	args := []string{"-i", "127.0.0.1", "-p", port}
	if user, password, ok := strings.Cut(login, ":"); ok {
		args = append(args, "-u", user, "-P", password)
	}
	return start(t, address("socks5", login, port), "microsocks", args...)
}

func address(scheme, login, port string) *url.URL {
	u := &url.URL{Scheme: scheme, Host: net.JoinHostPort("127.0.0.1", port)}
	if user, password, ok := strings.Cut(login, ":"); ok {
		u.User = url.UserPassword(user, password)
	}
	return u
}

// freePort returns a port that nobody listens on, but who was told of it.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, _ := net.SplitHostPort(porttest.Hold(t))
	return port
}

// start runs a program that has the name of its Debian package, and waits until it
// listens.
func start(t *testing.T, u *url.URL, name string, args ...string) *program {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case runtime.GOOS != "linux", os.Getenv(leaveOut) != "":
		t.Skipf("%s is not installed", name)
	default:
		t.Fatalf("this test runs %s: install the Debian package %s, or set %s=1 to leave the test out", name, name, leaveOut)
	}
	p := &program{url: u}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(p.kill)
	becomes(t, name+" listens", func() bool {
		nc, err := net.Dial("tcp", u.Host)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	return p
}

// with returns u with another login.
func with(u *url.URL, login string) string {
	other := *u
	other.User = nil
	if user, password, ok := strings.Cut(login, ":"); ok {
		other.User = url.UserPassword(user, password)
	}
	return other.String()
}

// A gateway is an egress proxy of our own, for what those of Debian do not do: keep
// a connection over several plain requests, listen with TLS, resolve names that do
// not exist, and tell which connections are whose.
type gateway struct {
	url   string
	login string
	hosts map[string]string // HOST:PORT that it knows by another address

	mu      sync.Mutex      // guards what follows, and login
	made    map[string]bool // addresses of our ends of connections to upstreams
	asked   []string        // the request line of each, behind the login that came with it
	clients map[string]bool // addresses that requests came from
}

// newGateway starts one. secure has it listen with TLS.
func newGateway(t *testing.T, secure bool, login string) *gateway {
	t.Helper()
	g := &gateway{login: login, hosts: map[string]string{}, made: map[string]bool{}, clients: map[string]bool{}}
	s := httptest.NewUnstartedServer(g)
	scheme := "http"
	if secure {
		scheme = "https"
		server, _ := identity()
		s.Listener = tls.NewListener(s.Listener, server)
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	g.url = address(scheme, login, port).String()
	return g
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	login := ""
	if text, ok := strings.CutPrefix(r.Header.Get("Proxy-Authorization"), "Basic "); ok {
		plain, _ := base64.StdEncoding.DecodeString(text)
		login = string(plain)
	}
	g.mu.Lock()
	g.asked = append(g.asked, strings.TrimSpace(login+" "+r.Method+" "+r.RequestURI))
	g.clients[r.RemoteAddr] = true
	known := login == g.login
	g.mu.Unlock()
	if !known {
		w.Header().Set("Proxy-Authenticate", `Basic realm="gateway"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method == http.MethodConnect {
		g.tunnel(w, r)
		return
	}
	g.pass(w, r)
}

// dial connects to where the request goes and remembers from which address.
func (g *gateway) dial(hostport string) (net.Conn, error) {
	nc, err := net.Dial("tcp", cmp.Or(g.hosts[hostport], hostport))
	if err == nil {
		g.mu.Lock()
		g.made[nc.LocalAddr().String()] = true
		g.mu.Unlock()
	}
	return nc, err
}

// isFrom reports whether the connection from an address is the gateway's.
func (g *gateway) isFrom(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.made[address]
}

func (g *gateway) log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.asked...)
}

func (g *gateway) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.clients)
}

func (g *gateway) tunnel(w http.ResponseWriter, r *http.Request) {
	up, err := g.dial(r.RequestURI)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer up.Close()
	down, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer down.Close()
	io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(up, down)
		up.Close()
	})
	io.Copy(down, up)
	down.Close()
	wg.Wait()
}

func (g *gateway) pass(w http.ResponseWriter, r *http.Request) {
	host := r.URL.Host
	if r.URL.Port() == "" {
		host += ":80"
	}
	up, err := g.dial(host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer up.Close()
	r.Header.Del("Proxy-Authorization")
	if r.Write(up) != nil {
		return
	}
	resp, err := http.ReadResponse(bufio.NewReader(up), r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

// egress has all upstreams reached by a proxy.
func egress(address string) func(*settings.Settings) {
	return func(s *settings.Settings) {
		for i := range s.Upstreams {
			s.Upstreams[i].Egress = address
		}
	}
}

// apply puts other settings in force, as a change of the file would.
func (r *rig) apply(edit func(*settings.Settings)) {
	r.t.Helper()
	st := *r.x.State()
	s := st.Settings.Clone()
	edit(s)
	ups, err := upstream.Compile(s, st.Upstreams)
	if err != nil {
		r.t.Fatal(err)
	}
	next := exchange.State{Settings: s, Gate: st.Gate, Routes: st.Routes, Upstreams: ups}
	r.x.Commit(&next)
}
